"""A table of numbers in colour, with names at its rows and columns, such as the likeness of layers."""

from collections.abc import Sequence

import numpy as np
from manim import LEFT, PI, RIGHT, UP, Group, VGroup
from numpy.typing import NDArray

from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.kernel import NumberGrid
from scenes.parts.text import label

_UPRIGHT = 1.4  # units: how high a name may be that stands upright


class NamedGrid(Group):
    """Values (R, C) as a `NumberGrid` whose cells are `cell` wide, with the names of its rows and columns.

    `corner` says what the rows and what the columns are: the first stands on the left, the second above all columns.
    """

    def __init__(
        self,
        values: NDArray[np.floating],
        rows: Sequence[str],
        columns: Sequence[str],
        corner: tuple[str, str],
        scale: ColourScale,
        cell: float,
        name_width: float = 1.6,
    ) -> None:
        self.grid = NumberGrid(values, scale, cell)
        width = len(columns)
        left = self.grid.squares.get_left()[0]
        self.row_names = VGroup(label(name, look.SMALL, look.ACCENT, width=name_width) for name in rows)
        for number, name in enumerate(self.row_names):
            name.next_to(self.grid.cell_at(number, 0, width), LEFT, buff=2 * look.NEAR)
        self.column_names = VGroup(label(name, look.SMALL, look.SECOND, width=0.88 * cell) for name in columns)
        if any("…" in label_.text for label_ in self.column_names):  # then they stand upright, read from below
            self.column_names = VGroup(label(name, look.SMALL, look.SECOND, width=_UPRIGHT) for name in columns)
            for name in self.column_names:
                name.rotate(PI / 2)
        for number, name in enumerate(self.column_names):
            name.next_to(self.grid.cell_at(0, number, width), UP, buff=look.NEAR)
        across = label(corner[1], look.SMALL, look.SECOND, width=max(width * cell, name_width))
        across.next_to(self.column_names, UP, buff=look.NEAR).align_to(np.array([left, 0, 0]), LEFT)
        down = label(corner[0], look.SMALL, look.ACCENT, width=name_width)
        down.align_to(np.array([left - 2 * look.NEAR, 0, 0]), RIGHT).match_y(self.column_names)
        super().__init__(self.grid, self.row_names, self.column_names, VGroup(across, down))
