"""Colour scales: from value to colour and back, the same for video, figures and page.

A scale is a table of 256 colours and the range of values that it spans. Tables are perceptual ones
of matplotlib: their lightness rises with strength, so colour intensity means strength.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

STRENGTH = "inferno"  # zero is black, the strongest is bright yellow
SIGNED = "berlin"  # zero is black, blue is negative, red is positive
GREY = "gray"  # images


@cache
def table(name: str) -> NDArray[np.uint8]:
    """The 256 colours of table `name`, (256, 3)."""
    from matplotlib import colormaps

    colours: NDArray[np.uint8] = np.round(colormaps[name](np.arange(256))[:, :3] * 255).astype(np.uint8)
    colours.flags.writeable = False
    return colours


def rgb(colour: str) -> NDArray[np.float64]:
    """#rrggbb as three numbers of 0..255, (3,)."""
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], np.float64)


def luminance(rgb: NDArray[np.floating] | NDArray[np.uint8]) -> NDArray[np.float64]:
    """Relative luminance of sRGB colours (..., 3) in 0..255, from 0 to 1 (WCAG 2.2, "relative luminance")."""
    share = np.asarray(rgb, np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    found: NDArray[np.float64] = linear @ np.array([0.2126, 0.7152, 0.0722])
    return found


def contrast(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The contrast of two colours (3,): from 1, where they are alike, to 21."""
    low, high = sorted((float(luminance(one)), float(luminance(other))))
    return (high + 0.05) / (low + 0.05)


@dataclass(frozen=True)
class ColourScale:
    """Values `low`..`high` spread over the colours of `table_name`; `kind` says what shares the range.

    `kind` is `per_map` (this map alone), `per_layer` (all maps of the layer) or `shared`.
    """

    low: float
    high: float
    kind: str = "per_map"
    table_name: str = STRENGTH

    @classmethod
    def strength(cls, values: NDArray[np.floating], kind: str = "per_map") -> "ColourScale":
        """From zero to the largest of `values`: for what a ReLU lets through."""
        return cls(0.0, float(values.max(initial=0)), kind, STRENGTH)

    @classmethod
    def signed(cls, values: NDArray[np.floating], kind: str = "per_map") -> "ColourScale":
        """Symmetric about zero, so that zero is always black."""
        reach = float(np.abs(values).max(initial=0))
        return cls(-reach, reach, kind, SIGNED)

    @classmethod
    def of(cls, values: NDArray[np.floating], kind: str = "per_map") -> "ColourScale":
        """`signed` where a value is negative, else `strength`."""
        return cls.signed(values, kind) if values.min(initial=0) < 0 else cls.strength(values, kind)

    @property
    def flat(self) -> bool:
        """Whether the range is empty, so that every value has the same colour."""
        return not self.high > self.low

    def colours(self, values: NDArray[np.floating]) -> NDArray[np.uint8]:
        """RGB of `values` (...,), shape (..., 3); what lies outside the range is clipped."""
        if self.flat:
            zero = 128 if self.table_name == SIGNED else 0
            return np.broadcast_to(table(self.table_name)[zero], (*values.shape, 3)).copy()
        share = (values - self.low) / (self.high - self.low)
        rows = np.round(np.clip(share, 0, 1) * 255).astype(np.uint8)
        colours: NDArray[np.uint8] = table(self.table_name)[rows]
        return colours

    def values(self, rgb: NDArray[np.floating] | NDArray[np.uint8]) -> NDArray[np.float64]:
        """The values whose colours are nearest to `rgb` (..., 3): the inverse of `colours`, shape (...,)."""
        colours = table(self.table_name).astype(np.float64)  # (256, 3)
        distance = ((np.asarray(rgb, np.float64)[..., None, :] - colours) ** 2).sum(-1)  # (..., 256)
        share = distance.argmin(-1) / 255
        result: NDArray[np.float64] = self.low + share * (self.high - self.low)
        return result
