"""A frame that runs over the picture from which another is made, place by place."""

from manim import Rectangle

from scenes import look
from scenes.parts.marks import values_frame
from scenes.parts.picture import Picture


class Scan(Rectangle):
    """A frame of `size` (rows, columns) values on `read`; `follow` brings it to what makes a place of `made`."""

    def __init__(self, read: Picture, made: Picture, size: tuple[int, int] = (1, 1)) -> None:
        frame = values_frame(read, 0, 0, *size)
        super().__init__(width=frame.width, height=frame.height, color=look.MARK, stroke_width=2 * look.STROKE)
        self.read, self.size = read, size
        self.step = [over / places for over, places in zip(read.grid, made.grid, strict=True)]
        self.follow(0, 0)

    def follow(self, row: int, column: int) -> "Scan":
        top, left = (
            min(place * step, over - side)
            for place, step, over, side in zip((row, column), self.step, self.read.grid, self.size, strict=True)
        )
        return self.move_to(self.read.at(top + (self.size[0] - 1) / 2, left + (self.size[1] - 1) / 2))
