"""A picture of an array: one image, its values coloured by a scale, every value a crisp square."""

from dataclasses import dataclass

import numpy as np
from manim import ImageMobject
from numpy.typing import NDArray
from PIL.Image import Resampling

from fmcore.colour import GREY, ColourScale


@dataclass(frozen=True)
class ArraySource:
    """Where in the bundle the values come from: array name and leading index.

    Each may be multiplied with one number of the bundle, `times`, which is named likewise.
    """

    array: str
    index: tuple[int, ...]
    other: bool = False  # of the other bundle, the one that is compared with
    times: tuple[str, tuple[int, ...]] | None = None


@dataclass(frozen=True)
class Drawn:
    """What a picture is that shows no array as it stands, such as a blend of two. Nothing in the bundle proves it."""

    what: str  # "an overlay"


Source = ArraySource | Drawn

UNIT = ColourScale(0.0, 1.0, "shared", GREY)  # for images in 0..1


class Picture(ImageMobject):
    """Values (H, W) under a colour scale, or an RGB image (3, H, W) in 0..1, `height` units high.

    `source` enters the picture into the ledger, so that the film can be read back against the bundle. A picture of no
    array says what it is `drawn` as instead.
    """

    def __init__(
        self, values: NDArray[np.floating], scale: ColourScale, height: float, source: Source | None = None
    ) -> None:
        if values.ndim == 3:
            rgb = np.round(np.clip(values.transpose(1, 2, 0), 0, 1) * 255).astype(np.uint8)
        else:
            rgb = scale.colours(values)
        opaque = np.full((*rgb.shape[:2], 1), 255, np.uint8)
        super().__init__(np.concatenate([rgb, opaque], axis=2), resampling_algorithm=Resampling.NEAREST)
        self.values = values
        self.scale_of_colour = scale
        self.source = source if isinstance(source, ArraySource) else None
        self.drawn = source.what if isinstance(source, Drawn) else ""
        self.height = height

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns)."""
        rows, columns = self.pixel_array.shape[:2]
        return rows, columns

    @property
    def cell(self) -> tuple[float, float]:
        """Height and width of one value's square, in frame units."""
        rows, columns = self.grid
        return self.height / rows, self.width / columns

    def at(self, row: float, column: float) -> NDArray[np.float64]:
        """The centre of the square of value (row, column)."""
        height, width = self.cell
        corner = self.get_corner(np.array([-1.0, 1.0, 0.0]))
        point: NDArray[np.float64] = corner + np.array([(column + 0.5) * width, -(row + 0.5) * height, 0.0])
        return point


def nothing_over(picture: Picture, scale: ColourScale) -> Picture:
    """A map of zeros on `scale`, to lie over `picture` while its channel is missing."""
    dark: Picture = Picture(np.zeros(picture.grid), scale, picture.height, Drawn("a map without its channel")).move_to(
        picture
    )
    return dark
