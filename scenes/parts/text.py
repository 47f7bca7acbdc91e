"""Text and formulas, set so that they look the same on every machine."""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from math import floor, log10

import numpy as np
from manim import DOWN, LEFT, ManimColor, VGroup, VMobject
from PIL.ImageFont import FreeTypeFont, truetype

from fmcore.fonts import font_file
from fmcore.lesson.words import Translator, Words
from scenes import look
from scenes.parts.outlines import SET_AT, UNITS_A_POINT, capital_share, centred_outline, line

_MOST_DECIMALS = 6
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_APART = re.compile(r"(?<!×)[ \n]+(?!×|(?:· )?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹])")  # where a line may end
_SIGNED = re.compile(r"(?<![×·])[ \n]+")  # where it may as a last resort


_translator = Translator(None)


def speak(words: Words | None, names: Sequence[str], networks: Sequence[str] = ()) -> None:
    """Draw texts in the language of `words` from now on, English without.

    `names` of layers are in no language, and neither are those of `networks`, which stand in quotation marks.
    """
    global _translator
    _translator = Translator(words, names, networks)


def in_language(text: str) -> str:
    """`text` in the language of the lesson; its English is kept in mind for `texts_used`."""
    return _translator.of(text)


def texts_used() -> tuple[str, ...]:
    """All English texts since `speak`, with numbers and names taken out, that have words."""
    return _translator.texts


class Label(VMobject):
    """A line of text as one shape, so that copying and painting it costs one mobject, not one a letter.

    `said` is what it says in English, where it is drawn in another language. `cut` tells of a line that not all of
    its words had room, `whole` that they are wanted.
    """

    cut = whole = False

    def __init__(self, text: str, size: float, color: ManimColor, bold: bool, said: str = "") -> None:
        super().__init__(fill_color=color, fill_opacity=1, stroke_width=0)
        self.text, self.bold, self.said = text, bold, said or text
        self.points = centred_outline(text, bold) * (size / SET_AT)


def label(
    text: str,
    size: float | None = None,
    color: ManimColor | None = None,
    *,
    bold: bool = False,
    width: float | None = None,
    as_is: bool = False,
) -> Label:
    """`text` in one line, at most `width` wide: set smaller as far as it stays readable, then cut in its middle.

    The default size is `look.LABEL`, the default colour `look.TEXT`. It is drawn in the language of the lesson, but for
    what stands `as_is`, such as a part of a name.
    """
    return _line(text if as_is else in_language(text), text, size or look.LABEL, color or look.TEXT, bold, width)


def _line(text: str, said: str, size: float, color: ManimColor, bold: bool, width: float | None) -> Label:
    """`label` of a text that is in the right language; `said` is what it says in English."""
    said = said if said != text else ""
    mobject = Label(text, size, color, bold, said)
    if width is None or mobject.width <= width:
        return mobject
    smallest = min(1.0, look.SMALLEST / size)
    if width / mobject.width >= smallest:
        return mobject.scale(width / mobject.width)
    room = width / (mobject.width * smallest)
    whole = text
    while len(text) > 1:
        text = shortened(whole, max(1, min(len(text) - 1, int(len(text) * room))))
        mobject = Label(text, size * smallest, color, bold, said)
        if mobject.width <= width:
            break
        room = 0.95 * width / mobject.width
    return mobject


def shortened(text: str, most: int) -> str:
    """`text` with its middle left out, at most `most` characters long."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head].rstrip()}…{text[len(text) - (most - 1 - head) :].lstrip() if most > 1 else ''}"


def line_height(size: float) -> float:
    """The height of any line of text of this size."""
    low, high = line(False)
    return (high - low) * size / SET_AT


def baseline(text: Label) -> float:
    """How high a line of text stands: where its letters without descenders end."""
    low, high = line(text.bold)
    return float(text.get_bottom()[1] - text.height * low / (high - low))


def capitals(text: Label) -> float:
    """How high the capitals of a line of text are."""
    return float(text.height) * capital_share(text.bold)


def paragraph(
    text: str,
    size: float,
    color: ManimColor | None = None,
    *,
    width: float,
    most: int = 1,
    bold: bool = False,
    height: float = np.inf,
    whole: bool = False,
) -> VGroup:
    """`text` in up to `most` lines of at most `width`, aligned on the left, as large as it fits, up to `size`.

    All lines are of one size: as small as the longest of them needs it, and as they need it to be `height` high
    together, as far as they stay readable. What does not fit at the smallest readable size is cut; where a `whole` text
    is wanted, a check tells so.
    """
    said, text = text, in_language(text)
    for share in (1.0, 0.92, 0.85, 0.78, 0.72, 0.65, 0.58, 0.52, 0.46, 0.41, 0.36, 0.32, 0.28):
        now = max(size * share, look.SMALLEST)
        rows = _wrapped(text, width / now, bold)
        widest = max(_advance(row, bold) for row in rows) * now
        high = len(rows) * (line_height(now) + look.LEADING) - look.LEADING
        if now == look.SMALLEST or (len(rows) <= most and widest <= width and high <= height):
            break
    if len(rows) > most:
        rows = [*rows[: most - 1], " ".join(rows[most - 1 :])]
    first = [said if said != text else rows[0], *rows[1:]]  # all of it is said in the first line
    texts = [_line(row, meant, now, color or look.TEXT, bold, width) for row, meant in zip(rows, first, strict=True)]
    for row, drawn in zip(rows, texts, strict=True):
        drawn.cut, drawn.whole = drawn.text != row, whole
    return VGroup(*texts).arrange(DOWN, buff=look.LEADING, aligned_edge=LEFT)


def is_cut(paragraph_: VGroup) -> bool:
    """Whether some of its text had no room in a paragraph."""
    return any(row.cut for row in paragraph_)


def narrow(text: str, width: float) -> VGroup:
    """A small muted note in lines of at most `width`, or as long as its longest word, in the middle of each other."""
    longest = max(_advance(word, False) for word in in_language(text).split())
    rows = paragraph(
        text, look.SMALL, look.MUTED, width=max(width, 1.02 * longest * look.SMALL), most=len(text.split())
    )
    return rows.arrange(DOWN, buff=look.LEADING)


def _wrapped(text: str, width: float, bold: bool) -> list[str]:
    """Lines of about equal length, as few as are at most `width` wide at size 1; a long word has its own.

    A product such as 5 × 5 and a number such as 4.2 · 10⁻⁷ stay on one line if they fit there; else the second begins
    with its sign.
    """
    products = _APART.split(text.strip())
    pieces = [word for one in products for word in ([one] if _advance(one, bold) <= width else _SIGNED.split(one))]
    words = [(word, _advance(word, bold)) for word in pieces]
    space = _advance(" ", bold)

    def filled(most: float) -> list[str]:
        rows: list[list[str]] = [[]]
        used = 0.0
        for word, length in words:
            if rows[-1] and used + space + length > most:
                rows.append([])
                used = 0.0
            used += length + (space if rows[-1] else 0.0)
            rows[-1].append(word)
        return [" ".join(row) for row in rows]

    rows = filled(width)
    total = _advance(text, bold)
    for share in np.linspace(total / len(rows), width, 8):  # as even as the number of lines allows
        if share <= width and len(even := filled(float(share))) == len(rows):
            return even
    return rows


@lru_cache(maxsize=4096)
def _advance(text: str, bold: bool) -> float:
    """The width of `text` at size 1, from the font's own table: a thousand times faster than setting it."""
    return float(_font(bold).getlength(text)) / SET_AT * UNITS_A_POINT


@cache
def _font(bold: bool) -> FreeTypeFont:
    return truetype(str(font_file(bold)), SET_AT)


def shape_text(height: int, width: int, channels: int) -> str:
    """`28 × 28 × 8`: height, width, channels."""
    return f"{height} × {width} × {channels}"


def number(value: float, decimals: int = 2) -> str:
    """Three significant digits or so, with a true minus sign and no negative zero."""
    text = f"{value:.{decimals}f}" if abs(value) < 100 else f"{value:.0f}"
    return (text if float(text) else text.lstrip("-")).replace("-", "−")


def on_scale(value: float, largest: float, digits: int = 2) -> str:
    """A number of a scale that reaches `largest`, so that this has `digits` significant ones: 0.0013, not 0.00."""
    if not 0 < largest < 0.1:
        return number(value)
    decimals = max(2, digits - 1 - floor(log10(largest)))
    return number(value, decimals) if decimals <= _MOST_DECIMALS else _with_power(value, digits)


def _with_power(value: float, digits: int) -> str:
    """`4.2 · 10⁻⁷`, as the page writes it."""
    if not value:
        return "0"
    short, power = f"{value:.{digits - 1}e}".split("e")
    return f"{short} · 10{str(int(power)).translate(_RAISED)}".replace("-", "−")


def whole(value: float) -> str:
    """A count, with commas in its thousands."""
    return f"{value:,.0f}".replace("-", "−")


def lines(
    *texts: str, size: float | None = None, color: ManimColor | None = None, width: float | None = None
) -> VGroup:
    """Several short lines below each other, aligned on the left; by default small and muted."""
    size, color = size or look.SMALL, color or look.MUTED
    rows = (label(text, size, color, width=width) for text in texts)
    return VGroup(*rows).arrange(DOWN, buff=look.LEADING, aligned_edge=LEFT)
