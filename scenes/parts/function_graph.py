"""The graph of a function over the numbers of a map, and its numbers as beads on it."""

from collections.abc import Iterable

import numpy as np
from manim import DOWN, LEFT, UP, DashedLine, Dot, Line, VGroup, VMobject
from numpy.typing import NDArray

from fmcore.analysis.nonlinearity import Curve
from scenes import look
from scenes.parts.text import Label, label, number

_BEAD = 0.055


class FunctionGraph(VGroup):
    """`curve` in a field of `size` by `size`, with its axes through zero and the ends of their range as numbers.

    Both axes have one range, so that slopes are seen as they are. A dashed line shows where a number would stay the
    same.
    """

    def __init__(self, curve: Curve, size: float, *, across: str, up: str) -> None:
        self.curve = curve
        self.x = self.y = _range(np.concatenate([curve.x, curve.y]))
        corner, self._size = np.array([-size / 2, -size / 2, 0.0]), (size, size)
        self.field = VMobject(stroke_opacity=0).set_points_as_corners([corner, -corner])  # goes where the graph goes
        self.axes = VGroup(
            Line(self.place(self.x[0], 0), self.place(self.x[1], 0), stroke_width=look.STROKE, color=look.MUTED),
            Line(self.place(0, self.y[0]), self.place(0, self.y[1]), stroke_width=look.STROKE, color=look.MUTED),
        )
        ends = [self.place(value, value) for value in self.x]
        self.unchanged = DashedLine(*ends, stroke_width=look.STROKE, color=look.MUTED)
        points = [self.place(x, y) for x, y in zip(curve.x, curve.y, strict=True)]
        self.line = VMobject(stroke_color=look.TEXT, stroke_width=2 * look.STROKE).set_points_as_corners(points)
        self.words = VGroup(*self._ticks(), label(across, look.SMALL), label(up, look.SMALL))
        self.words[-2].next_to(VGroup(self.field, *self.words[:-2]), DOWN, buff=look.NEAR)
        self.words[-1].next_to(self.place(0, self.y[1]), UP, buff=2 * look.NEAR)
        super().__init__(self.field, self.axes, self.unchanged, self.line, self.words)

    def place(self, x: float, y: float) -> NDArray[np.float64]:
        """Where the point (x, y) stands."""
        shares = [(value - low) / (high - low) for value, (low, high) in zip((x, y), (self.x, self.y), strict=True)]
        start = self.field.get_corner(DOWN + LEFT)
        return np.asarray(start + np.array([shares[0] * self._size[0], shares[1] * self._size[1], 0.0]))

    def on_curve(self, x: float) -> NDArray[np.float64]:
        return self.place(x, self.curve.at(x))

    def beads(self, values: Iterable[float]) -> tuple[VGroup, VGroup, VGroup]:
        """Numbers as beads three times: where they lie before the function, on its curve, and after it."""
        kept = list(values)
        results = [self.curve.at(x) for x in kept]
        return tuple(  # type: ignore[return-value]
            VGroup(
                Dot(self.place(*at), _BEAD, color=look.ACCENT if x > 0 else look.SECOND)
                for x, at in zip(kept, ends, strict=True)
            )
            for ends in (
                [(x, 0.0) for x in kept],
                list(zip(kept, results, strict=True)),
                [(0.0, y) for y in results],
            )
        )

    def _ticks(self) -> list[Label]:
        """The ends of the range and zero as numbers, where they do not meet: below the field; its top at the axis."""
        ends = [(x, self.place(x, self.y[0]), DOWN) for x in self.x]
        ends.append((self.y[1], self.place(0, self.y[1]), LEFT))
        found: list[Label] = []
        for value, point, direction in [*ends, (0.0, self.place(0, self.y[0]), DOWN)]:
            tick = label(number(value), look.SMALL, look.MUTED).next_to(point, direction, buff=look.NEAR)
            if not any(_meet(tick, other) for other in found):
                found.append(tick)
        return found


def _meet(one: Label, other: Label) -> bool:
    apart = abs(one.get_center() - other.get_center())
    across, up = (one.width + other.width) / 2, (one.height + other.height) / 2
    return bool(apart[0] < across + look.NEAR and apart[1] < up)


def _range(values: NDArray[np.floating]) -> tuple[float, float]:
    """From the smallest to the largest of `values`, with zero inside and never empty."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    return (low, high) if high > low else (low, low + 1)
