"""Make things as large as their region allows, with text that keeps its size."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

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
    small = make(_SMALLEST)
    width = max(region.width, small.width)

    def excess(size: float, made: Mobject) -> Trial:
        return Trial(size, float(made.width) - width, float(made.height) - region.height)

    least = low = excess(_SMALLEST, small)
    high = excess(most, large := make(most))
    if high.excess <= _SAME:
        return large.move_to(region.centre)
    best = small
    beyond: Trial | None = None  # the one that exceeded before `high`
    share = min(0.5, max(region.width, region.height) / most)  # most likely too large, and not by much
    slow = 0
    while (gap := high.size - low.size) > _CLOSE:
        made = make(size := low.size + share * gap)
        found = excess(size, made)
        if fits := found.excess <= _SAME:
            low, best = found, made
            if found.is_full(least):
                break
        else:
            high, beyond = found, high
        slow = slow + 1 if high.size - low.size > gap / 2 else 0
        share = 0.5 if slow > 1 else _share(low, high, low if fits or beyond is None else beyond)
    return best.move_to(region.centre)


class Trial(NamedTuple):
    """By how much a thing made at `size` is too wide and too high."""

    size: float
    wide: float
    tall: float

    @property
    def excess(self) -> float:
        return max(self.wide, self.tall)

    def is_full(self, least: "Trial") -> bool:
        """Whether nothing larger fits: a side that pictures decide, so that it grew since `least`, is at its end."""
        return any(
            now > -_CLOSE and now > then + _SAME for now, then in ((self.wide, least.wide), (self.tall, least.tall))
        )


def _share(low: Trial, high: Trial, other: Trial) -> float:
    """How far from `low`, which fits, to `high`, which does not, to go next.

    Widths and heights grow with the size along lines that bend upwards, where pictures become larger than texts. So the
    line through two that exceed leads to the last that fits, or above it, and a chord to one that fits.
    """
    sizes = []
    for here, there in ((high.wide, other.wide), (high.tall, other.tall)):
        if here > _SAME and abs(there - here) > _SAME:
            sizes.append(high.size - (here + _CLOSE / 2) * (other.size - high.size) / (there - here))
    share = (min(sizes, default=0.0) - low.size) / (high.size - low.size)
    return min(max(share, 0.05), 0.95)
