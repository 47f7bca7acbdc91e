"""Whether the outputs of a network were made for the same classes in another order."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from fmcore.analysis.saying import listed

_FEW = 10  # images, of which chance may well get many right
_MOSTLY = 0.5  # of the answers: so many are right at the least where the names are
_GAINED = 0.3  # of the answers: what other names must make right to be more than chance
_BEYOND_BLIND = 0.25  # of what naming the commonest class blindly leaves: so much more the names must make right
_MOST_LISTED = 10  # names


def another_order(predicted: NDArray[np.integer], labels: NDArray[np.integer], classes: Sequence[str]) -> str | None:
    """A sentence where far more answers would be right if the network's outputs were called otherwise; else None.

    The names are those of the classes, each for one output: the assignment that makes most answers right. Where that
    is hardly more than one answer to all images would make right, names are not what is wrong.

    Args:
        predicted: (M,), the number of the output with the largest value.
        labels: (M,), numbers of classes.
        classes: The names of the classes, in the order in which outputs are called after them.
    """
    if len(labels) < _FEW:
        return None
    counts = np.zeros((len(classes), len(classes)))  # by output and class
    np.add.at(counts, (predicted, labels), 1)
    named = linear_sum_assignment(counts, maximize=True)[1]  # the class of every output
    now, best = counts.trace() / len(labels), counts[np.arange(len(classes)), named].sum() / len(labels)
    blind = counts.sum(0).max() / len(labels)  # which is all that a network gets right that answers one thing
    chance = 2 * sqrt(blind * (1 - blind) / len(labels))
    if best < max(_MOSTLY, blind + max(chance, _BEYOND_BLIND * (1 - blind))) or best - now < _GAINED:
        return None
    order = [f"'{classes[number]}'" for number in named]
    return (
        f"Attention: {now:.0%} of {len(labels):,} test images are answered right, and {best:.0%} would be if the"
        f" outputs were called {listed(order, most=_MOST_LISTED)}, in this order; nobody named them, so they are"
        " called after the classes of the data in theirs. Name the network's own with --classes."
    )
