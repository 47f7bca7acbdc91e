"""The likeness of the layers of two networks as a table: one row a layer of the first, one column one of the second."""

import numpy as np
from manim import DOWN, RIGHT, Group, Square, VGroup
from numpy.typing import NDArray

from fmcore.analysis.rounding import rounded_likeness
from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.colour_bar import ColourBar
from scenes.parts.named_grid import NamedGrid
from scenes.parts.text import lines, number

_NAMES = {"wide": 3.4, "square": 2.2, "tall": 1.0}  # units that names of rows may take up
_RIM = 2.5  # strokes: the width of a frame's bright line


class LikenessTable(Group):
    """`likeness` (L1, L2), 0..1, of the layers called `names`, in cells `cell` wide, with what its numbers mean.

    Of more than `most` layers, that many are shown, spread over the depth, first and last included; `heads` say whose
    they are. In a tall frame, which has no room for a colour bar, words stand below.
    """

    def __init__(
        self,
        likeness: NDArray[np.floating],
        names: tuple[tuple[str, ...], tuple[str, ...]],
        heads: tuple[str, str],
        cell: float,
        most: int,
    ) -> None:
        kept = [_spread(len(own), most) for own in names]
        rows, columns = ([own[k] for k in ks] for own, ks in zip(names, kept, strict=True))
        tall, wide = look.shape() == "tall", look.shape() == "wide"
        cuts = [
            "" if len(ks) == len(own) else f"{len(ks)} of {len(own)} layers"
            for own, ks in zip(names, kept, strict=True)
        ]
        told = (
            heads
            if not wide
            else tuple(f"{head}, {cut}" if cut else head for head, cut in zip(heads, cuts, strict=True))
        )
        values, scale = rounded_likeness(likeness[np.ix_(*kept)]), ColourScale(0.0, 1.0, "shared")
        table = NamedGrid(values, rows, columns, (told[0], told[1]), scale, cell, name_width=_NAMES[look.shape()])
        self.squares, self._width = table.grid, len(columns)
        below = [f"{head.partition(':')[0]}: {cut}" for head, cut in zip(heads, cuts, strict=True) if cut]
        note = lines("1 is alike, 0 is not", *below) if tall else ColourBar(scale, 2.2, "CKA")
        self.ends = [note[0]] if isinstance(note, VGroup) else note.ends  # what says how 1 and 0 look
        shown = Group(table) if wide or tall or not below else Group(table, lines(*below)).arrange(DOWN, buff=look.GAP)
        super().__init__(shown, note)
        self.arrange(DOWN if tall else RIGHT, buff=look.GAP if tall else 0.6)

    @property
    def corners(self) -> tuple[Square, Square]:
        """The cells of the first layers and of the last ones."""
        last = len(self.squares.squares) // self._width - 1
        return self.squares.cell_at(0, 0, self._width), self.squares.cell_at(last, self._width - 1, self._width)


def cell_frame(cell: Square) -> VGroup:
    """A frame inside `cell` that stands out from all colours of the table: a bright line between two dark ones."""
    inner = cell.width - _RIM * look.STROKE / 100
    rims = ((2 * _RIM, look.INK), (_RIM, look.MARK))
    frames = (Square(inner, stroke_width=width * look.STROKE, stroke_color=color) for width, color in rims)
    return VGroup(*frames).move_to(cell)


def score(value: float) -> str:
    """A likeness with two decimals; what is not the same is not said to be."""
    return number(float(rounded_likeness(value)))


def _spread(count: int, most: int) -> NDArray[np.integer]:
    """Up to `most` of `count` numbers from 0, as even as whole numbers allow, first and last included."""
    picks: NDArray[np.integer] = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
    return picks
