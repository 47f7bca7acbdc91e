"""Two networks beside each other: on which scales maps are drawn, what is said of them, and the table of layers."""

from itertools import pairwise

import numpy as np
import pytest
from manim import Square

from fmcore.colour import ColourScale
from scenes.parts.matched_maps import Scales
from scenes.parts.named_grid import NamedGrid
from scenes.parts.text import Label

RAMP = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)


pytestmark = pytest.mark.usefixtures("small_frame")

CASES = {
    # first network, second, whether all shall be clear: highs of the scales
    "one scale for both": ([RAMP, 0.5 * RAMP], [0.8 * RAMP], True, (1.0, 1.0)),
    "a map too dim for it": ([RAMP, 0.3 * RAMP], [0.8 * RAMP], True, None),
    "a dark map asks for nothing": ([RAMP, 0 * RAMP], [0.8 * RAMP], True, (1.0, 1.0)),
    "a network too dim for it": ([RAMP], [0.1 * RAMP], False, (1.0, 0.1)),
}


@pytest.mark.parametrize("case", CASES)
def test_maps_share_a_scale_on_which_all_can_be_seen(case: str) -> None:
    ones, others, clear, highs = CASES[case]
    scales = Scales.of(ones, others, clear)
    found = None if scales.one is None or scales.other is None else (scales.one.high, scales.other.high)
    assert found == (None if highs is None else pytest.approx(highs))
    note = scales.note(Square(2), None)
    said = " ".join(part.text for part in note.get_family() if isinstance(part, Label))
    assert said.split()[0] == ("each" if highs is None or highs[0] != highs[1] else "all")


def test_names_of_columns_stand_upright_where_they_have_no_room_side_by_side() -> None:
    names, scale = ["stem", "layer res", "res2.a", "down"], ColourScale(0.0, 1.0, "shared")
    for columns, cell, is_upright in ((names, 0.7, True), (["conv1", "conv2"], 1.5, False)):
        table = NamedGrid(np.zeros((2, len(columns))), ["a", "b"], columns, ("A", "B"), scale, cell)
        assert [name.text for name in table.column_names] == columns
        assert all((name.height > name.width) == is_upright for name in table.column_names)
        for name, other in pairwise(table.column_names):
            assert name.get_right()[0] < other.get_left()[0]
