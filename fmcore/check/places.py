"""Which pixels of a frame show which value of a map, and averages over them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fmcore.check.planes import Floats
from fmcore.lesson.storyboard import Box

Flags = NDArray[np.bool_]

AREA = 4  # pixels a side of an area: two samples of chroma
_BEYOND = 1.5  # pixels by which a box may reach beyond the frame
_TIE = 0.03  # pixels from the border of two values within which a pixel's centre may show either
_SOFT = 0.25  # pixels by which what crosses a picture is taken to be larger: its edges are soft


@dataclass(frozen=True)
class _Axis:
    """Along one axis: `count` values from pixel `start` to pixel `end`.

    `window` are the first pixel and the end of the whole areas that the values lie in.
    """

    start: float
    end: float
    count: int
    window: tuple[int, int]

    @classmethod
    def of(cls, low: float, high: float, length: int, count: int) -> Self | None:
        """From the shares `low` to `high` of `length` pixels; None where that leaves the frame."""
        start, end = low * length, high * length
        if start < -_BEYOND or end > length + _BEYOND or end <= start:
            return None
        first, last = max(0, floor(start / AREA)), min(length // AREA, ceil(end / AREA))
        return cls(start, end, count, (first * AREA, last * AREA))

    @property
    def step(self) -> float:
        """Pixels a value."""
        return (self.end - self.start) / self.count

    @property
    def pixels(self) -> NDArray[np.intp]:
        return np.arange(*self.window)

    @property
    def owners(self) -> NDArray[np.intp]:
        """Of every pixel of the window the value that its centre lies in, or the nearest."""
        position = (self.pixels + 0.5 - self.start) / self.step
        found: NDArray[np.intp] = np.clip(np.floor(position), 0, self.count - 1).astype(np.intp)
        return found

    @property
    def sure(self) -> Flags:
        """Of every pixel whether it is sure which value it shows."""
        position = (self.pixels + 0.5 - self.start) / self.step
        found: Flags = np.abs(position - np.round(position)) * self.step > _TIE
        return found

    def whole(self, grain: int = 1) -> Flags:
        """Of every pixel whether its sample, of `grain` pixels a side, lies wholly inside the values."""
        low = self.pixels // grain * grain
        found: Flags = (low >= self.start - 1e-6) & (low + grain <= self.end + 1e-6)
        return found

    def inner(self, grain: int = 1) -> Flags:
        """Of every pixel whether it lies wholly inside its value's square, or deepest in a square that holds none."""
        owners = self.owners
        low = self.pixels // grain * grain
        depth = np.minimum(low - self.start - owners * self.step, self.start + (owners + 1) * self.step - low - grain)
        deepest = np.full(self.count, -np.inf)
        np.maximum.at(deepest, owners, depth)
        found: Flags = depth >= np.minimum(0, deepest[owners]) - 1e-6
        return found

    def crossed(self, low: float, high: float, grain: int = 1) -> Flags:
        """Of every pixel whether what lies from pixel `low` to pixel `high` touches its sample."""
        first = self.pixels // grain * grain
        found: Flags = (first < high + _SOFT) & (first + grain > low - _SOFT)
        return found


@dataclass(frozen=True)
class Place:
    """Where the values of a map lie in a frame, and what crosses them there; boxes are in pixels."""

    rows: _Axis
    columns: _Axis
    crossings: tuple[Box, ...] = ()

    @classmethod
    def of(cls, box: Box, size: tuple[int, int], shape: tuple[int, int], crossed: Iterable[Box] = ()) -> Self | None:
        """The place of a map of `shape` in `box` of a frame of `size` pixels; None where it leaves the frame.

        Shape and size are (rows, columns), `crossed` boxes that are drawn over it.
        """
        height, width = size
        rows = _Axis.of(box[1], box[3], height, shape[0])
        columns = _Axis.of(box[0], box[2], width, shape[1])
        if rows is None or columns is None:
            return None
        return cls(rows, columns, tuple((a * width, b * height, c * width, d * height) for a, b, c, d in crossed))

    @property
    def pixels(self) -> float:
        """Pixels a value, along the narrower axis."""
        return min(self.rows.step, self.columns.step)

    def of_values(self, plane: Floats, grain: int = 1) -> Floats:
        """The mean of `plane` inside every value's square, (rows, columns); NaN where nothing of it can be seen.

        A sample of `plane` covers `grain` × `grain` pixels: 1 for luma, 2 for chroma.
        """
        free = self._free(grain) & self.rows.inner(grain)[:, None] & self.columns.inner(grain)
        shape = self.rows.count, self.columns.count
        owner = (self.rows.owners[:, None] * shape[1] + self.columns.owners)[free]
        seen = np.bincount(owner, minlength=shape[0] * shape[1])
        total = np.bincount(owner, self._window(plane, grain)[free], minlength=shape[0] * shape[1])
        mean: Floats = np.divide(total, seen, out=np.full(len(seen), np.nan), where=seen > 0)
        return mean.reshape(shape)

    def of_areas(self, plane: Floats, grain: int = 1) -> Floats:
        """The mean of `plane` over every area of AREA × AREA pixels; NaN where less than half of it can be seen."""
        return self._over_areas(self._window(plane, grain))

    def over_areas(self, values: Floats) -> Floats:
        """The mean over every area of those of `values` (rows, columns) that its pixels show; NaN as in `of_areas`."""
        return self._over_areas(values[self.rows.owners[:, None], self.columns.owners])

    def _over_areas(self, pixels: Floats) -> Floats:
        free = self._free(2) & self.rows.sure[:, None] & self.columns.sure  # the same for luma and chroma
        high, wide = (size // AREA for size in free.shape)
        seen, total = (part.reshape(high, AREA, wide, AREA).sum((1, 3)) for part in (free, np.where(free, pixels, 0.0)))
        known = seen >= AREA * AREA / 2
        mean: Floats = np.divide(total, seen, out=np.full(seen.shape, np.nan), where=known)
        return mean

    def _window(self, plane: Floats, grain: int) -> Floats:
        """The part of `plane` that counts, a value a pixel."""
        (top, bottom), (left, right) = self.rows.window, self.columns.window
        part = plane[top // grain : bottom // grain, left // grain : right // grain]
        return part if grain == 1 else part.repeat(grain, 0).repeat(grain, 1)

    def _free(self, grain: int) -> Flags:
        """Of every pixel of the window whether nothing but the map can be seen there."""
        return self._free_by_grain[grain - 1]

    @cached_property
    def _free_by_grain(self) -> tuple[Flags, Flags]:
        found = []
        for grain in (1, 2):
            free = self.rows.whole(grain)[:, None] & self.columns.whole(grain)
            for left, top, right, bottom in self.crossings:
                free &= ~(self.rows.crossed(top, bottom, grain)[:, None] & self.columns.crossed(left, right, grain))
            found.append(free)
        return found[0], found[1]
