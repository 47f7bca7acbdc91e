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
    """`terms` from the left, at most `width` wide; the last number is the result. Its members are the terms."""

    def __init__(self, terms: Sequence[Term], width: float) -> None:
        super().__init__(*(_term(term, number == len(terms) - 1) for number, term in enumerate(terms)))
        left = top = 0.0
        for member in self:
            if left and left + member.width > width:
                left, top = 0.0, top - member.height - look.LEADING
            member.align_to(np.array([left, 0, 0]), LEFT).shift([0, top, 0])
            left += member.width + _APART


def _term(term: Term, is_result: bool) -> VGroup:
    """Sign and number on one baseline, the name below the number."""
    value = label(term.value, look.LABEL, look.ACCENT if is_result else look.TEXT, bold=is_result)
    name = label(term.name, look.SMALL, look.MUTED).next_to(value, DOWN, buff=look.LEADING)
    column = VGroup(value, name)
    if not term.sign:
        return column
    sign = label(term.sign, look.LABEL, look.MUTED).next_to(column, LEFT, buff=_APART).match_y(value)
    return VGroup(sign, column)
