"""The images that light a channel most, its favourites: how far they keep to one class, and a typical channel."""

from math import comb

import numpy as np
from numpy.typing import NDArray

from fmcore.bundle import Bundle
from fmcore.errors import BundleError
from fmcore.header import LayerInfo

_HALF = 0.5  # of a channel's favourites


def layers_with_patches(bundle: Bundle) -> list[LayerInfo]:
    """The layers whose strongest patches were cut out, in the order in which they ran."""
    return [layer for layer in bundle.header.layers if f"{layer.name}/patches" in bundle.header.arrays]


def of_one_class(bundle: Bundle, layer: str) -> NDArray[np.int64] | None:
    """How many favourites of each channel (C,) are of their commonest class; None where the classes are not known.

    0 for a channel that no image lights: it has no favourites.
    """
    if "test_label" not in bundle.header.arrays:
        return None
    labels = bundle.array("test_label")[bundle.array(f"{layer}/top_images")]  # (C, k)
    lit = bundle.array(f"{layer}/top_values") > 0  # what never lit a channel is none of its favourites
    return np.array(
        [np.bincount(row[on]).max() if on.any() else 0 for row, on in zip(labels, lit, strict=True)], np.int64
    )


def favourites(bundle: Bundle, layer: str) -> NDArray[np.int64]:
    """How many favourites each channel (C,) has: what never lit it is none."""
    lit: NDArray[np.int64] = (bundle.array(f"{layer}/top_values") > 0).sum(1)
    return lit


def share_of_one_class(bundle: Bundle, layer: str) -> float:
    """The mean over the live channels of the share of favourites that are of their commonest class.

    Raises:
        BundleError: the classes are not known, or no channel is live.
    """
    counts = _known(bundle, layer)
    live = counts > 0
    return float((counts[live] / favourites(bundle, layer)[live]).mean())


def share_by_chance(bundle: Bundle, layer: str) -> float:
    """What `share_of_one_class` would be on average if favourites were drawn blindly from all images, none twice.

    Raises:
        BundleError: as there.
    """
    drawn, channels = np.unique(favourites(bundle, layer)[_known(bundle, layer) > 0], return_counts=True)
    classes = np.bincount(bundle.array("test_label"))
    return float(np.average([_commonest_of(int(n), classes) / n for n in drawn], weights=channels))


def _known(bundle: Bundle, layer: str) -> NDArray[np.int64]:
    counts = of_one_class(bundle, layer)
    if counts is None or not counts.any():
        raise BundleError(
            f"'{bundle.path.name}' does not hold the classes of the images that light '{layer}' most; record it over"
            " images whose classes are known."
        )
    return counts


def _commonest_of(drawn: int, classes: NDArray[np.int64]) -> float:
    """How many of `drawn` images are of their commonest class, on average; there are `classes` (K,) images of each.

    That is the sum over m of the chance that some class comes more than m times. In how many ways none does is counted
    by a product of polynomials, one a class, where x to the power of n stands for n images of it.
    """
    ways = comb(int(classes.sum()), drawn)
    total = 0.0
    for most in range(drawn):
        none = np.ones(1)
        for count in classes:
            some = [float(comb(int(count), n)) for n in range(most + 1)]
            none = np.convolve(none, some)[: drawn + 1]
        total += 1 - (none[drawn] / ways if len(none) > drawn else 0.0)
    return total


def commonest_class(bundle: Bundle, layer: str, channel: int) -> int:
    """The class that most favourites of `channel` are of; the first of equals."""
    lit = bundle.part(f"{layer}/top_values", channel) > 0
    return int(np.bincount(bundle.array("test_label")[bundle.part(f"{layer}/top_images", channel)[lit]]).argmax())


def typical(bundle: Bundle, layer: str) -> tuple[int, int]:
    """A channel of `layer` to show the patches of, and their row in `<layer>/patches`.

    One whose patches lie on the image, and not half beyond it, if there is one. Of these the one whose favourites keep
    to one class about as much as those of the layer do on average; of equals, and where classes are not known, the one
    with the strongest response.
    """
    cut = bundle.array(f"{layer}/patch_channels")  # (R,)
    top = bundle.array(f"{layer}/top_values")[cut, 0].astype(np.float64)
    beyond = _at_the_border(bundle, layer)[cut]
    counts = of_one_class(bundle, layer)
    if counts is None or not counts.any():
        row = int(np.lexsort((-top, beyond))[0])
    else:
        off = np.where(top > 0, np.abs(counts[cut] - counts[counts > 0].mean()), np.inf)
        row = int(np.lexsort((-top, off, beyond | (top <= 0)))[0])
    return int(cut[row]), row


def sees_beyond(bundle: Bundle, layer: str, row: int, column: int) -> bool:
    """Whether a part of what place (row, column) of `layer` sees lies beyond the image; of what is known of it."""
    top, left, bottom, right = bundle.layer(layer).field.box(row, column)
    height, width = bundle.header.model.input_shape[1:]
    return top < 0 or left < 0 or bottom > height or right > width


def _at_the_border(bundle: Bundle, layer: str) -> NDArray[np.bool_]:
    """Of which channels (C,) the strongest place of all images, or most of its places, see beyond the image.

    What lies there is no pixel: such a channel may answer to the edge of the picture.
    """
    places = bundle.array(f"{layer}/top_places")  # (C, k, 2)
    flags = np.array([[sees_beyond(bundle, layer, *place) for place in channel] for channel in places.tolist()], bool)
    result: NDArray[np.bool_] = flags[:, 0] | (flags.mean(1) > _HALF)
    return result


def named_favourites(bundle: Bundle, layer: str, channel: int) -> list[bool]:
    """Which favourites of `channel` are of their commonest class, strongest first."""
    labels = bundle.array("test_label")[bundle.part(f"{layer}/top_images", channel)]
    lit = bundle.part(f"{layer}/top_values", channel) > 0
    return [bool(one) for one in lit & (labels == commonest_class(bundle, layer, channel))]


def others_lit(bundle: Bundle, layer: str, channel: int, most: int) -> list[int]:
    """Up to `most` probes that light `channel` of `layer`, strongest first, no two of them of one class.

    None is of the commonest class of the channel's favourites, where that is known: they show what else lights it.
    """
    kinds: set[int | None] = set()
    if of_one_class(bundle, layer) is not None and (bundle.part(f"{layer}/top_values", channel) > 0).any():
        kinds.add(commonest_class(bundle, layer, channel))
    probes = bundle.header.probes
    tops = [float(bundle.part(f"{layer}/activation", probe, channel).max()) for probe in range(len(probes))]
    found: list[int] = []
    for probe in sorted(range(len(probes)), key=lambda probe: (-tops[probe], probe)):
        label = probes[probe].label
        if tops[probe] > 0 and (label is None or label not in kinds):
            found.append(probe)
            kinds.add(label)
    return found[:most]
