"""Every colour, size and duration that scenes use, and the regions of the frame.

Lengths are manim's units: the frame is 8 high, whatever its shape.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import manimpango
import numpy as np
from manim import ManimColor, config

from fmcore.fonts import font_file
from fmcore.lesson.theme import DARK, Theme

BACKGROUND = TEXT = MUTED = LINE = ACCENT = SECOND = ManimColor("#000000")  # `use` sets them, by theme
TITLE = STATEMENT = LABEL = SMALL = 0.0  # text sizes; `use` sets them, by the shape of the frame
SMALLEST = 17.5  # its capitals have 2.2 % of the frame's height: nothing may be set smaller
MARK = ManimColor("#5BD1D7")  # frames on pictures, which are dark in every theme
INK, PAPER = ManimColor("#000000"), ManimColor("#FFFFFF")  # text on light and on dark cells, in every theme

_SIZES = {
    # title, statement, label, small
    "wide": (38, 28, 24, 22),
    "square": (31, 23, 21, 20),
    "tall": (26, 20, 18.5, 18),
}


MARGIN = 0.45
GAP = 0.25
NEAR = 0.1  # between a thing and its label
LEADING = 0.04  # between two lines of text
STROKE = 2.5
IN_S = 0.8  # seconds for something to appear
MOVE_S = 1.2  # seconds for something to change place


def use(theme: Theme) -> None:
    """Take the colours of `theme` and the text sizes for the shape of manim's frame, for this process."""
    for name in ("background", "text", "muted", "line", "accent", "second"):
        globals()[name.upper()] = ManimColor(getattr(theme, name))
    globals().update(zip(("TITLE", "STATEMENT", "LABEL", "SMALL"), _SIZES[shape()], strict=True))


def shape() -> str:
    """The shape of manim's frame: `wide` (16:9), `square` (1:1) or `tall` (9:16)."""
    ratio = config.frame_width / config.frame_height
    return "wide" if ratio > 1.2 else "square" if ratio > 0.8 else "tall"


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

    def columns(self, *shares: float, gap: float = 2 * GAP) -> list["Region"]:
        """Cut into columns from the left whose widths are as `shares`, with a gap between them."""
        room = self.width - gap * (len(shares) - 1)
        left, found = self.left, []
        for share in shares:
            width = room * share / sum(shares)
            found.append(Region(left, left + width, self.bottom, self.top))
            left += width + gap
        return found

    def rows(self, *shares: float, gap: float = GAP) -> list["Region"]:
        """Cut into rows from the top whose heights are as `shares`, with a gap between them."""
        room = self.height - gap * (len(shares) - 1)
        top, found = self.top, []
        for share in shares:
            height = room * share / sum(shares)
            found.append(Region(self.left, self.right, top - height, top))
            top -= height + gap
        return found

    def split(self, *shares: float) -> list["Region"]:
        """Columns in a wide frame, rows in a tall or square one."""
        return self.columns(*shares) if shape() == "wide" else self.rows(*shares)


def around(regions: Sequence[Region]) -> Region:
    """The region that holds all of `regions`."""
    return Region(
        min(one.left for one in regions),
        max(one.right for one in regions),
        min(one.bottom for one in regions),
        max(one.top for one in regions),
    )


def title_region() -> Region:
    """The top: one line in a wide frame, up to two in others."""
    return _band(0)


def statement_region() -> Region:
    """Below the title: what to notice now. One line in a wide frame, up to two or three in others."""
    return _band(1)


def body() -> Region:
    """Between the statement and the strip at the bottom that captions may cover."""
    return _band(2)


LINES = {"wide": (1, 1), "square": (2, 2), "tall": (2, 3)}  # of the title, of the statement
CAPTION_TOP = -2.75  # players may cover what lies below
_BANDS = {  # bottom and top of title, statement and body
    "wide": ((3.2, 3.75), (2.5, 3.0), (-2.7, 2.3)),
    "square": ((3.05, 3.85), (2.14, 2.84), (-2.7, 2.05)),
    "tall": ((3.14, 3.84), (2.14, 2.96), (-2.7, 2.05)),
}


def _band(number: int) -> Region:
    bottom, top = _BANDS[shape()][number]
    half, margin = config.frame_width / 2, MARGIN if shape() == "wide" else MARGIN / 2
    return Region(-half + margin, half - margin, bottom, top)


@cache
def register_fonts() -> None:
    """Make the fonts known to Pango in this process; the machine's own are never asked for."""
    for bold in (False, True):
        manimpango.register_font(str(font_file(bold)))


use(DARK)
