"""Two filters as one: against torch's convolutions one after the other, for every way in which a filter can step."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from films import Net, make_bundle
from torch import nn
from torch.nn import functional as F

from fmcore.analysis.collapse import collapse, composed, copies, correlated, spread
from fmcore.bundle import Bundle, save_bundle
from fmcore.errors import BundleError
from fmcore.header import LayerInfo


@dataclass(frozen=True)
class Pair:
    """Two convolutions one after the other, with what stands between them; images are 9 by 8."""

    first: dict[str, Any]
    second: dict[str, Any]
    norm: str = "none"
    phi: str = "relu"


PAIRS = {
    "one channel": Pair({"in_channels": 1, "out_channels": 1, "kernel_size": 3, "padding": 1},
                        {"in_channels": 1, "out_channels": 1, "kernel_size": 2}),
    "groups, stride, batch norm": Pair(
        {"in_channels": 4, "out_channels": 6, "kernel_size": (3, 2), "stride": (2, 1), "padding": 1, "groups": 2,
         "padding_mode": "circular"},
        {"in_channels": 6, "out_channels": 4, "kernel_size": 3, "groups": 2}, norm="batch_norm"),
    "dilated both, no bias": Pair(
        {"in_channels": 2, "out_channels": 3, "kernel_size": 3, "padding": 2, "dilation": 2, "bias": False,
         "padding_mode": "reflect"},
        {"in_channels": 3, "out_channels": 3, "kernel_size": 2, "dilation": 3}),
    "even kernel, group norm": Pair(
        {"in_channels": 3, "out_channels": 4, "kernel_size": (2, 4), "stride": 2, "padding": 1,
         "padding_mode": "replicate"},
        {"in_channels": 4, "out_channels": 2, "kernel_size": 3}, norm="group_norm"),
    "no nonlinearity": Pair({"in_channels": 1, "out_channels": 2, "kernel_size": 5, "stride": 1},
                            {"in_channels": 2, "out_channels": 2, "kernel_size": (1, 3)}, phi="none"),
}  # fmt: skip


def written(path: Path, pair: Pair) -> tuple[Bundle, nn.Conv2d, nn.Conv2d]:
    """The bundle of `pair` on two random images, in float32 as the recorder writes it."""
    torch.manual_seed(2)
    first, second = nn.Conv2d(**pair.first), nn.Conv2d(**pair.second)
    images = torch.randn(3, first.in_channels, 9, 8)
    channels = first.out_channels
    with torch.inference_mode():
        summed = before = first(images)
        arrays: dict[str, Any] = {"probes": images}
        if pair.norm == "batch_norm":
            scale, shift = torch.randn(channels), torch.randn(channels)
            before = summed * scale[:, None, None] + shift[:, None, None]
            arrays |= {"first/scale": scale, "first/shift": shift}
        elif pair.norm == "group_norm":
            before = F.group_norm(summed, 2)
            arrays["first/sum"] = summed
        after = before if pair.phi == "none" else before.relu()
        arrays |= {"first/preactivation": before, "first/activation": after, "second/activation": second(after)}
        for name, layer in (("first", first), ("second", second)):
            arrays[f"{name}/weight"] = layer.weight
            if layer.bias is not None:
                arrays[f"{name}/bias"] = layer.bias
    with Bundle.open(make_bundle(path, Net())) as made:
        header = made.header
    layers = tuple(
        LayerInfo(
            name=name, type="convolution", output_shape=tuple(arrays[f"{name}/activation"].shape[1:]), input=source,
            kernel=layer.kernel_size, stride=layer.stride, dilation=layer.dilation, groups=layer.groups,
            padding=layer.padding, padding_mode=layer.padding_mode,
            nonlinearity=pair.phi, normalisation=pair.norm,
        )
        for name, layer, source in (("first", first, "probes"), ("second", second, "first/activation"))
    )  # fmt: skip
    model = header.model.model_copy(update={"input_shape": tuple(images.shape[1:])})
    header = header.model_copy(update={"layers": layers, "model": model})
    save_bundle(path, header, {name: value.detach().numpy() for name, value in arrays.items()})
    return Bundle.open(path), first, second


@pytest.fixture(params=PAIRS)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Bundle, nn.Conv2d, nn.Conv2d]]:
    bundle, first, second = written(tmp_path / "net", PAIRS[request.param])
    with bundle:
        yield bundle, first, second


def largest(values: np.ndarray) -> float:
    return float(np.abs(values).max())


def test_two_filters_and_the_one_that_they_come_to_give_the_same(made: tuple[Bundle, nn.Conv2d, nn.Conv2d]) -> None:
    bundle, first, second = made
    stage = "sum" if "first/sum" in bundle.header.arrays else "preactivation"
    for probe, channel in np.ndindex(3, first.out_channels):
        found = collapse(bundle, "first", channel, probe)
        kernel = second.weight[found.filter, found.slice].double()[None, None]
        before = torch.tensor(bundle.part(f"first/{stage}", probe, channel)).double()
        expected = F.conv2d(before[None, None], kernel, dilation=second.dilation)[0, 0].detach().numpy()
        assert found.before_array == f"first/{stage}"
        np.testing.assert_allclose(found.two, expected, atol=1e-9)
        np.testing.assert_allclose(found.once, expected, atol=1e-5 * max(1.0, largest(expected)))
        assert found.difference < 1e-5
        after = torch.tensor(found.after)[None, None]
        between = F.conv2d(after, kernel, dilation=second.dilation)[0, 0].detach().numpy()
        np.testing.assert_allclose(found.between, between, atol=1e-9)
        np.testing.assert_allclose(found.after, np.maximum(found.before, 0), atol=1e-7)
        assert found.difference_between == pytest.approx(largest(between - expected) / largest(expected))


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_said_to_be_recorded_is_what_the_bundle_holds(name: str, tmp_path: Path) -> None:
    bundle, first, second = written(tmp_path / "net", PAIRS[name])
    with bundle:
        found = collapse(bundle, "first", 0, 1)
        assert found.slice == 0 or second.groups > 1
        assert found.recorded[0] == np.array_equal(found.first, first.weight[0].double().detach().numpy())
        kernel = second.weight[found.filter, found.slice].double().detach().numpy()
        assert found.recorded[1] == np.array_equal(found.second, kernel)
        assert np.array_equal(found.before, bundle.part(found.before_array, 1, 0))
        assert found.phi == "relu"
        if found.after_array:
            assert np.array_equal(found.after, bundle.part(found.after_array, 1, 0))
        assert bool(found.after_array) == (PAIRS[name].phi != "none" and PAIRS[name].norm != "group_norm")


@pytest.mark.parametrize("stride", [(1, 1), (2, 3), (3, 1)])
@pytest.mark.parametrize("sizes", [((1, 1), (1, 1)), ((3, 2), (2, 4)), ((1, 5), (3, 3))])
def test_the_composed_filter_is_that_of_torch(stride: tuple[int, int], sizes: tuple[tuple[int, int], ...]) -> None:
    random = np.random.default_rng(1)
    image, first, second = (
        random.normal(size=(2, 14, 15)),
        random.normal(size=(2, *sizes[0])),
        random.normal(size=sizes[1]),
    )
    two = F.conv2d(
        F.conv2d(torch.tensor(image)[None], torch.tensor(first)[None], stride=stride), torch.tensor(second)[None, None]
    )
    np.testing.assert_allclose(correlated(image, composed(first, second, stride), stride), two[0, 0], atol=1e-12)


def test_a_second_filter_of_zeros_has_its_copies_too() -> None:
    assert [copy.total.any() for copy in copies(np.ones((1, 2, 2)), np.zeros((1, 2)))] == [False, False]


def test_every_weight_adds_a_copy_of_the_first_filter() -> None:
    first, second = np.arange(1.0, 5.0).reshape(1, 2, 2), np.array([[2.0, 0.0], [0.0, -1.0]])
    one, other = copies(first, second, stride=(1, 3))
    assert (one.place, one.weight, one.shift) == ((0, 0), 2.0, (0, 0))
    assert (other.place, other.weight, other.shift) == ((1, 1), -1.0, (1, 3))
    np.testing.assert_array_equal(one.total, [[[2, 4, 0, 0, 0], [6, 8, 0, 0, 0], [0, 0, 0, 0, 0]]])
    np.testing.assert_array_equal(other.values, [[[-1, -2], [-3, -4]]])
    np.testing.assert_array_equal(other.total, [[[2, 4, 0, 0, 0], [6, 8, 0, -1, -2], [0, 0, 0, -3, -4]]])


def test_a_spread_kernel_has_zeros_between_its_values() -> None:
    kernel = np.arange(1.0, 5).reshape(2, 2)
    assert spread(kernel, (2, 3)).tolist() == [[1, 0, 0, 2], [0, 0, 0, 0], [3, 0, 0, 4]]
    assert np.array_equal(spread(kernel, (1, 1)), kernel)


def test_maps_that_are_dead_or_flat_have_a_difference_all_the_same(tmp_path: Path) -> None:
    with Bundle.open(make_bundle(tmp_path / "dead", Net(dead=(0,)))) as bundle:
        found = collapse(bundle, "conv1", 0, 0)
        assert not found.after.any() and not found.between.any()
        assert found.difference < 1e-6 and found.difference_between == 1


def test_what_cannot_be_worked_out_is_said(tmp_path: Path) -> None:
    too_small = pytest.raises(BundleError, match=r"maps of 'conv1' in 'small' are 2 x 2, too small for a second filter")
    with Bundle.open(make_bundle(tmp_path / "small", Net(size=(2, 2)))) as bundle, too_small:
        collapse(bundle, "conv1", 0, 0)
    with Bundle.open(make_bundle(tmp_path / "pooled", Net(pooled=True))) as bundle:
        with pytest.raises(BundleError, match="does not hold both the filters of 'pool1' and what went into it"):
            collapse(bundle, "pool1", 0, 0)
        assert collapse(bundle, "conv2", 5, 2).partner == "conv2"  # no other convolution follows: its own filters do
