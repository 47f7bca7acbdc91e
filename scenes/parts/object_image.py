"""An image with what counts as background striped."""

import numpy as np
from manim import DOWN, UP, Group
from numpy.typing import NDArray

from scenes import look
from scenes.parts.feature_map import border, caption, shape_label
from scenes.parts.overlay import grey
from scenes.parts.picture import UNIT, Drawn, Picture

_STRIPED = Drawn("an image with its background striped")
_TINT = 0.8  # of the colour of the stripes: the image shines through
_DIM = 0.45  # of a background pixel's light between the stripes, which nobody would see on bright ones
_STRIPES = 7  # across the image's shorter side: an even tint would pass for the colour of an object


class ObjectImage(Group):
    """Image (C, H, W) in grey, dim and under stripes where `mask` (H, W) is False. `height` units high.

    It is a drawing after a rule and stands for no array of the bundle.
    """

    def __init__(self, image: NDArray[np.floating], mask: NDArray[np.bool_], height: float, name: str) -> None:
        light = np.repeat(grey(image)[None] * np.where(mask, 1, _DIM), 3, 0)  # (3, H, W)
        tint = np.array(look.MARK.to_rgb())[:, None, None]
        rows, columns = mask.shape
        striped = ~mask & _stripes(rows, columns)
        self.picture = Picture(np.where(striped, (1 - _TINT) * light + _TINT * tint, light), UNIT, height, _STRIPED)
        self.border = border(self.picture)
        self.shape_label = shape_label(rows, columns, len(image))
        self.name_label = caption(name, self.picture.width)
        super().__init__(self.picture, self.border, self.shape_label, self.name_label)
        self.shape_label.next_to(self.border, DOWN, buff=look.NEAR)
        self.name_label.next_to(self.border, UP, buff=look.NEAR)


def _stripes(rows: int, columns: int) -> NDArray[np.bool_]:
    """Diagonal stripes (rows, columns), one part colour to two parts none."""
    period = max(3, round(min(rows, columns) / _STRIPES))
    row, column = np.ogrid[:rows, :columns]
    found: NDArray[np.bool_] = (row + column) % period < max(1, round(period / 3))
    return found
