"""The pencil and the dice: soft shapes on a 28x28 grid, and random numbers that belong to one image each.

A shape is a *coverage*: 0 outside, 1 inside, and in between within half a pixel of the edge, which is all the
anti-aliasing a drawing of this size needs. Everything is float32 and broadcasts over a batch: parameters are
(n, 1, 1), rows (n, 28, 1), columns (n, 1, 28), pictures (n, 28, 28). Lengths are pixels.
"""

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 28
MIDDLE = SIDE / 2

Field = NDArray[Any]  # float32 (n or 1, 28 or 1, 28 or 1); numpy's stubs widen it in every second operation
Value = float | Field
Point = tuple[Value, Value]  # (x, y)
Span = tuple[float, float]  # lowest and highest value of something that is thrown with the dice

ACROSS: Field = (np.arange(SIDE, dtype=np.float32) + 0.5).reshape(1, 1, SIDE)  # pixel centres, left to right
DOWN: Field = (np.arange(SIDE, dtype=np.float32) + 0.5).reshape(1, SIDE, 1)  # pixel centres, top to bottom

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def scramble(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Turn counters into unrelated 64-bit numbers: the finaliser of SplitMix64 (Steele et al., 2014)."""
    z = numbers * _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


class Dice:
    """Random numbers for a batch of images, each image with a key of its own; `keys` is (n,).

    The k-th throw for an image is a function of its key and k alone, so an image does not change with the
    batch that it happens to be drawn in. Drawings must therefore throw unconditionally.
    """

    def __init__(self, keys: NDArray[np.uint64]) -> None:
        self.keys = keys
        self.throws = 0

    def uniform(self, low: Value, high: Value) -> Field:
        """Evenly between `low` and `high`, (n, 1, 1)."""
        unit = (self._bits(1) >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24)
        return np.asarray(low + (np.asarray(high) - low) * unit[:, :, None], np.float32)

    def around(self, centre: Value, spread: Value) -> Field:
        """Bell-shaped about `centre`, never further off than three `spread`s, (n, 1, 1)."""
        bell = self.uniform(-1, 1) + self.uniform(-1, 1) + self.uniform(-1, 1)
        return np.asarray(centre + spread * bell, np.float32)

    def chance(self, probability: Value) -> Field:
        """1 with the given probability, else 0, (n, 1, 1)."""
        return (self.uniform(0, 1) < probability).astype(np.float32)

    def pick(self, *weights: float) -> list[Field]:
        """One of several kinds: a switch (n, 1, 1) per weight, of which every image has exactly one on."""
        edges = np.cumsum(weights) / np.sum(weights)
        kind = np.searchsorted(edges[:-1], self.uniform(0, 1), side="right")
        return [(kind == k).astype(np.float32) for k in range(len(weights))]

    def grey(self, dark: float) -> Field:
        """A tone for a contrasting part: dark with the given probability, else bright, (n, 1, 1)."""
        low = self.chance(dark)
        tone: Field = low * self.uniform(0.02, 0.4) + (1 - low) * self.uniform(0.4, 1)
        return tone

    def noise(self, height: int = SIDE, width: int = SIDE) -> Field:
        """Independent values between -1 and 1, (n, height, width); each 64-bit number yields four."""
        bits = self._bits(-(-height * width // 4)).view(np.uint16)[:, : height * width]
        values = bits.astype(np.float32) * np.float32(2 / 65535) - 1
        return values.reshape(-1, height, width)

    def clouds(self, rows: int, columns: int) -> Field:
        """Smooth values mostly between -1 and 1: `rows` x `columns` random ones, blended, (n, 28, 28).

        Few rows and many columns give upright folds.
        """
        return _blend(rows) @ self.noise(rows, columns) @ _blend(columns).T

    def _bits(self, count: int) -> NDArray[np.uint64]:
        """`count` fresh 64-bit numbers for every image, (n, count)."""
        counters = np.arange(self.throws + 1, self.throws + 1 + count, dtype=np.uint64)
        self.throws += count
        return scramble(self.keys[:, None] ^ scramble(counters)[None, :])


@cache
def _blend(count: int) -> NDArray[np.float32]:
    """The (28, count) matrix that spreads `count` values smoothly over 28 pixels; rows sum to 1."""
    place = (np.arange(SIDE) + 0.5) / SIDE * count - 0.5
    near = np.clip(1 - np.abs(place[:, None] - np.arange(count)[None, :]), 0, 1)
    weight = near * near * (3 - 2 * near)
    return np.asarray(weight / weight.sum(1, keepdims=True), np.float32)


def paint(picture: Field, coverage: Field, tone: Value) -> Field:
    """Lay `tone` over the picture where `coverage` says so."""
    return np.asarray(picture + coverage * (tone - picture), np.float32)


def soft(distance: Field) -> Field:
    """Coverage of a pixel whose centre lies `distance` pixels inside an edge."""
    return np.clip(distance + np.float32(0.5), 0, 1)


def between(value: Field, low: Value, high: Value) -> Field:
    """Coverage of the band low..high of a coordinate."""
    return soft(np.minimum(value - low, high - value))


def ramp(value: Field, start: Value, end: Value) -> Field:
    """0 before `start`, 1 after `end`, straight in between."""
    return np.clip((value - start) / np.maximum(np.float32(1e-3), _minus(end, start)), 0, 1)


def outline(value: Field, *knots: Point) -> Field:
    """The broken line through (coordinate, height) knots, level beyond both ends."""
    height = np.asarray(knots[0][1], np.float32)
    for (start, before), (end, after) in pairwise(knots):
        height = height + _minus(after, before) * ramp(value, start, end)
    return np.asarray(height, np.float32)


def ellipse(x: Field, y: Field, centre: Point, rx: Value, ry: Value) -> Field:
    """Coverage of an upright ellipse; the distance to its edge is an estimate, good enough at this size."""
    return soft((1 - _radius(x, y, centre, rx, ry)) * np.minimum(rx, ry))


def arc(x: Field, y: Field, centre: Point, rx: Value, ry: Value, thick: Value) -> Field:
    """Coverage of an ellipse's rim, `thick` pixels wide."""
    return soft(thick / 2 - np.abs(1 - _radius(x, y, centre, rx, ry)) * np.minimum(rx, ry))


def stroke(x: Field, y: Field, start: Point, end: Point, half_start: Value, half_end: Value) -> Field:
    """Coverage of a line from `start` to `end` with round ends and tapering half width."""
    dx, dy = _minus(end[0], start[0]), _minus(end[1], start[1])
    share = ((x - start[0]) * dx + (y - start[1]) * dy) / (dx * dx + dy * dy + np.float32(1e-3))
    share = np.clip(share, 0, 1)
    away = np.hypot(x - start[0] - share * dx, y - start[1] - share * dy)
    return soft(half_start + _minus(half_end, half_start) * share - away)


def limb(
    x: Field, y: Field, start: Point, end: Point, half_start: Value, half_end: Value
) -> tuple[Field, Field, Field]:
    """A tapering strip with straight ends: coverage, the way along it (0..1) and across it (-1..1)."""
    dx, dy = _minus(end[0], start[0]), _minus(end[1], start[1])
    length = np.sqrt(dx * dx + dy * dy) + np.float32(1e-3)
    along = ((x - start[0]) * dx + (y - start[1]) * dy) / length
    across = ((y - start[1]) * dx - (x - start[0]) * dy) / length
    share = np.clip(along / length, 0, 1)
    half = half_start + _minus(half_end, half_start) * share
    inside = np.minimum(half - np.abs(across), length - along)
    return soft(np.minimum(inside, along + half_start)), share, across / half


def _radius(x: Field, y: Field, centre: Point, rx: Value, ry: Value) -> Field:
    """Distance from `centre` in units of the ellipse: 1 on its rim."""
    return np.asarray(np.sqrt(((x - centre[0]) / rx) ** 2 + ((y - centre[1]) / ry) ** 2), np.float32)


def _minus(left: Value, right: Value) -> Field:
    """`left` - `right` in float32, also where both are plain numbers (numpy would make those float64)."""
    return np.asarray(np.asarray(left, np.float32) - np.asarray(right, np.float32), np.float32)
