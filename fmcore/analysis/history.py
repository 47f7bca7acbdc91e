"""What the record of a training says: the steepest epoch, the gap between training and test, signs of overfitting."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from fmcore.header import BundleHeader, EpochRecord

History = Sequence[EpochRecord]

_SAME = 1e-9  # of a share: so far may equal ones be apart


def steepest_epoch(history: History) -> tuple[int, float]:
    """The epoch that raised the accuracy on the training images most, and by how much (a share); the first of equals.

    `history` holds epoch 0, before training, and at least one more.
    """
    gains = [(after.epoch, after.train_accuracy - before.train_accuracy) for before, after in pairwise(history)]
    return max(gains, key=lambda gain: gain[1])


def as_steep(history: History) -> list[int]:
    """All epochs that raised it as much as the steepest did."""
    most = steepest_epoch(history)[1]
    return [b.epoch for a, b in pairwise(history) if b.train_accuracy - a.train_accuracy >= most - _SAME]


def deepest_fall(history: History) -> tuple[int, float, bool]:
    """The epoch that lowered the accuracy on the training images most, by how much, and whether it recovered later.

    The first of equals; recovered is what came up to where it had been before. A fall of zero or less is none.
    """
    falls = [(after.epoch, before.train_accuracy - after.train_accuracy) for before, after in pairwise(history)]
    epoch, fall = max(falls, key=lambda one: one[1])
    number = next(n for n, record in enumerate(history) if record.epoch == epoch)
    before = history[number - 1].train_accuracy
    return epoch, fall, any(later.train_accuracy >= before - _SAME for later in history[number + 1 :])


def best_in_the_test(history: History) -> tuple[list[int], float]:
    """After which epochs most of the test images were answered rightly, all of equals, and the share of them."""
    most = max(record.test_accuracy for record in history)
    return [record.epoch for record in history if record.test_accuracy >= most - _SAME], most


def best_epoch(history: History) -> int:
    """The epoch after which the test loss was lowest; the first of equals."""
    return min(history, key=lambda record: record.test_loss).epoch


def overfitting(history: History) -> float:
    """By which share of its lowest value the test loss has risen at the end while the training loss fell further.

    Zero where the test loss ends at its lowest, and where the training loss has not fallen since: then the network got
    worse at both, which is another matter.
    """
    best = min(history, key=lambda record: record.test_loss)
    last = history[-1]
    if last.train_loss >= best.train_loss:
        return 0.0
    return last.test_loss / best.test_loss - 1 if best.test_loss > 0 else 0.0


def weights_are(header: BundleHeader) -> Literal["trained", "random", "unknown"]:
    """What is known of the weights; those that a factory brings along may be either."""
    said = header.model.weights
    if said == "trained here":
        return "trained" if header.training.epochs else "random" if starts_at_random(header) else "unknown"
    return "random" if said == "random" else "unknown" if said.startswith("from ") else "trained"


def starts_at_random(header: BundleHeader) -> bool:
    """Whether it is known that the training began with random weights, and not with somebody's trained ones."""
    recipe = header.recipe
    model = recipe.get("model", "")
    ours = bool(model) and (":" not in model or model.startswith("torchvision:"))  # else a factory of its own
    return ours and recipe.get("weights") == "" and header.model.weights == "trained here"
