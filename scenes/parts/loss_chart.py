"""What an answer loses without single channels: a bar for each, the brightest channel first."""

from collections.abc import Mapping, Sequence

import numpy as np
from manim import DOWN, UP, Animation, GrowFromEdge, LaggedStart, Line, Rectangle, VGroup

from fmcore.analysis.attribution import SEEN
from scenes import look
from scenes.parts.chart import Axis, Chart, Key
from scenes.parts.text import number

_SPACE = 0.3  # of a bar's width, between two
_AIR = 0.05  # of the range of the bars, beyond them
_THIN = 0.02  # units: the height of a bar that stands for next to nothing
_SMALL = 0.1  # of the largest change: a bar for less can hardly be seen beside that one
_MANY = 0.75  # of the bars: where more are small, they are worth a chart of their own
_SLANT = 0.12  # units: by how much the line falls that cuts a bar


def largest_of_the_small(changes: Sequence[float]) -> float | None:
    """The largest magnitude among the many `changes` of a probability that the largest one dwarfs.

    None where there are not many, or where nobody would see them with one decimal of a percentage point either.
    """
    sizes = np.abs(np.asarray(changes, np.float64))
    small = sizes < _SMALL * sizes.max()
    if small.mean() <= _MANY or sizes[small].max() < SEEN:
        return None
    return float(sizes[small].max())


class LossChart(VGroup):
    """Bars for the `changes` (N,) of a probability (0..1), in percentage points, filling `region`.

    Falls hang down from zero, rises stand up. `marked` are bars by number, from 0, with what is said of each in a key.
    The bars come with `grow`; `axes` are the rest. Where `reach` (0..1) is given, the chart covers changes up to it:
    larger bars run out of it, are cut by a line, one of `cuts`, and their keys say by how much.
    """

    def __init__(
        self, changes: Sequence[float], marked: Mapping[int, str], region: look.Region, reach: float | None = None
    ) -> None:
        points = 100 * np.asarray(changes, np.float64)
        count = Axis.counting("channels, the brightest first", 1, len(points))
        x = Axis(count.name, 0.5, len(points) + 0.5, count.ticks, count.words)
        shown = points if reach is None else np.clip(points, -100 * reach, 100 * reach)
        low, high = min(0.0, float(shown.min())), max(0.0, float(shown.max()))
        air = _AIR * (high - low or 1.0)
        steps = Axis.covering("", low, high)
        ticks = tuple(tick for tick in steps.ticks if low - air <= tick <= high + air)
        y = Axis("", low - air, high + air, ticks, steps.words)
        colours = dict(zip(marked, (look.ACCENT, look.TEXT), strict=False))
        cut = shown != points  # (N,)
        keys = [
            Key(f"{said.partition(',')[0]}: {number(points[place], 1)}" if cut[place] else said, colours[place])
            for place, said in marked.items()
        ]
        self.axes = Chart(region, x, y, "Change without each, in points", keys)
        width = (self.axes.at(2, 0) - self.axes.at(1, 0))[0] / (1 + _SPACE)
        self.bars, self.cuts, self.changes = VGroup(), VGroup(), points
        for place, change in enumerate(np.where(cut, np.where(points < 0, y.low, y.high), points)):
            foot, end = self.axes.at(place + 1, 0), self.axes.at(place + 1, change)
            bar = Rectangle(width=width, height=max(abs(end[1] - foot[1]), _THIN), stroke_width=0)
            bar.set_fill(colours.get(place, look.SECOND), opacity=1).move_to((foot + end) / 2)
            self.bars.add(bar)
            if cut[place]:
                middle = end + (foot - end) * 0.1
                aside = np.array([0.7 * width, _SLANT / 2, 0.0])
                self.cuts.add(Line(middle - aside, middle + aside, stroke_width=8, color=look.BACKGROUND))
        super().__init__(self.axes, self.bars)

    def grow(self) -> Animation:
        """The bars grow from zero, one after the other."""
        bars = zip(self.bars, self.changes, strict=True)
        return LaggedStart(*(GrowFromEdge(bar, UP if change < 0 else DOWN) for bar, change in bars), lag_ratio=0.3)
