"""Which channels to show, and where a map is strongest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.compare import correlations

Floats = NDArray[np.floating]

_CLOSE = 0.95  # of a map's largest value


def representatives(activation: Floats, count: int) -> list[int]:
    """Choose `count` channels of `activation` (C, H, W) by energy and diversity, best first.

    The first has the largest energy (sum of squares); each further one has the largest product of
    the root of its energy and its distance (1 - |cosine|) from the nearest chosen one. Ties fall to
    the lower index, so the same activation gives the same choice.
    """
    maps = activation.reshape(len(activation), -1).astype(np.float64)
    norm = np.sqrt((maps**2).sum(1))
    unit = maps / np.maximum(norm, 1e-12)[:, None]
    chosen: list[int] = []
    distance = np.ones(len(maps))
    for _ in range(min(count, len(maps))):
        score = norm * distance
        score[chosen] = -1.0
        best = int(score.argmax())
        chosen.append(best)
        distance = np.minimum(distance, 1 - np.abs(unit @ unit[best]))
    return chosen


def telling(activation: Floats, image: Floats | None = None) -> int:
    """The channel of `activation` (C, H, W) that shows best what a filter and a nonlinearity do.

    Largest spatial standard deviation times 4 z (1 - z), where z is the share of places set to zero: much
    varies in it, and neither everything nor nothing is cut off; times 1 - r², where r is its correlation with the
    brightness of `image` (C', H', W'), since a map that repeats the image shows no filter at work; divided by the root
    of how many places come close to the largest value, since a map that is strongest in half of its places has no
    strongest place to show. Where that is zero for all, the standard deviation alone decides.
    """
    maps = activation.reshape(len(activation), -1).astype(np.float64)
    zero, spread, most = (maps <= 0).mean(1), maps.std(1), maps.max(1, keepdims=True)
    alike = 0.0 if image is None else correlations(activation[None], image.mean(0)[None, None])[:, 0]  # (C,)
    score = spread * 4 * zero * (1 - zero) * (1 - alike**2) / np.sqrt((maps >= _CLOSE * most).sum(1))
    return int((score if score.any() else spread).argmax())


@dataclass(frozen=True)
class Spot:
    """The place (row, column) of a map and its value; rows and columns count from 0, top left."""

    row: int
    column: int
    value: float


def strongest(feature_map: Floats) -> Spot:
    """The largest value of `feature_map` (H, W); the first in reading order where several are equal."""
    row, column = np.unravel_index(int(feature_map.argmax()), feature_map.shape)
    return Spot(int(row), int(column), float(feature_map[row, column]))


def is_flat(feature_map: Floats) -> bool:
    """Whether every value is the same, so that the map shows nothing."""
    return bool(feature_map.max() == feature_map.min())
