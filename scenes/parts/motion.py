"""Animations of our own: a map that fills up while something moves along, and a frame that points at a thing."""

from collections.abc import Callable

import numpy as np
from manim import (
    DL,
    DR,
    Animation,
    FadeIn,
    Group,
    Line,
    Mobject,
    Rectangle,
    VMobject,
    linear,
    smooth,
    squish_rate_func,
    there_and_back_with_pause,
)

from scenes import look
from scenes.parts.picture import Picture
from scenes.parts.text import Label

_SLOWLY = 0.35  # of the time, for values that can be followed by eye
_FEW = 0.2  # of all values: so many are no few


def leaving(alpha: float) -> float:
    """The pace of what goes while something else comes in its place: two texts in one place are a blur."""
    return float(squish_rate_func(smooth, 0, 0.45)(alpha))


def coming(alpha: float) -> float:
    """The pace of what comes once that has gone."""
    return float(squish_rate_func(smooth, 0.55, 1)(alpha))


class Sweep(Animation):
    """Reveal `picture` value by value in reading order; `follow(row, column)` changes `companions`, which lie on top.

    Values of the picture that are seen already stay. Where they are many, the first `slowly` of them
    take a third of the time.
    """

    def __init__(
        self,
        picture: Picture,
        companions: list[Mobject],
        follow: Callable[[int, int], object],
        run_time: float,
        slowly: int = 0,
    ) -> None:
        self.picture, self.follow = picture, follow
        values = picture.grid[0] * picture.grid[1]
        first = slowly if 0 < slowly < _FEW * values else _SLOWLY * values
        self._done = [0.0, _SLOWLY, 1.0], [0.0, first, values]
        super().__init__(Group(picture, *companions), run_time=run_time, rate_func=linear)

    def interpolate_mobject(self, alpha: float) -> None:
        rows, columns = self.picture.grid
        done = int(np.interp(alpha, *self._done))
        shown = np.arange(rows * columns).reshape(rows, columns) < done
        self.picture.pixel_array[..., 3] = np.where(shown, 255, self.picture.pixel_array[..., 3])
        self.follow(*divmod(min(done, rows * columns - 1), columns))


def flash(mobject: VMobject | Picture) -> Animation:
    """Draw the eye to something that stands already: a frame around it comes and goes, or a line below it for text.

    It has the colour of text, which no value has, and is whole all the time: a part of it would look like a value.
    """
    if isinstance(mobject, Label):  # around its letters it would be a blot
        below = np.array([0, -look.NEAR / 2, 0])
        around: VMobject = Line(mobject.get_corner(DL) + below, mobject.get_corner(DR) + below)
    elif isinstance(mobject, Picture):
        around = Rectangle(width=mobject.width, height=mobject.height).move_to(mobject)
    else:
        around = mobject.copy()
    around.set_fill(opacity=0).set_stroke(look.TEXT, 2 * look.STROKE)
    return FadeIn(around, rate_func=_comes_and_goes, remover=True)


def _comes_and_goes(alpha: float) -> float:
    return float(there_and_back_with_pause(alpha, 0.5))
