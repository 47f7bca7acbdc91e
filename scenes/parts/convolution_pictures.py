"""The pictures of a convolution that is worked out: its input, its feature map, and the numbers of one place."""

import numpy as np
from manim import DOWN, RIGHT, UP, Group, Rectangle, VGroup
from numpy.typing import NDArray

from fmcore.analysis.convolution import Place
from fmcore.analysis.naming import called
from fmcore.analysis.worked import WorkedMap
from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.cells import Cells, digit_size
from scenes.parts.colour_bar import ColourBar
from scenes.parts.feature_map import FeatureMap, InputImage
from scenes.parts.layer_name import layer_name
from scenes.parts.one_place import Colours, OnePlace
from scenes.parts.picture import UNIT, ArraySource, Drawn, Source
from scenes.parts.place_sum import in_colours, slice_name
from scenes.parts.text import Label, label, on_scale, shape_text
from scenes.parts.window import window

Floats = NDArray[np.floating]

_FEW = 3  # values a side: of so many, the numbers can be read in flat cells in half the width of a tall frame
_FLAT = 0.37  # of its width: the height of such a cell
_FLATTEST = 0.33  # the same where sums of slices, which take two lines, stand below: numbers fill it
_LEAST_BAR = 0.95  # units: with less, the numbers beside a colour bar would touch


def input_picture(map_: WorkedMap, height: float) -> Group:
    """What the filter reads: the image, or that map of its input which is shown in detail, with the scale it has.

    Its words keep clear of the window where that hangs over.
    """
    shown: InputImage | FeatureMap
    words: list[Label] = []
    if map_.reads_image:
        shown = InputImage(map_.bundle.part("probes", map_.probe), height, probe=map_.probe)
    else:
        array, channel = map_.layer.input, map_.inputs.start + map_.slice
        values, count = map_.source[map_.slice], map_.bundle.info(array).shape[1]
        before = array.rpartition("/")[0]
        own = before == map_.layer.name  # kept of the layer itself, as what goes in is neither image nor another's map
        brief = look.shape() == "tall"
        name = f"input, {channel + 1} of {count}" if own else _which(channel, count, before, brief=brief)
        scale = ColourScale.of(values)
        shown = FeatureMap(values, scale, height, name, ArraySource(array, (map_.probe, channel)))
        ends = (on_scale(end, max(abs(scale.low), abs(scale.high))) for end in (scale.low, scale.high))
        words = [label(" to ".join(ends), look.SMALL, look.MUTED)]
    last = (map_.layer.output_shape[1] - 1, map_.layer.output_shape[2] - 1)
    room = Group(shown.border, window(shown.picture, map_.layer, 0, 0), window(shown.picture, map_.layer, *last))
    around = Rectangle(width=room.width, height=room.height, stroke_width=0).move_to(room)
    below = VGroup(shown.shape_label, *words)
    below.arrange(DOWN, buff=look.LEADING)
    below.next_to(around, DOWN, buff=look.NEAR).match_x(shown.border)
    shown.name_label.next_to(around, UP, buff=look.NEAR).match_x(shown.border)
    return Group(shown, *words, around)


def map_picture(map_: WorkedMap, has_bar: bool, height: float) -> Group:
    """The feature map; with its colour bar, where more of it is to be read than single numbers."""
    return _map(map_, "activation", map_.values, has_bar, height, "activation")


def sum_picture(map_: WorkedMap, height: float) -> Group:
    """What patches, filter and bias make, before the nonlinearity, with its colour bar."""
    return _map(map_, map_.stage, map_.sums, True, height, "response")


def _map(map_: WorkedMap, part: str, values: Floats, has_bar: bool, height: float, title: str) -> Group:
    brief = look.shape() == "tall" and not has_bar
    name = _which(map_.channel, map_.layer.output_shape[0], called(map_.layer.name), brief)
    scale = ColourScale.of(values)
    source = ArraySource(f"{map_.layer.name}/{part}", (map_.probe, map_.channel))
    shown = FeatureMap(values, scale, height, name, source, says_flat="beside" if has_bar else "not")
    if not has_bar:
        return Group(shown)
    bar = ColourBar(scale, max(height * 0.72, _LEAST_BAR), title)
    return Group(shown, bar.next_to(shown, RIGHT, buff=0.25).match_y(shown.picture))


def _which(channel: int, count: int, layer: str, brief: bool) -> str:
    """A map's name; `brief` is for narrow columns."""
    name = f"{'map' if brief else 'channel'} {channel + 1} of {count}"
    return f"{layer_name(layer)}, {name}" if look.shape() == "wide" else name


def stacked(map_: WorkedMap) -> bool:
    """Whether the numbers of a place can only be read if its blocks lie below each other."""
    return look.shape() == "tall" and max(map_.layer.kernel) <= _FEW


def place_blocks(map_: WorkedMap, at: Place, side: float, number: int | None = None) -> OnePlace:
    """Patch, filter and products at a place, of slice `number`, with their numbers where those can be read.

    By default of the slice that is shown. Those that are `stacked` have flat cells.
    """
    number = map_.slice if number is None else number
    told, count = map_.told_apart, len(map_.weights)
    weights = map_.weights[number]
    names = (_read_by(map_, number), "filter", "products")
    notes = []
    if look.shape() == "wide":  # elsewhere a note would take the room of the digits
        slice_ = [f"slice {number + 1} of {count}"] * (len(told) > 1)
        notes = [shape_text(weights.shape[0], weights.shape[1], count), *slice_, *_scaled(map_)]
    patches = [(place.patch[n], map_.weights[n]) for place in map_.places for n in told]
    written = [part for patch, own in patches for part in (patch, own, patch * own)]  # one size of digits for all
    flatness = (_FLAT if len(told) == 1 else _FLATTEST) if stacked(map_) else 1.0
    digits = digit_size(written, side / max(weights.shape), flatness)
    if digits and flatness < 1:
        digits = look.SMALLEST  # so that some air is left around them
    return OnePlace(
        at.patch[number], weights, _colours(map_), side, names, " · ".join(notes), _weights_of(map_, number), digits,
        flatness=flatness,
    )  # fmt: skip


def live_blocks(map_: WorkedMap, at: Place, side: float) -> OnePlace:
    """The same as pictures that can change from frame to frame, of the slice that is shown."""
    weights = map_.weights[map_.slice]
    names = (_read_by(map_, map_.slice), "filter", "products") if look.shape() == "wide" else ("", "", "")
    source = _weights_of(map_, map_.slice)
    return OnePlace(at.patch[map_.slice], weights, _colours(map_), side, names, "", source, live=True)


def filter_block(map_: WorkedMap, brief: bool, side: float) -> Cells:
    """The slice of the filter that is shown, with its weights where they can be read; `brief` is for narrow columns."""
    weights = map_.weights[map_.slice]
    digits = digit_size([weights], side / max(weights.shape))
    several = len(map_.weights) > 1 and (in_colours(map_) or not brief)  # whose names are short
    notes = _scaled(map_, brief)
    if not brief:
        notes.insert(0, shape_text(weights.shape[0], weights.shape[1], len(map_.weights)))
    name = f"filter, {slice_name(map_, map_.slice)}" if several else "filter"
    source = _weights_of(map_, map_.slice)
    return Cells(weights, _colours(map_).weights, side, name, "\n".join(notes), source, digits)


def filter_slices(map_: WorkedMap, side: float) -> Group:
    """The slices of the filter that are told apart, in their order, with their weights where those can be read."""
    if len(map_.told_apart) == 1:
        return Group(filter_block(map_, False, side))
    scale, size = _colours(map_).weights, max(map_.layer.kernel)
    digits = digit_size(map_.weights, side / size)
    parts = (
        Cells(map_.weights[n], scale, side, slice_name(map_, n), "", _weights_of(map_, n), digits)
        for n in sorted(map_.told_apart)
    )
    shown = Group(*parts).arrange(RIGHT, buff=look.GAP)
    name = label("one filter", look.SMALL).next_to(shown, UP, buff=look.NEAR)
    lines_ = [shape_text(*map_.weights.shape[1:], len(map_.weights)), *_scaled(map_)]
    notes = VGroup(*(label(line, look.SMALL, look.MUTED) for line in lines_)).arrange(DOWN, buff=look.LEADING)
    return Group(*shown, name, notes.next_to(shown, DOWN, buff=look.NEAR))


def patch_block(map_: WorkedMap, at: Place, side: float) -> Cells:
    """What that slice meets at a place, in colours alone."""
    return Cells(
        at.patch[map_.slice],
        _colours(map_).patch,
        side,
        _read_by(map_, map_.slice),
        source=Drawn("what a filter meets"),
    )


def _read_by(map_: WorkedMap, number: int) -> str:
    """What to call the values that slice `number` of the filter meets."""
    return slice_name(map_, number) if len(map_.weights) > 1 else "patch"


def _colours(map_: WorkedMap) -> Colours:
    """Of the slices that are told apart, which share the scales of weights and products."""
    weights, source = map_.weights[map_.told_apart], map_.source[map_.told_apart]
    is_grey = map_.reads_image and source.min() >= 0 and source.max() <= 1
    most = np.abs(weights).max(keepdims=True) * np.abs(source).max()  # no product anywhere is larger
    patch = UNIT if is_grey else ColourScale.of(source[0])  # as in the picture of the input
    return Colours(patch, ColourScale.signed(weights), ColourScale.signed(most))


def _weights_of(map_: WorkedMap, number: int) -> Source:
    """Where the weights on screen stand in the bundle; nowhere where something has scaled them."""
    return (
        Drawn("weights that were scaled")
        if map_.is_scaled
        else ArraySource(f"{map_.layer.name}/weight", (map_.channel, number))
    )


def _scaled(map_: WorkedMap, brief: bool = False) -> list[str]:
    """A note of what has scaled the weights on screen, if anything."""
    if map_.scaled_by == "batch_norm":
        return ["batch norm" if brief else "with batch norm"]
    return ["scaled by the network"] * map_.is_scaled
