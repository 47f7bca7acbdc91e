"""A line around values of a picture: as long as the edges between inside and outside, and where they are."""

import numpy as np
import pytest

from scenes.parts.contour import contour
from scenes.parts.picture import UNIT, Picture

HOLE = [[1, 1, 1], [1, 0, 1], [1, 1, 1]]
CASES = {  # what is inside, and how many sides of squares its line has
    "one place": ([[0, 0, 0], [0, 1, 0], [0, 0, 0]], 4),
    "all, along the border": (np.ones((3, 3)), 12),
    "a hole": (HOLE, 16),
    "two that touch at a corner": ([[1, 0], [0, 1]], 8),
    "nothing": (np.zeros((2, 5)), 0),
}


@pytest.mark.parametrize("case", CASES)
def test_a_contour_is_as_long_as_the_edges(case: str) -> None:
    inside, sides = CASES[case]
    mask = np.array(inside, bool)
    picture = Picture(mask.astype(np.float64), UNIT, 3.0)
    side = picture.cell[0]
    line = contour(picture, mask)
    found = sum(np.abs(path[-1] - path[0]).sum() for path in line.get_subpaths())
    assert found == pytest.approx(sides * side)
    if sides:
        rows, columns = np.nonzero(mask)
        corner = picture.at(rows.min() - 0.5, columns.min() - 0.5)
        assert line.get_corner([-1, 1, 0]) == pytest.approx(corner)
