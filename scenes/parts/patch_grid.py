"""The patches that light a channel most, strongest first, with what the channel is and room for notes."""

from collections.abc import Sequence

import numpy as np
from manim import DOWN, LEFT, UP, Group, Rectangle, VGroup
from numpy.typing import NDArray

from fmcore.colour import GREY, ColourScale
from scenes import look
from scenes.parts.feature_map import border
from scenes.parts.picture import ArraySource, Picture
from scenes.parts.text import label, line_height, lines

BYTES = ColourScale(0.0, 255.0, "shared", GREY)
_APART = 0.08


class PatchGrid(Group):
    """Patches (k, C, s, s) as bytes, `size` high each, in rows of `across`; `words` above and a note below them.

    `source` is the name of their array and their row in it. `width` is the most that the texts take.
    """

    def __init__(
        self,
        patches: NDArray[np.uint8],
        size: float,
        across: int,
        words: Sequence[str],
        source: tuple[str, int],
        width: float,
    ) -> None:
        self.pictures = Group(*(_patch(patch, size, (*source, k)) for k, patch in enumerate(patches)))
        self.tiles = Group(*(Group(picture, border(picture)) for picture in self.pictures))
        self.tiles.arrange_in_grid(cols=across, buff=_APART)
        first, *rest = words
        self.words = VGroup(label(first, look.SMALL, width=width), *lines(*rest, width=width))
        self.words.arrange(DOWN, buff=look.LEADING, aligned_edge=LEFT)
        self.words.next_to(self.tiles, UP, buff=look.NEAR, aligned_edge=LEFT)
        self.room = Rectangle(width=width, height=line_height(look.SMALL), stroke_width=0)
        self.room.next_to(self.tiles, DOWN, buff=look.NEAR, aligned_edge=LEFT)
        super().__init__(self.tiles, self.words, self.room)

    def note(self, text: str) -> VGroup:
        """`text` in the room that is kept for it."""
        return VGroup(label(text, look.SMALL, look.SECOND, width=self.room.width).move_to(self.room, aligned_edge=LEFT))


def _patch(values: NDArray[np.uint8], size: float, at: tuple[str, int, int]) -> Picture:
    """Grey patches are proved against the bundle; of coloured ones, bytes are the colours."""
    if len(values) == 3:
        return Picture(values / np.float32(255), BYTES, size)
    return Picture(values[0], BYTES, size, ArraySource(at[0], (*at[1:], 0)))
