"""Frames that mark a place on a picture, and the arrow from one thing to the next."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Arrow, Line, ManimColor, Rectangle, VGroup

from fmcore.header import ReceptiveField
from scenes import look
from scenes.parts.picture import Picture

_FINE = 14  # values a side
_EMPTY = 0.4  # opacity
_AIM, _FREE = 0.17, 0.03  # length of a line that points at a value, and the room before it


def values_frame(
    picture: Picture,
    top: float,
    left: float,
    bottom: float,
    right: float,
    color: ManimColor | None = None,
) -> Rectangle:
    """A frame around the values between these edges, counted in values from the picture's top left corner.

    Its colour is `look.MARK` unless another is given. It is no thicker than half a value, which it would hide.
    """
    height, width = picture.cell
    frame = Rectangle(
        height=(bottom - top) * height,
        width=(right - left) * width,
        stroke_width=min(2 * look.STROKE, 50 * min(height, width)),
        color=color or look.MARK,
    )
    return frame.move_to(picture.at((top + bottom) / 2 - 0.5, (left + right) / 2 - 0.5))


def unmade(picture: Picture) -> Rectangle:
    """A surface for below `picture` while its values are still to come: what stays empty must not look like zero."""
    surface = Rectangle(width=picture.width, height=picture.height, stroke_width=0, fill_color=look.LINE)
    return surface.set_fill(opacity=_EMPTY).move_to(picture)


def aim(picture: Picture, row: int, column: int) -> VGroup:
    """Four short lines that point at the value at (row, column), as far as `picture` reaches.

    A frame around a single value of a fine map would hide it, and one around more would seem to mean them all. Values
    of a coarse one are framed.
    """
    if min(picture.grid) < _FINE:
        return VGroup(values_frame(picture, row, column, row + 1, column + 1))
    height, width = picture.cell
    centre = picture.at(row, column)
    rows, columns = picture.grid
    ways = (  # where to, how far the picture goes there, and half the value
        (UP, (row + 0.5) * height, height / 2),
        (DOWN, (rows - row - 0.5) * height, height / 2),
        (LEFT, (column + 0.5) * width, width / 2),
        (RIGHT, (columns - column - 0.5) * width, width / 2),
    )
    edges, lines = VGroup(), VGroup()
    for way, room, half in ways:
        start = half + _FREE
        end = min(room, start + max(_AIM, 2 * half))
        if end - start > _FREE:
            line = Line(centre + start * way, centre + end * way, stroke_width=2 * look.STROKE, color=look.MARK)
            edges.add(line.copy().set_stroke(look.INK, 3.4 * look.STROKE))  # it may lie on its own colour
            lines.add(line)
    return VGroup(*edges, *lines)


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
