"""The maps that one layer has for one image: single channels by name, and a stack of some of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.channels import is_flat, representatives
from fmcore.analysis.naming import called
from fmcore.bundle import Bundle
from fmcore.colour import ColourScale
from scenes.parts.channel_stack import ChannelStack
from scenes.parts.feature_map import FeatureMap, SaysFlat
from scenes.parts.picture import ArraySource

_SHEETS = 3


@dataclass(frozen=True)
class LayerView:
    """`layer` of `bundle` for the image of `probe`; `other` says that it is the bundle that is compared with."""

    bundle: Bundle
    layer: str
    probe: int
    other: bool = False

    @property
    def array(self) -> str:
        return f"{self.layer}/activation"

    @property
    def channels(self) -> int:
        return self.bundle.layer(self.layer).output_shape[0]

    @property
    def activation(self) -> NDArray[np.floating]:
        """(C, H, W)."""
        return self.bundle.part(self.array, self.probe)

    def map(self, channel: int) -> NDArray[np.floating]:
        """(H, W)."""
        return self.bundle.part(self.array, self.probe, channel)

    def source(self, channel: int) -> ArraySource:
        """Where the map of `channel` stands in the bundle."""
        return ArraySource(self.array, (self.probe, channel), self.other)

    def flat(self, channel: int) -> bool:
        return is_flat(self.map(channel))

    @property
    def scale(self) -> ColourScale:
        """The one on which all maps of the layer can be compared."""
        return ColourScale.of(self.activation, "per_layer")

    def tile(
        self,
        channel: int,
        height: float,
        scale: ColourScale | None = None,
        name: str = "",
        says_flat: SaysFlat = "beside",
    ) -> FeatureMap:
        """The map of `channel`, on its own scale unless another is given, named by layer and number."""
        values, source = self.map(channel), self.source(channel)
        name = name or f"{called(self.layer)} channel {channel + 1}"
        return FeatureMap(values, scale or ColourScale.of(values), height, name, source, says_flat=says_flat)

    def stack(self, height: float, name: str = "", front: int | None = None) -> ChannelStack:
        """Some maps on the scale of the layer, with channel `front` before the others."""
        maps = self.activation
        shown = representatives(maps, _SHEETS)
        if front is not None:
            shown = [front, *(channel for channel in shown if channel != front)][:_SHEETS]
        stack = ChannelStack(maps, shown, self.scale, height, name or called(self.layer), brief=True)
        for sheet, channel in zip(reversed(stack.sheets), shown, strict=True):
            sheet[0].source = self.source(channel)
        return stack
