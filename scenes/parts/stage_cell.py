"""One stage of a network in a row or column of stages: a place for its pictures, and its words below or beside them."""

from collections.abc import Sequence

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, DashedVMobject, ManimColor, Mobject, Rectangle, VGroup

from scenes import look
from scenes.parts.text import Label, label, line_height, paragraph

_DASHES = 36
_BAR, _SHORTEST = 0.13, 0.35  # units: the height of a bar, and the length below which there is none
_UNDER = 1.5 * _BAR  # what a bar below a note takes up


class StageCell:
    """A part of the frame for one stage: `name` over its pictures and `words` below them, or all of it on their right.

    Pictures go to `centre`, at most `side` high and wide. Below the words there is a line for a note, one at a time,
    with a bar below it, or beside it where words stand beside pictures. There, `more` lines are free below the words.
    Above pictures, `heads` lines are free for the name.
    """

    def __init__(
        self, region: look.Region, name: str, words: Sequence[str], beside: bool, more: int = 1, heads: int = 2
    ) -> None:
        self.region, self.beside = region, beside
        line = line_height(look.SMALL) + look.LEADING
        if beside:
            self.side = min(region.height, 0.38 * region.width)
            self.centre = np.array([region.left + self.side / 2, region.centre[1], 0.0])
            width = region.width - self.side - look.GAP
            rows = [label(name, look.SMALL, width=width)]
        else:
            width = region.width
            below = (len(words) + 1) * line + 2 * look.NEAR + _UNDER
            self.side = min(width, region.height - below - heads * line - 2 * look.NEAR)
            top = region.top - heads * line - look.NEAR
            self.centre = np.array([region.centre[0], top - self.side / 2, 0.0])
            title = paragraph(name, look.SMALL, width=width, most=2).arrange(DOWN, buff=look.LEADING)
            title.move_to([region.centre[0], top + look.NEAR + title.height / 2, 0])
            rows = []
        texts = [*rows, *(label(text, look.SMALL, look.MUTED, width=width) for text in words)]
        self.width, self.line = width, line
        high = (len(texts) + more) * line
        self.under = not beside or high + _UNDER <= region.height  # whether there is room for a bar below a note
        start = region.top - (region.height - high - _UNDER * self.under) / 2 if beside else top - self.side
        self.top = start - (0 if beside else look.NEAR)
        for number, text in enumerate(texts):
            self._put(text, number)
        self.count = len(texts)
        self.words = VGroup(*([] if beside else [title]), *texts)

    def note(self, text: str, color: ManimColor | None = None) -> Label:
        """`text` in the line for notes."""
        made = label(text, look.SMALL, color or look.SECOND, width=self.width)
        self._put(made, self.count)
        return made

    def room_for_bar(self, note: Label) -> float:
        """How long a bar below `note`, or at the end of its line, may be."""
        if not self.under:
            return float(self.width - note.width - look.GAP)
        return self.width if self.beside else min(self.side, self.width)

    def bar(self, share: float, note: Label, length: float, color: ManimColor | None = None) -> VGroup:
        """A bar `length` long below a note, or at the end of its line, filled by `share` (0..1)."""
        frame = Rectangle(width=length, height=_BAR, stroke_width=look.STROKE / 2, color=look.LINE)
        fill = Rectangle(width=max(share * length, 0.01), height=_BAR, stroke_width=0)
        fill.set_fill(color or look.SECOND, opacity=1)
        low = self.top - (self.count + 1) * self.line - _UNDER / 2
        if self.beside and self.under:
            frame.move_to([note.get_left()[0] + length / 2, low, 0])
        elif self.beside:
            end = self.centre[0] + self.side / 2 + look.GAP + self.width
            frame.move_to([end - length / 2, note.get_y(), 0])
        else:
            frame.move_to([self.region.centre[0], low, 0])
        return VGroup(fill.align_to(frame, LEFT).match_y(frame), frame)

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


def title_lines(name: str, width: float) -> int:
    """How many lines a name takes above pictures in a region of this width."""
    return len(paragraph(name, look.SMALL, width=width, most=2))


def noted(
    cells: Sequence[StageCell], texts: Sequence[str], shares: Sequence[float | None], color: ManimColor | None = None
) -> list[VGroup]:
    """For every cell that has a text, the note; with bars of one length, where all have a share (0..1)."""
    told = [(cell, text, share) for cell, text, share in zip(cells, texts, shares, strict=True) if text]
    notes = [cell.note(text, color) for cell, text, _ in told]
    made = [VGroup(note) for note in notes]
    length = min((cell.room_for_bar(note) for (cell, *_), note in zip(told, notes, strict=True)), default=0.0)
    if length >= _SHORTEST:
        for (cell, _, share), note, group in zip(told, notes, made, strict=True):
            if share is not None:
                group.add(cell.bar(share, note, length, color))
    return made


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
    return [(left, False), *((row, True) for row in right.rows(*[1.0] * count, gap=1.5 * look.NEAR))]
