"""What supports a class, laid over the image: the positive part of a Grad-CAM map."""

from collections.abc import Sequence

import numpy as np
from manim import DOWN, Group, Rectangle, VMobject
from numpy.typing import NDArray

from fmcore.analysis.attribution import strongest_half
from fmcore.analysis.enlarging import enlarged
from fmcore.colour import ColourScale
from fmcore.header import ReceptiveField
from scenes import look
from scenes.parts.contour import contour
from scenes.parts.marks import field_frame
from scenes.parts.overlay import Overlay
from scenes.parts.text import label

_ALL = 0.98  # of the image's sides


def scales_of(maps: Sequence[NDArray[np.floating]]) -> tuple[ColourScale, ColourScale]:
    """One scale for all signed `maps` (h, w), and one for what is positive in any of them, so that they compare."""
    together = np.stack(maps)
    return ColourScale.signed(together, "shared"), ColourScale.strength(together, "shared")


class Support(Group):
    """Image (C, H, W) in grey under what is positive in the `signed` map (h, w), in the colours of `scale`.

    Where nothing is positive, the image alone is left. How many places there are is written below.
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
        self.signed, self.field = signed, field
        rows, columns = signed.shape
        self.shape_label = label(f"{rows} × {columns} places", look.SMALL, look.MUTED)
        self.shape_label.next_to(self.overlay.border, DOWN, buff=look.NEAR)
        super().__init__(self.overlay, self.shape_label)

    def outline(self) -> VMobject:
        """A line around the fewest places that hold half of the support; around none where there is no support."""
        pixels = enlarged(strongest_half(self.signed).astype(np.float64), self.field, self.picture.grid)
        return contour(self.picture, np.nan_to_num(pixels) > 0)

    def frame(self) -> Rectangle:
        """A frame around the pixels of the place that supports the class most."""
        row, column = self.strongest
        return self.overlay.places_frame(row, column, row + 1, column + 1)

    def seen(self) -> Rectangle | None:
        """A frame around all that this place sees of the image; None where that is not known, or everything."""
        if not self.field.boxed:
            return None
        frame = field_frame(self.picture, self.field, *self.strongest)
        everything = frame.width > _ALL * self.picture.width and frame.height > _ALL * self.picture.height
        return None if everything else frame

    @property
    def strongest(self) -> tuple[int, int]:
        row, column = np.unravel_index(int(self.signed.argmax()), self.signed.shape)
        return int(row), int(column)
