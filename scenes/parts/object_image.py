"""An image with what counts as background shaded."""

import numpy as np
from manim import DOWN, UP, Group
from numpy.typing import NDArray

from scenes import look
from scenes.parts.feature_map import border, caption, shape_label
from scenes.parts.overlay import grey
from scenes.parts.picture import UNIT, Picture

_TINT = 0.55  # of the colour that shades: the image shines through


class ObjectImage(Group):
    """Image (C, H, W) in grey, its background in colour: what is False in `mask` (H, W). `height` units high.

    It is a drawing after a rule and stands for no array of the bundle.
    """

    def __init__(self, image: NDArray[np.floating], mask: NDArray[np.bool_], height: float, name: str) -> None:
        light = np.repeat(grey(image)[None], 3, 0)  # (3, H, W)
        tint = np.array(look.MARK.to_rgb())[:, None, None]
        self.picture = Picture(np.where(mask, light, (1 - _TINT) * light + _TINT * tint), UNIT, height)
        self.border = border(self.picture)
        rows, columns = mask.shape
        self.shape_label = shape_label(rows, columns, len(image))
        self.name_label = caption(name, self.picture.width)
        super().__init__(self.picture, self.border, self.shape_label, self.name_label)
        self.shape_label.next_to(self.border, DOWN, buff=look.NEAR)
        self.name_label.next_to(self.border, UP, buff=look.NEAR)
