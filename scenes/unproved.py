"""What a scene says without a measurement: bare numbers among its facts, in its sentences, statements and labels."""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from fmcore.analysis.unclaimed import unclaimed, unclaimed_in_label
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Script
from fmcore.lesson.storyboard import StoryFrame

Unproved = tuple[str, str]  # the beat, and a placeholder or a number


def unproved(
    script: Script,
    told: Mapping[str, object],
    stated: Sequence[Unproved],
    story: Sequence[StoryFrame],
    names: Sequence[str],
    translated: bool,
) -> tuple[Unproved, ...]:
    """What stands in `script`, filled with what is `told`, in statements by beat and in the texts of a `story`.

    `names` are those of layers and networks. Of `translated` labels those are read whose English is known.
    """
    claimed = [fact.words for fact in told.values() if isinstance(fact, Claim)]

    def found() -> Iterator[Unproved]:
        for cue, name in script.placeholders:
            fact = told[name]
            if name in script.quoted or isinstance(fact, Claim):  # a class may be called 7
                continue
            if _is_number(fact):
                yield cue, name
            else:
                yield from ((cue, number) for number in unclaimed(str(fact), claimed, names))
        yield from script.typed
        for cue, text in stated:
            yield from ((cue, number) for number in unclaimed(text, claimed, names))
        for frame in story:
            for item in frame.items:
                if item.kind == "text" and item.opacity > 0 and (item.drawn is not None or not translated):
                    yield from ((frame.beat, number) for number in unclaimed_in_label(item.name, claimed, names))

    return tuple(dict.fromkeys(found()))


def _is_number(fact: object) -> bool:
    """Whether a fact states a number without the measurement behind it."""
    if isinstance(fact, str):
        return bool(re.fullmatch(r"[-−+]?[\d.,]+ ?%?", fact))
    return isinstance(fact, int | float | np.number)
