"""One place of a convolution: patch × filter = products, as three blocks of squares."""

from dataclasses import dataclass

import numpy as np
from manim import RIGHT, Group
from numpy.typing import NDArray

from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.cells import Cells
from scenes.parts.picture import ArraySource
from scenes.parts.text import Label, label

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Colours:
    """The scales of the three blocks; all places of a convolution share them."""

    patch: ColourScale
    weights: ColourScale
    products: ColourScale


class OnePlace(Group):
    """`patch` × `weights` = products, all (kH, kW), each block's longer side `side` units long.

    `names` stand above, a note below the weights; numbers are written at text size `digits`, if any. Patch and products
    of a `live` one can change from frame to frame.
    """

    def __init__(
        self,
        patch: Floats,
        weights: Floats,
        colours: Colours,
        side: float,
        names: tuple[str, str, str] = ("", "", ""),
        note: str = "",
        source: ArraySource | None = None,
        digits: float | None = None,
        live: bool = False,
    ) -> None:
        self.side, products = side, patch * weights
        self.patch = Cells(patch, colours.patch, side, names[0], digits=digits, live=live)
        self.weights = Cells(weights, colours.weights, side, names[1], note, source, digits)
        self.products = Cells(products, colours.products, side, names[2], digits=digits, live=live)
        self.times, self.equals = (label(sign, look.STATEMENT) for sign in "×=")
        super().__init__(self.patch, self.times, self.weights, self.equals, self.products)
        self._set_beside(self.patch, self.times, self.weights)
        self._set_beside(self.weights, self.equals, self.products)

    def _set_beside(self, before: Cells, sign: Label, after: Cells) -> None:
        """Put `after` to the right with the sign between, so far away that no words touch."""
        after.shift(before.block.get_center() - after.block.get_center())
        words = before.get_right()[0] - before.block.get_right()[0] + after.block.get_left()[0] - after.get_left()[0]
        gap = max(sign.width + (3 if look.shape() == "wide" else 1) * look.NEAR, words + 2 * look.NEAR)
        after.shift(RIGHT * ((before.block.width + after.block.width) / 2 + gap))
        sign.move_to(before.block.get_right() + RIGHT * gap / 2)

    def lay_on(self, patch: Floats) -> None:
        """Lay the weights of a live one on another patch (kH, kW)."""
        self.patch.repaint(patch)
        self.products.repaint(patch * self.weights.values)

    @property
    def blocks(self) -> tuple[Cells, Cells, Cells]:
        return self.patch, self.weights, self.products
