"""The images that are measured, cut into parts, and what each part says without the network.

Which images are looked at for objects, for classical maps and for the sample is decided here.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fmcore.analysis import classical
from fmcore.analysis.alignment import aligned
from fmcore.analysis.foreground import foreground
from fmcore.bundle import Array
from fmcore.header import LayerInfo
from fmcore.stages import Layer

OBJECT_IMAGES = 1024  # evenly spread, on which object and background are told apart
MEANING_IMAGES = 256  # evenly spread, which are compared with classical maps
_PART = 128  # images: larger parts leave the caches, smaller ones are a call each
_PART_VALUES = 6_000_000  # of all layers together: 24 MB
_SAMPLE_BYTES = 2**24
_SAMPLED_TOGETHER = 8  # neighbouring images: a few large readings cost less than many small ones
_FINE_GRID_CHANNELS = 512  # of all layers together; with more, the sample is coarser

Images = NDArray[np.uint8]  # (M, C, H, W)


class Plan:
    """How the images are cut into parts, and which of them are sampled."""

    def __init__(self, layers: Sequence[Layer], images: Images, labels: NDArray[np.int64] | None, classes: int) -> None:
        self.images, self.labels, self.classes = images, labels, classes
        # The same labels dealt out anew: what channels seem to know of these, they know by chance.
        self.shuffled = None if labels is None else np.random.default_rng(0).permutation(labels)
        values = sum(int(np.prod(layer.info.output_shape)) for layer in layers)
        size = max(1, min(_PART, _PART_VALUES // values))
        self.parts = [slice(start, min(start + size, len(images))) for start in range(0, len(images), size)]
        self.for_objects, self.for_meaning = self._spread_over(OBJECT_IMAGES), self._spread_over(MEANING_IMAGES)
        self.meaning_images = sum(self.parts[n].stop - self.parts[n].start for n in self.for_meaning)
        channels = sum(layer.info.output_shape[0] for layer in layers)
        self.grid = 8 if channels <= _FINE_GRID_CHANNELS else 4
        count = max(32, min(256, _SAMPLE_BYTES // (4 * self.grid**2 * channels)))
        blocks = np.random.default_rng(0).permutation(
            -(-len(images) // _SAMPLED_TOGETHER)
        )  # the same for every network
        order = (blocks[:, None] * _SAMPLED_TOGETHER + np.arange(_SAMPLED_TOGETHER)).ravel()
        self.place_of = {int(row): place for place, row in enumerate(order[order < len(images)][:count])}

    def _spread_over(self, images: int) -> frozenset[int]:
        """The numbers of parts, evenly spread, that together have about so many images."""
        wanted = min(len(self.parts), max(1, images // (self.parts[0].stop - self.parts[0].start)))
        return frozenset(n * len(self.parts) // wanted for n in range(wanted))  # the last one may be short


class Part:
    """What the images of one part say without the network: objects, classical maps, labels."""

    def __init__(self, plan: Plan, rows: slice, number: int) -> None:
        self.plan, self.rows, self.found = plan, rows, 0
        self.masks: Array | None = None  # (B, 2, H, W): on the object; in an image that has one
        self.maps: Array | None = None  # (B, maps + 1, H, W): classical maps, and 1
        if number in plan.for_objects or number in plan.for_meaning:
            pixels = plan.images[rows].astype(np.float32) / np.float32(255)  # (B, C, H, W)
        if number in plan.for_objects:
            masks = foreground(pixels)
            valid: NDArray[np.bool_] = np.asarray(masks.any((1, 2)))
            self.found = int(valid.sum())
            anywhere = np.broadcast_to(valid[:, None, None], masks.shape)
            self.masks = np.stack([masks, anywhere], 1).astype(np.float32)
        if number in plan.for_meaning:
            maps = classical.classical_maps(pixels)
            self.maps = np.concatenate([maps, np.ones_like(maps[:, :1])], 1)
        self.one_hot: Array | None = None  # (B, 2 K): of the labels, and of the shuffled ones
        if plan.labels is not None and plan.shuffled is not None:
            single = np.eye(plan.classes)
            self.one_hot = np.concatenate([single[plan.labels[rows]], single[plan.shuffled[rows]]], 1)
        taken = [row for row in range(rows.start, rows.stop) if row in plan.place_of]
        self.sampled = [row - rows.start for row in taken]  # of the part's images
        self.places = [plan.place_of[row] for row in taken]  # in the sample
        self._aligned: dict[tuple[object, ...], tuple[Tensor | None, Tensor | None]] = {}

    def on(self, info: LayerInfo) -> tuple[Tensor | None, Tensor | None]:
        """Masks (N, 3) and classical maps (N, maps + 1) at the N = B x h x w places of a layer, or None each.

        The masks: on the object; along its outline, which is outside and has a neighbour on it; in an image with one.
        """
        grid = info.output_shape[1:]
        key = (grid, info.field.jump, info.field.start)
        if key not in self._aligned:

            def at_places(images: Array | None) -> Tensor | None:  # (B, n, h, w)
                if images is None:
                    return None
                return torch.from_numpy(images if images.shape[2:] == grid else aligned(images, info.field, grid))

            def listed(images: Tensor | None) -> Tensor | None:  # (N, n)
                return None if images is None else images.permute(0, 2, 3, 1).flatten(0, 2).contiguous()

            masks = at_places(self.masks)
            self._aligned[key] = listed(None if masks is None else with_outline(masks)), listed(at_places(self.maps))
        return self._aligned[key]


def with_outline(masks: Tensor) -> Tensor:
    """Masks (B, 3, h, w) of those (B, 2, h, w) on the object and in an image with one: the outline comes between.

    A place lies on it by as much as the most covered of its eight neighbours is more on the object than itself.
    """
    on, anywhere = masks[:, :1], masks[:, 1:]
    outline = torch.minimum(nn.functional.max_pool2d(on, 3, 1, 1), anywhere) - on
    return torch.cat([on, outline.clamp(min=0), anywhere], 1)
