"""Questions on what can be counted or worked out: how many, how large, how much a place sees, what a sum becomes.

Every function looks for something to ask about on the page and returns None where there is nothing, or where the right
option would not clearly be the right one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fmcore.analysis.channels import strongest
from fmcore.analysis.convolution import Place
from fmcore.analysis.naming import CUTTING
from fmcore.analysis.saying import counted, percent
from fmcore.analysis.worked import WorkedMap
from fmcore.header import LayerInfo
from fmcore.page.phrases import SCALED, layer_words, number, phi_words, place_words, shape_words, size_words
from fmcore.page.subject import Subject, Sum
from fmcore.page.telling import fields_told
from fmcore.page.view import Patch

MARGIN = 0.15  # by this share at least the right one exceeds the others where sizes are compared
_FAR_SHARES = 0.1  # how far apart shares are at least that stand side by side


@dataclass(frozen=True)
class Asked:
    """A question before its options are put into an order. `wrong` may hold more than are needed, the best first."""

    text: str
    right: str
    wrong: Sequence[str]
    why: str
    state: Patch | None = None


# -- counts and sizes ----------------------------------------------------------------------------


def how_many_maps(subject: Subject) -> Asked | None:
    """One map a filter, however many maps come in."""
    if (layer := _convolution(subject)) is None:
        return None
    filters, width, *kernel = subject.bundle.info(f"{layer.name}/weight").shape
    inputs, name = width * layer.groups, layer_words(layer.name)
    each = f"all {inputs:,}" if layer.groups == 1 else f"{width:,} of the {inputs:,}"
    reads = f"{each} channels that come in, adds up what it finds" if inputs > 1 else "the one channel that comes in"
    wrong = [filters * inputs, inputs, kernel[0] * kernel[1], filters + inputs, 2 * filters, filters + 1]
    return Asked(
        f"How many feature maps does {name} make of one image?",
        f"{filters:,}",
        [f"{count:,}" for count in wrong],
        f"One for each filter, and it has {filters:,}. A filter reads {reads} and leaves one map.",
        subject.view.state(subject.image, layer.name),
    )


def how_many_weights(subject: Subject) -> Asked | None:
    """A filter has a kernel for every channel that it reads."""
    if (layer := _convolution(subject)) is None:
        return None
    filters, width, height, across = subject.bundle.info(f"{layer.name}/weight").shape
    size, every = height * across, width * height * across
    wrong = [size, filters * every, width, filters * size, every + filters, 2 * every]
    return Asked(
        f"How many weights does one filter of {layer_words(layer.name)} hold?",
        f"{every:,}",
        [f"{count:,}" for count in wrong],
        f"It reads {counted(width, 'channel')} with a kernel of {size_words((height, across))} weights each:"
        f" {size_words((width, height, across))} = {every:,}. A bias would come on top.",
        subject.view.state(subject.image, layer.name),
    )


def which_shape(subject: Subject) -> Asked | None:
    """Height, width, channels, in this order."""
    layer = subject.deep or subject.shallow
    if layer is None:
        return None
    c, h, w = layer.output_shape
    wrong = [(c, h, w), (h, w, 2 * c), (h + 2, w + 2, c), (2 * h, 2 * w, c)]
    return Asked(
        f"Written as H × W × C, how large is all that {layer_words(layer.name)} makes of one image?",
        shape_words((c, h, w)),
        [size_words(shape) for shape in wrong],
        f"It makes {counted(c, 'map')} of {counted(h, 'row')} and {counted(w, 'column')}: height, width, channels.",
        subject.view.state(subject.image, layer.name),
    )


def _convolution(subject: Subject) -> LayerInfo | None:
    """The deepest convolution shown, where the counts of what comes in and what goes out differ if possible."""
    known = [
        layer
        for layer in subject.shown
        if layer.type == "convolution" and f"{layer.name}/weight" in subject.bundle.header.arrays
    ]
    telling = [
        layer
        for layer in known
        if subject.bundle.info(f"{layer.name}/weight").shape[1] not in (1, layer.output_shape[0])
    ]
    return next(iter((telling or known)[::-1]), None)


def which_sees_most(subject: Subject) -> Asked | None:
    """The receptive field grows with depth."""
    size = subject.bundle.header.model.input_shape[1:]
    areas: dict[str, int] = {}  # in pixels of the image, by what the layers are called
    layers: dict[str, LayerInfo] = {}
    for layer in subject.shown:
        if layer.field.known and layers.setdefault(layer_words(layer.name), layer) is layer:
            height, width = size if layer.field.whole else map(min, layer.field.size, size)
            areas[layer_words(layer.name)] = height * width
    if not areas:
        return None
    most = max(areas, key=lambda name: areas[name])
    smaller = sorted((name for name in areas if areas[name] * (1 + MARGIN) <= areas[most]), key=areas.__getitem__)
    if not smaller:
        return None
    wrong = smaller if len(smaller) <= 3 else [smaller[0], smaller[len(smaller) // 2], smaller[-1]]
    deep, shallow = layers[most], layers[smaller[0]]
    return Asked(
        "One place of which of these layers sees most of the image?",
        most,
        [*wrong, *(["both see the same"] if len(wrong) == 1 else [])],
        f"{fields_told(subject, shallow, deep)}"
        " Each layer reads a window of the maps before it, and their places had read a window themselves.",
        subject.view.state(subject.image, deep.name, place=(deep.output_shape[1] // 2, deep.output_shape[2] // 2)),
    )


def how_many_numbers(subject: Subject) -> Asked | None:
    """Height times width times channels."""
    layer = subject.shallow
    if layer is None:
        return None
    c, h, w = layer.output_shape
    wrong = [h * w, c * (h + w), 3 * h * w, h * w + c, 2 * c * h * w]
    return Asked(
        f"How many numbers are there in the {counted(c, 'map')} that {layer_words(layer.name)} makes of one image?",
        f"{c * h * w:,}",
        [f"{count:,}" for count in wrong],
        f"{counted(h, 'row')} times {counted(w, 'column')} times {counted(c, 'channel')}: {h * w:,} in every map.",
        subject.view.state(subject.image, layer.name),
    )


# -- one number ----------------------------------------------------------------------------------


def what_before(subject: Subject) -> Asked | None:
    """The sum of products, plus the bias."""
    map_, at = subject.worked, subject.example
    if map_ is None or at is None or not map_.has_bias or map_.stage == "sum":
        return None
    phi = phi_words(map_.layer)
    sum_ = Sum.of(map_, at)
    right, without_bias = sum_.write(at.value), sum_.write(at.summed)
    if right == without_bias:
        return None
    wrong = [at.summed - at.added, at.added, at.summed * at.added, -at.value]
    equals, sign = "=" if sum_.adds_up else "≈", "−" if at.added < 0 else "+"
    working = f"{without_bias} {sign} {sum_.write(abs(at.added))} {equals} {right}"
    return Asked(
        f"{_at(map_, at)} What stands there{f' before {phi}' * bool(phi)}?",
        right,
        [without_bias, *map(sum_.write, wrong)],
        f"The bias is added to the sum of the products: {working}.{f' Only then comes {phi}.' * bool(phi)}",
        subject.view.state(
            subject.image, map_.layer.name, map_.channel, stage="preactivation", place=(at.row, at.column)
        ),
    )


def what_after(subject: Subject) -> Asked | None:
    """What the nonlinearity makes of a sum below zero."""
    map_ = subject.worked
    if map_ is None or map_.stage == "sum" or map_.layer.nonlinearity == "none" or map_.low.value >= 0:
        return None
    at, phi = map_.low, phi_words(map_.layer)
    sum_ = Sum.of(map_, at)
    total, result = sum_.write(at.value), sum_.write(sum_.result)
    cuts = map_.layer.nonlinearity in CUTTING
    becomes = "makes zero of whatever is not above it" if cuts else f"turns that into {result}"
    makes = "With the bias, the products make" if map_.has_bias else "The products make"
    return Asked(
        f"{_at(map_, at)} What does the feature map hold there, after {phi}?",
        result,
        [total, "0", *map(sum_.write, (-at.value, at.summed, -at.summed, at.summed - at.added))],
        f"{makes} {total}, which is below zero, and {phi} {becomes}.",
        subject.view.state(subject.image, map_.layer.name, map_.channel, place=(at.row, at.column)),
    )


def _at(map_: WorkedMap, at: Place) -> str:
    """One place: what its products add up to, and the bias."""
    write = Sum.of(map_, at).write
    scaled = f", {SCALED[map_.scaled_by]} included," if map_.is_scaled else ""
    bias = f"the bias is {write(at.added)}" if map_.has_bias else "there is no bias"
    return (
        f"In {place_words(at.row, at.column)} of channel {map_.channel + 1} of {layer_words(map_.layer.name)}, the"
        f" products of patch and filter{scaled} add up to {write(at.summed)}, and {bias}."
    )


def where_strongest(subject: Subject) -> Asked | None:
    """The place with the largest number, beside places that are confused with it."""
    layer, channel = subject.shallow, subject.channel
    if layer is None:
        return None
    values = subject.map(layer, channel)
    spot, (height, width) = strongest(values), values.shape
    low = strongest(-values)
    confused = [
        (low.row, low.column),
        (height - 1 - spot.row, width - 1 - spot.column),
        (spot.column, spot.row),
        (height // 2, width // 2),
        (0, 0),
    ]
    clear = spot.value - MARGIN * float(np.ptp(values))
    wrong = [(r, c) for r, c in confused if r < height and c < width and values[r, c] < clear]
    return Asked(
        f"For image {subject.image + 1}, where is channel {channel + 1} of {layer_words(layer.name)} strongest?",
        place_words(spot.row, spot.column),
        [place_words(row, column) for row, column in wrong],
        f"Its largest number, {number(spot.value)}, stands there. Rows count from the top, columns from the left.",
        subject.view.state(
            subject.image, layer.name, channel, scale="per_map", overlay=False, place=(spot.row, spot.column)
        ),
    )


def which_share_cut(subject: Subject) -> Asked | None:
    """How much of a map lies at zero."""
    for layer in subject.shown:
        if layer.nonlinearity not in CUTTING or not subject.view.before_of(layer.name, subject.image):
            continue
        channel = subject.clearest(layer)
        share = float((subject.map(layer, channel) <= 0).mean())
        others: list[float] = []
        for other in (1 - share, share / 2, (1 + share) / 2, share - 0.25, share + 0.25):
            if 0 < other < 1 and all(abs(other - one) >= _FAR_SHARES for one in (share, *others)):
                others.append(other)
        if not 0.05 <= share <= 0.95:
            continue
        phi = phi_words(layer)
        return Asked(
            f"For image {subject.image + 1}, what share of the places of channel {channel + 1} of"
            f" {layer_words(layer.name)} does {phi} leave at zero?",
            percent(share),
            [percent(other) for other in others],
            f"{percent(share)} of its pre-activations are not above zero; {phi} lets the other"
            f" {percent(1 - share)} pass.",
            subject.view.state(subject.image, layer.name, channel, stage="preactivation", scale="per_map"),
        )
    return None
