"""Receptive fields against gradients: a pixel is in the field when the value depends on it."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor, nn

from fmcore.analysis.receptive_field import receptive_field
from fmcore.bundle import Bundle, LayerInfo


def chain(layers: Sequence[LayerInfo]) -> nn.Sequential:
    """The same geometry with every weight positive, so that no gradient vanishes."""
    modules: list[nn.Module] = []
    for layer in layers:
        convolution = nn.Conv2d(1, 1, layer.kernel, layer.stride, layer.padding, bias=False, dtype=torch.float64)
        nn.init.ones_(convolution.weight)
        modules.append(convolution)
    return nn.Sequential(*modules)


def extent(image: Tensor, value: Tensor) -> tuple[int, int, int, int]:
    """Edges (top, left, bottom, right) of the pixels that `value` depends on."""
    (gradient,) = torch.autograd.grad(value, image, retain_graph=True)
    rows, columns = gradient[0, 0].nonzero().T
    return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1


def check(layers: Sequence[LayerInfo], size: tuple[int, int]) -> int:
    """Compare all places of the last layer; return how many have their whole field inside the image."""
    image = torch.ones(1, 1, *size, dtype=torch.float64, requires_grad=True)
    output = chain(layers)(image)[0, 0]
    field = receptive_field(layers, layers[-1].name)
    inside = 0
    for row in range(output.shape[0]):
        for column in range(output.shape[1]):
            top, left, bottom, right = field.box(row, column)
            if top >= 0 and left >= 0 and bottom <= size[0] and right <= size[1]:
                inside += 1
                assert extent(image, output[row, column]) == (top, left, bottom, right)
            elif output[row, column] != 0:  # it sees some of the image and not only padding
                seen = extent(image, output[row, column])
                assert seen[0] >= top and seen[1] >= left and seen[2] <= bottom and seen[3] <= right
    return inside


@pytest.mark.parametrize("model", ["tutorial", "deep"])
def test_every_layer_of_the_real_networks(model: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(f"{model}_bundle")
    with Bundle.open(path) as bundle:
        layers = bundle.header.layers
    for number in range(1, len(layers) + 1):
        field = receptive_field(layers, layers[number - 1].name)
        side = field.size[0] + 4 * field.jump[0]
        assert check(layers[:number], (side, side)) >= 9


def layer(name: str, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> LayerInfo:
    return LayerInfo(
        name=name,
        type="convolution",
        kernel=kernel,
        stride=stride,
        padding=padding,
        nonlinearity="relu",
        output_shape=(1, 1, 1),
    )


def pairs(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


@given(steps=st.lists(st.tuples(pairs(1, 4), pairs(1, 3), pairs(0, 2)), min_size=1, max_size=3))
def test_chains_of_any_kernel_stride_and_padding(
    steps: list[tuple[tuple[int, int], tuple[int, int], tuple[int, int]]],
) -> None:
    layers = [layer(f"layer{n}", *step) for n, step in enumerate(steps)]
    size = receptive_field(layers, layers[-1].name).size
    assume(max(size) <= 24)
    check(layers, (24, 26))


def test_a_field_worked_out_on_paper() -> None:
    layers = [layer("conv1", (3, 3), (1, 1), (1, 1)), layer("pool1", (2, 2), (2, 2), (0, 0))]
    layers.append(layer("conv2", (3, 3), (1, 1), (1, 1)))
    assert receptive_field(layers, "conv1").box(0, 0) == (-1, -1, 2, 2)
    assert receptive_field(layers, "pool1").box(1, 0) == (1, -1, 5, 3)
    conv2 = receptive_field(layers, "conv2")
    assert (conv2.size, conv2.jump) == ((8, 8), (2, 2)) and conv2.box(1, 1) == (-1, -1, 7, 7)


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(KeyError, match="conv9"):
        receptive_field([], "conv9")
