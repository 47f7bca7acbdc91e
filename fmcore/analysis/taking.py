"""How measures of a bundle are taken: one small maker for each kind of thing that can be measured."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.answers import right_share, softmax
from fmcore.analysis.collapse import Collapse, collapse
from fmcore.analysis.convolution import Place, arithmetic
from fmcore.analysis.counterparts import compared
from fmcore.analysis.diagnostics import Diagnosis, diagnose
from fmcore.analysis.favourites import of_one_class
from fmcore.analysis.hierarchy import Stage, hierarchy
from fmcore.analysis.learning import Movement, moved
from fmcore.bundle import Bundle
from fmcore.errors import BundleError
from fmcore.header import BundleHeader

Floats = NDArray[np.floating]
OfArray = Callable[[Floats], float]
OfBundle = Callable[[Bundle, str, tuple[int, ...], Bundle | None], float]


@dataclass(frozen=True)
class Measure:
    """How a value is taken; `explained` says it in words."""

    explained: str
    take: OfBundle
    over_images: bool = False  # taken over many images, not over one probe; `sample_size` says how many


def of(explained: str, function: OfArray, over_images: bool = False) -> Measure:
    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        return float(function(np.asarray(bundle.part(array, *index))))

    return Measure(explained, take, over_images)


def size_of(explained: str, axis: int) -> Measure:
    """The length of an array's axis, from the header alone."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        return float(bundle.info(array).shape[len(index) :][axis])

    return Measure(explained, take)


def of_header(
    explained: str, function: Callable[[BundleHeader, tuple[int, ...]], float], over_images: bool = False
) -> Measure:
    """A measure of the header; its index is an epoch where it asks for one."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        try:
            return float(function(bundle.header, index))
        except (IndexError, ValueError):
            raise BundleError(
                f"The header of '{bundle.path.name}' does not hold what '{explained}' is taken of; record a network"
                " that was trained here."
            ) from None

    return Measure(explained, take, over_images)


def of_movement(explained: str, function: Callable[[Movement, tuple[int, ...]], float]) -> Measure:
    """A measure of how filters moved, at index (epoch, filter) of a weight history or at none."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        return float(function(moved(bundle.array(array)), index))

    return Measure(explained, take)


def count_of(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
    return float(np.prod(bundle.info(array).shape[len(index) :], dtype=np.int64))


def of_two(explained: str, function: Callable[[Floats, Floats], float]) -> Measure:
    """A measure of two parts of an array; its index ends with both."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        *before, one, another = index
        return function(bundle.part(array, *before, one), bundle.part(array, *before, another))

    return Measure(explained, take)


def of_ablations(explained: str, function: Callable[[Bundle, str, int], float]) -> Measure:
    """A measure of what setting channels of a layer to zero did to one answer; its index is the probe."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        return float(function(bundle, array.rpartition("/")[0], index[0]))

    return Measure(explained, take)


def place_of(values: Floats, axis: int) -> float:
    return float(np.unravel_index(int(values.argmax()), values.shape)[axis]) + 1


def with_other(
    explained: str, function: Callable[[Bundle, Bundle, str, tuple[int, ...]], float], over_images: bool = True
) -> Measure:
    """A measure of two networks on the images of both; `function` gets the layer that the array belongs to."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        if other is None or other is bundle:
            raise BundleError(f"A comparison needs two bundles, and only '{bundle.path.name}' is named; name another.")
        return float(function(bundle, other, array.rpartition("/")[0], index))

    return Measure(explained, take, over_images)


def known(value: float | None) -> float:
    if value is None:
        raise BundleError("The first weights of both networks are not known; compare two that were trained here.")
    return value


def cka(one: Bundle, other: Bundle, layer: str, index: tuple[int, ...]) -> float:
    found = compared(one, other)
    return float(found.cka[found.layers[0].index(layer), index[0]])


def cka_lost(one: Bundle, other: Bundle, layer: str, index: tuple[int, ...]) -> float:
    table = compared(one, other).cka
    return float(table[0, 0] - table[-1, -1])


def of_stage(explained: str, function: Callable[[Stage], float | None]) -> Measure:
    """A mean over the channels of the layer that the array belongs to, from the statistics of many images."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        layer = array.rpartition("/")[0]
        value = next((function(stage) for stage in hierarchy(bundle) if stage.layer == layer), None)
        if value is None:
            raise BundleError(
                f"'{bundle.path.name}' does not hold what '{explained}' of '{layer}' is taken of; record it over images"
                " whose classes are known."
            )
        return value

    return Measure(explained, take, True)


def of_collapse(explained: str, function: Callable[[Collapse], float]) -> Measure:
    """A measure of two filters after each other; the index is (probe, channel) of a layer's pre-activation."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        return function(collapse(bundle, array.rpartition("/")[0], index[1], index[0]))

    return Measure(explained, take)


def of_favourites(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
    counts = of_one_class(bundle, array.rpartition("/")[0])
    if counts is None:
        raise BundleError(
            f"'{bundle.path.name}' does not hold the classes of its images; record it over labelled ones."
        )
    return float(counts[index[0]])


def of_arithmetic(explained: str, function: Callable[[Place], float]) -> Measure:
    """A measure of how one value came about; the index is (probe, channel, row, column), places from 0."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        probe, channel, row, column = index
        return float(function(arithmetic(bundle, array.rpartition("/")[0], channel, row, column, probe)))

    return Measure(explained, take)


def met_by_signs(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
    """The mean of what positive weights meet, each counted by its weight, less that of negative ones; 0 without either.

    The index is (probe, channel, row, column), from 0.
    """
    layer, (probe, channel, row, column) = array.rpartition("/")[0], index
    patch = arithmetic(bundle, layer, channel, row, column, probe).patch
    weights = bundle.part(f"{layer}/weight", channel).astype(np.float64)
    positive, negative = np.maximum(weights, 0), np.maximum(-weights, 0)
    if not positive.any() or not negative.any():
        return 0.0
    return float((positive * patch).sum() / positive.sum() - (negative * patch).sum() / negative.sum())


def of_slice(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
    """The products of one slice of the filter added up, at index (probe, channel, row, column, slice), from 0."""
    probe, channel, row, column, number = index
    at = arithmetic(bundle, array.rpartition("/")[0], channel, row, column, probe)
    return at.scale * float(at.products[number].sum())


def of_answers(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
    """The share of answers (M,) that are the classes of their images."""
    if (share := right_share(bundle, array)) is None:
        raise BundleError(
            f"'{bundle.path.name}' does not hold the classes of its images; record it over labelled ones."
        )
    return share


def share_of_the_commonest(values: Floats) -> float:
    """How many of `values` (M,) are the commonest of them, as a share."""
    return float(np.unique(values, return_counts=True)[1].max() / len(values))


def of_diagnosis(explained: str, count: Callable[[Diagnosis], int]) -> Measure:
    """A count of what was found among the channels of the layer that the array belongs to."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        return float(count(diagnose(bundle, array.rpartition("/")[0])))

    return Measure(explained, take, True)


def of_class(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
    """Softmax at index (probe, class)."""
    return float(softmax(np.asarray(bundle.part(array, index[0])))[index[1]])
