"""One place of a convolution: patch × filter = products, as three blocks of squares."""

from dataclasses import dataclass

import numpy as np
from manim import DOWN, LEFT, RIGHT, Group
from numpy.typing import NDArray

from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.cells import Cells
from scenes.parts.picture import Drawn, Source
from scenes.parts.text import Label, label

Floats = NDArray[np.floating]

_NOTE_ROOM = 3.0  # units


@dataclass(frozen=True)
class Colours:
    """The scales of the three blocks; all places of a convolution share them."""

    patch: ColourScale
    weights: ColourScale
    products: ColourScale


class OnePlace(Group):
    """`patch` × `weights` = products, all (kH, kW), each block's longer side `side` units long.

    `names` stand above, a note below the weights; numbers are written at text size `digits`, if any. Patch and products
    of a `live` one can change from frame to frame. Blocks of squares lie in a row; blocks of flat cells, `flatness`
    times as high as wide, lie below each other, with the signs before their names.
    """

    def __init__(
        self,
        patch: Floats,
        weights: Floats,
        colours: Colours,
        side: float,
        names: tuple[str, str, str] = ("", "", ""),
        note: str = "",
        source: Source | None = None,
        digits: float | None = None,
        live: bool = False,
        flatness: float = 1.0,
    ) -> None:
        self.side, products = side, patch * weights
        self.patch = Cells(
            patch, colours.patch, side, names[0], "", Drawn("what a filter meets"), digits, live, flatness
        )
        room = _NOTE_ROOM if flatness == 1 else 0.0  # patch and products have no notes
        self.weights = Cells(weights, colours.weights, side, names[1], note, source, digits, False, flatness, room)
        self.products = Cells(
            products, colours.products, side, names[2], "", Drawn("products of numbers"), digits, live, flatness
        )
        self.times, self.equals = (label(sign, look.STATEMENT) for sign in "×=")
        super().__init__(self.patch, self.times, self.weights, self.equals, self.products)
        place = self._set_beside if flatness == 1 else self._set_below
        place(self.patch, self.times, self.weights)
        place(self.weights, self.equals, self.products)

    def _set_beside(self, before: Cells, sign: Label, after: Cells) -> None:
        """Put `after` to the right with the sign between, so far away that no names touch."""
        after.shift(before.block.get_center() - after.block.get_center())
        over = [
            max(0.0, cells.words[0].width - cells.block.width) / 2 if cells.words else 0.0 for cells in (before, after)
        ]
        is_low = before.block.height < sign.height  # so that the sign reaches up to the names
        gap = max(
            sign.width + (3 if look.shape() == "wide" else 1) * look.NEAR,
            sum(over) + 2 * look.NEAR + sign.width * is_low,
        )
        after.shift(RIGHT * ((before.block.width + after.block.width) / 2 + gap))
        sign.move_to(before.block.get_right() + RIGHT * (gap + (over[0] - over[1]) * is_low) / 2)

    def _set_below(self, before: Cells, sign: Label, after: Cells) -> None:
        """Put `after` below, with the sign before its name."""
        after.next_to(before, DOWN, buff=look.NEAR / 2).match_x(before)
        sign.next_to(after.words[0], LEFT, buff=look.NEAR)

    def lay_on(self, patch: Floats) -> None:
        """Lay the weights of a live one on another patch (kH, kW)."""
        self.patch.repaint(patch)
        self.products.repaint(patch * self.weights.values)

    @property
    def blocks(self) -> tuple[Cells, Cells, Cells]:
        return self.patch, self.weights, self.products
