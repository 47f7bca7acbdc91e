"""A few values of a picture, enlarged so that their numbers can be read."""

from functools import partial
from typing import Self

from manim import DOWN, LEFT, RIGHT, UP, VGroup

from scenes import look
from scenes.parts.fitting import fit
from scenes.parts.kernel import NumberGrid
from scenes.parts.marks import values_frame
from scenes.parts.picture import Picture
from scenes.parts.text import label, lines


class Closeup(VGroup):
    """Up to `side` × `side` values of `picture` around place (row, column), which is framed; says which they are.

    `mark` is the frame to put on the picture, `best` the one around the value itself. Its words stand above and below
    it, or `beside` it.
    """

    def __init__(
        self,
        picture: Picture,
        row: int,
        column: int,
        cell: float,
        heading: str = "enlarged",
        side: int = 5,
        beside: bool = False,
    ) -> None:
        values = picture.values
        top, left = (
            max(0, min(place - side // 2, size - side)) for place, size in zip((row, column), values.shape, strict=True)
        )
        patch = values[top : top + side, left : left + side]
        rows, columns = patch.shape
        self.mark = values_frame(picture, top, left, top + rows, left + columns)
        self.grid = NumberGrid(patch, picture.scale_of_colour, cell)
        self.best = self.grid.cell_at(row - top, column - left, columns).copy()
        self.best.set_fill(opacity=0).set_stroke(look.MARK, 2 * look.STROKE)
        places = lines(span("row", top, rows), span("column", left, columns))
        self.words = VGroup(label(heading, look.SMALL), places)
        if beside:
            self.words.arrange(DOWN, buff=look.LEADING, aligned_edge=LEFT).next_to(self.grid, RIGHT, buff=2 * look.NEAR)
        else:
            self.words[0].next_to(self.grid, UP, buff=look.NEAR)
            places.next_to(self.grid, DOWN, buff=look.NEAR)
        super().__init__(self.grid, self.words, self.best)

    @classmethod
    def within(cls, picture: Picture, row: int, column: int, region: look.Region, heading: str = "enlarged") -> Self:
        """As many values as can be read within `region`: 5 × 5, or fewer where there is little room."""
        beside = look.shape() == "tall"  # where height is short
        for side in (5, 4, 3, 2, 1):
            made = partial(cls, picture, row, column, heading=heading, side=side, beside=beside)
            found = fit(made, region, most=0.8)
            if found.grid.readable:
                break
        return found


def span(what: str, first: int, count: int) -> str:
    """`rows 4–8`, or `row 4` where there is but one; `first` counts from 0."""
    return f"{what} {first + 1}" if count == 1 else f"{what}s {first + 1}–{first + count}"
