"""A feature map with room for a note on it, below its shape or beside it."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Group, Rectangle, VGroup
from numpy.typing import NDArray

from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.feature_map import FeatureMap, SaysFlat
from scenes.parts.picture import ArraySource, Picture
from scenes.parts.text import label, line_height, paragraph

_LINES, _LINES_BELOW = 3, 4  # a map is narrower than what is beside it
_LEAST = 1.9  # width that a shape may take under a narrow map
_ROOMY = 2.2  # width of a text from which every note fits two lines


class NotedMap(Group):
    """A feature map `size` high, with room for a note of up to four lines below its shape.

    With `text_width`, name, shape and note stand beside the map instead.
    """

    def __init__(
        self,
        values: NDArray[np.floating],
        scale: ColourScale,
        size: float,
        channel: int,
        source: ArraySource,
        text_width: float = 0.0,
    ) -> None:
        self.channel, name = channel, f"channel {channel + 1}"
        says_flat: SaysFlat = "beside" if text_width else "below"
        self.map = FeatureMap(values, scale, size, "" if text_width else name, source, says_flat=says_flat, lines="one")
        self.beside, shape = bool(text_width), self.map.shape_label
        most = text_width or max(self.map.picture.width, _LEAST)
        shape.scale(min(1.0, max(most / shape.width, look.SMALLEST / look.SMALL)))
        width = text_width or max(self.map.width, shape.width)
        self.lines = 2 if text_width > _ROOMY else _LINES if text_width else _LINES_BELOW
        height = self.lines * (line_height(look.SMALL) + look.LEADING)
        self.room = Rectangle(width=width, height=height, stroke_width=0).next_to(shape, DOWN, buff=look.LEADING)
        super().__init__(self.map, self.room)
        if text_width:
            name_label = label(name, look.SMALL, width=text_width)
            name_label.next_to(self.map.border, RIGHT, buff=0.18).align_to(self.map.border, UP)
            shape.next_to(name_label, DOWN, buff=look.LEADING, aligned_edge=LEFT)
            self.room.next_to(shape, DOWN, buff=look.LEADING, aligned_edge=LEFT)
            self.add(name_label)

    @property
    def picture(self) -> Picture:
        return self.map.picture

    def note(self, words: str) -> VGroup:
        """`words` in the room that is kept for them."""
        found = paragraph(words, look.SMALL, look.SECOND, width=self.room.width, most=self.lines)
        if not self.beside:
            found.arrange(DOWN, buff=look.LEADING)
        found.move_to(self.room, aligned_edge=UP + LEFT if self.beside else UP)
        return found
