"""Which channels are shown is decided by rules that can be checked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fmcore.analysis.channels import Spot, is_flat, representatives, strongest
from fmcore.analysis.telling import telling

ACTIVATIONS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 4), st.integers(1, 4)),
    elements=st.floats(-8, 8, width=32),
)


@given(activation=ACTIVATIONS, count=st.integers(1, 12))
def test_representatives_are_different_channels_and_the_same_every_time(activation: np.ndarray, count: int) -> None:
    chosen = representatives(activation, count)
    assert len(chosen) == min(count, len(activation)) == len(set(chosen))
    assert set(chosen) <= set(range(len(activation)))
    assert representatives(activation.copy(), count) == chosen
    assert representatives(activation, count + 1)[: len(chosen)] == chosen
    energy = (activation.astype(np.float64) ** 2).sum((1, 2))
    assert energy[chosen[0]] == pytest.approx(energy.max(), rel=1e-12)


def test_copies_come_last() -> None:
    a, b, c = np.eye(3, dtype=np.float32).reshape(3, 1, 3)
    activation = np.stack([2 * a, 5 * a, 3 * b, -5 * a, 1 * c, 3 * b])
    assert representatives(activation, 6)[:3] == [1, 2, 4]


def test_a_weak_map_that_differs_comes_before_a_strong_one_that_nearly_repeats() -> None:
    near = np.array([[[10.0, 0.1]], [[9.0, 0.0]], [[0.0, 2.0]]])
    assert representatives(near, 3) == [0, 2, 1]


def test_equal_maps_fall_to_the_lower_index() -> None:
    assert representatives(np.zeros((3, 2, 2)), 2) == [0, 1]
    assert representatives(np.ones((3, 2, 2)), 1) == [0]


TELLING: dict[str, tuple[list[list[float]], int]] = {
    "partly cut off": ([[1, 2, 9, 3], [0, 0, 0, 0], [0, 0, 4, 5]], 2),
    "half is more telling than a corner": ([[0, 3, 3, 3], [0, 0, 3, 3]], 1),
    "the stronger of two alike": ([[0, 0, 3, 3], [0, 0, 6, 6]], 1),
    "where nothing is cut off, the most varied": ([[1, 1, 1, 1], [1, 2, 3, 4], [1, 1, 2, 2]], 1),
    "nothing at all": ([[0, 0, 0, 0], [0, 0, 0, 0]], 0),
    "below zero is cut off too": ([[-1, -1, 4, 5], [1, 2, 9, 3]], 0),
}


@pytest.mark.parametrize("case", TELLING)
def test_which_channel_tells_most_about_a_nonlinearity(case: str) -> None:
    maps, expected = TELLING[case]
    assert telling(np.array(maps, np.float32).reshape(len(maps), 2, 2)) == expected


def test_a_map_that_repeats_the_image_tells_less_of_a_filter_than_one_with_an_outline_of_its_own() -> None:
    image = np.array([[[0, 0, 0], [4, 5, 9], [4, 6, 9]]], np.float32)
    maps = np.array([2 * image[0], [[0, 0, 0], [6, 0, 0], [0, 5, 1]], 9 - image[0]], np.float32)
    maps[2, 0, 0] = maps[2, 1:, 2] = 0
    assert telling(maps) == 0
    assert telling(maps, image) == 1


def test_a_map_that_is_about_as_strong_in_half_of_its_places_tells_less_than_one_with_a_peak() -> None:
    plateau, peak = [[0, 0, 9], [0, 9, 8.9], [0, 8.9, 9]], [[0, 0, 2], [0, 9, 3], [0, 1, 2]]
    assert telling(np.array([plateau, peak], np.float32)) == 1


@pytest.mark.parametrize(
    ("feature_map", "spot"),
    [
        ([[0, 1], [2, 1]], Spot(1, 0, 2)),
        ([[0, 7], [7, 7]], Spot(0, 1, 7)),
        ([[0, 0], [0, 0]], Spot(0, 0, 0)),
        ([[-3, -1]], Spot(0, 1, -1)),
    ],
)
def test_the_strongest_place_is_the_first_in_reading_order(feature_map: list[list[float]], spot: Spot) -> None:
    assert strongest(np.array(feature_map, np.float32)) == spot


@pytest.mark.parametrize(
    ("feature_map", "flat"),
    [([[0, 0]], True), ([[2, 2]], True), ([[0, 1e-30]], False), ([[-1, 0, 1, 2]], False)],
)
def test_flat_maps(feature_map: list[list[float]], flat: bool) -> None:
    assert is_flat(np.array(feature_map)) is flat


def test_a_channel_that_is_strongest_at_the_border_comes_after_others() -> None:
    random = np.random.default_rng(0)
    maps = np.maximum(random.normal(size=(3, 12, 12)), 0).astype(np.float32)
    maps[0, 0, 5], maps[1, 5, 11], maps[2, 6, 6] = 30, 20, 5
    assert telling(maps) == 2
    assert telling(maps[:2]) == 0  # where all are so
