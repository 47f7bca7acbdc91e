"""The formulas of nonlinearities against torch's own functions, and the curve of what really ran."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from fmcore import geometry
from fmcore.analysis.nonlinearity import FORMULAS, clearest, curve

TORCH = {
    "none": lambda x: x,
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "celu": F.celu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "mish": F.mish,
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
    "hardtanh": F.hardtanh,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "logsigmoid": F.logsigmoid,
    "tanhshrink": F.tanhshrink,
}
SET_BY_NUMBERS = {"prelu", "rrelu", "threshold"}  # learned, drawn at random, or without a default
MAGNITUDES = np.array(
    [0.0, 5e-324, 1e-300, 1e-30, 1e-12, 1e-4, 0.5, 1.0, 2.999, 3.0, 3.001, 6.0, 21.0, 88.0, 800.0, 1e30]
)
VALUES = np.concatenate([-MAGNITUDES[::-1], MAGNITUDES])  # -0.0 is among them


def by_torch(name: str, values: np.ndarray) -> np.ndarray:
    result: Tensor = TORCH[name](torch.tensor(values))
    return result.numpy()


def test_every_nonlinearity_that_is_recognised_has_its_formula() -> None:
    known = {name for name in dir(F) if geometry.nonlinearity(name, (), {}) == name}
    assert known - {name for name in known if name.endswith("_")} - SET_BY_NUMBERS <= FORMULAS.keys()
    assert FORMULAS.keys() == TORCH.keys()


@pytest.mark.filterwarnings("error")  # such as numpy's of an overflow
@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_that_of_torch(name: str) -> None:
    np.testing.assert_allclose(FORMULAS[name](VALUES), by_torch(name, VALUES), rtol=1e-7, atol=1e-15)


# -- curves --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize(
    "before",
    [np.linspace(-7, 8, 24), np.linspace(0, 1e-4, 24), [0, 0], [-2.5, -2.5], [1e-7], [-0.0]],
    ids=["wide", "narrow", "zero", "flat", "tiny", "one number"],
)
def test_the_curve_of_a_plain_nonlinearity_is_its_formula(name: str, before: list[float]) -> None:
    recorded = np.array(before, np.float32)
    found = curve(name, recorded, TORCH[name](torch.tensor(recorded)).numpy())
    assert found.known
    assert (np.diff(found.x) > 0).all() and found.x[0] <= recorded.min() and found.x[-1] >= recorded.max()
    np.testing.assert_allclose(found.y, by_torch(name, found.x), rtol=1e-6, atol=1e-12)
    for value in recorded:  # between its points, a curve is a straight line
        assert found.at(float(value)) == pytest.approx(by_torch(name, np.array(value, float)), abs=2e-3)


def test_a_curve_has_the_corners_of_its_formula() -> None:
    before = np.linspace(-4.05, 7.1, 9).reshape(1, 3, 3)
    for name, corners in {"relu": [0], "relu6": [0, 6], "hardswish": [-3, 3], "hardtanh": [-1, 1]}.items():
        assert set(corners) <= set(curve(name, before, by_torch(name, before)).x)


@pytest.mark.parametrize("slope", [0.25, 0.02, -1.0])
def test_another_setting_is_drawn_from_what_was_recorded(slope: float) -> None:
    before = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
    after = F.leaky_relu(torch.tensor(before), slope).numpy()
    found = curve("leaky_relu", before, after)
    assert not found.known
    assert (found.x[0], found.x[-1]) == (before.min(), before.max())
    assert (np.diff(found.x) > 0).all()
    pairs = dict(zip(before.ravel().tolist(), after.ravel().tolist(), strict=True))
    assert all(pairs[x] == y for x, y in zip(found.x.tolist(), found.y.tolist(), strict=True))


def test_an_unknown_function_of_equal_numbers_is_one_point() -> None:
    found = curve("something", np.full((2, 2), 3.0), np.full((2, 2), -1.0))
    assert (found.x.tolist(), found.y.tolist(), found.known) == ([3], [-1], False)
    assert found.at(3) == -1


# -- the clearest channel ------------------------------------------------------------------------


def slow_clearest(maps: np.ndarray) -> int:
    def about_mean(values: np.ndarray) -> float:
        return float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0

    maps = maps / np.maximum(np.abs(maps).max((1, 2), keepdims=True), 1e-30)
    sides = [min(about_mean(m[m > 0]), about_mean(m[m <= 0])) for m in maps]
    even = [side if 0.2 <= (m > 0).mean() <= 0.8 else 0.0 for side, m in zip(sides, maps, strict=True)]
    sides = even if any(even) else sides
    return int(np.argmax(sides if any(sides) else [about_mean(m.ravel()) for m in maps]))


@given(seed=st.integers(0, 10**6), channels=st.integers(1, 4), shift=st.sampled_from([-9.0, -0.5, 0.0, 0.5, 9.0]))
def test_the_clearest_channel_varies_most_on_its_quieter_side(seed: int, channels: int, shift: float) -> None:
    maps = (np.random.default_rng(seed).normal(size=(channels, 3, 2)) + shift).astype(np.float64)
    assert clearest(maps) == slow_clearest(maps)


def test_of_equals_the_first_is_the_clearest_and_flat_maps_count_for_nothing() -> None:
    wave = np.array([[-2.0, -1.0], [1.0, 2.0]])
    assert clearest(np.stack([np.full((2, 2), 100.0), wave, wave])) == 1
    assert clearest(np.zeros((3, 2, 2))) == 0
    few = np.array([-100.0, -1, *[3.0, 4] * 5])[None]  # much below zero, at two of twelve places
    half = np.array([-2.0, -1, 1, 2] * 3)[None]
    assert clearest(np.stack([few, half])) == 1 and clearest(np.stack([half, few])) == 0
    assert clearest(np.ones((1, 1, 1))) == 0
    dim = np.array([-20.0, -1, 1, 2] * 3)[None]  # what it has above zero is dark where colours reach to 20
    assert clearest(np.stack([dim, half])) == 1
