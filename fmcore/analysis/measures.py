"""Measures by name: what a sentence about a model may rest on, so that anybody can take it again.

A measure is a pure function of a bundle, an array of it and an index into that array's leading axes. Places,
channels and filters count from 1, as on screen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from fmcore.bundle import Bundle
from fmcore.errors import BundleError, one_of

Floats = NDArray[np.floating]
OfArray = Callable[[Floats], float]
OfBundle = Callable[[Bundle, str, tuple[int, ...], Bundle | None], float]


@dataclass(frozen=True)
class Measure:
    """How a value is taken; `explained` says it in words."""

    explained: str
    take: OfBundle
    over_images: bool = False  # taken over the images of the statistics, not over one probe


def _of(explained: str, function: OfArray, over_images: bool = False) -> Measure:
    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        return float(function(np.asarray(bundle.part(array, *index))))

    return Measure(explained, take, over_images)


def _size(explained: str, axis: int) -> Measure:
    """The length of an array's axis, from the header alone."""

    def take(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None) -> float:
        return float(bundle.info(array).shape[len(index) :][axis])

    return Measure(explained, take)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits.astype(np.float64) - float(logits.max()))
    return np.asarray(powers / powers.sum())


def _place(values: Floats, axis: int) -> float:
    return float(np.unravel_index(int(values.argmax()), values.shape)[axis]) + 1


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
        "mean": _of("the mean", lambda values: float(values.mean(dtype=np.float64))),
        "share of zeros": _of("the share of values that are zero or less", lambda values: float((values <= 0).mean())),
        "share above zero": _of("the share of values above zero", lambda values: float((values > 0).mean())),
        "row of the largest value": _of("its row, from 1", lambda values: _place(values, -2)),
        "column of the largest value": _of("its column, from 1", lambda values: _place(values, -1)),
        "class of the answer": _of("the class with the largest logit, from 0", lambda logits: float(logits.argmax())),
        "probability of the answer": _of("softmax of the largest logit", lambda logits: float(_softmax(logits).max())),
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
