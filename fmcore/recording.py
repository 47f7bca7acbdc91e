"""Record what a trained network computes about its probes, and write the bundle.

In: a `Trained` network and the `ImageSet` it belongs to. Out: the bundle's header and arrays.
"""

import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fmcore.bundle import (
    SCHEMA_VERSION,
    Array,
    BundleHeader,
    DatasetInfo,
    LayerInfo,
    ModelInfo,
    ProbeInfo,
    save_bundle,
)
from fmcore.data.imageset import ImageSet
from fmcore.errors import InputError
from fmcore.gradcam import grad_cam
from fmcore.training import Trained, as_input

MAX_CLASSES_PROBED = 16
MISTAKES_PROBED = 2
_BATCH = 250
_VERSIONED = ("fmcore", "torch", "torchvision", "numpy", "safetensors")
_NONLINEARITIES = (nn.ReLU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.ELU, nn.Tanh, nn.Sigmoid, nn.Hardswish, nn.ReLU6)


@dataclass
class _Tap:
    """What one forward pass sent through one layer, tensors (B, C, H, W)."""

    name: str
    module: nn.Module
    output: Tensor  # the very tensor that went on, to recognise it at the next module's input
    preactivation: Tensor
    activation: Tensor
    nonlinearity: str = "none"


@dataclass
class _Taps:
    layers: dict[str, _Tap] = field(default_factory=dict)  # in the order of execution


@contextmanager
def tapped(network: nn.Module) -> Iterator[_Taps]:
    """Listen to every convolution and pooling of `network`, in evaluation mode, while the block runs.

    Hooks are removed and the mode is restored afterwards, also after an exception.
    """
    taps = _Taps()
    handles = []
    was_training = network.training

    def listen(name: str, module: nn.Module) -> None:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if isinstance(module, _NONLINEARITIES):
                for tap in taps.layers.values():
                    if tap.output is inputs[0]:
                        tap.activation = output
                        tap.nonlinearity = type(module).__name__.lower()
            else:
                # An in-place nonlinearity would overwrite the pre-activation: keep a copy of it.
                taps.layers[name] = _Tap(name, module, output, output.clone(), output)

        handles.append(module.register_forward_hook(hook))

    try:
        network.eval()
        for name, module in network.named_modules():
            if isinstance(module, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, *_NONLINEARITIES)):
                listen(name, module)
        yield taps
    finally:
        for handle in handles:
            handle.remove()
        network.train(was_training)


def record(trained: Trained, data: ImageSet, path: Path, recipe: Mapping[str, str] | None = None) -> str:
    """Run the probes and the test set through `trained.network` and write the bundle to `path`.

    Returns the bundle's digest.

    Raises:
        InputError: the network has no convolution.
        BundleError: something it computed is not finite, or the file cannot be written.
    """
    network = trained.network
    logits = _all_logits(network, data)  # (M, K)
    rows = choose_probes(logits, data.test_labels)
    images = data.test_images[rows]  # (P, C, H, W)

    arrays: dict[str, Array] = {"probes": images.astype(np.float32) / np.float32(255)}
    layers = _record_probes(network, images, arrays)
    if not any(layer.type == "convolution" for layer in layers):
        raise InputError(f"Model '{trained.spec.model}' has no convolution, so it has no feature maps to record.")
    _record_weights(trained, layers, arrays)
    _record_statistics(network, data, layers, arrays)

    probability = _softmax(arrays["logits"])  # (P, K)
    header = BundleHeader(
        schema_version=SCHEMA_VERSION,
        model=ModelInfo(
            name=trained.spec.model,
            input_shape=data.image_shape,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
        ),
        layers=tuple(layers),
        arrays={},
        classes=data.classes,
        probes=tuple(
            ProbeInfo(
                label=int(data.test_labels[row]),
                predicted=int(probability[p].argmax()),
                probability=float(probability[p].max()),
                source=f"test image {row}",
            )
            for p, row in enumerate(rows)
        ),
        training=trained.info(),
        dataset=DatasetInfo(
            name=data.name,
            provenance=data.provenance,
            train_count=len(data.train_labels),
            test_count=len(data.test_labels),
        ),
        versions={"python": platform.python_version(), **{name: version(name) for name in _VERSIONED}},
        recipe=dict(recipe or {}),
    )
    return save_bundle(path, header, arrays)


def choose_probes(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> list[int]:
    """Rows worth showing: one typical image a class, then the most confident mistakes.

    Typical is the image of median probability among those of its class that are classified rightly
    (among all of the class where none is), so that a lesson is shown neither the luckiest case nor an outlier.
    """
    probability = _softmax(logits)
    predicted = logits.argmax(1)
    right = predicted == labels
    rows = []
    for label in np.unique(labels)[:MAX_CLASSES_PROBED]:
        of_class = np.flatnonzero(labels == label)
        candidates = of_class[right[of_class]] if right[of_class].any() else of_class
        by_probability = candidates[np.argsort(probability[candidates, label], kind="stable")]
        rows.append(int(by_probability[len(by_probability) // 2]))
    wrong = np.flatnonzero(~right)
    most_confident = wrong[np.argsort(-probability[wrong].max(1), kind="stable")]
    return rows + [int(row) for row in most_confident if int(row) not in rows][:MISTAKES_PROBED]


def _device_batches(network: nn.Module, images: NDArray[np.uint8]) -> Iterator[Tensor]:
    device = next(network.parameters()).device
    for start in range(0, len(images), _BATCH):
        yield as_input(torch.from_numpy(images[start : start + _BATCH]).to(device))


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().to("cpu", torch.float32).contiguous().numpy()


def _softmax(logits: Array) -> NDArray[np.float64]:
    shifted = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    result: NDArray[np.float64] = shifted / shifted.sum(1, keepdims=True)
    return result


def _all_logits(network: nn.Module, data: ImageSet) -> NDArray[np.float32]:
    network.eval()
    with torch.inference_mode():
        return np.concatenate([_array(network(batch)) for batch in _device_batches(network, data.test_images)])


def _record_probes(network: nn.Module, images: NDArray[np.uint8], arrays: dict[str, Array]) -> list[LayerInfo]:
    """Add logits, pre-activations, activations and Grad-CAM of the probes; return the layer table."""
    with torch.enable_grad(), tapped(network) as taps:
        batch = as_input(torch.from_numpy(images).to(next(network.parameters()).device))
        logits: Tensor = network(batch.requires_grad_())  # (P, K)
        score = logits.max(dim=1).values
        layers = []
        for tap in taps.layers.values():
            layers.append(_layer_info(tap))
            arrays[f"{tap.name}/activation"] = _array(tap.activation)
            if isinstance(tap.module, nn.Conv2d):
                arrays[f"{tap.name}/preactivation"] = _array(tap.preactivation)
                arrays[f"{tap.name}/gradcam"] = _array(grad_cam(score, tap.activation))
        arrays["logits"] = _array(logits)
    return layers


def _layer_info(tap: _Tap) -> LayerInfo:
    _, c, h, w = tap.activation.shape
    module = tap.module
    return LayerInfo(
        name=tap.name,
        type="convolution" if isinstance(module, nn.Conv2d) else "pooling",
        kernel=_pair(module.kernel_size),
        stride=_pair(module.stride),
        padding=_pair(module.padding),
        nonlinearity=tap.nonlinearity,
        output_shape=(c, h, w),
    )


def _pair(value: object) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    if isinstance(value, tuple) and len(value) == 2:
        return int(value[0]), int(value[1])
    raise InputError(f"A layer with kernel, stride or padding {value!r} cannot be recorded; use numbers for them.")


def _record_weights(trained: Trained, layers: list[LayerInfo], arrays: dict[str, Array]) -> None:
    for layer in layers:
        if layer.type != "convolution":
            continue
        history = np.stack([state[f"{layer.name}.weight"] for state in trained.states])
        arrays[f"{layer.name}/weight_history"] = history  # (E + 1, C_out, C_in, kH, kW)
        arrays[f"{layer.name}/weight"] = history[-1].copy()
        if f"{layer.name}.bias" in trained.states[-1]:
            arrays[f"{layer.name}/bias"] = trained.states[-1][f"{layer.name}.bias"]


def _record_statistics(network: nn.Module, data: ImageSet, layers: list[LayerInfo], arrays: dict[str, Array]) -> None:
    """Add the statistics of every channel over the test set, in one pass and at constant memory."""
    running = {layer.name: _Running() for layer in layers if layer.type == "convolution"}
    with torch.no_grad(), tapped(network) as taps:
        for batch in _device_batches(network, data.test_images):
            network(batch)
            for name, statistics in running.items():
                statistics.add(taps.layers[name].activation)
    for name, statistics in running.items():
        for part, value in statistics.result().items():
            arrays[f"{name}/{part}"] = value


class _Running:
    """Sums over batches of one layer's activation, from which its statistics (C,) follow."""

    def __init__(self) -> None:
        self.images = 0
        self.places = 0  # images x positions
        self.sums: dict[str, Tensor] = {}

    def add(self, activation: Tensor) -> None:
        value = activation.detach().to("cpu", torch.float64)  # (B, C, H, W)
        new = {
            "total": value.sum(dim=(0, 2, 3)),
            "square": value.square().sum(dim=(0, 2, 3)),
            "active": (value > 0).sum(dim=(0, 2, 3)).double(),
            "fired": (value.amax(dim=(2, 3)) > 0).sum(dim=0).double(),
            "maximum": value.amax(dim=(0, 2, 3)),
        }
        for name, part in new.items():
            if name not in self.sums:
                self.sums[name] = part
            elif name == "maximum":
                self.sums[name] = torch.maximum(self.sums[name], part)
            else:
                self.sums[name] = self.sums[name] + part
        self.images += value.shape[0]
        self.places += value.shape[0] * value.shape[2] * value.shape[3]

    def result(self) -> dict[str, Array]:
        mean = self.sums["total"] / self.places
        variance = (self.sums["square"] / self.places - mean.square()).clamp(min=0)
        return {
            "mean": _array(mean),
            "std": _array(variance.sqrt()),
            "maximum": _array(self.sums["maximum"]),
            "fired": _array(self.sums["fired"] / self.images),
            "active": _array(self.sums["active"] / self.places),
        }
