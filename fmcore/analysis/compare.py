"""Two networks on the same images: which layers represent alike, which channels are the same, where answers differ.

Layers are compared by `<layer>/sample`: coarse maps of a fixed list of test images, of which every bundle holds the
first N. So the images that two bundles of the same data set share are the first min(N1, N2).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from fmcore.analysis.answers import right_share
from fmcore.analysis.correlation import FLAT, correlations
from fmcore.bundle import Bundle
from fmcore.errors import BundleError, InputError

Floats = NDArray[np.floating]

MATCHED = 0.5  # channels that correlate less are no match
_FEWEST = 4  # images that the unbiased estimator divides by


@dataclass(frozen=True)
class Pair:
    """Channel `one` of the first layer and channel `other` of the second, which answer to the same things."""

    one: int
    other: int
    correlation: float


@dataclass(frozen=True)
class Matching:
    """The channels of two layers, one to one: pairs from the likest down, then those without a partner."""

    pairs: tuple[Pair, ...]
    unmatched_one: tuple[int, ...]
    unmatched_other: tuple[int, ...]


@dataclass(frozen=True)
class Counterpart:
    """What stands in the other network for `layer` of the first: the layer of that name, else the likest one."""

    layer: str
    other: str
    by_name: bool
    cka: float
    matching: Matching


@dataclass(frozen=True)
class Disagreement:
    """A test image, by its row, on which the two networks answer differently."""

    row: int
    one: str
    other: str
    truth: str | None
    confidence: float  # the sum of both probabilities, 0..2


@dataclass(frozen=True)
class Agreement:
    """The answers of two networks to the same test images."""

    images: int
    share: float  # of images with equal answers
    accuracy: tuple[float | None, float | None]  # of each network; None where the labels are not known
    disagreements: tuple[Disagreement, ...]  # the most confident first


@dataclass(frozen=True)
class Comparison:
    """Two bundles compared over the first `images` of their common list of test images."""

    images: int
    layers: tuple[tuple[str, ...], tuple[str, ...]]  # L1 and L2 names
    cka: Floats  # (L1, L2)
    counterparts: tuple[Counterpart, ...]  # one for every layer of the first
    agreement: Agreement | None
    why_not: str  # why there is no agreement; "" where there is


# -- layers --------------------------------------------------------------------------------------


def linear_cka(ones: Sequence[Floats], others: Sequence[Floats]) -> Floats:
    """Debiased linear CKA (L1, L2) of features (N, ...) of the same N images, each with each: 1 where they are alike.

    About 0 for independent features however many there are, and slightly below 0 by chance; 0 where one tells no image
    from another, because it is constant or has all of them equally far apart. The same under rotation and scaling of
    either. CKA is that of Kornblith et al., "Similarity of Neural Network
    Representations Revisited" (2019); with the unbiased HSIC of Song et al., "Feature Selection via Dependence
    Maximization" (2012), eq. 5, as Nguyen et al., "Do Wide and Deep Networks Learn the Same Things?" (2021), use it.

    Raises:
        InputError: fewer than four images.
    """
    mine, theirs = (np.stack([_direction(one).ravel() for one in each]) for each in (ones, others))  # (L, N N)
    table: Floats = mine @ theirs.T
    return table


def _direction(x: Floats) -> Floats:
    """The Gram matrix (N, N) of `x` (N, ...), U-centred and of unit norm; 0 where nothing but rounding would be left.

    U-centring (Székely and Rizzo, "Partial distance correlation with methods for dissimilarities", 2014, eq. 3.1)
    makes the unbiased HSIC an inner product, and so CKA the cosine of two such matrices.
    """
    n = len(x)
    if n < _FEWEST:
        raise InputError(f"CKA needs at least {_FEWEST} images, and there are {n}; record more test images.")
    features = np.asarray(x, np.float64).reshape(n, -1)
    varying = features - features.mean(0)
    if np.linalg.norm(varying) <= FLAT * np.linalg.norm(features):
        return np.zeros((n, n))
    gram = varying @ varying.T
    size = float(np.linalg.norm(gram))
    np.fill_diagonal(gram, 0)
    row = gram.sum(0) / (n - 2)
    centred = gram - row - row[:, None] + gram.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(centred, 0)
    norm = float(np.linalg.norm(centred))
    unit: Floats = centred / norm if norm > FLAT * size else np.zeros((n, n))  # images may be equally far apart
    return unit


# -- channels ------------------------------------------------------------------------------------


def match(correlation: Floats) -> Matching:
    """Pair the channels of two layers one to one so that the sum of `correlation` (C1, C2) over the pairs is largest.

    Then pairs under `MATCHED` are parted. Bipartite matching as in Li et al., "Convergent Learning: Do different
    neural networks learn the same representations?" (2016), section 3.2.
    """
    found = [
        Pair(int(i), int(j), float(correlation[i, j]))
        for i, j in zip(*linear_sum_assignment(correlation, maximize=True), strict=True)
        if correlation[i, j] >= MATCHED
    ]
    found.sort(key=lambda pair: -pair.correlation)
    partnered = {pair.one for pair in found}, {pair.other for pair in found}
    return Matching(
        pairs=tuple(found),
        unmatched_one=tuple(c for c in range(correlation.shape[0]) if c not in partnered[0]),
        unmatched_other=tuple(c for c in range(correlation.shape[1]) if c not in partnered[1]),
    )


# -- networks ------------------------------------------------------------------------------------


def compare(one: Bundle, other: Bundle) -> Comparison:
    """Compare the layers, the channels and the answers of two networks on the test images that both bundles hold.

    Raises:
        InputError: the bundles belong to different test images, or have fewer than four in common.
        BundleError: a bundle has no samples of its layers.
    """
    _check_same_images(one, other)
    names = _sampled(one), _sampled(other)
    images = min(b.info(f"{name}/sample").shape[0] for b, own in zip((one, other), names, strict=True) for name in own)
    cka = linear_cka(
        *([_sample(bundle, name, images) for name in own] for bundle, own in zip((one, other), names, strict=True))
    )
    counterparts = []
    for i, layer in enumerate(names[0]):
        by_name = layer in names[1]
        j = names[1].index(layer) if by_name else int(cka[i].argmax())
        matching = match(correlations(_sample(one, layer, images), _sample(other, names[1][j], images)))
        counterparts.append(Counterpart(layer, names[1][j], by_name, float(cka[i, j]), matching))
    agreement, why_not = _agreement(one, other)
    return Comparison(images, names, cka, tuple(counterparts), agreement, why_not)


def same_images(one: Bundle, other: Bundle) -> bool:
    """Whether both were measured on the same test images, be it that each was prepared for its network."""
    mine, theirs = one.header.dataset, other.header.dataset
    return any(
        known and known == other_known
        for known, other_known in (
            (mine.test_sha256, theirs.test_sha256),
            (mine.source_sha256, theirs.source_sha256),
        )
    )


def _check_same_images(one: Bundle, other: Bundle) -> None:
    mine, theirs = one.header.dataset, other.header.dataset
    if not same_images(one, other):
        raise InputError(
            f"'{one.path.name}' was measured on test images of '{mine.name}' and '{other.path.name}' on those of"
            f" '{theirs.name}', and nothing says that they are the same images; record both networks on the same data"
            " with `fmcore record` to compare them."
        )


def _sampled(bundle: Bundle) -> tuple[str, ...]:
    names = tuple(name for name in bundle.layer_names if f"{name}/sample" in bundle.header.arrays)
    if not names:
        raise BundleError(
            f"'{bundle.path.name}' has no samples of its layers to compare; write it again with `fmcore record`."
        )
    return names


def _sample(bundle: Bundle, layer: str, images: int) -> Floats:
    return bundle.array(f"{layer}/sample")[:images]


# -- answers -------------------------------------------------------------------------------------


def _agreement(one: Bundle, other: Bundle) -> tuple[Agreement | None, str]:
    """Where the answers agree, or else why that cannot be said."""
    if one.header.classes != other.header.classes:
        return None, f"'{one.path.name}' and '{other.path.name}' tell different classes apart."
    needed = ("test_predicted", "test_probability")
    for bundle in (one, other):
        if any(name not in bundle.header.arrays for name in needed):
            return None, f"'{bundle.path.name}' does not hold its answers to the test images."
    mine, theirs = one.array("test_predicted"), other.array("test_predicted")  # (M,)
    if len(mine) != len(theirs):
        return None, f"One holds its answers to {len(mine)} test images and the other to {len(theirs)}."
    confidence = one.array("test_probability").astype(np.float64) + other.array("test_probability")
    rows = np.flatnonzero(mine != theirs)
    rows = rows[np.argsort(-confidence[rows], kind="stable")]
    truth = _labels(one, other)
    names: Sequence[str] = one.header.classes
    return Agreement(
        images=len(mine),
        share=float((mine == theirs).mean()),
        accuracy=(right_share(one), right_share(other)),
        disagreements=tuple(
            Disagreement(
                row=int(row),
                one=names[mine[row]],
                other=names[theirs[row]],
                truth=None if truth is None else names[truth[row]],
                confidence=float(confidence[row]),
            )
            for row in rows
        ),
    ), ""


def _labels(*bundles: Bundle) -> NDArray[np.integer] | None:
    return next((b.array("test_label") for b in bundles if "test_label" in b.header.arrays), None)
