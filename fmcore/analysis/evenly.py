"""Which few stand for many: evenly spread ones."""

import numpy as np


def evenly(length: int, most: int, always: int | None = None) -> list[int]:
    """At most `most` of the numbers from 0 to `length` - 1, evenly from the first to the last; rising.

    `always` is among them, in the place of the nearest: of one between the first and the last, where there is any.
    """
    if length <= most:
        return list(range(length))
    kept = [round(number) for number in np.linspace(0, length - 1, most).tolist()]
    if always is not None and always not in kept:
        between = range(1, most - 1) if most > 2 else range(most)
        kept[min(between, key=lambda place: abs(kept[place] - always))] = always
    return sorted(kept)
