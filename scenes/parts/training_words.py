"""What the record of a training says in words: its falls, its best epochs, the gap at its end, and guessing."""

from collections.abc import Sequence
from math import sqrt

from fmcore.analysis.answers import score
from fmcore.analysis.history import History, best_epoch, best_in_the_test, deepest_fall
from fmcore.analysis.saying import counted, listed, percent
from fmcore.bundle import Bundle

_MORE = 0.002  # of accuracy: by so much at the least, an epoch is said to have gone better than the last
_SEEN = 0.0005  # of accuracy: a gap that can be seen in a chart
_NAMED = 2  # epochs that are named one by one
CLEARLY = 1.1  # times another share: from then on one is called larger
_MOSTLY = 0.5  # of all that a filter moved: more than all other epochs together


def accuracy_in_words(share: float) -> str:
    return f"{share:.1%}"


def points(gain: float) -> str:
    return f"{100 * gain:.1f} percentage points"


def distance(gap: float) -> str:
    """How far apart two shares are that stand beside it with one decimal: less exact, so that it is no wrong sum."""
    gap = abs(100 * gap)
    return f"about {counted(round(gap), 'percentage point')}" if gap >= 1 else "less than a percentage point"


def epochs_in_words(epochs: Sequence[int]) -> str:
    """`epoch 3`, `epochs 3 and 5`, `epochs 3 and 4 more`."""
    return f"epoch{'s' * (len(epochs) > 1)} {listed([str(epoch) for epoch in epochs], most=_NAMED)}"


def fall_in_words(history: History) -> str:
    """The worst fall in between, and whether it was made good."""
    epoch, fall, recovered = deepest_fall(history)
    return (
        f" In epoch {epoch} the share falls by {points(fall)} and {'later recovers' if recovered else 'stays below'}."
    )


def best_in_words(history: History, tests: int) -> str:
    """After which epochs most of the `tests` images were answered rightly, where that was not only after the last."""
    epochs, most = best_in_the_test(history)
    last = history[-1]
    if last.epoch in epochs:
        others = [epoch for epoch in epochs if epoch != last.epoch]
        return f" As many were right {_when(others)}." if others else ""
    if most - last.test_accuracy < max(_MORE, 1 / tests):
        return ""
    return f" Most were right {_when(epochs)}: {accuracy_in_words(most)}."


def _when(epochs: Sequence[int]) -> str:
    trained = [epoch for epoch in epochs if epoch]
    return f"after {epochs_in_words(trained)}" if trained else "before training"


def is_equal(gap: float) -> bool:
    """Whether training and test are so near that one sees no gap between their lines."""
    return abs(gap) < _SEEN


def gap_in_words(gap: float, tested: float, tests: int) -> str:
    """By how much training images are answered better than `tests` others, `tested` of them right (0..1), at the end.

    A gap may be chance up to what one of them is worth, or twice the standard error of that share.
    """
    if is_equal(gap):
        return "At the end, training and test images are answered about equally well."
    which = "training" if gap > 0 else "test"
    chance = abs(gap) < max(1 / tests, 2 * sqrt(tested * (1 - tested) / tests))
    told = f" Among {counted(tests, 'test image')}, that may be chance." * chance
    return f"At the end, {which} images are answered better, by {distance(gap)}.{told}"


def verdict_in_words(history: History, wide: bool) -> tuple[str, str]:
    """What to say where the test loss has clearly risen while the training loss fell, and where it has not.

    `wide` says that there is a gap between their answers, which has been called a sign of overfitting by then.
    """
    risen = f"Since epoch {best_epoch(history)} the test loss has risen while the training loss fell"
    what = "A stronger sign is a test loss that rises" if wide else "In overfitting, the test loss rises"
    last = history[-1]
    both_fall = all(last.train_loss <= one.train_loss and last.test_loss <= one.test_loss for one in history)
    here = "both are lowest at the end" if both_fall else "that is not clearly so"
    return f"{risen}: that is overfitting.", f"{what} while the training loss falls. Here, {here}."


def share_in_words(share: float, others: float, epoch: int, stepped: bool) -> tuple[str, str]:
    """What a filter did in `epoch`: where that was clearly its largest `share` of all that it moved, and where not.

    `others` is the largest share of any other epoch; `stepped` says that the answers took their largest step in this
    one, and not that they hardly changed in any.
    """
    told = f"{percent(share)} of all its movement fell into epoch {epoch}"
    if not stepped or share > _MOSTLY:
        return f"{told}.", f"{told}."
    curve = "the largest step of the curve was"
    less = f": {curve} not the largest of this filter" * (share * CLEARLY < others)
    return f"{told}: {curve} the largest of this filter, too.", f"{told}{less}."


def blind_in_words(bundle: Bundle, tests: int) -> tuple[float, str]:
    """What one gets without a look, as a share, and how to say so after a result that is hardly more.

    That is by guessing, or by naming the commonest class of the `tests` images every time where this gets more.
    """
    guess, found = 1 / len(bundle.header.classes), score(bundle)
    if found is None or found.images != tests or found.blind <= guess:
        return guess, ", which guessing may give as well"
    name = bundle.class_name(found.commonest)
    return found.blind, f", where saying “{name}” every time would get {accuracy_in_words(found.blind)}"
