"""A map before and after a function of its numbers, with the function's graph and the scale of both; fills the body."""

from collections.abc import Mapping

import numpy as np
from manim import Group
from numpy.typing import NDArray

from fmcore.analysis.nonlinearity import Curve
from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.colour_bar import ColourBar
from scenes.parts.feature_map import FeatureMap
from scenes.parts.fitting import fit
from scenes.parts.function_graph import FunctionGraph
from scenes.parts.picture import ArraySource

_MOST = 3.2


class BeforeAfter(Group):
    """The maps (H, W) `before` and `after`, equally large and on one signed scale; `named` says which channel it is.

    `arrays` are the names of their arrays, `place` is probe and channel.
    """

    def __init__(
        self,
        maps: Mapping[str, NDArray[np.floating]],
        arrays: Mapping[str, str],
        place: tuple[int, int],
        curve: Curve,
        named: str,
        words: tuple[str, str] = ("before φ", "after φ"),
    ) -> None:
        scale = ColourScale.signed(np.stack([maps["before"], maps["after"]]), "shared")
        rooms = _rooms()

        def made(when: str, size: float) -> FeatureMap:
            source = ArraySource(arrays[when], place)
            return FeatureMap(maps[when], scale, size, f"{when} φ: {named}", source, says_flat="below")

        def graph(size: float) -> FunctionGraph:
            return FunctionGraph(curve, size, across=words[0], up=words[1])

        size = min(
            fit(lambda size: made("before", size), rooms["before"], _MOST).picture.height,
            fit(lambda size: made("after", size), rooms["after"], _MOST).picture.height,
        )
        self.before = made("before", size).move_to(rooms["before"].centre)
        self.after = made("after", size).move_to(rooms["after"].centre)
        self.graph = fit(graph, rooms["graph"], _MOST)
        self.bar = fit(lambda height: ColourBar(scale, height, "value"), rooms["bar"], 0.75 * _MOST)
        super().__init__(self.before, self.after, self.graph, self.bar)


def _rooms() -> dict[str, look.Region]:
    body = look.body()
    if look.shape() == "wide":
        before, bar, graph, after = body.columns(3.4, 1.3, 4.4, 3.4, gap=look.GAP)
    elif look.shape() == "square":
        maps, bar, graph = body.columns(2.4, 1.3, 3.7)
        before, after = maps.rows(1.0, 1.0)
    else:
        top, bottom = body.rows(1.0, 1.2)
        before, after = top.columns(1.0, 1.0, gap=look.GAP)
        graph, bar = bottom.columns(2.7, 1.2, gap=look.NEAR)
    return {"before": before, "after": after, "graph": graph, "bar": bar}
