"""What one call into torch does to the field of a place: which pixels it sees afterwards.

In: a `Call` with the field of what goes in. Out: that of what comes out. There is one rule a kind of call; one that is
not in the table may mix all places, so that what one of them sees is not known.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
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
    "sqrt", "rsqrt", "exp", "log", "pow", "clamp", "clip", "clamp_min", "clamp_max", "maximum", "minimum", "where",
    "lerp", "addcmul", "addcdiv", "batch_norm", "local_response_norm", "contiguous", "to", "float", "type_as", "clone",
    "detach", "dropout", "dropout1d", "dropout2d", "alpha_dropout", "feature_dropout", "stochastic_depth",
    "channel_shuffle",
})  # fmt: skip
# So does it after these, as long as they leave the rows and columns as they are.
_SHIFTING = ("transpose", "permute", "unsqueeze", "squeeze", "unbind")
_JOINING = ("cat", "concat", "concatenate", "chunk", "split", "tensor_split", "narrow")
_REGROUPING = ("view", "reshape", "unflatten", "flatten")  # numbers in a row, cut into axes anew
_REDUCING = ("mean", "sum", "amax", "amin", "std", "var", "logsumexp")
Places = tuple[int, int]  # the axes of rows and of columns, counted from the last, which is -1
MAPS: Places = (-2, -1)  # of maps (B, C, H, W)


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
    places: Places | None = MAPS  # of `first`; None where they are not known
    copied: tuple[int, int] = (0, 0)  # how far a window must reach to see what a padding has copied to its end

    def given(self, place: int, name: str, default: Any = ()) -> Any:
        """The argument called `name`, or the one at `place`."""
        return self.kwargs.get(name, self.args[place] if len(self.args) > place else default)

    @property
    def of_maps(self) -> bool:
        """Whether both ends have the axes of images, channels, rows and columns, in this order."""
        return self.first.dim() == self.output.dim() == 4 and self.places == MAPS

    @property
    def axes(self) -> Places:
        """Those of the rows and columns of `first`, counted from its first; they must be known."""
        assert self.places is not None
        return self.first.dim() + self.places[0], self.first.dim() + self.places[1]

    def axis(self, place: int) -> int:
        """The axis of `first` that is given at `place` or by name, counted from its first."""
        axis: int = self.given(place, "dim", self.kwargs.get("axis", 0))
        return axis % self.first.dim()


def after(call: Call) -> tuple[ReceptiveField, Places | None]:
    """The field of a place of what comes out of `call`, and which axes are rows and columns there.

    Where these are lost, what a place sees is not known, unless each number has seen everything.
    """
    turned = call.name not in _PLACES and call.places and call.places != MAPS  # it takes others for rows and columns
    if call.name not in _RULES or turned:
        return unknown(call.field), call.places if turned and call.first.dim() == call.output.dim() else None
    try:
        places = _PLACES.get(call.name, _as_maps)(call) if call.places else None
        field = _RULES[call.name](call)
    except (IndexError, KeyError, TypeError, ValueError):  # there are more ways to call it than are known here
        return unknown(call.field), None
    return (field, places) if places or (field.whole and field.exact) else (unknown(field), None)


def whole(field: ReceptiveField, image: Sequence[int]) -> ReceptiveField:
    """Of the only place of its maps, which sees all of the `image` (H, W) and stands for it."""
    (down, across), everything = image, {"whole": True, "exact": True, "local": False}
    return field.model_copy(update={**everything, "jump": (down, across), "start": (down / 2, across / 2)})


def unknown(field: ReceptiveField) -> ReceptiveField:
    """Of a place of which nothing more is known: who sees everything goes on seeing it."""
    return field.model_copy(update={"whole": True, "exact": field.whole and field.exact, "local": False})


def passed(call: Call, geometry: dict[str, Any]) -> ReceptiveField:
    """After a window of this geometry has passed over the first argument of `call`.

    A single place has seen everything if the window holds all of that.
    """
    source, output = call.first, call.output
    reach = [(geometry["kernel"][axis] - 1) * geometry["dilation"][axis] + 1 for axis in (0, 1)]
    if max(output.shape[2:]) == 1 and reach[0] >= source.shape[2] and reach[1] >= source.shape[3]:
        return whole(call.field, call.image)
    return through(call.field, geometry["kernel"], geometry["stride"], geometry["padding"], geometry["dilation"])


# -- rules -----------------------------------------------------------------------------------------


def _kept(call: Call) -> ReceptiveField:
    return call.field


def _sharing(call: Call) -> ReceptiveField:
    """All places of a map go by numbers that they have in common, such as its mean and spread."""
    return shared(call.field)


def _convolved(call: Call) -> ReceptiveField:
    geometry = convolution_geometry(nn.Identity(), call.args, call.kwargs)[2]
    found = passed(call, geometry)
    reach = [(geometry["kernel"][axis] - 1) * geometry["dilation"][axis] for axis in (0, 1)]
    beyond = any(far < wanted for far, wanted in zip(reach, call.copied, strict=True))
    return unknown(found) if beyond else found  # places at the border read from elsewhere


def _pooled(call: Call) -> ReceptiveField:
    own = pooling_geometry(call.name, call.args, call.kwargs, call.output)
    return passed(call, {"padding": (0, 0), "dilation": (1, 1), **own})


def _reduced(call: Call) -> ReceptiveField:
    """Over the places of each map, or over its channels."""
    gone = _reduced_axes(call)
    if not call.places or gone is None or 0 in gone:
        return unknown(call.field)
    over = [axis in gone for axis in call.axes]
    return whole(call.field, call.image) if all(over) else unknown(call.field) if any(over) else call.field


def _reduced_axes(call: Call) -> list[int] | None:
    """The axes that become one number; None where several tensors are compared instead."""
    given = call.given(1, "dim", call.kwargs.get("axis"))
    if given is None or isinstance(given, bool):
        return list(range(call.first.dim()))
    if isinstance(given, int):
        given = (given,)
    return [axis % call.first.dim() for axis in given] if isinstance(given, tuple | list) else None


def _adaptively_pooled(call: Call) -> ReceptiveField:
    return whole(call.field, call.image) if call.output.shape[2:].numel() == 1 else _evenly(call)


def _evenly(call: Call) -> ReceptiveField:
    """Each place is read from as large a part of the rows and columns before."""
    return reached(call.field, *_along(call, pooled_to))


def _along(call: Call, reads: Callable[[int, int], Reach]) -> list[Reach]:
    """What `reads` says of how many rows, and of how many columns, became how many."""
    return [reads(*counts) for counts in zip(call.first.shape[2:], call.output.shape[2:], strict=True)]


def _resampled(call: Call, mode: str = "nearest", corners: bool = False) -> ReceptiveField:
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
    names = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
    given = {"stride": 1, "padding": 0, "dilation": 1, **dict(zip(names, call.args, strict=False)), **call.kwargs}
    kernel = given["weight"].shape[2:]
    stride, padding, dilation = (pair(given[key]) for key in ("stride", "padding", "dilation"))
    down, across = (transposed(kernel[axis], stride[axis], padding[axis], dilation[axis]) for axis in (0, 1))
    return reached(call.field, down, across)


def _padded(call: Call) -> ReceptiveField:
    if call.output.dim() != 4 or len(call.given(1, "pad")) not in (2, 4, 6):  # the last two are those of channels
        return unknown(call.field)
    (above, _), (left, _) = borders(call)
    found = through(call.field, (1, 1), padding=(above, left))
    wraps = call.given(2, "mode", "constant") == "circular" and any(map(any, borders(call)))
    return unknown(found) if wraps else found  # places at the border read from elsewhere


def borders(call: Call) -> tuple[tuple[int, int], tuple[int, int]]:
    """How much a padding adds above and below, left and right."""
    sides = [*map(int, call.given(1, "pad")), 0, 0]
    return (sides[2], sides[3]), (sides[0], sides[1])


def _normalised_by_images(call: Call) -> ReceptiveField:
    if not normalises_over_the_batch(call.args, call.kwargs):
        return call.field
    return shared(call.field) if call.places == MAPS else unknown(call.field)


def _normalised_by_layer(call: Call) -> ReceptiveField:
    """Over the last axes: those of rows and columns, or neither of them."""
    over = [-axis <= len(call.given(1, "normalized_shape")) for axis in call.places or ()]
    return unknown(call.field) if any(over) and not all(over) else shared(call.field) if all(over) else call.field


def _linear(call: Call) -> ReceptiveField:
    if call.first.dim() == 2 and len(call.first) == call.images:  # of all places and channels in a row
        return whole(call.field, call.image)
    return call.field if call.places and -1 not in call.places else unknown(call.field)


def _joined(call: Call) -> ReceptiveField:
    """Along one axis: after that of the rows or columns, a place lies where another was."""
    at = 1 if call.name.startswith("con") or call.name in ("cat", "narrow") else 2
    return unknown(call.field) if call.places and call.axis(at) in call.axes else call.field


def _indexed(call: Call) -> ReceptiveField:
    """By an index: every other row and column, or whole maps. Places picked by a list may come in any order."""
    if call.of_maps and (steps := _stepped(call.first, _index(call))) is not None:
        return reached(call.field, *steps)
    return call.field


def _index(call: Call) -> tuple[Any, ...]:
    """The index of an indexing, with one entry an axis instead of an ellipsis."""
    index = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
    filled = sum(one is not None and one is not ... for one in index)
    place = next((number for number, one in enumerate(index) if one is ...), len(index))
    return (*index[:place], *[slice(None)] * (call.first.dim() - filled), *index[place + 1 :])


def _stepped(first: Tensor, index: tuple[Any, ...]) -> tuple[Reach, Reach] | None:
    """From which places of maps (B, C, h, w) slices such as `[..., ::2, ::2]` take theirs; None of any other index.

    A step along both of the last axes tells that these are rows and columns: of maps (B, h, w, C) nobody slices so.
    """
    if not all(isinstance(one, slice) for one in index):
        return None
    (down, _, step), (across, _, other) = (
        one.indices(length) for one, length in zip(index[2:], first.shape[2:], strict=True)
    )
    if index[:2] != (slice(None), slice(None)) or step != other or step < 2:
        return None
    return (step, down, down), (step, across, across)


# -- where the rows and columns go ------------------------------------------------------------------


def _as_maps(call: Call) -> Places | None:
    return MAPS if call.of_maps else None


def _counted(call: Call, first: int, second: int) -> Places:
    """Two axes of the result, counted from its last."""
    return first - call.output.dim(), second - call.output.dim()


def _without(call: Call, gone: Sequence[int]) -> Places | None:
    """After the axes that are `gone`, or as short as one."""
    if call.output.dim() == call.first.dim():
        return call.places
    if set(gone) & set(call.axes):
        return None
    row, column = (axis - sum(one < axis for one in gone) for axis in call.axes)
    return _counted(call, row, column)


def _squeezed(call: Call) -> Places | None:
    given = call.given(1, "dim", None)
    axes = range(call.first.dim()) if given is None else [given] if isinstance(given, int) else given
    return _without(call, [axis for axis in (a % call.first.dim() for a in axes) if call.first.shape[axis] == 1])


def _unsqueezed(call: Call) -> Places | None:
    new = call.given(1, "dim") % call.output.dim()
    row, column = (axis + (new <= axis) for axis in call.axes)
    return _counted(call, row, column)


def _turned(call: Call) -> Places | None:
    axes = list(range(call.first.dim()))
    if call.name == "transpose":
        one, other = call.given(1, "dim0"), call.given(2, "dim1")
        axes[one], axes[other] = axes[other], axes[one]
    else:
        given = call.kwargs.get("dims", call.args[1:])
        given = given[0] if len(given) == 1 and isinstance(given[0], tuple | list) else given
        axes = [axis % call.first.dim() for axis in given]
    return _counted(call, axes.index(call.axes[0]), axes.index(call.axes[1]))


def _regrouped(call: Call) -> Places | None:
    """Of numbers in a row that are cut into axes anew: those with as many numbers before, within and between them."""
    old, new = call.first.shape, call.output.shape
    one, other = sorted(call.axes)
    sizes = old[:one].numel(), old[one], old[one + 1 : other].numel(), old[other]
    for first, second in combinations(range(len(new)), 2):
        if sizes == (new[:first].numel(), new[first], new[first + 1 : second].numel(), new[second]):
            return _counted(call, *((first, second) if call.axes[0] == one else (second, first)))
    return None


def _indexed_axes(call: Call) -> Places | None:
    """By an index that takes whole rows and columns, or every other one."""
    index, found, old, new = _index(call), {}, 0, 0
    listed = [one for one in index if not (one is None or isinstance(one, slice) or type(one) is int)]
    flat = all(isinstance(one, list) or (isinstance(one, Tensor) and one.dim() == 1) for one in listed)
    if listed and (len(listed) > 1 or not flat or any(type(one) is int for one in index)):
        return None
    for one in index:
        if (
            old in call.axes
            and isinstance(one, slice)
            and len(range(call.first.shape[old])[one]) == call.first.shape[old]
        ):
            found[old] = new
        old, new = old + (one is not None), new + (type(one) is not int)
    if call.of_maps and _stepped(call.first, index) is not None:
        return MAPS
    return _counted(call, *(found[axis] for axis in call.axes)) if len(found) == 2 else None


_PLACES: dict[str, Callable[[Call], Places | None]] = {
    **dict.fromkeys(
        (*(POINTWISE - {"local_response_norm", "channel_shuffle"}), *_JOINING, "layer_norm", "linear"),
        lambda call: call.places,
    ),
    **dict.fromkeys(_REGROUPING, _regrouped),
    **dict.fromkeys((*_REDUCING, "max", "min"), lambda call: _without(call, _reduced_axes(call) or [])),
    **dict.fromkeys(("transpose", "permute"), _turned),
    "getitem": _indexed_axes,
    "squeeze": _squeezed,
    "unbind": lambda call: _without(call, [call.axis(1)]),
    "unsqueeze": _unsqueezed,
}
_RULES: dict[str, Callable[[Call], ReceptiveField]] = {
    **dict.fromkeys(POINTWISE, _kept),
    **dict.fromkeys(_JOINING, _joined),
    **dict.fromkeys((*_REGROUPING, *_SHIFTING), _kept),
    **dict.fromkeys((*_REDUCING, "max", "min"), _reduced),
    **dict.fromkeys(POOLING_ARGUMENTS, _pooled),
    **dict.fromkeys(("adaptive_avg_pool2d", "adaptive_max_pool2d"), _adaptively_pooled),
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
