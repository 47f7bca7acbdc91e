"""Our arithmetic of one place against torch's convolution."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.nn import functional as F

from fmcore.analysis.convolution import patch_at, place

PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))


@given(
    size=st.tuples(st.integers(1, 3), st.integers(1, 7), st.integers(1, 7)),
    kernel=PAIR,
    stride=PAIR,
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    seed=st.integers(0, 99),
)
def test_every_place_is_the_value_of_torch(
    size: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    seed: int,
) -> None:
    assume(all(size[axis + 1] + 2 * padding[axis] >= kernel[axis] for axis in (0, 1)))
    random = np.random.default_rng(seed)
    image = random.normal(size=size)
    weights = random.normal(size=(size[0], *kernel))
    bias = float(random.normal())
    expected = F.conv2d(
        torch.tensor(image)[None],
        torch.tensor(weights)[None],
        torch.tensor([bias], dtype=torch.float64),
        stride,
        padding,
    )[0, 0].numpy()
    for row, column in np.ndindex(*expected.shape):
        found = place(image, weights, bias, row, column, stride, padding)
        assert (found.row, found.column, found.bias) == (row, column, bias)
        assert found.patch.shape == found.products.shape == weights.shape
        assert found.value == pytest.approx(expected[row, column], abs=1e-9)
        assert found.value == pytest.approx((found.patch * weights).sum() + bias, abs=1e-9)


def test_the_kernel_is_not_flipped_and_the_border_is_zero() -> None:
    image = np.arange(1.0, 10).reshape(1, 3, 3)
    corner = place(image, np.array([[[0, 0, 0], [0, 0, 2], [0, 0, 0]]]), 0.5, 0, 0, padding=(1, 1))
    assert corner.patch.tolist() == [[[0, 0, 0], [0, 1, 2], [0, 4, 5]]]
    assert corner.value == 2 * 2 + 0.5
    assert patch_at(image, 1, 0, (2, 2), (1, 1), (0, 0)).tolist() == [[[4, 5], [7, 8]]]
