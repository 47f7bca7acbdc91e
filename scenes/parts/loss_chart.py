"""What an answer loses without single channels: a bar for each, the brightest channel first."""

from collections.abc import Mapping, Sequence

import numpy as np
from manim import DOWN, UP, Animation, GrowFromEdge, LaggedStart, Rectangle, VGroup

from scenes import look
from scenes.parts.chart import Axis, Chart, Key

_SPACE = 0.3  # of a bar's width, between two
_AIR = 0.05  # of the range of the bars, beyond them
_THIN = 0.02  # units: the height of a bar that stands for next to nothing


class LossChart(VGroup):
    """Bars for the `changes` (N,) of a probability (0..1), in percentage points, filling `region`.

    Falls hang down from zero, rises stand up. `marked` are bars by number, from 0, with what is said of each in a key.
    The bars come with `grow`; `axes` are the rest.
    """

    def __init__(self, changes: Sequence[float], marked: Mapping[int, str], region: look.Region) -> None:
        points = 100 * np.asarray(changes, np.float64)
        count = Axis.counting("channels, the brightest first", 1, len(points))
        x = Axis(count.name, 0.5, len(points) + 0.5, count.ticks, count.words)
        low, high = min(0.0, float(points.min())), max(0.0, float(points.max()))
        air = _AIR * (high - low or 1.0)
        steps = Axis.covering("", low, high)
        ticks = tuple(tick for tick in steps.ticks if low - air <= tick <= high + air)
        y = Axis("", low - air, high + air, ticks, steps.words)
        colours = dict(zip(marked, (look.ACCENT, look.TEXT), strict=False))
        keys = [Key(said, colours[place]) for place, said in marked.items()]
        self.axes = Chart(region, x, y, "Change without each, in points", keys)
        width = (self.axes.at(2, 0) - self.axes.at(1, 0))[0] / (1 + _SPACE)
        self.bars, self.changes = VGroup(), points
        for place, change in enumerate(points):
            foot, end = self.axes.at(place + 1, 0), self.axes.at(place + 1, change)
            bar = Rectangle(width=width, height=max(abs(end[1] - foot[1]), _THIN), stroke_width=0)
            bar.set_fill(colours.get(place, look.SECOND), opacity=1).move_to((foot + end) / 2)
            self.bars.add(bar)
        super().__init__(self.axes, self.bars)

    def grow(self) -> Animation:
        """The bars grow from zero, one after the other."""
        bars = zip(self.bars, self.changes, strict=True)
        return LaggedStart(*(GrowFromEdge(bar, UP if change < 0 else DOWN) for bar, change in bars), lag_ratio=0.3)
