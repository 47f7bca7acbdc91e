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
    no multiples of each other. Texts are set once and kept, so a trial costs little. Where the texts alone are too
    wide, only the height is kept to.
    """
    small = make(_SMALLEST)
    least_width = small.width if small.width > region.width else 0.0

    def fits(made: Mobject) -> bool:
        widest = max(region.width, least_width) + 1e-6
        return bool(made.width <= widest and made.height <= region.height + 1e-6)

    low, high = _SMALLEST, most
    if fits(made := make(high)):
        return made.move_to(region.centre)
    while high - low > _CLOSE:
        middle = (low + high) / 2
        low, high = (middle, high) if fits(make(middle)) else (low, middle)
    return make(low).move_to(region.centre)
