"""One filter below the epochs of a chart, as it was after each of them."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from manim import DOWN, LEFT, Group

from scenes import look
from scenes.parts.chart import Chart
from scenes.parts.filter_picture import FilterPicture
from scenes.parts.text import lines

ROOM = 0.4  # that the last picture may need to the right of the chart


class FilterStrip(Group):
    """`tile(epoch, size)` for all of `epochs`, each below its place on the x axis of `chart`, with `words` below."""

    def __init__(
        self,
        chart: Chart,
        epochs: Sequence[int],
        tile: Callable[[int, float], FilterPicture],
        words: Sequence[str],
        region: look.Region,
    ) -> None:
        self.words = lines(*words, width=region.width)
        places = [chart.at(epoch, chart.y.low) for epoch in epochs]
        step = min(right[0] - left[0] for left, right in pairwise(places))
        size = min(2 * ROOM, 0.88 * step, region.height - self.words.height - look.NEAR)
        self.tiles = Group(*(tile(epoch, size).move_to(place) for epoch, place in zip(epochs, places, strict=True)))
        self.tiles.align_to([0, region.top, 0], [0, 1, 0])
        self.words.next_to(self.tiles, DOWN, buff=look.NEAR).align_to(self.tiles, LEFT)
        self.words.shift(max(0.0, self.words.get_right()[0] - region.right) * LEFT)
        super().__init__(self.tiles, self.words)
