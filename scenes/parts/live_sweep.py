"""A map that fills up while all that makes its numbers moves along."""

from collections.abc import Callable

import numpy as np
from manim import Animation, Group, Mobject, linear

from scenes.parts.picture import Picture


class LiveSweep(Animation):
    """Reveal `picture` value by value in reading order; `follow(row, column)` changes `companions`, which lie on top.

    Values of the picture that are seen already stay.
    """

    def __init__(
        self, picture: Picture, companions: list[Mobject], follow: Callable[[int, int], object], run_time: float
    ) -> None:
        self.picture, self.follow = picture, follow
        super().__init__(Group(picture, *companions), run_time=run_time, rate_func=linear)

    def interpolate_mobject(self, alpha: float) -> None:
        rows, columns = self.picture.grid
        done = min(rows * columns, int(alpha * rows * columns))
        shown = np.arange(rows * columns).reshape(rows, columns) < done
        self.picture.pixel_array[..., 3] = np.where(shown, 255, self.picture.pixel_array[..., 3])
        self.follow(*divmod(min(done, rows * columns - 1), columns))
