"""What of a frame has changed: the boxes in which to draw again, and the rows to convert again for the encoder.

To find out at 1080p costs 1 ms, to convert all of it 5 ms; most frames change in a tenth of it.
"""

from collections import defaultdict
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.int_]  # (n, 4): left, top, right, bottom in pixels, the last two not included

ROWS = 24  # converted at a time: fewer cost more calls, more convert what has not changed
COLUMNS = 128  # widths are multiples of it: each has a context of its own in swscale
# Chroma has half as many rows, each weighed from four: two more rows on both sides, and it is as in the whole frame.
MARGIN = 2
_WORTHWHILE = 0.7  # of the frame; where more has changed, converting all of it at once is cheaper
_MANY = 40  # boxes that are not worth keeping apart
_CELL = 16  # columns: of each pair of pixels a byte says whether it changed, and eight bytes are looked at together


class YuvFrame:
    """One frame in YUV, BT.709, limited range, which follows RGBA pixels (H, W, 4).

    `pixels` is yuv420p, whose chroma has half the size, or yuv444p.
    """

    def __init__(self, width: int, height: int, pixels: str = "yuv420p") -> None:
        self._width, self._height = width, height
        self._pixels, self._shrunk = pixels, (1, 2, 2) if pixels == "yuv420p" else (1, 1, 1)
        self._seen: Pixels | None = None
        self._frame: VideoFrame | None = None
        self._planes: list[Pixels] = []
        self._reformatters: dict[tuple[int, ...], VideoReformatter] = defaultdict(VideoReformatter)
        cells = -(-width // _CELL)
        self._changed = np.zeros((height, cells * _CELL // 2), np.bool_)  # (H, pairs of pixels)
        tops = np.arange(0, height, ROWS)
        # A row of chroma looks one row beyond its band: from where to where each band looks, in turn.
        self._looks = np.stack([np.maximum(tops - 1, 0), np.minimum(tops + ROWS + 1, height)], 1).ravel()[:-1]

    def follow(self, pixels: Pixels, areas: Boxes | None = None) -> VideoFrame:
        """The frame of `pixels`; its planes are those of the last one, so that must have been encoded.

        `areas` hold all that differs from the last frame, if that is known.
        """
        if self._seen is None or self._height < ROWS + 2 * MARGIN:
            self._seen = np.array(pixels, order="C")
            return self._convert_all(pixels)
        bands = self._bands(pixels, self._seen, areas)
        if sum(right - left for _, left, right in bands) * ROWS > _WORTHWHILE * self._width * self._height:
            np.copyto(self._seen, pixels)
            return self._convert_all(pixels)
        for top, left, right in bands:
            bottom = min(top + ROWS, self._height)
            self._seen[top:bottom, left:right] = pixels[top:bottom, left:right]
            self._convert(pixels, top, bottom, left, right)
        assert self._frame is not None
        return self._frame

    def _bands(self, pixels: Pixels, seen: Pixels, areas: Boxes | None) -> list[tuple[int, int, int]]:
        """Top row, first and last column of what to convert in every band of rows that shows a changed pixel."""
        new, old = (one.reshape(self._height, -1).view(np.uint64) for one in (pixels, seen))
        if areas is None:
            areas = np.array([[0, 0, self._width, self._height]])
        else:
            self._changed[:] = False
        for left, top, right, bottom in areas.tolist():
            part = np.s_[top:bottom, left // 2 : (right + 1) // 2]
            np.not_equal(new[part], old[part], out=self._changed[part])
        cells = np.bitwise_or.reduceat(self._changed.view(np.uint64), self._looks, axis=0)[::2]  # (bands, cells)
        bands = []
        for band in np.flatnonzero(cells.any(1)).tolist():
            found = np.flatnonzero(cells[band])
            left = int(found[0]) * _CELL // COLUMNS * COLUMNS
            right = min(-(-(int(found[-1]) + 1) * _CELL // COLUMNS) * COLUMNS, self._width)
            bands.append((band * ROWS, left, right))
        return bands

    def _convert_all(self, pixels: Pixels) -> VideoFrame:
        self._frame = self._reformat(pixels)
        self._planes = planes(self._frame)
        return self._frame

    def _convert(self, pixels: Pixels, top: int, bottom: int, left: int, right: int) -> None:
        height = ROWS + 2 * MARGIN
        start = min(max(top - MARGIN, 0), self._height - height)
        part = planes(self._reformat(pixels[start : start + height, left:right]))
        for shrunk, whole, new in zip(self._shrunk, self._planes, part, strict=True):
            whole[top // shrunk : bottom // shrunk, left // shrunk : right // shrunk] = new[
                (top - start) // shrunk : (bottom - start) // shrunk
            ]

    def _reformat(self, pixels: Pixels) -> VideoFrame:
        return self._reformatters[pixels.shape].reformat(
            VideoFrame.from_numpy_buffer(pixels, format="rgba"),
            format=self._pixels,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )


def planes(frame: VideoFrame) -> list[Pixels]:
    """Luma (H, W) and the two chromas (H/2, W/2), as they lie in `frame`."""
    return [
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]  # type: ignore[call-overload]
        for plane in frame.planes
    ]


def pairs(old: list[Any], new: list[Any]) -> dict[int, int]:
    """Which of `new` is which of `old`, by number and in the same order: it looks the same."""
    if len(old) == len(new):
        return {at: at for at, look in enumerate(new) if old[at] == look}
    shorter = min(len(old), len(new))
    head = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    tail = next((at for at in range(shorter - head) if old[-1 - at] != new[-1 - at]), shorter - head)
    return {at: at for at in range(head)} | {len(new) - 1 - at: len(old) - 1 - at for at in range(tail)}


def touching(damaged: Boxes, boxes: Boxes, drawn: NDArray[np.bool_]) -> tuple[Boxes, NDArray[np.bool_]]:
    """The areas to draw again and which of `boxes` lie there, whole: all that touch `damaged`, and what these touch."""
    areas = _merged(damaged.tolist())
    left, top, right, bottom = boxes.T
    while True:
        met = np.zeros(len(boxes), bool)
        for box in areas:
            met |= (left < box[2]) & (right > box[0]) & (top < box[3]) & (bottom > box[1])
        met &= ~drawn
        if not met.any():
            return np.array(areas, int).reshape(-1, 4), drawn
        drawn = drawn | met
        areas = _merged(areas + boxes[met].tolist())


def _merged(boxes: list[list[int]]) -> list[list[int]]:
    """Boxes that hold all of `boxes` and do not overlap."""
    boxes = [box for box in boxes if box[0] < box[2] and box[1] < box[3]]
    if len(boxes) > _MANY:
        return [_around(boxes)]
    apart: list[list[int]] = []
    for box in boxes:
        while met := [one for one in apart if _overlap(one, box)]:
            apart = [one for one in apart if not _overlap(one, box)]
            box = _around([box, *met])
        apart.append(box)
    return apart


def _overlap(one: list[int], other: list[int]) -> bool:
    return one[0] < other[2] and one[2] > other[0] and one[1] < other[3] and one[3] > other[1]


def _around(boxes: list[list[int]]) -> list[int]:
    left, top, right, bottom = zip(*boxes, strict=True)
    return [min(left), min(top), max(right), max(bottom)]


def area(boxes: Boxes) -> int:
    """How many pixels lie in `boxes`."""
    return int(((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sum())
