"""Maps of two networks beside each other: on which scales they are drawn, and what is said of them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from films import TINY
from manim import Square

from fmcore.render.process import configure
from scenes import look
from scenes.parts.matched_maps import Scales
from scenes.parts.text import Label

RAMP = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)


@pytest.fixture(autouse=True)
def small_frame(tmp_path: Path) -> Iterator[None]:
    configure(TINY, tmp_path)
    look.register_fonts()
    yield
    configure(TINY, tmp_path)


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
