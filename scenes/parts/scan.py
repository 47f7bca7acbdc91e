"""A frame that runs over the picture from which another is made, place by place."""

from typing import Self

from manim import Rectangle

from scenes import look
from scenes.parts.marks import values_frame
from scenes.parts.picture import Picture

Pair = tuple[int, int]


class Scan(Rectangle):
    """A frame of `size` (rows, columns) values on `read`; `follow` brings it to what makes a place of the result.

    Place (0, 0) is made from the values from `start` on, the next from those `step` further. The frame may hang over
    the border, where the padding is.
    """

    def __init__(self, read: Picture, size: Pair = (1, 1), step: Pair = (1, 1), start: Pair = (0, 0)) -> None:
        frame = values_frame(read, 0, 0, *size)
        super().__init__(width=frame.width, height=frame.height, color=look.MARK, stroke_width=2 * look.STROKE)
        self.read, self.size, self.step, self.start = read, size, step, start
        self.follow(0, 0)

    def follow(self, row: int, column: int) -> Self:
        top, left = (
            start + place * step for start, place, step in zip(self.start, (row, column), self.step, strict=True)
        )
        return self.move_to(self.read.at(top + (self.size[0] - 1) / 2, left + (self.size[1] - 1) / 2))
