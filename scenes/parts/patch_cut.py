"""How a patch is cut: an image, a map of it, the map's brightest place, and what that place sees."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Animation, FadeIn, Group, Rectangle, Transform, VGroup
from numpy.typing import NDArray

from fmcore.analysis.alignment import seen_from
from fmcore.analysis.channels import strongest
from fmcore.colour import ColourScale
from fmcore.header import LayerInfo
from scenes import look
from scenes.parts.feature_map import FeatureMap, InputImage, border, caption
from scenes.parts.layer_name import layer_name
from scenes.parts.marks import field_frame
from scenes.parts.motion import coming
from scenes.parts.picture import UNIT, ArraySource, Drawn, Picture
from scenes.parts.place_marks import place_marks


class PatchCut(Group):
    """Image (C, H, W) and a map (H', W') of channel `channel` of `layer`, `size` high, and the patch cut out of it.

    `probe` is the number of the image in the bundle. Where no place of the map lies above zero, there is no patch.
    """

    def __init__(
        self,
        image: NDArray[np.floating],
        values: NDArray[np.floating],
        layer: LayerInfo,
        channel: int,
        probe: int,
        size: float,
    ) -> None:
        self.image = InputImage(image, size, probe=probe)
        source = ArraySource(f"{layer.name}/activation", (probe, channel))
        name = f"{layer_name(layer.name)}, channel {channel + 1}"
        self.map = FeatureMap(values, ColourScale.of(values), size, name, source)
        pair = Group(self.image, self.map).arrange(RIGHT, buff=2 * look.GAP)
        self.map.shift((self.image.picture.get_y() - self.map.picture.get_y()) * UP)
        self.layer, self.spot = layer, strongest(values)
        super().__init__(pair)
        self.patch: Group | None = None
        if not self.spot.value > 0:
            return
        spot = self.spot
        seen = seen_from(image, layer, spot.row, spot.column)
        cut = Picture(seen if len(seen) == 3 else seen[0], UNIT, 0.6 * size, Drawn("a patch of the image"))
        rim = Rectangle(width=cut.width, height=cut.height, stroke_width=2 * look.STROKE, color=look.MARK)
        self.patch = Group(cut, border(cut), rim.move_to(cut))
        words = caption("the patch", cut.width)
        self.patch.add(words.next_to(cut, DOWN, buff=look.NEAR))
        tall = look.shape() == "tall"
        self.patch.next_to(pair, DOWN if tall else LEFT, buff=2 * look.GAP)  # on the image's side, not across the map
        if tall:
            self.patch.match_x(self.image)
        else:
            self.patch.shift((self.map.picture.get_y() - cut.get_y()) * UP)
        self.add(self.patch)

    def marks(self) -> VGroup:
        """Frames around what the brightest place sees, and around that place of the map."""
        return place_marks(self.image.picture, self.map.picture, self.layer.field)

    def flight(self, patch: Group) -> tuple[Picture, list[Animation]]:
        """The `patch` comes out of its window on the image, and grows: what moves, to be removed then, and how."""
        window = field_frame(self.image.picture, self.layer.field, self.spot.row, self.spot.column)
        cut: Picture = patch[0]
        moving = cut.copy().scale(max(window.width, 0.1) / cut.width).move_to(window)
        rest = FadeIn(*patch.submobjects[1:], rate_func=coming)
        return moving, [Transform(moving, cut), rest]
