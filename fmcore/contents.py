"""What a bundle may hold: its arrays, how they are shaped and what their numbers mean.

In: a header, and an array's name or its values. Out: nothing, or a sentence that says what does not fit. Whoever reads
a bundle relies on these rows, so a file from a stranger is held to them: a shape when it is opened, values when they
are read.

An axis is named by a letter, and wherever a letter stands there are as many:

    P probes, M images that statistics were taken over, K classes, T classes explained, N images sampled
    E epochs from 0 on, e epochs and p probes of the history of activations, 2 for (row, column)
    m classical maps, c channels of the network's input and v, u its size
    C, H, W channels and size of the maps of a layer, h, w of its kernel
    any other letter: whatever the layer's other arrays have
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmcore.header import ORIGINAL, BundleHeader, LayerInfo, ProbeInfo

_EVERYWHERE = "PMKTNEepmcvu"  # letters that mean the same in every layer
_HELD_TO = "Pepcvum"  # by shapes; what else the header counts only bounds values
_ROUNDING = 1e-3  # by which a share may leave its range


@dataclass(frozen=True)
class Kind:
    """One row of the table: its axes, what it is, and what its numbers are.

    `numbers` are reals, shares, correlations or bytes, or they count something: K, M or C as above, or
    places (row, column) of a map.
    """

    axes: str
    what: str
    numbers: str = "reals"

    @property
    def types(self) -> str:
        """How the names of the types begin that its numbers may have."""
        return "int" if self.numbers in _COUNTED else "uint8" if self.numbers == "bytes" else "float"


_RANGES = {"shares": (0.0, 1.0), "correlations": (-1.0, 1.0)}
_ANY = 2**62
_COUNTED = {"K": "classes", "M": "images", "C": "channels", "places": "places"}

OF_NETWORK = {
    "probes": Kind("P c v u", "what the network saw, in 0..1, before normalisation"),
    "input": Kind("P c v u", "what went into the first layer, where normalisation made it another than probes"),
    "logits": Kind("P K", "what the network answers"),
    "gradcam_classes": Kind("P T", "the classes that Grad-CAM was worked out for, the likeliest first", "K"),
    "test_predicted": Kind("M", "the class predicted", "K"),
    "test_probability": Kind("M", "its probability", "shares"),
    "test_label": Kind("M", "the true class", "K"),
}
_OF_IMAGES = tuple(name for name, kind in OF_NETWORK.items() if kind.axes == "M")

OF_LAYER = {
    "input": Kind("P i j k", "what went in, where it is no other array (`LayerInfo.input` names it)"),
    "weight": Kind("C g h w", "of a convolution; g is input channels / groups"),
    "bias": Kind("C", "of a convolution"),
    "scale": Kind("C", "of a normalisation by fixed numbers: pre-activation = scale x sum + shift"),
    "shift": Kind("C", "of the same"),
    "sum": Kind("P C H W", "before a normalisation of any other kind"),
    "preactivation": Kind("P C H W", "before the nonlinearity"),
    "activation": Kind("P C H W", "after it"),
    "gradcam_weight": Kind("P T C", "what Grad-CAM multiplies each channel of the activation with"),
    "gradcam": Kind("P T H W", "signed: all of these products added up"),
    "ablated": Kind("P a", "channels set to zero", "C"),
    "ablation": Kind("P a", "by how much the predicted class's probability changed then", "correlations"),
    "ablation_predicted": Kind("P a", "the class that is predicted then", "K"),
    "weight_history": Kind("E C g h w", "the weight after every epoch; epoch 0 is before training"),
    "activation_history": Kind("e p C H W", "the activation after some epochs, of some probes, as the header lists"),
    "mean": Kind("C", "of the activation"),
    "std": Kind("C", "of the activation"),
    "maximum": Kind("C", "of the activation"),
    "fired": Kind("C", "share of images where it is above zero", "shares"),
    "active": Kind("C", "share of all places where it is above zero", "shares"),
    "correlation": Kind("C C", "between channels; layers of over 512 have the two arrays below", "correlations"),
    "nearest": Kind("C", "the most similar other channel", "C"),
    "nearest_correlation": Kind("C", "how similar it is", "correlations"),
    "foreground": Kind("C", "share of what is above zero that lies on the object", "shares"),
    "foreground_fired": Kind("C", "share of the images with an object where it is above zero", "shares"),
    "foreground_area": Kind("1", "share of all places that lie there", "shares"),
    "outline": Kind("C", "the same for the places outside the object that have a neighbour on it", "shares"),
    "outline_area": Kind("1", "share of all places that lie there", "shares"),
    "sparseness": Kind("C", "how unevenly images light it", "shares"),
    "class_mean": Kind("C K", "mean over the images of a class"),
    "class_mean_shuffled": Kind("C K", "the same where each image has the label of another"),
    "meaning": Kind("C m", "correlation with the classical maps `measures.meaning` of the same images", "correlations"),
    "top_images": Kind("C t", "the images that light it most", "M"),
    "top_values": Kind("C t", "how much"),
    "top_places": Kind("C t 2", "where", "places"),
    "patch_channels": Kind("r", "channels whose patches are kept", "C"),
    "patches": Kind("r t c x y", "what lay in the receptive field there", "bytes"),
    "sample": Kind("N C q s", "mean over a coarse grid, of the same N test images in every bundle"),
}


def shape_misfit(header: BundleHeader) -> str | None:
    """What shape or type in `header.arrays` is not as in the table; None where all are."""
    everywhere = {axis: size for axis, size in _sizes(header) if axis in _HELD_TO}
    for name, kind in OF_NETWORK.items():
        if (misfit := _misfit(header, name, kind, everywhere)) is not None:
            return misfit
    for number, probe in enumerate(header.probes):
        if (misfit := _misfit(header, ORIGINAL.format(number), _original(probe), {})) is not None:
            return misfit
    for layer in header.layers:
        sizes = everywhere | _sizes_of(layer)
        for part, kind in OF_LAYER.items():
            if (misfit := _misfit(header, f"{layer.name}/{part}", kind, sizes)) is not None:
                return misfit
        everywhere |= {axis: size for axis, size in sizes.items() if axis in _EVERYWHERE}
        if layer.type == "convolution" and layer.input in header.arrays and "g" in sizes:
            taken = Kind(f"P {sizes['g'] * layer.groups} . .", "what goes into a convolution")
            if (misfit := _misfit(header, layer.input, taken, {"P": everywhere["P"]})) is not None:
                return misfit
    return None


def value_misfit(header: BundleHeader, name: str, values: NDArray[Any]) -> str | None:
    """What in the `values` of array `name`, or of a part of it, is not as in the table; None where all are."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return f"array '{name}' holds NaN or infinite values"
    of, _, part = name.rpartition("/")
    layer = next((layer for layer in header.layers if layer.name == of), None)
    kind = OF_NETWORK.get(name) if layer is None else OF_LAYER.get(part)
    if kind is None or not values.size:
        return None
    if kind.numbers in _RANGES:
        low, high = _RANGES[kind.numbers]
        if values.min() < low - _ROUNDING or values.max() > high + _ROUNDING:
            return f"array '{name}' holds {kind.numbers} outside {low:g} to {high:g}"
    elif kind.numbers in _COUNTED:
        sizes = dict(_sizes(header)) | (_sizes_of(layer) if layer else {})
        answered = [header.arrays[array].shape[0] for array in _OF_IMAGES if array in header.arrays]
        sizes["M"] = min([sizes.get("M", _ANY), *answered])
        ends = np.array([sizes["H"], sizes["W"]]) if kind.numbers == "places" else sizes.get(kind.numbers, _ANY)
        if (values < 0).any() or (values >= ends).any():
            return f"array '{name}' holds indices of {_COUNTED[kind.numbers]} that are not there"
    return None


def _sizes(header: BundleHeader) -> Iterator[tuple[str, int]]:
    """How many of everything the header itself knows."""
    yield from zip("cvu", header.model.input_shape, strict=True)
    yield "P", len(header.probes)
    yield "K", len(header.classes)
    if header.measures is not None:
        yield "M", header.measures.images
        yield "m", len(header.measures.meaning)
    if header.training.history:
        yield "E", len(header.training.history)
    if header.activation_history is not None:
        yield "e", len(header.activation_history.epochs)
        yield "p", len(header.activation_history.probes)


def _sizes_of(layer: LayerInfo) -> dict[str, int]:
    sizes = dict(zip("CHW", layer.output_shape, strict=True))
    return sizes | dict(zip("hw", layer.kernel, strict=True)) if layer.type == "convolution" else sizes


def _original(probe: ProbeInfo) -> Kind:
    height, width = probe.original_size or (".", ".")
    return Kind(f". {height} {width}", "grey or RGB", "bytes")


def _misfit(header: BundleHeader, name: str, kind: Kind, sizes: dict[str, int]) -> str | None:
    """What is odd about one array; an axis without a size gets that of the array, and "." keeps none."""
    info = header.arrays.get(name)
    if info is None:
        return None
    axes = kind.axes.split()
    known = {axis: int(axis) if axis.isdecimal() else sizes.get(axis) for axis in axes}
    fits = len(axes) == len(info.shape) and all(
        known[axis] in (None, size) for axis, size in zip(axes, info.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(axis if known[axis] is None else str(known[axis]) for axis in axes)
        return f"array '{name}' has shape {info.shape}, not ({wanted})"
    if 0 in info.shape:
        return f"array '{name}' is empty, with shape {info.shape}"
    if not info.dtype.startswith(kind.types):
        return f"array '{name}' holds {info.dtype}, not {kind.types}"
    sizes |= {axis: size for axis, size in zip(axes, info.shape, strict=True) if axis.isalpha()}
    return None
