"""Make things as large as their region allows, with text that keeps its size."""

from collections.abc import Callable
from typing import TypeVar

from manim import Mobject

from scenes.look import Region

M = TypeVar("M", bound=Mobject)
_CLOSE = 0.02  # frame units that may be left unused
_SAME = 1e-6
_SMALLEST = 0.05


def fit(make: Callable[[float], M], region: Region, most: float = 20.0) -> M:
    """`make(size)` at the largest size, up to `most`, at which it fits `region`, put into the region's middle.

    `make` builds a thing whose pictures grow with `size` while its texts do not, so that size and extent are
    no multiples of each other. Texts are set once and kept, so a trial costs little. Where the texts alone are too
    wide, only the height is kept to.
    """
    low, small = _SMALLEST, make(_SMALLEST)
    width = max(region.width, small.width)

    def excess(made: Mobject) -> float:
        return max(float(made.width) - width, float(made.height) - region.height)

    high, large = most, make(most)
    over, under = excess(large), excess(small)
    if over <= _SAME:
        return large.move_to(region.centre)
    best, texts_decide = small, under > -_CLOSE
    # The excess grows with the size along a bent line, so a straight guess is nearly always the last.
    while high - low > _CLOSE and (texts_decide or under < -_CLOSE):
        share = 0.5 if texts_decide else min(max((-_CLOSE / 2 - under) / (over - under), 0.05), 0.95)
        size = low + share * (high - low)
        found = excess(made := make(size))
        if found <= _SAME:
            low, under, best = size, found, made
        else:
            high, over = size, found
    return best.move_to(region.centre)
