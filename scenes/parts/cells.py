"""A few values as a block of squares: with their numbers where those can be read, else by colour alone."""

from collections.abc import Iterable

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Group, Rectangle, Square, VGroup
from numpy.typing import NDArray

from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.feature_map import border
from scenes.parts.kernel import LARGEST, NumberGrid
from scenes.parts.picture import ArraySource, Picture
from scenes.parts.text import label, number

Floats = NDArray[np.floating]

_WIDE, _HIGH = 0.96, 0.7  # shares of a square that its number may take up
_ROOMY = 4.0  # a square in which every number has its full size


def digit_size(blocks: Iterable[Floats], cell: float) -> float | None:
    """The text size at which all values of `blocks` can be written into squares of `cell`; None if none is readable."""
    longest = label(max((number(float(value)) for block in blocks for value in block.flat), key=len))
    room = min(cell * _WIDE / longest.width, cell * _HIGH / longest.height)
    size = look.LABEL * min(1.0, room)
    return size if size >= look.SMALLEST else None


class Cells(Group):
    """Values (kH, kW), their longer side `side` units long, named above, with a note below.

    Up to 8 × 8 values are single squares, `grid`, with their numbers at text size `digits`, if any; more of them are a
    `picture`, as are `live` ones, which can change from frame to frame.
    """

    def __init__(
        self,
        values: Floats,
        scale: ColourScale,
        side: float,
        name: str = "",
        note: str = "",
        source: ArraySource | None = None,
        digits: float | None = None,
        live: bool = False,
    ) -> None:
        rows, columns = values.shape
        self.values, self.colours, self.cell = values, scale, side / max(rows, columns)
        self.grid: NumberGrid | None = None
        self.picture: Picture | None = None
        if live or max(rows, columns) > LARGEST:
            self.picture = Picture(values, scale, self.cell * rows, source)
            self.block = Group(self.picture, border(self.picture))
        else:
            self.grid = _grid(values, scale, self.cell, digits)
            self.block = Group(self.grid)
        super().__init__(self.block)
        self.words = Group()
        if name:
            self.words.add(label(name, look.SMALL).next_to(self.block, UP, buff=look.NEAR))
        if note:
            self.words.add(label(note, look.SMALL, look.MUTED).next_to(self.block, DOWN, buff=look.NEAR))
        self.add(*self.words)

    @property
    def outline(self) -> Rectangle:
        """A frame around all values."""
        return Rectangle(width=self.block.width, height=self.block.height).move_to(self.block)

    def mark(self, row: int, column: int) -> Square:
        """A frame around the value at (row, column)."""
        frame = Square(self.cell, stroke_width=2 * look.STROKE, color=look.MARK)
        corner = self.block.get_corner(UP + LEFT)
        return frame.move_to(corner + self.cell * ((column + 0.5) * RIGHT + (row + 0.5) * DOWN))

    def single(self, row: int, column: int) -> VGroup:
        """The square at (row, column) with its number; nothing where there are no single squares."""
        at = row * self.values.shape[1] + column
        return VGroup(*(layer[at] for layer in self.grid or ()))

    def repaint(self, values: Floats) -> None:
        """Give a picture other values (kH, kW) under its scale."""
        if self.picture is not None:
            self.picture.pixel_array[..., :3] = self.colours.colours(values)


def _grid(values: Floats, scale: ColourScale, cell: float, digits: float | None) -> NumberGrid:
    """A grid of squares of `cell` whose numbers have text size `digits`; without numbers where it is None."""
    grid = NumberGrid(values, scale, _ROOMY, digits is not None)
    grid.squares.scale(cell / _ROOMY)
    if digits is not None:
        for text, square in zip(grid[1], grid.squares, strict=True):
            text.scale(digits / look.LABEL).move_to(square)
    return grid
