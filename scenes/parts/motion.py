"""Animations of our own: a map that fills up while something moves along."""

from collections.abc import Callable

import numpy as np
from manim import Animation, Group, Mobject, linear

from scenes.parts.picture import Picture


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
