"""Measures by name: what a sentence about a model may rest on, so that anybody can take it again.

A measure is a pure function of a bundle, an array of it and an index into that array's leading axes. Places,
channels and filters count from 1, as on screen.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from fmcore.analysis.alignment import rows_in_view, strongest_beyond
from fmcore.analysis.answers import softmax
from fmcore.analysis.attribution import (
    brightest_is_decisive,
    in_the_way,
    largest_gain,
    left_without_the_neediest,
    lit_by_brightness,
    place_of_the_neediest,
    places_of_half,
    support_against,
)
from fmcore.analysis.cases import answered_with_less, needing_another, needing_none
from fmcore.analysis.counterparts import (
    compared,
    counterpart,
    equal_answers,
    likeness,
    likeness_on_one_image,
    start_alike,
)
from fmcore.analysis.examples import dead_in_all, likest_in_all
from fmcore.analysis.favourites import share_by_chance, share_of_one_class
from fmcore.analysis.flattering import share_of_reach
from fmcore.analysis.hierarchy import live_share_above_zero
from fmcore.analysis.history import best_in_the_test, deepest_fall, overfitting, steepest_epoch
from fmcore.analysis.learning import likeness_to_the_first
from fmcore.analysis.taking import (
    Measure,
    cka,
    cka_lost,
    count_of,
    known,
    met_by_signs,
    of,
    of_ablations,
    of_answers,
    of_arithmetic,
    of_class,
    of_collapse,
    of_diagnosis,
    of_favourites,
    of_header,
    of_movement,
    of_slice,
    of_stage,
    of_two,
    place_of,
    share_of_the_commonest,
    size_of,
    with_other,
)
from fmcore.analysis.weighing import added_to_class, error_of_sum, support_off_the_object
from fmcore.bundle import Bundle
from fmcore.errors import BundleError, one_of
from fmcore.header import rightly_answered

HEADER = "header/"  # what stands in the header counts as an array of this name, such as `header/training.history`


def digest_of(bundle: Bundle, array: str) -> str:
    """sha256 of `array`; of the whole bundle where the numbers stand in its header.

    Raises:
        BundleError: there is no such array.
    """
    return bundle.digest if _in_header(bundle, array) else bundle.info(array).sha256


def _in_header(bundle: Bundle, array: str) -> bool:
    """Whether the numbers called `array` stand in the header: a module may be called like it, and has arrays."""
    return array.startswith(HEADER) and array not in bundle.header.arrays


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "value": of("the value itself", lambda values: float(values.reshape(()))),
        "value over images": of("a channel's statistic over many images", lambda v: float(v.reshape(())), True),
        "length": size_of("the length of the first axis", 0),
        "rows": size_of("the number of rows", -2),
        "columns": size_of("the number of columns", -1),
        "channels": size_of("the number of channels", -3),
        "largest value": of("the largest value", lambda values: float(values.max())),
        "smallest value": of("the smallest value", lambda values: float(values.min())),
        "spread": of("the largest value less the smallest", lambda values: float(np.ptp(values))),
        "largest magnitude": of("the largest value without its sign", lambda values: float(np.abs(values).max())),
        "magnitude against another's": of_two("a channel's largest magnitude as a share of another's", share_of_reach),
        "mean": of("the mean", lambda values: float(values.mean(dtype=np.float64))),
        "share of zeros": of("the share of values that are zero or less", lambda values: float((values <= 0).mean())),
        "share above zero": of("the share of values above zero", lambda values: float((values > 0).mean())),
        "places of the largest value": of(
            "how many values are as large as the largest", lambda values: float((values == values.max()).sum())
        ),
        "row of the largest value": of("its row, from 1", lambda values: place_of(values, -2)),
        "column of the largest value": of("its column, from 1", lambda values: place_of(values, -1)),
        "channel of the largest value": of("its channel, from 1", lambda values: place_of(values, -3)),
        "class of the answer": of("the class with the largest logit, from 0", lambda logits: float(logits.argmax())),
        "probability of the answer": of("softmax of the largest logit", lambda logits: float(softmax(logits).max())),
        "numbers": Measure("how many numbers there are", count_of),
        "training loss": of_header(
            "loss on the training images", lambda h, i: h.training.history[i[0]].train_loss, True
        ),
        "test loss": of_header("loss on the test images", lambda h, i: h.training.history[i[0]].test_loss, True),
        "training accuracy": of_header(
            "the share of training images answered rightly", lambda h, i: h.training.history[i[0]].train_accuracy, True
        ),
        "test accuracy": of_header(
            "the share of test images answered rightly", lambda h, i: h.training.history[i[0]].test_accuracy, True
        ),
        "gap in accuracy": of_header(
            "training accuracy less test accuracy",
            lambda h, i: h.training.history[i[0]].train_accuracy - h.training.history[i[0]].test_accuracy,
            True,
        ),
        "largest gain in an epoch": of_header(
            "the most that an epoch added to the training accuracy",
            lambda h, i: steepest_epoch(h.training.history)[1],
            True,
        ),
        "largest fall in an epoch": of_header(
            "the most that an epoch took from the training accuracy",
            lambda h, i: deepest_fall(h.training.history)[1],
            True,
        ),
        "best test accuracy": of_header(
            "the largest share of test images answered rightly after any epoch",
            lambda h, i: best_in_the_test(h.training.history)[1],
            True,
        ),
        "overfitting": of_header(
            "the rise of the test loss above its lowest, as a share, if the training loss fell on",
            lambda h, i: overfitting(h.training.history),
            True,
        ),
        "epochs": of_header("the number of epochs of training", lambda h, i: len(h.training.history) - 1),
        "images in a batch": of_header(
            "the number of images in one step of training",
            lambda h, i: min(h.training.batch_size, h.dataset.train_count),
        ),
        "training images": of_header("the number of training images", lambda h, i: h.dataset.train_count),
        "test images": of_header("the number of test images", lambda h, i: h.dataset.test_count),
        "classes": of_header("the number of classes", lambda h, i: len(h.classes)),
        "accuracy of guessing": of_header("one over the number of classes", lambda h, i: 1 / len(h.classes)),
        "distance moved": of_movement(
            "how far a filter is from its start, in lengths that it started with", lambda m, i: m.distance[i]
        ),
        "cosine with the start": of_movement("cosine of a filter with its start", lambda m, i: m.cosine[i]),
        "likeness to the first map": Measure(
            "a map's correlation with what it was at the first epoch",
            lambda bundle, array, index, other: likeness_to_the_first(bundle, array, index),
        ),
        "share of the way": of_movement(
            "one epoch's share of all the steps that a filter took", lambda m, i: m.share_of_way(*i)
        ),
        "images in common": with_other(
            "over how many test images both bundles sampled their layers",
            lambda one, other, layer, i: compared(one, other).images,
        ),
        "matched channels": with_other(
            "how many channels of the layer have a partner in its counterpart",
            lambda one, other, layer, i: len(counterpart(one, other, layer).matching.pairs),
        ),
        "correlation with its partner": with_other(
            "the correlation of the channel at the index with its partner in the other network",
            lambda one, other, layer, i: next(
                (pair.correlation for pair in counterpart(one, other, layer).matching.pairs if pair.one == i[0]), 0.0
            ),
        ),
        "largest correlation": with_other(
            "the largest correlation of the channel at the index with any of the layer's counterpart",
            lambda one, other, layer, i: likeness(one, other, layer)[i[0]].max(),
        ),
        "correlation on one image": with_other(
            "the correlation of a map with one of the layer's counterpart, at index (p, q, c, d): probes and channels",
            likeness_on_one_image,
            over_images=False,
        ),
        "filters that start alike": with_other(
            "the share of the layer's filters that began with the weights of one of its counterpart's",
            lambda one, other, layer, i: known(start_alike(one, other, layer)),
            over_images=False,
        ),
        "CKA": with_other("debiased linear CKA with the layer of the other network at the index, from 0", cka),
        "loss of CKA with depth": with_other("CKA of the first layers less that of the last", cka_lost),
        "share of equal answers": with_other(
            "the share of test images that both answer alike", lambda one, other, layer, i: equal_answers(one, other)
        ),
        "rows of the receptive field": Measure("the pixels that a place can see, from top to bottom", rows_in_view),
        "share seen beyond the image": Measure(
            "how much of what the strongest place of a map sees lies beyond the image", strongest_beyond
        ),
        "class selectivity": of_stage("mean class selectivity of the live channels", lambda stage: stage.selectivity),
        "class selectivity by chance": of_stage(
            "mean class selectivity of the live channels where each image has the label of another",
            lambda stage: stage.chance,
        ),
        "stride": Measure(
            "by how many places filters or windows move on, the more of down and across",
            lambda bundle, array, index, other: max(bundle.layer(array.rpartition("/")[0]).stride),
        ),
        "likeness to the image": of_stage(
            "mean correlation of the live channels with the brightness or darkness of the image",
            lambda stage: stage.likeness,
        ),
        "live share above zero": Measure(
            "the share of values above zero in what the live channels make of one probe",
            lambda bundle, array, index, other: live_share_above_zero(bundle, array.rpartition("/")[0], index[0]),
        ),
        "favourites of one class": Measure(
            "of the images that light a channel most, the share that is of their commonest class, on average",
            lambda bundle, array, index, other: share_of_one_class(bundle, array.rpartition("/")[0]),
            over_images=True,
        ),
        "favourites of one class by chance": Measure(
            "what the share of favourites that are of their commonest class would be if they were drawn blindly",
            lambda bundle, array, index, other: share_by_chance(bundle, array.rpartition("/")[0]),
            over_images=True,
        ),
        "favourites of the commonest class": Measure(
            "of the images that light the channel at the index most, how many are of their commonest class",
            of_favourites,
            over_images=True,
        ),
        "difference without the nonlinearity": of_collapse(
            "the largest difference between two filters and the one they come to, by the largest number",
            lambda found: found.difference,
        ),
        "difference with the nonlinearity": of_collapse(
            "the largest difference that a nonlinearity between two filters makes, by the largest number",
            lambda found: found.difference_between,
        ),
        "sum of products": of_arithmetic(
            "the products of patch and filter added up, as a fixed normalisation scales them", lambda at: at.summed
        ),
        "bias": of_arithmetic("the filter's bias, as a fixed normalisation scales and shifts it", lambda at: at.added),
        "sum of a slice's products": Measure(
            "the products of one slice of the filter added up, as a fixed normalisation scales them", of_slice
        ),
        "met by positive weights beyond negative ones": Measure(
            "the weighted mean of what a filter's positive weights meet at a place, less that of its negative ones",
            met_by_signs,
        ),
        "share of right answers": Measure(
            "the share of the test images that get the answer of their class", of_answers, over_images=True
        ),
        "share of the commonest": of("the share of the commonest value", share_of_the_commonest, True),
        "images measured": of_header(
            "over how many images channels were measured", lambda h, i: h.measures.images if h.measures else 0, True
        ),
        "images compared": of_header(
            "over how many images channels were compared with classical maps",
            lambda h, i: h.measures.meaning_images if h.measures else 0,
            True,
        ),
        "images with an object": of_header(
            "in how many images an object was found",
            lambda h, i: h.measures.foreground_images if h.measures else 0,
            True,
        ),
        "dead channels": of_diagnosis("how many channels are zero on all images", lambda d: len(d.dead)),
        "redundant channels": of_diagnosis(
            "how many channels repeat another", lambda d: sum(len(group.channels) for group in d.redundant)
        ),
        "still channels of all layers": Measure(
            "how many channels of all layers have one value everywhere, on all images",
            lambda bundle, array, index, other: dead_in_all(bundle),
            over_images=True,
        ),
        "largest correlation of all layers": Measure(
            "the largest correlation of two channels of one layer, in any layer",
            lambda bundle, array, index, other: likest_in_all(bundle),
            over_images=True,
        ),
        "background channels": of_diagnosis("how many channels watch the background", lambda d: len(d.background)),
        "share off the object": of(
            "the share of a channel's activation outside the object", lambda share: 1 - float(share.reshape(())), True
        ),
        "probability of a class": Measure("softmax of the logit at the index", of_class),
        "places of half the support": of(
            "the fewest places of a Grad-CAM map that hold half of what supports the class", places_of_half
        ),
        "added to a class": Measure(
            "what a channel, times its weight, adds to a class in its Grad-CAM map, over all places",
            lambda bundle, array, index, other: added_to_class(bundle, array.rpartition("/")[0], *index),
        ),
        "support off the object": Measure(
            "the share of a class's support that comes from places whose pixels do not show the object",
            lambda bundle, array, index, other: support_off_the_object(bundle, array.rpartition("/")[0], *index),
        ),
        "error of the weighted sum": Measure(
            "by what share of its largest value the weighted maps, added up, miss the Grad-CAM map",
            lambda bundle, array, index, other: error_of_sum(bundle, array.rpartition("/")[0], *index),
        ),
        "images to choose from": of_header(
            "how many of the images shown are answered rightly; all of them where none is known to be",
            lambda h, i: len(rightly_answered(h.probes)),
        ),
        "brightest of those tried": of_ablations(
            "the brightest channel, by its sum above zero, of those that were set to zero, from 1",
            lambda bundle, layer, probe: brightest_is_decisive(bundle, layer, probe).brightest.channel + 1,
        ),
        "support against another's": of_two(
            "all that supports one class in its Grad-CAM map, as a share of what supports another", support_against
        ),
        "answers with less support": Measure(
            "how many probes got an answer that has less support than the true class or the next likeliest",
            lambda bundle, array, index, other: answered_with_less(bundle, array.rpartition("/")[0]),
            over_images=True,
        ),
        "answers that need another": Measure(
            "how many probes got an answer that needs another channel by a point more than the brightest",
            lambda bundle, array, index, other: needing_another(bundle, array.rpartition("/")[0]),
            over_images=True,
        ),
        "answers that need no channel": Measure(
            "how many probes got an answer that loses less than a point without any single channel",
            lambda bundle, array, index, other: needing_none(bundle, array.rpartition("/")[0]),
            over_images=True,
        ),
        "lit channels tried": of_ablations(
            "how many channels that were set to zero are lit on the image",
            lambda b, layer, p: len(lit_by_brightness(b, layer, p)),
        ),
        "place of the neediest": of_ablations(
            "where, by brightness, the channel stands that the answer needs most", place_of_the_neediest
        ),
        "least probability left": of_ablations(
            "what is left of the answer's probability without the channel that it needs most", left_without_the_neediest
        ),
        "channels in the way": of_ablations("without how many lit channels the answer gets surer", in_the_way),
        "largest gain without a channel": of_ablations(
            "by how much the answer's probability rises at most without a lit channel", largest_gain
        ),
        "drop beyond the brightest's": of_ablations(
            "by how much more the answer's probability falls without the decisive channel than without the brightest",
            lambda bundle, layer, probe: brightest_is_decisive(bundle, layer, probe).beyond_the_brightest,
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
    if name.startswith(("training", "largest gain", "largest fall")):
        return max(1, header.dataset.train_count)
    if name in ("answers with less support", "answers that need another", "answers that need no channel"):
        return len(header.probes)
    if part == "sample" and other is not None:
        return max(1, compared(bundle, other).images)
    measured = header.measures
    if measured is None or _in_header(bundle, array) or part in ("test_predicted", "test_label", "test_probability"):
        return max(1, header.dataset.test_count)
    return max(
        1, {"meaning": measured.meaning_images, "foreground": measured.foreground_images}.get(part, measured.images)
    )
