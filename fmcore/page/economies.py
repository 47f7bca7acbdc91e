"""What a page leaves out or rounds so that it stays small: a ladder of economies, and a sentence for each.

The page is made at the first rung that fits. Then whatever turns out not to have been needed is taken back, the last
rungs first: where leaving images out was enough, filters can stay, and where that was, maps need not be rounded.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from fmcore.errors import FmcoreError
from fmcore.page.packing import STEPS, Coding, largest_error

EXACT_BYTES = 6_000_000  # a page whose maps are not rounded is at most as large: it opens at once on a phone, too
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Economy:
    """What is held; as it stands, everything."""

    maps: Coding = "float32"  # of images and feature maps
    filters: bool = True  # of every channel, else of the representatives alone
    earlier_filters: bool = True
    picture_pixels: int | None = None  # the longer side of a picture that an image was cut from, at most
    halvings: int = 0  # of the number of images
    most_channels: int | None = None  # of a layer
    earlier_maps: bool = True
    preactivations: bool = True

    def images(self, count: int) -> int:
        """How many of `count` images are held."""
        return max(1, ceil(count / (1 << self.halvings)))


LADDER: tuple[tuple[str, Any], ...] = (
    ("maps", "levels16"),
    ("maps", "levels8"),
    ("filters", False),
    ("earlier_filters", False),
    ("picture_pixels", 512),
    ("picture_pixels", 256),
    ("halvings", 1),
    ("halvings", 2),
    ("most_channels", 64),
    ("most_channels", 32),
    ("most_channels", 16),
    ("preactivations", False),
    ("earlier_maps", False),
    *(("halvings", number) for number in (3, 4, 5, 6, 7)),
)


def rungs() -> Iterator[Economy]:
    """From everything to the least, one economy more each time."""
    economy = Economy()
    yield economy
    for field, value in LADDER:
        economy = replace(economy, **{field: value})
        yield economy


def allowance(economy: Economy, limit: int) -> int:
    """The bytes that a page may have."""
    return min(limit, EXACT_BYTES) if economy.maps == "float32" else limit


def choose(size: Callable[[Economy, int], int], limit: int) -> Economy:
    """The mildest economy whose page has at most `limit` bytes.

    Args:
        size: The bytes of a page, given what it may have at most: far above that, an estimate will do.

    Raises:
        FmcoreError: even the last rung needs more.
    """

    def fits(economy: Economy) -> bool:
        return size(economy, allowance(economy, limit)) <= allowance(economy, limit)

    for economy in rungs():
        if fits(economy):
            return _relaxed(economy, fits)
    raise FmcoreError(
        f"The page cannot be made as small as the {_megabytes(limit)} MB that --limit allows: with 8-bit maps of 16"
        f" channels a layer and one image it still needs about {_megabytes(size(economy, limit))} MB. Give a larger"
        " --limit, or record fewer layers with `fmcore record --layer`."
    )


def _relaxed(economy: Economy, fits: Callable[[Economy], bool]) -> Economy:
    """`economy` with every field that need not be so strict at its mildest value that fits, the last rungs' first.

    So what was left out comes back before what was rounded.
    """
    default = Economy()
    for field in dict.fromkeys(name for name, _ in reversed(LADDER)):
        now = getattr(economy, field)
        milder = [getattr(default, field), *(value for name, value in LADDER if name == field)]
        for value in milder[: milder.index(now)]:
            trial = replace(economy, **{field: value})
            if fits(trial):
                economy = trial
                break
    return economy


def _megabytes(count: int) -> str:
    return f"{count / MEGABYTE:.2g}" if count < MEGABYTE else f"{count / MEGABYTE:.1f}"


# -- in words ------------------------------------------------------------------------------------


def rounding(coding: Coding, what: str, run: str) -> str:
    """Such as "... are rounded to 256 steps between the smallest and the largest value of each map; ..."."""
    return (
        f"{what} are rounded to {STEPS[coding]:,} steps between the smallest and the largest value of each {run};"
        f" the largest error is {_share(largest_error(coding))} of that range."
    )


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "under 0.001%"
