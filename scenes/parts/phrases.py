"""How to say what was measured: how far a place sees, and the sign of a magnitude."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fmcore.header import LayerInfo, ReceptiveField
from scenes.parts.text import number

_FIXED = ("none", "batch_norm", "affine")  # normalisations that take nothing from the image at hand


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


def why_the_rest(layers: Sequence[LayerInfo], *shown: LayerInfo) -> str:
    """How the rest of the image gets into the numbers of those `shown` into which it does, of all `layers` in order.

    Behind no normalisation that takes averages, it is something else that all places share, such as a gate.
    """
    reached = {layer.name for layer in shown if layer.field.local}
    if not reached:
        return ""
    last = max(number for number, layer in enumerate(layers) if layer.name in reached)
    normalised = any(layer.normalisation not in _FIXED for layer in layers[: last + 1])
    what = "Normalising takes averages" if normalised else "Some numbers are taken"
    return f"{what} over whole maps: so the rest gets in."


def signed(values: NDArray[np.floating]) -> Callable[[float], str]:
    """How the largest magnitude of `values` is written: with the sign of the value that has it."""
    below = bool(-values.min() > values.max())
    return lambda magnitude: number(-magnitude if below else magnitude)
