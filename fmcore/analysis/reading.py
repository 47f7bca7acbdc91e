"""Which layer reads the maps of another, directly or through a pooling layer."""

from dataclasses import dataclass

import numpy as np

from fmcore.bundle import Bundle
from fmcore.header import LayerInfo


@dataclass(frozen=True)
class Reader:
    """A convolution that takes the maps of a layer as its input, pooled before where `pooled` is true."""

    layer: LayerInfo
    pooled: bool


def reader_of(bundle: Bundle, layer: LayerInfo, probe: int = 0) -> Reader | None:
    """The first recorded convolution that reads the maps of `layer`; None where the bundle knows of none.

    Pooling layers do not say what they read. One that ran right after `layer`, and has as many channels, of which
    none is stronger on the image `probe` than before, is taken to have pooled its maps.
    """
    sources = {f"{layer.name}/activation": False}
    layers = bundle.header.layers
    place = layers.index(layer)
    following = layers[place + 1] if place + 1 < len(layers) else None
    if following is not None and _pools(bundle, layer, following, probe):
        sources[f"{following.name}/activation"] = True
    for other in bundle.convolutions:
        if other.input in sources and f"{other.name}/weight" in bundle.header.arrays:
            return Reader(other, sources[other.input])
    return None


def _pools(bundle: Bundle, layer: LayerInfo, pooling: LayerInfo, probe: int) -> bool:
    if pooling.type != "pooling" or pooling.output_shape[0] != layer.output_shape[0]:
        return False
    if pooling.input:
        return pooling.input == f"{layer.name}/activation"
    before = np.abs(bundle.part(f"{layer.name}/activation", probe)).max((1, 2))
    after = np.abs(bundle.part(f"{pooling.name}/activation", probe)).max((1, 2))
    return bool((after <= before + 1e-6).all())
