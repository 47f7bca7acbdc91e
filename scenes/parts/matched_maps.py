"""Maps of two networks side by side, on scales that can be compared: several pairs in a table, or few maps large."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from manim import DOWN, RIGHT, UP, Animation, FadeIn, FadeOut, Group, Mobject, ReplacementTransform, VGroup
from numpy.typing import NDArray

from fmcore.analysis.compare import Pair
from fmcore.analysis.flattering import some_dim
from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.colour_bar import ColourBar
from scenes.parts.side import Side
from scenes.parts.text import label, narrow

_FAINT = 0.2  # of the other network's reach: what reaches less is all but black on a common scale
_BETWEEN = 0.28  # units, between columns
_RISE, _ARC = 0.3, 1.2  # units by which a map comes or goes; the bend of its way to another place
_NOTES = {"wide": 2.4, "square": 1.35}  # widths of a note in the place of a bar
_BARS = {"wide": 2.7, "square": 1.7, "tall": 0.0}  # widths of that, or of a bar and its numbers, and the gap before it


@dataclass(frozen=True)
class Scales:
    """The colour scales of the maps of two networks: one for both, unless one's would then be too dark to be seen.

    None where each map has its own.
    """

    one: ColourScale | None
    other: ColourScale | None

    @classmethod
    def of(
        cls, ones: Sequence[NDArray[np.floating]], others: Sequence[NDArray[np.floating]], clear: bool = False
    ) -> Self:
        """For maps (H, W) of the first network and of the second, whatever their sizes.

        Where all shall be `clear` and one of them would be dim on a common scale, each has its own.
        """
        if clear and some_dim([*ones, *others]):
            return cls(None, None)
        flat = [np.concatenate([values.ravel() for values in maps]) for maps in (ones, others)]
        reaches = sorted(float(np.abs(values).max()) for values in flat)
        if 0 < reaches[0] < _FAINT * reaches[1]:
            return cls(*(ColourScale.of(values, "shared") for values in flat))
        scale = ColourScale.of(np.concatenate(flat), "shared")
        return cls(scale, scale)

    def note(self, maps: Mobject, bar: float | None) -> Group:
        """What says which maps share a scale: a bar `bar` high beside them, or words, below where there is none."""
        if self.one is None:  # a correlation does not change with the scale of a map
            words = "each map on its own scale: r compares where, not how much"
            told = narrow(words, maps.width) if bar is None else narrow(words, _NOTES[look.shape()])
            note = Group(told)
            Group(maps, note).arrange(DOWN if bar is None else RIGHT, buff=0.2 if bar is None else 0.3)
            return note
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

    `words` say the correlations; every map is `height` high. Before they are matched, `equal` numbers share a column.
    """

    def __init__(self, sides: tuple[Side, Side], pairs: Sequence[Pair], words: Sequence[str], height: float) -> None:
        one, other = sides
        partners, numbers = [pair.other for pair in pairs], [pair.one for pair in pairs]
        known = [number for number in numbers if number < other.view.channels]
        below = [other.view.map(channel) for channel in dict.fromkeys([*partners, *known])]
        scales = Scales.of([one.view.map(number) for number in numbers], below, clear=True)
        self.pairs = pairs
        self.above = Group(*(one.tile(number, scales.one, height) for number in numbers))
        self.below = Group(*(other.tile(partner, scales.other, height) for partner in partners))
        self.words = VGroup(label(word, look.SMALL, look.TEXT) for word in words)
        table = Group(*self.above, *self.below, *self.words)
        table.arrange_in_grid(rows=3, cols=len(pairs), buff=(_BETWEEN, 0.1))
        self.note = scales.note(table, None if look.shape() == "tall" else 1.3 * height)
        self._equal = {number: other.tile(number, scales.other, height) for number in known}
        super().__init__(self.above, self.below, self.words, self.note)

    def equal(self) -> Group:
        """What stands below the upper maps while equal numbers share a column: maps of the second network, or words."""
        homes = {pair.one: home.picture.get_center() for pair, home in zip(self.pairs, self.below, strict=True)}
        shown = Group()
        for number, home in homes.items():
            if number in self._equal:
                tile = self._equal[number]
                shown.add(tile.shift(home - tile.picture.get_center()))
            else:
                shown.add(narrow(f"no channel {number + 1}", self.below[0].picture.width).move_to(home))
        return shown

    def matching(self, equal: Group) -> tuple[list[Animation], list[Animation], list[Animation]]:
        """Those of `equal` numbers give way to the partners: some leave, then some move there, then others come."""
        at = {pair.one: tile for pair, tile in zip(self.pairs, equal, strict=True)}
        stays = {pair.other for pair in self.pairs} & self._equal.keys()
        move: list[Animation] = []
        come: list[Animation] = []
        leave: list[Animation] = [
            FadeOut(tile, shift=_RISE * DOWN) for number, tile in at.items() if number not in stays
        ]
        for pair, home in zip(self.pairs, self.below, strict=True):
            if pair.other not in stays:
                come.append(FadeIn(home, shift=_RISE * UP))
            else:
                arc = 0.0 if pair.one == pair.other else _ARC
                move.append(ReplacementTransform(at[pair.other], home, path_arc=arc))
        return leave, move, come

    @staticmethod
    def columns_within(sides: tuple[Side, Side], region: look.Region, most: int) -> int:
        """How many pairs, up to `most`, have room in `region`, whatever the numbers of their channels."""
        names = [f"{side.letter}, channel {side.view.channels}" for side in sides]
        column = max(label(name, look.SMALL).width for name in names) + _BETWEEN
        free = region.width + _BETWEEN - _BARS[look.shape()]
        return max(1, min(most, int(free / column)))


class MapPair(Group):
    """The map of one channel beside that of another network's channel, both `height` high, each on its own scale."""

    def __init__(self, sides: tuple[Side, Side], pair: Pair, height: float) -> None:
        scales = Scales(None, None)
        self.one = sides[0].tile(pair.one, scales.one, height)
        self.two = sides[1].tile(pair.other, scales.other, height)
        tall = look.shape() == "tall"
        maps = Group(self.one, self.two).arrange(RIGHT, buff=look.GAP if tall else 0.5)
        self.note = scales.note(maps, None if tall else 0.8 * height)
        super().__init__(self.one, self.two, self.note)


class Found(Group):
    """What both networks found and what only the first did: a pair and a lone channel, with headings.

    Where no channel stands alone, `lone` is None; `heading` is that of the pair.
    """

    def __init__(self, sides: tuple[Side, Side], pair: Pair, lone: int | None, heading: str, height: float) -> None:
        scales = Scales(None, None)
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
