"""The arithmetic of one place of one convolution: patch x kernel + bias, scaled and shifted by a batch normalisation.

A CNN layer computes a cross-correlation: the kernel is not flipped. Strides, padding, dilation and groups mean what
they mean in PyTorch's `Conv2d` (https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html).
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fmcore.bundle import Bundle
from fmcore.errors import BundleError, InputError
from fmcore.header import LayerInfo

Floats = NDArray[np.floating]
Pair = tuple[int, int]
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]

_UNIT = 2.0**-24  # half a step of float32, relative
_SLACK = 1e-5


@dataclass(frozen=True)
class Place:
    """What went into the value at `row`, `column` of one feature map."""

    row: int
    column: int
    inputs: slice  # the input channels that the filter reads: all, or with groups those of its own group
    patch: Floats  # (C_in, kH, kW) of those channels, filled up where the padding is
    products: Floats  # (C_in, kH, kW), patch x filter
    bias: float
    total: float  # products.sum() + bias
    scale: float = 1.0  # of the batch normalisation that follows
    shift: float = 0.0
    recorded: float | None = None  # what the network itself computed, where a bundle was asked
    field: tuple[float, float, float, float] | None = None  # (top, left, bottom, right) in pixels of the image

    @property
    def value(self) -> float:
        """scale x total + shift: the pre-activation, or what goes into a normalisation of another kind."""
        return self.scale * self.total + self.shift

    @property
    def summed(self) -> float:
        """The sum of products with the batch normalisation's scale; `value` less `added`."""
        return self.scale * float(self.products.sum())

    @property
    def added(self) -> float:
        """The bias with the batch normalisation's scale and shift; `value` less `summed`."""
        return self.scale * self.bias + self.shift

    @property
    def tolerance(self) -> float:
        """How far a network that computes in float32 may be from `value`.

        A sum of n float32 products, added up in any order, is off by at most about n x 2^-24 times the sum of their
        magnitudes (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 4.2). Never less than 1e-5
        of that sum, for algorithms that transform their input first, such as Winograd's, and for the rounding of the
        normalisation. A wrong patch or filter is farther away: by a share of about 1 / sqrt(n).
        """
        summed = float(np.abs(self.products).sum(dtype=np.float64)) + abs(self.bias)
        return max(_SLACK, self.products.size * _UNIT) * (abs(self.scale) * summed + abs(self.shift))


def patch_at(
    image: Floats,
    row: int,
    column: int,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair = (1, 1),
    padding_mode: PaddingMode = "zeros",
) -> Floats:
    """The patch (C_in, kH, kW) of `image` (C_in, H, W) that the output place (row, column) looks at.

    `padding` is what lies above and on the left; below and on the right there is as much as the patch needs.
    """
    patch = image
    for axis, at in ((1, row), (2, column)):
        first = at * stride[axis - 1] - padding[axis - 1]
        wanted = first + np.arange(kernel[axis - 1]) * dilation[axis - 1]
        size = image.shape[axis]
        patch = np.take(patch, _within(wanted, size, padding_mode), axis=axis)
        if padding_mode == "zeros":
            inside = (wanted >= 0) & (wanted < size)
            patch = patch * inside.reshape((-1, 1) if axis == 1 else (1, -1)).astype(patch.dtype)
    return patch


def _within(wanted: NDArray[np.intp], size: int, padding_mode: PaddingMode) -> NDArray[np.intp]:
    """The rows or columns, 0 to `size` - 1, that stand at the indices `wanted` of the padded image."""
    if padding_mode == "circular":
        return wanted % size
    if padding_mode == "reflect":
        period = max(2 * size - 2, 1)
        return np.minimum(wanted % period, -wanted % period)
    return np.clip(wanted, 0, size - 1)


def inputs_of(channel: int, filters: int, width: int, groups: int) -> slice:
    """The input channels that filter `channel` of `filters` reads where each reads `width` of them."""
    first = channel // (filters // groups) * width
    return slice(first, first + width)


def place(
    image: Floats,
    weights: Floats,
    bias: float,
    row: int,
    column: int,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    padding_mode: PaddingMode = "zeros",
    inputs: slice | None = None,
) -> Place:
    """Work out one value from `image` (C, H, W) and one filter `weights` (C_in, kH, kW).

    The filter reads the channels `inputs` of the image, C_in of them; all where nothing is said.
    """
    inputs = inputs or slice(0, len(image))
    kernel = (weights.shape[1], weights.shape[2])
    patch = patch_at(image[inputs], row, column, kernel, stride, padding, dilation, padding_mode)
    products = patch.astype(np.float64) * weights
    return Place(row, column, inputs, patch, products, bias, float(products.sum() + bias))


def arithmetic(bundle: Bundle, layer: str, channel: int, row: int, column: int, probe: int | None = None) -> Place:
    """Work out the value of `layer` at one place for one probe, and check it against what the network recorded.

    That is `<layer>/sum` before a normalisation that is no batch normalisation, else `<layer>/preactivation`.
    Without a probe, the bundle's default one is taken.

    Raises:
        InputError: the layer is no convolution, or has no such channel, row or column.
        BundleError: an array is missing, or the recorded value is another one.
    """
    info = bundle.layer(layer)
    probe = bundle.default_probe if probe is None else probe
    _check(bundle, info, channel, row, column, probe)
    weights = bundle.part(f"{layer}/weight", channel)  # (C_in / groups, kH, kW)
    inputs = inputs_of(channel, info.output_shape[0], len(weights), info.groups)
    bias = number_of(bundle, f"{layer}/bias", 0.0, channel)
    image = _read(bundle, info, probe, inputs)
    geometry = (info.stride, info.padding, info.dilation, info.padding_mode)
    worked = place(image, weights, bias, row, column, *geometry)
    summed = f"{layer}/sum" in bundle.header.arrays
    recorded = float(bundle.part(f"{layer}/{'sum' if summed else 'preactivation'}", probe, channel, row, column))
    found = replace(
        worked,
        inputs=inputs,
        scale=1.0 if summed else number_of(bundle, f"{layer}/scale", 1.0, channel),
        shift=0.0 if summed else number_of(bundle, f"{layer}/shift", 0.0, channel),
        recorded=recorded,
        field=info.field.box(row, column),
    )
    if abs(found.value - recorded) > found.tolerance:
        raise BundleError(
            f"In '{bundle.path.name}', channel {channel} of {layer} is {recorded:.6g} at ({row}, {column}), but its"
            f" input, filter and bias give {found.value:.6g}; write the bundle again with `fmcore record`."
        )
    return found


def _read(bundle: Bundle, info: LayerInfo, probe: int, inputs: slice) -> Floats:
    """Of what went into the layer for one probe, the channels `inputs` (C_in / groups, H, W)."""
    if info.groups == 1:
        return bundle.part(info.input, probe)
    return np.stack([bundle.part(info.input, probe, channel) for channel in range(inputs.start, inputs.stop)])


def number_of(bundle: Bundle, name: str, otherwise: float, channel: int) -> float:
    """What array `name` (C,) has for `channel`; `otherwise` where the layer has no such array."""
    return float(bundle.part(name, channel)) if name in bundle.header.arrays else otherwise


def _check(bundle: Bundle, info: LayerInfo, channel: int, row: int, column: int, probe: int) -> None:
    if info.type != "convolution":
        known = ", ".join(layer.name for layer in bundle.convolutions)
        raise InputError(f"Layer '{info.name}' is a {info.type} and no convolution; choose one of: {known}.")
    sizes = (len(bundle.header.probes), *info.output_shape)
    for kind, number, size in zip(
        ("probe", "channel", "row", "column"), (probe, channel, row, column), sizes, strict=True
    ):
        if not 0 <= number < size:
            raise InputError(f"Layer '{info.name}' has {kind}s 0 to {size - 1}, so there is no {kind} {number}.")
    if not info.input:
        raise BundleError(
            f"'{bundle.path.name}' does not hold what went into {info.name}, so its values cannot be worked out;"
            " write it again with `fmcore record`."
        )
