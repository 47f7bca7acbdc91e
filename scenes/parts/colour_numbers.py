"""An image in colours as the numbers that it is: of one place as many a colour as can be read."""

from functools import partial
from typing import Self

import numpy as np
from manim import DOWN, RIGHT, Group, VGroup
from numpy.typing import NDArray

from fmcore.colour import GREY, ColourScale
from scenes import look
from scenes.parts.closeup import span
from scenes.parts.feature_map import border
from scenes.parts.filter_picture import COLOURS
from scenes.parts.fitting import fit
from scenes.parts.kernel import NumberGrid
from scenes.parts.marks import values_frame
from scenes.parts.picture import UNIT, ArraySource, Picture
from scenes.parts.text import label, lines

_PARTS = ColourScale(0.0, 1.0, table_name=GREY)


class ColourNumbers(Group):
    """A column each for red, green and blue: its name, its `side` × `side` values around (row, column), `size` units.

    `mark` is the frame around them on the image's `picture`. With the `probe` that this shows, the whole of each colour
    stands above its numbers as a picture of its own. `colours`, `grids` and `words` can enter one after the other.
    """

    def __init__(
        self, picture: Picture, row: int, column: int, size: float, side: int = 3, probe: int | None = None
    ) -> None:
        image: NDArray[np.floating] = picture.values  # (3, H, W)
        rows, columns = image.shape[1:]
        top, left = (max(0, min(at - side // 2, most - side)) for at, most in ((row, rows), (column, columns)))
        patch = image[:, top : top + side, left : left + side]
        here = (top, left, top + patch.shape[1], left + patch.shape[2])
        self.mark = values_frame(picture, *here)
        self.colours, self.grids, columns_of = Group(), VGroup(), Group()
        for number, name in enumerate(COLOURS):
            over = Group(label(name, look.SMALL))
            if probe is not None:
                height = size * rows / max(rows, columns)
                whole = Picture(image[number], _PARTS, height, ArraySource("probes", (probe, number)))
                over.add(Group(whole, border(whole), values_frame(whole, *here)))
            self.colours.add(over.arrange(DOWN, buff=look.NEAR))
            self.grids.add(NumberGrid(patch[number], UNIT, size / side))
            columns_of.add(Group(over, self.grids[-1]).arrange(DOWN, buff=look.NEAR))
        columns_of.arrange(RIGHT, buff=look.GAP)
        places = [span("row", top, patch.shape[1]), span("column", left, patch.shape[2])]
        self.words = lines(*([", ".join(places)] if look.shape() == "wide" else places))
        self.words.next_to(columns_of, DOWN, buff=look.NEAR)
        super().__init__(self.colours, self.grids, self.words)

    @property
    def readable(self) -> bool:
        """Whether the numbers of every colour are written."""
        return all(grid.readable for grid in self.grids)

    @classmethod
    def within(cls, picture: Picture, row: int, column: int, region: look.Region, probe: int | None = None) -> Self:
        """As many values as can be read within `region`: 3 × 3 a colour, or fewer where there is little room."""
        for side in (3, 2, 1):
            found = fit(partial(cls, picture, row, column, side=side, probe=probe), region, most=0.8 * side)
            if found.readable:
                break
        return found
