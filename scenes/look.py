"""Every colour, size and duration that scenes use, and the regions of the frame.

Lengths are manim's units: the frame is 8 high, whatever its shape.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import manimpango
import numpy as np
from manim import ManimColor, config

BACKGROUND = ManimColor("#0B0E14")
TEXT = ManimColor("#F2F4F8")
MUTED = ManimColor("#A9B4C4")  # 8.9:1 on the background
LINE = ManimColor("#5B6778")
ACCENT = ManimColor("#FFC857")  # what to look at
SECOND = ManimColor("#5BD1D7")  # the other thing to look at

FONT = "DejaVu Sans"  # comes inside matplotlib, so every machine sets the same text
TITLE = 38
STATEMENT = 28
LABEL = 24
SMALL = 22  # capitals of 0.23 units, 2.9 % of the frame's height: the smallest that may be used

MARGIN = 0.45
GAP = 0.25
NEAR = 0.1  # between a thing and its label
LEADING = 0.04  # between two lines of text
STROKE = 2.5
IN_S = 0.8  # seconds for something to appear
MOVE_S = 1.2  # seconds for something to change place


@dataclass(frozen=True)
class Region:
    """A rectangle of the frame."""

    left: float
    right: float
    bottom: float
    top: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.top - self.bottom

    @property
    def centre(self) -> np.ndarray:
        return np.array([(self.left + self.right) / 2, (self.bottom + self.top) / 2, 0.0])

    def columns(self, *shares: float) -> list["Region"]:
        """Cut into columns whose widths are as `shares`, with a gap between them."""
        room = self.width - 2 * GAP * (len(shares) - 1)
        left, found = self.left, []
        for share in shares:
            width = room * share / sum(shares)
            found.append(Region(left, left + width, self.bottom, self.top))
            left += width + 2 * GAP
        return found


def title_region() -> Region:
    """One line at the top."""
    return Region(*_sides(), bottom=3.2, top=3.75)


def statement_region() -> Region:
    """One line below the title: what to notice now."""
    return Region(*_sides(), bottom=2.5, top=3.0)


def body() -> Region:
    """Between the statement and the strip at the bottom that captions may cover."""
    return Region(*_sides(), bottom=-2.7, top=2.3)


def _sides() -> tuple[float, float]:
    half = config.frame_width / 2
    return -half + MARGIN, half - MARGIN


@cache
def register_fonts() -> None:
    """Make the fonts known to Pango in this process; the machine's own are never asked for."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
        manimpango.register_font(str(folder / name))
