"""Make things as large as their region allows, with text that keeps its size."""

from collections.abc import Callable
from typing import TypeVar

from manim import Mobject

from scenes.look import Region

M = TypeVar("M", bound=Mobject)
_CLOSE = 0.01  # frame units
_SMALLEST = 0.05


def fit(make: Callable[[float], M], region: Region, most: float = 20.0) -> M:
    """`make(size)` at the largest size, up to `most`, at which it fits `region`, put into the region's middle.

    `make` builds a thing whose pictures grow with `size` while its texts do not, so that size and extent are
    no multiples of each other. Texts are set once and kept, so a trial costs little.
    """
    low, high = _SMALLEST, most
    if _fits(made := make(high), region):
        return made.move_to(region.centre)
    while high - low > _CLOSE:
        middle = (low + high) / 2
        low, high = (middle, high) if _fits(make(middle), region) else (low, middle)
    return make(low).move_to(region.centre)


def _fits(made: Mobject, region: Region) -> bool:
    return bool(made.width <= region.width + 1e-6 and made.height <= region.height + 1e-6)
