"""The patches that light a channel most, strongest first, with what the channel is and room for notes."""

from collections.abc import Sequence

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Group, Rectangle, VGroup
from numpy.typing import NDArray

from fmcore.colour import GREY, ColourScale
from scenes import look
from scenes.parts.feature_map import border
from scenes.parts.picture import ArraySource, Picture
from scenes.parts.text import line_height, lines, paragraph

BYTES = ColourScale(0.0, 255.0, "shared", GREY)
_APART = 0.08
_ACROSS = 3  # patches side by side


class PatchGrid(Group):
    """Patches (k, C, s, s) as bytes, `size` high each; `words` above and a note below them, or all of it beside them.

    `source` is the name of their array and their row in it. `width` is that of the whole.
    """

    def __init__(
        self,
        patches: NDArray[np.uint8],
        size: float,
        words: Sequence[str],
        source: tuple[str, int],
        width: float,
        beside: bool,
    ) -> None:
        self.pictures = Group(*(_patch(patch, size, (*source, k)) for k, patch in enumerate(patches)))
        self.tiles = Group(*(Group(picture, border(picture)) for picture in self.pictures))
        self.tiles.arrange_in_grid(cols=_ACROSS, buff=_APART)
        room = max(width - self.tiles.width - look.GAP, 0.5) if beside else width
        self._most = 2 if beside else 1  # lines of a note
        first, *rest = words
        head = lines(first, color=look.TEXT, width=room)
        self.words = VGroup(head, *lines(*rest, width=room)).arrange(DOWN, buff=look.LEADING, aligned_edge=LEFT)
        height = self._most * line_height(look.SMALL) + (self._most - 1) * look.LEADING
        self.room = Rectangle(width=room, height=height, stroke_width=0)
        if beside:
            self.room.next_to(self.words, DOWN, buff=look.NEAR, aligned_edge=LEFT)
            VGroup(self.words, self.room).next_to(self.tiles, RIGHT, buff=look.GAP)
        else:
            self.words.next_to(self.tiles, UP, buff=look.NEAR, aligned_edge=LEFT)
            self.room.next_to(self.tiles, DOWN, buff=look.NEAR, aligned_edge=LEFT)
        super().__init__(self.tiles, self.words, self.room)

    def note(self, text: str) -> VGroup:
        """`text` in the room that is kept for it."""
        made = paragraph(text, look.SMALL, look.SECOND, width=self.room.width, most=self._most)
        return made.move_to(self.room, aligned_edge=UP + LEFT)

    def framed(self, which: Sequence[bool]) -> VGroup:
        """Frames around those patches that `which` says."""
        return VGroup(
            Rectangle(width=tile.width, height=tile.height, stroke_width=2.5 * look.STROKE, color=look.MARK).move_to(
                tile
            )
            for tile, named in zip(self.tiles, which, strict=True)
            if named
        )


def _patch(values: NDArray[np.uint8], size: float, at: tuple[str, int, int]) -> Picture:
    """A patch that is proved against the bundle; of a coloured one, bytes are the colours."""
    if len(values) == 3:
        return Picture(values / np.float32(255), BYTES, size, ArraySource(at[0], at[1:]))
    return Picture(values[0], BYTES, size, ArraySource(at[0], (*at[1:], 0)))
