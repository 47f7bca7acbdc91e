"""A small grid of numbers: one slice of a filter, or the patch of image that it meets."""

import numpy as np
from manim import ManimColor, Square, VGroup
from numpy.typing import NDArray

from fmcore.colour import ColourScale, luminance
from scenes import look
from scenes.parts.text import label, number

LARGEST = 8  # more cells than 8 x 8 are drawn as one image, never as squares
_ROUNDED = 0.1  # of the scale's range: how far at most a number that is written may be from the value
_MIDDLE = 0.179  # the relative luminance on which black and white have the same contrast, 4.6:1


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
        self.readable = False  # whether the numbers are written
        if digits:
            self._add_numbers(values, scale, colours.reshape(-1, 3), cell)

    def _add_numbers(
        self, values: NDArray[np.floating], scale: ColourScale, colours: NDArray[np.uint8], cell: float
    ) -> None:
        """Write the values, all in one size; with fewer decimals, or not at all, where nobody could read them.

        Never with so few that one number would stand for colours that differ.
        """
        inks = [look.INK if light else look.PAPER for light in luminance(colours) > _MIDDLE]
        for decimals in (2, 1, 0):
            if decimals < 2 and 0.5 / 10**decimals > _ROUNDED * (scale.high - scale.low):
                break
            texts = VGroup(
                label(number(float(value), decimals), look.LABEL, ink)
                for value, ink in zip(values.flat, inks, strict=True)
            )
            shrink = min(1.0, cell * 0.86 / max(text.width for text in texts), cell * 0.7 / texts[0].height)
            if look.LABEL * shrink >= look.SMALLEST:
                for text, square in zip(texts, self.squares, strict=True):
                    text.scale(shrink).move_to(square)
                self.add(texts)
                self.readable = True
                return

    def cell_at(self, row: int, column: int, columns: int) -> Square:
        square: Square = self.squares[row * columns + column]
        return square
