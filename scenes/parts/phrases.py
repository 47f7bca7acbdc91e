"""How to say what was measured: how far a place sees, and the sign of a magnitude."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fmcore.header import ReceptiveField
from scenes.parts.text import number


def field_words(field: ReceptiveField) -> str:
    """How much of the image one place sees; `and_the_rest` belongs at the end of the sentence."""
    if not field.known:
        return "a part not worked out"
    if not field.boxed:
        return "the whole image"
    return f"{'at most ' * (not field.exact)}{field.size[0]} by {field.size[1]} pixels"


def and_the_rest(*fields: ReceptiveField) -> str:
    """What to say after fields of which some see the image beyond their box in numbers that all places share."""
    return ", and the rest summed up" * any(field.local for field in fields)


def signed(values: NDArray[np.floating]) -> Callable[[float], str]:
    """How the largest magnitude of `values` is written: with the sign of the value that has it."""
    below = bool(-values.min() > values.max())
    return lambda magnitude: number(-magnitude if below else magnitude)
