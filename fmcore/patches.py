"""The patches of images that lit a channel most: what lay in the receptive field of its strongest places."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from fmcore.analysis.alignment import seen_from
from fmcore.bundle import Array
from fmcore.header import LayerInfo

CHANNELS_WITH_PATCHES = 64  # of a layer; of wider ones those of the largest energy
_SIDE_PX = 32  # the longer side of larger patches is scaled down to it


def top_patches(layer: LayerInfo, arrays: Mapping[str, Array], images: NDArray[np.uint8]) -> dict[str, Array]:
    """`<layer>/patch_channels` (R,) and `<layer>/patches` (R, k, C, h, w), bytes, strongest first.

    `images` (M, C, H, W) are those that `<layer>/top_images` counts. What lies beyond the border is black.
    """
    rows, places = arrays[f"{layer.name}/top_images"], arrays[f"{layer.name}/top_places"]
    energy = arrays[f"{layer.name}/mean"].astype(np.float64) ** 2 + arrays[f"{layer.name}/std"].astype(np.float64) ** 2
    chosen = np.sort(np.argsort(-energy, kind="stable")[:CHANNELS_WITH_PATCHES])
    sides = [
        min(layer.field.size[axis], images.shape[axis + 2]) if layer.field.boxed else images.shape[axis + 2]
        for axis in (0, 1)
    ]
    share = min(1.0, _SIDE_PX / max(sides))
    shape = (max(1, round(share * sides[0])), max(1, round(share * sides[1])))
    patches = np.zeros((len(chosen), rows.shape[1], images.shape[1], *shape), np.uint8)
    for r, channel in enumerate(chosen):
        for k, (row, place) in enumerate(zip(rows[channel], places[channel], strict=True)):
            patches[r, k] = _cut(images[row], layer, (int(place[0]), int(place[1])), shape)
    return {f"{layer.name}/patch_channels": chosen.astype(np.int32), f"{layer.name}/patches": patches}


def _cut(
    image: NDArray[np.uint8], layer: LayerInfo, place: tuple[int, int], shape: tuple[int, int]
) -> NDArray[np.uint8]:
    """What `place` sees of `image`, scaled to `shape`; (C, h, w)."""
    window = np.ascontiguousarray(seen_from(image, layer, *place))
    if window.shape[1:] == shape:
        return window
    scaled = torch.nn.functional.interpolate(torch.from_numpy(window)[None].float(), size=shape, mode="area")[0]
    result: NDArray[np.uint8] = scaled.round().to(torch.uint8).numpy()
    return result
