"""Many channels as a stack of representative maps, which says how many of them it shows."""

from collections.abc import Sequence

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Group
from numpy.typing import NDArray

from fmcore.analysis.channels import is_flat
from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.feature_map import border, caption
from scenes.parts.picture import ArraySource, Picture
from scenes.parts.text import label, shape_text


class ChannelStack(Group):
    """Representative `channels` of an activation (C, H, W), each a little behind the other.

    The first of `channels` lies in front. Above stands the layer's name, below its H × W × C and how
    many of its channels are shown; `brief` is for narrow columns.
    """

    def __init__(
        self,
        activation: NDArray[np.floating],
        channels: Sequence[int],
        scale: ColourScale,
        height: float,
        name: str,
        source: tuple[str, tuple[int, ...]] | None = None,
        step: float = 0.16,
        brief: bool = False,
    ) -> None:
        count, rows, columns = activation.shape
        self.sheets = Group()
        for depth, channel in reversed(list(enumerate(channels))):
            where = ArraySource(source[0], (*source[1], channel)) if source else None
            picture = Picture(activation[channel], scale, height, where)
            sheet = Group(picture, border(picture)).shift(depth * step * (RIGHT + UP))
            self.sheets.add(sheet)
        flats = sum(is_flat(activation[channel]) for channel in channels)
        self.name_label = caption(name, self.sheets.width, look.LABEL).next_to(self.sheets, UP, buff=look.NEAR)
        self.shape_label = label(shape_text(rows, columns, count), look.SMALL, look.TEXT)
        self.count_label = label(_how_many(len(channels), count, flats, brief), look.SMALL, look.MUTED)
        self.shape_label.next_to(self.sheets, DOWN, buff=look.NEAR)
        self.count_label.next_to(self.shape_label, DOWN, buff=look.LEADING)
        super().__init__(self.sheets, self.name_label, self.shape_label, self.count_label)

    @property
    def front(self) -> Picture:
        picture: Picture = self.sheets[-1][0]
        return picture

    def edge(self, direction: np.ndarray) -> np.ndarray:
        """Where an arrow leaves to the right of the whole stack, or arrives at the left of its front sheet."""
        front = self.sheets[-1]
        if np.array_equal(direction, LEFT):
            return np.array(front.get_left())
        return np.array([self.sheets.get_right()[0], front.get_y(), 0.0])


def _how_many(shown: int, count: int, flats: int, brief: bool) -> str:
    """Such as "3 of 16 channels"; says so where `flats` of those that are shown are flat."""
    if flats:
        flat = "flat" if flats == shown else f"{flats} flat"
        return f"{shown} of {count} · {flat}"
    if count == 1:
        return "1 channel"
    if shown == count:
        return f"all {count} channels"
    return f"{shown} of {count} shown" if brief else f"{shown} of {count} channels"
