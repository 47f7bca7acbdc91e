"""Filters in two states, such as before and after training: in two rows, or one small above the other, large."""

from collections.abc import Callable, Sequence

from manim import DOWN, LEFT, RIGHT, UP, Group, VGroup

from scenes import look
from scenes.parts.filter_picture import FilterPicture
from scenes.parts.text import label

Tile = Callable[[int, float], FilterPicture]  # of a filter, at a size
_SMALL, _LEAST = 0.45, 0.36  # of a large picture's size, and units: a line of text stands beside a small one


class FilterPairs(Group):
    """Pictures of `filters`, `first` and `second`, each with its own of `heads`, and the `names` of the filters.

    Without `columns`, all stand in two rows, with room below for `notes`, which may be shown later. With them, the
    second state stands large in rows of so many, each above its note, and above it the first one small with its name.
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
        columns: int = 0,
    ) -> None:
        self.filters, self.size, self.columns = filters, size, columns
        self.names = VGroup(label(name, look.SMALL, look.MUTED) for name in names)
        self.notes = VGroup(label(note, look.SMALL, look.ACCENT) for note in notes)
        small = max(_SMALL * size, _LEAST) if columns else size
        self.first = Group(*(first(number, small) for number in filters))
        self.second = Group(*(second(number, size) for number in filters))
        self.heads = VGroup(label(head, look.SMALL) for head in heads)
        (self._in_cells if columns else self._in_rows)()
        super().__init__(self.first, self.second, self.names, self.notes, self.heads)

    def _in_rows(self) -> None:
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

    def _in_cells(self) -> None:
        cells = Group()
        for small, large, name, note in zip(self.first, self.second, self.names, self.notes, strict=True):
            small.next_to(large, UP, buff=look.LEADING, aligned_edge=LEFT)
            name.next_to(small, RIGHT, buff=look.NEAR)
            note.next_to(large, DOWN, buff=look.LEADING)
            cells.add(Group(large, small, name, note))
        cells.arrange_in_grid(cols=min(self.columns, len(cells)), buff=(1.5 * look.NEAR, look.NEAR))
        self.heads.arrange(RIGHT, buff=2 * look.NEAR).next_to(cells, UP, buff=look.NEAR, aligned_edge=LEFT)

    def others(self, tile: Tile, row: Group) -> Group:
        """Other pictures of the same filters, where those of `row` stand."""
        made = (tile(number, self.size).move_to(place) for number, place in zip(self.filters, row, strict=True))
        return Group(*made)
