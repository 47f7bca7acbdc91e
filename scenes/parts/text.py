"""Text and formulas, set so that they look the same on every machine."""

from manim import DOWN, LEFT, ManimColor, MathTypst, Text, VGroup, config

from scenes import look

_SET_AT = 96  # Pango rounds letter distances at small sizes: set large, then shrink
_NEVER_WRAP_PX = 1_000_000  # manim lets Pango break lines at the film's width in pixels, whatever the frame's size


def label(
    text: str,
    size: float = look.LABEL,
    color: ManimColor = look.TEXT,
    *,
    bold: bool = False,
    width: float | None = None,
) -> Text:
    """`text` in one line, at most `width` wide."""
    width_px, config.pixel_width = config.pixel_width, _NEVER_WRAP_PX
    try:
        mobject = Text(text, font=look.FONT, font_size=_SET_AT, color=color, weight="BOLD" if bold else "NORMAL")
    finally:
        config.pixel_width = width_px
    mobject.scale(size / _SET_AT)
    if width is not None and mobject.width > width:
        mobject.scale(width / mobject.width)
    return mobject


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
