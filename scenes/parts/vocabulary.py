"""The words of a convolution, each as the name of a real thing: receptive field, filter, feature map, channels."""

from manim import UP, Group, VGroup

from fmcore.analysis.channels import representatives
from fmcore.bundle import Bundle
from fmcore.colour import ColourScale
from fmcore.header import LayerInfo
from scenes import look
from scenes.parts.channel_stack import ChannelStack
from scenes.parts.feature_map import FeatureMap, InputImage
from scenes.parts.filter_slice import FilterSlice
from scenes.parts.marks import arrow
from scenes.parts.picture import ArraySource
from scenes.parts.place_marks import place_marks

_SHEETS = 3
_FILTER = 0.6  # of the height of a map
_STACK = 0.85


class Vocabulary(Group):
    """What `channel` of `layer` does with the image of `probe`, named by its words; maps are `size` high.
    The map has a scale of its own, the stack beside it one for all.

    In a row with arrows in a wide frame, two by two in others. `marks` frame the strongest place and what it sees.
    """

    def __init__(self, bundle: Bundle, layer: LayerInfo, probe: int, channel: int, size: float) -> None:
        array, weight = f"{layer.name}/activation", f"{layer.name}/weight"
        maps = bundle.part(array, probe)  # (C, H, W)
        scale, slices = ColourScale.of(maps, "per_layer"), bundle.info(weight).shape[1]
        image = InputImage(bundle.part("probes", probe), size, "receptive field", probe)
        filter_ = FilterSlice(
            bundle.part(weight, channel, 0),
            _FILTER * size,
            "filter",
            f"slice 1 of {slices}" if slices > 1 else "",
            ArraySource(weight, (channel, 0)),
        )
        own = ColourScale.of(maps[channel])  # on that of all it may be hardly seen
        tile = FeatureMap(maps[channel], own, size, "feature map", ArraySource(array, (probe, channel)))
        sheets = representatives(maps, _SHEETS)
        stack = ChannelStack(maps, sheets, scale, _STACK * size, "channels: H × W × C", (array, (probe,)), brief=True)
        self.things = Group(image, filter_, tile, stack)
        for name in (image.name_label, filter_[-1], tile.name_label, stack.name_label):
            name.set_color(look.ACCENT)
        wide = look.shape() == "wide"
        self.things.arrange_in_grid(cols=4 if wide else 2, buff=(1.1 if wide else 0.4, look.GAP))
        self.arrows = VGroup()
        if wide:
            level = image.picture.get_y()
            for thing, picture in zip(
                self.things, (image.picture, filter_.picture, tile.picture, stack.front), strict=True
            ):
                thing.shift((level - picture.get_y()) * UP)
            starts = (image.picture, filter_.picture, tile.picture)
            ends = (filter_.picture, tile.picture, stack.front)
            self.arrows.add(*(arrow(a.get_right(), b.get_left()) for a, b in zip(starts, ends, strict=True)))
        self.marks = place_marks(image.picture, tile.picture, layer.field)
        super().__init__(self.things, self.arrows, self.marks)
