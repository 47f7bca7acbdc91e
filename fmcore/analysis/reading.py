"""Which layer reads the maps of another, directly or through a pooling layer."""

from dataclasses import dataclass

from fmcore.analysis.graph import reads_of
from fmcore.bundle import Bundle
from fmcore.header import LayerInfo


@dataclass(frozen=True)
class Reader:
    """A convolution that takes the maps of a layer as its input, pooled before where `pooled` is true."""

    layer: LayerInfo
    pooled: bool


def reader_of(bundle: Bundle, layer: LayerInfo) -> Reader | None:
    """The first recorded convolution that reads the maps of `layer`; None where the bundle knows of none."""
    sources = {f"{layer.name}/activation": False}
    for pooling, reads in reads_of(bundle.header.layers).items():
        if reads == (layer.name,) and bundle.layer(pooling).type == "pooling":
            sources[f"{pooling}/activation"] = True
    for other in bundle.convolutions:
        if other.input in sources and f"{other.name}/weight" in bundle.header.arrays:
            return Reader(other, sources[other.input])
    return None
