"""Pooling by maximum: of every window of a map only the largest number stays; where a network does so."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.channels import representatives
from fmcore.bundle import Bundle
from fmcore.header import LayerInfo

Floats = NDArray[np.floating]

_LARGEST = 4  # a side: of larger windows nobody reads the numbers


@dataclass(frozen=True)
class PoolingStep:
    """One number of a pooling `layer` and the window of `source`, the layer before it, that it is the largest of.

    `row` and `column` are its place in the map of `channel`; `top` and `left` where its window begins.
    """

    layer: LayerInfo
    source: LayerInfo
    channel: int
    row: int
    column: int
    top: int
    left: int

    @property
    def window(self) -> tuple[slice, slice]:
        """The window in a map of `source`."""
        height, width = self.layer.kernel
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


def max_pooling(bundle: Bundle, probe: int) -> PoolingStep | None:
    """An example of the first pooling that makes maps smaller and keeps the largest number of every window.

    That it does, and with the maps of the layer before it, is checked at every place for `probe`. The example is a
    window in the strongest channel whose numbers lie furthest apart. None where no layer is known to do so, or all its
    windows hold equal numbers.
    """
    for source, layer in pairwise(bundle.header.layers):
        if layer.type != "pooling" or min(layer.stride) < 2 or max(layer.kernel) > _LARGEST or max(layer.dilation) > 1:
            continue
        if source.output_shape[0] != layer.output_shape[0] or any(
            f"{one.name}/activation" not in bundle.header.arrays for one in (source, layer)
        ):
            continue
        before = np.asarray(bundle.part(f"{source.name}/activation", probe))  # (C, H, W)
        if not np.array_equal(_windows(before, layer).max(-1), bundle.part(f"{layer.name}/activation", probe)):
            continue
        channel = representatives(before, 1)[0]
        if (found := _telling(before[channel], layer)) is not None:
            (down, across), (above, beside) = layer.stride, layer.padding
            top, left = found[0] * down - above, found[1] * across - beside
            return PoolingStep(layer, source, channel, *found, top, left)
    return None


def _windows(values: Floats, layer: LayerInfo) -> Floats:
    """Every window of maps (..., H, W), its numbers along the last axis: (..., H', W', kH * kW); -inf beyond a map."""
    (rows, columns), (height, width) = layer.output_shape[1:], layer.kernel
    (down, across), (above, beside) = layer.stride, layer.padding
    size = (rows - 1) * down + height, (columns - 1) * across + width
    padded = np.full((*values.shape[:-2], *size), -np.inf)
    kept = values[..., : size[0] - above, : size[1] - beside]
    padded[..., above : above + kept.shape[-2], beside : beside + kept.shape[-1]] = kept
    parts = [
        padded[..., y : y + (rows - 1) * down + 1 : down, x : x + (columns - 1) * across + 1 : across]
        for y in range(height)
        for x in range(width)
    ]
    return np.stack(parts, -1)


def _telling(values: Floats, layer: LayerInfo) -> tuple[int, int] | None:
    """The place (row, column) whose window's numbers lie furthest apart; None where nowhere two of them differ."""
    ordered = np.sort(_windows(values, layer), -1)
    whole: NDArray[np.bool_] = np.all(np.isfinite(ordered), axis=-1)
    ordered = np.where(np.expand_dims(whole, -1), ordered, 0)
    apart = np.diff(ordered, axis=-1).min(-1, initial=np.inf)
    score = np.where(whole, apart + 1e-3 * (ordered[..., -1] - ordered[..., 0]), -1.0)
    row, column = np.unravel_index(int(score.argmax()), score.shape)
    return (int(row), int(column)) if 0 < score[row, column] < np.inf else None
