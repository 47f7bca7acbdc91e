"""Several filters of a layer as small numbered pictures of their first slices, with how many and how large they are."""

from collections.abc import Sequence

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Group

from fmcore.bundle import Bundle
from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.filter_picture import FilterPicture, slice_name
from scenes.parts.picture import ArraySource
from scenes.parts.text import label, lines, shape_text


class FilterTiles(Group):
    """The first slices (kH, kW) of filters `channels` of array `weight` (C_out, C_in, kH, kW), the longer side `size`.

    They share one scale, and each has the number of its channel on its left. `width` is the most that texts take.
    """

    def __init__(
        self, bundle: Bundle, weight: str, channels: Sequence[int], size: float, width: float, columns: int = 2
    ) -> None:
        slices = [bundle.part(weight, channel, 0) for channel in channels]
        scale = ColourScale.signed(np.stack(slices), "shared")
        sources = (ArraySource(weight, (channel, 0)) for channel in channels)
        self.tiles = Group(*(FilterPicture(s, scale, size, at) for s, at in zip(slices, sources, strict=True)))
        count, deep, rows, across = bundle.info(weight).shape
        if count > 1:
            for tile, channel in zip(self.tiles, channels, strict=True):
                tile.add(label(f"{channel + 1}", look.SMALL).next_to(tile.picture, LEFT, buff=look.NEAR))
        self.tiles.arrange_in_grid(cols=min(columns, len(self.tiles)), buff=0.18, cell_alignment=RIGHT)
        shown = f"{len(channels)} of {count} filters" if len(channels) < count else f"{count} filter{'s' * (count > 1)}"
        self.name_label = label(shown, look.SMALL, width=width).next_to(self.tiles, UP, buff=look.NEAR)
        of_image = bundle.layer(weight.rpartition("/")[0]).input in ("probes", "input")
        words = [shape_text(rows, across, deep), *[slice_name(0, deep, of_image)] * (deep > 1)]
        self.words = lines(*words, "blue −, red +", width=width).next_to(self.tiles, DOWN, buff=look.NEAR)
        super().__init__(self.tiles, self.name_label, self.words)
