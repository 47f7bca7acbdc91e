"""One of two networks that are compared: its letter, its colour, and the maps that it has for the common image."""

from dataclasses import dataclass

from manim import DOWN, RIGHT, Group, ManimColor

from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.channel_stack import ChannelStack
from scenes.parts.feature_map import FeatureMap
from scenes.parts.layer_view import LayerView
from scenes.parts.text import label


@dataclass(frozen=True)
class Side:
    """The network called `name`, `letter` for short, seen through one layer of it."""

    letter: str
    name: str
    view: LayerView

    @property
    def color(self) -> ManimColor:
        return look.SECOND if self.view.other else look.ACCENT

    def tile(self, channel: int, scale: ColourScale | None, height: float) -> FeatureMap:
        """The map of `channel`, named by letter and number, on its own scale unless another is given."""
        tile = self.view.tile(channel, height, scale, f"{self.letter}, channel {channel + 1}", "below")
        tile.name_label.set_color(self.color)
        return tile

    def stack(self, height: float) -> ChannelStack:
        """Some maps of the layer, all on the scale of that layer."""
        stack = self.view.stack(height, f"{self.letter}: {self.name}")
        stack.name_label.set_color(self.color)
        return stack


def stacks(sides: tuple[Side, Side], height: float) -> Group:
    """The stacks of both networks side by side, and what is said of their scales."""
    both = Group(*(side.stack(height) for side in sides)).arrange(RIGHT, buff=0.4, aligned_edge=DOWN)
    note = label("each on the scale of its layer", look.SMALL, look.MUTED)
    return Group(*both, note.next_to(both, DOWN, buff=2 * look.NEAR))
