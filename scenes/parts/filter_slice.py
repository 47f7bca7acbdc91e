"""One slice of a filter as a picture: its weights by colour, with its size below and its name above."""

import numpy as np
from manim import DOWN, UP
from numpy.typing import NDArray

from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.filter_picture import FilterPicture
from scenes.parts.picture import Source
from scenes.parts.text import label, narrow

_NOTE = 2.1  # units that a line of the note may take below a small slice


class FilterSlice(FilterPicture):
    """Weights (kH, kW), blue below zero and red above, at most `size` units high and wide.

    `note` stands below the size, such as "slice 1 of 3".
    """

    def __init__(
        self,
        weights: NDArray[np.floating],
        size: float,
        name: str = "",
        note: str = "",
        source: Source | None = None,
    ) -> None:
        super().__init__(weights, ColourScale.signed(weights), size, source)
        rows, columns = weights.shape
        self.size_label = label(f"{rows} × {columns}", look.SMALL, look.MUTED)
        self.add(self.size_label.next_to(self.border, DOWN, buff=look.NEAR))
        if note:
            self.add(narrow(note, max(self.border.width, _NOTE)).next_to(self.size_label, DOWN, buff=look.LEADING))
        if name:
            self.add(label(name, look.SMALL).next_to(self.border, UP, buff=look.NEAR))
