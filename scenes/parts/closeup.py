"""A few values of a picture, enlarged so that their numbers can be read."""

from manim import DOWN, UP, VGroup

from scenes import look
from scenes.parts.kernel import NumberGrid
from scenes.parts.marks import values_frame
from scenes.parts.picture import Picture
from scenes.parts.text import label, lines

_SIDE = 5


class Closeup(VGroup):
    """Up to 5 × 5 values of `picture` around place (row, column), which is framed; says which they are.

    `mark` is the frame to put on the picture, `best` the one around the value itself.
    """

    def __init__(self, picture: Picture, row: int, column: int, cell: float, heading: str = "enlarged") -> None:
        values = picture.values
        top, left = (
            max(0, min(place - _SIDE // 2, size - _SIDE))
            for place, size in zip((row, column), values.shape, strict=True)
        )
        patch = values[top : top + _SIDE, left : left + _SIDE]
        rows, columns = patch.shape
        self.mark = values_frame(picture, top, left, top + rows, left + columns)
        self.grid = NumberGrid(patch, picture.scale_of_colour, cell)
        self.best = self.grid.cell_at(row - top, column - left, columns).copy()
        self.best.set_fill(opacity=0).set_stroke(look.SECOND, 2 * look.STROKE)
        self.words = VGroup(
            label(heading, look.SMALL).next_to(self.grid, UP, buff=look.NEAR),
            lines(f"rows {top + 1}–{top + rows}", f"columns {left + 1}–{left + columns}").next_to(
                self.grid, DOWN, buff=look.NEAR
            ),
        )
        super().__init__(self.grid, self.words, self.best)
