"""A feature map laid over its image: every value over the pixels that it stands for, the image in grey behind."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Animation, Group, Rectangle
from numpy.typing import NDArray

from fmcore.analysis.channels import Spot
from fmcore.analysis.classical import LUMINANCE
from fmcore.analysis.enlarging import enlarged
from fmcore.colour import ColourScale
from fmcore.header import ReceptiveField
from scenes import look
from scenes.parts.feature_map import FeatureMap, border, caption
from scenes.parts.marks import values_frame
from scenes.parts.picture import UNIT, ArraySource, Drawn, Picture
from scenes.parts.text import label

_MOST = 0.9  # of the map's colour where the response is strongest: a little of the image always shines through
_DIM = 0.55  # of the image's brightness, so that the brightest thing is a response


def grey(image: NDArray[np.floating]) -> NDArray[np.float64]:
    """The brightness (H, W) of `image` (C, H, W): its luminance where it is RGB, else its first channel."""
    light = np.tensordot(LUMINANCE, image, 1) if len(image) == 3 else image[0]
    return np.asarray(light, np.float64)


def blended(light: NDArray[np.floating], values: NDArray[np.floating], scale: ColourScale) -> NDArray[np.float64]:
    """`values` (H, W) in the colours of `scale` over an image of brightness `light` (H, W): RGB (3, H, W) in 0..1.

    A value covers the image by as much as it is strong; zero, and NaN, leave the image as it is, only dimmer.
    """
    reach = max(abs(scale.low), abs(scale.high))
    known = np.nan_to_num(values)
    share = _MOST * np.clip(np.abs(known) / reach, 0, 1) if reach else np.zeros_like(known)
    colours = scale.colours(known).transpose(2, 0, 1) / 255
    mixed: NDArray[np.float64] = share * colours + (1 - share) * _DIM * np.clip(light, 0, 1)
    return mixed


class Overlay(Group):
    """Map (h, w) of a layer of `field` over its image (C, H, W), `height` units high, its name above.

    The picture is a blend, so it stands for no array; the map itself belongs beside it. Where `alone` is true, its
    size in pixels, that of the image, is written below.
    """

    def __init__(
        self,
        image: NDArray[np.floating],
        values: NDArray[np.floating],
        field: ReceptiveField,
        scale: ColourScale,
        height: float,
        name: str = "",
        alone: bool = False,
    ) -> None:
        self.field, self.places = field, values.shape
        pixels = enlarged(values, field, (image.shape[1], image.shape[2]))
        self.picture = Picture(blended(grey(image), pixels, scale), UNIT, height, Drawn("an overlay"))
        self.border = border(self.picture)
        super().__init__(self.picture, self.border)
        if name:
            self.add(caption(name, self.picture.width).next_to(self.border, UP, buff=look.NEAR))
        if alone:
            rows, columns = pixels.shape
            below = label(f"{rows} × {columns} pixels", look.SMALL, look.MUTED)
            self.add(below.next_to(self.border, DOWN, buff=look.NEAR))

    def places_frame(self, top: int, left: int, bottom: int, right: int) -> Rectangle:
        """A frame around the pixels that the places in rows [top, bottom) and columns [left, right) stand for."""
        edges = []
        for axis, (first, past) in enumerate(((top, bottom), (left, right))):
            start, jump = self.field.start[axis], self.field.jump[axis]
            most = self.picture.grid[axis]
            low, high = start + (first - 0.5) * jump, start + (past - 0.5) * jump
            edges.append((min(max(low, 0), most - 1), max(min(high, most), 1)))
        (above, below), (before, behind) = edges
        return values_frame(self.picture, above, before, below, behind)


class OverlaidMap(Group):
    """An overlay, `height` units high, with its map as large on its left or, where there is little width, below it.

    There the map is drawn smaller. Its shape is written below it, the name of both above.
    """

    def __init__(
        self,
        image: NDArray[np.floating],
        values: NDArray[np.floating],
        field: ReceptiveField,
        scale: ColourScale,
        height: float,
        name: str,
        source: ArraySource,
        beside: bool,
    ) -> None:
        super().__init__()
        self.overlay = Overlay(image, values, field, scale, height)
        picture = self.overlay.picture
        share = 1.0 if beside else 0.7
        self.map = FeatureMap(values, scale, share * height, source=source)
        if (widest := share * picture.width) < self.map.picture.width:  # a map of another proportion than its image
            self.map = FeatureMap(values, scale, share * height * widest / self.map.picture.width, source=source)
        if beside:
            corner = self.overlay.border.get_corner(DOWN + LEFT) + look.NEAR * LEFT
            self.map.shift(corner - self.map.border.get_corner(DOWN + RIGHT))
            told = label("overlay", look.SMALL, look.MUTED, width=picture.width)
            self.add(told.match_x(picture).match_y(self.map.shape_label))
        else:
            self.map.next_to(self.overlay.border, DOWN, buff=0.12)
        self.add(self.overlay, self.map)
        name_label = caption(name, self.width if beside else picture.width)
        self.add(name_label.next_to(self.overlay.border, UP, buff=look.NEAR))
        if beside:
            name_label.set_x(self.get_x())


def around(spot: Spot, grid: tuple[int, int]) -> tuple[int, int, int, int]:
    """Top, left, bottom and right of `spot` on a map of `grid`, with as many neighbours as it takes to be seen."""
    more = max(grid) // 16
    top, left = max(spot.row - more, 0), max(spot.column - more, 0)
    return top, left, min(spot.row + more + 1, grid[0]), min(spot.column + more + 1, grid[1])


def lie_on(picture: Picture, target: Picture) -> Animation:
    """Let `picture` move onto `target` and take its size."""
    moved = picture.animate.stretch_to_fit_height(target.height).stretch_to_fit_width(target.width)
    animation: Animation = moved.move_to(target).build()
    return animation
