"""Architectures of many families, random weights and full size: traced and recorded with no special case.

Three small ones go through the whole recorder, a few layers of each, since every channel is left out once. Of all of
them everything is worked out that is recorded of a probe, for all layers.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from fmcore.analysis.convolution import arithmetic
from fmcore.analysis.graph import contracted
from fmcore.bundle import Bundle
from fmcore.data.pictures import Picture, open_pictures
from fmcore.header import LayerInfo
from fmcore.model_source import Wanted, open_model
from fmcore.probing import probe_layers
from fmcore.recording import record
from fmcore.tracing import trace
from fmcore.training import Trained, untrained

# the nonlinearities that follow a convolution, and whether something looks at all places of a map at once
FAMILIES: dict[str, tuple[set[str], bool]] = {
    "squeezenet1_1": ({"relu"}, False),
    "resnet18": ({"relu", "none"}, False),
    "resnext50_32x4d": ({"relu", "none"}, False),
    "densenet121": ({"relu", "none"}, False),
    "googlenet": ({"relu"}, False),
    "inception_v3": ({"relu"}, False),
    "shufflenet_v2_x0_5": ({"relu", "none"}, False),
    "mobilenet_v2": ({"relu6", "none"}, False),
    "mobilenet_v3_small": ({"relu", "hardswish", "none"}, True),
    "mnasnet0_5": ({"relu", "none"}, False),
    "efficientnet_b0": ({"silu", "none"}, True),
    "regnet_y_400mf": ({"relu", "none"}, True),
    "convnext_tiny": ({"none"}, False),
}
RECORDED = {
    "squeezenet1_1": ("features.3.squeeze", "features.3.expand3x3", "features.6.squeeze"),
    "shufflenet_v2_x0_5": ("conv1.0", "stage2.1.branch2.3", "stage2.3"),
    "mobilenet_v3_small": ("features.1.block.0.0", "features.5.block.3.0", "features.5"),
}
PHI: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x, "relu": F.relu, "relu6": F.relu6, "silu": F.silu, "hardswish": F.hardswish,
}  # fmt: skip


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disc and a stripe on a slope of colour."""
    y, x = np.mgrid[0:260, 0:300]
    pixels = np.stack([y * 0.7, x * 0.6, 255 - y * 0.5], -1)
    pixels[(y - 120) ** 2 + (x - 150) ** 2 < 70**2] = (250, 200, 30)
    pixels[:, 200:220] /= 3
    path = tmp_path_factory.mktemp("photos") / "disc.png"
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def opened(name: str, photo: Path) -> tuple[Trained, Picture]:
    trained = untrained(open_model(f"torchvision:{name}", Wanted(classes=3)))
    for module in trained.network.modules():  # random statistics, so that a normalisation does something
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return trained, open_pictures([photo], trained.as_input.preprocessing)[0]


def state(network: nn.Module) -> list[object]:
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in network.modules()]
    return [[m.training for m in network.modules()], hooks, [p.requires_grad for p in network.parameters()]]


def by_hooks(network: nn.Module, images: Tensor) -> tuple[dict[str, tuple[int, ...]], Tensor]:
    """The shapes of all that convolutions give where that is more than a single place, and the logits."""
    shapes: dict[str, tuple[int, ...]] = {}
    handles = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):

            def hear(_: object, __: object, maps: Tensor, name: str = name) -> None:
                if min(maps.shape[2:]) > 1:
                    shapes[name] = tuple(maps.shape[1:])

            handles.append(module.register_forward_hook(hear))
    with torch.no_grad():
        logits = network(images)
    for handle in handles:
        handle.remove()
    return shapes, logits


def preactivation(info: LayerInfo, arrays: dict[str, NDArray[np.float32]], image: Tensor) -> Tensor:
    parts = {part: torch.from_numpy(arrays[f"{info.name}/{part}"]) for part in ("weight", "bias", "scale", "shift")
             if f"{info.name}/{part}" in arrays}  # fmt: skip
    value = F.conv2d(image, parts["weight"], parts.get("bias"), info.stride, info.padding, info.dilation, info.groups)
    return value * parts["scale"][:, None, None] + parts["shift"][:, None, None] if "scale" in parts else value


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_traced_and_its_maps_are_what_it_computes(name: str, photo: Path) -> None:
    trained, picture = opened(name, photo)
    network, before = trained.network, state(trained.network)
    pixels = picture.pixels[None]
    images = trained.as_input(torch.from_numpy(pixels))
    found = trace(network, images.repeat(2, 1, 1, 1))
    arrays = probe_layers(trained, found, pixels, [None], lambda done, total: None)
    assert state(network) == before
    shapes, logits = by_hooks(network, images)
    np.testing.assert_allclose(arrays["logits"], logits.numpy(), rtol=1e-4, atol=1e-5)
    assert np.array_equal(arrays["input"], images.numpy())

    convolutions = [layer.info for layer in found.layers if layer.info.type == "convolution"]
    assert {info.name: info.output_shape for info in convolutions} == shapes
    nonlinearities, gated = FAMILIES[name]
    assert {info.nonlinearity for info in convolutions} == nonlinearities
    assert any(layer.info.field.whole for layer in found.layers) is gated
    for info in convolutions:
        image = torch.from_numpy(arrays[f"{info.name}/input"])
        before_phi = torch.from_numpy(arrays[f"{info.name}/preactivation"])
        worked_out = preactivation(info, arrays, image)
        assert (before_phi - worked_out).abs().max() <= 1e-4 * worked_out.abs().max(), info.name
        assert np.allclose(arrays[f"{info.name}/activation"], PHI[info.nonlinearity](before_phi), atol=1e-6), info.name
    shown = [layer.name for layer in found.layers]
    reads = {name: contracted(found.reads[name], found.reads, shown) for name in shown}
    assert all(reads.values()) and contracted(found.answer, found.reads, shown)
    left = {arrays[f"{name}/activation"].tobytes(): name for name in shown}
    fed = {info.name: before for info in convolutions if (before := left.get(arrays[f"{info.name}/input"].tobytes()))}
    assert fed and {name: reads[name] for name in fed} == {name: (before,) for name, before in fed.items()}
    for layer in found.layers:
        maps = arrays[f"{layer.name}/gradcam"]
        assert maps.shape == (1, 3, *layer.info.output_shape[1:]) and np.isfinite(maps).all(), layer.name


@pytest.mark.parametrize("name", RECORDED)
def test_small_ones_go_through_the_whole_recorder(name: str, photo: Path, tmp_path: Path) -> None:
    trained, picture = opened(name, photo)
    before = state(trained.network)
    record(trained, None, tmp_path / "b", pictures=[picture], layers=RECORDED[name])
    assert state(trained.network) == before
    random = np.random.default_rng(0)
    with Bundle.open(tmp_path / "b") as bundle:
        bundle.verify()
        logits = trained.network(trained.as_input(torch.from_numpy(picture.pixels[None]))).detach().numpy()
        np.testing.assert_allclose(bundle.array("logits"), logits, rtol=1e-4, atol=1e-5)
        assert [layer.name for layer in bundle.header.layers] == list(RECORDED[name])
        assert not all(module.shown for module in bundle.header.modules)
        for layer in bundle.header.layers:
            maps = bundle.array(f"{layer.name}/activation")
            np.testing.assert_allclose(bundle.array(f"{layer.name}/mean"), maps.mean((0, 2, 3)), rtol=1e-4, atol=1e-6)
        for layer in bundle.convolutions:
            for place in random.integers(0, layer.output_shape, (20, 3)).tolist():
                worked = arithmetic(bundle, layer.name, *place)  # complains where the record says otherwise
                assert worked.recorded is not None and worked.value == pytest.approx(worked.recorded, abs=1e-3)
