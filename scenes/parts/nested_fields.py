"""How far a place sees in several layers: frames about one spot of one image, all to scale, with their names beside."""

from collections.abc import Sequence

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Group, Line, Mobject, VGroup
from numpy.typing import NDArray

from fmcore.header import LayerInfo
from scenes import look
from scenes.parts.feature_map import InputImage
from scenes.parts.layer_name import layer_name
from scenes.parts.marks import field_frame
from scenes.parts.stage_maps import place_over, sees
from scenes.parts.text import lines

_NAMES = 0.42  # of the width: what names may take up


class NestedFields(Group):
    """Image (C, H, W), `size` high, and beside it for each of `layers` what the place nearest to its centre sees of it.

    `fields` has for every layer its frame, if its field is known, with its name and a line between the two.
    """

    def __init__(
        self, image: NDArray[np.floating], layers: Sequence[LayerInfo], probe: int, size: float, width: float
    ) -> None:
        self.image = InputImage(image, size, probe=probe)
        picture = self.image.picture
        room = _NAMES * width
        named = [lines(layer_name(layer.name), sees(layer), color=look.TEXT, width=room) for layer in layers]
        names = VGroup(*reversed(named)).arrange(DOWN, buff=2 * look.NEAR, aligned_edge=LEFT)
        names.next_to(picture, RIGHT, buff=2 * look.GAP)
        centre = tuple(length / 2 for length in image.shape[1:])
        self.fields: list[Group] = []
        for layer, name in zip(layers, named, strict=True):
            parts: list[Mobject] = [name]
            if layer.field.known:
                frame = field_frame(picture, layer.field, *place_over(layer, *centre))
                lead = Line(
                    frame.get_corner(UP + RIGHT),
                    name.get_left() + look.NEAR * LEFT,
                    stroke_width=look.STROKE,
                    color=look.MARK,
                )
                parts = [frame, lead, name]
            self.fields.append(Group(*parts))
        super().__init__(self.image, *self.fields)
