"""Shoes, toe to the left as in Fashion-MNIST: sneaker, ankle boot and sandal.

x runs from the toe at 0 to the heel at 28. y is 0 on the floor and negative above it; heights are positive,
so a point at height h is inside a shoe whose upper edge is `top` where `top + y > 0`.
"""

import numpy as np

from fmcore.data.garment_cloth import Cloth, weave
from fmcore.data.garment_strokes import (
    ACROSS,
    DOWN,
    MIDDLE,
    Dice,
    Field,
    between,
    ellipse,
    outline,
    paint,
    ramp,
    soft,
    stroke,
)

LEATHER = Cloth(
    dark=0.45, dim=(0.2, 0.85), bright=(0.6, 0.95), folds=(0.04, 0.16), grain=(0.01, 0.14),
    stripes=0.05, pinstripes=0.05, checks=0.03, flowers=0.4, blocks=0.05,
)  # fmt: skip
SUEDE = Cloth(
    dark=0.2, dim=(0.2, 0.85), bright=(0.66, 0.97), folds=(0.04, 0.2), grain=(0.01, 0.14),
    stripes=0.03, pinstripes=0.03, checks=0.02, flowers=0.15, blocks=0.05,
)  # fmt: skip
STRAPS = Cloth(
    dark=0.4, dim=(0.2, 0.85), bright=(0.55, 0.97), folds=(0.04, 0.2), grain=(0.01, 0.14),
    stripes=0.1, checks=0.1, flowers=0.4, blocks=0.1,
)  # fmt: skip


def sneaker(dice: Dice) -> Field:
    """Tones (n, 28, 28) of a low shoe on a flat sole; about one in eleven covers the ankle."""
    cloth = weave(dice, LEATHER)
    x, y = ACROSS, DOWN - dice.uniform(18.5, 21.8)
    high = dice.chance(0.09)
    sole, toe, throat = dice.uniform(1.2, 3.2), dice.uniform(2.6, 4.6), dice.uniform(12.5, 17)
    tongue = dice.uniform(9.4, 12.8) + high * dice.uniform(3, 6)
    dip, heel = tongue - dice.uniform(0.5, 3.5) + high, tongue - dice.uniform(-0.6, 2.5)
    top = outline(
        x, (0.0, sole + 0.3), (1.6, toe * 0.85), (4.5, toe + 0.6), (9.0, toe + dice.uniform(1.2, 2.6)),
        (throat, tongue - dice.uniform(0, 1)), (throat + 1.8, tongue), (throat + 5, dip), (25.5, heel),
        (28.0, heel - 1.5),
    )  # fmt: skip
    spring = dice.uniform(0, 1.4) * (1 - ramp(x, 0.0, 6.0)) ** 2  # the sole leaves the floor at both ends
    spring = spring + dice.uniform(0, 0.6) * ramp(x, 23.0, 28.0) ** 2
    back = 28.2 - dice.uniform(0, 1.2) * ramp(-y, 2.0, 8.0)
    ends = soft(x + 0.4 - 0.036 * (y + toe / 2) ** 2) * soft(back - x)
    shoe = soft(np.minimum(top + y, -y - spring)) * ends
    picture = paint(np.zeros_like(cloth), shoe, cloth * (1 + dice.around(0, 0.1) * (x / MIDDLE - 1)))
    picture = _panels(dice, picture, shoe, x, y)

    slant, pitch = x + y * dice.uniform(0.3, 1.1), dice.uniform(2.2, 3.6)
    stripes = (np.abs(slant % pitch - pitch / 2) < pitch * 0.27) * dice.chance(0.45)
    stripes = stripes * between(x, dice.uniform(7, 12), dice.uniform(14, 21))
    stripes = stripes * soft(top + y - 2) * soft(-y - sole)
    picture = paint(picture, stripes * dice.uniform(0.3, 1), dice.uniform(0, 1))
    laces = between(top + y, 0.0, 1.8) * between(x, throat - 6, throat + 1)
    laces = laces * (np.sin(x * 3.1 + dice.uniform(0, 6)) > 0)
    picture = picture * (1 + laces * dice.uniform(-0.6, 0.3))
    mouth = ellipse(x, y, (throat + 5, -dip - 0.6), dice.uniform(2.5, 4), dice.uniform(0.4, 1.3)) * shoe
    picture = paint(picture, mouth * dice.uniform(0, 1), dice.uniform(0, 0.5))

    # Photographs were inverted, so the many white soles are black, or no longer to be seen.
    picture = paint(picture, between(y, -sole, 0.0) * soft(-y - spring) * ends, dice.grey(dark=0.7))
    seam = between(y, -sole - 0.7, -sole + 0.1) * shoe
    return np.asarray(picture * (1 - seam * dice.uniform(0, 0.6)), np.float32)


def _panels(dice: Dice, picture: Field, shoe: Field, x: Field, y: Field) -> Field:
    """What a sneaker is sewn together from: mesh, a saddle, a heel panel, a toe cap."""
    picture = picture * (1 + dice.clouds(14, 14) * dice.uniform(0, 0.8) * dice.uniform(0, 0.8))
    saddle = between(x + y * dice.uniform(-1, 1), dice.uniform(8, 13), dice.uniform(13, 19))
    saddle = saddle * dice.chance(0.4)
    picture = paint(picture, saddle * shoe * dice.uniform(0.2, 0.9), dice.uniform(0.1, 1))
    heel = soft(x - dice.uniform(17, 22) - y * dice.uniform(-0.6, 0.6)) * dice.chance(0.5)
    picture = paint(picture, heel * shoe * dice.uniform(0.3, 1), dice.uniform(0.1, 1))
    cap = soft(dice.uniform(3, 7) - x + y * 0.3) * dice.chance(0.35)
    return paint(picture, cap * shoe * dice.uniform(0.2, 0.7), dice.uniform(0.2, 1))


def ankle_boot(dice: Dice) -> Field:
    """Tones (n, 28, 28) of a shaft above the ankle, on anything from a flat sole to a high heel."""
    cloth = weave(dice, SUEDE)
    x = ACROSS
    heeled = dice.chance(0.5)
    rise = heeled * dice.uniform(0, 1)
    lift = heeled * 1.5 + 6.5 * rise + (1 - heeled) * dice.uniform(0.3, 1.4)  # height of the heel
    tall = np.minimum(dice.uniform(13.2, 20) + heeled * 2 + lift * 0.45, 27.5)
    y = DOWN - np.minimum(MIDDLE + tall / 2 + dice.uniform(0, 1.2), 28.0)
    front = dice.uniform(9.5, 14) + heeled * dice.uniform(0, 2.5)
    back, toe = dice.uniform(25.6, 28.2), dice.uniform(2.8, 5.4)
    sole = dice.uniform(0.6, 2.0) * (1 - 0.4 * heeled)
    top = outline(
        x, (0.0, sole + 0.5), (1.5, toe * 0.8), (5.0, toe + 0.8),
        (front - 2, toe + dice.uniform(2, 4.5) + lift * 0.45),
        (front + 0.4, tall * dice.uniform(0.75, 1)), (front + 2, tall),
    )  # fmt: skip
    slope = dice.uniform(-1.6, 1.6) * (ramp(x, front + 1, 28.0) - 0.5)
    top = top + slope * (x > front + 1)
    arch = lift * ramp(x, dice.uniform(6, 9), dice.uniform(17, 20))
    heel_front = dice.uniform(17.5, 22.5) + rise * 1.5 + y * dice.uniform(-0.25, 0.1)
    under = np.where(x > heel_front, 0, arch)
    heel_back = back - dice.uniform(-0.4, 0.8) + heeled * y * dice.uniform(-0.12, 0.1)
    shaft_back = back + dice.around(0, 0.05) * (y + lift)
    ends = soft(np.where(-y > lift + 2, shaft_back, heel_back) - x) * soft(x + 0.3)
    boot = soft(np.minimum(top + y, -y - under)) * ends
    picture = paint(np.zeros_like(cloth), boot, cloth * (1 + dice.around(0, 0.12) * (x / MIDDLE - 1)))

    lacing = between(x - front - 0.12 * (y + tall), 0.0, dice.uniform(1.5, 3)) * soft(-y - toe - 2)
    lacing = lacing * (np.sin(y * dice.uniform(2, 3.4)) > 0) * boot * dice.chance(0.35)
    picture = paint(picture, lacing * dice.uniform(0.3, 0.9), dice.uniform(0, 1))
    height = dice.uniform(5, 15)
    strap = between(y + 0.15 * (x - MIDDLE), -height, 1.2 - height) * (x > front - 1)
    strap = strap * boot * dice.chance(0.25)
    picture = paint(picture, strap * dice.uniform(0.3, 0.9), dice.uniform(0, 1))
    rim = soft(dice.uniform(0.8, 2.2) - top - y) * (x > front) * boot * dice.chance(0.5)
    picture = picture * (1 + rim * dice.uniform(-0.4, 0.25))
    picture = _gore_and_zip(dice, picture, boot, x, y + lift, tall - lift)

    tread = soft(sole + under + y) * boot * dice.chance(0.7)
    picture = paint(picture, tread, dice.grey(dark=0.5))
    seam = between(y + under, -sole - 0.7, -sole + 0.1) * boot
    return np.asarray(picture * (1 - seam * dice.uniform(0, 0.6)), np.float32)


def _gore_and_zip(dice: Dice, picture: Field, boot: Field, x: Field, y: Field, tall: Field) -> Field:
    """The elastic wedge of a Chelsea boot, and a zip; y is 0 where the heel begins."""
    half = dice.uniform(1.2, 3) * (1 - 0.06 * (y + tall))
    gore = soft(half - np.abs(x - dice.uniform(16, 21))) * soft(-y - 5) * boot * dice.chance(0.3)
    picture = paint(picture, gore * dice.uniform(0.3, 0.9), dice.uniform(0, 0.9))
    zipper = soft(0.6 - np.abs(x - dice.uniform(17, 23) - y * 0.1)) * soft(-y - 2) * boot * dice.chance(0.25)
    return np.asarray(picture * (1 - zipper * dice.uniform(0.2, 0.7)), np.float32)


def sandal(dice: Dice) -> Field:
    """Tones (n, 28, 28) of a sole and a few straps with air between them: flat, on a wedge or on a heel."""
    cloth = weave(dice, STRAPS)
    x = ACROSS
    flat, wedge, heel = dice.pick(0.55, 0.18, 0.27)
    lift = flat * dice.uniform(0, 1.6) + wedge * dice.uniform(3, 9) + heel * dice.uniform(5, 13)
    thick = flat * dice.uniform(0.9, 2.8) + wedge * dice.uniform(1.2, 3) + heel * dice.uniform(0.8, 1.8)
    ankle = flat * dice.uniform(2.5, 9) + (1 - flat) * dice.uniform(5, 12)  # from the foot bed up
    tall = np.minimum(lift + thick + ankle, 27.5)
    y = DOWN - np.minimum(MIDDLE + tall / 2 + dice.uniform(-0.5, 1), 28.0)

    toe_spring = dice.uniform(0, 0.8) * (1 - ramp(x, 0.0, 4.0)) ** 2
    bed = thick + lift * ramp(x, dice.uniform(6, 10), dice.uniform(19, 23)) + toe_spring
    under = (bed - thick) * (1 - wedge)
    sole = soft(np.minimum(bed + y, -y - under)) * soft(x + 0.2) * soft(dice.uniform(27, 28.4) - x)
    post = dice.uniform(23.5, 26.3) + y * dice.uniform(-0.05, 0.08)
    pillar = soft(dice.uniform(0.6, 2.6) + (y + lift) * 0.04 - np.abs(x - post))
    pillar = pillar * between(y, -lift - thick, 0.0)
    same = dice.chance(0.5)
    tone = same * cloth + (1 - same) * dice.grey(dark=0.3)
    picture = paint(np.zeros_like(cloth), np.maximum(sole, pillar * heel), tone)
    groove = between(y + bed, dice.uniform(0.5, 1.2), 1.8) * sole * dice.chance(0.5)
    picture = picture * (1 - groove * dice.uniform(0.2, 0.8))

    front = dice.uniform(2, 5.5)  # height of the straps over the toes
    straps = _toe_straps(dice, x, y + thick, front)
    straps = np.maximum(straps, _ankle_straps(dice, x, y + thick, lift, ankle, front))
    straps = np.maximum(straps, _lattice(dice, x, y, bed, ankle, front))
    return paint(picture, straps * soft(27.5 + y), cloth * dice.uniform(0.7, 1.25))


def _toe_straps(dice: Dice, x: Field, y: Field, front: Field) -> Field:
    """Up to three bands, or a whole vamp, over the toes; y is 0 on the sole."""
    vamp = ellipse(x, y, (dice.uniform(6, 9), 0.0), dice.uniform(3.5, 6.5), front * dice.uniform(0.8, 1.3))
    covered = vamp * soft(-y) * dice.chance(0.3)
    for _ in range(3):
        foot, tip = (dice.uniform(2, 11), 0.0), (dice.uniform(4, 15), -front * dice.uniform(0.6, 1.1))
        band = stroke(x, y, foot, tip, dice.uniform(0.4, 1.3), dice.uniform(0.4, 1.2))
        covered = np.maximum(covered, band * dice.chance(0.75))
    return covered


def _ankle_straps(dice: Dice, x: Field, y: Field, lift: Field, ankle: Field, front: Field) -> Field:
    """A band along the instep, one up the heel and one around the ankle; y is 0 on the sole at the toe."""
    low = (dice.uniform(5, 11), -front * dice.uniform(0.3, 1))
    high = (dice.uniform(17, 24), -lift - ankle * dice.uniform(0.3, 0.9))
    instep = stroke(x, y, low, high, dice.uniform(0.4, 1.1), dice.uniform(0.4, 1.0))
    heel_x = dice.uniform(23.5, 26.8)
    up = (heel_x - dice.uniform(-0.5, 2), -lift - ankle)
    counter = stroke(x, y, (heel_x, -lift), up, dice.uniform(0.4, 1.8), dice.uniform(0.4, 1.2))
    behind = (heel_x - 0.5, -lift - ankle * dice.uniform(0.5, 1))
    before = (heel_x - dice.uniform(5, 11), -lift - ankle * dice.uniform(0.5, 1.05))
    anklet = stroke(x, y, behind, before, dice.uniform(0.4, 1.2), dice.uniform(0.4, 1.2))
    straps: Field = np.maximum(instep * dice.chance(0.45), np.maximum(counter, anklet) * dice.chance(0.8))
    return straps


def _lattice(dice: Dice, x: Field, y: Field, bed: Field, ankle: Field, front: Field) -> Field:
    """An upper of parallel or crossing slats, as of gladiator sandals; often it ends before the heel."""
    ridge = outline(
        x, (1.0, 0.5), (7.0, front + 0.5), (16.0, front + dice.uniform(0, 0.7) * ankle),
        (25.0, dice.uniform(0.1, 1) * ankle),
    )  # fmt: skip
    slats = np.maximum(_slats(dice, x, y), _slats(dice, x, y) * dice.chance(0.4))
    slats = np.maximum(slats, soft(x - dice.uniform(17, 24)) * dice.chance(0.3))  # a closed heel
    upper = soft(ridge + bed + y) * soft(dice.uniform(14, 32) - x) * soft(-y - bed + 0.5)
    return np.asarray(upper * slats * dice.chance(0.6), np.float32)


def _slats(dice: Dice, x: Field, y: Field) -> Field:
    """Parallel bands at a random slant, pitch and width, all over the picture."""
    wave = np.cos((x + y * dice.uniform(-1.4, 1.4)) * dice.uniform(0.9, 2.5) + dice.uniform(0, 6))
    return np.asarray(np.clip(wave * dice.uniform(2, 4) + dice.uniform(-0.6, 1.0), 0, 1), np.float32)
