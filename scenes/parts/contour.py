"""A line around some of a picture's values, whatever their colours: seen where they are faint, too."""

import numpy as np
from manim import VMobject
from manim.constants import CapStyleType
from numpy.typing import NDArray

from scenes import look
from scenes.parts.picture import Picture


def contour(picture: Picture, inside: NDArray[np.bool_]) -> VMobject:
    """The edges between the values of `picture` that are `inside` (H, W) and those that are not, or its border."""
    line = VMobject(stroke_color=look.PAPER, stroke_width=look.STROKE, cap_style=CapStyleType.SQUARE)
    padded = np.pad(inside, 1)
    for across in (False, True):  # edges that run down, then those that run across
        cells = padded.T if across else padded
        edges = cells[1:-1, 1:] != cells[1:-1, :-1]  # (along, place)
        for place in range(edges.shape[1]):
            for first, past in _runs(edges[:, place]):
                corners = [(place, at) if across else (at, place) for at in (first, past)]
                start, end = (picture.at(row - 0.5, column - 0.5) for row, column in corners)
                line.start_new_path(start)
                line.add_line_to(end)
    return line


def _runs(there: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and past the last of all that are true in a row."""
    changes = np.flatnonzero(np.diff(np.pad(there, 1).astype(np.int8)))
    return [(int(first), int(past)) for first, past in changes.reshape(-1, 2)]
