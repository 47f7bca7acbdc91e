"""Measures by name: what a sentence about a model may rest on, so that anybody can take it again.

A measure is a pure function of a bundle, an array of it and an index into that array's leading axes. Places,
channels and filters count from 1, as on screen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.alignment import rows_in_view, strongest_beyond
from fmcore.analysis.attribution import brightest_is_decisive, share_that_supports, support_against
from fmcore.analysis.cases import answered_with_less
from fmcore.analysis.collapse import Collapse, collapse
from fmcore.analysis.convolution import Place, arithmetic
from fmcore.analysis.counterparts import compared, counterpart, equal_answers, likeness, start_alike
from fmcore.analysis.diagnostics import Diagnosis, diagnose
from fmcore.analysis.favourites import of_one_class, share_of_one_class
from fmcore.analysis.flattering import share_of_reach
from fmcore.analysis.hierarchy import Stage, hierarchy
from fmcore.analysis.history import overfitting, steepest_epoch
from fmcore.analysis.learning import Movement, likeness_to_the_first, moved
from fmcore.bundle import Bundle
from fmcore.errors import BundleError, one_of
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


def _of(explained: str, function: OfArray, over_images: bool = False) -> Measure:
    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        return float(function(np.asarray(bundle.part(array, *index))))

    return Measure(explained, take, over_images)


def _size(explained: str, axis: int) -> Measure:
    """The length of an array's axis, from the header alone."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        return float(bundle.info(array).shape[len(index) :][axis])

    return Measure(explained, take)


HEADER = "header/"  # what stands in the header counts as an array of this name, such as `header/training.history`


def digest_of(bundle: Bundle, array: str) -> str:
    """sha256 of `array`; of the whole bundle where the numbers stand in its header.

    Raises:
        BundleError: there is no such array.
    """
    return bundle.digest if array.startswith(HEADER) else bundle.info(array).sha256


def _of_header(
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


def _of_movement(explained: str, function: Callable[[Movement, tuple[int, ...]], float]) -> Measure:
    """A measure of how filters moved, at index (epoch, filter) of a weight history or at none."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        return float(function(moved(bundle.array(array)), index))

    return Measure(explained, take)


def _count(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
    return float(np.prod(bundle.info(array).shape[len(index) :], dtype=np.int64))


def _of_two(explained: str, function: Callable[[Floats, Floats], float]) -> Measure:
    """A measure of two parts of an array; its index ends with both."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        *before, one, another = index
        return function(bundle.part(array, *before, one), bundle.part(array, *before, another))

    return Measure(explained, take)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits.astype(np.float64) - float(logits.max()))
    return np.asarray(powers / powers.sum())


def _place(values: Floats, axis: int) -> float:
    return float(np.unravel_index(int(values.argmax()), values.shape)[axis]) + 1


def _with_other(explained: str, function: Callable[[Bundle, Bundle, str, tuple[int, ...]], float]) -> Measure:
    """A measure of two networks on the images of both; `function` gets the layer that the array belongs to."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        if other is None or other is bundle:
            raise BundleError(f"A comparison needs two bundles, and only '{bundle.path.name}' is named; name another.")
        return float(function(bundle, other, array.rpartition("/")[0], index))

    return Measure(explained, take, True)


def _known(value: float | None) -> float:
    if value is None:
        raise BundleError("The first weights of both networks are not known; compare two that were trained here.")
    return value


def _cka(one: Bundle, other: Bundle, layer: str, index: tuple[int, ...]) -> float:
    found = compared(one, other)
    return float(found.cka[found.layers[0].index(layer), index[0]])


def _cka_lost(one: Bundle, other: Bundle, layer: str, index: tuple[int, ...]) -> float:
    table = compared(one, other).cka
    return float(table[0, 0] - table[-1, -1])


def _of_stage(explained: str, function: Callable[[Stage], float | None]) -> Measure:
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


def _of_collapse(explained: str, function: Callable[[Collapse], float]) -> Measure:
    """A measure of two filters after each other; the index is (probe, channel) of a layer's pre-activation."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        return function(collapse(bundle, array.rpartition("/")[0], index[1], index[0]))

    return Measure(explained, take)


def _favourites(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
    counts = of_one_class(bundle, array.rpartition("/")[0])
    if counts is None:
        raise BundleError(
            f"'{bundle.path.name}' does not hold the classes of its images; record it over labelled ones."
        )
    return float(counts[index[0]])


def _of_arithmetic(explained: str, function: Callable[[Place], float]) -> Measure:
    """A measure of how one value came about; the index is (probe, channel, row, column), places from 0."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        probe, channel, row, column = index
        return float(function(arithmetic(bundle, array.rpartition("/")[0], channel, row, column, probe)))

    return Measure(explained, take)


def _of_diagnosis(explained: str, count: Callable[[Diagnosis], int]) -> Measure:
    """A count of what was found among the channels of the layer that the array belongs to."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        return float(count(diagnose(bundle, array.rpartition("/")[0])))

    return Measure(explained, take, True)


def _of_class(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
    """Softmax at index (probe, class)."""
    return float(_softmax(np.asarray(bundle.part(array, index[0])))[index[1]])


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "value": _of("the value itself", lambda values: float(values.reshape(()))),
        "value over images": _of("a channel's statistic over many images", lambda v: float(v.reshape(())), True),
        "length": _size("the length of the first axis", 0),
        "rows": _size("the number of rows", -2),
        "columns": _size("the number of columns", -1),
        "channels": _size("the number of channels", -3),
        "largest value": _of("the largest value", lambda values: float(values.max())),
        "smallest value": _of("the smallest value", lambda values: float(values.min())),
        "spread": _of("the largest value less the smallest", lambda values: float(np.ptp(values))),
        "largest magnitude": _of("the largest value without its sign", lambda values: float(np.abs(values).max())),
        "magnitude against another's": _of_two("a channel's largest magnitude as a share of another's", share_of_reach),
        "mean": _of("the mean", lambda values: float(values.mean(dtype=np.float64))),
        "share of zeros": _of("the share of values that are zero or less", lambda values: float((values <= 0).mean())),
        "share above zero": _of("the share of values above zero", lambda values: float((values > 0).mean())),
        "places of the largest value": _of(
            "how many values are as large as the largest", lambda values: float((values == values.max()).sum())
        ),
        "row of the largest value": _of("its row, from 1", lambda values: _place(values, -2)),
        "column of the largest value": _of("its column, from 1", lambda values: _place(values, -1)),
        "channel of the largest value": _of("its channel, from 1", lambda values: _place(values, -3)),
        "class of the answer": _of("the class with the largest logit, from 0", lambda logits: float(logits.argmax())),
        "probability of the answer": _of("softmax of the largest logit", lambda logits: float(_softmax(logits).max())),
        "numbers": Measure("how many numbers there are", _count),
        "training loss": _of_header(
            "loss on the training images", lambda h, i: h.training.history[i[0]].train_loss, True
        ),
        "test loss": _of_header("loss on the test images", lambda h, i: h.training.history[i[0]].test_loss, True),
        "training accuracy": _of_header(
            "the share of training images answered rightly", lambda h, i: h.training.history[i[0]].train_accuracy, True
        ),
        "test accuracy": _of_header(
            "the share of test images answered rightly", lambda h, i: h.training.history[i[0]].test_accuracy, True
        ),
        "gap in accuracy": _of_header(
            "training accuracy less test accuracy",
            lambda h, i: h.training.history[i[0]].train_accuracy - h.training.history[i[0]].test_accuracy,
            True,
        ),
        "largest gain in an epoch": _of_header(
            "the most that an epoch added to the training accuracy",
            lambda h, i: steepest_epoch(h.training.history)[1],
            True,
        ),
        "overfitting": _of_header(
            "the rise of the test loss above its lowest, as a share, if the training loss fell on",
            lambda h, i: overfitting(h.training.history),
            True,
        ),
        "epochs": _of_header("the number of epochs of training", lambda h, i: len(h.training.history) - 1),
        "training images": _of_header("the number of training images", lambda h, i: h.dataset.train_count),
        "test images": _of_header("the number of test images", lambda h, i: h.dataset.test_count),
        "classes": _of_header("the number of classes", lambda h, i: len(h.classes)),
        "accuracy of guessing": _of_header("one over the number of classes", lambda h, i: 1 / len(h.classes)),
        "distance moved": _of_movement(
            "how far a filter is from its start, in lengths that it started with", lambda m, i: m.distance[i]
        ),
        "cosine with the start": _of_movement("cosine of a filter with its start", lambda m, i: m.cosine[i]),
        "likeness to the first map": Measure(
            "a map's correlation with what it was at the first epoch",
            lambda bundle, array, index, other: likeness_to_the_first(bundle, array, index),
        ),
        "share of the way": _of_movement(
            "one epoch's share of all the steps that a filter took", lambda m, i: m.share_of_way(*i)
        ),
        "images in common": _with_other(
            "over how many test images both bundles sampled their layers",
            lambda one, other, layer, i: compared(one, other).images,
        ),
        "matched channels": _with_other(
            "how many channels of the layer have a partner in its counterpart",
            lambda one, other, layer, i: len(counterpart(one, other, layer).matching.pairs),
        ),
        "correlation with its partner": _with_other(
            "the correlation of the channel at the index with its partner in the other network",
            lambda one, other, layer, i: next(
                (pair.correlation for pair in counterpart(one, other, layer).matching.pairs if pair.one == i[0]), 0.0
            ),
        ),
        "largest correlation": _with_other(
            "the largest correlation of the channel at the index with any of the layer's counterpart",
            lambda one, other, layer, i: likeness(one, other, layer)[i[0]].max(),
        ),
        "filters that start alike": _with_other(
            "the share of the layer's filters that began with the weights of one of its counterpart's",
            lambda one, other, layer, i: _known(start_alike(one, other, layer)),
        ),
        "CKA": _with_other("debiased linear CKA with the layer of the other network at the index, from 0", _cka),
        "loss of CKA with depth": _with_other("CKA of the first layers less that of the last", _cka_lost),
        "share of equal answers": _with_other(
            "the share of test images that both answer alike", lambda one, other, layer, i: equal_answers(one, other)
        ),
        "rows of the receptive field": Measure("the pixels that a place can see, from top to bottom", rows_in_view),
        "share seen beyond the image": Measure(
            "how much of what the strongest place of a map sees lies beyond the image", strongest_beyond
        ),
        "class selectivity": _of_stage("mean class selectivity of the live channels", lambda stage: stage.selectivity),
        "likeness to the image": _of_stage(
            "mean correlation of the live channels with the brightness or darkness of the image",
            lambda stage: stage.likeness,
        ),
        "favourites of one class": Measure(
            "of the images that light a channel most, the share that is of their commonest class, on average",
            lambda bundle, array, index, other: share_of_one_class(bundle, array.rpartition("/")[0]),
            over_images=True,
        ),
        "favourites of the commonest class": Measure(
            "of the images that light the channel at the index most, how many are of their commonest class",
            _favourites,
            over_images=True,
        ),
        "difference without the nonlinearity": _of_collapse(
            "the largest difference between two filters and the one they come to, by the largest number",
            lambda found: found.difference,
        ),
        "difference with the nonlinearity": _of_collapse(
            "the largest difference that a nonlinearity between two filters makes, by the largest number",
            lambda found: found.difference_between,
        ),
        "sum of products": _of_arithmetic(
            "the products of patch and filter added up, as a batch normalisation scales them", lambda at: at.summed
        ),
        "bias": _of_arithmetic("the filter's bias, as a batch normalisation scales and shifts it", lambda at: at.added),
        "images measured": _of_header(
            "over how many images channels were measured", lambda h, i: h.measures.images if h.measures else 0, True
        ),
        "images compared": _of_header(
            "over how many images channels were compared with classical maps",
            lambda h, i: h.measures.meaning_images if h.measures else 0,
            True,
        ),
        "images with an object": _of_header(
            "in how many images an object was found",
            lambda h, i: h.measures.foreground_images if h.measures else 0,
            True,
        ),
        "dead channels": _of_diagnosis("how many channels are zero on all images", lambda d: len(d.dead)),
        "redundant channels": _of_diagnosis(
            "how many channels repeat another", lambda d: sum(len(group.channels) for group in d.redundant)
        ),
        "background channels": _of_diagnosis("how many channels watch the background", lambda d: len(d.background)),
        "share off the object": _of(
            "the share of a channel's activation outside the object", lambda share: 1 - float(share.reshape(())), True
        ),
        "probability of a class": Measure("softmax of the logit at the index", _of_class),
        "share that supports": _of("the share of places of a Grad-CAM map that support the class", share_that_supports),
        "support against another's": _of_two(
            "all that supports one class in its Grad-CAM map, as a share of what supports another", support_against
        ),
        "answers with less support": Measure(
            "how many probes got an answer that has less support than the true class or the next likeliest",
            lambda bundle, array, index, other: answered_with_less(bundle, array.rpartition("/")[0]),
            over_images=True,
        ),
        "drop beyond the brightest's": Measure(
            "by how much more the answer's probability falls without the decisive channel than without the brightest",
            lambda bundle, array, index, other: (
                brightest_is_decisive(bundle, array.rpartition("/")[0], index[0]).beyond_the_brightest
            ),
        ),
    }
)


def measure(name: str, bundle: Bundle, array: str, index: tuple[int, ...] = (), other: Bundle | None = None) -> float:
    """Take the measure called `name` of `bundle`'s `array`, or of the part of it at `index`.

    Raises:
        BundleError: no such measure, or no such array or part.
    """
    if name not in MEASURES:
        raise BundleError(one_of("measure", name, list(MEASURES)))
    return MEASURES[name].take(bundle, array, index, other)


def sample_size(name: str, bundle: Bundle, array: str, other: Bundle | None = None) -> int:
    """Over how many images the measure called `name` is taken of `array`; 1 where it is taken of one probe."""
    header, part = bundle.header, array.rpartition("/")[2]
    if name not in MEASURES or not MEASURES[name].over_images:
        return 1
    if name.startswith(("training", "largest gain")):
        return max(1, header.dataset.train_count)
    if name == "answers with less support":
        return len(header.probes)
    if part == "sample" and other is not None:
        return max(1, compared(bundle, other).images)
    measured = header.measures
    if measured is None or array.startswith(HEADER) or part in ("test_predicted", "test_label", "test_probability"):
        return max(1, header.dataset.test_count)
    return max(
        1, {"meaning": measured.meaning_images, "foreground": measured.foreground_images}.get(part, measured.images)
    )
