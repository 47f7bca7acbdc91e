"""What one call into torch does to the field of a place: which pixels it sees afterwards.

In: a `Call` with the field of what goes in. Out: that of what comes out. There is one rule a kind of call; one that is
not in the table may mix all places, so that what one of them sees is not known.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from fmcore.analysis.receptive_field import (
    Reach,
    interpolated,
    pooled_to,
    reached,
    shared,
    through,
    transposed,
)
from fmcore.geometry import (
    NONLINEARITIES,
    POOLING_ARGUMENTS,
    convolution_geometry,
    normalises_over_the_batch,
    pair,
    pooling_geometry,
)
from fmcore.header import ReceptiveField

# A place of the result depends on the same place of the arguments alone.
POINTWISE = NONLINEARITIES | frozenset({
    "add", "radd", "sub", "rsub", "mul", "rmul", "div", "true_divide", "truediv", "rtruediv", "neg", "abs", "square",
    "sqrt", "rsqrt", "exp", "log", "pow", "clamp", "clamp_min", "clamp_max", "maximum", "minimum", "where", "lerp",
    "addcmul", "addcdiv", "batch_norm", "local_response_norm", "contiguous", "to", "float", "type_as", "clone",
    "detach", "dropout", "dropout1d", "dropout2d", "alpha_dropout", "feature_dropout", "stochastic_depth",
    "channel_shuffle",
})  # fmt: skip
# So does it after these, as long as they leave the rows and columns together.
_SAME_PLACES = ("unsqueeze", "squeeze", "unbind", "cat", "concat", "concatenate", "chunk", "split", "tensor_split",
                "narrow")  # fmt: skip
_REGROUPING = ("view", "reshape", "unflatten", "flatten")  # numbers in a row, cut into axes anew
_REDUCING = ("mean", "sum", "amax", "amin", "std", "var", "logsumexp")
_UNEVEN = 1.4  # times: maps without padding step a little less than the image is wide, others not at all like it


@dataclass(frozen=True)
class Call:
    """One call: its first argument that images went into, its result, and what a place of all that went in sees."""

    name: str
    first: Tensor
    output: Tensor
    args: Any
    kwargs: Any
    field: ReceptiveField
    images: int  # how many the network was given
    image: tuple[int, int]  # rows and columns of each

    def given(self, place: int, name: str, default: Any = ()) -> Any:
        """The argument called `name`, or the one at `place`."""
        return self.kwargs.get(name, self.args[place] if len(self.args) > place else default)

    @property
    def of_maps(self) -> bool:
        """Whether both ends have the axes of images, channels, rows and columns, in some order."""
        return self.first.dim() == self.output.dim() == 4


def after(call: Call) -> ReceptiveField:
    """The field of a place of what comes out of `call`."""
    return _RULES.get(call.name, _lost)(call)


def whole(field: ReceptiveField) -> ReceptiveField:
    """Of a place that sees all of the image."""
    return field.model_copy(update={"whole": True, "exact": True, "local": False})


def unknown(field: ReceptiveField) -> ReceptiveField:
    """Of a place of which nothing more is known: who sees everything goes on seeing it."""
    return field.model_copy(update={"whole": True, "exact": field.whole and field.exact, "local": False})


def even(shape: Sequence[int], image: Sequence[int], jump: Sequence[float]) -> bool:
    """Whether maps with rows and columns of this `shape`, `jump` pixels apart, are as large as the image, or nearly."""
    return all(
        1 / _UNEVEN < count * step / side < _UNEVEN for count, step, side in zip(shape, jump, image, strict=True)
    )


def passed(field: ReceptiveField, source: Tensor, output: Tensor, geometry: dict[str, Any]) -> ReceptiveField:
    """After a window of this geometry has passed over `source`.

    A single place has seen everything if the window holds all of `source`.
    """
    reach = [(geometry["kernel"][axis] - 1) * geometry["dilation"][axis] + 1 for axis in (0, 1)]
    if max(output.shape[2:]) == 1 and reach[0] >= source.shape[2] and reach[1] >= source.shape[3]:
        return whole(field)
    return through(field, geometry["kernel"], geometry["stride"], geometry["padding"], geometry["dilation"])


def mirrored(call: Call) -> tuple[int, int] | None:
    """How far a window must reach down and across to see what a padding has copied to its end; None where it has not.

    A border by reflection repeats what lies as far inside as it lies outside, one by replication the last place.
    """
    mode = call.given(2, "mode", "constant")
    if call.name != "pad" or mode not in ("reflect", "replicate"):
        return None
    (above, below), (left, right) = _borders(call)
    times = 2 if mode == "reflect" else 1
    return times * max(0, above, below), times * max(0, left, right)


# -- rules -----------------------------------------------------------------------------------------


def _lost(call: Call) -> ReceptiveField:
    return unknown(call.field)


def _kept(call: Call) -> ReceptiveField:
    return call.field


def _sharing(call: Call) -> ReceptiveField:
    """All places of a map go by numbers that they have in common, such as its mean and spread."""
    return shared(call.field)


def _convolved(call: Call) -> ReceptiveField:
    return passed(call.field, call.first, call.output, convolution_geometry(nn.Identity(), call.args, call.kwargs)[2])


def _pooled(call: Call) -> ReceptiveField:
    own = pooling_geometry(call.name, call.args, call.kwargs, call.output)
    return passed(call.field, call.first, call.output, {"padding": (0, 0), "dilation": (1, 1), **own})


def _reduced(call: Call) -> ReceptiveField:
    """Over the places of each map, or over its channels."""
    if call.name in _REDUCING and call.first.dim() > 2 and _keeps_maps_alone(call):
        return whole(call.field)
    first, output = call.first, call.output
    over_channels = first.dim() == 4 and output.shape == (first.shape[0], 1, *first.shape[2:])
    return call.field if over_channels else unknown(call.field)


def _keeps_maps_alone(call: Call) -> bool:
    """Whether each map (of images and channels) has become one number."""
    counts = call.first.shape[:2]
    return call.output.shape[:2] == counts and call.output.numel() == counts.numel()


def _adaptively_pooled(call: Call) -> ReceptiveField:
    return whole(call.field) if call.first.dim() > 2 and _keeps_maps_alone(call) else _evenly(call)


def _evenly(call: Call) -> ReceptiveField:
    """Each place is read from as large a part of the rows and columns before."""
    if not call.of_maps:
        return unknown(call.field)
    return reached(call.field, *_along(call, pooled_to))


def _along(call: Call, reads: Callable[[int, int], Reach]) -> list[Reach]:
    """What `reads` says of how many rows, and of how many columns, became how many."""
    return [reads(*counts) for counts in zip(call.first.shape[2:], call.output.shape[2:], strict=True)]


def _resampled(call: Call, mode: str = "nearest", corners: bool = False) -> ReceptiveField:
    if not call.of_maps:
        return unknown(call.field)
    reads = [
        interpolated(*counts, mode, corners) for counts in zip(call.first.shape[2:], call.output.shape[2:], strict=True)
    ]
    down, across = reads
    return unknown(call.field) if down is None or across is None else reached(call.field, down, across)


def _interpolated(call: Call) -> ReceptiveField:
    given = inspect.signature(functional.interpolate).bind(*call.args, **call.kwargs).arguments
    scales = given.get("scale_factor")
    scales = scales if isinstance(scales, (tuple, list)) else (scales, scales)
    told = given.get("recompute_scale_factor") or all(
        scale is None or abs(entered * scale - left) < 1e-6
        for scale, entered, left in zip(scales, call.first.shape[2:], call.output.shape[2:], strict=False)
    )
    if given.get("antialias") or not told:  # it reads more places, or at steps that the sizes do not tell
        return unknown(call.field)
    mode = given.get("mode", "nearest")
    return _evenly(call) if mode == "area" else _resampled(call, mode, bool(given.get("align_corners")))


def _convolved_backwards(call: Call) -> ReceptiveField:
    if not call.of_maps:
        return unknown(call.field)
    names = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
    given = {"stride": 1, "padding": 0, "dilation": 1, **dict(zip(names, call.args, strict=False)), **call.kwargs}
    kernel = given["weight"].shape[2:]
    stride, padding, dilation = (pair(given[key]) for key in ("stride", "padding", "dilation"))
    down, across = (transposed(kernel[axis], stride[axis], padding[axis], dilation[axis]) for axis in (0, 1))
    return reached(call.field, down, across)


def _padded(call: Call) -> ReceptiveField:
    if call.output.dim() != 4 or len(call.given(1, "pad")) not in (2, 4, 6):  # the last two are those of channels
        return unknown(call.field)
    (above, _), (left, _) = _borders(call)
    found = through(call.field, (1, 1), padding=(above, left))
    return unknown(found) if call.given(2, "mode", "constant") == "circular" else found


def _borders(call: Call) -> tuple[tuple[int, int], tuple[int, int]]:
    """How much a padding adds above and below, left and right."""
    sides = [*map(int, call.given(1, "pad")), 0, 0]
    return (sides[2], sides[3]), (sides[0], sides[1])


def _normalised_by_images(call: Call) -> ReceptiveField:
    return shared(call.field) if normalises_over_the_batch(call.args, call.kwargs) else call.field


def _normalised_by_layer(call: Call) -> ReceptiveField:
    if not call.of_maps:
        return unknown(call.field)
    axes = len(call.given(1, "normalized_shape"))
    return shared(call.field) if axes == 3 else _of_channels(call) if axes == 1 else unknown(call.field)


def _linear(call: Call) -> ReceptiveField:
    if call.first.dim() == 2 and len(call.first) == call.images:  # of all places and channels in a row
        return whole(call.field)
    return _of_channels(call) if call.of_maps else unknown(call.field)


def _of_channels(call: Call) -> ReceptiveField:
    """Of the last axis of maps (B, H, W, C), which are as high and wide as the image is cut; not of (B, C, H, W)."""
    return call.field if even(call.first.shape[1:3], call.image, call.field.jump) else unknown(call.field)


def _in_the_same_places(call: Call) -> ReceptiveField:
    moved = sorted(call.first.shape[1:]) == sorted(call.output.shape[1:])
    same = min(call.first.dim(), call.output.dim()) >= 3 and (moved or call.first.shape[-2:] == call.output.shape[-2:])
    return call.field if same else unknown(call.field)


def _regrouped(call: Call) -> ReceptiveField:
    same = min(call.first.dim(), call.output.dim()) >= 3 and call.first.shape[-2:] == call.output.shape[-2:]
    return call.field if same else unknown(call.field)


def _turned(call: Call) -> ReceptiveField:
    """By a transposition, unless it makes columns of rows; of maps (B, C, H, W) or (B, H, W, C)."""
    axes = list(range(call.first.dim()))
    if call.name == "transpose":
        one, other = call.given(1, "dim0"), call.given(2, "dim1")
        axes[one], axes[other] = axes[other], axes[one]
    else:
        given = call.kwargs.get("dims", call.args[1:])
        given = given[0] if len(given) == 1 and isinstance(given[0], tuple | list) else given
        axes = [axis % call.first.dim() for axis in given]
    kept = ([0, 1, 2, 3], [0, 2, 3, 1], [0, 3, 1, 2], [1, 0, 2, 3], [0, 2, 1, 3])
    return unknown(call.field) if call.first.dim() == 4 and axes not in kept else _in_the_same_places(call)


def _indexed(call: Call) -> ReceptiveField:
    """By an index: every other row and column, or whole maps. Places picked by a list may come in any order."""
    index = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
    if any(one is ... for one in index):
        place = next(number for number, one in enumerate(index) if one is ...)
        index = (*index[:place], *[slice(None)] * (call.first.dim() - len(index) + 1), *index[place + 1 :])
    if call.of_maps and (steps := _stepped(call.first, index)) is not None:
        return reached(call.field, *steps)
    picked = any(isinstance(one, list | tuple | Tensor) for one in index[2:])
    return unknown(call.field) if picked else _in_the_same_places(call)


def _stepped(first: Tensor, index: tuple[Any, ...]) -> tuple[Reach, Reach] | None:
    """From which places of maps (B, C, h, w) slices such as `[..., ::2, ::2]` take theirs; None of any other index.

    A step along both of the last axes tells that these are rows and columns: of maps (B, h, w, C) nobody slices so.
    """
    if not all(isinstance(one, slice) for one in index):
        return None
    index = (*index, *[slice(None)] * (first.dim() - len(index)))
    (down, _, step), (across, _, other) = (
        one.indices(length) for one, length in zip(index[2:], first.shape[2:], strict=True)
    )
    if index[:2] != (slice(None), slice(None)) or step != other or step < 2:
        return None
    return (step, down, down), (step, across, across)


_RULES: dict[str, Callable[[Call], ReceptiveField]] = {
    **dict.fromkeys(POINTWISE, _kept),
    **dict.fromkeys(_SAME_PLACES, _in_the_same_places),
    **dict.fromkeys(_REGROUPING, _regrouped),
    **dict.fromkeys((*_REDUCING, "max", "min"), _reduced),
    **dict.fromkeys(POOLING_ARGUMENTS, _pooled),
    **dict.fromkeys(("adaptive_avg_pool2d", "adaptive_max_pool2d"), _adaptively_pooled),
    **dict.fromkeys(("transpose", "permute"), _turned),
    **dict.fromkeys(("group_norm", "instance_norm"), _sharing),
    "batch_norm": _normalised_by_images,
    "conv2d": _convolved,
    "conv_transpose2d": _convolved_backwards,
    "getitem": _indexed,
    "interpolate": _interpolated,
    "layer_norm": _normalised_by_layer,
    "linear": _linear,
    "pad": _padded,
    "pixel_shuffle": _resampled,
    "pixel_unshuffle": _evenly,
}
