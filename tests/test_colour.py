"""Colours say values, and say them back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fmcore.colour import GREY, SIGNED, STRENGTH, ColourScale, table

VALUES = hnp.arrays(np.float32, st.integers(1, 30), elements=st.floats(-1000, 1000, width=32))
LIGHTNESS = np.array([0.2126, 0.7152, 0.0722])  # of sRGB primaries, Rec. 709


@given(values=VALUES, name=st.sampled_from([STRENGTH, SIGNED, GREY]))
def test_a_colour_gives_its_value_back_within_one_step(values: np.ndarray, name: str) -> None:
    scale = ColourScale(-1000.0, 1000.0, table_name=name)
    assert np.abs(scale.values(scale.colours(values)) - values).max() <= 2000 / 255


@given(values=VALUES)
def test_a_scale_of_values_spans_them(values: np.ndarray) -> None:
    scale = ColourScale.of(values)
    assert scale.low <= values.min() and values.max() <= scale.high
    assert scale.low in (0, -scale.high)


@pytest.mark.parametrize("values", [[-2.0, 1.0], [-1e-30, 5.0], [0.0, 3.0], [0.0, 0.0]])
@pytest.mark.parametrize("make", [ColourScale.of, ColourScale.signed, ColourScale.strength])
def test_zero_is_black(values: list[float], make: type[ColourScale]) -> None:
    scale = make(np.array(values))  # type: ignore[call-arg, arg-type]
    assert scale.colours(np.zeros(1)).max() < 40


def test_a_flat_map_is_one_colour() -> None:
    flat = ColourScale.strength(np.zeros((2, 2)))
    assert flat.flat and not ColourScale.strength(np.ones(1)).flat
    assert flat.colours(np.zeros((2, 2))).shape == (2, 2, 3)
    assert len(np.unique(flat.colours(np.zeros((2, 2))).reshape(-1, 3), axis=0)) == 1
    assert (flat.values(flat.colours(np.zeros((2, 2)))) == 0).all()


def test_what_lies_outside_is_clipped() -> None:
    scale = ColourScale(0.0, 1.0, table_name=GREY)
    assert scale.colours(np.array([-5.0, 0.0, 1.0, 7.0]))[:, 0].tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize(
    ("name", "middle"), [(STRENGTH, 0), (GREY, 0), (SIGNED, 128)], ids=["strength", "grey", "signed"]
)
def test_stronger_is_lighter(name: str, middle: int) -> None:
    light = table(name) @ LIGHTNESS
    assert (np.diff(light[middle:]) > -1).all() and (np.diff(light[: middle + 1]) < 1).all()
    assert light[middle] < 20 and light[-1] > 150


def test_a_table_is_256_colours_that_nobody_changes() -> None:
    assert table(STRENGTH).shape == (256, 3) and table(STRENGTH).dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        table(STRENGTH)[0] = 1
