"""The questions of a page: several options each, of which the one that the bundle's arrays say is right.

The same page asks the same questions, and its options always stand in the same order.
"""

from collections.abc import Callable
from typing import Any
from zlib import crc32

from fmcore.page.asked import (
    Asked,
    how_many_maps,
    how_many_numbers,
    how_many_weights,
    what_after,
    what_before,
    where_strongest,
    which_sees_most,
    which_shape,
    which_share_cut,
)
from fmcore.page.asked_measured import (
    what_it_resembles,
    which_changed_most,
    which_is_dead,
    which_is_needed,
    which_is_strongest,
)
from fmcore.page.subject import Subject

Question = dict[str, Any]

_MOST = 8
_ENOUGH = 6  # from here on nothing more is asked to fill up
_WRONG = 3  # options beside the right one, at most
_FEWEST_WRONG = 2

# In the order in which they are asked; the second word says whether one is asked only where there are not enough.
_CATALOGUE: tuple[tuple[Callable[[Subject], Asked | None], bool], ...] = (
    (how_many_maps, False),
    (how_many_weights, True),
    (what_before, False),
    (what_after, False),
    (which_share_cut, True),
    (which_sees_most, False),
    (which_is_strongest, False),
    (what_it_resembles, True),
    (which_changed_most, False),
    (which_is_needed, False),
    (which_is_dead, False),
    (which_shape, True),
    (where_strongest, True),
    (how_many_numbers, True),
)


def questions(subject: Subject) -> list[Question]:
    """The questions on a subject, five to eight of them where the page holds enough to ask about."""
    asked = {ask: found for ask, spare in _CATALOGUE if not spare and (found := _usable(ask(subject))) is not None}
    for ask, spare in _CATALOGUE:
        if spare and len(asked) < _ENOUGH and (found := _usable(ask(subject))) is not None:
            asked[ask] = found
    chosen = [asked[ask] for ask, _ in _CATALOGUE if ask in asked][:_MOST]
    turn = crc32(subject.bundle.digest.encode())
    return [_arranged(one, turn + number * 3 + number // 2) for number, one in enumerate(chosen)]


def _usable(asked: Asked | None) -> Asked | None:
    """With no two options alike; None where too few are left."""
    if asked is None:
        return None
    wrong = [one for one in dict.fromkeys(asked.wrong) if one != asked.right][:_WRONG]
    if len(wrong) < _FEWEST_WRONG:
        return None
    return Asked(asked.text, asked.right, wrong, asked.why, asked.state)


def _arranged(asked: Asked, turn: int) -> Question:
    """With its options in an order: the right one stands where `turn` puts it, which differs between questions."""
    options = list(asked.wrong)
    answer = turn % (len(options) + 1)
    options.insert(answer, asked.right)
    return {"text": asked.text, "options": options, "answer": answer, "why": asked.why, "state": asked.state}
