"""What a layer reads, as one picture: the image, or the strongest of the maps of the layer before."""

import numpy as np
from manim import Group

from fmcore.bundle import Bundle
from fmcore.colour import ColourScale
from fmcore.header import LayerInfo
from scenes import look
from scenes.parts.channel_stack import ChannelStack
from scenes.parts.feature_map import InputImage, Lines
from scenes.parts.picture import Picture


class _OneOfMany(ChannelStack):
    """One map of many, with its picture under the name that other things with a picture use."""

    @property
    def picture(self) -> Picture:
        return self.front


def layer_input(bundle: Bundle, layer: LayerInfo, probe: int, size: float, lines: Lines = "fit") -> Group:
    """A thing with a `picture`, `size` high; the shape of an image in so many `lines`."""
    if layer.input in ("probes", "input"):
        return InputImage(bundle.part("probes", probe), size, "image", probe, lines=lines)
    maps = bundle.part(layer.input, probe)  # (C, H, W)
    strongest = int((maps.astype(np.float64) ** 2).sum((1, 2)).argmax())
    scale = ColourScale.of(maps, "per_layer")
    brief = look.shape() == "tall"
    return _OneOfMany(maps, [strongest], scale, size, "goes in", (layer.input, (probe,)), brief=brief)
