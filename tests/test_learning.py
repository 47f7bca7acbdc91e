"""How far filters moved, worked out by hand and by another way."""

from pathlib import Path

import numpy as np
import pytest
from films import Net, make_bundle
from hypothesis import given
from hypothesis import strategies as st

from fmcore.analysis.learning import moved, movements, spread_epochs, turned_most
from fmcore.analysis.measures import measure
from fmcore.bundle import Bundle, save_bundle
from fmcore.errors import BundleError
from fmcore.header import HistoryInfo


def test_of_the_epochs_that_are_shown_the_first_is_one() -> None:
    shown = [spread_epochs(last, most) for last, most in ((5, 4), (5, 6), (30, 4), (2, 6), (1, 4), (0, 4), (9, 2))]
    assert shown == [[0, 1, 3, 5], [0, 1, 2, 3, 4, 5], [0, 1, 16, 30], [0, 1, 2], [0, 1], [0], [0, 9]]


def test_ways_that_can_be_checked_by_hand() -> None:
    straight, turned, grown, still = (
        [[2, 0], [2, 1], [2, 2]],
        [[2, 0], [2, 2], [2, 0]],
        [[2, 0], [4, 0], [8, 0]],
        [[2, 0], [2, 0], [2, 0]],
    )
    found = moved(np.array([straight, turned, grown, still], np.float32).swapaxes(0, 1))
    assert found.distance.T.tolist() == [[0, 0.5, 1], [0, 1, 0], [0, 1, 3], [0, 0, 0]]
    assert found.path.tolist() == [1, 2, 3, 0]
    half = np.sqrt(0.5)
    cosine = np.array([[1, 2 / np.sqrt(5), half], [1, half, 1], [1, 1, 1], [1, 1, 1]])
    assert np.allclose(found.cosine.T, cosine, rtol=0, atol=1e-12)
    assert found.from_zero == ()


@given(seed=st.integers(0, 999), epochs=st.integers(0, 4), factor=st.floats(1e-3, 1e3))
def test_the_law_of_cosines_and_the_triangle_hold_at_any_scale(seed: int, epochs: int, factor: float) -> None:
    history = np.random.default_rng(seed).normal(size=(epochs + 1, 3, 2, 3, 3))
    found = moved(history * factor)
    length = np.linalg.norm(history.reshape(epochs + 1, 3, -1), axis=2)
    length /= length[0]
    assert found.distance**2 == pytest.approx(1 + length**2 - 2 * length * found.cosine, abs=1e-9)
    assert (found.path >= found.distance.max(0) - 1e-12).all()
    assert found.distance[0].tolist() == [0, 0, 0]


def test_filters_that_start_at_zero_are_measured_by_the_others() -> None:
    found = moved(np.array([[[0.0, 0], [3, 4], [0, 0], [0, 5]], [[0, 10], [3, 4], [0, 0], [0, 0]]]))
    assert found.from_zero == (0, 2)
    assert found.distance.tolist() == [[0, 0, 0, 0], [2, 0, 0, 1]]
    assert found.cosine.tolist() == [[0, 1, 0, 1], [0, 1, 0, 0]]
    assert moved(np.zeros((2, 1, 4))).distance.tolist() == [[0], [0]]
    assert moved(np.array([[[0.0]], [[0.25]]])).path.tolist() == [0.25]


def test_the_history_of_a_bundle_is_read_or_missed(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "net.safetensors", Net())
    with Bundle.open(path) as bundle:
        with pytest.raises(BundleError, match=r"'net.*' does not hold the weights of conv1 at every epoch"):
            movements(bundle, "conv1")
        with pytest.raises(BundleError, match="no layer 'conv9'"):
            movements(bundle, "conv9")
        arrays = {name: bundle.array(name) for name in bundle.header.arrays}
        header = bundle.header
    weight = arrays["conv2/weight"]
    save_bundle(path, header, arrays | {"conv2/weight_history": np.stack([weight, -weight])})
    with Bundle.open(path) as bundle:
        found = movements(bundle, "conv2")
    assert found.distance[1] == pytest.approx(np.full(6, 2))
    assert found.cosine[1] == pytest.approx(np.full(6, -1))


def test_the_filter_that_is_followed_turned_itself_and_turned_its_map(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "net.safetensors", Net(epochs=1, widths=(4, 4)))
    with Bundle.open(path) as bundle:
        arrays = {name: np.array(bundle.array(name)) for name in bundle.header.arrays}
        header = bundle.header.model_copy(update={"activation_history": HistoryInfo(epochs=(0, 1), probes=(0,))})
    start, across = np.zeros((2, 9), np.float32)
    start[0] = across[1] = 1
    cosines = np.array([0.2, 0.6, 0.9, 0.95])
    after = cosines[:, None] * start + np.sqrt(1 - cosines**2)[:, None] * across
    shape = arrays["conv1/weight_history"].shape[1:]
    arrays["conv1/weight_history"] = np.stack([np.tile(start, (4, 1)), after]).reshape(2, *shape).astype(np.float32)
    ramp = np.tile(np.linspace(-1, 1, 12)[:, None], 12)
    for alike, faint, expected in (
        ((0.99, 0.5, -0.4, 0.7), None, 1),  # 0 turned more, and its map is the same; the map of 2 changed more
        ((0.99, 0.5, -0.4, 0.7), 1, 2),  # there is next to nothing to see in the map of 1
        ((0.99, 0.95, 0.94, 0.98), None, 2),  # none changed clearly: the one that changed most
        ((None, None, None, 0.99), None, 3),  # a flat map is like nothing
        ((None, None, None, None), None, 0),
    ):
        maps = np.zeros((2, 1, 4, 12, 12), np.float32)
        for channel, wanted in enumerate(alike):
            if wanted is not None:
                maps[0, 0, channel] = ramp
                maps[1, 0, channel] = wanted * ramp + np.sqrt(1 - wanted**2) * ramp.T  # as long, and at a right angle
        if faint is not None:
            maps[:, :, faint] *= 0.05
        arrays["conv1/activation_history"] = maps
        save_bundle(path, header, arrays)
        with Bundle.open(path) as bundle:
            assert turned_most(bundle, "conv1", 0) == expected
            for channel, wanted in enumerate(alike):
                if wanted is not None:
                    index = (1, 0, channel)
                    found = measure("likeness to the first map", bundle, "conv1/activation_history", index)
                    assert found == pytest.approx(wanted, abs=1e-5)
