"""Lay the pixels of an image onto the places of a layer, so that both can be compared place by place.

A place stands for the pixels around the centre of its receptive field, half a step to either side: those that are
nearer to it than to its neighbours.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.channels import strongest
from fmcore.bundle import Bundle
from fmcore.header import LayerInfo, ReceptiveField


def weights(places: int, length: int, jump: float, start: float) -> NDArray[np.float32]:
    """How much of each of `length` pixels each of `places` takes, along one axis: (places, length), rows sum to 1.

    Place r averages what lies within jump / 2 of start + r x jump, where pixel i covers i to i + 1; a pixel that lies
    there in part counts in part. What lies beyond the image counts nothing; a place that has nothing else takes the
    nearest pixel.
    """
    centre = start + jump * np.arange(places)[:, None]
    pixel = np.arange(length)
    overlap = np.minimum(centre + jump / 2, pixel + 1) - np.maximum(centre - jump / 2, pixel)
    nearest = pixel == np.clip(centre, 0, length - 1)  # used beyond the image only, where it is the first or the last
    taken = np.maximum(overlap, 0)
    taken = np.where(taken.any(1, keepdims=True), taken, nearest)
    share: NDArray[np.float32] = (taken / taken.sum(1, keepdims=True)).astype(np.float32)
    return share


def aligned(images: NDArray[Any], field: ReceptiveField, grid: tuple[int, int]) -> NDArray[np.float32]:
    """The means (..., h, w) of `images` (..., H, W) at the places of a layer of `grid` (h, w) places and of `field`.

    Images as they are where every pixel has its place, as after convolutions of stride 1 that keep the size.
    """
    height, width = images.shape[-2:]
    down = weights(grid[0], height, field.jump[0], field.start[0])
    across = weights(grid[1], width, field.jump[1], field.start[1])
    means: NDArray[np.float32] = down @ images.astype(np.float32, copy=False) @ across.T
    return means


def seen_from(image: NDArray[Any], layer: LayerInfo, row: int, column: int) -> NDArray[Any]:
    """What place (row, column) of `layer` sees of `image` (C, H, W): (C, h, w), black beyond the border.

    All of the image where the place is computed from all of it, or nobody knows; never more than the image is large.
    """
    if not layer.field.boxed:
        return image
    seen = image
    for axis, place in ((1, row), (2, column)):
        length = image.shape[axis]
        side = min(layer.field.size[axis - 1], length)
        centre = layer.field.start[axis - 1] + place * layer.field.jump[axis - 1]
        first = 0 if side == length else round(centre - side / 2)
        places = np.arange(first, first + side)
        inside = ((places >= 0) & (places < length)).reshape([-1 if k == axis else 1 for k in range(3)])
        seen = np.where(inside, np.take(seen, np.clip(places, 0, length - 1), axis), 0)
    return seen


def beyond(field: ReceptiveField, row: int, column: int, size: tuple[int, int]) -> float:
    """The share of what place (row, column) sees that lies beyond an image of `size` (H, W).

    0 where the field is the whole of it, or not known.
    """
    if field.whole:
        return 0.0
    top, left, bottom, right = field.box(row, column)
    inside = max(0.0, min(bottom, size[0]) - max(top, 0)) * max(0.0, min(right, size[1]) - max(left, 0))
    return 1 - inside / ((bottom - top) * (right - left))


def strongest_beyond(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None = None) -> float:
    """`beyond` of the place where the map of `array` at `index` (probe, channel) has its largest magnitude."""
    spot = strongest(np.abs(bundle.part(array, *index)))
    height, width = bundle.info("probes").shape[-2:]
    return beyond(_field(bundle, array), spot.row, spot.column, (height, width))


def rows_in_view(bundle: Bundle, array: str, index: tuple[int, ...], other: Bundle | None = None) -> float:
    """How many rows of the image a place of the layer of `array` sees."""
    return float(_field(bundle, array).size[0])


def _field(bundle: Bundle, array: str) -> ReceptiveField:
    return bundle.layer(array.rpartition("/")[0]).field
