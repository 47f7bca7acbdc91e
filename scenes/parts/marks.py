"""Frames that mark a place on a picture, and the arrow from one thing to the next."""

import numpy as np
from manim import Arrow, ManimColor, Rectangle

from fmcore.header import ReceptiveField
from scenes import look
from scenes.parts.picture import Picture


def values_frame(
    picture: Picture,
    top: float,
    left: float,
    bottom: float,
    right: float,
    color: ManimColor | None = None,
) -> Rectangle:
    """A frame around the values between these edges, counted in values from the picture's top left corner.

    Its colour is `look.MARK` unless another is given.
    """
    height, width = picture.cell
    frame = Rectangle(
        height=(bottom - top) * height,
        width=(right - left) * width,
        stroke_width=2 * look.STROKE,
        color=color or look.MARK,
    )
    return frame.move_to(picture.at((top + bottom) / 2 - 0.5, (left + right) / 2 - 0.5))


def field_frame(picture: Picture, field: ReceptiveField, row: int, column: int) -> Rectangle:
    """A frame around what place (row, column) can see of `picture`, cut off at the border."""
    rows, columns = picture.grid
    top, left, bottom, right = field.box(row, column)
    return values_frame(picture, max(top, 0), max(left, 0), min(bottom, rows), min(right, columns))


def arrow(start: np.ndarray, end: np.ndarray, down: bool = False) -> Arrow:
    """A quiet arrow from one thing to the next, level at the height of its start, or straight `down` from it."""
    there = np.array([start[0], end[1], 0.0] if down else [end[0], start[1], 0.0])
    return Arrow(
        start, there, buff=0.12, stroke_width=4, color=look.MUTED, tip_length=0.18, max_tip_length_to_length_ratio=0.5
    )
