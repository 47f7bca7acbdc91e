"""Text and formulas, set so that they look the same on every machine."""

from functools import lru_cache

import numpy as np
from manim import DOWN, LEFT, ManimColor, MathTypst, Text, VGroup, VMobject, config

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
    """The Bézier points (N, 3) of all letters, at size `_SET_AT`."""
    width_px, config.pixel_width = config.pixel_width, _NEVER_WRAP_PX
    try:
        letters = Text(text, font=look.FONT, font_size=_SET_AT, weight="BOLD" if bold else "NORMAL")
    finally:
        config.pixel_width = width_px
    points = [letter.points for letter in letters.family_members_with_points()]
    return np.concatenate(points) if points else np.zeros((0, 3))


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
    return VGroup(*(label(text, size, color) for text in texts)).arrange(DOWN, buff=0.14, aligned_edge=LEFT)
