"""What calls into torch say of the geometry of maps: kernels, strides and terms, and which nonlinearity it is."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from fmcore.header import LayerInfo

NEVER_NEGATIVE = frozenset({"relu", "relu6", "sigmoid", "hardsigmoid", "softplus"})
NONLINEARITIES = frozenset({
    "relu", "relu6", "leaky_relu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish", "hardswish",
    "hardsigmoid", "hardtanh", "sigmoid", "tanh", "softplus", "softsign", "logsigmoid", "tanhshrink", "threshold",
})  # fmt: skip
POOLING_ARGUMENTS = {
    "max_pool2d": ("input", "kernel_size", "stride", "padding", "dilation"),
    "avg_pool2d": ("input", "kernel_size", "stride", "padding"),
    "lp_pool2d": ("input", "norm_type", "kernel_size", "stride"),
}


def plain_name(name: str, args: Any) -> str:
    """The name of a call without the marks of its in-place form: `relu_` and `__iadd__` are relu and add."""
    name = name.strip("_").removeprefix("i") if name.startswith("__i") else name.strip("_")
    compares = name in ("max", "min") and len(args) > 1 and isinstance(args[1], Tensor)
    return {"max": "maximum", "min": "minimum"}[name] if compares else name


def nonlinearity(name: str, args: Any, kwargs: Any) -> str | None:
    """The name of the nonlinearity that this call is, None where it is none."""
    if name in ("hardtanh", "clamp", "clip", "clamp_min"):
        names = ("min_val", "max_val") if name == "hardtanh" else ("min", "max")
        given = {**dict(zip(names, args[1:], strict=False)), **kwargs}
        low, high = (given.get(key) for key in names)
        if _is_zero(low):
            if isinstance(high, int | float) and high == 6:
                return "relu6"
            if high is None and name != "hardtanh":
                return "relu"
    if name == "maximum" and _is_zero(kwargs.get("other", args[-1])):
        return "relu"
    if name == "threshold" and [*args[1:], *kwargs.values()][:2] == [0, 0]:
        return "relu"
    return name if name in NONLINEARITIES else None


def _is_zero(value: Any) -> bool:
    """Whether `value` is 0, or a tensor of nothing else that is no parameter, which may become another."""
    if isinstance(value, Tensor):
        return not isinstance(value, nn.Parameter) and not value.any()
    return isinstance(value, int | float) and value == 0


def convolution_geometry(module: nn.Module, args: Any, kwargs: Any) -> tuple[Tensor, Tensor | None, dict[str, Any]]:
    """Weight, bias and the fields of `LayerInfo` of one call of conv2d, made by `module`."""
    names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    weight: Tensor = given["weight"]
    kernel, dilation = (int(weight.shape[2]), int(weight.shape[3])), pair(given.get("dilation", 1))
    padding, mode = given.get("padding", 0), "zeros"
    if isinstance(module, nn.Conv2d) and module.padding_mode != "zeros":  # it has padded its input itself
        padding, mode = module.padding, module.padding_mode
    if padding == "same":  # an odd one more goes below and to the right
        padding = tuple(dilation[axis] * (kernel[axis] - 1) // 2 for axis in (0, 1))
    elif padding == "valid":
        padding = 0
    geometry = {
        "kernel": kernel,
        "stride": pair(given.get("stride", 1)),
        "padding": pair(padding),
        "dilation": dilation,
        "groups": int(given.get("groups", 1)),
        "padding_mode": mode,
    }
    return weight, given.get("bias"), geometry


def pooling_geometry(name: str, args: Any, kwargs: Any, output: Tensor) -> dict[str, Any]:
    """The fields of `LayerInfo` of one call of a pooling function."""
    if name.startswith("adaptive"):  # windows of uneven sizes: these are the largest
        sides = [(int(args[0].shape[axis]), int(output.shape[axis])) for axis in (2, 3)]
        stride = pair(tuple(max(1, entered // left) for entered, left in sides))
        return {"kernel": pair(tuple(_longest_window(*side) for side in sides)), "stride": stride}
    given = {**dict(zip(POOLING_ARGUMENTS[name], args, strict=False)), **kwargs}
    kernel, step = pair(given["kernel_size"]), given.get("stride")
    return {
        "kernel": kernel,
        "stride": pair(step) if step else kernel,
        "padding": pair(given.get("padding", 0)),
        "dilation": pair(given.get("dilation", 1)),
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


# The arguments of torch.nn.functional.batch_norm, and those of torch.batch_norm, which wants all of them.
_BATCH_NORM = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
_TORCH_BATCH_NORM = ("input", "weight", "bias", *_BATCH_NORM[1:3], *_BATCH_NORM[5:], "cudnn_enabled")


def _batch_norm(args: Any, kwargs: Any) -> dict[str, Any]:
    """The arguments of a batch normalisation by name."""
    names = _TORCH_BATCH_NORM if len(args) + len(kwargs) == len(_TORCH_BATCH_NORM) else _BATCH_NORM
    defaults = {"weight": None, "bias": None, "training": False, "eps": 1e-5}
    return {**defaults, **dict(zip(names, args, strict=False)), **kwargs}


def normalises_over_the_batch(args: Any, kwargs: Any) -> bool:
    """Whether a batch normalisation takes its mean and spread from the images that go in together."""
    given = _batch_norm(args, kwargs)
    return bool(given["training"]) or given["running_mean"] is None or given["running_var"] is None


def batch_norm_terms(args: Any, kwargs: Any) -> tuple[Tensor | None, Tensor | None]:
    """Scale and shift (C,) of a batch normalisation with fixed statistics; None where it takes them from the batch."""
    if normalises_over_the_batch(args, kwargs):
        return None, None
    terms = _batch_norm(args, kwargs)
    scale = torch.rsqrt(terms["running_var"].detach().double() + terms["eps"])
    if terms["weight"] is not None:
        scale = scale * terms["weight"].detach()
    shift = -terms["running_mean"].detach().double() * scale
    if terms["bias"] is not None:
        shift = shift + terms["bias"].detach()
    return scale.float(), shift.float()


def pair(value: Any) -> tuple[int, int]:
    """What torch takes for both sides alike, or for each."""
    if isinstance(value, int):
        return value, value
    sides = tuple(int(side) for side in value)
    return (sides[0], sides[0]) if len(sides) == 1 else (sides[0], sides[1])


def tensors_in(value: Any) -> Iterator[Tensor]:
    """All tensors among the arguments or the results of a call."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        yield from tensors_in(tuple(value.values()))


def memory_of(tensor: Tensor) -> int:
    """What views of the same numbers have in common."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (NotImplementedError, RuntimeError):  # not every kind of tensor lies in memory as it is
        return id(tensor)


def version_of(tensor: Tensor) -> int | None:
    """How often the numbers of `tensor` have been changed in place, by any of its views; None where nobody counts."""
    try:
        return tensor._version
    except RuntimeError:  # it was made under torch.inference_mode
        return None


def shape_of(maps: Tensor) -> tuple[int, int, int]:
    """Channels, rows and columns of `maps` (B, C, H, W)."""
    return int(maps.shape[1]), int(maps.shape[2]), int(maps.shape[3])
