"""How the page says things: numbers, counts, sizes, and names that strangers chose."""

import re
from collections.abc import Sequence
from math import floor, log10

from fmcore.analysis.naming import called, phi_name
from fmcore.choices import pixels_between
from fmcore.header import LayerInfo

SCALED = {"batch_norm": "batch normalisation", "affine": "scale and shift"}  # by `WorkedMap.scaled_by`
_LONGEST = 32  # characters of a stranger's name: a longer one makes a sentence nobody can follow
_LONGEST_PATTERN = 40
_SPACES = re.compile("[\\s\x00-\x1f\x7f-\x9f]+")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")  # would turn the rest of a sentence round


# -- numbers -------------------------------------------------------------------------------------


def number(value: float) -> str:
    """Two decimals, or two digits where that says more; with a true minus sign and no negative zero."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}".replace("-", "−")
    decimals = 1 - floor(log10(size)) if 1e-9 <= size < 0.1 else 2
    return fixed(value, min(decimals, 9))


def fixed(value: float, decimals: int) -> str:
    """With exactly so many decimals; a plain 0 where nothing is left of the value."""
    text = f"{value:.{decimals}f}"
    return text.replace("-", "−") if float(text) else "0"


# -- sizes and places ----------------------------------------------------------------------------


def size_words(size: Sequence[int]) -> str:
    """`28 × 28`, rows first."""
    return " × ".join(str(side) for side in size)


def shape_words(shape: tuple[int, int, int]) -> str:
    """`28 × 28 × 8`: height, width, channels, of a shape that counts channels first."""
    return size_words((*shape[1:], shape[0]))


def place_words(row: int, column: int) -> str:
    """Counted from 1, as on the page; the arguments count from 0."""
    return f"row {row + 1}, column {column + 1}"


def span(kind: str, start: float, end: float) -> str:
    """`rows 13 to 15` for what lies between two edges, in whole or in part, counted from 1."""
    first, last = pixels_between(start, end)
    return f"{kind} {first}" if first == last else f"{kind}s {first} to {last}"


# -- names ---------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """`text` on one line, without characters that control how the rest is shown."""
    return _SPACES.sub(" ", _TURNING.sub("", text)).strip()


def shortened(text: str, most: int = _LONGEST) -> str:
    """`text` cleaned, its middle left out where it is long."""
    text = clean(text)
    head = (most - 1) // 2
    return text if len(text) <= most else f"{text[:head].rstrip()}…{text[len(text) - (most - 1 - head) :].lstrip()}"


def quoted(name: str) -> str:
    """The name of a class, in quotation marks."""
    return f"“{shortened(name) or '(no name)'}”"


def pattern(name: str) -> str:
    """The name of a pattern, in quotation marks: ours are a little longer than what strangers' names may be."""
    return f"“{shortened(name, _LONGEST_PATTERN) or '(no name)'}”"


def layer_words(name: str) -> str:
    """What a sentence calls a layer: "layer 0" where its name is nothing but a number or a word."""
    return shortened(called(name))


def phi_words(layer: LayerInfo) -> str:
    """The nonlinearity as people call it; "" where the layer has none."""
    return shortened(phi_name(layer))


def opened(sentence: str) -> str:
    """The sentence with a capital at its start; names of layers keep theirs, so it is only for our own words."""
    return sentence[:1].upper() + sentence[1:]
