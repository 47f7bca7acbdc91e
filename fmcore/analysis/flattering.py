"""How far a map reaches, which weak map a colour scale of its own makes look strong, and which one scale hides."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
_DIM = 1 / 3  # of the strongest map's reach: what reaches less is hard to make out on one scale


def reach(activation: Floats) -> NDArray[np.float64]:
    """The largest magnitude (C,) of every channel of `activation` (C, H, W)."""
    largest: NDArray[np.float64] = np.abs(activation).max((1, 2)).astype(np.float64)
    return largest


def reaches_up(activation: Floats) -> NDArray[np.bool_]:
    """Of every channel (C,) of `activation` (C, H, W) whether no value below zero is as far from it as the largest."""
    upwards: NDArray[np.bool_] = activation.max((1, 2)) >= -activation.min((1, 2))
    return upwards


def share_of_reach(weak: Floats, strong: Floats) -> float:
    """The largest magnitude of map `weak` as a share of that of map `strong`; 1 where both are zero everywhere.

    Where `strong` alone is zero everywhere, there is no such share, and the answer is 1 as well.
    """
    most = float(np.abs(strong).max())
    return float(np.abs(weak).max()) / most if most else 1.0


def some_dim(maps: Iterable[Floats]) -> bool:
    """Whether one of `maps` (H, W), of whatever sizes, is lit and yet too weak to be made out on a scale for all."""
    lit = [top for values in maps if (top := float(np.abs(values).max())) > 0]
    return bool(lit) and min(lit) < _DIM * max(lit)


def flattered(activation: Floats) -> tuple[int, int | None]:
    """The strongest channel of `activation` (C, H, W), and the one that its own scale flatters most.

    That is the channel with the largest product of its standard deviation as a share of its reach, which is how much
    is to be seen of it on its own scale, and of what it lacks of the strongest channel's reach. None where
    every other channel is zero everywhere. Ties fall to the lower index.
    """
    reaches = reach(activation)
    strong = int(reaches.argmax())
    lit = comparable(activation, np.flatnonzero(np.arange(len(activation)) != strong))
    if not len(lit):
        return strong, None
    spread = activation[lit].std((1, 2), dtype=np.float64)
    score = spread / reaches[lit] * (1 - reaches[lit] / reaches[strong])
    return strong, int(lit[score.argmax()])


def comparable(activation: Floats, channels: Iterable[int]) -> NDArray[np.intp]:
    """Those of `channels` of `activation` (C, H, W) whose reach says something of how much they respond.

    They are not zero everywhere, and reach upwards: the deepest value of a nonlinearity such as GELU or SiLU is nearly
    the same in every channel that is quiet somewhere. Where none of them reaches upwards, all that are not zero.
    """
    chosen = np.array(list(channels), np.intp)
    lit = chosen[reach(activation)[chosen] > 0]
    upwards = lit[reaches_up(activation)[lit]]
    return upwards if len(upwards) else lit
