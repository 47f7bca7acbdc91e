"""Many feature maps of a layer beside and below each other, on one scale, each with the number of its channel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from manim import DOWN, UP, Group, VGroup
from numpy.typing import NDArray

from fmcore.analysis.channels import is_flat
from fmcore.colour import ColourScale
from scenes import look
from scenes.look import Region
from scenes.parts.feature_map import border
from scenes.parts.picture import ArraySource, Picture
from scenes.parts.scale_strip import ScaleStrip, own_scales
from scenes.parts.text import label, line_height, shape_text

_APART = 0.25  # between maps


class NumberedMap(Group):
    """The map (H, W) of a channel, `size` high, with the channel's `name` above; its shape is written elsewhere."""

    def __init__(
        self,
        values: NDArray[np.floating],
        scale: ColourScale,
        size: float,
        channel: int,
        name: str,
        source: ArraySource,
    ) -> None:
        self.channel = channel
        self.picture = Picture(values, scale, size, source)
        name_label = label(name, look.SMALL).next_to(self.picture, UP, buff=look.NEAR)
        super().__init__(self.picture, border(self.picture), name_label)


@dataclass(frozen=True)
class Rows:
    """How maps stand together: how many beside each other, and whether a channel's name is its number alone."""

    across: int
    brief: bool

    @classmethod
    def largest(cls, channels: Sequence[int], shape: tuple[int, int], room: Region) -> "Rows":
        """Those in which maps of `shape` (H, W) are largest in `room`; of equals full names and fewest gaps."""
        count, text = len(channels), line_height(look.SMALL) + look.NEAR

        def ease(rows: Rows) -> tuple[float, bool, int, int]:
            down = -(-count // rows.across)
            width = (room.width + _APART) / rows.across - _APART
            size = min(width * shape[0] / shape[1], (room.height - 4 * text) / down - text)
            names = label(rows.name(max(channels)), look.SMALL).width
            return round(size, 1) if width >= names else 0.0, not rows.brief, -(down * rows.across - count), rows.across

        return max((cls(across, brief) for across in range(1, count + 1) for brief in (False, True)), key=ease)

    def name(self, channel: int) -> str:
        return f"{channel + 1}" if self.brief else f"channel {channel + 1}"


class MapWall(Group):
    """`channels` of an activation (C, H, W), `size` high each, in `rows`; their scale and their shape below them.

    Without a scale each has its own, which is said in the place of the colour scale.
    `source` is the name of the array and the index of the probe.
    """

    def __init__(
        self,
        activation: NDArray[np.floating],
        channels: Sequence[int],
        scale: ColourScale | None,
        size: float,
        rows: Rows,
        source: tuple[str, int],
    ) -> None:
        array, probe = source
        count, height, width = activation.shape
        self.maps = Group(
            *(
                NumberedMap(
                    activation[channel],
                    scale or ColourScale.of(activation[channel]),
                    size,
                    channel,
                    rows.name(channel),
                    ArraySource(array, (probe, channel)),
                )
                for channel in channels
            )
        ).arrange_in_grid(cols=rows.across, buff=(_APART, 0.6 * _APART), cell_alignment=DOWN)
        self.strip: Group | VGroup = own_scales(self.maps, count)
        if scale is not None:
            self.strip = ScaleStrip.below(self.maps, scale, count)
        flat = sum(is_flat(activation[channel]) for channel in channels)
        shape = f"{shape_text(height, width, 1)} each" + f" · {flat} flat" * (flat > 0)
        self.shape_label = label(shape, look.SMALL, look.MUTED).next_to(self.strip, DOWN, buff=look.LEADING)
        super().__init__(self.maps, self.strip, self.shape_label)
