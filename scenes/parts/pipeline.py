"""A whole network in one picture: the image, stacks of the maps that it becomes, and the answer that comes of them."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Arrow, Group, RoundedRectangle, VGroup

from scenes import look
from scenes.parts.channel_stack import ChannelStack
from scenes.parts.feature_map import InputImage
from scenes.parts.fitting import fit
from scenes.parts.marks import arrow
from scenes.parts.text import label

_ARROW = 0.7  # units between things in a row
_LONGEST_BAR = 4.5


class Pipeline:
    """In a row in a wide frame; in a square one with the answer below the row, in a tall one with the image above it.

    `answer` makes it for a width. `veil` is a box in the place of the stacks, for as long as nobody has looked into
    it, with `arrows` to and from it; `steps` are those from the image through the stacks to the answer, with dots where
    `skipped` says that layers lie between one stack and the next.
    """

    def __init__(
        self,
        image: Callable[[float], InputImage],
        stacks: Sequence[Callable[[float], ChannelStack]],
        answer: Callable[[float], VGroup],
        room: look.Region,
        skipped: Sequence[bool] = (),
    ) -> None:
        above, below = look.shape() == "tall", look.shape() != "wide"
        first, middle, last = _rooms(room)
        self.image = fit(image, first, most=2.6)
        self.answer = answer(min(last.width, _LONGEST_BAR)).move_to(last.centre)

        def row(size: float) -> Group:
            made = Group(*(stack(size) for stack in stacks))
            return made.arrange(RIGHT, buff=0.7 * _ARROW, aligned_edge=DOWN)

        self.stacks = fit(row, middle, most=2.2)
        box = RoundedRectangle(
            width=0.9 * middle.width, height=0.5 * middle.height, corner_radius=0.2, stroke_width=look.STROKE
        )
        box.set_color(look.LINE).move_to(middle.centre)
        self.veil = VGroup(box, label("network", look.LABEL, look.MUTED).move_to(box))
        level = self.stacks[0].front.get_y()
        if not above:
            self.veil.shift((level - box.get_y()) * UP)
            self.image.shift((level - self.image.picture.get_y()) * UP)
        if below and not above:
            self.answer.align_to(self.stacks, RIGHT)
        if not below:
            self.answer.shift((level - self.answer.get_y()) * UP)
        if above:  # over the first stack, as far as a wide image lets it
            self.image.match_x(self.stacks[0])
            self.image.shift(max(0.0, room.left - self.image.get_left()[0]) * RIGHT)
        between = [VGroup(arrow(one.edge(RIGHT), other.edge(LEFT))) for one, other in pairwise(self.stacks)]
        for step, dots in zip(between, skipped, strict=False):
            if dots:
                step.add(label("…", look.LABEL, look.MUTED).next_to(step, UP, buff=look.NEAR))
        self.steps = [
            self._in(above, self.stacks[0].edge(LEFT), self.stacks[0].get_top()),
            *between,
            self._out(below, self.stacks[-1].edge(RIGHT), self.stacks[-1].get_bottom()),
        ]
        self.arrows = [
            self._in(above, box.get_left(), box.get_top()),
            self._out(below, box.get_right(), box.get_bottom()),
        ]

    def _in(self, down: bool, left: np.ndarray, top: np.ndarray) -> Arrow:
        """The arrow from the image to what has this `left` and `top`."""
        start = self.image.get_bottom() if down else self.image.picture.get_right()
        return arrow(start, top if down else left, down)

    def _out(self, down: bool, right: np.ndarray, bottom: np.ndarray) -> Arrow:
        """The arrow to the answer from what has this `right` and `bottom`."""
        return arrow(bottom if down else right, self.answer.get_top() if down else self.answer.get_left(), down)


def _rooms(room: look.Region) -> list[look.Region]:
    """For the image, the stacks and the answer."""
    if look.shape() == "wide":
        return room.columns(1.9, 7.5, 2.3, gap=_ARROW)
    if look.shape() == "tall":
        return room.rows(1.45, 2.0, 0.55, gap=2 * look.GAP)
    above, below = room.rows(3.2, 0.8, gap=2 * look.GAP)
    return [*above.columns(1.9, 4.4, gap=_ARROW), below]
