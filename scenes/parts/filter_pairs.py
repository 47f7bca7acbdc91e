"""Filters in two states below each other, such as before and after training."""

from collections.abc import Callable, Sequence

from manim import DOWN, LEFT, RIGHT, UP, Group, VGroup

from scenes import look
from scenes.parts.filter_picture import FilterPicture
from scenes.parts.text import label

Tile = Callable[[int, float], FilterPicture]  # of a filter, at a size


class FilterPairs(Group):
    """Filters side by side: row `first`, below it row `second`, each under its own of `heads`.

    `names` stand above the first row; below the second is room for `notes`, which may be shown later.
    """

    def __init__(
        self,
        filters: Sequence[int],
        names: Sequence[str],
        first: Tile,
        second: Tile,
        notes: Sequence[str],
        heads: tuple[str, str],
        size: float,
    ) -> None:
        self.filters, self.size = filters, size
        self.names = VGroup(label(name, look.SMALL, look.MUTED) for name in names)
        self.notes = VGroup(label(note, look.SMALL, look.ACCENT) for note in notes)
        self.first = Group(*(first(number, size) for number in filters))
        self.second = Group(*(second(number, size) for number in filters))
        self.heads = VGroup(label(head, look.SMALL) for head in heads)
        text = max(word.width for word in (*self.names, *self.notes))
        gap = max(look.GAP, text + look.NEAR - self.first[0].width)
        self.first.arrange(RIGHT, buff=gap)
        self.second.arrange(RIGHT, buff=gap)
        for tile, name in zip(self.first, self.names, strict=True):
            name.next_to(tile, UP, buff=look.NEAR)
        self.heads[0].next_to(self.names, UP, buff=look.NEAR).align_to(self.first, LEFT)
        self.heads[1].next_to(self.first, DOWN, buff=look.GAP, aligned_edge=LEFT)
        self.second.next_to(self.first, DOWN, buff=look.GAP + self.heads[1].height + look.NEAR)
        for tile, note in zip(self.second, self.notes, strict=True):
            note.next_to(tile, DOWN, buff=look.NEAR)
        super().__init__(self.first, self.second, self.names, self.notes, self.heads)

    def others(self, tile: Tile, row: Group) -> Group:
        """Other pictures of the same filters, where those of `row` stand."""
        made = (tile(number, self.size).move_to(place) for number, place in zip(self.filters, row, strict=True))
        return Group(*made)
