"""Feature maps and images with what belongs to them: a border, a shape label, a colour scale."""

from typing import Literal

import numpy as np
from manim import DOWN, UP, Group, Rectangle, VGroup, VMobject
from numpy.typing import NDArray

from fmcore.analysis.channels import is_flat
from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.picture import UNIT, ArraySource, Picture, Source
from scenes.parts.text import label, paragraph, shape_text

SaysFlat = Literal["beside", "below", "not"]  # where a flat map says so, seen from its shape
Lines = Literal["fit", "one", "two"]
_LONG = 12  # characters of a shape
_OVERHUNG = 0.105  # units by text size: about 18 characters


def border(picture: Picture) -> Rectangle:
    """A thin line around `picture`."""
    frame = Rectangle(width=picture.width, height=picture.height, stroke_width=look.STROKE, color=look.LINE)
    return frame.move_to(picture)


def caption(name: str, width: float, size: float | None = None) -> VGroup:
    """`name` in one line or two, for above a thing `width` wide; a narrow thing may be overhung a little."""
    size = size or look.SMALL
    most = max(width, _OVERHUNG * size)
    return paragraph(name, size, width=most, most=2).arrange(DOWN, buff=look.LEADING)


class FeatureMap(Group):
    """One feature map (H, W) in its colours, with its shape below and its name above.

    There is none without a scale, and the shape is always written, in so many `lines`, see `shape_label`. A flat map
    says so beside its shape, or below it where maps stand close in a row, or not at all while a lesson has not worked
    out its values.
    """

    def __init__(
        self,
        values: NDArray[np.floating],
        scale: ColourScale,
        height: float,
        name: str = "",
        source: Source | None = None,
        *,
        says_flat: SaysFlat = "beside",
        lines: Lines = "fit",
    ) -> None:
        self.picture = Picture(values, scale, height, source)
        self.border = border(self.picture)
        self.shape_label = shape_label(*values.shape, 1, says_flat if is_flat(values) else "not", lines)
        super().__init__(self.picture, self.border, self.shape_label)
        self.shape_label.next_to(self.border, DOWN, buff=look.NEAR)
        if name:
            self.name_label = caption(name, self.picture.width).next_to(self.border, UP, buff=look.NEAR)
            self.add(self.name_label)


def shape_label(rows: int, columns: int, channels: int, says_flat: SaysFlat = "not", lines: Lines = "fit") -> VMobject:
    """The shape in one line or two; to "fit", in two where an upright frame has no room for so long a one."""
    shape = shape_text(rows, columns, channels)
    size, _, depth = shape.rpartition(" × ")
    parted = lines == "two" or (lines == "fit" and look.shape() == "tall" and len(shape) > _LONG)
    texts = [size, f"× {depth}"] if parted else [shape]
    if says_flat == "beside":
        texts[-1] += " · flat"
    texts += ["flat"] * (says_flat == "below")
    labels = [label(text, look.SMALL, look.MUTED) for text in texts]
    return labels[0] if len(labels) == 1 else VGroup(*labels).arrange(DOWN, look.LEADING)


class InputImage(Group):
    """The image (C, H, W) that the network sees, grey or RGB, with its shape below and its name above.

    `probe` is its number in the bundle, or in the `other` one; with it, the image enters the ledger.
    """

    def __init__(
        self,
        image: NDArray[np.floating],
        height: float,
        name: str = "input image",
        probe: int | None = None,
        other: bool = False,
        lines: Lines = "fit",
    ) -> None:
        channels, rows, columns = image.shape
        values = image if channels == 3 else image[0]
        index = (probe,) if channels == 3 else (probe, 0)
        source = None if probe is None else ArraySource("probes", index, other)
        self.picture = Picture(values, UNIT, height, source)
        self.border = border(self.picture)
        self.shape_label = shape_label(rows, columns, channels, lines=lines)
        self.name_label = caption(name, self.picture.width)
        super().__init__(self.picture, self.border, self.shape_label, self.name_label)
        self.shape_label.next_to(self.border, DOWN, buff=look.NEAR)
        self.name_label.next_to(self.border, UP, buff=look.NEAR)
