"""Grad-CAM as it comes about: maps of a layer, each times its weight, and the one that they add up to."""

from collections.abc import Iterable, Iterator
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
        plain = weighing.activation[channels]
        products = [weighing.weighted(one) for one in channels]
        self.rest = count > len(channels)
        few = [channels[: k + 1] for k in range(len(channels) - (not self.rest))]
        order = [*channels, *(one for one in range(count) if one not in factors)]
        more = 2 * len(channels)
        while more < count:
            few.append(order[:more])
            more *= 2
        sums = [weighing.weighted(*some) for some in few]
        bright = ColourScale.of(plain, "shared")
        summed = ColourScale.signed(np.stack([*sums, total]), "shared")
        wide, tall = look.shape() == "wide", look.shape() == "tall"  # where a factor has a line of its own
        names = [f"channel {one + 1}" if tall else f"{factor} × channel {one + 1}" for one, factor in factors.items()]
        words = [f"times {factor}" if tall else "" for factor in factors.values()]
        totals = [f"{len(some)} of {whole(count)} added up" for some in few]
        sources = [ArraySource(f"{layer}/activation", (probe, channel)) for channel in channels]
        weights = [(f"{layer}/gradcam_weight", (probe, slot, channel)) for channel in channels]
        of_products = [replace(source, times=weight) for source, weight in zip(sources, weights, strict=True)]
        of_total = ArraySource(f"{layer}/gradcam", (probe, slot))
        made: list[tuple[np.ndarray, ColourScale, str, str, ArraySource | None]] = [
            *((values, bright, *told) for values, *told in zip(plain, names, words, sources, strict=True)),
            *(
                (one, ColourScale.signed(one), *told)
                for one, *told in zip(products, names, words, of_products, strict=True)
            ),
            *((values, summed, name, "", None) for values, name in zip(sums, totals, strict=True)),
            (total, summed, f"all {whole(count)} added up", "", of_total),
        ]
        below, beside = look.body().columns(*((len(channels), 1) if wide else (1, 1.4)))  # of sums, numbers are long
        self.bright = ScaleStrip(bright, min(below.width, 4.0), "these maps" if tall else "scale of these maps")
        self.summed = ScaleStrip(summed, min(beside.width, 4.0), "the sum" if tall else "scale of the sum")
        room, foot = rooms_with(look.body(), self.bright, self.summed)
        self.bright.move_to([below.centre[0], foot.centre[1], 0])
        self.summed.move_to([beside.centre[0], foot.centre[1], 0])
        self.gallery = Gallery(room, len(channels) + 1)
        exhibits = self.gallery.made(
            [
                partial(Exhibit, partial(FeatureMap, values, scale, source=source), name, said)
                for values, scale, name, said, source in made
            ]
        )
        n = len(channels)
        self.plain, self.products, self.sums = exhibits[:n], exhibits[n : 2 * n], exhibits[2 * n :]
        self.own = narrow("each on its own scale", below.width).move_to(self.bright)

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
