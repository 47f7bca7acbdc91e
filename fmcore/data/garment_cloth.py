"""What the garments are made of: grey level, folds, grain, stripes, checks, flowers and prints."""

from dataclasses import dataclass

import numpy as np

from fmcore.data.garment_strokes import ACROSS, DOWN, SIDE, Dice, Field, ellipse, ramp

Span = tuple[float, float]  # lowest and highest value of something that is thrown with the dice


@dataclass(frozen=True)
class Cloth:
    """How likely a class is to be dark, folded, grainy or patterned; tones run from 0 (black) to 1 (white)."""

    dark: float = 0.35  # share of images whose tone is drawn from the whole range rather than from the bright end
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
    tone = dark * dice.uniform(0.14, 0.85) + (1 - dark) * dice.uniform(*cloth.bright)
    other = np.clip(tone + dice.uniform(0.25, 0.85) ** 2 * (1 - 2 * dice.chance(tone * 1.1)), 0.03, 1)
    pattern = _pattern(dice, cloth)
    shade = tone + pattern * (other - tone)
    depth = dice.uniform(*cloth.folds) + 0.12 * dice.uniform(0, 1) ** 4
    folds = dice.clouds(2, 11) * dice.uniform(0.4, 1) + dice.clouds(7, 7) * dice.uniform(0.2, 0.9)
    roughness = cloth.grain[0] + (cloth.grain[1] - cloth.grain[0]) * dice.uniform(0, 1) ** 3
    grain = dice.clouds(20, 20) * roughness
    slope = dice.around(0, 0.08) * (DOWN / SIDE - 0.5)
    return np.asarray(shade * (1 + depth * folds + grain + slope) + 0.02 * folds, np.float32)


def _pattern(dice: Dice, cloth: Cloth) -> Field:
    """Where the second tone shows, 0..1."""
    _, stripes, pins, checks, flowers, blocks = dice.pick(
        cloth.plain, cloth.stripes, cloth.pinstripes, cloth.checks, cloth.flowers, cloth.blocks
    )
    level = _waves(dice, DOWN, stripes * 3 + 3.5)
    upright = _waves(dice, ACROSS, 3.5 - pins)
    petals = np.clip(dice.clouds(20, 20) * 3 + dice.uniform(-1.2, 0.6), 0, 1)
    leaves = np.clip(dice.clouds(11, 11) * 3 + dice.uniform(-1.2, 0.6), 0, 1)
    seam = dice.uniform(6, 22)
    upper = ramp(DOWN, seam, seam + 1) * (1 - ramp(DOWN, seam + dice.uniform(2, 14), seam + 14))
    small = dice.chance(0.6)
    return np.asarray(
        stripes * level
        + pins * upright
        + checks * (level + upright) * 0.5
        + flowers * (small * petals + (1 - small) * leaves)
        + blocks * upper,
        np.float32,
    )


def _waves(dice: Dice, along: Field, longest: Field) -> Field:
    """Soft stripes of a random period of two pixels and more, phase and thickness."""
    period = 2.2 + longest * dice.uniform(0, 1) ** 1.5
    wave = np.cos(along * (2 * np.pi / period) + dice.uniform(0, 6.28))
    return np.clip(wave * dice.uniform(0.8, 3) + dice.uniform(-0.4, 0.9), 0, 1)


def emblem(dice: Dice, x: Field, y: Field, likely: float) -> tuple[Field, Field]:
    """A print on the chest, lettering, badge or picture: its coverage and its tone."""
    wide, high = dice.uniform(1, 5), dice.uniform(0.7, 4.5)
    cx, cy = dice.around(0, 0.5) + 2.5 * (wide < 2), dice.uniform(8, 13)
    boxed = (np.abs(x - cx) < wide) & (np.abs(y - cy) < high)
    round_ = ellipse(x, y, cx, cy, wide + 0.5, high + 0.5)
    square = dice.chance(0.6)
    ink = np.clip(dice.noise() * 1.5 + dice.clouds(10, 10) + dice.uniform(0.0, 1.5), 0, 1)
    shape = (square * boxed + (1 - square) * round_) * ink * dice.chance(likely)
    return np.asarray(shape * dice.uniform(0.4, 1), np.float32), dice.uniform(0, 1)
