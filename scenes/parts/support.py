"""What supports a class, laid over the image: the positive part of a Grad-CAM map."""

from collections.abc import Sequence

import numpy as np
from manim import DOWN, Group
from numpy.typing import NDArray

from fmcore.colour import ColourScale
from fmcore.header import ReceptiveField
from scenes import look
from scenes.parts.overlay import Overlay
from scenes.parts.text import lines


def scales_of(maps: Sequence[NDArray[np.floating]]) -> tuple[ColourScale, ColourScale]:
    """One scale for all signed `maps` (h, w), and one for what is positive in any of them, so that they compare."""
    together = np.stack(maps)
    return ColourScale.signed(together, "shared"), ColourScale.strength(together, "shared")


class Support(Group):
    """Image (C, H, W) in grey under what is positive in the `signed` map (h, w), in the colours of `scale`.

    Where nothing is positive, the image alone is left. How many places lie on how many pixels is written below.
    """

    def __init__(
        self,
        image: NDArray[np.floating],
        signed: NDArray[np.floating],
        field: ReceptiveField,
        scale: ColourScale,
        height: float,
        name: str,
    ) -> None:
        self.overlay = Overlay(image, np.maximum(signed, 0), field, scale, height, name)
        self.picture = self.overlay.picture
        (rows, columns), (height_px, width_px) = signed.shape, image.shape[1:]
        places, pixels = f"{rows} × {columns}", f"on {height_px} × {width_px}"
        tall = look.shape() == "tall"  # there is no room for one line
        self.shape_label = lines(places, pixels) if tall else lines(f"{places} {pixels}")
        self.shape_label.next_to(self.overlay.border, DOWN, buff=look.NEAR)
        super().__init__(self.overlay, self.shape_label)
