"""Bags: a body, a flap, a clasp, and anything from no handle to a long strap.

x is measured from the middle of the picture, y from the upper edge of the body, downwards.
"""

import numpy as np

from fmcore.data.garment_cloth import Cloth, weave
from fmcore.data.garment_strokes import (
    ACROSS,
    DOWN,
    MIDDLE,
    Dice,
    Field,
    arc,
    between,
    ellipse,
    limb,
    outline,
    paint,
    soft,
)

Pair = tuple[Field, Field]

HIDE = Cloth(
    dark=0.25, dim=(0.2, 0.85), bright=(0.55, 0.92), folds=(0.03, 0.14), grain=(0.01, 0.14),
    stripes=0.3, pinstripes=0.3, checks=0.3, flowers=0.9, blocks=0.4,
)  # fmt: skip


def bag(dice: Dice) -> Field:
    """Tones (n, 28, 28); handles are a clutch's none, a short grip, a tall loop or a shoulder strap."""
    cloth = weave(dice, HIDE)
    x = ACROSS - MIDDLE - dice.around(0, 0.3)
    _, grip, loop, strap = dice.pick(0.3, 0.3, 0.25, 0.15)
    reach = grip * dice.uniform(4, 9) + loop * dice.uniform(7, 14) + strap * dice.uniform(8, 14)
    wide = dice.uniform(11.2, 14) - loop * dice.uniform(0, 4.5) - strap * dice.uniform(0, 6)
    high = np.minimum(dice.uniform(11, 21), 27.5 - reach)
    y = DOWN - MIDDLE - (reach - high) / 2 - dice.uniform(-0.5, 1.5)

    down = np.clip(y / high, 0, 1)
    half = outline(y, (0.0, wide * dice.uniform(0.7, 1.05)), (high, wide))
    half = half + dice.uniform(-0.5, 0.8) * np.sin(down * np.pi)
    half = half * (1 - dice.chance(0.25) * 0.25 * down)  # some are narrower below
    corner = dice.uniform(0.3, 6)
    beyond_x = np.maximum(np.abs(x) - half + corner, 0)
    beyond_y = np.maximum(np.abs(y - high / 2) - high / 2 + corner, 0)
    body = soft(corner - np.hypot(beyond_x, beyond_y))

    thick = dice.uniform(0.8, 2.0)
    bow = arc(x, y, (0.0, dice.uniform(0, 0.8)), wide * dice.uniform(0.3, 0.7), np.maximum(reach, 1.0), thick)
    bow = bow * soft(0.5 - y) * (grip + loop)
    cord = limb(np.abs(x), y, (wide * 0.8, 1.0), (0.4, -reach), thick / 2, thick / 2)[0] * strap
    around = (dice.around(0, 3), high * 0.4)
    hanging = arc(x, y, around, wide * dice.uniform(0.9, 1.1), high * dice.uniform(0.5, 0.9), thick)
    handles = np.maximum(np.maximum(bow, cord), hanging * dice.chance(0.2))
    picture = paint(np.zeros_like(cloth), handles, cloth * dice.uniform(0.6, 1.2))
    picture = paint(picture, body, cloth * (1 + dice.around(0, 0.12) * (y / high - 0.5)))
    return _trimmings(dice, picture, body, (x, y), (wide, high))


def _trimmings(dice: Dice, picture: Field, body: Field, at: Pair, size: Pair) -> Field:
    """Flap with its edge, clasp, borders above and below, and upright seams."""
    (x, y), (wide, high) = at, size
    lid = high * dice.uniform(0.25, 0.7)
    sagging = y + dice.uniform(-0.02, 0.05) * x * x
    flap = soft(lid - sagging) * body * dice.chance(0.45)
    picture = picture * (1 + flap * dice.uniform(-0.15, 0.15))
    edge = between(sagging, lid - 0.4, lid + 0.5) * body * dice.chance(0.5)
    picture = picture * (1 - edge * dice.uniform(0.1, 0.6))
    clasp = ellipse(x, y, (dice.around(0, 0.3), lid), dice.uniform(0.7, 2), dice.uniform(0.6, 1.3))
    clasp = clasp * body * dice.chance(0.4)
    picture = paint(picture, clasp * dice.uniform(0.4, 1), dice.uniform(0, 1))
    border = dice.uniform(0.8, 2)
    trim = np.maximum(soft(border - y), soft(y - high + border)) * body * dice.chance(0.5)
    picture = picture * (1 + trim * dice.uniform(-0.4, 0.25))
    seams = soft(0.6 - np.abs(np.abs(x) - wide * dice.uniform(0.4, 0.8))) * body * dice.chance(0.3)
    return np.asarray(picture * (1 - seams * dice.uniform(0, 0.5)), np.float32)
