"""Which channels to show, and where a map is strongest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


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
