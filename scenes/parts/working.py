"""The working of a sum on one line, or on as many as it takes: every number with its sign before and its name below."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from manim import DOWN, LEFT, VGroup

from scenes import look
from scenes.parts.text import label

_APART = 0.16  # between a sign and its number


@dataclass(frozen=True)
class Term:
    """One number of a sum, as it is written; `sign` stands before it."""

    sign: str
    value: str
    name: str


class Working(VGroup):
    """`terms` from the left, in the middle of `region`; the last number is the result. Its members are the terms.

    Where they take too many lines for the region, their names are left out.
    """

    def __init__(self, terms: Sequence[Term], region: look.Region) -> None:
        super().__init__(*_lines(terms, region.width, True))
        if self.height > region.height:
            self.submobjects = _lines(terms, region.width, False)
        self.move_to(region.centre)


class _Member(VGroup):
    """Sign and number, `value`, on one baseline, the name below the number."""

    def __init__(self, term: Term, is_result: bool, named: bool) -> None:
        self.value = label(term.value, look.LABEL, look.ACCENT if is_result else look.TEXT, bold=is_result)
        column = VGroup(self.value)
        if named:
            column.add(label(term.name, look.SMALL, look.MUTED).next_to(self.value, DOWN, buff=look.LEADING))
        super().__init__(column)
        if term.sign:
            sign = label(term.sign, look.LABEL, look.MUTED)
            self.add_to_back(sign.next_to(column, LEFT, buff=_APART).match_y(self.value))


def _lines(terms: Sequence[Term], width: float, named: bool) -> list[_Member]:
    """The terms, one after the other, with a new line where one is full."""
    members = [_Member(term, number == len(terms) - 1, named) for number, term in enumerate(terms)]
    left = top = 0.0
    for member in members:
        if left and left + member.width > width:
            left, top = 0.0, top - member.height - look.LEADING
        member.align_to(np.array([left, 0, 0]), LEFT).shift([0, top, 0])
        left += member.width + _APART
    return members
