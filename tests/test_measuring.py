"""Statistics of channels against plain sums in float64 over all activations at once.

Weights and inputs are whole numbers, so every activation is exact and the same in any batch.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from fmcore import image_parts
from fmcore.analysis.alignment import aligned
from fmcore.analysis.classical import classical_maps
from fmcore.analysis.foreground import foreground
from fmcore.errors import BundleError
from fmcore.header import ReceptiveField
from fmcore.listening import Listening
from fmcore.measuring import Measured, measure
from fmcore.tracing import trace

Array = NDArray[np.float64]
NONLINEAR: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU, "none": nn.Identity, "leaky_relu": lambda: nn.LeakyReLU(0.25), "relu6": nn.ReLU6,
}  # fmt: skip
POOLINGS: dict[str, Callable[[], nn.Module]] = {
    "none": nn.Identity, "halves": lambda: nn.MaxPool2d(2), "the border too": lambda: nn.MaxPool2d(2, ceil_mode=True),
    "overlapping": lambda: nn.MaxPool2d(3, 2, 1), "gaps": lambda: nn.MaxPool2d(1, 2), "mean": lambda: nn.AvgPool2d(2),
    "apart": lambda: nn.MaxPool2d(2, 2, dilation=2),
}  # fmt: skip
CLASSES = 3


def as_input(images: Tensor) -> Tensor:
    return images.float()


@pytest.fixture(autouse=True, scope="module")
def small_parts() -> Iterator[None]:
    """Few images make several parts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_parts, "_PART", 64)
        yield


@dataclass
class Planted:
    """One convolution with chosen filters over drawn images, and everything it computes."""

    filters: Array  # (C, inputs, 3, 3)
    bias: list[float]
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    nonlinearity: str = "relu"
    pooling: str = "none"

    def __post_init__(self) -> None:
        convolution = nn.Conv2d(self.filters.shape[1], len(self.filters), 3)
        with torch.no_grad():
            convolution.weight.copy_(torch.tensor(self.filters))
            convolution.bias.copy_(torch.tensor(self.bias))  # type: ignore[union-attr]
        maps = nn.Sequential(convolution, NONLINEAR[self.nonlinearity]())
        pooling = POOLINGS[self.pooling]()
        self.network = nn.Sequential(
            maps, pooling, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(CLASSES)
        ).eval()
        self.found = trace(self.network, as_input(torch.from_numpy(self.images[:1])))

    def measured(self) -> Measured:
        return measure(self.network, self.found, self.images, self.labels, CLASSES, as_input)

    def activations(self) -> Array:
        """(M, C, h, w)."""
        batch, heard = as_input(torch.from_numpy(self.images)), list[Array]()
        with torch.inference_mode(), Listening(
            self.found, {"activation"}, lambda _, __, maps: heard.append(maps.double().numpy().copy())
        ):  # fmt: skip
            self.network(batch)
        return heard[0]


def drawn(count: int, side: int, channels: int = 1, seed: int = 0) -> NDArray[np.uint8]:
    """Noise with a bright block somewhere inside, so that there is an object."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 60, (count, channels, side, side), dtype=np.uint8)
    for image in images:
        top, left = random.integers(1, side // 2, 2)
        image[:, top : top + side // 3, left : left + side // 3] += random.integers(90, 190, dtype=np.uint8)
    return images


def planted(
    count: int,
    side: int,
    channels: int,
    seed: int = 0,
    nonlinearity: str = "relu",
    inputs: int = 1,
    pooling: str = "none",
) -> Planted:
    random = np.random.default_rng(seed)
    filters = random.integers(-2, 3, (channels, inputs, 3, 3)).astype(float)
    bias = random.integers(-200, 100, channels).astype(float).tolist()
    images = drawn(count, side, inputs, seed)
    return Planted(filters, bias, images, random.integers(0, CLASSES, count), nonlinearity, pooling)


def plainly(
    maps: Array, images: NDArray[np.uint8], labels: NDArray[np.int64], field: ReceptiveField
) -> dict[str, Array]:
    """What `<layer>/...` should hold, from all activations (M, C, h, w); no place sees beyond the image."""
    count, c, h, w = maps.shape
    rows = maps.transpose(1, 0, 2, 3).reshape(c, -1)  # (C, N)
    of_image = maps.mean((2, 3))  # (M, C)
    square = (of_image**2).mean(0)
    ratio = np.divide(of_image.mean(0) ** 2, square, out=np.ones(c), where=square > 0)
    pixels = images.astype(np.float32) / np.float32(255)
    masks = foreground(pixels)
    valid = masks.any((1, 2))
    on = aligned(masks[valid].astype(float), field, (h, w))[:, None]  # (V, 1, h, w)
    padded = np.pad(on, ((0, 0), (0, 0), (1, 1), (1, 1)))
    near = np.max([padded[:, :, y : y + h, x : x + w] for y in range(3) for x in range(3)], axis=0)
    positive = np.maximum(maps[valid], 0)
    lit = np.maximum(positive.sum((0, 2, 3)), 1e-30)
    known = aligned(classical_maps(pixels), field, (h, w)).transpose(1, 0, 2, 3).reshape(-1, rows.shape[1])
    largest = maps.reshape(count, c, -1).max(2)  # (M, C)
    top = np.argsort(-largest, axis=0, kind="stable")[:9].T  # (C, k)
    places = maps.reshape(count, c, -1).argmax(2)[top, np.arange(c)[:, None]]
    return {
        "mean": rows.mean(1), "std": rows.std(1), "maximum": rows.max(1),
        "fired": (maps > 0).any((2, 3)).mean(0), "active": (rows > 0).mean(1),
        "sparseness": np.clip((1 - ratio) / (1 - 1 / count), 0, 1) if count > 1 else np.zeros(c),
        **{name: np.stack([of_image[own == k].mean(0) if (own == k).any() else np.zeros(c)
                           for k in range(CLASSES)], 1)
           for name, own in (("class_mean", labels),
                             ("class_mean_shuffled", np.random.default_rng(0).permutation(labels)))},
        "correlation": correlation(rows, rows), "meaning": correlation(rows, known),
        "top_images": top, "top_values": np.take_along_axis(largest, top.T, 0).T,
        "top_places": np.stack([places // w, places % w], -1),
        **({"foreground": (on * positive).sum((0, 2, 3)) / lit, "foreground_area": np.array([on.mean()]),
            "foreground_fired": (maps[valid] > 0).any((2, 3)).mean(0),
            "outline": ((near - on) * positive).sum((0, 2, 3)) / lit, "outline_area": np.array([(near - on).mean()])}
           if valid.any() else {}),
    }  # fmt: skip


def correlation(one: Array, other: Array) -> Array:
    one, other = (x - x.mean(1, keepdims=True) for x in (one.astype(float), other.astype(float)))
    scale = np.sqrt(np.outer((one**2).sum(1), (other**2).sum(1)))
    return np.divide(one @ other.T, scale, out=np.zeros_like(scale), where=scale > 1e-9)


def compare(measured: Measured, layer: str, expected: dict[str, Array], but: tuple[str, ...] = ()) -> None:
    for name in expected.keys() - set(but):
        found = measured.arrays[f"{layer}/{name}"]
        if name.startswith("top_"):
            assert np.array_equal(found, expected[name]), name
        else:
            # shares and correlations are as exact as 1 is, all else as it is large; classical maps vary less
            unit = {"correlation": 1, "sparseness": 1, "foreground": 1, "outline": 1, "meaning": 20}.get(
                name, np.abs(expected[name])
            )
            assert (np.abs(found - expected[name]) <= 1e-5 * unit + 1e-7).all(), (name, found, expected[name])


CASES = {
    "count": st.integers(1, 150),  # parts hold 64
    "side": st.integers(6, 12),
    "channels": st.integers(1, 5),
    "seed": st.integers(0, 99),
    "nonlinearity": st.sampled_from(sorted(NONLINEAR)),
    "inputs": st.sampled_from([1, 3]),
    "pooling": st.sampled_from(sorted(POOLINGS)),
}


# few channels at many places: added up one by one, products in single precision were 1e-5 off
LONG_SUMS = {
    "count": 11, "side": 11, "channels": 4, "seed": 32, "nonlinearity": "leaky_relu", "inputs": 1, "pooling": "none"
}  # fmt: skip


@given(case=st.fixed_dictionaries(CASES))
@example(case=LONG_SUMS)
@settings(max_examples=30)
def test_statistics_are_those_of_all_activations(case: dict[str, object]) -> None:
    net = planted(**case)  # type: ignore[arg-type]
    measured = net.measured()
    layer = net.found.layers[0]
    maps = net.activations()
    compare(measured, layer.name, plainly(maps, net.images, net.labels, layer.info.field))
    assert (measured.info.images, measured.info.meaning_images) == (len(maps), len(maps))
    assert measured.info.foreground_images == foreground(net.images / np.float32(255)).any((1, 2)).sum()
    with torch.no_grad():
        logits = net.network(torch.from_numpy(net.images).float())
    np.testing.assert_allclose(measured.logits, logits.numpy(), rtol=1e-4, atol=1e-4)


def test_channels_with_little_or_no_variation() -> None:
    net = planted(150, 9, 6)
    net.filters[:3], net.bias[:3] = 0, [-1.0, 0.1, 1000.1]  # dead, and the same everywhere
    net.filters[3], net.bias[3] = 0, 1000.0
    net.filters[3, 0, 1, 1] = 1 / 1024  # 1000 and a little, of standard deviation 0.1 or less
    net.__post_init__()
    measured, maps, (layer,) = net.measured(), net.activations(), net.found.layers
    expected = plainly(maps, net.images, net.labels, layer.info.field)
    assert 0.01 < expected["std"][3] < 0.1 and abs(expected["mean"][3] - 1000) < 0.1
    expected["std"][:3] = 0
    for name in ("correlation", "meaning"):
        expected[name][:3] = 0
    expected["correlation"][:, :3] = 0
    compare(measured, layer.name, expected, but=("meaning",))
    assert (measured.arrays[f"{layer.name}/std"][:3] == 0).all()
    np.testing.assert_allclose(measured.arrays[f"{layer.name}/meaning"], expected["meaning"], atol=1e-4)


def test_what_is_sampled_is_a_coarse_view_of_the_same_images_for_every_network() -> None:
    one, other = planted(90, 12, 3, seed=1), planted(90, 12, 5, seed=1, nonlinearity="none")
    orders = []
    for net in (one, other):
        (layer,), maps = net.found.layers, torch.from_numpy(net.activations())
        sample = net.measured().arrays[f"{layer.name}/sample"]  # (N, C, 8, 8)
        expected = nn.functional.adaptive_avg_pool2d(maps, 8).numpy()
        assert sample.shape == expected.shape
        distance = np.abs(sample[:, None] - expected[None]).max((2, 3, 4))  # (N, M)
        assert (distance.min(1) <= 1e-5 * np.abs(expected).max()).all()
        orders.append(distance.argmin(1))
        assert sorted(orders[-1]) == list(range(90))
    assert np.array_equal(*orders)


@pytest.mark.parametrize("threads", ["2", "5"])
def test_how_many_threads_work_changes_nothing(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net = planted(1000, 8, 4)
    alone = net.measured()
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    together = net.measured()
    assert alone.arrays.keys() == together.arrays.keys() and np.array_equal(alone.logits, together.logits)
    assert all(np.array_equal(alone.arrays[name], together.arrays[name]) for name in alone.arrays)


def test_of_a_wide_layer_the_nearest_other_channel_is_kept() -> None:
    net = planted(70, 6, 520, inputs=3, nonlinearity="none")
    net.filters[519] = 3 * net.filters[7]
    net.__post_init__()
    measured, (layer,) = net.measured(), net.found.layers
    rows = net.activations().transpose(1, 0, 2, 3).reshape(520, -1)
    expected = correlation(rows, rows)
    np.fill_diagonal(expected, -2)
    nearest, value = (measured.arrays[f"{layer.name}/{name}"] for name in ("nearest", "nearest_correlation"))
    assert f"{layer.name}/correlation" not in measured.arrays
    np.testing.assert_allclose(value, expected.max(1), atol=1e-5)
    np.testing.assert_allclose(expected[np.arange(520), nearest], expected.max(1), atol=1e-5)
    assert (nearest[7], nearest[519]) == (519, 7)


def test_more_images_take_no_more_room() -> None:
    few, many = planted(300, 8, 4), planted(1200, 8, 4)
    shapes = [{name: array.shape for name, array in net.measured().arrays.items()} for net in (few, many)]
    assert shapes[0] == shapes[1]


def test_without_labels_there_are_no_means_of_classes() -> None:
    net = planted(20, 8, 2)
    measured = measure(net.network, net.found, net.images, None, CLASSES, as_input)
    assert not measured.info.labelled and "0.0/class_mean" not in measured.arrays


@pytest.mark.filterwarnings("ignore:invalid value encountered in matmul")
@pytest.mark.parametrize("image", [0, 70])  # in the first part, and in a later one
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_activation_that_is_no_number_is_named(image: int, value: float) -> None:
    net = planted(80, 6, 3, nonlinearity="none")

    def spoilt(images: Tensor) -> Tensor:
        batch = as_input(images)
        batch[(images == 255).flatten(1).any(1)] = value
        return batch

    net.images[image, 0, 0, 0] = 255
    net.filters[[0, 2]] = 0  # and 0 x inf is no number either
    net.filters[1] = 1
    net.__post_init__()
    with pytest.raises(BundleError, match=r"Channel \d of .*0\.0.* gave NaN or infinite values"):
        measure(net.network, net.found, net.images, net.labels, CLASSES, spoilt)
