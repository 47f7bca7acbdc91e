"""What the answers to all images say at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_FEW = 10  # images, which chance or their likeness may well give one answer


def one_answer(
    predicted: NDArray[np.integer], labels: NDArray[np.integer] | None, classes: Sequence[str]
) -> str | None:
    """A sentence where ten or more images, not known to be of one class, all get one and the same answer; else None.

    Args:
        predicted: (M,), such as the array `test_predicted` of a bundle.
        labels: (M,), such as its `test_label`, where the classes of the images are known.
        classes: The names of the classes.
    """
    if len(predicted) < _FEW or (labels is not None and len(np.unique(labels)) == 1) or np.ptp(predicted) > 0:
        return None
    return (
        f"The model answers '{classes[predicted[0]]}' to every one of {len(predicted):,} images, so it tells nothing"
        " apart; check its weights and how its images are prepared."
    )
