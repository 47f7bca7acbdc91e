"""A colour bar that lies below what it belongs to, with the numbers at its ends and what shares it."""

from collections.abc import Sequence

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Group, Line, VGroup

from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.colour_bar import ColourBar
from scenes.parts.feature_map import border
from scenes.parts.picture import Picture
from scenes.parts.text import label, on_scale, paragraph

_THICK = 0.2
_LONG = 4.0  # at most
_UPRIGHT = 2.2  # high


class ScaleStrip(Group):
    """Level bar of `scale`, `width` units long; `note` says below it which maps it holds for."""

    def __init__(self, scale: ColourScale, width: float, note: str) -> None:
        self.scale_of_colour = scale
        self.bar = Picture(np.linspace(scale.low, scale.high, 256)[None, :], scale, _THICK)
        self.bar.stretch_to_fit_width(width)
        for digits in (2, 1):
            self.ends = self._ends(scale, digits)
            if sum(end.width for end in self.ends) + 2 * look.NEAR <= width:
                break
        wide, room = sum(end.width for end in self.ends), width - 2 * look.NEAR
        if len(self.ends) == 2 and wide > room:
            self.ends.scale(max(room / wide, look.SMALLEST / look.SMALL))
            self.ends[0].align_to(self.bar, LEFT)
            self.ends[1].align_to(self.bar, RIGHT)
            if wide * look.SMALLEST / look.SMALL > room:  # one below the other
                self.ends[1].next_to(self.ends[0], DOWN, buff=look.LEADING).align_to(self.bar, RIGHT)
        self.note = label(note, look.SMALL, look.MUTED)
        between = width - 2 * max(end.width for end in self.ends) - 4 * look.NEAR
        self.note.next_to(self.bar, DOWN, buff=look.NEAR)
        if self.note.width > between:
            self.note.next_to(self.ends, DOWN, buff=look.LEADING).set_x(self.bar.get_x())
        super().__init__(self.bar, border(self.bar), self.ends, self.note)

    @classmethod
    def below(cls, maps: Group, scale: ColourScale, count: int) -> "ScaleStrip":
        """The one that all of `maps` share, below them; they show channels of a layer that has `count`."""
        strip = cls(scale, min(max(maps.width, 3.2), 6.0), f"{_how_many(len(maps), count)}, one scale")
        return strip.next_to(maps, DOWN, buff=0.2)

    def _ends(self, scale: ColourScale, digits: int) -> VGroup:
        """The lowest number below the left end and the highest below the right one; of a flat scale the first."""
        largest = max(abs(scale.low), abs(scale.high))
        ends = VGroup()
        for value, side in ((scale.low, LEFT), (scale.high, RIGHT))[: 1 if scale.flat else 2]:
            text = label(on_scale(value, largest, digits), look.SMALL)
            ends.add(text.next_to(self.bar, DOWN, buff=look.NEAR, aligned_edge=side))
        return ends

    def tick(self, value: float, words: str) -> VGroup:
        """A mark above the bar at `value`, with `words` over it."""
        scale = self.scale_of_colour
        share = 0.0 if scale.flat else (value - scale.low) / (scale.high - scale.low)
        foot = self.bar.get_corner(UP + LEFT) + RIGHT * float(np.clip(share, 0, 1)) * self.bar.width
        line = Line(foot + DOWN * _THICK, foot + UP * 0.12, stroke_width=2 * look.STROKE, color=look.MARK)
        text = label(words, look.SMALL, look.SECOND).next_to(line, UP, buff=0.05)
        left, right = self.bar.get_left()[0], self.bar.get_right()[0]
        text.shift(RIGHT * (max(0.0, left - text.get_left()[0]) - max(0.0, text.get_right()[0] - right)))
        return VGroup(line, text)


def own_scales(maps: Group, count: int) -> VGroup:
    """What is said below `maps`, channels of a layer that has `count`, where each has a scale of its own."""
    words = f"{_how_many(len(maps), count)}, each on its own scale"
    note = paragraph(words, look.SMALL, look.MUTED, width=max(maps.width, 3.2), most=2)
    return note.arrange(DOWN, buff=look.LEADING).next_to(maps, DOWN, buff=2 * look.NEAR)


def _how_many(shown: int, count: int) -> str:
    many = f"all {count}" if shown == count > 1 else "1" if count == 1 else f"{shown} of {count}"
    return f"{many} channel{'s' * (count > 1)}"


def rooms_with(body: look.Region, *strips: ScaleStrip) -> tuple[look.Region, look.Region]:
    """`body` with the lowest part of it for `strips`, and above that the room for what they belong to."""
    top = body.bottom + max(strip.height for strip in strips)
    room = look.Region(body.left, body.right, top + look.GAP, body.top - look.NEAR)
    return room, look.Region(body.left, body.right, body.bottom, top)


def room_beside(
    body: look.Region, scales: Sequence[ColourScale], title: str, note: str
) -> tuple[look.Region, list[Group]]:
    """What is left of `body` where each of `scales` can have its bar, one at a time, and these bars.

    They stand upright on the right with `title` above them in a wide frame, where height is dear. In others they lie
    below, with `note`.
    """
    if look.shape() != "wide":
        strips = [ScaleStrip(scale, min(body.width, _LONG), note) for scale in scales]
        room, foot = rooms_with(body, *strips)
        return room, [strip.move_to(foot.centre) for strip in strips]
    bars = [ColourBar(scale, _UPRIGHT, title) for scale in scales]
    left = body.right - max(bar.width for bar in bars)
    for bar in bars:
        bar.move_to(body.centre).align_to([left, 0, 0], LEFT)
    return look.Region(body.left, left - 2 * look.GAP, body.bottom, body.top - look.NEAR), bars
