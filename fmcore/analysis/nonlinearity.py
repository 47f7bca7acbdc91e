"""What a nonlinearity does to the numbers of a map.

Formulas and defaults are those of PyTorch
(https://pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import erf
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.border import OUTERMOST, Border, inside

Floats = NDArray[np.floating]
Function = Callable[[Floats], Floats]

_POINTS = 240
_CLOSE = 1e-3  # of the largest number, before or after: farther off, a formula is not the one that ran
_EITHER_SIDE = 0.2  # of a map's places
_STRAIGHT = frozenset({"none", "relu", "relu6", "leaky_relu"})  # on either side of zero, as far as most maps reach
_SELU, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def _softplus(x: Floats) -> Floats:
    return np.asarray(np.logaddexp(0, x))


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -x)))


def _elu(x: Floats) -> Floats:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _gelu(x: Floats) -> Floats:
    return np.asarray(x * (1 + np.vectorize(erf, otypes=[float])(x / np.sqrt(2))) / 2)


FORMULAS: Mapping[str, Function] = MappingProxyType(
    {
        "none": lambda x: x,
        "relu": lambda x: np.maximum(x, 0),
        "relu6": lambda x: np.clip(x, 0, 6),
        "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
        "elu": _elu,
        "celu": _elu,
        "selu": lambda x: _SELU_SCALE * np.where(x > 0, x, _SELU * np.expm1(np.minimum(x, 0))),
        "gelu": _gelu,
        "silu": lambda x: x * _sigmoid(x),
        "mish": lambda x: x * np.tanh(_softplus(x)),
        "hardswish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
        "hardsigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
        "hardtanh": lambda x: np.clip(x, -1, 1),
        "sigmoid": _sigmoid,
        "tanh": np.tanh,
        "softplus": _softplus,
        "softsign": lambda x: x / (1 + np.abs(x)),
        "logsigmoid": lambda x: -_softplus(-x),
        "tanhshrink": lambda x: x - np.tanh(x),
    }
)


@dataclass(frozen=True)
class Curve:
    """A nonlinearity over the numbers of one map: `y` (N,) is what it makes of `x` (N,), which rises.

    `known` says whether the points are those of its formula, with its default settings; else they are the numbers
    that the network itself put in and got out.
    """

    name: str
    x: Floats
    y: Floats
    known: bool

    def at(self, x: float) -> float:
        return float(np.interp(x, self.x, self.y))


def curve(name: str, before: Floats, after: Floats) -> Curve:
    """The nonlinearity `name` over the range of `before`, which it has turned into `after`; both of any one shape.

    Where no formula is known, or it is not what ran (a learned slope, another setting), the recorded numbers draw the
    curve: a nonlinearity works on each number alone.
    """
    x, y = np.asarray(before, np.float64).ravel(), np.asarray(after, np.float64).ravel()
    low, high = float(x.min()), float(x.max())
    if low == high:
        low, high = low - 1, high + 1
    formula, largest = FORMULAS.get(name), max(1e-12, float(np.abs(x).max()), float(np.abs(y).max()))
    if formula is not None and np.abs(formula(x) - y).max() <= _CLOSE * largest:
        kinks = [kink for kink in (-3.0, -1.0, 0.0, 1.0, 3.0, 6.0) if low < kink < high]
        places = np.union1d(np.linspace(low, high, _POINTS), kinks)
        return Curve(name, places, formula(places), True)
    places, first = np.unique(x, return_index=True)
    thin = np.unique(np.linspace(0, len(places) - 1, _POINTS).round().astype(int))
    return Curve(name, places[thin], y[first][thin], False)


def clearest(preactivation: Floats, name: str = "relu", border: Border = OUTERMOST) -> int:
    """The channel of `preactivation` (C, H, W) that shows best what the nonlinearity `name` does; inside, if possible.

    Channels with `_EITHER_SIDE` of their places on each side of zero come first: of others, a function that cuts at
    zero leaves nearly all or nothing. Of these, the one that varies most both above and below zero, for its size: for
    each side, the sum of squares about the mean of what lies there, as a share of the square of the largest magnitude,
    which is where colours end; the smaller of both counts. Where the function bends gradually, so that small numbers
    see nearly a straight line of it, the one whose numbers show most of the bend: they lie farthest from the
    straight line that fits them best. Where no channel varies on both sides, the one that varies most.
    """
    values = inside(preactivation, border)
    maps = values.reshape(len(values), -1).astype(np.float64)
    above = maps > 0
    share = above.mean(1)
    either = np.minimum(share, 1 - share) >= _EITHER_SIDE
    bends = FORMULAS.get(name) if name not in _STRAIGHT else None
    if bends is not None and (bent := np.where(either, _off_the_line(maps, bends(maps)), 0)).any():
        return int(bent.argmax())
    maps /= np.maximum(np.abs(maps).max(1, keepdims=True), 1e-30)
    smaller = np.minimum(_variation(maps, above), _variation(maps, ~above))
    even = np.where(either, smaller, 0)
    ranked = even if even.any() else smaller if smaller.any() else _variation(maps, np.ones_like(above))
    return int(ranked.argmax())


def _off_the_line(x: Floats, y: Floats) -> Floats:
    """By how much y (C, N) lies off the straight line in x (C, N) that fits it best, as a root mean square (C,)."""
    x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    slope = (x * y).sum(1) / np.maximum((x**2).sum(1), 1e-30)
    off: Floats = np.sqrt(((y - slope[:, None] * x) ** 2).mean(1))
    return np.where(off > _CLOSE * np.abs(y).max(1), off, 0)


def _variation(maps: Floats, where: NDArray[np.bool_]) -> Floats:
    mean = (maps * where).sum(1, keepdims=True) / np.maximum(where.sum(1, keepdims=True), 1)
    varied: Floats = (((maps - mean) * where) ** 2).sum(1)
    return varied
