"""What stands in a frame can be seen and read: rules over a storyboard and its stills."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from fmcore.check.contrast import worst_contrast
from fmcore.check.findings import Finding, found
from fmcore.fonts import letters_without_a_font, sentence_about
from fmcore.lesson.storyboard import Box, Item, Storyboard, StoryFrame
from fmcore.lesson.theme import LEAST_CONTRAST

TOUCHING = 1e-3  # of the frame: what overlaps or reaches out by less only touches
_HIDES = 0.3  # of opacity, from which a filled shape takes a text's contrast
_MOST_HIDDEN = 0.5  # of a text
_INSIDE = 0.7  # of a circle's box lie inside it: the largest square in it
LEAST_CAPITAL = 0.022  # of the frame's height: 24 pixels at 1080p

Pixels = NDArray[np.uint8]


def layout_findings(board: Storyboard, stills: Mapping[str, Pixels]) -> Iterator[Finding]:
    """What cannot be seen or read in the frames of `board`; `stills` are frames (H, W, 3 or 4) by beat.

    Without the still of a beat nothing is said about the contrast of its texts.
    """
    for frame in board.frames:
        items = [item for item in frame.items if item.opacity > 0]
        yield from _outside(board, frame, items)
        yield from _overlaps(board, frame, items)
        yield from _covered(board, frame, items)
        for item in items:
            if item.kind == "text":
                yield from _size(board, frame, item)
                if item.cut:
                    message = f"{_start(item)} is cut to “{item.drawn or item.name}”; say it in fewer words."
                    yield found(board, "text cut", message, frame.beat, (item.name,), item.box)
                if missing := letters_without_a_font([item.drawn or item.name]):
                    message = f"{_start(item)} cannot be read: {sentence_about(missing)}"
                    yield found(board, "letter without a font", message, frame.beat, (item.name,), item.box)
                elif frame.beat in stills:
                    yield from _contrast(board, frame, item, stills[frame.beat])


def _outside(board: Storyboard, frame: StoryFrame, items: Sequence[Item]) -> Iterator[Finding]:
    for item in items:
        left, top, right, bottom = item.box
        over = max(-left, -top, right - 1, bottom - 1)
        if over > TOUCHING:
            message = f"{_start(item)} reaches {over:.1%} of the frame beyond its edge; move it inside or shrink it."
            yield found(board, "outside the frame", message, frame.beat, (item.name,), item.box)
        if board.caption_top + TOUCHING < bottom <= 1 + TOUCHING:
            message = (
                f"{_start(item)} reaches down to {bottom:.1%} of the frame's height and captions may cover all below"
                f" {board.caption_top:.1%}; move it up."
            )
            yield found(board, "under the captions", message, frame.beat, (item.name,), item.box)


def _overlaps(board: Storyboard, frame: StoryFrame, items: Sequence[Item]) -> Iterator[Finding]:
    squares = [
        (number, item.box) for number, item in enumerate(items) if item.kind == "shape" and "Square" in item.name
    ]
    for (first, one), (second, other) in combinations(enumerate(items), 2):
        kinds = {one.kind, other.kind}
        if "text" not in kinds or "shape" in kinds or not _overlap(one.box, other.box):
            continue
        names, box = (one.name, other.name), _union(one.box, other.box)
        if kinds == {"text"}:
            message = f"{_start(one)} and {_name(other)} overlap; move them apart or remove one."
            yield found(board, "text over text", message, frame.beat, names, box)
            continue
        text, picture = (one, other) if one.kind == "text" else (other, one)
        number = second if one.kind == "text" else first
        if any(later > number and _within(text.box, square) for later, square in squares):
            continue  # a digit on a square that is drawn over the picture
        message = f"{_start(text)} lies on {_name(picture)}; move it beside the picture."
        yield found(board, "text over a map", message, frame.beat, (text.name, picture.name), box)


def _covered(board: Storyboard, frame: StoryFrame, items: Sequence[Item]) -> Iterator[Finding]:
    for number, text in enumerate(items):
        if text.kind != "text":
            continue
        for shape in items[number + 1 :]:
            if shape.kind == "shape" and shape.filled >= _HIDES and _hidden(text.box, shape) > _MOST_HIDDEN:
                message = f"{_start(text)} lies under {_name(shape)} that is filled; draw it last, or move one of them."
                yield found(board, "text covered", message, frame.beat, (text.name, shape.name), text.box)
                break


def _hidden(box: Box, shape: Item) -> float:
    """The share of `box` that lies under `shape`: of one that is no rectangle, under the middle of it."""
    left, top, right, bottom = shape.box
    if not re.search("Rectangle|Square", shape.name):
        aside = (1 - _INSIDE) / 2
        across, down = aside * (right - left), aside * (bottom - top)
        left, top, right, bottom = left + across, top + down, right - across, bottom - down
    common = [min(box[2], right) - max(box[0], left), min(box[3], bottom) - max(box[1], top)]
    area = (box[2] - box[0]) * (box[3] - box[1])
    return max(0.0, common[0]) * max(0.0, common[1]) / area if area else 0.0


def _size(board: Storyboard, frame: StoryFrame, item: Item) -> Iterator[Finding]:
    if item.capital is not None and item.capital < LEAST_CAPITAL - 1e-9:
        message = (
            f"{_start(item)} has capitals of {item.capital:.2%} of the frame's height and at least {LEAST_CAPITAL:.1%}"
            " is asked for; make it larger or say it in fewer words."
        )
        yield found(board, "text too small", message, frame.beat, (item.name,), item.box)


def _contrast(board: Storyboard, frame: StoryFrame, item: Item, still: Pixels) -> Iterator[Finding]:
    pixels = _cut(still, item.box)
    if item.colour is None or not pixels.size:
        return
    contrast, background = worst_contrast(pixels, item.colour, item.opacity)
    if contrast < LEAST_CONTRAST:
        message = (
            f"{_start(item)} in {item.colour} stands out from {background} by {contrast:.2f}:1 and at least"
            f" {LEAST_CONTRAST}:1 is asked for; take a colour further from what lies behind it."
        )
        yield found(board, "text too faint", message, frame.beat, (item.name,), item.box)


def _cut(still: Pixels, box: Box) -> Pixels:
    """The pixels of `still` that `box` touches."""
    height, width = still.shape[:2]
    left, top, right, bottom = box
    rows = slice(max(0, floor(top * height)), max(0, ceil(bottom * height)))
    return still[rows, max(0, floor(left * width)) : max(0, ceil(right * width))]


def _overlap(one: Box, other: Box) -> bool:
    return all(min(one[i + 2], other[i + 2]) - max(one[i], other[i]) > TOUCHING for i in (0, 1))


def _within(inner: Box, outer: Box) -> bool:
    return all(inner[i] >= outer[i] - TOUCHING and inner[i + 2] <= outer[i + 2] + TOUCHING for i in (0, 1))


def _union(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _name(item: Item) -> str:
    return {"text": f"“{item.name}”", "picture": f"the picture of {item.name}", "shape": f"a {item.name}"}[item.kind]


def _start(item: Item) -> str:
    """The name of `item` at the start of a sentence."""
    name = _name(item)
    return name[0].upper() + name[1:]
