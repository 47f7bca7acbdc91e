"""Arrays as text for the page: byte planes, zlib, base64, one after the other in a single block.

Byte planes put all first bytes of an array's values before all second ones (the "shuffle" of HDF5): the bytes that hold
sign and exponent are then neighbours, and zlib finds them alike.
"""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from typing import Any, Literal, TypedDict
from zlib import compress

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Coding = Literal["float32", "int32", "uint8", "levels8", "levels16"]

_TYPES: dict[Coding, str] = {"float32": "<f4", "int32": "<i4", "uint8": "u1", "levels8": "u1", "levels16": "<u2"}
STEPS: dict[Coding, int] = {"levels8": 256, "levels16": 65536}
LEAST = 2.0**-100  # a step: any whole number of them is a float32
_LARGEST = 2.0**126  # a range beyond it has no room for a level more at its ends
_MANTISSA = 24  # bits of a float32


class Packed(TypedDict):
    """Where an array lies in the text, and how to read it; see `Packed` of the page's contract."""

    start: int
    end: int
    shape: list[int]
    coding: Coding
    each: int


@dataclass(frozen=True)
class Encoded:
    """One array, compressed, and what is needed to read it."""

    stream: bytes
    shape: tuple[int, ...]
    coding: Coding
    each: int  # values in a run that has its own low and step; 0 where nothing is rounded

    @property
    def characters(self) -> int:
        """Its length as base64."""
        return -(-len(self.stream) // 3) * 4


def encode(array: Array, coding: Coding, each: int = 0) -> Encoded:
    """Compress `array` (any shape).

    Rounded, every run of `each` values has its own smallest value `low` and `step`, and a value becomes the nearest
    low + level x step. All lows and then all steps come first, as the planes of one float32 array.
    """
    if coding not in STEPS:
        return Encoded(compress(_planes(array, coding), 9), array.shape, coding, 0)
    low, step, levels = levels_of(np.asarray(array, np.float32).reshape(-1, each), STEPS[coding] - 1)
    stream = _planes(np.concatenate([low, step]), "float32") + _planes(levels, coding)
    return Encoded(compress(stream, 9), array.shape, coding, each)


def _planes(array: Array, coding: Coding) -> bytes:
    values = np.ascontiguousarray(array, dtype=_TYPES[coding])
    return values.reshape(-1).view(np.uint8).reshape(-1, values.itemsize).T.tobytes()


def levels_of(runs: Array, most: int) -> tuple[Array, Array, Array]:
    """`runs` (R, each) as low (R,), step (R,), both float32, and whole levels (R, each) from 0 to `most`.

    A run that is the same everywhere has step 0. Where a run has values below zero and others not, zero is one of the
    levels, so that what is zero stays so and no value changes its sign; elsewhere no value leaves the run's range.
    """
    values = runs.astype(np.float64)
    low, high = values.min(1), values.max(1)
    both = (low < 0) & (high >= 0) & (high - low < _LARGEST)
    step = np.where(both, _short((high - low) / (most - 1), most), _down((high - low) / most))
    low = np.where(both, -np.ceil(-low / np.where(both, step, 1)) * step, low)
    level = np.rint((values - low[:, None]) / np.where(step > 0, step, np.inf)[:, None])
    return low.astype(np.float32), step.astype(np.float32), np.clip(level, 0, most).astype(np.int64)


def _short(step: Array, most: int) -> Array:
    """`step` rounded up to so few binary digits that its products with 0 to `most` are all float32."""
    mantissa, exponent = np.frexp(np.maximum(step, LEAST))
    digits = _MANTISSA - most.bit_length()
    rounded: Array = np.ldexp(np.ceil(np.ldexp(mantissa, digits)), exponent - digits)
    return rounded


def _down(step: Array) -> Array:
    """`step` rounded down to a float32."""
    nearest = step.astype(np.float32)
    down: Array = np.where(nearest > step, np.nextafter(nearest, np.float32(0)), nearest).astype(np.float64)
    return down


def largest_error(coding: Coding) -> float:
    """By how much a rounded value may be off, as a share of the range of its run; 0 where nothing is rounded."""
    if coding not in STEPS:
        return 0.0
    most = STEPS[coding] - 1
    return 0.5 / (most - 1) * (1 + 2.0 ** (most.bit_length() - _MANTISSA + 1))


class Packer:
    """Collects arrays in one text; what is there already is not written again."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._length = 0
        self._known: dict[bytes, int] = {}  # where the text of a stream begins, by its digest

    def place(self, encoded: Encoded) -> Packed:
        """Append an array."""
        digest = hashlib.sha256(encoded.stream).digest()
        start = self._known.get(digest)
        if start is None:
            start = self._known[digest] = self._length
            self._texts.append(b64encode(encoded.stream).decode("ascii"))
            self._length += len(self._texts[-1])
        return Packed(
            start=start,
            end=start + encoded.characters,
            shape=list(encoded.shape),
            coding=encoded.coding,
            each=encoded.each,
        )

    @property
    def text(self) -> str:
        return "".join(self._texts)
