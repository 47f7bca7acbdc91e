"""Garments with shoulders: T-shirt, pullover, dress, coat and shirt are one drawing and five cuts.

A cut is a table of ranges; the differences that people go by are in it: a coat opens in front and falls
steeply from the neck, a shirt has a collar and a row of buttons, a pullover's sleeves hang below its hem, a
dress is narrow and long. x is measured from the middle of the picture, y from its upper edge.
"""

from dataclasses import dataclass

import numpy as np

from fmcore.data.garment_cloth import Cloth, emblem, weave
from fmcore.data.garment_strokes import (
    ACROSS,
    DOWN,
    MIDDLE,
    Dice,
    Field,
    Span,
    between,
    ellipse,
    limb,
    outline,
    paint,
    soft,
)


@dataclass(frozen=True)
class Cut:
    """The pattern of a garment: ranges in pixels, and chances of what is sewn on."""

    cloth: Cloth
    sleeves: tuple[float, float, float, float]  # weights of none, short, to the elbow, full
    shoulder: Span  # half widths, from the top down
    chest: Span
    waist: Span
    hem: Span
    length: Span  # from the neck to the hem
    neck: Span  # half width of the opening
    dip: Span  # its depth
    drop: Span  # from the neck down to the shoulder
    sleeve_end: Span  # how far down full sleeves reach
    sleeve_half: Span  # half width at the shoulder
    spread: Span = (0.8, 3.0)  # how far out from the shoulder full sleeves end
    bow: Span = (0.3, 2.0)  # how far they curve outwards on the way
    crease: Span = (0.1, 1.0)  # how dark the gap between sleeve and body is
    emblem: float = 0.0
    opening: float = 0.0
    quilting: float = 0.0
    placket: float = 0.0
    buttons: float = 0.0
    pockets: float = 0.0
    belt: float = 0.0
    rib: float = 0.3
    round_hem: float = 0.1
    collar: float = 0.0
    hood: float = 0.0


@dataclass(frozen=True)
class _Body:
    """Where the trunk of the garment lies, for everything that is sewn on it."""

    x: Field
    y: Field
    coverage: Field
    length: Field
    neck: Field
    dip: Field


def top(dice: Dice, cut: Cut) -> Field:
    """Tones (n, 28, 28) of a garment: sleeves first, the body over them, then what is sewn on."""
    x = ACROSS - MIDDLE - dice.around(0, 0.35) - dice.around(0, 0.02) * (DOWN - MIDDLE)
    x = x * dice.uniform(0.9, 1.08)
    u = np.abs(x)  # both halves at once
    cloth = weave(dice, cut.cloth)

    shoulder, chest = dice.uniform(*cut.shoulder), dice.uniform(*cut.chest)
    waist, hem = dice.uniform(*cut.waist), dice.uniform(*cut.hem)
    length, drop = dice.uniform(*cut.length), dice.uniform(*cut.drop)
    bare, short, elbow, full = dice.pick(*cut.sleeves)
    shoulder = shoulder - bare * dice.uniform(0, 2.5)  # down to a singlet's straps
    neck = np.minimum(dice.uniform(*cut.neck) + bare * dice.uniform(0, 1.5), shoulder - 1.0)
    dip = dice.uniform(*cut.dip) + bare * dice.uniform(0, 3)

    reach = short * dice.uniform(7.5, 12) + elbow * dice.uniform(12, 19)
    reach = reach + full * dice.uniform(*cut.sleeve_end)
    out = short * dice.uniform(1.5, 5) + elbow * dice.uniform(1, 4) + full * dice.uniform(*cut.spread)
    longest = np.maximum(length, reach)  # body or sleeves, whichever it is fills the frame
    y = DOWN * longest / dice.uniform(27.2, 28.2)

    arm_half = dice.uniform(*cut.sleeve_half)
    taper = short * dice.uniform(0.75, 1.1) + elbow * dice.uniform(0.6, 1) + full * dice.uniform(0.5, 0.85)
    cuff_half = arm_half * taper + 0.01
    bow = (full + 0.5 * elbow) * dice.uniform(*cut.bow) * np.sin(np.clip(y / 27, 0, 1) ** 0.6 * np.pi)
    sway = 1 + dice.around(0, 0.03) * np.sign(x)
    armpit = (shoulder - arm_half + 0.4, drop + arm_half * 0.6)
    wrist = (shoulder + out - cuff_half / 2, reach)
    arm, along, across = limb(u * sway - bow, y, armpit, wrist, arm_half, cuff_half)
    lustre = dice.uniform(-0.1, 1.0)  # how much brighter (or duller) cloth looks where it turns away
    sleeve = cloth * dice.uniform(0.8, 1.2) * (1 + dice.uniform(-0.25, 0.4) * across)
    cuff = (along > 0.93) * dice.uniform(-0.3, 0.25) * dice.chance(0.5)
    picture = paint(np.zeros_like(cloth), arm * (1 - bare), sleeve + lustre * (1 - cloth) * across**2 + cuff)

    half = outline(y, (0.0, neck + 0.4), (drop, shoulder), (drop + 6.5, chest), (16.0, waist), (length, hem))
    shadow = soft(half + dice.uniform(0.2, 1.0) - u) * soft(y - drop - 2) * soft(length - y)
    picture = picture * (1 - shadow * dice.uniform(*cut.crease) * (1 - bare))
    curve = dice.chance(cut.round_hem) * dice.uniform(-0.05, 0.06)
    trunk = soft(np.minimum(half - u, length - curve * u * u - y))
    turn = np.clip(u / half, 0, 1) ** 3
    rounded = cloth * (1 + dice.uniform(-0.25, 0.1) * turn) + lustre * (1 - cloth) * turn
    picture = paint(picture, trunk, rounded)

    body = _Body(x, y, trunk, length, neck, dip)
    picture = _front(dice, cut, picture, body)
    picture = _pockets_and_belt(dice, cut, picture, body)
    return _collar(dice, cut, _neckline(dice, picture, body), body)


def _front(dice: Dice, cut: Cut, picture: Field, body: _Body) -> Field:
    """What runs down the middle: print, opening or zip, quilting, placket, buttons."""
    y = body.y
    shape, ink = emblem(dice, body.x, y, cut.emblem)
    picture = paint(picture, shape * body.coverage, ink)

    off = body.x - dice.around(0, 0.25)
    line = soft(dice.uniform(0.3, 0.8) - np.abs(off)) * body.coverage * dice.chance(cut.opening)
    metal = dice.chance(0.25)
    thread = metal * dice.uniform(0.6, 1) + (1 - metal) * picture * dice.uniform(0.1, 0.75)
    picture = paint(picture, line * dice.uniform(0.5, 1), thread)

    quilted = np.clip(np.cos(y * dice.uniform(1.3, 2.6)) * 3 - 1.6, 0, 1) * dice.chance(cut.quilting)
    picture = picture * (1 - quilted * dice.uniform(0.02, 0.16))
    placket = between(off, dice.uniform(0.4, 1.0), dice.uniform(1.2, 2.2)) * dice.chance(cut.placket)
    picture = picture * (1 + placket * body.coverage * dice.uniform(-0.3, 0.25))

    pitch = dice.uniform(2.2, 4.5)
    rows = np.abs((y + dice.uniform(0, 4)) % pitch - pitch / 2) < 0.55
    rows = rows & (y < np.where(dice.chance(0.3) > 0, 11.0, 27.0))  # all the way, or a polo shirt's few
    buttons = rows * soft(0.7 - np.abs(off)) * body.coverage * dice.chance(cut.buttons)
    return paint(picture, buttons * dice.uniform(0.1, 1), dice.uniform(0, 1))


def _pockets_and_belt(dice: Dice, cut: Cut, picture: Field, body: _Body) -> Field:
    """One pocket or two, a belt, and a ribbed hem."""
    x, y = body.x, body.y
    cx, cy = dice.uniform(2.6, 4.6), dice.uniform(9, 20)
    wide, high = dice.uniform(1, 2), dice.uniform(0.4, 2.4)
    pocket = between(np.abs(x), cx - wide, cx + wide) * between(y, cy - high, cy + high)
    pocket = pocket * np.maximum(dice.chance(0.6), x > 0) * dice.chance(cut.pockets)
    picture = picture * (1 + pocket * body.coverage * dice.uniform(-0.4, 0.25))
    start = dice.uniform(11, 17)
    belt = between(y, start, start + dice.uniform(0.6, 2)) * body.coverage * dice.chance(cut.belt)
    picture = paint(picture, belt * dice.uniform(0.3, 1), dice.uniform(0, 0.9))
    rib = between(y, body.length - dice.uniform(0.8, 2.4), body.length) * body.coverage * dice.chance(cut.rib)
    return np.asarray(picture * (1 + rib * dice.uniform(-0.35, 0.25)), np.float32)


def _neckline(dice: Dice, picture: Field, body: _Body) -> Field:
    """The opening for the neck, round or pointed, with its band."""
    u, y, neck, dip = np.abs(body.x), body.y, body.neck, body.dip
    pointed = dice.chance(0.35)
    vee = dip * (1 - u / neck) - y
    crew = (1 - np.sqrt((u / neck) ** 2 + (y / dip) ** 2)) * np.minimum(neck, dip)
    inside = pointed * vee + (1 - pointed) * crew
    band = soft(inside + dice.uniform(0.6, 1.6)) * (picture > 0.02)
    picture = picture * (1 + band * dice.uniform(-0.35, 0.3))
    back = dice.chance(0.55) * dice.uniform(0.05, 0.7)  # the inside of the back shows, or nothing does
    return paint(picture, soft(inside), back * (y > dice.uniform(-0.5, 1.6)))


def _collar(dice: Dice, cut: Cut, picture: Field, body: _Body) -> Field:
    """A collar with its edge, or a hood around the neck, in the garment's own tone."""
    x, y, u = body.x, body.y, np.abs(body.x)
    tone = picture[:, 8:16, 8:20].mean((1, 2), keepdims=True)
    tip, flap = (dice.uniform(0.8, 3), dice.uniform(2.2, 4.8)), dice.uniform(1.2, 2.2)
    collar = limb(u, y, (body.neck * 0.8, dice.uniform(-0.2, 0.8)), tip, flap, flap * 0.6)[0]
    collar = collar * dice.chance(cut.collar)
    picture = paint(picture, collar, tone * dice.uniform(0.75, 1.3))
    rim = collar * (1 - soft(collar * 3 - 2))
    picture = picture * (1 - rim * dice.uniform(0, 0.6))

    half = dice.uniform(2.6, 4.6)
    hood = ellipse(x, y, (0.0, dice.uniform(1.5, 3.2)), half, dice.uniform(2.4, 4.2)) * dice.chance(cut.hood)
    picture = paint(picture, hood, tone * dice.uniform(0.7, 1.2))
    mouth = ellipse(x, y, (0.0, dice.uniform(1.5, 2.8)), half * dice.uniform(0.4, 0.75), dice.uniform(1, 2.2))
    return paint(picture, mouth * hood, tone * dice.uniform(0.2, 0.9))


T_SHIRT = Cut(
    Cloth(
        dark=0.6, bright=(0.62, 0.97), folds=(0.01, 0.08), grain=(0.0, 0.1),
        stripes=1.0, checks=0.02, flowers=0.35,
    ),
    sleeves=(0.2, 0.72, 0.13, 0.05),
    shoulder=(6.5, 8.1), chest=(6.0, 7.4), waist=(5.7, 7.6), hem=(5.7, 8.0), length=(27.0, 28.5),
    neck=(2.0, 4.2), dip=(0.8, 4.0), drop=(0.8, 3.4), sleeve_end=(23.0, 27.5), sleeve_half=(2.3, 3.1),
    emblem=0.5, collar=0.08, buttons=0.06, pockets=0.08,
)  # fmt: skip

PULLOVER = Cut(
    Cloth(dark=0.6, folds=(0.01, 0.1), grain=(0.0, 0.14), stripes=0.9, checks=0.04, flowers=0.2, blocks=0.5),
    sleeves=(0.01, 0.01, 0.03, 1.0),
    shoulder=(6.0, 7.6), chest=(5.4, 7.0), waist=(5.2, 7.2), hem=(5.4, 7.4), length=(21.0, 26.8),
    neck=(1.6, 4.4), dip=(0.5, 2.8), drop=(1.3, 3.6), sleeve_end=(24.0, 28.5), sleeve_half=(1.9, 2.8),
    bow=(0.5, 2.2), emblem=0.25, rib=0.6, collar=0.05, hood=0.2,
)  # fmt: skip

DRESS = Cut(
    Cloth(dark=0.5, folds=(0.04, 0.2), stripes=0.6, checks=0.1, flowers=1.2, blocks=0.7),
    sleeves=(0.36, 0.27, 0.12, 0.27),
    shoulder=(3.8, 6.0), chest=(3.4, 5.2), waist=(3.0, 5.6), hem=(3.4, 7.2), length=(27.5, 28.5),
    neck=(1.4, 4.0), dip=(0.8, 5.0), drop=(0.8, 2.8), sleeve_end=(13.0, 20.0), sleeve_half=(1.2, 2.1),
    spread=(0.6, 2.6), emblem=0.08, belt=0.3, rib=0.15, collar=0.04,
)  # fmt: skip

COAT = Cut(
    Cloth(
        dark=0.32, bright=(0.66, 0.97), folds=(0.02, 0.14), grain=(0.0, 0.14),
        stripes=0.1, pinstripes=0.05, checks=0.03, flowers=0.2, blocks=0.3,
    ),
    sleeves=(0.01, 0.01, 0.04, 1.0),
    shoulder=(4.9, 6.6), chest=(5.2, 7.2), waist=(5.0, 7.2), hem=(5.2, 7.8), length=(21.5, 28.0),
    neck=(1.2, 2.8), dip=(0.5, 3.5), drop=(3.0, 5.6), sleeve_end=(20.5, 28.0), sleeve_half=(1.9, 2.9),
    spread=(1.2, 3.6), bow=(0.2, 1.5), crease=(0.05, 0.85), opening=0.95, quilting=0.25, placket=0.4,
    buttons=0.15, pockets=0.5, belt=0.08, collar=0.55, hood=0.3,
)  # fmt: skip

SHIRT = Cut(
    Cloth(
        dark=0.62, folds=(0.04, 0.2), grain=(0.0, 0.26),
        plain=5.0, stripes=0.5, pinstripes=0.6, checks=1.2, flowers=1.9, blocks=0.2,
    ),
    sleeves=(0.06, 0.16, 0.14, 0.64),
    shoulder=(5.6, 7.4), chest=(5.4, 7.2), waist=(5.0, 7.0), hem=(5.6, 8.2), length=(26.5, 28.5),
    neck=(1.0, 3.3), dip=(0.8, 4.0), drop=(1.5, 4.4), sleeve_end=(22.0, 27.0), sleeve_half=(1.7, 2.6),
    opening=0.12, placket=0.4, buttons=0.6, pockets=0.15, belt=0.05, rib=0.1, round_hem=0.4, collar=0.6,
)  # fmt: skip
