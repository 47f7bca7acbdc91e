"""A map with its colour scale lying below it, and what shares the scale."""

from manim import DOWN, Group

from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.layer_view import LayerView
from scenes.parts.scale_strip import ScaleStrip

_LEAST = 1.4  # units: room for the numbers at both ends of a strip


class ScaledMap(Group):
    """The map of `channel`, `height` high, under `scale`, whose strip bears `note`."""

    def __init__(self, view: LayerView, channel: int, scale: ColourScale, note: str, height: float) -> None:
        tile = view.tile(channel, height, scale)
        self.picture = tile.picture
        self.strip = ScaleStrip(scale, max(self.picture.width, _LEAST), note)
        self.strip.next_to(tile, DOWN, buff=2 * look.NEAR).match_x(self.picture)
        super().__init__(tile, self.strip)
