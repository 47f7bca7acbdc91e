"""A small grid of numbers: one slice of a filter, or the patch of image that it meets."""

import numpy as np
from manim import ManimColor, Square, VGroup
from numpy.typing import NDArray

from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.text import label, number

LARGEST = 8  # more cells than 8 x 8 are drawn as one image, never as squares


class NumberGrid(VGroup):
    """Values (kH, kW) as coloured squares with their numbers; `cell` is a square's side."""

    def __init__(self, values: NDArray[np.floating], scale: ColourScale, cell: float, digits: bool = True) -> None:
        rows, columns = values.shape
        if max(rows, columns) > LARGEST:
            raise ValueError(f"a grid of {rows} x {columns} numbers is too large to read; draw a Picture")
        colours = scale.colours(values)
        squares = VGroup(
            Square(
                cell,
                stroke_width=1.2,
                stroke_color=look.LINE,
                fill_color=ManimColor.from_rgb([int(part) for part in rgb]),
                fill_opacity=1,
            )
            for rgb in colours.reshape(-1, 3)
        )
        squares.arrange_in_grid(rows, columns, buff=0)
        super().__init__(squares)
        self.squares = squares
        if digits:
            light = colours.reshape(-1, 3) @ np.array([0.2126, 0.7152, 0.0722]) > 120
            texts = VGroup(
                label(number(float(value)), look.LABEL, look.BACKGROUND if on_light else look.TEXT)
                for value, on_light in zip(values.flat, light, strict=True)
            )
            shrink = min(1.0, cell * 0.86 / max(text.width for text in texts))  # all alike
            for text, square in zip(texts, squares, strict=True):
                text.scale(shrink).move_to(square)
            self.add(texts)

    def cell_at(self, row: int, column: int, columns: int) -> Square:
        square: Square = self.squares[row * columns + column]
        return square
