"""A layer beside its counterpart in another network: partners, a channel without one, and the images of both."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.compare import Comparison, Counterpart, Pair, compare, same_images
from fmcore.analysis.correlation import correlations
from fmcore.analysis.resemblance import resemblance
from fmcore.bundle import Bundle, array_digest
from fmcore.errors import BundleError
from fmcore.header import ORIGINAL

Floats = NDArray[np.floating]

NEARLY = 0.8  # a correlation over images from which on two channels find nearly the same
_SEEN = 0.75  # the same on one image, from which on one sees it
_SPARE = 3  # pairs more than are shown, from which to choose


@lru_cache(maxsize=4)
def compared(one: Bundle, other: Bundle) -> Comparison:
    """What `compare` says of two open bundles, worked out once.

    Raises:
        InputError, BundleError: as `compare` does.
    """
    return compare(one, other)


def equal_answers(one: Bundle, other: Bundle) -> float:
    """The share of test images that both answer alike.

    Raises:
        BundleError: they did not answer the same images.
    """
    found = compared(one, other)
    if found.agreement is None:
        raise BundleError(found.why_not)
    return found.agreement.share


def counterpart(one: Bundle, other: Bundle, layer: str) -> Counterpart:
    """What stands in `other` for `layer` of `one`.

    Raises:
        BundleError: the layer has no samples to compare it by.
    """
    found = compared(one, other)
    for pair in found.counterparts:
        if pair.layer == layer:
            return pair
    raise BundleError(
        f"Layer '{layer}' of '{one.path.name}' cannot be compared, because nothing was sampled of it;"
        f" name one of {', '.join(found.layers[0])}."
    )


@lru_cache(maxsize=8)
def likeness(one: Bundle, other: Bundle, layer: str) -> Floats:
    """Correlation (C1, C2) of the channels of `layer` with those of its counterpart, over the images of both."""
    pair, images = counterpart(one, other, layer), compared(one, other).images
    mine, theirs = one.array(f"{layer}/sample"), other.array(f"{pair.other}/sample")
    return correlations(mine[:images], theirs[:images])


def likeness_on_one_image(one: Bundle, other: Bundle, layer: str, index: tuple[int, ...]) -> float:
    """Correlation of channel c of `layer` on probe p with d of its counterpart on probe q; `index` is (p, q, c, d)."""
    p, q, c, d = index
    mine = one.part(f"{layer}/activation", p, c)  # (H, W)
    theirs = other.part(f"{counterpart(one, other, layer).other}/activation", q, d)
    return float(correlations(mine[None, None], theirs[None, None])[0, 0])


def likest(one: Bundle, other: Bundle, layer: str, channel: int) -> Pair:
    """The channel of the counterpart that goes with `channel` best, partner or not."""
    row = likeness(one, other, layer)[channel]
    return Pair(channel, int(row.argmax()), float(row.max()))


def loneliest(one: Bundle, other: Bundle, layer: str) -> Pair | None:
    """The channel without a partner that is least like any of the counterpart, and its likest; None where all have one.

    A channel that is the same on all images, as a dead one is, has nothing to share and comes last.
    """
    table = likeness(one, other, layer)
    alone = list(counterpart(one, other, layer).matching.unmatched_one)
    alone.sort(key=lambda channel: (not table[channel].any(), table[channel].max()))
    return likest(one, other, layer, alone[0]) if alone else None


def start_alike(one: Bundle, other: Bundle, layer: str) -> float | None:
    """The share of the filters of `layer` that began with the same weights as one of its counterpart's.

    None where the first weights of one of them are not known, or its filters have another shape: then nobody can say.
    """
    names = f"{layer}/weight_history", f"{counterpart(one, other, layer).other}/weight_history"
    if any(name not in bundle.header.arrays for name, bundle in zip(names, (one, other), strict=True)):
        return None
    mine, theirs = one.part(names[0], 0), other.part(names[1], 0)  # (C_out, C_in, kH, kW) each
    if mine.shape[1:] != theirs.shape[1:]:
        return None
    begun = {filter_.tobytes() for filter_ in theirs}
    return sum(filter_.tobytes() in begun for filter_ in mine) / len(mine)


def common_probes(one: Bundle, other: Bundle) -> tuple[tuple[int, int], ...]:
    """The numbers (p, q) under which the two bundles hold the same image, in the order of the first."""
    tested = same_images(one, other)
    mine, theirs = ([_identity(bundle, p, tested) for p in range(len(bundle.header.probes))] for bundle in (one, other))
    return tuple((p, q) for p, image in enumerate(mine) for q, its in enumerate(theirs) if image == its)


def _identity(bundle: Bundle, probe: int, tested: bool) -> tuple[str, str | int]:
    """What is equal for two probes if they are the same image, however it was prepared; `tested`: rows tell, too."""
    info, original = bundle.header.probes[probe], ORIGINAL.format(probe)
    if original in bundle.header.arrays:
        return "picture", bundle.info(original).sha256
    if tested and info.test_row is not None:
        return "test image", info.test_row
    return "pixels", array_digest(bundle.part("probes", probe))


def image_in_common(one: Bundle, other: Bundle, probe: int, asked_for: bool) -> tuple[int, int]:
    """The numbers of one image in both bundles: of `probe` of the first, or another one unless that was `asked_for`.

    Raises:
        BundleError: there is none.
    """
    probes = common_probes(one, other)
    for pair in (pair for pair in probes if pair[0] == probe):
        return pair
    if asked_for or not probes:
        raise BundleError(
            f"'{one.path.name}' and '{other.path.name}' do not both hold the image that shall be shown;"
            " record both on the same data, or name an image that both hold."
        )
    return probes[0]


@dataclass(frozen=True)
class Parting:
    """An image that two networks answer differently: probe `probe` of the first, or `of_other`.

    The network that has it among its probes answers it in row `probe` of its logits, the one that has not in `row` of
    its `array`, "logits" or "test_predicted".
    """

    probe: int
    array: str
    row: int
    of_other: bool = False

    @property
    def answers(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Where the first and the second network answer: array and row."""
        own, read = ("logits", self.probe), (self.array, self.row)
        return (read, own) if self.of_other else (own, read)


def parting(one: Bundle, other: Bundle) -> Parting | None:
    """Of the probes of either that both answered, one to which the answers differ; None if there is none.

    A network answered its own probes and all test images. Of several images, those that both have as probes come first,
    then those of the first; of these the one with the most confidence.
    """
    found = {Parting(p, "logits", q): sure for (p, q), sure in parted(one, other, common_probes(one, other)).items()}
    for of_other in (False, True):
        found = found or _parted_by_tests(*((other, one) if of_other else (one, other)), of_other)
    return max(found, key=found.__getitem__, default=None)


def parted(one: Bundle, other: Bundle, probes: Iterable[tuple[int, int]]) -> dict[tuple[int, int], float]:
    """Those `probes` (p, q) that the two answer differently, with the sum of both confidences."""
    found = {}
    for p, q in probes:
        mine, theirs = one.header.probes[p], other.header.probes[q]
        if one.class_name(mine.predicted) != other.class_name(theirs.predicted):
            found[p, q] = mine.probability + theirs.probability
    return found


def _parted_by_tests(own: Bundle, reader: Bundle, of_other: bool) -> dict[Parting, float]:
    """Probes of `own` to which `reader` gave another answer when they were test images, with both confidences."""
    tested = "test_predicted", "test_probability"
    if not same_images(own, reader) or any(name not in reader.header.arrays for name in tested):
        return {}
    answers, sure = (reader.array(name) for name in tested)  # (M,) each
    found = {}
    for p, probe in enumerate(own.header.probes):
        row = probe.test_row
        if row is None or row >= len(answers):
            continue
        if own.class_name(probe.predicted) != reader.class_name(int(answers[row])):
            found[Parting(p, tested[0], row, of_other)] = probe.probability + float(sure[row])
    return found


# -- for the screen ------------------------------------------------------------------------------


def clearest(pairs: Sequence[Pair], maps: tuple[Floats, Floats], image: Floats) -> Pair | None:
    """Of the pairs that show nearly the same, the one that resembles the image least: it found something in it.

    `maps` (C1, H, W) and (C2, H', W') are what both layers make of `image` (C, H, W); they must show it, too, since
    correlations over many images are taken of coarse maps. None where no pair is so alike.
    """
    here = correlations(maps[0][None], maps[1][None])  # (C1, C2)
    alike = [pair for pair in pairs if pair.correlation >= NEARLY and here[pair.one, pair.other] >= _SEEN]
    if not alike:
        return None
    return alike[int(resemblance(maps[0][[pair.one for pair in alike]], image).argmin())]


def crossing(pairs: Sequence[Pair], most: int) -> list[Pair]:
    """Up to `most` of `pairs`, in the order of their first channels, the first of `pairs` among them.

    Such ones, if there are any, whose partners have another order: then one sees them find each other.
    """
    rest = combinations(pairs[1 : most + _SPARE], min(most, len(pairs)) - 1)
    ordered = [sorted((pairs[0], *others), key=lambda pair: pair.one) for others in rest]
    crossed = (found for found in ordered if any(a.other > b.other for a, b in pairwise(found)))
    return next(crossed, ordered[0])


def called(one: Bundle, other: Bundle, files: tuple[str, str] | None = None) -> tuple[str, str]:
    """What to call two networks: by model, by model and seed, or by file, whichever first tells them apart.

    `files` are the names of their files, where these are copies under other names.
    """
    names = [bundle.header.model.name for bundle in (one, other)]
    if names[0] == names[1]:
        names = [f"{bundle.header.model.name} of seed {bundle.header.training.seed}" for bundle in (one, other)]
    if names[0] == names[1]:
        names = list(files or (one.path.stem, other.path.stem))
    return names[0], names[1]
