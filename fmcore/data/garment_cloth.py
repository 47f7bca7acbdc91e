"""What the garments are made of: grey level, folds, grain, stripes, checks, flowers and prints."""

from dataclasses import dataclass

import numpy as np

from fmcore.data.garment_strokes import ACROSS, DOWN, SIDE, Dice, Field, Span, ellipse, ramp


@dataclass(frozen=True)
class Cloth:
    """How likely a garment is to be dark, folded, grainy or patterned; tones run from 0 (black) to 1.

    `dark` is the share of images whose tone comes from `dim` rather than from `bright`. The six patterns are
    weights against each other.
    """

    dark: float = 0.35
    dim: Span = (0.14, 0.85)
    bright: Span = (0.68, 0.97)
    folds: Span = (0.02, 0.16)
    grain: Span = (0.0, 0.12)
    plain: float = 6.0
    stripes: float = 0.8
    pinstripes: float = 0.3
    checks: float = 0.3
    flowers: float = 0.7
    blocks: float = 0.4


def weave(dice: Dice, cloth: Cloth) -> Field:
    """A tone for every pixel of every image, (n, 28, 28); cutting it to shape is the drawing's business."""
    dark = dice.chance(cloth.dark)
    tone = dark * dice.uniform(*cloth.dim) + (1 - dark) * dice.uniform(*cloth.bright)
    darker = dice.chance(tone * 1.1)  # the second tone lies on the side where there is room
    other = np.clip(tone + dice.uniform(0.25, 0.85) ** 2 * (1 - 2 * darker), 0.03, 1)
    shade = tone + _pattern(dice, cloth) * (other - tone)

    depth = dice.uniform(*cloth.folds) + 0.12 * dice.uniform(0, 1) ** 4
    folds = dice.clouds(2, 11) * dice.uniform(0.4, 1) + dice.clouds(7, 7) * dice.uniform(0.2, 0.9)
    low, high = cloth.grain
    roughness = low + (high - low) * dice.uniform(0, 1) ** 3  # mostly smooth, now and then a tweed
    knit = dice.chance(0.6)
    grain = (knit * dice.clouds(20, 20) + (1 - knit) * 0.5 * dice.noise()) * roughness
    slope = dice.around(0, 0.08) * (DOWN / SIDE - 0.5)
    return np.asarray(shade * (1 + depth * folds + grain + slope) + 0.02 * folds, np.float32)


def _pattern(dice: Dice, cloth: Cloth) -> Field:
    """Where the second tone shows, 0..1."""
    weights = (cloth.plain, cloth.stripes, cloth.pinstripes, cloth.checks, cloth.flowers, cloth.blocks)
    _, stripes, pinstripes, checks, flowers, blocks = dice.pick(*weights)
    level = _waves(dice, DOWN, stripes * 3 + 3.5)
    upright = _waves(dice, ACROSS, 3.5 - pinstripes)
    small = dice.chance(0.6)
    petals = np.clip(dice.clouds(20, 20) * 3 + dice.uniform(-1.2, 0.6), 0, 1)
    leaves = np.clip(dice.clouds(11, 11) * 3 + dice.uniform(-1.2, 0.6), 0, 1)
    seam = dice.uniform(6, 22)
    block = ramp(DOWN, seam, seam + 1) * (1 - ramp(DOWN, seam + dice.uniform(2, 14), seam + 14))
    return np.asarray(
        stripes * level
        + pinstripes * upright
        + checks * (level + upright) / 2
        + flowers * (small * petals + (1 - small) * leaves)
        + blocks * block,
        np.float32,
    )


def _waves(dice: Dice, along: Field, longest: Field) -> Field:
    """Soft stripes of random phase and thickness; the period is 2.2 pixels and up to `longest` more."""
    period = 2.2 + longest * dice.uniform(0, 1) ** 1.5
    wave = np.cos(along * (2 * np.pi / period) + dice.uniform(0, 6.28))
    stripes: Field = np.clip(wave * dice.uniform(0.8, 3) + dice.uniform(-0.4, 0.9), 0, 1)
    return stripes


def emblem(dice: Dice, x: Field, y: Field, likely: float) -> tuple[Field, Field]:
    """A print on the chest, lettering, badge or picture: its coverage and its tone."""
    wide, high = dice.uniform(1, 5), dice.uniform(0.7, 4.5)
    cx, cy = dice.around(0, 0.5) + 2.5 * (wide < 2), dice.uniform(8, 13)  # a small badge sits on one side
    box = (np.abs(x - cx) < wide) & (np.abs(y - cy) < high)
    disc = ellipse(x, y, (cx, cy), wide + 0.5, high + 0.5)
    square = dice.chance(0.6)
    ink = np.clip(dice.noise() * 1.5 + dice.clouds(10, 10) + dice.uniform(0.0, 1.5), 0, 1)
    shape = (square * box + (1 - square) * disc) * ink * dice.chance(likely)
    return np.asarray(shape * dice.uniform(0.4, 1), np.float32), dice.uniform(0, 1)
