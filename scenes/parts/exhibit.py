"""Maps and images with the words that go with them, beside each other in a row whose members change."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Animation, FadeIn, FadeOut, Group, Mobject, VGroup, VMobject

from scenes import look
from scenes.parts.fitting import fit
from scenes.parts.picture import Picture
from scenes.parts.text import line_height, paragraph

Words = str | Callable[[float], VMobject]


class Exhibit(Group):
    """A picture with its name and `words`: name above and words below, or all of it beside where the frame is tall.

    `make(size, name)` makes the thing itself, which has a `picture` and a `shape_label`. Below it words are at most as
    wide as `width`, beside it they take what it leaves of that, and no more lines than go into `height`. They are text,
    or what makes a thing of a width.
    """

    def __init__(
        self,
        make: Callable[[float, str], Mobject],
        name: str,
        words: Words,
        size: float,
        width: float,
        height: float,
    ) -> None:
        beside = look.shape() == "tall"
        self.thing = thing = make(size, "" if beside else name)
        self.picture: Picture = thing.picture
        super().__init__(thing)
        self.words = VGroup()
        self.title: VGroup = getattr(thing, "name_label", VGroup())
        if beside:
            room = max(width - self.picture.width - look.GAP, 1.75)
            line = line_height(look.LABEL) + look.LEADING
            lines = int((height - 2 * look.NEAR + 3 * look.LEADING) / line)  # of title, shape and words together
            lines_left = lines - max(1, len(thing.shape_label))
            if callable(words):
                self.words = words(room)
            elif words:
                self.words = paragraph(words, look.LABEL, width=room, most=max(1, min(4, lines_left - 1)))
            most = 2 if callable(words) else max(1, min(2, lines_left - len(self.words)))
            self.title = title = paragraph(name, look.LABEL, width=room, most=most, bold=True)
            said = VGroup(title, thing.shape_label, *([self.words] if words else []))
            said.arrange(DOWN, buff=look.NEAR, aligned_edge=LEFT).next_to(self.picture, RIGHT, buff=look.GAP)
            self.add(title)
        elif callable(words):
            self.words = words(width).next_to(thing, DOWN, buff=1.5 * look.NEAR).match_x(self.picture)
        elif words:
            self.words = paragraph(words, look.SMALL, width=width, most=2).arrange(DOWN, buff=look.LEADING)
            self.words.next_to(thing, DOWN, buff=1.5 * look.NEAR).match_x(self.picture)
        if words:
            self.add(self.words)


class Gallery:
    """A room for exhibits of one size: up to `most` beside each other, or below each other in a tall frame.

    That is four in a wide frame and two in others unless something else is said.
    """

    def __init__(self, room: look.Region, most: int | None = None) -> None:
        self.room = room
        self.most = most or (4 if look.shape() == "wide" else 2)
        self.level = room.centre[1]
        self.standing: list[Exhibit] = []

    def made(self, makers: Sequence[Callable[[float, float, float], Exhibit]]) -> list[Exhibit]:
        """`maker(size, width, height)` of all `makers`, at the largest size at which every one fits its place."""
        slot = self.slots(self.most)[0]
        room = (slot.width, slot.height)
        size = min(fit(lambda size, make=make: make(size, *room), slot).picture.height for make in makers)
        made = [make(size, *room) for make in makers]
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
        self.line_up(exhibits)
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

    def line_up(self, exhibits: Sequence[Exhibit]) -> None:
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
