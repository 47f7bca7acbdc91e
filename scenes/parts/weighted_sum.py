"""Grad-CAM as it comes about: maps of a layer, each times its weight, and the one that they add up to."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from manim import Animation, FadeIn, FadeOut, Mobject, VGroup
from numpy.typing import NDArray

from fmcore.analysis.weighing import Weighing
from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.exhibit import Exhibit, Gallery
from scenes.parts.feature_map import FeatureMap
from scenes.parts.picture import ArraySource
from scenes.parts.scale_strip import ScaleStrip, rooms_with
from scenes.parts.text import label, narrow, whole

Maker = Callable[[float, float, float], Exhibit]


def shown_at_once() -> int:
    """How many maps have room beside their sum."""
    return 3 if look.shape() == "wide" else 2


class WeightedSum:
    """Channels of `layer` for one probe beside the Grad-CAM map `total` (H, W), to which all of them add up.

    `factors` says of each channel shown what it is multiplied with. Below stand their scales: that of the maps as they
    are, then that of their sum. The products have own scales: on one, a few strong places of one would leave the others
    dark.
    """

    def __init__(
        self,
        weighing: Weighing,
        total: NDArray[np.floating],
        factors: dict[int, str],
        layer: str,
        at: tuple[int, int],  # the probe, and the place of its class in the array of Grad-CAM maps
    ) -> None:
        probe, slot = at
        channels, count = list(factors), len(weighing.weights)
        self.rest = count > len(channels)
        plain = weighing.activation[channels]
        few = _growing(channels, count)
        sums = [weighing.weighted(*some) for some in few]
        bright = ColourScale.of(plain, "shared")
        summed = ColourScale.signed(np.stack([*sums, total]), "shared")
        room = self._scales(bright, summed, len(channels))
        self.gallery = Gallery(room, len(channels) + 1)
        tall = look.shape() == "tall"  # where a factor has a line of its own
        before: list[Maker] = []
        after: list[Maker] = []
        for channel, values in zip(channels, plain, strict=True):
            factor, source = factors[channel], ArraySource(f"{layer}/activation", (probe, channel))
            name = f"channel {channel + 1}" if tall else f"{factor} × channel {channel + 1}"
            words = f"times {factor}" if tall else ""
            before.append(_exhibit(values, bright, name, words, source))
            product = weighing.weighted(channel)
            of_product = replace(source, times=(f"{layer}/gradcam_weight", (probe, slot, channel)))
            after.append(_exhibit(product, ColourScale.signed(product), name, words, of_product))
        added = [
            _exhibit(values, summed, f"{len(some)} of {whole(count)} added up")
            for values, some in zip(sums, few, strict=True)
        ]
        of_total = ArraySource(f"{layer}/gradcam", (probe, slot))
        added.append(_exhibit(total, summed, f"all {whole(count)} added up", source=of_total))
        exhibits = iter(self.gallery.made([*before, *after, *added]))
        self.plain, self.products = ([next(exhibits) for _ in makers] for makers in (before, after))
        self.sums = list(exhibits)
        self.own = narrow("each on its own scale", self.below.width).move_to(self.bright)

    def _scales(self, bright: ColourScale, summed: ColourScale, count: int) -> look.Region:
        """Make the strips of both scales, that of the sum below it, and leave the room for the `count` maps and it."""
        wide, tall = look.shape() == "wide", look.shape() == "tall"
        self.below, beside = look.body().columns(*((count, 1) if wide else (1, 1.4)))  # of sums, numbers are long
        self.bright = ScaleStrip(bright, min(self.below.width, 4.0), "these maps" if tall else "scale of these maps")
        self.summed = ScaleStrip(summed, min(beside.width, 4.0), "the sum" if tall else "scale of the sum")
        room, foot = rooms_with(look.body(), self.bright, self.summed)
        self.bright.move_to([self.below.centre[0], foot.centre[1], 0])
        self.summed.move_to([beside.centre[0], foot.centre[1], 0])
        return room

    def enter(self) -> Iterator[list[Animation]]:
        """The maps as they are, one after the other; the place of their sum stays empty."""
        self.gallery.line_up([*self.plain, self.sums[0]])
        for product, map_ in zip(self.products, self.plain, strict=True):
            product.shift(map_.picture.get_center() - product.picture.get_center())
        for other in self.sums[1:]:
            other.shift(self.sums[0].picture.get_center() - other.picture.get_center())
        yield [FadeIn(self.plain[0], self.bright)]
        for one in self.plain[1:]:
            yield [FadeIn(one)]

    def multiply(self) -> list[Animation]:
        """Each map turns into itself times its weight; afterwards `plain` lies below and should be removed."""
        return [FadeIn(*self.products), FadeOut(self.bright), FadeIn(self.own)]

    @property
    def steps(self) -> int:
        """How many of them `add_up` takes at most."""
        return len(self.products) + len(self.sums) + 1

    def add_up(self) -> Iterator[tuple[list[Animation], list[Mobject]]]:
        """One product after the other goes over to the sum, then twice as many each time: what to play, what to remove.

        The last step is that of all, with the signs between them.
        """
        before: list[Exhibit] = []
        scale: list[Animation] = [FadeIn(self.summed)]
        for product, total in zip(self.products, self.sums, strict=False):
            moving = product.picture.copy()
            yield [moving.animate.move_to(total.picture)], []
            hide_titles(before)
            yield [FadeIn(total), *scale], [moving, *before]
            before, scale = [total], []
        for total in self.sums[len(self.products) : -1]:
            hide_titles(before)
            yield [FadeIn(total)], list[Mobject](before)
            before = [total]
        signs = self.signs()
        hide_titles(before * self.rest)
        yield [FadeIn(signs), *map(FadeIn, self.sums[-1:] * self.rest)], [signs, *before * self.rest]
        self.sums[-1].add(signs)

    def signs(self) -> VGroup:
        """What is done with the maps, between them, where they stand side by side."""
        signs = VGroup()
        if look.shape() == "tall":
            return signs
        row = [*self.products, self.sums[-1]]
        texts = ["+"] * (len(row) - 2) + ["+ … =" if self.rest else "="]
        for text, left, right in zip(texts, row, row[1:], strict=False):
            start, end = left.picture.get_right(), right.picture.get_left()
            signs.add(label(text, look.LABEL, look.TEXT, width=0.9 * (end - start)[0]).move_to((start + end) / 2))
        return signs

    def leave(self) -> list[Animation]:
        return [FadeOut(*self.products, self.sums[-1], self.own, self.summed)]


def hide_titles(exhibits: Iterable[Exhibit]) -> None:
    """So that two names in one place are no blur while the next exhibit comes."""
    for exhibit in exhibits:
        exhibit.title.set_opacity(0)


def _growing(channels: list[int], count: int) -> list[list[int]]:
    """Which of `count` channels are added up in each step, short of all: one more that is shown, then twice as many."""
    steps = [channels[: k + 1] for k in range(min(len(channels), count - 1))]
    order = [*channels, *(one for one in range(count) if one not in channels)]
    more = 2 * len(channels)
    while more < count:
        steps.append(order[:more])
        more *= 2
    return steps


def _exhibit(
    values: NDArray[np.floating], scale: ColourScale, name: str, words: str = "", source: ArraySource | None = None
) -> Maker:
    return partial(Exhibit, partial(FeatureMap, values, scale, source=source), name, words)
