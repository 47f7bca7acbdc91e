"""How strongly a channel of each layer answers to every class, as a table of bars: a row a class, a column a layer."""

from collections.abc import Sequence

import numpy as np
from manim import LEFT, RIGHT, Line, ManimColor, Rectangle, VGroup
from numpy.typing import NDArray

from scenes import look
from scenes.parts.text import Label, label, line_height

_NAMES = {"wide": 0.22, "square": 0.28, "tall": 0.36}  # of the width, at the most: what the names of rows take
_GAPS = {"wide": 2 * look.GAP, "square": 2 * look.GAP, "tall": 1.5 * look.NEAR}  # between columns
_THICK = 0.62  # of a row's height: a bar
_ROOMY = 1.5  # rows are at most so many times as high as a line of text
_HEAD = 2  # rows above the classes: the layers, and their channels
_APART = 0.4  # of a row: between the classes and the last row
_INTO = 0.75  # of the gap to the next column: a name may reach so far into it
_SHORTEST = 0.35  # units: there is no bar in the last row that would be shorter


class ClassTable(VGroup):
    """Bars for the `means` (K,) of one channel of each layer, none below zero, as shares of the channel's largest.

    `layers` are the names above the columns, `channels` count from 0. Of more classes than `region` has rows for,
    those are shown that some channel answers to most, and the table says of how many: `13 of 60`. Parts come one by
    one: `names`, `columns`, and `foot`, a last row called `last` with a text and a share (0..1) a layer.
    """

    def __init__(
        self,
        region: look.Region,
        classes: Sequence[str],
        layers: Sequence[str],
        channels: Sequence[int],
        means: Sequence[NDArray[np.floating]],
        last: str = "",
        figures: Sequence[tuple[str, float]] = (),
    ) -> None:
        line = line_height(look.SMALL) + look.LEADING
        shares = np.array([one / max(float(one.max()), 1e-12) for one in means])  # (L, K)
        most = int(region.height / line - _HEAD - bool(figures) * (1 + _APART))
        shown = np.sort(np.argsort(-shares.max(0), kind="stable")[:most])
        rows = _HEAD + len(shown) + bool(figures) * (1 + _APART)
        self._row = min(region.height / rows, _ROOMY * line)
        self._right, self._top = region.right, region.centre[1] + rows * self._row / 2
        room = _NAMES[look.shape()] * region.width
        cut = f"{len(shown)} of {len(classes)}" if len(shown) < len(classes) else "layer"
        named = [(cut, look.MUTED), ("channel", look.MUTED), *((classes[k], look.TEXT) for k in shown)]
        names = [self._text(text, number, room, color) for number, (text, color) in enumerate(named) if text]
        end = self._text(last, rows - 1, room, look.SECOND) if figures else None
        widest = max(one.width for one in (*names, *([end] if end is not None else [])))
        self.names = VGroup(*(one.align_to(np.array([region.left + widest, 0, 0]), RIGHT) for one in names))
        rest = look.Region(region.left + widest + 2 * look.NEAR, region.right, region.bottom, region.top)
        places = rest.columns(*[1.0] * len(means), gap=_GAPS[look.shape()])
        self.columns = VGroup(
            self._column(place, layer, channel, share[shown])
            for place, layer, channel, share in zip(places, layers, channels, shares, strict=True)
        )
        self.foot = VGroup()
        if end is not None:
            self.foot.add(end.align_to(np.array([region.left + widest, 0, 0]), RIGHT))
            texts = [self._text(text, rows - 1, places[0].width, look.SECOND) for text, _ in figures]
            start = max(text.width for text in texts) + look.NEAR
            for text, (_, share), place in zip(texts, figures, places, strict=True):
                self.foot.add(text.align_to(np.array([place.left, 0, 0]), LEFT))
                if (length := place.width - start) >= _SHORTEST:
                    frame = Rectangle(width=length, height=0.4 * self._row, stroke_width=look.STROKE / 2)
                    frame.set_stroke(look.LINE).move_to([place.right - length / 2, self._middle(rows - 1), 0])
                    self.foot.add(self._bar(place.left + start, share * length, 0.4, rows - 1, look.SECOND), frame)
        super().__init__(self.names, self.columns, self.foot)

    def _column(self, place: look.Region, layer: str, channel: int, shares: NDArray[np.floating]) -> VGroup:
        room = min(place.width + _INTO * _GAPS[look.shape()], self._right - place.left)
        heads = [
            self._text(layer, 0, room, look.TEXT).align_to(np.array([place.left, 0, 0]), LEFT),
            self._text(str(channel + 1), 1, place.width, look.MUTED).align_to(np.array([place.left, 0, 0]), LEFT),
        ]
        bars = (
            self._bar(place.left, place.width * float(share), _THICK, _HEAD + row, look.ACCENT if share == 1 else None)
            for row, share in enumerate(shares)
        )
        ends = (self._middle(_HEAD) + self._row / 2, self._middle(_HEAD + len(shares) - 1) - self._row / 2)
        foot = Line([place.left, ends[0], 0], [place.left, ends[1], 0], stroke_width=look.STROKE, color=look.LINE)
        return VGroup(*heads, *bars, foot)

    def _bar(self, left: float, width: float, thick: float, row: float, color: ManimColor | None) -> Rectangle:
        bar = Rectangle(width=max(width, 0.01), height=thick * self._row, stroke_width=0)
        bar.set_fill(color or look.SECOND, opacity=1)
        return bar.move_to([left + bar.width / 2, self._middle(row), 0])

    def _middle(self, row: float) -> float:
        return self._top - (row + 0.5) * self._row

    def _text(self, text: str, row: float, width: float, color: ManimColor) -> Label:
        return label(text, look.SMALL, color, width=width).move_to([0, self._middle(row), 0])
