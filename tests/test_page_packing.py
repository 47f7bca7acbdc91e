"""Arrays of a page come back to the bit, or within the error that is stated."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pages import Array, unpacked

from fmcore.page.packing import LEAST, Coding, Packed, Packer, encode, largest_error, levels_of

floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
usual = st.floats(-(2.0**100), 2.0**100, width=32)


def added(packer: Packer, array: Array, coding: Coding, each: int = 0) -> Packed:
    return packer.place(encode(array, coding, each))


@given(arrays(np.float32, array_shapes(min_dims=1, max_dims=4, max_side=5), elements=floats))
def test_floats_come_back_to_the_bit(array: Array) -> None:
    packer = Packer()
    packed = added(packer, array, "float32")
    found = unpacked(packer.text, packed)
    assert found.tobytes() == array.tobytes() and found.shape == array.shape


@given(
    arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 40)), elements=usual),
    st.sampled_from(["levels8", "levels16"]),
)
def test_a_rounded_value_is_no_farther_off_than_stated(array: Array, coding: Any) -> None:
    packer = Packer()
    packed = added(packer, array, coding, array.shape[1])
    found = unpacked(packer.text, packed)
    wide = array.astype(np.float64)
    span = wide.max(1, keepdims=True) - wide.min(1, keepdims=True)
    unit = np.spacing(np.abs(array).max(1, keepdims=True)).astype(np.float64)
    assert np.all(np.abs(found - wide) <= largest_error(coding) * span + unit + LEAST)
    assert np.array_equal(found[span[:, 0] == 0], array[span[:, 0] == 0])  # what is flat stays exact
    assert not np.any(found[array == 0])  # and zero stays zero
    assert not np.any((found * np.sign(wide)) < 0)  # no value changes its sign


@pytest.mark.parametrize("coding", ["levels8", "levels16"])
def test_the_largest_numbers_are_rounded_too(coding: Any) -> None:
    most = np.finfo(np.float32).max
    packer = Packer()
    packed = added(packer, np.array([[-most, 0, most]], np.float32), coding, 3)
    found = unpacked(packer.text, packed).astype(np.float64)
    assert np.all(np.abs(found - [[-most, 0, most]]) <= largest_error(coding) * 2 * float(most))


def test_levels_stay_within_their_range_and_reach_its_ends() -> None:
    run = np.linspace(0.1, 0.7, 1000, dtype=np.float32)[None]
    low, step, levels = levels_of(run, 255)
    assert (levels.min(), levels.max(), low[0]) == (0, 255, run.min())
    assert float(low[0]) + 255 * float(step[0]) <= run.max()


def test_texts_lie_end_to_end_and_what_is_there_is_not_written_again() -> None:
    packer = Packer()
    one = added(packer, np.arange(7, dtype=np.float32), "float32")
    two = added(packer, np.arange(9, dtype=np.int32), "int32")
    again = added(packer, np.arange(7, dtype=np.float32), "float32")
    assert (one["start"], two["start"], again) == (0, one["end"], one) and two["end"] == len(packer.text)
    assert unpacked(packer.text, two).tolist() == list(range(9))
    assert encode(np.zeros(3, np.uint8), "uint8").characters % 4 == 0
