"""Maps of two networks side by side, on scales that can be compared: several pairs in a table, or few maps large."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from manim import DOWN, RIGHT, Animation, Group, Mobject, VGroup
from numpy.typing import NDArray

from fmcore.analysis.compare import Pair
from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.colour_bar import ColourBar
from scenes.parts.side import Side
from scenes.parts.text import label

_FAINT = 0.2  # of the other network's reach: what reaches less is all but black on a common scale
_BETWEEN = 0.28  # units, between columns
_BAR = 1.7  # width of a colour bar with its numbers and the gap before it


@dataclass(frozen=True)
class Scales:
    """The colour scales of the maps of two networks: one for both, unless one's would then be too dark to be seen."""

    one: ColourScale
    other: ColourScale

    @classmethod
    def of(cls, ones: Sequence[NDArray[np.floating]], others: Sequence[NDArray[np.floating]]) -> Self:
        """For maps (H, W) of the first network and of the second, whatever their sizes."""
        flat = [np.concatenate([values.ravel() for values in maps]) for maps in (ones, others)]
        reaches = sorted(float(np.abs(values).max()) for values in flat)
        if 0 < reaches[0] < _FAINT * reaches[1]:
            return cls(*(ColourScale.of(values, "shared") for values in flat))
        scale = ColourScale.of(np.concatenate(flat), "shared")
        return cls(scale, scale)

    def note(self, maps: Mobject, bar: float | None) -> Group:
        """What says which maps share a scale: a bar `bar` high beside them, or words below."""
        if bar is not None and self.one == self.other:
            note = Group(ColourBar(self.one, bar))
            Group(maps, note).arrange(RIGHT, buff=0.4)
            return note
        words = "all on one colour scale" if self.one == self.other else "each network on its own scale"
        note = Group(label(words, look.SMALL, look.MUTED))
        Group(maps, note).arrange(DOWN, buff=0.2)
        return note


class MatchedMaps(Group):
    """`pairs` as columns: the map of the first network above, its partner's below, their correlation at the bottom.

    `words` say the correlations; every map is `height` high.
    """

    def __init__(self, sides: tuple[Side, Side], pairs: Sequence[Pair], words: Sequence[str], height: float) -> None:
        one, other = sides
        scales = Scales.of([one.view.map(pair.one) for pair in pairs], [other.view.map(pair.other) for pair in pairs])
        self.pairs = pairs
        self.above = Group(*(one.tile(pair.one, scales.one, height) for pair in pairs))
        self.below = Group(*(other.tile(pair.other, scales.other, height) for pair in pairs))
        self.words = VGroup(label(word, look.SMALL, look.TEXT) for word in words)
        table = Group(*self.above, *self.below, *self.words)
        table.arrange_in_grid(rows=3, cols=len(pairs), buff=(_BETWEEN, 0.1))
        self.note = scales.note(table, None if look.shape() == "tall" else 1.3 * height)
        super().__init__(self.above, self.below, self.words, self.note)

    @staticmethod
    def columns_within(sides: tuple[Side, Side], region: look.Region, most: int) -> int:
        """How many pairs, up to `most`, have room in `region`, whatever the numbers of their channels."""
        names = [f"{side.letter}, channel {side.view.channels}" for side in sides]
        column = max(label(name, look.SMALL).width for name in names) + _BETWEEN
        free = region.width + _BETWEEN - (0 if look.shape() == "tall" else _BAR)
        return max(1, min(most, int(free / column)))

    def shuffle(self) -> list[Animation]:
        """Put the lower maps in the order of their channel numbers; the animations bring them to their partners."""
        homes = [tile.picture.get_center() for tile in self.below]
        order = sorted(range(len(homes)), key=lambda k: self.pairs[k].other)
        for place, k in enumerate(order):
            self.below[k].shift(homes[place] - homes[k])
        moved = [(self.below[k], homes[k] - homes[place]) for place, k in enumerate(order)]
        return [tile.animate(path_arc=1.2).shift(way) for tile, way in moved if np.abs(way).max() > 1e-6]


class MapPair(Group):
    """The map of one channel beside that of another network's channel, both `height` high."""

    def __init__(self, sides: tuple[Side, Side], pair: Pair, height: float) -> None:
        scales = Scales.of([sides[0].view.map(pair.one)], [sides[1].view.map(pair.other)])
        self.one = sides[0].tile(pair.one, scales.one, height)
        self.two = sides[1].tile(pair.other, scales.other, height)
        tall = look.shape() == "tall"
        maps = Group(self.one, self.two).arrange(RIGHT, buff=look.GAP if tall else 0.5)
        self.note = scales.note(maps, None if tall else 0.8 * height)
        super().__init__(self.one, self.two, self.note)


class Found(Group):
    """What both networks found and what only the first did: a pair and a lone channel on one scale, with headings.

    Where no channel stands alone, `lone` is None; `heading` is that of the pair.
    """

    def __init__(self, sides: tuple[Side, Side], pair: Pair, lone: int | None, heading: str, height: float) -> None:
        ones = [sides[0].view.map(channel) for channel in (pair.one, *(() if lone is None else (lone,)))]
        scales = Scales.of(ones, [sides[1].view.map(pair.other)])
        tall = look.shape() == "tall"
        tiles = Group(sides[0].tile(pair.one, scales.one, height), sides[1].tile(pair.other, scales.other, height))
        self.both = _headed(heading, tiles.arrange(RIGHT, buff=0.3))
        self.alone = Group()
        if lone is not None:
            self.alone = _headed(f"found by {sides[0].letter} alone", Group(sides[0].tile(lone, scales.one, height)))
        parts = Group(self.both, self.alone) if lone is not None else Group(self.both)
        parts.arrange(DOWN if tall else RIGHT, buff=0.2 if tall else 0.6)
        self.note = scales.note(parts, 0.8 * height if look.shape() == "wide" else None)
        super().__init__(self.both, self.alone, self.note)

    @property
    def pictures(self) -> list[Mobject]:
        return [tile.picture for tile in self.both[1]]


def _headed(text: str, tiles: Group) -> Group:
    return Group(label(text, look.LABEL, look.TEXT, bold=True), tiles).arrange(DOWN, buff=0.12)
