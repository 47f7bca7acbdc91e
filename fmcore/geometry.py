"""What torch's functions do to the geometry of maps: kernels, strides, and which pixels a place can see."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fmcore.analysis.receptive_field import joined, through
from fmcore.header import ReceptiveField

NEVER_NEGATIVE = frozenset({"relu", "relu6", "sigmoid", "hardsigmoid", "softplus"})
_NONLINEARITIES = frozenset({
    "relu", "relu6", "leaky_relu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish", "hardswish",
    "hardsigmoid", "hardtanh", "sigmoid", "tanh", "softplus", "softsign", "logsigmoid", "tanhshrink", "threshold",
})  # fmt: skip
# A place of the result depends on the same place of the arguments alone.
_POINTWISE = _NONLINEARITIES | frozenset({
    "add", "radd", "sub", "rsub", "mul", "rmul", "div", "true_divide", "truediv", "rtruediv", "neg", "abs", "square",
    "sqrt", "rsqrt", "exp", "log", "pow", "clamp", "clamp_min", "clamp_max", "maximum", "minimum", "where", "lerp",
    "addcmul", "addcdiv", "batch_norm", "contiguous", "to", "float", "type_as", "clone", "detach", "dropout",
    "dropout1d", "dropout2d", "alpha_dropout", "feature_dropout", "stochastic_depth", "channel_shuffle",
})  # fmt: skip
# So does it after these, as long as they leave the rows and columns together.
_SAME_PLACES = frozenset({
    "view", "reshape", "transpose", "permute", "unsqueeze", "squeeze", "getitem", "unbind", "unflatten", "flatten",
    "cat", "concat", "concatenate", "chunk", "split", "tensor_split", "narrow",
})  # fmt: skip

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
        return {"kernel": _pair(tuple(-(-entered // left) for entered, left in sides)), "stride": stride}
    given = {**dict(zip(_POOLING_ARGUMENTS[name], args, strict=False)), **kwargs}
    kernel, step = _pair(given["kernel_size"]), given.get("stride")
    return {
        "kernel": kernel,
        "stride": _pair(step) if step else kernel,
        "padding": _pair(given.get("padding", 0)),
        "dilation": _pair(given.get("dilation", 1)),
    }


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


class Fields:
    """The receptive field of every tensor of one run; `follow` works out what a call gives its results.

    A call that is not known to keep places apart may mix all of them: what it gives then sees the whole image.
    """

    def __init__(self, image: Tensor) -> None:
        self._fields = {id(image): ReceptiveField()}

    def of(self, tensor: Tensor) -> ReceptiveField:
        return self._fields.get(id(tensor), ReceptiveField())

    def knows(self, tensor: Tensor) -> bool:
        """Whether it was worked out from the images, rather than from weights alone."""
        return id(tensor) in self._fields

    def set(self, tensor: Tensor, field: ReceptiveField) -> None:
        self._fields[id(tensor)] = field

    def after_convolution(self, source: Tensor, geometry: dict[str, Any]) -> ReceptiveField:
        return through(
            self.of(source), geometry["kernel"], geometry["stride"], geometry["padding"], geometry["dilation"]
        )

    def follow(self, name: str, tensors: Sequence[Tensor], outputs: Sequence[Tensor], args: Any, kwargs: Any) -> None:
        """Give `outputs` the field that call `name` leaves of those of `tensors`; unknown tensors are parameters."""
        known = [(tensor, self._fields[id(tensor)]) for tensor in tensors if id(tensor) in self._fields]
        if not known:
            return
        first, field = known[0]
        for _, other in known[1:]:
            field = joined(field, other)
        for output in outputs:
            self.set(output, self._after(name, first, field, output, args, kwargs))

    def _after(
        self, name: str, first: Tensor, field: ReceptiveField, output: Tensor, args: Any, kwargs: Any
    ) -> ReceptiveField:
        mixed = field.model_copy(update={"whole": True})
        if name == "conv2d":
            geometry = convolution_geometry(nn.Identity(), args, kwargs)[2]
            return through(field, *(geometry[key] for key in ("kernel", "stride", "padding", "dilation")))
        if name.endswith("pool2d"):
            if name.startswith("adaptive") and any(first.shape[axis] % output.shape[axis] for axis in (2, 3)):
                return mixed
            geometry = {"padding": (0, 0), "dilation": (1, 1), **pooling_geometry(name, args, kwargs, output)}
            pooled = through(field, *(geometry[key] for key in ("kernel", "stride", "padding", "dilation")))
            # of a single place it only matters that it has seen everything; the step between places stays
            return pooled if min(output.shape[2:]) > 1 else mixed
        sides = kwargs.get("pad", args[1] if len(args) > 1 else ())
        if name == "pad" and output.dim() == 4 and len(sides) in (2, 4):
            return through(field, (1, 1), padding=(int(sides[2]) if len(sides) == 4 else 0, int(sides[0])))
        if name in _POINTWISE:
            return field
        if name in ("layer_norm", "linear") and first.dim() == 4 and output.dim() == 4:
            alone = name == "linear" or len(kwargs.get("normalized_shape", args[1] if len(args) > 1 else ())) == 1
            return field if alone else mixed
        if name in _SAME_PLACES and min(first.dim(), output.dim()) >= 3:
            same = sorted(first.shape[1:]) == sorted(output.shape[1:]) or first.shape[-2:] == output.shape[-2:]
            return field if same else mixed
        return mixed


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    sides = tuple(int(side) for side in value)
    return (sides[0], sides[0]) if len(sides) == 1 else (sides[0], sides[1])
