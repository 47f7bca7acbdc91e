"""Animations of our own: a window that sweeps over an image while a map fills up."""

from collections.abc import Callable

import numpy as np
from manim import Animation, Arrow, Group, Mobject, Rectangle, linear

from scenes import look
from scenes.parts.picture import Picture


def window(picture: Picture, kernel: tuple[int, int], color: object = look.ACCENT) -> Rectangle:
    """A frame as large as a `kernel` of values of `picture`."""
    height, width = picture.cell
    return Rectangle(
        height=kernel[0] * height, width=kernel[1] * width, stroke_width=2 * look.STROKE, color=color
    )


class Sweep(Animation):
    """Reveal `picture` value by value in reading order; `follow(row, column)` moves what goes along."""

    def __init__(self, picture: Picture, follow: Callable[[int, int], Mobject], run_time: float) -> None:
        self.picture, self.follow = picture, follow
        super().__init__(Group(picture), run_time=run_time, rate_func=linear)

    def interpolate_mobject(self, alpha: float) -> None:
        rows, columns = self.picture.grid
        done = min(rows * columns, int(alpha * rows * columns))
        shown = np.arange(rows * columns).reshape(rows, columns) < done
        self.picture.pixel_array[..., 3] = np.where(shown, 255, 0)
        self.follow(*divmod(min(done, rows * columns - 1), columns))


def arrow(start: np.ndarray, end: np.ndarray) -> Arrow:
    """A quiet arrow from one thing to the next."""
    return Arrow(
        start, end, buff=0.12, stroke_width=4, color=look.MUTED, tip_length=0.18, max_tip_length_to_length_ratio=0.5
    )
