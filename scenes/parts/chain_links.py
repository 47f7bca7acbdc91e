"""The arrows of a chain of boxes: straight to the next one, and by lanes between the rows to any other.

`Routes` are found before anything is drawn, because rows stand as far apart as their lanes ask for.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from manim import RIGHT, Arrow, Line, Mobject, VGroup

from scenes import look

_LANE = 0.12  # units between two lanes
_MOST = 3  # lanes above each other: of more, nobody could follow one
_PORT = 0.28  # of a box's width: how far from its middle a line leaves its top, where others come in


@dataclass(frozen=True)
class _Lane:
    """A line from box `source` along the gap above row `gap`, at height `level`, and down to the boxes `targets`."""

    source: int
    gap: int
    targets: tuple[int, ...]
    level: int = 0


@dataclass(frozen=True)
class Routes:
    """Ways from box to box for `edges`, pairs of the numbers of boxes that stand `across` in a row.

    Where there are too many of them, or one passes a whole row, only those to the next box remain.
    """

    across: int
    straight: tuple[tuple[int, int], ...]
    lanes: tuple[_Lane, ...]

    @classmethod
    def of(cls, edges: Collection[tuple[int, int]], across: int) -> Self:
        straight, targets = [], defaultdict(list)
        for source, target in sorted(edges):
            row, below = source // across, target // across
            if target == source + 1 and row == below:
                straight.append((source, target))
            else:
                targets[source, below].append(target)
        lanes = _levelled([_Lane(*key, tuple(ends)) for key, ends in targets.items()], across)
        too_far = any(lane.gap - lane.source // across > 1 for lane in lanes)
        if too_far or any(lane.level >= _MOST for lane in lanes):
            turns = [_Lane(s, t // across, (t,)) for s, t in edges if t == s + 1 and s // across < t // across]
            return cls(across, tuple(straight), tuple(turns))
        return cls(across, tuple(straight), tuple(lanes))

    @property
    def widening(self) -> float:
        """How much farther apart rows stand than for one lane each."""
        return _LANE * max((lane.level for lane in self.lanes), default=0)

    def drawn(self, places: Sequence[Mobject], base: float) -> VGroup:
        """An arrow of each route between `places`, rows of which stand `base` and the widening apart."""
        made = VGroup(_tipped(places[a].get_right(), places[b].get_left()) for a, b in self.straight)
        return made.add(*(self._lane(lane, places, base / 2) for lane in self.lanes))

    def _lane(self, lane: _Lane, places: Sequence[Mobject], lowest: float) -> VGroup:
        source, over = places[lane.source], lane.gap == lane.source // self.across
        start = source.get_top() + _PORT * source.width * RIGHT if over else source.get_bottom()
        height = places[lane.targets[0]].get_top()[1] + lowest + _LANE * lane.level
        drawn, turns = VGroup(), [start, np.array([start[0], height, 0.0])]
        for target in lane.targets:
            end = self._port(lane, target, places[target])
            corner = np.array([end[0], height, 0.0])
            lines = [*turns, corner]
            drawn.add(*(Line(*pair, stroke_width=3, color=look.MUTED) for pair in pairwise(lines)))
            drawn.add(_tipped(corner, end))
            turns = turns[-1:]  # the rest of the way is shared
        return drawn

    def _port(self, lane: _Lane, target: int, place: Mobject) -> np.ndarray:
        """Where an arrow comes in from above: each has its own place, left of the one where a line leaves."""
        coming = sorted((one for one in self.lanes if target in one.targets), key=lambda one: -one.level)
        leaving = any(one.source == target and one.gap == target // self.across for one in self.lanes)
        number, room = coming.index(lane), 2 * _PORT - (_PORT if leaving else 0)
        share = (number + 0.5) / len(coming) - (0.5 if not leaving else _PORT / room)
        return place.get_top() + share * room * place.width * RIGHT


def _levelled(lanes: list[_Lane], across: int) -> list[_Lane]:
    """`lanes` with the lowest level each at which it meets no other: short ones lie low."""
    ends = {lane: sorted(box % across for box in (lane.source, *lane.targets)) for lane in lanes}
    taken: dict[tuple[int, int], list[list[int]]] = defaultdict(list)
    found = []
    for lane in sorted(lanes, key=lambda lane: (ends[lane][-1] - ends[lane][0], lane.source)):
        span, level = ends[lane], 0
        while any(span[0] <= other[-1] and other[0] <= span[-1] for other in taken[lane.gap, level]):
            level += 1
        taken[lane.gap, level].append(span)
        found.append(_Lane(lane.source, lane.gap, lane.targets, level))
    return found


def _tipped(start: np.ndarray, end: np.ndarray) -> Arrow:
    return Arrow(
        start, end, buff=0.02, stroke_width=3, color=look.MUTED, tip_length=0.08, max_tip_length_to_length_ratio=0.6
    )
