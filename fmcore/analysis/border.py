"""Which places of a map lie inside, where windows meet no padding: examples are chosen by what a map shows there.

At the border, a filter meets numbers that are no part of the image, most often zeros: what it answers there may be the
brightest place of a map and says nothing of the image. What is said of a map is said of all of it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmcore.header import LayerInfo

Floats = NDArray[np.floating]

_FINE = 8  # places a side: much of a coarser map is border
_ROUNDING = 1e-6  # pixels: steps of a third leave no whole numbers


@dataclass(frozen=True)
class Border:
    """How many rows and columns of a map lie at its border: by default the outermost, where nothing more is known."""

    top: int = 1
    bottom: int = 1
    left: int = 1
    right: int = 1


OUTERMOST = Border()


def border_of(layer: LayerInfo, image: tuple[int, ...]) -> Border:
    """The places of `layer` whose own windows hang over the border of what it reads of an image (..., H, W).

    Where only layers before it were padded, the outermost places, which see that padding. The outermost, too, where
    nobody knows what a place sees, or where windows are so large that less than half a side lies inside.
    """
    if not layer.field.boxed:
        return OUTERMOST
    (top, bottom), (left, right) = (_beyond(layer, axis, image[axis - 2]) for axis in (0, 1))
    rows, columns = layer.output_shape[1:]
    fits = 2 * (top + bottom) <= rows and 2 * (left + right) <= columns
    return Border(top, bottom, left, right) if fits else OUTERMOST


def _beyond(layer: LayerInfo, axis: int, length: int) -> tuple[int, int]:
    """How many places along `axis` lie at the first and at the last border of an image so many pixels long."""
    field, jump = layer.field, layer.field.jump[axis]
    window = ((layer.kernel[axis] - 1) * layer.dilation[axis] + 1) * jump / layer.stride[axis]  # in pixels
    half = min(window, field.size[axis]) / 2 - _ROUNDING
    seen = field.size[axis] / 2 - _ROUNDING
    centre = field.start[axis] + jump * np.arange(layer.output_shape[1 + axis])
    first = max(int((centre < half).sum()), int(centre[0] < seen))
    last = max(int((centre > length - half).sum()), int(centre[-1] > length - seen))
    return first, last


def inside(maps: Floats, border: Border = OUTERMOST) -> Floats:
    """The part of `maps` (..., H, W) that lies inside; all of such as are too coarse to have an inside."""
    rows, columns = maps.shape[-2:]
    if min(rows, columns) < _FINE:
        return maps
    return maps[..., border.top : rows - border.bottom, border.left : columns - border.right]


def strongest_inside(maps: Floats, border: Border = OUTERMOST) -> NDArray[np.bool_]:
    """Which of `maps` (C, H, W) have their largest value inside, the first where several are equal."""
    count, rows, columns = maps.shape
    if min(rows, columns) < _FINE:
        return np.ones(count, bool)
    row, column = np.divmod(maps.reshape(count, -1).argmax(1), columns)
    found: NDArray[np.bool_] = (border.top <= row) & (row < rows - border.bottom)
    found &= (border.left <= column) & (column < columns - border.right)
    return found


def reaches_inside(maps: Floats, border: Border = OUTERMOST) -> NDArray[np.bool_]:
    """Which of `maps` (C, H, W) reach as far from zero inside as anywhere, be it at their borders as well."""
    found: NDArray[np.bool_] = np.abs(inside(maps, border)).max((1, 2)) == np.abs(maps).max((1, 2))
    return found
