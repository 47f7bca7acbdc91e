"""Several feature maps of a layer on one scale, with room for notes and their colour scale below."""

from collections.abc import Sequence

import numpy as np
from manim import Group, VGroup
from numpy.typing import NDArray

from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.noted_map import NotedMap
from scenes.parts.picture import ArraySource
from scenes.parts.scale_strip import ScaleStrip, own_scales
from scenes.parts.text import label, shape_text

# by shape of the frame: how many side by side, and the gap between them
_GRIDS = {"wide": (4, 0.3), "square": (2, 0.35), "tall": (1, 0.2)}


class MapBoard(Group):
    """`channels` of an activation (C, H, W), `size` high each, on `scale`: in one row in a wide frame, texts below.

    Without a scale each has its own, which is said in the place of the colour scale.

    In other frames the texts stand beside the maps, and all of it is `width` wide, or wider where the maps leave too
    little of that for their shapes. `source` is the name of the array and the index of the probe.
    """

    def __init__(
        self,
        activation: NDArray[np.floating],
        channels: Sequence[int],
        scale: ColourScale | None,
        size: float,
        width: float,
        source: tuple[str, int],
    ) -> None:
        rows, columns = activation.shape[1:]
        across, gap = _GRIDS[look.shape()]
        shape = label(shape_text(rows, columns, 1), look.SMALL)
        beside = max(shape.width, (width - gap * (across - 1)) / across - size * columns / rows - 0.25)
        text_width = 0.0 if look.shape() == "wide" else beside
        array, probe = source
        self.maps = Group(
            *(
                NotedMap(
                    activation[channel],
                    scale or ColourScale.of(activation[channel]),
                    size,
                    channel,
                    ArraySource(array, (probe, channel)),
                    text_width,
                )
                for channel in channels
            )
        ).arrange_in_grid(cols=min(across, len(channels)), buff=(gap, 0.15))
        self.strip: Group | VGroup = own_scales(self.maps, len(activation))
        if scale is not None:
            self.strip = ScaleStrip.below(self.maps, scale, len(activation))
        super().__init__(self.maps, self.strip)
