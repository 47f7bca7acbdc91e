"""Pooling by maximum is known by its numbers: against torch's, and not where a layer does something else."""

from pathlib import Path

import numpy as np
import pytest
import torch
from films import Net, make_bundle
from torch import nn
from torch.nn import functional as F

from fmcore.analysis.pooling import max_pooling
from fmcore.bundle import Bundle, save_bundle
from fmcore.header import LayerInfo
from fmcore.tracing import trace


def with_pooling(folder: Path, maps: np.ndarray, pooled: np.ndarray, **layer: object) -> Bundle:
    """A bundle whose first layer leaves `maps` (P, C, H, W) and whose second leaves `pooled`."""
    path = make_bundle(folder / "b", Net())
    with Bundle.open(path) as made:
        header, arrays = made.header, {name: made.array(name) for name in ("probes", "logits")}
    arrays |= {"one/activation": maps, "two/activation": pooled}
    layers = (
        LayerInfo(name="one", type="convolution", output_shape=maps.shape[1:]),
        LayerInfo(name="two", type="pooling", output_shape=pooled.shape[1:], **layer),  # type: ignore[arg-type]
    )
    save_bundle(path, header.model_copy(update={"layers": layers}), arrays)
    return Bundle.open(path)


MAPS = np.random.default_rng(3).normal(size=(3, 5, 9, 7)).astype(np.float32)


@pytest.mark.parametrize("kernel, stride, padding, ceil", [(2, 2, 0, False), (2, 2, 0, True), (3, 2, 1, False)])
def test_what_stays_is_the_largest_of_its_window(
    kernel: int, stride: int, padding: int, ceil: bool, tmp_path: Path
) -> None:
    pooled = torch.nn.functional.max_pool2d(torch.from_numpy(MAPS), kernel, stride, padding, ceil_mode=ceil).numpy()
    sizes = {"kernel": (kernel,) * 2, "stride": (stride,) * 2, "padding": (padding,) * 2}
    with with_pooling(tmp_path, MAPS, pooled, **sizes) as bundle:
        step = max_pooling(bundle, 1)
        assert step is not None and (step.source.name, step.layer.name) == ("one", "two")
        window = MAPS[1, step.channel][step.window]
        assert window.shape == (kernel, kernel) and np.unique(window).size == window.size
        assert window.max() == pooled[1, step.channel, step.row, step.column]


def test_a_mean_is_no_maximum_and_nothing_is_shown_where_all_is_equal(tmp_path: Path) -> None:
    sizes = {"kernel": (2, 2), "stride": (2, 2)}
    mean = torch.nn.functional.avg_pool2d(torch.from_numpy(MAPS), 2).numpy()
    with with_pooling(tmp_path, MAPS, mean, **sizes) as bundle:
        assert max_pooling(bundle, 0) is None
    flat = np.ones((3, 5, 8, 8), np.float32)
    with with_pooling(tmp_path, flat, flat[..., ::2, ::2], **sizes) as bundle:
        assert max_pooling(bundle, 0) is None
    with Bundle.open(make_bundle(tmp_path / "none", Net())) as bundle:
        assert max_pooling(bundle, 0) is None
    with Bundle.open(make_bundle(tmp_path / "some", Net(pooled=True))) as bundle:
        assert max_pooling(bundle, 0) is not None


@pytest.mark.parametrize(("entered", "left"), [(17, 3), (24, 2), (32, 5), (26, 4), (7, 7), (3, 5), (12, 1)])
def test_the_longest_window_of_adaptive_pooling_is_told(entered: int, left: int) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.AdaptiveMaxPool2d(left), nn.Flatten(), nn.Linear(2 * left**2, 2))
    found = trace(network, torch.rand(2, 1, entered, entered))
    x = torch.zeros(1, 1, entered, entered, requires_grad=True)
    read = []
    for place in range(left):  # of a mean, all that is read has a gradient
        (slope,) = torch.autograd.grad(F.adaptive_avg_pool2d(x, left)[0, 0, place, 0], x)
        read.append(int((slope[0, 0] != 0).any(1).sum()))
    pooling = next((layer.info for layer in found.layers if layer.info.type == "pooling"), None)
    assert pooling is None or pooling.kernel == (max(read), max(read))
    assert pooling is not None or left < 2
