"""How well a text stands out from what lies behind it, after WCAG 2: the ratio of relative luminances.

What lies behind is read off a still. Where a text is small nearly every pixel of its letters is a mixture of their
colour with the background, so mixtures are no backgrounds of their own unless they cover much of the text's box.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fmcore.colour import contrast, rgb

Floats = NDArray[np.float64]

_INK = 48.0  # distance in 8-bit RGB within which a pixel may be the text itself
_NEAR = 24.0  # within which pixels count as of one colour, or as a mixture of two
_STEP = 16  # of 8-bit RGB, in which colours are first counted
_MOST_INK = 0.6  # share of a box that letters fill at most; of more, what lies behind is like the text
_COMMON, _COMMON_MIXED = 0.2, 0.4  # share of a box from which a second colour is a background; if it may be a mixture
_PIECE = 2  # a long text is looked at in pieces so many times as wide as they are high


def worst_contrast(pixels: NDArray[np.uint8], colour: str, opacity: float = 1.0) -> tuple[float, str]:
    """The contrast of a text of `colour` with the worst of its backgrounds, and that background as "#rrggbb".

    `pixels` (h, w, 3 or more) are those of the text's box, the text among them.
    """
    seen = np.ascontiguousarray(pixels[..., :3], np.uint8)
    return _worst(seen.tobytes(), seen.shape[0], colour, opacity)


@lru_cache(maxsize=4096)  # most texts stand unchanged through several beats
def _worst(content: bytes, height: int, colour: str, opacity: float) -> tuple[float, str]:
    pixels = np.frombuffer(content, np.uint8).reshape(height, -1, 3).astype(np.float64)
    text = rgb(colour)
    found = []
    for piece in _pieces(pixels):
        for background in backgrounds(piece, text, opacity):
            shown = opacity * text + (1 - opacity) * background
            found.append((contrast(shown, background), "#" + "".join(f"{round(c):02X}" for c in background)))
    return min(found)


def backgrounds(pixels: Floats, text: Floats, opacity: float = 1.0) -> Iterator[Floats]:
    """The common colours behind a text among `pixels` (h, w, 3), the commonest first."""
    ink = np.linalg.norm(pixels - text, axis=2) <= _INK
    # No letter fills a line from top to bottom, and no line of text a row from end to end.
    ink &= ~(ink.all(0)[None, :] | ink.all(1)[:, None])
    if opacity < 1 or ink.mean() > _MOST_INK:  # a faded text has not its own colour any more
        ink[:] = False
    pixels, left = pixels.reshape(-1, 3), ~ink.reshape(-1)
    mixed = np.zeros(len(pixels), bool)
    first = True
    while left.any():
        colour = _commonest(pixels[left])
        like = left & (np.linalg.norm(pixels - colour, axis=1) <= _NEAR)
        needed = _COMMON_MIXED if mixed[like].mean() > 0.5 else _COMMON
        if first or like.mean() >= needed:
            yield colour
            mixed |= _is_mixture(pixels, colour, text)
        elif like.mean() < _COMMON:
            return
        left &= ~like
        first = False


def _commonest(pixels: Floats) -> Floats:
    """The mean colour of those of `pixels` (N, 3) that fall into the fullest box of the colour cube."""
    boxes = (pixels // _STEP).astype(np.int64) @ np.array([256 * 256, 256, 1])
    names, counts = np.unique(boxes, return_counts=True)
    found: Floats = pixels[boxes == names[counts.argmax()]].mean(0)
    return found


def _is_mixture(pixels: Floats, background: Floats, text: Floats) -> NDArray[np.bool_]:
    """Which of `pixels` (N, 3) lie near the straight line between the two colours."""
    line = text - background
    share = np.clip((pixels - background) @ line / max(float(line @ line), 1.0), 0, 1)
    nearest = background + share[:, None] * line
    found: NDArray[np.bool_] = np.linalg.norm(pixels - nearest, axis=1) <= _NEAR
    return found


def _pieces(pixels: Floats) -> Iterator[Floats]:
    """`pixels` (h, w, 3) cut across its longer side into overlapping pieces."""
    if pixels.shape[0] > pixels.shape[1]:
        pixels = pixels.transpose(1, 0, 2)
    height, width = pixels.shape[:2]
    piece = min(width, max(_PIECE * height, 8))
    for start in range(0, width - piece, max(piece // 2, 1)):
        yield pixels[:, start : start + piece]
    yield pixels[:, width - piece :]
