"""How many decimals arithmetic needs on screen, so that anybody who checks it with the rounded numbers agrees."""

from collections.abc import Sequence
from typing import Any

import numpy as np

FEWEST = 2  # decimals
_TRIED = (FEWEST, 3, 4)
_NOTHING = 1e-3  # of a hundredth: forgives the rounding of float32


def decimals_of_sum(terms: Sequence[float], total: float) -> int | None:
    """The fewest decimals, 2 to 4, at which the rounded `terms` add up to the rounded `total`; None if none do.

    `total` is the sum of `terms` but for rounding: 1.1285 - 0.1843 = 0.9442 needs four, as 1.13 - 0.18 is not 0.94.
    """
    return next((n for n in _TRIED if sum(_units(term, n) for term in terms) == _units(total, n)), None)


def product_agrees(one: float, other: float, n: int) -> bool:
    """Whether the product of two numbers, each rounded to `n` decimals, rounds to their own product, rounded alike."""
    return _units(_units(one, n) * _units(other, n) / 10 ** (2 * n), n) == _units(one * other, n)


def floored(value: Any) -> Any:
    """A number, or an array of them, rounded down to hundredths: so nothing is said to be more than it is."""
    return np.floor(np.asarray(value, np.float64) * 100 + _NOTHING) / 100


def rounded_likeness(value: Any) -> Any:
    """A likeness, or an array of them, rounded to hundredths, and to 1 only where nothing but rounding is missing."""
    exact = np.asarray(value, np.float64)
    return np.where(exact < 1 - _NOTHING / 100, np.minimum(np.round(exact, 2), 0.99), np.round(exact, 2))


def _units(value: float, places: int) -> int:
    """`value` in units of its last decimal, as it is printed."""
    return int(f"{value:.{places}f}".replace(".", ""))
