"""A chart of numbers over numbers: axes that can be read, keys, and lines that grow."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from manim import (
    DOWN,
    LEFT,
    RIGHT,
    Animation,
    AnimationGroup,
    Create,
    DashedLine,
    Dot,
    FadeIn,
    LaggedStart,
    Line,
    ManimColor,
    VGroup,
    VMobject,
    linear,
)
from numpy.typing import NDArray

from scenes import look
from scenes.parts.text import label

_MOST_DOTS = 30  # more points than this are a line alone
_FINEST = 0.001  # step of an axis of shares: a tenth of a percent
_SAMPLE = 0.32  # the length of line in a key


@dataclass(frozen=True)
class Axis:
    """Values `low`..`high`, the `ticks` among them, and how a value is written."""

    name: str
    low: float
    high: float
    ticks: tuple[float, ...]
    words: Callable[[float], str]

    @classmethod
    def covering(cls, name: str, low: float, high: float, most: int = 5, share: bool = False) -> "Axis":
        """About `most` steps of 1, 2 or 5 times a power of ten that cover `low`..`high`; a `share` is in percent.

        Where both are the same, one step.
        """
        step = max(_step(high - low or 1.0, most), _FINEST if share else 0)
        first = math.floor(low / step + 1e-9)
        last = max(first + 1, math.ceil(high / step - 1e-9))
        ticks = tuple(round(number * step, 10) for number in range(first, last + 1))
        factor, unit = (100, "%") if share else (1, "")
        decimals = max(0, -math.floor(math.log10(step * factor) + 1e-9))
        return cls(
            name, ticks[0], ticks[-1], ticks, lambda value: f"{factor * value:,.{decimals}f}{unit}".replace("-", "−")
        )

    @classmethod
    def counting(cls, name: str, first: int, last: int, most: int = 5) -> "Axis":
        """Whole numbers from `first` to `last`, with about `most` ticks among them."""
        step = max(1, round(_step(last - first or 1, most)))
        ticks = tuple(float(number) for number in range(first, last + 1) if number % step == 0)
        return cls(name, first, max(last, first + 1), ticks or (float(first),), lambda value: f"{value:,.0f}")


def _step(reach: float, most: int) -> float:
    rough = reach / most
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * one for one in (1, 2, 5, 10) if power * one >= rough * (1 - 1e-9))


@dataclass(frozen=True)
class Key:
    """What a colour of a chart means; `dashed` for a level of reference."""

    text: str
    color: ManimColor
    dashed: bool = False


class Curve(VGroup):
    """A line through points (N, 3), with a dot at each where they are few."""

    def __init__(self, points: NDArray[np.float64], color: ManimColor, width: float) -> None:
        self.line = VMobject(stroke_color=color, stroke_width=width).set_points_as_corners(points)
        shown = points if len(points) <= _MOST_DOTS else points[-1:]
        self.dots = VGroup(Dot(point, radius=0.055, color=color) for point in shown)
        super().__init__(self.line, self.dots)

    def grow(self, run_time: float) -> Animation:
        """The line runs from its first point to its last, and the dots appear on its way."""
        dots = LaggedStart(*(FadeIn(dot) for dot in self.dots), lag_ratio=0.8, run_time=run_time)
        return AnimationGroup(Create(self.line, rate_func=linear, run_time=run_time), dots)


class Chart(VGroup):
    """Axes that fill `region`: title and keys above, numbers beside and below, `x.name` under the numbers.

    `keys` are laid in rows and may be shown one by one; they are no members of the group, and neither are curves.
    """

    def __init__(self, region: look.Region, x: Axis, y: Axis, title: str, keys: Sequence[Key] = ()) -> None:
        self.x, self.y = x, y
        self.title = label(title, look.LABEL, look.TEXT, width=region.width)
        numbers = VGroup(label(y.words(tick), look.SMALL, look.MUTED) for tick in y.ticks)
        steps = VGroup(label(x.words(tick), look.SMALL, look.MUTED) for tick in x.ticks)
        name = label(x.name, look.SMALL, look.MUTED)
        self.title.move_to([region.left + self.title.width / 2, region.top - self.title.height / 2, 0])
        self.keys = _in_rows([_key(key, region.width) for key in keys], region.width)
        self.keys.next_to(self.title, DOWN, buff=look.NEAR, aligned_edge=LEFT)
        low = region.bottom + name.height + steps.height + 2 * look.NEAR
        top = (self.keys if keys else self.title).get_bottom()[1] - look.NEAR - numbers[0].height / 2
        left = region.left + max(number.width for number in numbers) + 1.5 * look.NEAR
        right = region.right - max(0.1, steps[-1].width / 2)
        self.plot = look.Region(left, right, low, top)
        rules = VGroup()
        for tick, number in zip(y.ticks, numbers, strict=True):
            start = self.at(x.low, tick)
            rules.add(Line(start, self.at(x.high, tick), stroke_width=1, color=look.LINE, stroke_opacity=0.45))
            number.next_to(start, LEFT, buff=look.NEAR)
        for tick, step in zip(x.ticks, steps, strict=True):
            step.next_to(self.at(tick, y.low), DOWN, buff=look.NEAR)
        corner = self.at(x.low, y.low)
        lines = VGroup(
            Line(corner, self.at(x.high, y.low), stroke_width=look.STROKE, color=look.LINE),
            Line(corner, self.at(x.low, y.high), stroke_width=look.STROKE, color=look.LINE),
        )
        name.next_to(steps, DOWN, buff=look.LEADING).set_x((left + right) / 2)
        super().__init__(rules, lines, numbers, steps, name, self.title)

    def at(self, x: float, y: float) -> NDArray[np.float64]:
        """Where value (x, y) lies in the frame."""
        across = (x - self.x.low) / max(self.x.high - self.x.low, 1e-9)
        up = (y - self.y.low) / (self.y.high - self.y.low)
        return np.array([self.plot.left + across * self.plot.width, self.plot.bottom + up * self.plot.height, 0.0])

    def curve(self, xs: Sequence[float], ys: Sequence[float], color: ManimColor, width: float = 0) -> Curve:
        """The line through (x, y) for all of them, `width` thick."""
        points = np.array([self.at(x, y) for x, y in zip(xs, ys, strict=True)])
        return Curve(points, color, width or 2 * look.STROKE)

    def level(self, y: float, color: ManimColor) -> DashedLine:
        """A dashed line of reference at height `y`."""
        start, end = self.at(self.x.low, y), self.at(self.x.high, y)
        return DashedLine(start, end, stroke_width=look.STROKE, color=color, dash_length=0.12)


def _key(key: Key, width: float) -> VGroup:
    kind = DashedLine if key.dashed else Line
    sample = kind(LEFT * _SAMPLE / 2, RIGHT * _SAMPLE / 2, stroke_width=2 * look.STROKE, color=key.color)
    return VGroup(sample, label(key.text, look.SMALL, look.TEXT, width=width - _SAMPLE - look.NEAR)).arrange(
        RIGHT, buff=look.NEAR
    )


def _in_rows(keys: Sequence[VGroup], width: float) -> VGroup:
    """The keys from the left, as many a row as there is room for."""
    x = y = 0.0
    for key in keys:
        if x and x + key.width > width:
            x, y = 0.0, y - key.height - look.LEADING
        key.move_to([x + key.width / 2, y, 0])
        x += key.width + 1.4 * look.GAP
    return VGroup(*keys)
