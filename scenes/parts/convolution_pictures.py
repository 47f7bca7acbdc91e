"""The pictures of a convolution that is worked out: its input, its feature map, and the numbers of one place."""

import numpy as np
from manim import DOWN, RIGHT, Group, VGroup

from fmcore.analysis.convolution import Place
from fmcore.analysis.worked import WorkedMap
from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.cells import digit_size
from scenes.parts.colour_bar import ColourBar
from scenes.parts.feature_map import FeatureMap, InputImage
from scenes.parts.one_place import Colours, OnePlace
from scenes.parts.picture import UNIT, ArraySource
from scenes.parts.place_sum import slice_name
from scenes.parts.text import label, number, shape_text


def input_picture(map_: WorkedMap, height: float) -> Group:
    """What the filter reads: the image, or that map of its input which is shown in detail, with the scale it has."""
    if map_.reads_image:
        return Group(InputImage(map_.bundle.part("probes", map_.probe), height, probe=map_.probe))
    array, channel = map_.layer.input, map_.inputs.start + map_.slice
    values, count = map_.source[map_.slice], map_.bundle.info(array).shape[1]
    name = f"{array.rpartition('/')[0]}, channel {channel + 1} of {count}"
    scale = ColourScale.of(values)
    shown = FeatureMap(values, scale, height, name, ArraySource(array, (map_.probe, channel)))
    reach = label(f"{number(scale.low)} to {number(scale.high)}", look.SMALL, look.MUTED)
    if look.shape() != "wide":
        return Group(shown, reach.next_to(shown.shape_label, DOWN, buff=look.LEADING))
    VGroup(shown.shape_label, reach).arrange(RIGHT, buff=0.25).next_to(shown.border, DOWN, buff=look.NEAR)
    return Group(shown, reach)


def map_picture(map_: WorkedMap, has_bar: bool, height: float) -> Group:
    """The feature map; with its colour bar, where more of it is to be read than single numbers."""
    name = f"channel {map_.channel + 1} of {map_.layer.output_shape[0]}"
    if look.shape() == "wide":
        name = f"{map_.layer.name}, {name}"
    source = ArraySource(f"{map_.layer.name}/activation", (map_.probe, map_.channel))
    scale = ColourScale.of(map_.values)
    shown = FeatureMap(map_.values, scale, height, name, source)
    if not has_bar:
        return Group(shown)
    bar = ColourBar(scale, height * 0.72)
    return Group(shown, bar.next_to(shown, RIGHT, buff=0.25).match_y(shown.picture))


def place_blocks(map_: WorkedMap, at: Place, side: float) -> OnePlace:
    """Patch, filter and products at a place, of the slice that is shown, with their numbers where those can be read."""
    weights, patches = map_.weights[map_.slice], [place.patch[map_.slice] for place in map_.places]
    names = (slice_name(map_) if len(map_.source) > 1 else "patch", "filter", "products")
    notes = ["with batch norm"] * map_.is_scaled
    if look.shape() == "wide":
        notes.insert(0, shape_text(*weights.shape, len(map_.weights)))
    written = [weights, *patches, *(patch * weights for patch in patches)]  # one size of digits for all places
    digits = digit_size(written, side / max(weights.shape))
    return OnePlace(
        at.patch[map_.slice], weights, _colours(map_), side, names, " · ".join(notes), _weights_of(map_), digits
    )


def live_blocks(map_: WorkedMap, at: Place, side: float) -> OnePlace:
    """The same as pictures that can change from frame to frame."""
    weights = map_.weights[map_.slice]
    names = ("patch", "filter", "products") if look.shape() == "wide" else ("", "", "")
    return OnePlace(at.patch[map_.slice], weights, _colours(map_), side, names, "", _weights_of(map_), live=True)


def _colours(map_: WorkedMap) -> Colours:
    weights, source = map_.weights[map_.slice], map_.source[map_.slice]
    is_grey = map_.reads_image and source.min() >= 0 and source.max() <= 1
    most = np.abs(weights).max(keepdims=True) * np.abs(source).max()  # no product anywhere is larger
    return Colours(
        UNIT if is_grey else ColourScale.of(source), ColourScale.signed(weights), ColourScale.signed(most)
    )


def _weights_of(map_: WorkedMap) -> ArraySource | None:
    """Where the weights on screen stand in the bundle; nowhere where a batch normalisation has scaled them."""
    return None if map_.is_scaled else ArraySource(f"{map_.layer.name}/weight", (map_.channel, map_.slice))
