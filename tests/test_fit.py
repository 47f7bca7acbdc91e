"""Things in their rooms: as large as can be found by trying every size, in few trials."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.look import Region
from scenes.parts.fitting import fit


@dataclass
class Thing:
    """As wide and as high as it is said to be."""

    width: float
    height: float
    size: float

    def move_to(self, place: Any) -> "Thing":
        return self


def layout(text: float, lines: float, wide: float, tall: float, beside: float) -> Callable[[float], Thing]:
    """A picture of `wide` by `tall` times its size, below `lines` of text `text` wide, beside something else."""
    return lambda size: Thing(max(text, wide * size) + beside, lines + tall * size, size)


def largest(make: Callable[[float], Thing], region: Region, most: float) -> float:
    width = max(region.width, make(0.05).width)
    sizes = np.linspace(0.05, most, 4001)
    fitting = [s for s in sizes if make(s).width <= width + 1e-6 and make(s).height <= region.height + 1e-6]
    return max(fitting, default=0.05)


SIDES = st.floats(0.2, 12)


@given(SIDES, st.floats(0, 3), st.floats(0.2, 4), st.floats(0.2, 4), st.floats(0, 2), SIDES, SIDES, st.floats(1, 20))
def test_the_largest_size_that_fits_is_found_in_few_trials(
    text: float, lines: float, wide: float, tall: float, beside: float, width: float, height: float, most: float
) -> None:
    made: list[float] = []

    def make(size: float) -> Thing:
        made.append(size)
        return layout(text, lines, wide, tall, beside)(size)

    region = Region(0, width, 0, height)
    best = largest(layout(text, lines, wide, tall, beside), region, most)
    made.clear()
    found = fit(make, region, most)  # type: ignore[type-var]
    slack = 0.025 / min(wide, tall, 1.0) + most / 4000  # what may be left unused, in sizes, and the steps of the search
    assert best - slack <= found.size <= best + slack, (best, found.size)
    assert len(made) <= 16, made


@pytest.mark.parametrize("most", [8.0, 20.0])
def test_a_text_wider_than_its_room_does_not_end_the_search(most: float) -> None:
    assert fit(layout(4, 0, 1, 1, 0), Region(0, 3.5, 0, 5.5), most).size == pytest.approx(4, abs=0.03)  # type: ignore[type-var]
