"""Text and formulas, set so that they look the same on every machine."""

from functools import cache, lru_cache

import numpy as np
from manim import DOWN, LEFT, ManimColor, MathTypst, Text, VGroup, VMobject, config
from manim.mobject.text.text_mobject import TEXT_MOB_SCALE_FACTOR

from scenes import look

_SET_AT = 96  # Pango rounds letter distances at small sizes: set large, then shrink
_NEVER_WRAP_PX = 1_000_000  # manim lets Pango break lines at the film's width in pixels, whatever the frame's size


class Label(VMobject):
    """A line of text as one shape, so that copying and painting it costs one mobject, not one a letter."""

    def __init__(self, text: str, size: float, color: ManimColor, bold: bool) -> None:
        super().__init__(fill_color=color, fill_opacity=1, stroke_width=0)
        self.text = text
        self.points = _outline(text, bold).copy()
        self.scale(size / _SET_AT).center()


def label(
    text: str,
    size: float = look.LABEL,
    color: ManimColor = look.TEXT,
    *,
    bold: bool = False,
    width: float | None = None,
) -> Label:
    """`text` in one line, at most `width` wide."""
    mobject = Label(text, size, color, bold)
    if width is not None and mobject.width > width:
        mobject.scale(width / mobject.width)
    return mobject


@lru_cache(maxsize=2048)
def _outline(text: str, bold: bool) -> np.ndarray:
    """The Bézier points (N, 3) of all letters at size `_SET_AT`, and two that mark the line's top and bottom.

    Without the marks a label would be as high as its ink, and labels side by side would not share a baseline.
    """
    letters = _letters(text, bold)
    points = [letter.points for letter in letters.family_members_with_points()]
    if not points:
        return np.zeros((0, 3))
    x, middle = letters.get_left()[0], letters.get_y()
    marks = [[[x, middle + TEXT_MOB_SCALE_FACTOR * (middle - depth), 0.0]] * 4 for depth in _line(bold)]
    return np.concatenate([*points, *marks])


@cache
def _line(bold: bool) -> tuple[float, float]:
    """Depth below the top of Pango's page of a line's bottom (that of "g") and top (that of "d").

    manim turns text over and shrinks it, both about its middle, so the middle is still where Pango put it.
    """
    low, high = _letters("g", bold), _letters("d", bold)
    half = 2 * TEXT_MOB_SCALE_FACTOR
    return low.get_y() + low.height / half, high.get_y() - high.height / half


def _letters(text: str, bold: bool) -> Text:
    width_px, config.pixel_width = config.pixel_width, _NEVER_WRAP_PX
    try:
        weight = "BOLD" if bold else "NORMAL"
        return Text(text, font=look.FONT, font_size=_SET_AT, weight=weight, should_center=False)
    finally:
        config.pixel_width = width_px


def shape_text(height: int, width: int, channels: int) -> str:
    """`28 × 28 × 8`: height, width, channels."""
    return f"{height} × {width} × {channels}"


def number(value: float) -> str:
    """Three significant digits or so, with a true minus sign and no negative zero."""
    text = f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"
    return (text if float(text) else text.lstrip("-")).replace("-", "−")


def percent(share: float) -> str:
    """A share as whole percent; never "100%" or "0%" of what is not quite that."""
    if 0.995 <= share < 1:
        return "over 99%"
    if 0 < share < 0.005:
        return "under 1%"
    return f"{share:.0%}"


def formula(source: str, size: float = look.LABEL * 1.4) -> MathTypst:
    """A formula in Typst's notation, such as `"feature map"_k = phi(W_k * x)`."""
    return MathTypst(source, font_size=size, color=look.TEXT)


def lines(*texts: str, size: float = look.SMALL, color: ManimColor = look.MUTED) -> VGroup:
    """Several short lines below each other, aligned on the left."""
    return VGroup(*(label(text, size, color) for text in texts)).arrange(DOWN, buff=look.LEADING, aligned_edge=LEFT)
