"""Maps and images with the words that go with them, beside each other in a row whose members change."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Animation, FadeIn, FadeOut, Group, Mobject, VGroup

from scenes import look
from scenes.parts.fitting import fit
from scenes.parts.picture import Picture
from scenes.parts.text import paragraph


class Exhibit(Group):
    """A picture with its name and `words`: name above and words below, or both beside it where the frame is tall.

    `make(size, name)` makes the thing itself, which has a `picture`. Below it words are at most as wide as `width`,
    beside it they take what it leaves of that.
    """

    def __init__(self, make: Callable[[float, str], Mobject], name: str, words: str, size: float, width: float) -> None:
        beside = look.shape() == "tall"
        self.thing = thing = make(size, "" if beside else name)
        self.picture: Picture = thing.picture
        super().__init__(thing)
        if beside:
            room = max(width - thing.width - look.GAP, 1.75)
            said = VGroup(paragraph(name, look.LABEL, width=room, most=2, bold=True))
            said.add(*([paragraph(words, look.LABEL, width=room, most=4)] if words else []))
            said.arrange(DOWN, buff=look.NEAR, aligned_edge=LEFT).next_to(thing, RIGHT, buff=look.GAP)
            self.add(said.match_y(self.picture))
        elif words:
            said = paragraph(words, look.SMALL, width=width, most=2).arrange(DOWN, buff=look.LEADING)
            self.add(said.next_to(thing, DOWN, buff=1.5 * look.NEAR).match_x(self.picture))


class Gallery:
    """A room for exhibits of one size: up to `most` beside each other, or below each other in a tall frame.

    That is four in a wide frame and two in others unless something else is said.
    """

    def __init__(self, room: look.Region, most: int | None = None) -> None:
        self.room = room
        self.most = most or (4 if look.shape() == "wide" else 2)
        self.level = room.centre[1]
        self.standing: list[Exhibit] = []

    def made(self, makers: Sequence[Callable[[float, float], Exhibit]]) -> list[Exhibit]:
        """`maker(size, width)` of all `makers`, at the largest size at which every one of them fits its place."""
        slot = self.slots(self.most)[0]
        width = slot.width
        size = min(fit(lambda size, make=make: make(size, width), slot).picture.height for make in makers)
        made = [make(size, width) for make in makers]
        above = max(exhibit.get_top()[1] - exhibit.picture.get_y() for exhibit in made)
        below = max(exhibit.picture.get_y() - exhibit.get_bottom()[1] for exhibit in made)
        self.level = self.room.centre[1] - (above - below) / 2  # of the pictures, so that all fit
        return made

    def slots(self, count: int) -> list[look.Region]:
        """`count` places in the middle of the room."""
        if look.shape() == "tall":
            return [self.room] if count == 1 else self.room.rows(*[1] * count)
        first = self.room.columns(*[1] * self.most)[0]
        step = first.width + 2 * look.GAP
        start = self.room.centre[0] - (count * step - 2 * look.GAP) / 2
        lefts = [start + number * step for number in range(count)]
        return [look.Region(left, left + first.width, self.room.bottom, self.room.top) for left in lefts]

    def steps(self, *exhibits: Exhibit) -> Iterator[list[Animation]]:
        """Let these and no others stand, in this order: others leave, those that stay move, each new one enters."""
        before = [exhibit.get_center() for exhibit in exhibits]
        self._line_up(exhibits)
        leaving = [FadeOut(exhibit) for exhibit in self.standing if exhibit not in exhibits]
        moving = []
        for exhibit, centre in zip(exhibits, before, strict=True):
            step = exhibit.get_center() - centre
            if exhibit in self.standing and np.abs(step).max() > 1e-3:
                moving.append(exhibit.shift(-step).animate.shift(step))
        if leaving:
            yield leaving
        if moving:
            yield moving
        entering = [exhibit for exhibit in exhibits if exhibit not in self.standing]
        self.standing = list(exhibits)
        for exhibit in entering:
            yield [FadeIn(exhibit)]

    def leave(self) -> list[Animation]:
        """Let nothing stand."""
        leaving, self.standing = [FadeOut(exhibit) for exhibit in self.standing], []
        return leaving

    def _line_up(self, exhibits: Sequence[Exhibit]) -> None:
        """Each in its place: side by side with their pictures level, or below each other with them in one column."""
        slots = self.slots(len(exhibits))
        for exhibit, slot in zip(exhibits, slots, strict=True):
            exhibit.move_to(slot.centre)
            exhibit.shift((slot.centre[0] - exhibit.picture.get_x()) * RIGHT)
            if look.shape() != "tall":
                exhibit.shift((self.level - exhibit.picture.get_y()) * UP)
        if look.shape() == "tall":
            every = Group(*exhibits)
            every.shift((self.room.left - every.get_left()[0]) * RIGHT)
            every.shift(max(0.0, every.get_right()[0] - self.room.right) * LEFT)
