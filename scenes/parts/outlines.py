"""The outlines of a line of text as Bézier curves, straight from the font's file.

manim sets text through Pango and an SVG file that it parses, 20 to 50 ms a line; this takes a tenth of a millisecond.
Letters that the font lacks, such as Chinese ones, are left to Pango and the machine's fonts.
"""

import re
from functools import cache, lru_cache

import numpy as np
from manim import Text, config
from manim.mobject.text.text_mobject import TEXT_MOB_SCALE_FACTOR
from numpy.typing import NDArray

from fmcore import fonts
from fmcore.fonts import font_file, letters_of

Points = NDArray[np.float64]

UNITS_A_POINT = 1 / 72
SET_AT = 96  # points; Pango rounds letter distances at small sizes: set large, then shrink
_NEVER_WRAP_PX = 1_000_000  # manim lets Pango break lines at the film's width in pixels, whatever the frame's size
_APART = 1e-9  # points; corners that are nearer make no line
_FROM_LEFT, _ISOLATE, _END = "\u200e", "\u2068", "\u2069"  # Unicode Standard Annex 9
_FROM_RIGHT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]+(?: [\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]+)*")
_MOVE, _LINE, _QUADRATIC, _CUBIC, _CLOSE = 1, 2, 3, 4, 79  # matplotlib's codes for a path
_CONTROLS = {_QUADRATIC: 1, _CUBIC: 2}  # control points before a curve's end


@lru_cache(maxsize=4096)
def centred_outline(text: str, bold: bool) -> Points:
    """`outline` with the middle of its box at 0."""
    points = outline(text, bold)
    ends = points.reshape(-1, 4, 3)[:, ::3].reshape(-1, 3)  # what manim takes for a thing's box
    return points - (ends.min(axis=0) + ends.max(axis=0)) / 2 if len(points) else points


def outline(text: str, bold: bool) -> Points:
    """The cubic Bézier points (4 n, 3) of `text` at `SET_AT` points, and two curves that mark the line's height.

    Without the marks, at the top of "d" and the bottom of "g", a line would be as high as its ink, and lines side by
    side would not share a baseline.
    """
    text = in_reading_order(" ".join(text.split("\n")))
    points = _of_font(text, bold) if _has(text, bold) else _of_pango(text, bold)
    if not len(points):
        return points
    marks = [[[points[:, 0].min(), depth, 0.0]] * 4 for depth in line(bold)]
    return np.concatenate([points, *marks])


def in_reading_order(text: str) -> str:
    """`text` with its words from right to left set apart, so that what stands around them stays where it was written.

    Without it, “شنطة” 35% would be set as %35 “شنطة”. A text that is Arabic or Hebrew throughout stays as it is.
    """
    apart = _FROM_RIGHT.sub(f"{_ISOLATE}\\g<0>{_END}", text)
    around = _FROM_RIGHT.sub("", text)
    return f"{_FROM_LEFT}{apart}" if apart != text and any(one.isalpha() or one in "“%" for one in around) else text


@cache
def line(bold: bool) -> tuple[float, float]:
    """Where a line of text ends above and below its baseline, at y = 0."""
    return float(_of_font("g", bold)[:, 1].min()), float(_of_font("d", bold)[:, 1].max())


@cache
def capital_share(bold: bool) -> float:
    """The height of a capital as a share of a line's, whatever is written."""
    low, high = line(bold)
    return float(np.ptp(_of_font("H", bold)[:, 1])) / (high - low)


def _of_font(text: str, bold: bool) -> Points:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(fname=str(font_file(bold)))
    corners, codes = text_to_path.get_text_path(font, text, ismath=False)
    if not len(corners):
        return np.zeros((0, 3))
    units = UNITS_A_POINT * SET_AT / text_to_path.FONT_SCALE  # it sets everything at one size
    flat = _cubics(np.asarray(corners, np.float64) * units, [int(code) for code in codes])
    return np.pad(flat, ((0, 0), (0, 1)))


def _cubics(corners: Points, codes: list[int]) -> Points:
    """The path as cubic curves, (4 n, 2)."""
    at: list[tuple[int, int, int, int]] = []  # where the four points of a curve stand in `corners`
    kinds: list[int] = []
    here = start = number = 0
    while number < len(codes):
        code = codes[number]
        last = number + _CONTROLS.get(code, 0)
        if code == _MOVE:
            start = here = number
        else:
            end = start if code == _CLOSE else last
            at.append((here, number, max(number, last - 1), end))
            kinds.append(_LINE if code == _CLOSE else code)
            here = end
        number = last + 1
    curves = corners[np.array(at, dtype=int).reshape(-1, 4)]  # (n, 4, 2)
    kind = np.array(kinds)[:, None]
    begin, control, end_at = curves[:, 0], curves[:, 1].copy(), curves[:, 3]
    for place, near in ((1, begin), (2, end_at)):
        straight = begin + place * (end_at - begin) / 3
        raised = near + 2 * (control - near) / 3  # a quadratic curve's one control point
        curves[:, place] = np.where(kind == _LINE, straight, np.where(kind == _QUADRATIC, raised, curves[:, place]))
    is_curve = (kind[:, 0] != _LINE) | (np.abs(end_at - begin) > _APART).any(axis=1)
    return curves[is_curve].reshape(-1, 2)


def _has(text: str, bold: bool) -> bool:
    """Whether the font has every letter of `text`."""
    return letters_of(font_file(bold)).issuperset(text)


def _of_pango(text: str, bold: bool) -> Points:
    """As manim sets it, its baseline brought to y = 0."""
    letters = _pango(text, bold)
    points = [letter.points for letter in letters.family_members_with_points()]
    if not points:
        return np.zeros((0, 3))
    # manim turns text over and shrinks it, both about its middle, so the middle is still where Pango put it
    middle, capital = letters.get_y(), _pango("H", bold)
    depth = capital.get_y() + capital.height / (2 * TEXT_MOB_SCALE_FACTOR)  # of the baseline below the page's top
    found: Points = np.concatenate(points) - [0, middle + TEXT_MOB_SCALE_FACTOR * (middle - depth), 0]
    return found


def _pango(text: str, bold: bool) -> Text:
    width_px, config.pixel_width = config.pixel_width, _NEVER_WRAP_PX
    try:
        weight = "BOLD" if bold else "NORMAL"
        return Text(text, font=fonts.NAME, font_size=SET_AT, weight=weight, should_center=False)
    finally:
        config.pixel_width = width_px
