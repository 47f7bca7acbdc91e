"""A bundle as the page sees it: what it is called and which of its images are shown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fmcore.analysis.counterparts import called, common_probes, compared
from fmcore.analysis.evenly import evenly
from fmcore.bundle import Bundle
from fmcore.errors import InputError


@dataclass(frozen=True)
class Source:
    """One network of the page. `probes` are the numbers in the bundle of the page's images, in the page's order."""

    bundle: Bundle
    name: str
    probes: tuple[int, ...]
    default: int  # of the page's images, the one to show first

    def only(self, images: int) -> "Source":
        """With at most so many of its images, spread evenly; the default one is among them."""
        kept = evenly(len(self.probes), images, self.default)
        return replace(self, probes=tuple(self.probes[p] for p in kept), default=kept.index(self.default))


def sources(bundle: Bundle, other: Bundle | None = None) -> tuple[Source, ...]:
    """One network, or two with the images that both bundles hold, in the order of the first.

    Raises:
        InputError: the bundles have no image in common, or were measured on other test images.
    """
    if other is None:
        everything = tuple(range(len(bundle.header.probes)))
        return (Source(bundle, bundle.header.model.name, everything, bundle.default_probe),)
    pairs = _one_to_one(common_probes(bundle, other))
    if not pairs:
        raise InputError(
            f"'{bundle.path.name}' and '{other.path.name}' hold no image in common, so there is nothing to show side by"
            " side; record both on the same data, or with the same --image."
        )
    compared(bundle, other)  # its complaints come before any work
    mine, theirs = zip(*pairs, strict=True)
    default = mine.index(bundle.default_probe) if bundle.default_probe in mine else 0
    one, two = called(bundle, other)
    return Source(bundle, one, mine, default), Source(other, two, theirs, default)


def _one_to_one(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """`pairs` without those that name an image of the first bundle again, which may be there twice in the second."""
    return list({mine: (mine, theirs) for mine, theirs in reversed(pairs)}.values())[::-1]
