"""A walk along one filter's training: its pictures after several epochs, and the numbers of one of them at a time."""

from collections.abc import Callable, Sequence

import numpy as np
from manim import DOWN, LEFT, UP, Animation, FadeIn, FadeOut, Group, ReplacementTransform, VGroup
from numpy.typing import NDArray

from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.filter_picture import FilterPicture
from scenes.parts.fitting import fit
from scenes.parts.kernel import NumberGrid
from scenes.parts.marks import values_frame
from scenes.parts.text import label, lines


class FilterWalk:
    """Pictures of a filter in `along`, `columns` a row, and in `close` the numbers behind the one that is framed.

    `tile(epoch, size)` makes a picture of `weights[epoch]`; `weights` are (E + 1, kH, kW). Where not all of them can
    be read in `close`, those around the weight that changed most are written; the last of `words`, its size, says so.
    """

    def __init__(
        self,
        weights: NDArray[np.floating],
        epochs: Sequence[int],
        tile: Callable[[int, float], FilterPicture],
        scale: ColourScale,
        words: Sequence[str],
        close: look.Region,
        along: look.Region,
        columns: int,
    ) -> None:
        def row_of_tiles(size: float) -> Group:
            tiles = [tile(epoch, size) for epoch in epochs]
            cells = Group()
            for one, epoch in zip(tiles, epochs, strict=True):
                texts = [f"epoch {epoch}"] if columns < 4 else ["epoch", str(epoch)]  # many a row: narrow ones
                name = VGroup(label(text, look.SMALL, look.MUTED) for text in texts).arrange(DOWN, buff=look.LEADING)
                cells.add(Group(one, name.next_to(one, DOWN, buff=look.NEAR)))
            return cells.arrange_in_grid(cols=min(columns, len(tiles)), buff=(look.GAP, look.GAP))

        cells = fit(row_of_tiles, along, most=1.7)
        self.tiles = [cell[0] for cell in cells]
        self.names = VGroup(cell[1] for cell in cells)
        heading = lines(*words, width=close.width)
        room = look.Region(close.left, close.right, close.bottom, close.top - heading.height - look.NEAR)
        window = _readable(weights, scale, room)
        top, left, bottom, right = window
        self.grids = [_grid(weights[epoch], window, scale, room) for epoch in epochs]
        self.frames = [values_frame(one.picture, top, left, bottom, right) for one in self.tiles]
        if (bottom - top, right - left) != weights.shape[1:]:
            words = [*words[:-1], f"{bottom - top} × {right - left} of {words[-1]}"]
        self.heading = lines(*words, width=close.width).next_to(self.grids[0], UP, buff=look.NEAR)
        self.heading.align_to(self.grids[0], LEFT)
        over = self.heading.get_right()[0] - close.right
        self.heading.shift(max(0.0, over) * LEFT)

    def step(self, number: int) -> list[Animation]:
        """From picture `number` to the next one: the frame moves on and the numbers change."""
        old, new = self.grids[number : number + 2]
        return [
            ReplacementTransform(old.squares, new.squares),
            *(FadeOut(texts) for texts in old.submobjects[1:]),
            *(FadeIn(texts) for texts in new.submobjects[1:]),
            ReplacementTransform(self.frames[number], self.frames[number + 1]),
        ]

    @property
    def end(self) -> Group:
        """What stands when the walk is over."""
        return Group(*self.tiles, self.names, self.grids[-1], self.frames[-1], self.heading)


Window = tuple[int, int, int, int]  # top, left, bottom, right edges, counted in weights


def _grid(
    values: NDArray[np.floating], window: Window, scale: ColourScale, region: look.Region, most: float = 1.2
) -> NumberGrid:
    top, left, bottom, right = window
    return fit(lambda cell: NumberGrid(values[top:bottom, left:right], scale, cell), region, most)


def _readable(weights: NDArray[np.floating], scale: ColourScale, region: look.Region) -> Window:
    """The largest window around the weight that changed most whose numbers can be read in `region`."""
    change = np.abs(weights[-1] - weights[0])
    place = np.unravel_index(int(change.argmax()), change.shape)
    for side in (5, 4, 3, 2, 1):
        starts = [max(0, min(int(at) - side // 2, size - side)) for at, size in zip(place, change.shape, strict=True)]
        ends = [min(start + side, size) for start, size in zip(starts, change.shape, strict=True)]
        window = (starts[0], starts[1], ends[0], ends[1])
        if all(_has_decimals(_grid(weights[epoch], window, scale, region)) for epoch in (0, -1)):
            break
    return window


def _has_decimals(grid: NumberGrid) -> bool:
    """Whether the numbers are written with a decimal at least: weights are too small for whole ones."""
    return grid.readable and "." in grid.submobjects[1][0].said
