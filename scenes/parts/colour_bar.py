"""A colour bar with numbers: what each colour of a map stands for."""

import numpy as np
from manim import DOWN, RIGHT, UP, Group, Line, VGroup

from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.feature_map import border
from scenes.parts.picture import Picture
from scenes.parts.text import label, lines, on_scale

_SCOPE = {
    "per_map": ("scale of", "this map"),
    "per_layer": ("scale of", "the layer"),
    "shared": ("one scale", "for all"),
}
_ROOM_FOR_THREE = 1.0  # units of height


class ColourBar(Group):
    """Upright bar of `scale`, `height` units high, with its ends as numbers, and its middle where there is room.

    What shares the scale is written below it.
    """

    def __init__(self, scale: ColourScale, height: float, title: str = "activation") -> None:
        ramp = np.linspace(scale.high, scale.low, 256)[:, None]
        self.bar = Picture(ramp, scale, height)
        self.bar.stretch_to_fit_width(0.28)
        ticks, largest = VGroup(), max(abs(scale.low), abs(scale.high))
        for share in (0.0,) if scale.flat else (0.0, 0.5, 1.0) if height >= _ROOM_FOR_THREE else (0.0, 1.0):
            value = scale.low + share * (scale.high - scale.low)
            point = self.bar.get_corner(DOWN + RIGHT) + UP * share * height
            tick = Line(point, point + RIGHT * 0.1, stroke_width=look.STROKE, color=look.MUTED)
            ticks.add(tick, label(on_scale(value, largest), look.SMALL).next_to(tick, RIGHT, buff=0.08))
        self.ends = [ticks[-1], ticks[1]]  # the numbers at its top and at its bottom
        heading = label(title, look.SMALL).next_to(self.bar, UP, buff=2 * look.NEAR)
        heading.align_to(self.bar, np.array([-1.0, 0, 0]))
        scope = lines(*_SCOPE[scale.kind]).next_to(self.bar, DOWN, buff=2 * look.NEAR)
        scope.align_to(self.bar, np.array([-1.0, 0, 0]))
        super().__init__(self.bar, border(self.bar), ticks, heading, scope)
