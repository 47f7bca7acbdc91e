"""How strongly one channel answers to each class: a bar a class, the highest marked."""

import numpy as np
from manim import DOWN, RIGHT, Line, Rectangle, VGroup
from numpy.typing import NDArray

from scenes import look

_GAP = 0.25  # of a bar's width, between two


class ClassBars(VGroup):
    """Bars for `means` (K,), none of them below zero, as shares of the largest, in a square of `side`."""

    def __init__(self, means: NDArray[np.floating], side: float) -> None:
        width = side / (len(means) + _GAP * (len(means) - 1))
        largest = max(float(means.max()), 1e-12)
        bars = VGroup(
            Rectangle(width=width, height=max(0.9 * side * float(mean) / largest, 0.01), stroke_width=0).set_fill(
                look.ACCENT if number == means.argmax() else look.SECOND, opacity=1
            )
            for number, mean in enumerate(means)
        )
        bars.arrange(RIGHT, buff=_GAP * width, aligned_edge=DOWN)
        foot = Line(bars.get_corner(DOWN + RIGHT), bars.get_corner(DOWN + RIGHT) + side * np.array([-1.0, 0.0, 0.0]))
        super().__init__(bars, foot.set_stroke(look.LINE, look.STROKE))
