"""Trousers: two legs from a waistband. x is measured from the middle of the picture."""

import numpy as np

from fmcore.data.garment_cloth import Cloth, weave
from fmcore.data.garment_strokes import ACROSS, DOWN, MIDDLE, Dice, Field, limb, outline, ramp, soft

DENIM = Cloth(
    dark=0.3, dim=(0.26, 0.85), folds=(0.05, 0.2),
    stripes=0.1, pinstripes=0.1, checks=0.1, flowers=0.4, blocks=0.1,
)  # fmt: skip


def trousers(dice: Dice) -> Field:
    """Tones (n, 28, 28): mostly slim pairs, some wide; now and then one knee is bent."""
    cloth = weave(dice, DENIM)
    y = DOWN
    x = ACROSS - MIDDLE - dice.around(0, 0.3) - dice.around(0, 0.03) * (y - MIDDLE)
    wide = dice.chance(0.12)
    waist = dice.uniform(3.4, 4.8) + wide * dice.uniform(0.5, 1.5)
    hip = waist + dice.uniform(0.5, 1.5) + wide * dice.uniform(0, 1)
    fork = dice.uniform(7, 11.5)  # where the legs part
    knee = dice.uniform(1.6, 2.4) + wide  # half widths of a leg
    ankle = dice.uniform(0.9, 2.0) + wide * dice.uniform(0.5, 2)
    stand = dice.uniform(1.9, 3.6) + wide * dice.uniform(0, 1.5)  # from the middle to each foot

    bend = dice.chance(0.2) * dice.uniform(0, 2.2) * np.sin(ramp(y, fork, 28.0) * np.pi) * (x > 0)
    u = np.abs(x + bend)
    centre = outline(y, (0.0, waist / 2), (fork, hip / 2), (18.0, (hip / 2 + stand) / 2), (28.0, stand))
    thigh = (fork + 1, hip / 2 - 0.1)
    half = outline(y, (0.0, waist / 2), (fork * 0.6, hip / 2), thigh, (18.0, knee), (28.0, ankle))
    off = np.abs(u - centre)
    leg = soft(half - off) * soft(dice.uniform(27.2, 28.6) - y)
    seat = soft(outline(y, (0.0, waist), (fork * 0.6, hip)) - np.abs(x)) * soft(fork - y)
    shine = 1 + dice.uniform(-0.1, 0.25) * (1 - off / half * 2)
    picture = np.maximum(leg, seat) * cloth * np.clip(shine, 0.6, 1.25)

    seam = soft(0.5 - np.abs(x)) * soft(fork + 1 - y)
    picture = picture * (1 - seam * dice.uniform(0, 0.35))
    gap = soft(0.7 - np.abs(x)) * soft(y - fork)
    picture = picture * (1 - gap * dice.uniform(0.4, 1))
    band = soft(dice.uniform(0.8, 2.4) - y)
    picture = picture * (1 + band * dice.uniform(-0.35, 0.3))
    pocket = limb(u, y, (waist * 0.5, 1.8), (hip * 0.95, dice.uniform(3.5, 6)), 0.4, 0.4)[0]
    return np.asarray(picture * (1 - pocket * dice.uniform(0, 0.4)), np.float32)
