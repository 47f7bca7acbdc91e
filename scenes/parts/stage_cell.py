"""One stage of a network in a row or column of stages: a place for its pictures, and its words below or beside them."""

from collections.abc import Sequence

import numpy as np
from manim import DOWN, RIGHT, UP, DashedVMobject, Mobject, Rectangle, VGroup

from scenes import look
from scenes.parts.text import Label, label, line_height, paragraph

_DASHES = 36
_NOTES = {"wide": 4, "square": 1, "tall": 1}  # lines of notes that stand at once


class StageCell:
    """A part of the frame for one stage: `name` over its pictures and `words` below them, or all of it on their right.

    Pictures go to `centre`, at most `side` high and wide. Notes take the lines below the words, each its own in a wide
    frame; in others they take turns in one. Beside pictures, `more` lines are kept free below the words.
    """

    def __init__(self, region: look.Region, name: str, words: Sequence[str], beside: bool, more: int = 1) -> None:
        self.region, self.beside = region, beside
        self.slots = 1 if beside else _NOTES[look.shape()]
        line = line_height(look.SMALL) + look.LEADING
        if beside:
            self.side = min(region.height, 0.38 * region.width)
            self.centre = np.array([region.left + self.side / 2, region.centre[1], 0.0])
            width = region.width - self.side - look.GAP
            rows = [label(name, look.SMALL, width=width)]
        else:
            width = region.width
            below = (len(words) + self.slots) * line + look.NEAR
            self.side = min(width, region.height - below - 2 * line - 2 * look.NEAR)
            top = region.top - 2 * line - look.NEAR
            self.centre = np.array([region.centre[0], top - self.side / 2, 0.0])
            title = paragraph(name, look.SMALL, width=width, most=2).arrange(DOWN, buff=look.LEADING)
            title.move_to([region.centre[0], top + look.NEAR + title.height / 2, 0])
            rows = []
        texts = [*rows, *(label(text, look.SMALL, look.MUTED, width=width) for text in words)]
        self.width, self.line = width, line
        start = region.top - (region.height - (len(texts) + more) * line) / 2 if beside else top - self.side
        self.top = start - (0 if beside else look.NEAR)
        for number, text in enumerate(texts):
            self._put(text, number)
        self.count = len(texts)
        self.words = VGroup(*([] if beside else [title]), *texts)

    def note(self, text: str, number: int) -> Label:
        """`text` as note `number` of this stage, in its line."""
        made = label(text, look.SMALL, look.SECOND, width=self.width)
        self._put(made, self.count + number % self.slots)
        return made

    def place_note(self, note: VGroup) -> VGroup:
        """Put a note of several lines below the words."""
        self._put(note, self.count)
        gap = 0 if self.beside else look.NEAR
        return note.shift((self.top - self.count * self.line - gap - note.get_top()[1]) * UP)

    def full_size(self, border: Rectangle, of: "StageCell") -> DashedVMobject:
        """A dashed frame as large here as the `border` of a picture is in its own cell."""
        return DashedVMobject(border.copy().scale(self.side / of.side).move_to(self.centre), num_dashes=_DASHES)

    def _put(self, text: Mobject, number: int) -> None:
        text.move_to([self.region.centre[0], self.top - (number + 0.5) * self.line, 0])
        if self.beside:
            text.shift((self.centre[0] + self.side / 2 + look.GAP - text.get_left()[0]) * RIGHT)


def stage_regions(count: int) -> list[tuple[look.Region, bool]]:
    """Regions for an image and `count` layers after it, in reading order, and whether words go beside the pictures.

    Columns in a wide frame, rows in a tall one; in a square one the layers are rows beside the image.
    """
    body = look.body()
    if look.shape() == "wide":
        return [(column, False) for column in body.columns(*[1.0] * (count + 1))]
    if look.shape() == "tall":
        return [(row, True) for row in body.rows(*[1.0] * (count + 1), gap=look.NEAR)]
    left, right = body.columns(2.7, 4.4)
    return [(left, False), *((row, True) for row in right.rows(*[1.0] * count))]
