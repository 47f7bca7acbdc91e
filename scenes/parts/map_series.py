"""The same feature map at several times, on one scale, with the image and the colour bar."""

from collections.abc import Sequence

import numpy as np
from manim import DOWN, RIGHT, UP, Group, VGroup
from numpy.typing import NDArray

from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.colour_bar import ColourBar
from scenes.parts.feature_map import FeatureMap, InputImage
from scenes.parts.fitting import fit
from scenes.parts.picture import ArraySource
from scenes.parts.text import label


class MapSeries(Group):
    """`maps` (H, W) beside the `image` (C, H, W) of `probe` that they are of, each under its name; fills the body.

    A name is a few short lines.
    """

    def __init__(
        self,
        image: NDArray[np.floating],
        probe: int,
        maps: Sequence[NDArray[np.floating]],
        names: Sequence[Sequence[str]],
        sources: Sequence[ArraySource],
    ) -> None:
        scale = ColourScale.of(np.stack(maps), "shared" if len(maps) > 1 else "per_map")
        wide = look.shape() == "wide"
        if wide:
            image_room, maps_room, bar_room = look.body().columns(3, 7.4, 1.5)
        else:
            maps_room, side = look.body().columns(1.35, 1.0)  # an image's shape is wider than it
            image_room, bar_room = side.rows(1.0, 1.3)

        def arranged(size: float) -> Group:
            found = Group()
            for one, words, source in zip(maps, names, sources, strict=True):
                below = FeatureMap(one, scale, size, source=source)
                name = VGroup(label(word, look.SMALL) for word in words).arrange(DOWN, buff=look.LEADING)
                found.add(Group(below, name.next_to(below.border, UP, buff=look.NEAR)))
            return found.arrange(RIGHT if wide else DOWN, buff=2 * look.GAP if wide else look.GAP)

        self.image = fit(lambda size: InputImage(image, size, probe=probe), image_room, most=2.8)
        self.maps = fit(arranged, maps_room, most=3.2)
        self.bar = fit(lambda size: ColourBar(scale, size), bar_room, most=2.4)
        super().__init__(self.image, self.maps, self.bar)
