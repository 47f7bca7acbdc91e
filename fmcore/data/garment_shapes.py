"""The ten drawings: how a T-shirt, a bag or an ankle boot is put together from soft shapes.

Every drawing takes the dice of a batch and returns tones (n, 28, 28), 0 for the background. Positions are in
pixels; x of the upper-body garments, trousers and bags is measured from the middle of the picture.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fmcore.data.garment_cloth import Cloth, Span, emblem, weave
from fmcore.data.garment_strokes import (
    ACROSS,
    DOWN,
    SIDE,
    Dice,
    Field,
    arc,
    between,
    ellipse,
    limb,
    outline,
    ramp,
    soft,
    stroke,
)

MIDDLE = SIDE / 2


def paint(picture: Field, coverage: Field, tone: float | Field) -> Field:
    """Lay `tone` over the picture where `coverage` says so."""
    return np.asarray(picture + coverage * (tone - picture), np.float32)


# --- tops, dresses and coats -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cut:
    """The pattern of an upper-body garment: half widths at five heights, sleeves, neck and details, as ranges.

    `sleeves` weighs none, short, elbow-long and full; `details` are chances of what is sewn on.
    """

    cloth: Cloth
    shoulder: Span = (6.0, 7.6)
    chest: Span = (6.0, 7.8)
    waist: Span = (5.6, 7.6)
    hem: Span = (6.0, 8.2)
    length: Span = (27.0, 28.5)
    neck: Span = (2.0, 4.2)
    drop: Span = (1.2, 3.2)  # from the neck down to the shoulder
    dip: Span = (0.8, 4.0)
    sleeves: tuple[float, float, float, float] = (1, 1, 1, 1)
    sleeve_end: Span = (23.0, 27.5)  # how far down full sleeves reach
    sleeve_half: Span = (2.2, 3.0)  # half width at the shoulder
    spread: Span = (0.8, 3.0)  # how far out from the shoulder full sleeves end
    bow: Span = (0.3, 2.0)  # how far full sleeves curve outwards on the way
    crease: Span = (0.1, 1.0)  # how dark the gap between sleeve and body is
    emblem: float = 0.0
    collar: float = 0.0
    buttons: float = 0.0
    placket: float = 0.0
    opening: float = 0.0
    hood: float = 0.0
    pockets: float = 0.0
    belt: float = 0.0
    quilting: float = 0.0
    rib: float = 0.3
    round_hem: float = 0.1


def upper_body(dice: Dice, cut: Cut) -> Field:
    """A garment with shoulders: sleeves first, the body over them, then what is sewn on."""
    x = ACROSS - MIDDLE - dice.around(0, 0.35) - dice.around(0, 0.02) * (DOWN - MIDDLE)
    x = x * dice.uniform(0.9, 1.08)
    u = np.abs(x)
    cloth = weave(dice, cut.cloth)

    shoulder, chest = dice.uniform(*cut.shoulder), dice.uniform(*cut.chest)
    waist, hem = dice.uniform(*cut.waist), dice.uniform(*cut.hem)
    length = dice.uniform(*cut.length)
    neck, dip, drop = dice.uniform(*cut.neck), dice.uniform(*cut.dip), dice.uniform(*cut.drop)
    bare, short, elbow, full = dice.pick(*cut.sleeves)
    shoulder = shoulder - bare * dice.uniform(0, 2.5)
    neck = np.minimum(neck + bare * dice.uniform(0, 1.5), shoulder - 1.0)
    dip = dip + bare * dice.uniform(0, 3)

    end_y = short * dice.uniform(7.5, 12) + elbow * dice.uniform(12, 19) + full * dice.uniform(*cut.sleeve_end)
    end_x = shoulder + short * dice.uniform(1.5, 5) + elbow * dice.uniform(1, 4) + full * dice.uniform(*cut.spread)
    y = DOWN * np.maximum(length, end_y) / dice.uniform(27.2, 28.2)  # the longer of body and sleeves fills the frame

    half = outline(y, (0.0, neck + 0.4), (drop, shoulder), (drop + 6.5, chest), (16.0, waist), (length, hem))
    curve = dice.chance(cut.round_hem) * dice.uniform(-0.05, 0.06)
    body = soft(np.minimum(half - u, length - curve * u * u - y))

    arm_half = dice.uniform(*cut.sleeve_half)
    cuff_half = arm_half * (short * dice.uniform(0.75, 1.1) + elbow * dice.uniform(0.6, 1) + full * dice.uniform(0.5, 0.85)) + 0.01
    bow = (full + 0.5 * elbow) * dice.uniform(*cut.bow) * np.sin(np.clip(y / 27, 0, 1) ** 0.6 * np.pi)
    sway = 1 + dice.around(0, 0.03) * np.sign(x)
    top_of_arm = (shoulder - arm_half + 0.4, drop + arm_half * 0.6)
    arm, along, across = limb(u * sway - bow, y, top_of_arm, (end_x - cuff_half * 0.5, end_y), arm_half, cuff_half)
    arm = arm * (1 - bare)
    lustre = dice.uniform(-0.1, 0.85)  # how much brighter (or duller) cloth looks where it turns away
    sleeve = cloth * dice.uniform(0.8, 1.2) * (1 + dice.uniform(-0.25, 0.4) * across) + lustre * (1 - cloth) * across**2
    cuff = (along > 0.93) * dice.uniform(-0.3, 0.25) * dice.chance(0.5)
    picture = paint(np.zeros_like(cloth), arm, sleeve + cuff)

    crease = soft(half + dice.uniform(0.2, 1.0) - u) * soft(y - drop - 2) * soft(length - y)
    picture = picture * (1 - crease * dice.uniform(*cut.crease) * (1 - bare))
    turn = np.clip(u / half, 0, 1) ** 3
    picture = paint(picture, body, cloth * (1 + dice.uniform(-0.25, 0.1) * turn) + lustre * (1 - cloth) * turn)

    picture = _sewn_on(dice, cut, picture, body, x, y, half, length)
    return _neckline(dice, cut, picture, x, y, neck, dip)


def _sewn_on(dice: Dice, cut: Cut, picture: Field, body: Field, x: Field, y: Field, half: Field, length: Field) -> Field:
    """Print, opening, buttons, pockets, belt and ribbed hem, on the body only."""
    shape, ink = emblem(dice, x, y, cut.emblem)
    picture = paint(picture, shape * body, ink)

    off = x - dice.around(0, 0.25)
    line = soft(dice.uniform(0.3, 0.8) - np.abs(off)) * body * dice.chance(cut.opening)
    light = dice.chance(0.25)
    picture = paint(picture, line * dice.uniform(0.5, 1), light * dice.uniform(0.6, 1) + (1 - light) * picture * dice.uniform(0.1, 0.75))
    quilted = np.clip(np.cos(y * dice.uniform(1.3, 2.6)) * 3 - 1.6, 0, 1) * dice.chance(cut.quilting)
    picture = picture * (1 - quilted * dice.uniform(0.02, 0.16))
    facing = between(off, dice.uniform(0.4, 1.0), dice.uniform(1.2, 2.2)) * body * dice.chance(cut.placket)
    picture = picture * (1 + facing * dice.uniform(-0.3, 0.25))

    pitch = dice.uniform(2.2, 4.5)
    rows = np.abs((y + dice.uniform(0, 4)) % pitch - pitch / 2) < 0.55
    last = np.where(dice.chance(0.3) > 0, 11.0, 27.0)
    buttons = rows * soft(0.7 - np.abs(off)) * (y < last) * body * dice.chance(cut.buttons)
    picture = paint(picture, buttons * dice.uniform(0.1, 1), dice.uniform(0, 1))

    patch_x, patch_y = dice.uniform(2.6, 4.6), dice.uniform(9, 20)
    wide, high = dice.uniform(1, 2), dice.uniform(0.4, 2.4)
    pocket = between(np.abs(x), patch_x - wide, patch_x + wide) * between(y, patch_y - high, patch_y + high)
    one_side = np.maximum(dice.chance(0.6), x > 0)
    pocket = pocket * one_side * body * dice.chance(cut.pockets)
    picture = picture * (1 + pocket * dice.uniform(-0.4, 0.25))

    belt_y = dice.uniform(11, 17)
    belt = between(y, belt_y, belt_y + dice.uniform(0.6, 2)) * body * dice.chance(cut.belt)
    picture = paint(picture, belt * dice.uniform(0.3, 1), dice.uniform(0, 0.9))

    rib = between(y, length - dice.uniform(0.8, 2.4), length) * body * dice.chance(cut.rib)
    return np.asarray(picture * (1 + rib * dice.uniform(-0.35, 0.25)), np.float32)


def _neckline(dice: Dice, cut: Cut, picture: Field, x: Field, y: Field, neck: Field, dip: Field) -> Field:
    """The opening for the neck with its band, or a collar standing in it, or a hood lying around it."""
    pointed = dice.chance(0.35)
    u = np.abs(x)
    inside = pointed * (dip * (1 - u / neck) - y) + (1 - pointed) * (
        (1 - np.sqrt((u / neck) ** 2 + (y / dip) ** 2)) * np.minimum(neck, dip)
    )
    band = soft(inside + dice.uniform(0.6, 1.6)) * (picture > 0.02)
    picture = picture * (1 + band * dice.uniform(-0.35, 0.3))
    hollow = soft(inside)
    back = dice.chance(0.55) * dice.uniform(0.05, 0.7)  # the inside of the back shows, or nothing does
    picture = paint(picture, hollow, back * (y > dice.uniform(-0.5, 1.6)))

    tone = picture[:, 8:16, 8:20].mean((1, 2), keepdims=True)
    tip, flap = dice.uniform(2.2, 4.8), dice.uniform(1.2, 2.2)
    collar = limb(u, y, (neck * 0.8, dice.uniform(-0.2, 0.8)), (dice.uniform(0.8, 3), tip), flap, flap * 0.6)[0]
    collar = collar * dice.chance(cut.collar)
    picture = paint(picture, collar, tone * dice.uniform(0.75, 1.3))
    rim = collar * (1 - soft(collar * 3 - 2))
    picture = picture * (1 - rim * dice.uniform(0, 0.6))

    hood_half = dice.uniform(2.6, 4.6)
    hood = ellipse(x, y, 0.0, dice.uniform(1.5, 3.2), hood_half, dice.uniform(2.4, 4.2)) * dice.chance(cut.hood)
    picture = paint(picture, hood, tone * dice.uniform(0.7, 1.2))
    mouth = ellipse(x, y, 0.0, dice.uniform(1.5, 2.8), hood_half * dice.uniform(0.4, 0.75), dice.uniform(1, 2.2)) * hood
    return paint(picture, mouth, tone * dice.uniform(0.2, 0.9))


T_SHIRT = Cut(
    Cloth(dark=0.6, bright=(0.62, 0.97), folds=(0.01, 0.08), grain=(0.0, 0.1), stripes=0.7, checks=0.02, flowers=0.35),
    shoulder=(6.5, 8.1), chest=(6.0, 7.4), waist=(5.7, 7.2), hem=(5.7, 7.5), drop=(0.8, 2.8), dip=(0.8, 4.0),
    sleeves=(0.2, 0.75, 0.06, 0.03), sleeve_half=(2.3, 3.1), emblem=0.4, collar=0.08, buttons=0.06, pockets=0.08,
)  # fmt: skip
PULLOVER = Cut(
    Cloth(dark=0.6, folds=(0.01, 0.1), grain=(0.0, 0.14), stripes=0.9, checks=0.04, flowers=0.2, blocks=0.5),
    shoulder=(6.0, 7.6), chest=(5.4, 7.0), waist=(5.2, 7.2), hem=(5.4, 7.4), length=(21.0, 26.8), neck=(1.8, 4.4),
    drop=(1.2, 3.0), dip=(0.5, 2.8), sleeves=(0.01, 0.01, 0.03, 1), sleeve_end=(24, 28.5), bow=(0.5, 2.2), sleeve_half=(1.9, 2.8),
    emblem=0.25, collar=0.05, hood=0.2, rib=0.6,
)  # fmt: skip
DRESS = Cut(
    Cloth(dark=0.5, folds=(0.04, 0.2), grain=(0.0, 0.12), stripes=0.6, checks=0.1, flowers=1.2, blocks=0.7),
    shoulder=(3.8, 6.0), chest=(3.4, 5.2), waist=(3.0, 6.0), hem=(3.4, 7.8), length=(27.5, 28.5), drop=(0.8, 2.8),
    neck=(1.4, 4.0), dip=(0.8, 5.0), sleeves=(0.36, 0.27, 0.12, 0.27), sleeve_end=(13, 20), sleeve_half=(1.2, 2.1),
    spread=(0.6, 2.6), emblem=0.08, belt=0.3, rib=0.15, collar=0.04,
)  # fmt: skip
COAT = Cut(
    Cloth(dark=0.25, bright=(0.66, 0.97), folds=(0.02, 0.14), grain=(0.0, 0.14), stripes=0.1, pinstripes=0.05, checks=0.03, flowers=0.2, blocks=0.3),
    shoulder=(4.9, 6.6), chest=(5.2, 7.2), waist=(5.0, 7.2), hem=(5.2, 7.8), length=(21.5, 28.0),
    neck=(1.2, 2.8), drop=(3.0, 5.6), dip=(0.5, 3.5), sleeves=(0.01, 0.01, 0.04, 1), sleeve_end=(20.5, 28), spread=(1.2, 3.6), bow=(0.2, 1.5), crease=(0.05, 0.85),
    sleeve_half=(1.9, 2.9), collar=0.55, hood=0.3, buttons=0.15, opening=0.95, placket=0.4, pockets=0.5,
    belt=0.08, quilting=0.25, rib=0.3,
)  # fmt: skip
SHIRT = Cut(
    Cloth(dark=0.7, plain=5.0, folds=(0.04, 0.2), grain=(0.0, 0.2), stripes=0.5, pinstripes=0.6, checks=1.2, flowers=1.9, blocks=0.2),
    shoulder=(5.6, 7.4), chest=(5.4, 7.2), waist=(5.0, 7.0), hem=(5.6, 8.2), length=(26.5, 28.5),
    neck=(1.2, 3.4), drop=(1.5, 3.7), dip=(0.8, 4.0), sleeves=(0.06, 0.22, 0.14, 0.58), sleeve_end=(22, 27),
    sleeve_half=(1.7, 2.6), collar=0.6, buttons=0.6, placket=0.4, opening=0.12, pockets=0.15, belt=0.05,
    round_hem=0.4, rib=0.1,
)  # fmt: skip


def worn(cut: Cut) -> Callable[[Dice], Field]:
    """The drawing of an upper-body garment of this cut."""
    return lambda dice: upper_body(dice, cut)


# --- trousers --------------------------------------------------------------------------------------------------

DENIM = Cloth(dark=0.3, folds=(0.05, 0.2), stripes=0.1, pinstripes=0.1, checks=0.1, flowers=0.4, blocks=0.1)


def trouser(dice: Dice) -> Field:
    """Two legs from a waistband; one knee may be bent, some pairs are wide or short."""
    cloth = weave(dice, DENIM)
    lean = dice.around(0, 0.03)
    x = ACROSS - MIDDLE - dice.around(0, 0.3) - lean * (DOWN - MIDDLE)
    wide = dice.chance(0.12)
    waist, hip = dice.uniform(3.2, 4.4) + wide, dice.uniform(4.2, 5.6) + wide * dice.uniform(0.5, 2.5)
    fork = dice.uniform(7, 11.5)
    ankle = dice.uniform(0.9, 2.0) + wide * dice.uniform(0.5, 2)
    knee = dice.uniform(1.6, 2.4) + wide
    stand = dice.uniform(1.9, 3.6) + wide * dice.uniform(0, 1.5)
    y = DOWN
    bend = dice.chance(0.2) * dice.uniform(0, 2.2) * np.sin(ramp(y, fork, 28.0) * np.pi) * (x > 0)
    u = np.abs(x + bend)
    centre = outline(y, (0.0, waist / 2), (fork, hip / 2), (18.0, (hip / 2 + stand) / 2), (28.0, stand))
    half = outline(y, (0.0, waist / 2), (fork * 0.6, hip / 2), (fork + 1, hip / 2 - 0.1), (18.0, knee), (28.0, ankle))
    leg = soft(half - np.abs(u - centre)) * soft(dice.uniform(27.2, 28.6) - y)
    seat = soft(outline(y, (0.0, waist), (fork * 0.6, hip)) - np.abs(x)) * soft(fork - y)
    shine = 1 + dice.uniform(-0.1, 0.25) * (1 - np.abs(u - centre) / half * 2)
    legs = np.maximum(leg, seat)
    picture = legs * cloth * np.clip(shine, 0.6, 1.25)
    seam = soft(0.5 - np.abs(x)) * soft(fork + 1 - y)
    picture = picture * (1 - seam * dice.uniform(0, 0.35))
    inner = soft(0.7 - np.abs(x)) * soft(y - fork)
    picture = picture * (1 - inner * dice.uniform(0.4, 1))
    band = soft(dice.uniform(0.8, 2.4) - y)
    picture = picture * (1 + band * dice.uniform(-0.35, 0.3))
    pocket = limb(u, y, (waist * 0.5, 1.8), (hip * 0.95, dice.uniform(3.5, 6)), 0.4, 0.4)[0]
    return np.asarray(picture * (1 - pocket * dice.uniform(0, 0.4)), np.float32)


# --- shoes: toe to the left ------------------------------------------------------------------------------------

LEATHER = Cloth(dark=0.45, bright=(0.6, 0.95), folds=(0.04, 0.16), grain=(0.01, 0.14), stripes=0.05, pinstripes=0.05, checks=0.03, flowers=0.4, blocks=0.05)
SUEDE = Cloth(dark=0.2, bright=(0.66, 0.97), folds=(0.04, 0.2), grain=(0.01, 0.14), stripes=0.1, checks=0.05, flowers=0.2, blocks=0.1)
STRAPS = Cloth(dark=0.4, bright=(0.55, 0.97), folds=(0.04, 0.2), grain=(0.01, 0.14), stripes=0.1, checks=0.1, flowers=0.4, blocks=0.1)


def sneaker(dice: Dice) -> Field:
    """A low shoe on a flat sole: side panel, laces, stripes, sometimes ankle-high."""
    cloth = weave(dice, LEATHER)
    x, floor = ACROSS, dice.uniform(18.5, 21.8)
    high = dice.chance(0.07)
    y = DOWN - floor  # upwards is negative
    sole = dice.uniform(1.2, 3.2)
    toe, throat = dice.uniform(2.6, 4.6), dice.uniform(12.5, 17)
    tongue = dice.uniform(9.4, 12.8) + high * dice.uniform(3, 6)
    dip, heel = tongue - dice.uniform(0.5, 3.5), tongue - dice.uniform(-0.6, 2.5)
    dip = dip + high * 1.0
    back = dice.uniform(0, 1.2)
    top = outline(
        x, (0.0, sole + 0.3), (1.6, toe * 0.85), (4.5, toe + 0.6), (9.0, toe + dice.uniform(1.2, 2.6)),
        (throat, tongue - dice.uniform(0, 1.0)), (throat + 1.8, tongue), (throat + 5, dip), (25.5, heel), (28.0, heel - 1.5),
    )  # fmt: skip
    spring = dice.uniform(0, 1.4) * (1 - ramp(x, 0.0, 6.0)) ** 2 + dice.uniform(0, 0.6) * ramp(x, 23.0, 28.0) ** 2
    ends = soft(x + 0.4 - 0.12 * (y + toe / 2) ** 2 * 0.3) * soft(28.2 - x - back * ramp(-y, 2.0, 8.0))
    shoe = soft(np.minimum(top + y, -y - spring)) * ends
    picture = paint(np.zeros_like(cloth), shoe, cloth * (1 + dice.around(0, 0.1) * (x / MIDDLE - 1)))

    mesh = dice.clouds(14, 14) * dice.uniform(0, 0.8) * dice.uniform(0, 0.8)
    picture = picture * (1 + mesh)
    saddle = between(x + y * dice.uniform(-1, 1), dice.uniform(8, 13), dice.uniform(13, 19)) * dice.chance(0.4)
    picture = paint(picture, saddle * shoe * dice.uniform(0.2, 0.9), dice.uniform(0.1, 1))
    panel_tone = dice.uniform(0.1, 1)
    panel = soft(x - dice.uniform(17, 22) - y * dice.uniform(-0.6, 0.6)) * dice.chance(0.5)
    picture = paint(picture, panel * shoe * dice.uniform(0.3, 1), panel_tone)
    cap = soft(dice.uniform(3, 7) - x + y * 0.3) * dice.chance(0.35)
    picture = paint(picture, cap * shoe * dice.uniform(0.2, 0.7), dice.uniform(0.2, 1))
    slant = x + y * dice.uniform(0.3, 1.1)
    pitch = dice.uniform(2.2, 3.6)
    stripes = (np.abs(slant % pitch - pitch / 2) < pitch * 0.27) * between(x, 10.0, dice.uniform(14, 20)) * dice.chance(0.35)
    stripes = stripes * soft(top + y - 2) * soft(-y - sole)
    picture = paint(picture, stripes * dice.uniform(0.3, 1), dice.uniform(0, 1))
    laces = between(top + y, 0.0, 1.8) * between(x, throat - 6, throat + 1) * (np.sin(x * 3.1 + dice.uniform(0, 6)) > 0)
    picture = picture * (1 + laces * dice.uniform(-0.6, 0.3))
    mouth = ellipse(x, y, throat + 5, -dip - 0.6, dice.uniform(2.5, 4), dice.uniform(0.4, 1.3)) * shoe
    picture = paint(picture, mouth * dice.uniform(0, 1), dice.uniform(0, 0.5))

    tread = between(y, -sole, 0.0) * soft(-y - spring) * ends
    picture = paint(picture, tread, dice.pick_tone(0.7))
    seam = between(y, -sole - 0.7, -sole + 0.1) * shoe
    return np.asarray(picture * (1 - seam * dice.uniform(0, 0.6)), np.float32)


def ankle_boot(dice: Dice) -> Field:
    """A shaft above the ankle, on anything from a flat sole to a high heel."""
    cloth = weave(dice, SUEDE)
    x = ACROSS
    rise = dice.uniform(0, 1)  # how much of a heel
    heeled = dice.chance(0.5)
    lift = heeled * (1.5 + 6.5 * rise) + (1 - heeled) * dice.uniform(0.3, 1.4)
    tall = dice.uniform(13.2, 20) + heeled * 2 + lift * 0.45
    tall = np.minimum(tall, 27.5)
    y = DOWN - np.minimum(14 + tall / 2 + dice.uniform(0, 1.2), 28.0)  # the floor is at 0, upwards is negative
    front, back = dice.uniform(9.5, 14) + heeled * dice.uniform(0, 2.5), dice.uniform(24.5, 28)
    toe = dice.uniform(2.8, 5.4)
    sole = dice.uniform(0.6, 2.0) * (1 - 0.4 * heeled)
    top = outline(
        x, (0.0, sole + 0.5), (1.5, toe * 0.8), (5.0, toe + 0.8), (front - 2, toe + dice.uniform(2, 4.5) + lift * 0.45),
        (front + 0.4, tall * dice.uniform(0.75, 1)), (front + 2, tall),
    ) + dice.uniform(-1.6, 1.6) * (ramp(x, front + 1, 28.0) - 0.5) * (x > front + 1)  # fmt: skip
    arch = lift * ramp(x, dice.uniform(6, 9), dice.uniform(17, 20))
    heel_front = dice.uniform(17.5, 22.5) + heeled * rise * 1.5
    under = np.where(x > heel_front + y * dice.uniform(-0.25, 0.1), 0, arch)
    heel_back = back - dice.uniform(-0.4, 0.8) + heeled * y * dice.uniform(-0.12, 0.1)
    ends = soft(np.where(-y > lift + 2, back + dice.around(0, 0.05) * (y + lift), heel_back) - x) * soft(x + 0.3)
    boot = soft(np.minimum(top + y, -y - under)) * ends
    picture = paint(np.zeros_like(cloth), boot, cloth * (1 + dice.around(0, 0.12) * (x / MIDDLE - 1)))

    gore_x, gore_w = dice.uniform(16, 21), dice.uniform(1.2, 3)
    gore = soft(gore_w * (1 + (y + tall) * -0.06) - np.abs(x - gore_x)) * soft(-y - lift - 5) * boot * dice.chance(0.3)
    picture = paint(picture, gore * dice.uniform(0.3, 0.9), dice.uniform(0, 0.9))
    lacing = between(x - front - 0.12 * (y + tall), 0.0, dice.uniform(1.5, 3)) * soft(-y - toe - 2)
    lacing = lacing * (np.sin(y * dice.uniform(2, 3.4)) > 0) * boot * dice.chance(0.35)
    picture = paint(picture, lacing * dice.uniform(0.3, 0.9), dice.uniform(0, 1))
    strap_y = dice.uniform(5, 15)
    strap = between(y + 0.15 * (x - 14), -strap_y, 1.2 - strap_y) * (x > front - 1) * boot * dice.chance(0.25)
    picture = paint(picture, strap * dice.uniform(0.3, 0.9), dice.uniform(0, 1))
    collar = soft(dice.uniform(0.8, 2.2) - top - y) * (x > front) * boot
    picture = picture * (1 + collar * dice.uniform(-0.4, 0.25) * dice.chance(0.5))
    zipper = soft(0.6 - np.abs(x - dice.uniform(17, 23) - y * 0.1)) * soft(-y - lift - 2) * boot * dice.chance(0.25)
    picture = picture * (1 - zipper * dice.uniform(0.2, 0.7))

    tread = soft(sole + under + y) * boot
    picture = paint(picture, tread * dice.chance(0.7), dice.pick_tone(0.5))
    seam = between(y, -sole - under - 0.7, -sole - under + 0.1) * boot
    return np.asarray(picture * (1 - seam * dice.uniform(0, 0.6)), np.float32)


def sandal(dice: Dice) -> Field:
    """A sole and a few straps with air between them: flat, on a wedge or on a heel."""
    cloth = weave(dice, STRAPS)
    x = ACROSS
    flat, wedge, heel = dice.pick(0.55, 0.18, 0.27)
    lift = flat * dice.uniform(0, 1.6) + wedge * dice.uniform(3, 9) + heel * dice.uniform(5, 13)
    thick = flat * dice.uniform(0.9, 2.8) + wedge * dice.uniform(1.2, 3) + heel * dice.uniform(0.8, 1.8)
    ankle = flat * dice.uniform(2.5, 9) + (1 - flat) * dice.uniform(5, 12)
    tall = np.minimum(lift + thick + ankle, 27.5)
    y = DOWN - np.minimum(14 + tall / 2 + dice.uniform(-0.5, 1), 28.0)
    bed = thick + lift * ramp(x, dice.uniform(6, 10), dice.uniform(19, 23)) + dice.uniform(0, 0.8) * (1 - ramp(x, 0.0, 4.0)) ** 2
    under = (bed - thick) * (1 - wedge)
    sole = soft(np.minimum(bed + y, -y - under)) * soft(x + 0.2) * soft(dice.uniform(27, 28.4) - x)
    post_x, post = dice.uniform(23.5, 26.3), dice.uniform(0.6, 2.6)
    pillar = soft(post + (y + lift) * 0.04 - np.abs(x - post_x - y * dice.uniform(-0.05, 0.08))) * between(y, -lift - thick, 0.0) * heel
    sole_tone = dice.pick_tone(0.3)
    own = dice.chance(0.5)
    sole_tone = own * cloth + (1 - own) * sole_tone
    picture = paint(np.zeros_like(cloth), np.maximum(sole, pillar), sole_tone)
    groove = between(y, -bed + dice.uniform(0.5, 1.2), -bed + 1.8) * sole * dice.chance(0.5)
    picture = picture * (1 - groove * dice.uniform(0.2, 0.8))

    covered = np.zeros_like(cloth)
    front_high = dice.uniform(2, 5.5)
    for _ in range(3):  # over the toes
        foot, tip = dice.uniform(2, 11), dice.uniform(4, 15)
        strap = stroke(x, y, (foot, -thick), (tip, -thick - front_high * dice.uniform(0.6, 1.1)), dice.uniform(0.4, 1.3), dice.uniform(0.4, 1.2))
        covered = np.maximum(covered, strap * dice.chance(0.75))
    instep = stroke(
        x, y, (dice.uniform(5, 11), -thick - front_high * dice.uniform(0.3, 1)), (dice.uniform(17, 24), -thick - lift - ankle * dice.uniform(0.3, 0.9)),
        dice.uniform(0.4, 1.1), dice.uniform(0.4, 1.0),
    )  # fmt: skip
    covered = np.maximum(covered, instep * dice.chance(0.45))
    vamp = ellipse(x, y, dice.uniform(6, 9), -thick, dice.uniform(3.5, 6.5), front_high * dice.uniform(0.8, 1.3)) * soft(-y - thick * 0.5)
    covered = np.maximum(covered, vamp * dice.chance(0.3))
    slats = np.cos((x + y * dice.uniform(-1.4, 1.4)) * dice.uniform(1.2, 2.6) + dice.uniform(0, 6))
    slats = np.clip(slats * dice.uniform(1.5, 3) + dice.uniform(-0.5, 1.2), 0, 1)
    ridge = outline(
        x, (1.0, 0.5), (7.0, front_high + 0.5), (16.0, front_high + dice.uniform(0, 0.7) * ankle), (25.0, dice.uniform(0.1, 1) * ankle)
    )  # fmt: skip
    lattice = soft(ridge + bed + y) * soft(dice.uniform(14, 32) - x) * soft(-y - bed + 0.5) * slats
    covered = np.maximum(covered, lattice * dice.chance(0.5))
    counter_x = dice.uniform(23.5, 26.8)
    counter = stroke(x, y, (counter_x, -thick - lift), (counter_x - dice.uniform(-0.5, 2), -thick - lift - ankle), dice.uniform(0.4, 1.8), dice.uniform(0.4, 1.2))
    anklet = stroke(
        x, y, (counter_x - 0.5, -thick - lift - ankle * dice.uniform(0.5, 1)), (counter_x - dice.uniform(5, 11), -thick - lift - ankle * dice.uniform(0.5, 1.05)),
        dice.uniform(0.4, 1.2), dice.uniform(0.4, 1.2),
    )  # fmt: skip
    slingback = dice.chance(0.8)
    covered = np.maximum(covered, np.maximum(counter, anklet) * slingback)
    covered = covered * (1 - soft(-y - 27.5))
    return paint(picture, covered, cloth * dice.uniform(0.7, 1.25))


# --- bags ------------------------------------------------------------------------------------------------------

HIDE = Cloth(dark=0.25, bright=(0.55, 0.92), folds=(0.03, 0.14), grain=(0.01, 0.14), stripes=0.3, pinstripes=0.3, checks=0.3, flowers=0.9, blocks=0.4)


def bag(dice: Dice) -> Field:
    """A body, rounded or square, with a flap, a clasp, and handles from none at all to a long strap."""
    cloth = weave(dice, HIDE)
    x = ACROSS - MIDDLE - dice.around(0, 0.3)
    none, grip, loop, shoulder = dice.pick(0.3, 0.3, 0.25, 0.15)
    wide = dice.uniform(10.5, 14) - loop * dice.uniform(0, 4.5) - shoulder * dice.uniform(0, 6)
    reach = none * dice.uniform(0, 1) + grip * dice.uniform(4, 9) + loop * dice.uniform(7, 14) + shoulder * dice.uniform(8, 14)
    high = np.minimum(dice.uniform(11, 23) - 0.4 * grip, 27.5 - reach)
    head = MIDDLE - (high + reach) / 2 + dice.uniform(-0.5, 1.5)
    y = DOWN - head - reach  # 0 at the upper edge of the body
    narrow = dice.uniform(-0.05, 0.3) * wide
    corner = dice.uniform(0.3, 6)
    half = outline(y, (0.0, wide - narrow), (high, wide)) + dice.uniform(-0.5, 0.8) * np.sin(np.clip(y / high, 0, 1) * np.pi)
    flip = dice.chance(0.25)  # wider above than below
    half = half * (1 - flip * 0.25 * np.clip(y / high, 0, 1))
    px, py = np.maximum(np.abs(x) - half + corner, 0), np.maximum(np.abs(y - high / 2) - high / 2 + corner, 0)
    body = soft(corner - np.hypot(px, py))
    thick = dice.uniform(0.8, 2.0)
    rx = wide * dice.uniform(0.3, 0.7)
    handle = arc(x, y, 0.0, dice.uniform(0, 0.8), rx, np.maximum(reach, 1.0), thick) * soft(0.5 - y) * (grip + loop) * (1 - none)
    peak = dice.around(0, 1.5)
    cord = limb(np.abs(x - peak * 0), y, (wide * 0.8, 1.0), (0.4, -reach), thick / 2, thick / 2)[0] * shoulder
    tone = cloth * dice.uniform(0.6, 1.2)
    picture = paint(np.zeros_like(cloth), np.maximum(handle, cord), tone)
    loose = arc(x, y, dice.around(0, 3), high * 0.4, wide * dice.uniform(0.9, 1.1), high * dice.uniform(0.5, 0.9), thick) * dice.chance(0.2)
    picture = paint(picture, loose, tone)
    picture = paint(picture, body, cloth * (1 + dice.around(0, 0.12) * (y / high - 0.5)))

    lid = high * dice.uniform(0.25, 0.7)
    sag = dice.uniform(-0.02, 0.05)
    flap = soft(lid - sag * x * x - y) * body * dice.chance(0.45)
    picture = picture * (1 + flap * dice.uniform(-0.15, 0.15))
    hem = between(y + sag * x * x, lid - 0.4, lid + 0.5) * body * dice.chance(0.5)
    picture = picture * (1 - hem * dice.uniform(0.1, 0.6))
    clasp = ellipse(x, y, dice.around(0, 0.3), lid, dice.uniform(0.7, 2), dice.uniform(0.6, 1.3)) * body * dice.chance(0.4)
    picture = paint(picture, clasp * dice.uniform(0.4, 1), dice.uniform(0, 1))
    trim_w = dice.uniform(0.8, 2)
    trim = np.maximum(soft(trim_w - y), soft(y - high + trim_w)) * body * dice.chance(0.5)
    picture = picture * (1 + trim * dice.uniform(-0.4, 0.25))
    seams = soft(0.6 - np.abs(np.abs(x) - wide * dice.uniform(0.4, 0.8))) * body * dice.chance(0.3)
    return np.asarray(picture * (1 - seams * dice.uniform(0, 0.5)), np.float32)


DRAWINGS: dict[str, Callable[[Dice], Field]] = {
    "T-shirt/top": worn(T_SHIRT),
    "Trouser": trouser,
    "Pullover": worn(PULLOVER),
    "Dress": worn(DRESS),
    "Coat": worn(COAT),
    "Sandal": sandal,
    "Shirt": worn(SHIRT),
    "Sneaker": sneaker,
    "Bag": bag,
    "Ankle boot": ankle_boot,
}
