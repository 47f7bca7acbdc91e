"""Several filters of a layer as small pictures of their first slices, with how many there are and how large."""

from collections.abc import Sequence

import numpy as np
from manim import DOWN, UP, Group

from fmcore.bundle import Bundle
from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.filter_picture import FilterPicture, slice_name
from scenes.parts.picture import ArraySource
from scenes.parts.text import label, lines, shape_text


class FilterTiles(Group):
    """The first slices (kH, kW) of filters `channels` of array `weight` (C_out, C_in, kH, kW), the longer side `size`.

    They share one scale. `width` is the most that its texts take.
    """

    def __init__(
        self, bundle: Bundle, weight: str, channels: Sequence[int], size: float, width: float, columns: int = 2
    ) -> None:
        slices = [bundle.part(weight, channel, 0) for channel in channels]
        scale = ColourScale.signed(np.stack(slices), "shared")
        sources = (ArraySource(weight, (channel, 0)) for channel in channels)
        self.tiles = Group(*(FilterPicture(s, scale, size, at) for s, at in zip(slices, sources, strict=True)))
        self.tiles.arrange_in_grid(cols=min(columns, len(self.tiles)), buff=0.18)
        count, deep, rows, across = bundle.info(weight).shape
        shown = f"{len(channels)} of {count} filters" if len(channels) < count else f"{count} filter{'s' * (count > 1)}"
        self.name_label = label(shown, look.SMALL, width=width).next_to(self.tiles, UP, buff=look.NEAR)
        of_image = bundle.layer(weight.rpartition("/")[0]).input in ("probes", "input")
        words = [shape_text(rows, across, deep), *[slice_name(0, deep, of_image)] * (deep > 1)]
        self.words = lines(*words, "blue −, red +", width=width).next_to(self.tiles, DOWN, buff=look.NEAR)
        super().__init__(self.tiles, self.name_label, self.words)
