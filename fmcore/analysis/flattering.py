"""How far a map reaches, which weak map a colour scale of its own makes look strong, and which one scale hides."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.border import OUTERMOST, Border, inside, reaches_inside, strongest_inside

Floats = NDArray[np.floating]
_DIM = 1 / 3  # of the strongest map's reach: what reaches less is hard to make out on one scale
_FAINT, _FAINT_SIGNED = 0.2, 0.3  # of the layer's reach: what reaches less looks nearly black on its scale
_FEW = 0.05  # of a map's places: where only so few are brighter, nothing is seen of it
_MUCH = 1 / 2  # of what a map reaches inside: one that reaches less is no example of a strong one


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


def mostly_dim(activation: Floats, channels: Iterable[int], border: Border = OUTERMOST) -> bool:
    """Whether in at least half of `channels` of `activation` (C, H, W) little can be made out on one scale for all.

    That is, where all but a few of their places inside stay far below the largest magnitude of the layer; on a scale
    with signs, whose colours begin darker, not quite as far.
    """
    shown = inside(activation, border)[list(channels)]
    clear = np.quantile(np.abs(shown).reshape(len(shown), -1), 1 - _FEW, axis=1)
    faint = _FAINT_SIGNED if activation.min() < 0 else _FAINT
    return bool(np.median(clear) < faint * np.abs(activation).max())


def flattered(activation: Floats, border: Border = OUTERMOST) -> tuple[int, int | None]:
    """A strong channel of `activation` (C, H, W), and the one that its own scale flatters most.

    The first is `strongest_of` all. The other is the channel with the largest product of its standard deviation as a
    share of its reach, which is how much is to be seen of it on its own scale, and of what it lacks of the strong
    channel's reach; such as reach as far inside come first. None where every other channel is zero everywhere. Ties
    fall to the lower index.
    """
    strong, lit = _with_weaker(activation, range(len(activation)), border)
    if not len(lit):
        return strong, None
    reaches = reach(activation)
    spread = activation[lit].std((1, 2), dtype=np.float64)
    score = spread / reaches[lit] * (1 - reaches[lit] / reaches[strong])
    return strong, int(lit[score.argmax()])


def extremes(activation: Floats, channels: Iterable[int], border: Border = OUTERMOST) -> tuple[int, int]:
    """A strong one of `channels` of `activation` (C, H, W), and the one of the others that reaches least.

    As in `flattered`, such as reach as far inside come first. Where no other is lit, one that is zero everywhere.
    """
    chosen = list(channels)
    strong, lit = _with_weaker(activation, chosen, border)
    return strong, min(map(int, lit) if len(lit) else chosen, key=reach(activation).__getitem__)


def strongest_of(activation: Floats, channels: Iterable[int], border: Border = OUTERMOST) -> int:
    """Of `channels` of `activation` (C, H, W) the one that reaches farthest and does so inside.

    Where none does that reaches half as far as a map can inside, the one that reaches farthest inside; and where
    all are zero there, the one that reaches farthest.
    """
    chosen = list(channels)
    within, sound = reach(inside(activation, border)), strongest_inside(np.abs(activation), border)
    far = max(within[chosen])
    if far == 0:
        return max(chosen, key=reach(activation).__getitem__)
    candidates = [channel for channel in chosen if sound[channel] and within[channel] >= _MUCH * far]
    return max(candidates or chosen, key=within.__getitem__)


def _with_weaker(activation: Floats, channels: Iterable[int], border: Border) -> tuple[int, NDArray[np.intp]]:
    """The strong one of `channels`, and of the others that reach no farther those to compare it with.

    Where all others reach farther at their borders, there the strongest of all counts.
    """
    chosen, reaches = list(channels), reach(activation)
    first = strongest_of(activation, chosen, border)
    for strong in (first, max(chosen, key=reaches.__getitem__)):
        others = (channel for channel in chosen if channel != strong and reaches[channel] <= reaches[strong])
        lit = comparable(activation, others)
        if len(lit):
            sound = lit[reaches_inside(activation[lit], border)]
            return strong, sound if len(sound) else lit
    return strong, lit


def comparable(activation: Floats, channels: Iterable[int]) -> NDArray[np.intp]:
    """Those of `channels` of `activation` (C, H, W) whose reach says something of how much they respond.

    They are not zero everywhere, and reach upwards: the deepest value of a nonlinearity such as GELU or SiLU is nearly
    the same in every channel that is quiet somewhere. Where none of them reaches upwards, all that are not zero.
    """
    chosen = np.array(list(channels), np.intp)
    lit = chosen[reach(activation)[chosen] > 0]
    upwards = lit[reaches_up(activation)[lit]]
    return upwards if len(upwards) else lit
