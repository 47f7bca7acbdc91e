"""What torch's functions do to the geometry of maps: kernels, strides, and which pixels a place can see."""

import inspect
from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fmcore.analysis.receptive_field import (
    Reach,
    interpolated,
    joined,
    pooled_to,
    reached,
    shared,
    through,
    transposed,
)
from fmcore.header import LayerInfo, ReceptiveField

NEVER_NEGATIVE = frozenset({"relu", "relu6", "sigmoid", "hardsigmoid", "softplus"})
_NONLINEARITIES = frozenset({
    "relu", "relu6", "leaky_relu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish", "hardswish",
    "hardsigmoid", "hardtanh", "sigmoid", "tanh", "softplus", "softsign", "logsigmoid", "tanhshrink", "threshold",
})  # fmt: skip
# A place of the result depends on the same place of the arguments alone.
_POINTWISE = _NONLINEARITIES | frozenset({
    "add", "radd", "sub", "rsub", "mul", "rmul", "div", "true_divide", "truediv", "rtruediv", "neg", "abs", "square",
    "sqrt", "rsqrt", "exp", "log", "pow", "clamp", "clamp_min", "clamp_max", "maximum", "minimum", "where", "lerp",
    "addcmul", "addcdiv", "batch_norm", "local_response_norm", "contiguous", "to", "float", "type_as", "clone",
    "detach", "dropout", "dropout1d", "dropout2d", "alpha_dropout", "feature_dropout", "stochastic_depth",
    "channel_shuffle",
})  # fmt: skip
# So does it after these, as long as they leave the rows and columns together.
_SAME_PLACES = frozenset({
    "view", "reshape", "transpose", "permute", "unsqueeze", "squeeze", "getitem", "unbind", "unflatten", "flatten",
    "cat", "concat", "concatenate", "chunk", "split", "tensor_split", "narrow",
})  # fmt: skip
_REGROUPING = frozenset({"view", "reshape", "unflatten", "flatten"})  # numbers in a row, cut into axes anew

# A place of the result depends on all places, where it keeps images and channels apart and nothing else.
_REDUCTIONS = frozenset({"mean", "sum", "amax", "amin", "std", "var", "logsumexp", "adaptive_avg_pool2d",
                         "adaptive_max_pool2d"})  # fmt: skip

_OVER_CHANNELS = frozenset({"mean", "sum", "amax", "amin", "max", "min", "std", "var", "logsumexp"})
_UNEVEN = 1.4  # times: maps without padding step a little less than the image is wide, others not at all like it

_POOLING_ARGUMENTS = {
    "max_pool2d": ("input", "kernel_size", "stride", "padding", "dilation"),
    "avg_pool2d": ("input", "kernel_size", "stride", "padding"),
    "lp_pool2d": ("input", "norm_type", "kernel_size", "stride"),
}


def nonlinearity(name: str, args: Any, kwargs: Any) -> str | None:
    """The name of the nonlinearity that this call is, None where it is none."""
    if name in ("hardtanh", "clamp", "clamp_min"):
        names = ("min_val", "max_val") if name == "hardtanh" else ("min", "max")
        given = {**dict(zip(names, args[1:], strict=False)), **kwargs}
        low, high = (given.get(key) for key in names)
        if isinstance(low, int | float) and low == 0:
            if isinstance(high, int | float) and high == 6:
                return "relu6"
            if high is None and name != "hardtanh":
                return "relu"
    return name if name in _NONLINEARITIES else None


def convolution_geometry(module: nn.Module, args: Any, kwargs: Any) -> tuple[Tensor, Tensor | None, dict[str, Any]]:
    """Weight, bias and the fields of `LayerInfo` of one call of conv2d, made by `module`."""
    names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    weight: Tensor = given["weight"]
    kernel, dilation = (int(weight.shape[2]), int(weight.shape[3])), _pair(given.get("dilation", 1))
    padding, mode = given.get("padding", 0), "zeros"
    if isinstance(module, nn.Conv2d) and module.padding_mode != "zeros":  # it has padded its input itself
        padding, mode = module.padding, module.padding_mode
    if padding == "same":  # an odd one more goes below and to the right
        padding = tuple(dilation[axis] * (kernel[axis] - 1) // 2 for axis in (0, 1))
    elif padding == "valid":
        padding = 0
    geometry = {
        "kernel": kernel,
        "stride": _pair(given.get("stride", 1)),
        "padding": _pair(padding),
        "dilation": dilation,
        "groups": int(given.get("groups", 1)),
        "padding_mode": mode,
    }
    return weight, given.get("bias"), geometry


def pooling_geometry(name: str, args: Any, kwargs: Any, output: Tensor) -> dict[str, Any]:
    """The fields of `LayerInfo` of one call of a pooling function."""
    if name.startswith("adaptive"):  # windows of uneven sizes: these are the largest
        sides = [(int(args[0].shape[axis]), int(output.shape[axis])) for axis in (2, 3)]
        stride = _pair(tuple(max(1, entered // left) for entered, left in sides))
        return {"kernel": _pair(tuple(_longest_window(*side) for side in sides)), "stride": stride}
    given = {**dict(zip(_POOLING_ARGUMENTS[name], args, strict=False)), **kwargs}
    kernel, step = _pair(given["kernel_size"]), given.get("stride")
    return {
        "kernel": kernel,
        "stride": _pair(step) if step else kernel,
        "padding": _pair(given.get("padding", 0)),
        "dilation": _pair(given.get("dilation", 1)),
    }


def _longest_window(entered: int, left: int) -> int:
    """Of adaptive pooling: its windows go from floor(o x entered / left) to below ceil((o + 1) x entered / left)."""
    return max(-(-(o + 1) * entered // left) - o * entered // left for o in range(left))


def passes_over_none(pooling: LayerInfo, maps: Tensor) -> bool:
    """Whether the windows of a pooling cover every place of the `maps` (B, C, h, w) that go in."""
    return pooling.dilation == (1, 1) and all(
        step <= side and (count - 1) * step + side - padding >= length
        for side, step, padding, count, length in zip(
            pooling.kernel, pooling.stride, pooling.padding, pooling.output_shape[1:], maps.shape[2:], strict=True
        )
    )


def batch_norm_terms(args: Any, kwargs: Any) -> tuple[Tensor | None, Tensor | None]:
    """Scale and shift (C,) of a batch normalisation with fixed statistics; None where it takes them from the batch."""
    try:
        given = inspect.signature(functional.batch_norm).bind(*args, **kwargs)
    except TypeError:
        return None, None
    given.apply_defaults()
    terms = given.arguments
    if terms["training"] or terms["running_mean"] is None or terms["running_var"] is None:
        return None, None
    scale = torch.rsqrt(terms["running_var"].detach().double() + terms["eps"])
    if terms["weight"] is not None:
        scale = scale * terms["weight"].detach()
    shift = -terms["running_mean"].detach().double() * scale
    if terms["bias"] is not None:
        shift = shift + terms["bias"].detach()
    return scale.float(), shift.float()


def normalises_over_the_batch(args: Any, kwargs: Any) -> bool:
    """Whether a batch normalisation takes its mean and spread from the images that go in together."""
    given = inspect.signature(functional.batch_norm).bind_partial(*args, **kwargs)
    given.apply_defaults()
    return bool(given.arguments.get("training")) or given.arguments.get("running_mean") is None


class Fields:
    """The receptive field of every tensor of one run; `follow` works out what a call gives its results.

    A call that is not known to keep places apart may mix all of them: what one place of its result sees is not known.
    Nor is it of a tensor that was filled in some other way.
    """

    def __init__(self, images: Tensor) -> None:
        self._fields, self._count = {id(images): ReceptiveField()}, len(images)
        self._image = images.shape[2:]
        self._mirrored: dict[int, tuple[int, int]] = {}  # what a window down and across must reach to see its source

    def of(self, tensor: Tensor) -> ReceptiveField:
        return self._fields.get(id(tensor), _unknown(ReceptiveField()))

    def knows(self, tensor: Tensor) -> bool:
        """Whether it was worked out from the images, rather than from weights alone."""
        return id(tensor) in self._fields

    def set(self, tensor: Tensor, field: ReceptiveField) -> None:
        fills = all(size >= side for size, side in zip(field.size, self._image, strict=True))
        self._fields[id(tensor)] = field.model_copy(update={"local": False}) if fills else field

    def after_convolution(self, source: Tensor, output: Tensor, geometry: dict[str, Any]) -> ReceptiveField:
        found = _passed(self.of(source), source, output, geometry)
        wraps = geometry["padding_mode"] == "circular" and any(geometry["padding"])
        reach = [(geometry["kernel"][axis] - 1) * geometry["dilation"][axis] for axis in (0, 1)]
        beyond = any(r < wanted for r, wanted in zip(reach, self._mirrored.get(id(source), (0, 0)), strict=True))
        return _unknown(found) if wraps or beyond else found  # places at the border read from elsewhere

    def written(self, target: Tensor, values: Sequence[Tensor]) -> None:
        """Parts of `target` are overwritten by `values`: which of its places come from where is not known."""
        if known := [self.of(tensor) for tensor in values if self.knows(tensor)]:
            self.set(target, _unknown(reduce(joined, [*known, *[self.of(target)] * self.knows(target)])))

    def lying_in(self, tensor: Tensor) -> ReceptiveField:
        """The field of a stack of maps. Where it is not known, its places lie evenly over the image.

        What comes after a step that is not known would otherwise be laid over a part of the image, or beyond it.
        """
        field = self.of(tensor)
        even = tuple(side / count for side, count in zip(self._image, tensor.shape[2:], strict=True))
        off = any(not 1 / _UNEVEN < jump / step < _UNEVEN for jump, step in zip(field.jump, even, strict=True))
        if field.known or not off:
            return field
        return field.model_copy(update={"jump": even, "start": (even[0] / 2, even[1] / 2)})

    def follow(self, name: str, tensors: Sequence[Tensor], outputs: Sequence[Tensor], args: Any, kwargs: Any) -> None:
        """Give `outputs` the field that call `name` leaves of those of `tensors`; unknown tensors are parameters."""
        known = [tensor for tensor in tensors if self.knows(tensor)]
        if not known:
            return
        alone = [tensor for tensor in known if not self._is_shared(tensor, outputs[0], name)] or known
        field = reduce(joined, [self._spread(tensor, outputs[0], name) for tensor in alone])
        if len(alone) < len(known):
            field = shared(field)
        if any(id(tensor) in self._mirrored for tensor in known):
            field = _unknown(field)
        for output in outputs:
            self.set(output, self._after(name, alone[0], field, output, args, kwargs))

    def _is_shared(self, tensor: Tensor, output: Tensor, name: str) -> bool:
        """Whether a pointwise call takes one number a map from `tensor`, which has seen everything, for all places."""
        field = self.of(tensor)
        single = tensor.shape[-2:] == (1, 1) != output.shape[-2:]
        return name in _POINTWISE and single and field.whole and field.exact

    def _spread(self, tensor: Tensor, output: Tensor, name: str) -> ReceptiveField:
        """The field of `tensor`, which a pointwise call may have spread over more places than it has."""
        field = self.of(tensor)
        alike = name not in _POINTWISE or tensor.shape[-2:] == output.shape[-2:]
        return field if alike else _unknown(field)

    def _after(
        self, name: str, first: Tensor, field: ReceptiveField, output: Tensor, args: Any, kwargs: Any
    ) -> ReceptiveField:
        if name == "conv2d":
            return _passed(field, first, output, convolution_geometry(nn.Identity(), args, kwargs)[2])
        if name in _REDUCTIONS and first.dim() > 2 and _keeps_maps_alone(first, output):
            return _whole(field)
        if name in _OVER_CHANNELS and first.dim() == 4 and output.shape == (first.shape[0], 1, *first.shape[2:]):
            return field
        if name in _POOLING_ARGUMENTS:
            return _passed(field, first, output, {"padding": (0, 0), "dilation": (1, 1),
                                                  **pooling_geometry(name, args, kwargs, output)})  # fmt: skip
        if (reaches := _resampling(name, first, output, args, kwargs)) is not None:
            return reached(field, *reaches)
        sides = kwargs.get("pad", args[1] if len(args) > 1 else ())
        if name == "pad" and output.dim() == 4 and len(sides) in (2, 4, 6):  # the last two are those of channels
            mode = kwargs.get("mode", args[2] if len(args) > 2 else "constant")
            down, across = [int(side) for side in sides[2:4]] or [0, 0], [int(side) for side in sides[:2]]
            if mode in ("reflect", "replicate"):  # as far inside as it lies outside, or at the border
                times = 2 if mode == "reflect" else 1
                self._mirrored[id(output)] = times * max(0, *down), times * max(0, *across)
            found = through(field, (1, 1), padding=(down[0], across[0]))
            return _unknown(found) if mode == "circular" else found
        if name == "batch_norm" and normalises_over_the_batch(args, kwargs):
            return shared(field)
        if name in _POINTWISE:
            return field
        if name in ("group_norm", "instance_norm"):  # by the mean and spread of all places
            return shared(field)
        if name == "linear" and first.dim() == 2 and len(first) == self._count:
            return _whole(field)  # of all places and channels in a row
        if name in ("layer_norm", "linear") and first.dim() == 4 and output.dim() == 4:
            axes = 1 if name == "linear" else len(kwargs.get("normalized_shape", args[1] if len(args) > 1 else ()))
            alone = axes == 1 and self._ends_with_channels(first, field)
            return field if alone else shared(field) if axes == 3 else _unknown(field)
        if name in ("transpose", "permute") and _turns(name, first, args, kwargs):
            return _unknown(field)
        if name == "getitem" and _picks_places(first, args):
            return _unknown(field)
        if name in _SAME_PLACES and min(first.dim(), output.dim()) >= 3:
            moved = name not in _REGROUPING and sorted(first.shape[1:]) == sorted(output.shape[1:])
            return field if moved or first.shape[-2:] == output.shape[-2:] else _unknown(field)
        return _unknown(field)

    def _ends_with_channels(self, maps: Tensor, field: ReceptiveField) -> bool:
        """Whether `maps` (B, H, W, C), rather than (B, C, H, W): then they are as high and wide as the image is cut."""
        return all(
            1 / _UNEVEN < count * jump / side < _UNEVEN
            for count, jump, side in zip(maps.shape[1:3], field.jump, self._image, strict=True)
        )


def _turns(name: str, first: Tensor, args: Any, kwargs: Any) -> bool:
    """Whether a transposition makes columns of rows; of maps (B, C, H, W) or (B, H, W, C)."""
    axes = list(range(first.dim()))
    if name == "transpose":
        one, other = (kwargs[key] if key in kwargs else args[n] for n, key in ((1, "dim0"), (2, "dim1")))
        axes[one], axes[other] = axes[other], axes[one]
    else:
        given = kwargs.get("dims", args[1:])
        given = given[0] if len(given) == 1 and isinstance(given[0], tuple | list) else given
        axes = [axis % first.dim() for axis in given]
    return first.dim() == 4 and axes not in ([0, 1, 2, 3], [0, 2, 3, 1], [0, 3, 1, 2], [1, 0, 2, 3], [0, 2, 1, 3])


def _picks_places(first: Tensor, args: Any) -> bool:
    """Whether places are picked one by one, in whatever order, by a list or a tensor behind the second axis."""
    index = args[1] if isinstance(args[1], tuple) else (args[1],)
    if ... in [one for one in index if not isinstance(one, Tensor)]:
        place = next(number for number, one in enumerate(index) if one is ...)
        index = (*index[:place], *[slice(None)] * (first.dim() - len(index) + 1), *index[place + 1 :])
    return any(isinstance(one, list | tuple | Tensor) for one in index[2:])


def _keeps_maps_alone(first: Tensor, output: Tensor) -> bool:
    """Whether each map (of images and channels) has become one number."""
    return output.shape[:2] == first.shape[:2] and output.numel() == first.shape[0] * first.shape[1]


def _sliced(first: Tensor, args: Any) -> tuple[Reach, Reach] | None:
    """From which places of maps (B, C, h, w) slices such as `[..., ::2, ::2]` take theirs; None of any other indexing.

    A step along both of the last axes tells that these are rows and columns: of maps (B, h, w, C) nobody slices so.
    """
    index = args[1] if isinstance(args[1], tuple) else (args[1],)
    if not all(isinstance(one, slice) or one is ... for one in index):
        return None
    if ... in index:
        place = index.index(...)
        index = (*index[:place], *[slice(None)] * (first.dim() - len(index) + 1), *index[place + 1 :])
    index = (*index, *[slice(None)] * (first.dim() - len(index)))
    (down, _, step), (across, _, other) = (
        one.indices(length) for one, length in zip(index[2:], first.shape[2:], strict=True)
    )
    if index[:2] != (slice(None), slice(None)) or step != other or step < 2:
        return None
    return (step, down, down), (step, across, across)


def _whole(field: ReceptiveField) -> ReceptiveField:
    return field.model_copy(update={"whole": True, "exact": True, "local": False})


def _unknown(field: ReceptiveField) -> ReceptiveField:
    exact = field.whole and field.exact  # who sees everything goes on seeing it
    return field.model_copy(update={"whole": True, "exact": exact, "local": False})


def _passed(field: ReceptiveField, source: Tensor, output: Tensor, geometry: dict[str, Any]) -> ReceptiveField:
    """After a window of this geometry has passed over `source`.

    A single place has seen everything if the window holds all of `source`.
    """
    reach = [(geometry["kernel"][axis] - 1) * geometry["dilation"][axis] + 1 for axis in (0, 1)]
    if max(output.shape[2:]) == 1 and reach[0] >= source.shape[2] and reach[1] >= source.shape[3]:
        return _whole(field)
    return through(field, geometry["kernel"], geometry["stride"], geometry["padding"], geometry["dilation"])


def _resampling(name: str, first: Tensor, output: Tensor, args: Any, kwargs: Any) -> tuple[Reach, Reach] | None:
    """From which places of `first` those of `output` are read, down and across; None where that is not known."""
    if first.dim() != 4 or output.dim() != 4:
        return None
    if name == "getitem":
        return _sliced(first, args)
    (rows, columns), (new_rows, new_columns) = first.shape[2:], output.shape[2:]
    pooled = pooled_to(rows, new_rows), pooled_to(columns, new_columns)
    if name == "conv_transpose2d":
        names = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
        given = {"stride": 1, "padding": 0, "dilation": 1, **dict(zip(names, args, strict=False)), **kwargs}
        kernel = given["weight"].shape[2:]
        stride, padding, dilation = (_pair(given[key]) for key in ("stride", "padding", "dilation"))
        down, across = (transposed(kernel[axis], stride[axis], padding[axis], dilation[axis]) for axis in (0, 1))
        return down, across
    if name == "pixel_unshuffle" or (name.startswith("adaptive") and name.endswith("pool2d")):
        return pooled
    mode, corners = "nearest", False
    if name == "interpolate":
        given = inspect.signature(functional.interpolate).bind(*args, **kwargs).arguments
        scales, mode, corners = given.get("scale_factor"), given.get("mode", mode), bool(given.get("align_corners"))
        scales = scales if isinstance(scales, (tuple, list)) else (scales, scales)
        told = given.get("recompute_scale_factor") or all(
            scale is None or abs(entered * scale - left) < 1e-6
            for scale, entered, left in zip(scales, first.shape[2:], output.shape[2:], strict=True)
        )
        if given.get("antialias") or not told:  # it reads more places, or at steps that the sizes do not tell
            return None
        if mode == "area":
            return pooled
    elif name != "pixel_shuffle":
        return None
    reads = interpolated(rows, new_rows, mode, corners), interpolated(columns, new_columns, mode, corners)
    return None if reads[0] is None or reads[1] is None else (reads[0], reads[1])


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    sides = tuple(int(side) for side in value)
    return (sides[0], sides[0]) if len(sides) == 1 else (sides[0], sides[1])
