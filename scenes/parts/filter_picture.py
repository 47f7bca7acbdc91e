"""One slice of a filter as a picture, and the choice of the slice where a filter has many."""

import numpy as np
from manim import Group
from numpy.typing import NDArray

from fmcore.colour import ColourScale
from scenes.parts.feature_map import border
from scenes.parts.picture import Picture, Source

COLOURS = ("red", "green", "blue")


class FilterPicture(Group):
    """Slice (kH, kW) of a filter in its colours, its longer side `size`, with a border."""

    def __init__(
        self, values: NDArray[np.floating], scale: ColourScale, size: float, source: Source | None = None
    ) -> None:
        rows, columns = values.shape
        self.picture = Picture(values, scale, size * rows / max(rows, columns), source)
        self.border = border(self.picture)
        super().__init__(self.picture, self.border)


def slice_that_moved(history: NDArray[np.floating]) -> int:
    """The slice of `history` (E + 1, C_out, C_in, kH, kW) that changed most from first to last, over all filters."""
    change = (history[-1].astype(np.float64) - history[0]) ** 2  # (C_out, C_in, kH, kW)
    return int(change.sum((0, 2, 3)).argmax())


def slice_name(number: int, count: int, of_image: bool) -> str:
    """Which slice is shown, such as "green slice" or "slice 7 of 16"; nothing where there is only one."""
    if count == 1:
        return ""
    return f"{COLOURS[number]} slice" if of_image and count == 3 else f"slice {number + 1} of {count}"
