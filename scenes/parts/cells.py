"""A few values as a block of squares: with their numbers where those can be read, else by colour alone."""

from collections.abc import Iterable

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Group, Rectangle, VGroup
from numpy.typing import NDArray

from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.feature_map import border
from scenes.parts.kernel import LARGEST, NumberGrid
from scenes.parts.picture import Picture, Source
from scenes.parts.text import Label, label, narrow, number

Floats = NDArray[np.floating]

_WIDE = 0.88  # of a cell: what its number may take up; as for its height, a label has air above and below
_WIDEST = 0.96  # the same, where no number could be read otherwise
_ROOM_FOR_NOTES = 20.0  # in frames where a note may be wider than what it is about
_ROOMY = 4.0  # a square in which every number has its full size


def digit_size(blocks: Iterable[Floats], cell: float, flatness: float = 1.0) -> float | None:
    """The text size at which all values of `blocks` can be written into cells; None if none is readable.

    A cell is `cell` wide and `flatness` times as high.
    """
    longest = label(max((number(float(value)) for block in blocks for value in block.flat), key=len))
    room = min(cell * _WIDE / longest.width, cell * flatness / longest.height)
    size = look.LABEL * min(1.0, room)
    if size >= look.SMALLEST:
        return size
    tight = min(cell * _WIDEST / longest.width, cell * flatness / longest.height)
    return look.SMALLEST if look.LABEL * tight >= look.SMALLEST else None


class Cells(Group):
    """Values (kH, kW), their longer side `side` units long, named above, with a note in one line or more below.

    Up to 8 × 8 values are single cells, `grid`, with their numbers at text size `digits`, if any; more of them are a
    `picture`, as are `live` ones, which can change from frame to frame. Single cells are squares, or `flatness` times
    as high. In tall frames the note is as narrow as the block, or `note_room`.
    """

    def __init__(
        self,
        values: Floats,
        scale: ColourScale,
        side: float,
        name: str = "",
        note: str = "",
        source: Source | None = None,
        digits: float | None = None,
        live: bool = False,
        flatness: float = 1.0,
        note_room: float = 0.0,
    ) -> None:
        rows, columns = values.shape
        self.values, self.colours, self.cell = values, scale, side / max(rows, columns)
        self.flatness = flatness
        self.grid: NumberGrid | None = None
        self.picture: Picture | None = None
        if live or max(rows, columns) > LARGEST:
            self.picture = Picture(values, scale, self.cell * rows, source)
            self.block = Group(self.picture, border(self.picture))
        else:
            self.grid = _grid(values, scale, self.cell, digits, flatness)
            self.block = Group(self.grid)
        super().__init__(self.block)
        self.words = Group()
        if name:
            told = VGroup(label(name, look.SMALL))
            if look.shape() == "tall" and told.width > self.block.width:
                told = narrow(name, self.block.width).set_color(look.TEXT)
            self.words.add(told.next_to(self.block, UP, buff=look.NEAR if flatness == 1 else look.LEADING))
        if note:
            room = max(self.block.width, note_room) if look.shape() == "tall" else _ROOM_FOR_NOTES
            below = VGroup(*(narrow(one, room) for one in note.split("\n"))).arrange(DOWN, buff=look.LEADING)
            self.words.add(below.next_to(self.block, DOWN, buff=look.NEAR))
        self.add(*self.words)

    @property
    def name_line(self) -> Label:
        """The name, or its last line."""
        line: Label = self.words[0][-1]
        return line

    @property
    def outline(self) -> Rectangle:
        """A frame around all values."""
        return Rectangle(width=self.block.width, height=self.block.height).move_to(self.block)

    def mark(self, row: int, column: int) -> Rectangle:
        """A frame around the value at (row, column)."""
        height = self.cell * self.flatness
        frame = Rectangle(width=self.cell, height=height, stroke_width=2 * look.STROKE, color=look.MARK)
        corner = self.block.get_corner(UP + LEFT)
        return frame.move_to(corner + (column + 0.5) * self.cell * RIGHT + (row + 0.5) * height * DOWN)

    def single(self, row: int, column: int) -> VGroup:
        """The square at (row, column) with its number; nothing where there are no single squares."""
        at = row * self.values.shape[1] + column
        return VGroup(*(layer[at] for layer in self.grid or ()))

    def repaint(self, values: Floats) -> None:
        """Give a picture other values (kH, kW) under its scale."""
        if self.picture is not None:
            self.picture.pixel_array[..., :3] = self.colours.colours(values)


def _grid(values: Floats, scale: ColourScale, cell: float, digits: float | None, flatness: float) -> NumberGrid:
    """A grid of cells whose numbers have text size `digits`; without numbers where it is None."""
    grid = NumberGrid(values, scale, _ROOMY, digits is not None)
    grid.squares.scale(cell / _ROOMY).stretch(flatness, 1)
    if digits is not None:
        for text, square in zip(grid[1], grid.squares, strict=True):
            text.scale(digits / look.LABEL).move_to(square)
    return grid
