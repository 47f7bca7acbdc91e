"""Two filters after each other are one, unless a nonlinearity stands between them.

Cross-correlation is linear, and two in a row are one with the full convolution of their kernels (Goodfellow, Bengio
and Courville, "Deep Learning", 2016, sections 6.1 and 9.1).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.convolution import inputs_of, number_of
from fmcore.analysis.nonlinearity import FORMULAS
from fmcore.bundle import Bundle
from fmcore.errors import BundleError
from fmcore.header import LayerInfo

Floats = NDArray[np.floating]
Pair = tuple[int, int]

_CANDIDATES = 32
_PADDING = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}  # numpy's names of PyTorch's modes


def spread(kernel: Floats, step: Pair) -> Floats:
    """`kernel` (..., kH, kW) with its values `step` places apart and zeros between them."""
    rows, columns = kernel.shape[-2:]
    wide = np.zeros((*kernel.shape[:-2], (rows - 1) * step[0] + 1, (columns - 1) * step[1] + 1))
    wide[..., :: step[0], :: step[1]] = kernel
    return wide


def correlated(maps: Floats, kernel: Floats, stride: Pair = (1, 1)) -> Floats:
    """The cross-correlation (H', W') of `maps` (C, H, W) with `kernel` (C, kH, kW), without padding."""
    windows = np.lib.stride_tricks.sliding_window_view(maps, kernel.shape[1:], (1, 2))  # (C, H', W', kH, kW)
    windows = windows[:, :: stride[0], :: stride[1]]
    summed: Floats = np.einsum("chwij,cij->hw", windows, kernel, optimize=True)
    return summed


@dataclass(frozen=True)
class Copy:
    """The first filter times one weight of the second and moved with it, as a step towards the one filter."""

    place: Pair  # of the weight in the second filter
    weight: float
    shift: Pair  # where in the one filter the copy begins
    values: Floats  # (C, kH, kW)
    total: Floats  # (C, KH, KW): with all copies before it


def copies(first: Floats, second: Floats, stride: Pair = (1, 1)) -> Iterator[Copy]:
    """What each weight of `second` (kH, kW) that is not zero adds to the one filter, in reading order.

    All of them, where none is. `first` (C, kH, kW) runs at `stride`, so neighbouring copies lie as far apart.
    """
    total = _nothing(first, second, stride)
    rows, columns = first.shape[1:]
    counted = second != 0 if second.any() else np.ones(second.shape, bool)
    for row, column in zip(*np.nonzero(counted), strict=True):
        top, left = int(row) * stride[0], int(column) * stride[1]
        values, total = second[row, column] * first, total.copy()
        total[:, top : top + rows, left : left + columns] += values
        yield Copy((int(row), int(column)), float(second[row, column]), (top, left), values, total)


def composed(first: Floats, second: Floats, stride: Pair = (1, 1)) -> Floats:
    """The one filter (C, KH, KW) that does what `first` (C, kH, kW) at `stride` and then `second` (kH, kW) do.

    The full convolution of the two, the values of `second` as far apart as `first` steps.
    """
    one = _nothing(first, second, stride)
    for copy in copies(first, second, stride):
        one = copy.total
    return one


def _nothing(first: Floats, second: Floats, stride: Pair) -> Floats:
    sizes = ((n - 1) * step + size for n, step, size in zip(second.shape, stride, first.shape[1:], strict=True))
    return np.zeros((len(first), *sizes))


@dataclass(frozen=True)
class Collapse:
    """Two real filters after each other, the one filter they come to, and the two with a nonlinearity between.

    Results cover the places at which the second filter lies wholly inside the map, so that padding plays no part.
    """

    layer: str  # of the first filter
    partner: str  # layer of the second filter
    place: Pair  # probe and channel
    filter: int  # which of the partner's filters, from 0
    slice: int  # and which slice of it
    phi: str  # what stands between them; "relu" where the layer itself has nothing there
    before_array: str  # what `before` is: the layer's pre-activation, or its sum where a normalisation follows
    after_array: str  # what `after` is: the layer's activation; "" where it was worked out here
    recorded: tuple[bool, bool]  # whether `first` and `second` are the weights themselves, not spread or multiplied
    first: Floats  # (C_in, kH, kW), a batch normalisation multiplied in
    second: Floats  # (kH, kW), spread where it is dilated
    stride: Pair  # at which the first runs; the second runs at every place
    steps: Pair  # at which the second runs in the network
    bias: float  # of the first filter
    one: Floats  # (C_in, KH, KW)
    image: Floats  # (C_in, H, W): what the first filter reads
    before: Floats  # (H', W'): what the network recorded of the first filter, before any normalisation but a batch one
    after: Floats  # (H', W'): the same after `phi`
    two: Floats  # (H'', W''): the second filter over `before`
    once: Floats  # (H'', W''): the one filter over the image
    between: Floats  # (H'', W''): the second filter over `after`

    @property
    def without_norm(self) -> bool:
        """Whether a normalisation stands between the first filter and the nonlinearity, and is left out here."""
        return self.before_array.endswith("/sum")

    @property
    def shown_slice(self) -> int:
        """The slice of the first filter that is shown for all: the one with the largest weights."""
        return int((self.first**2).sum((1, 2)).argmax())

    @property
    def difference(self) -> float:
        """The largest difference between two filters and one, as a share of the largest number."""
        return _largest_share(self.once - self.two, self.two)

    @property
    def difference_between(self) -> float:
        """The largest difference that the nonlinearity between them makes, as a share of the largest number."""
        return _largest_share(self.between - self.two, self.two)


def collapse(bundle: Bundle, layer: str, channel: int, probe: int) -> Collapse:
    """Filter `channel` of `layer` and a filter of the next convolution, worked out as two filters and as one.

    Raises:
        BundleError: the layer's filters, input or maps are not there, or its maps are smaller than every filter.
    """
    info = bundle.layer(layer)
    if info.type != "convolution" or not info.input or f"{layer}/weight" not in bundle.header.arrays:
        raise BundleError(
            f"'{bundle.path.name}' does not hold both the filters of '{layer}' and what went into it;"
            " name another convolution in the option 'layer', or write the bundle again with `fmcore record`."
        )
    first, bias, before = _first(bundle, info, channel, probe)
    phi = info.nonlinearity if info.nonlinearity in FORMULAS and info.nonlinearity != "none" else "relu"
    summed = f"{layer}/sum" in bundle.header.arrays
    scaled = f"{layer}/scale" in bundle.header.arrays and not summed
    recorded = info.nonlinearity != "none" and not summed
    after: Floats = FORMULAS[phi](before)
    if recorded:
        phi, after = info.nonlinearity, bundle.part(f"{layer}/activation", probe, channel).astype(np.float64)
    partner, number, piece = _partner(bundle, info, channel, before, after)
    second = spread(bundle.part(f"{partner.name}/weight", number, piece).astype(np.float64), partner.dilation)
    inputs = inputs_of(channel, info.output_shape[0], len(first), info.groups)
    image = bundle.part(info.input, probe)[inputs].astype(np.float64)
    one = composed(first, second, info.stride)
    return Collapse(
        layer=layer, partner=partner.name, place=(probe, channel), filter=number, slice=piece, phi=phi,
        before_array=f"{layer}/{'sum' if summed else 'preactivation'}",
        after_array=f"{layer}/activation" if recorded else "",
        recorded=(info.dilation == (1, 1) and not scaled, partner.dilation == (1, 1)),
        first=first, second=second, stride=info.stride, steps=partner.stride,
        bias=bias, one=one, image=image, before=before, after=after,
        two=correlated(before[None], second[None]),
        once=correlated(_padded(image, info, first.shape[1:]), one, info.stride) + bias * second.sum(),
        between=correlated(after[None], second[None]),
    )  # fmt: skip


def _first(bundle: Bundle, info: LayerInfo, channel: int, probe: int) -> tuple[Floats, float, Floats]:
    """The first filter, spread where dilated, its bias, and the map that the network recorded of the two.

    A batch normalisation is multiplied into both; before any other normalisation, the map is the bare sum.
    """
    weight = bundle.part(f"{info.name}/weight", channel).astype(np.float64)  # (C_in / groups, kH, kW)
    bias = number_of(bundle, f"{info.name}/bias", 0.0, channel)
    if f"{info.name}/sum" in bundle.header.arrays:
        scale, shift, array = 1.0, 0.0, f"{info.name}/sum"
    else:
        scale = number_of(bundle, f"{info.name}/scale", 1.0, channel)
        shift = number_of(bundle, f"{info.name}/shift", 0.0, channel)
        array = f"{info.name}/preactivation"
    before = bundle.part(array, probe, channel).astype(np.float64)
    return spread(weight * scale, info.dilation), bias * scale + shift, before


def _partner(
    bundle: Bundle, info: LayerInfo, channel: int, before: Floats, after: Floats
) -> tuple[LayerInfo, int, int]:
    """The filter to follow: its layer, its number and its slice.

    Of the next convolution that has filters larger than 1 x 1; the slice that reads `channel`, if that layer does, and
    of filters in groups such as do. Of the strongest of them, the one with the largest product of what it leaves of the
    map and the distance (1 - |cosine|) between what it leaves of the map before and after the nonlinearity.
    """
    convolutions = [layer for layer in bundle.convolutions if f"{layer.name}/weight" in bundle.header.arrays]
    here = [layer.name for layer in convolutions].index(info.name)
    fitting = [layer for layer in [*convolutions[here + 1 :], info] if _fits(layer, info)]
    if not fitting:
        rows, columns = info.output_shape[1:]
        raise BundleError(
            f"The maps of '{info.name}' in '{bundle.path.name}' are {rows} x {columns}, too small for a second filter;"
            " name an earlier convolution in the option 'layer'."
        )
    partner = next((layer for layer in fitting if max(layer.kernel) > 1), fitting[0])
    weight = bundle.array(f"{partner.name}/weight").astype(np.float64)  # (C_out, C_in / groups, kH, kW)
    slices = weight.shape[1]
    energy = (weight**2).sum((2, 3))
    numbers, pieces = np.arange(len(weight)), energy.argmax(1)
    if partner is fitting[0] is not info and slices * partner.groups == info.output_shape[0]:
        numbers = numbers[numbers // (len(weight) // partner.groups) == channel // slices]  # those of its group
        pieces = np.full(len(weight), channel % slices)
    strongest = numbers[np.argsort(-energy[numbers, pieces[numbers]], kind="stable")][:_CANDIDATES]

    def effect(number: int) -> float:
        kernel = spread(weight[number, pieces[number]], partner.dilation)
        return _apart(correlated(before[None], kernel[None]), correlated(after[None], kernel[None]))

    number = max((int(number) for number in strongest), key=effect)
    return partner, number, int(pieces[number])


def _apart(one: Floats, two: Floats) -> float:
    """The smaller length of two maps by their distance, 1 - |cosine|."""
    lengths = float(np.sqrt((one**2).sum())), float(np.sqrt((two**2).sum()))
    if min(lengths) == 0:
        return 0.0
    return min(lengths) * (1 - abs(float((one * two).sum())) / (lengths[0] * lengths[1]))


def _fits(layer: LayerInfo, within: LayerInfo) -> bool:
    reach = [(size - 1) * step + 1 for size, step in zip(layer.kernel, layer.dilation, strict=True)]
    return all(size <= room for size, room in zip(reach, within.output_shape[1:], strict=True))


def _padded(image: Floats, info: LayerInfo, kernel: tuple[int, ...]) -> Floats:
    """`image` (C, H, W) as the layer's filters read it: as much below and on the right as its last places need."""
    widths, kept = [(0, 0)], [slice(None)]
    for axis in (0, 1):
        needed = (info.output_shape[axis + 1] - 1) * info.stride[axis] + kernel[axis]
        after = max(0, needed - image.shape[axis + 1] - info.padding[axis])
        widths.append((info.padding[axis], after))
        kept.append(slice(0, needed))
    if info.padding_mode == "zeros":
        return np.pad(image, widths)[tuple(kept)]
    mode: str = _PADDING[info.padding_mode]
    padded: Floats = np.pad(image, widths, mode=mode)[tuple(kept)]  # type: ignore[call-overload]
    return padded


def _largest_share(difference: Floats, values: Floats) -> float:
    largest = float(np.abs(values).max())
    return float(np.abs(difference).max()) / largest if largest > 0 else 0.0
