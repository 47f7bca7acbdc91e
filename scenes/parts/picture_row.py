"""Things with pictures in a row, with signs between them: map ∗ filter = map."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Self

import numpy as np
from manim import LEFT, RIGHT, Group, Mobject, VGroup

from scenes import look
from scenes.parts.text import label

_CLEAR = 0.2  # between labels of neighbours


class PictureRow(Group):
    """`items`, each with a `picture`, beside each other with their pictures on one level and `signs` between them.

    `gap` is the room on both sides of a sign.
    """

    def __init__(self, items: Sequence[Mobject], signs: Sequence[str], gap: float = look.NEAR) -> None:
        self.items = Group(*items)
        self.signs = VGroup(*(label(sign, look.STATEMENT) for sign in signs))
        super().__init__(self.items, self.signs)
        for (before, after), sign in zip(pairwise(items), self.signs, strict=True):
            after.shift(before.picture.get_center() - after.picture.get_center())
            after.shift(_step(before, after, sign, gap) * RIGHT)
        self._set_signs()

    def under(self, above: "PictureRow") -> Self:
        """Put every picture below one of `above`, those at the ends below those at the ends."""
        last = len(above.items) - 1
        for number, item in enumerate(self.items):
            there = above.items[round(number * last / (len(self.items) - 1))].picture
            item.shift((there.get_x() - item.picture.get_x()) * RIGHT)
        self._set_signs()
        return self

    def _set_signs(self) -> None:
        for (before, after), sign in zip(pairwise(self.items), self.signs, strict=True):
            middle = (_edge(before, sign, RIGHT) + _edge(after, sign, LEFT)) / 2
            sign.move_to([middle, before.picture.get_y(), 0])


def _step(before: Mobject, after: Mobject, sign: Mobject, gap: float) -> float:
    """How far to the right of `before`, on which it lies, `after` has room with `sign` and twice a `gap` between."""
    step = _edge(before, sign, RIGHT) - _edge(after, sign, LEFT) + sign.width + 2 * gap
    for one in before.submobjects:
        for other in after.submobjects:
            if min(one.get_top()[1], other.get_top()[1]) > max(one.get_bottom()[1], other.get_bottom()[1]):
                step = max(step, one.get_right()[0] - other.get_left()[0] + _CLEAR)
    return step


def _edge(item: Mobject, sign: Mobject, side: np.ndarray) -> float:
    """Where `item` ends on this side at the level of its picture, where `sign` stands: a low one with its words."""
    level, reach = item.picture.get_y(), sign.height / 2
    parts = item.submobjects
    there = [part for part in parts if part.get_bottom()[1] < level + reach and part.get_top()[1] > level - reach]
    return float(side[0] * max(side[0] * part.get_edge_center(side)[0] for part in there))
