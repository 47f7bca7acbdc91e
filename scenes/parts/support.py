"""What supports a class, laid over the image: the positive part of a Grad-CAM map."""

import numpy as np
from manim import DOWN, Group
from numpy.typing import NDArray

from fmcore.colour import ColourScale
from fmcore.header import ReceptiveField
from scenes import look
from scenes.parts.overlay import Overlay
from scenes.parts.text import label


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
        self.shape_label = label(f"{rows} × {columns} on {height_px} × {width_px}", look.SMALL, look.MUTED)
        self.shape_label.next_to(self.overlay.border, DOWN, buff=look.NEAR)
        super().__init__(self.overlay, self.shape_label)
