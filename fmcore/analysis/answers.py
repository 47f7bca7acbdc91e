"""What a network answers: how probable that is, and what the answers to all images say at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from fmcore.bundle import Array, Bundle

_FEW = 10  # images, which chance or their likeness may well give one answer
_MOSTLY = 0.5  # of the answers: with fewer right ones, a network is wrong more often than not


@dataclass(frozen=True)
class Score:
    """How often a network answers many images rightly, beside what one answer to all of them would get."""

    images: int
    right: float  # the share of right answers
    commonest: int  # the class that most images are of
    blind: float  # their share: what naming it every time, without a look, would get
    only: int | None  # the class that every image is said to be, where it is one and the same

    @property
    def least(self) -> float:
        """The share of right answers below which a network is called weak.

        Half, or what blindly naming the commonest class would get, and twice the standard error of that.
        """
        return max(_MOSTLY, self.blind + 2 * sqrt(self.blind * (1 - self.blind) / self.images))

    @property
    def is_weak(self) -> bool:
        return self.only is not None or self.right < self.least


def softmax(logits: Array) -> NDArray[np.float64]:
    """The probabilities (..., K) that logits (..., K) stand for."""
    powers = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(-1, keepdims=True)
    return shares


def right_share(bundle: Bundle, answers: str = "test_predicted") -> float | None:
    """The share of the test images that get the answer of their class; None where answers or classes are not known."""
    if not {"test_label", answers} <= set(bundle.header.arrays):
        return None
    return float((bundle.array(answers) == bundle.array("test_label")).mean())


def score(bundle: Bundle) -> Score | None:
    """The score over the test images; None where fewer than ten are known, or all are of one class."""
    if (right := right_share(bundle)) is None:
        return None
    labels, said = bundle.array("test_label"), bundle.array("test_predicted")  # (M,) each
    classes, counts = np.unique(labels, return_counts=True)
    if len(labels) < _FEW or len(classes) < 2 or classes[0] < 0:
        return None
    only = int(said[0]) if np.ptp(said) == 0 else None
    share = float(counts.max() / len(labels))
    return Score(len(labels), right, int(classes[counts.argmax()]), share, only)


def one_answer(
    predicted: NDArray[np.integer],
    labels: NDArray[np.integer] | None,
    classes: Sequence[str],
    trained_here: bool = False,
) -> str | None:
    """A sentence where ten or more images, not known to be of one class, all get one and the same answer; else None.

    Args:
        predicted: (M,), such as the array `test_predicted` of a bundle.
        labels: (M,), such as its `test_label`, where the classes of the images are known.
        classes: The names of the classes.
        trained_here: Whether it was trained by fmcore, so that its weights and its images go together.
    """
    own, others = "train it for more epochs, or on more images", "check its weights and how its images are prepared"
    if len(predicted) < _FEW or (labels is not None and len(np.unique(labels)) == 1) or np.ptp(predicted) > 0:
        return None
    return (
        f"The model answers '{classes[predicted[0]]}' to every one of {len(predicted):,} images, so it tells nothing"
        f" apart; {own if trained_here else others}."
    )
