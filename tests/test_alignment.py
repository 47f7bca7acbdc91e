"""Pixels are laid onto places as a sum over fine slices of the image does it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmcore.analysis.alignment import aligned, beyond, weights
from fmcore.analysis.receptive_field import through
from fmcore.header import ReceptiveField

SLICES = 4  # of a pixel; starts are multiples of as much, so no slice is cut


def by_slices(places: int, length: int, jump: int, start: float) -> np.ndarray:
    """The same weights (places, length), slice by slice."""
    rows = np.zeros((places, length))
    for place in range(places):
        low = round((start + place * jump - jump / 2) * 2 * SLICES)
        for piece in range(low, low + jump * 2 * SLICES):
            pixel = piece // (2 * SLICES)
            if 0 <= pixel < length:
                rows[place, pixel] += 1
        if not rows[place].any():
            rows[place, min(max(int(np.floor(start + place * jump)), 0), length - 1)] = 1
    return rows / rows.sum(1, keepdims=True)


@given(
    places=st.integers(1, 9),
    length=st.integers(1, 12),
    jump=st.integers(1, 6),
    start=st.integers(-40, 60).map(lambda quarter: quarter / SLICES),
)
def test_weights_are_the_shares_of_each_pixel_in_each_window(places: int, length: int, jump: int, start: float) -> None:
    found = weights(places, length, jump, start)
    assert found.shape == (places, length) and found.dtype == np.float32
    assert found == pytest.approx(by_slices(places, length, jump, start), abs=1e-6)
    assert found.sum(1) == pytest.approx(np.ones(places), abs=1e-6)


@given(start=st.floats(-50, 50), jump=st.integers(1, 8))
def test_rows_sum_to_one_wherever_the_first_place_lies(start: float, jump: int) -> None:
    found = weights(5, 7, jump, start)
    assert (found >= 0).all() and found.sum(1) == pytest.approx(np.ones(5), abs=1e-5)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_a_layer_that_keeps_the_size_keeps_the_image(kernel: int) -> None:
    field = through(ReceptiveField(), (kernel, kernel), padding=(kernel // 2, kernel // 2))
    images = np.random.default_rng(0).random((2, 3, 9, 11)).astype(np.float32)
    assert np.array_equal(aligned(images, field, (9, 11)), images)


def test_places_after_pooling_take_the_means_of_their_pixels_rows_and_columns_apart() -> None:
    field = through(through(ReceptiveField(), (3, 3), padding=(1, 1)), (2, 3), (2, 3))
    images = np.random.default_rng(0).random((2, 8, 12)).astype(np.float32)
    means = images.reshape(2, 4, 2, 4, 3).mean((2, 4))
    assert aligned(images, field, (4, 4)) == pytest.approx(means, abs=1e-6)


def test_masks_become_shares_and_a_place_beyond_the_image_takes_the_nearest_pixel() -> None:
    field = ReceptiveField(jump=(2, 2), start=(1.0, 1.0))
    mask = np.array([[True, False, False, False], [True, False, False, True]])
    assert aligned(mask, field, (1, 3)) == pytest.approx(np.array([[0.5, 0.25, 0.5]]))


@given(row=st.integers(0, 6), column=st.integers(0, 6), kernel=st.integers(1, 5), pad=st.integers(0, 2))
def test_what_a_place_sees_beyond_the_image_is_counted_pixel_by_pixel(
    row: int, column: int, kernel: int, pad: int
) -> None:
    seen = [(y, x) for y in range(row - pad, row - pad + kernel) for x in range(column - pad, column - pad + kernel)]
    outside = sum(not (0 <= y < 7 and 0 <= x < 5) for y, x in seen)
    field = through(ReceptiveField(), (kernel, kernel), (1, 1), (pad, pad))
    assert beyond(field, row, column, (7, 5)) == pytest.approx(outside / len(seen))
    assert beyond(ReceptiveField(whole=True), row, column, (7, 5)) == 0
