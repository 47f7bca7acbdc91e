"""How far along the maps of a layer are: summed, scaled, normalised, activated.

In: the calls of one run into torch, each with its arguments and its result. Out: for every tensor the layer that it is
the latest value of, and in the `Layer` the calls at which its stages appear and the numbers that scale and shift it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from fmcore.fields import Fields
from fmcore.geometry import batch_norm_terms, nonlinearity, tensors_in, version_of
from fmcore.header import LayerInfo

_NORMALISATIONS = frozenset({"batch_norm", "layer_norm", "group_norm", "instance_norm", "local_response_norm"})
AFFINE = "affine"  # of a normalisation by numbers of its own, such as a frozen batch normalisation
_UNCHANGING = frozenset({"contiguous", "to", "dropout", "dropout1d", "dropout2d", "alpha_dropout", "feature_dropout"})


@dataclass(eq=False)
class Layer:
    """One layer of a trace: what it is, and the calls at which its tensors appear (counted from 0)."""

    info: LayerInfo
    module: str  # the module it ran in
    calls: dict[str, int] = field(default_factory=dict)  # part -> call: input, sum, preactivation, activation, maxima
    weight: Tensor | None = None  # (C_out, C_in / groups, kH, kW)
    bias: Tensor | None = None  # (C_out,)
    scale: Tensor | None = None  # (C_out,), of a normalisation by fixed numbers
    shift: Tensor | None = None
    reads: "tuple[Layer | None, ...]" = ()  # the layers, shown or not, that it was made from; None is the image

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def measured(self) -> bool:
        """Whether statistics are taken of it: a pooling only repeats what lies before it."""
        return self.info.type != "pooling"


@dataclass(eq=False)
class Origin:
    """Which layer a tensor is the latest value of, and how far along it is: sum, scaled, normalised or activated."""

    layer: Layer
    stage: str
    made_of: "Origin | None" = None  # what was activated, or scaled
    terms: tuple[Tensor | None, Tensor] | None = None  # of one that is scaled: scale, if any, and shift (C_out,) each
    call: int = 0  # of one that is scaled


class Stages:
    """What every tensor of one run is the latest value of."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._origins: dict[int, Origin] = {}
        self._versions: dict[int, int | None] = {}  # of a tensor then: by a view, parts of it may be changed afterwards
        self._bent: dict[int, tuple[Origin, Layer]] = {}  # layer -> what was activated, and the layer before that

    def of(self, tensor: Tensor) -> Origin | None:
        """What `tensor` is the latest value of; None where a part of it has been changed since."""
        return self._origins.get(id(tensor)) if not self.changed(tensor) else None

    def layer_of(self, tensor: Tensor) -> Layer | None:
        """The layer whose maps these are; None where they are its maps times something, or another's."""
        origin = self.of(tensor)
        return origin.layer if origin is not None and origin.stage != "scaled" else None

    def changed(self, tensor: Tensor) -> bool:
        """Whether a part of it has been changed after it was made."""
        return self._versions.get(id(tensor)) != version_of(tensor)

    def made(self, output: Tensor) -> None:
        """A call has returned `output`; whatever it was before, it has been overwritten."""
        self._versions[id(output)] = version_of(output)
        self._origins.pop(id(output), None)

    def overwritten(self, target: Tensor) -> None:
        self._origins.pop(id(target), None)

    def begin(self, layer: Layer, output: Tensor) -> None:
        """`output` are the maps of a new layer."""
        self._origins[id(output)] = Origin(layer, "activated" if layer.info.type == "block" else "sum")

    def follow(
        self, call: int, name: str, args: Any, kwargs: Any, output: Tensor, before: dict[int, Origin | None]
    ) -> None:
        """Call number `call`, that begins no layer, has made `output` of tensors with the origins `before`."""
        origin = before.get(id(args[0])) if args and isinstance(args[0], Tensor) else None
        if origin is None and name in ("maximum", "mul", "add") and len(args) == 2:  # of something else and it
            args, origin = args[::-1], before.get(id(args[1]))
        operands = (*args, *kwargs.values())
        alone = not any(map(self._fields.knows, tensors_in((args[1:], kwargs))))
        if name in ("mul", "maximum", "minimum") and (gated := self._gated(operands, before)) is not None:
            swishes = name == "mul" and _swishes(gated, operands, before)  # asked before it is taken back
            self._take_back(gated.layer)
            if swishes:
                self._activated(call, gated, "silu", output)
        elif origin is None:
            return
        elif name in _UNCHANGING:
            self._origins[id(output)] = origin
        elif name in _NORMALISATIONS and origin.stage == "sum" and origin.layer.measured:
            self._normalised(call, name, origin.layer, args, kwargs, output)
        elif alone and origin.stage != "activated" and (phi := nonlinearity(name, args, kwargs)):
            self._activated(call, origin, phi, output)
        elif alone and origin.layer.info.type == "convolution":
            self._scaled(call, name, origin, args, kwargs, output)

    def _gated(self, operands: tuple[Any, ...], before: dict[int, Origin | None]) -> Origin | None:
        """What was activated and now meets it, or more, place by place: x · sigmoid(x), x · relu6(x + 3) / 6."""
        for one, gate in (operands, operands[::-1]) if len(operands) == 2 else ():
            x = before.get(id(one))
            bent = None if x is None else self._bent.get(id(x.layer))
            if bent is None or x not in (bent[0], bent[0].made_of):
                continue
            if isinstance(gate, Tensor) and gate.shape == one.shape and self._fields.knows(gate):
                return x
        return None

    def _take_back(self, layer: Layer) -> None:
        """What was taken for its nonlinearity is only a part of it."""
        _, as_it_was = self._bent.pop(id(layer))
        vars(layer).update(vars(as_it_was))

    def _scaled(self, call: int, name: str, origin: Origin, args: Any, kwargs: Any, output: Tensor) -> None:
        """Maps times or plus fixed numbers of each channel are on their way to a nonlinearity, or to something else."""
        base = origin.made_of if origin.stage == "scaled" else origin
        if base is None or base.stage == "activated" or base.layer.info.nonlinearity != "none" or kwargs:
            return
        factor, term = _affine(name, args, base.layer.info.output_shape[0])
        if factor is None and term is None:
            return
        scale, shift = origin.terms or (None, torch.zeros(base.layer.info.output_shape[0], dtype=torch.float64))
        if factor is not None:
            scale, shift = factor if scale is None else scale * factor, shift * factor
        terms = (scale, shift if term is None else shift + term)
        self._origins[id(output)] = Origin(base.layer, "scaled", base, terms, call)

    def _activated(self, call: int, origin: Origin, phi: str, output: Tensor) -> None:
        layer = origin.layer
        self._bent[id(layer)] = origin, Layer(**{**vars(layer), "calls": dict(layer.calls)})
        if origin.terms is not None:
            _scale(layer, *origin.terms, origin.call)
        layer.calls["activation"] = call
        layer.calls.pop("maxima", None)
        layer.info = layer.info.model_copy(update={"nonlinearity": phi})
        self._origins[id(output)] = Origin(layer, "activated", origin)

    def _normalised(self, call: int, name: str, layer: Layer, args: Any, kwargs: Any, output: Tensor) -> None:
        layer.calls["preactivation"] = layer.calls["activation"] = call
        layer.calls.pop("maxima", None)
        layer.info = layer.info.model_copy(update={"normalisation": name, "field": self._fields.lying_in(output)})
        if name == "batch_norm":
            layer.scale, layer.shift = batch_norm_terms(args, kwargs)
        if layer.scale is not None:
            layer.calls.pop("sum", None)  # it follows from the pre-activation
        self._origins[id(output)] = Origin(layer, "normalised")


def _scale(layer: Layer, scale: Tensor | None, shift: Tensor, call: int) -> None:
    """The pre-activation is what call number `call` made of the layer: by `scale` and `shift` (C_out,)."""
    layer.calls["preactivation"] = call
    if layer.scale is not None and layer.shift is not None:  # of a batch normalisation
        one, other = layer.scale.double().cpu(), layer.shift.double().cpu()
        scale, shift = (one, other + shift) if scale is None else (one * scale, other * scale + shift)
    elif layer.info.normalisation != "none":  # which cannot be undone; it is left out as a whole
        return
    elif scale is None:  # a bias by itself
        layer.bias = (shift if layer.bias is None else shift + layer.bias.cpu()).float()
        layer.calls["sum"] = call
        return
    else:
        layer.info = layer.info.model_copy(update={"normalisation": AFFINE})
    layer.scale, layer.shift = scale.float(), shift.float()
    layer.calls.pop("sum", None)


def _affine(name: str, args: Any, channels: int) -> tuple[Tensor | None, Tensor | None]:
    """What (C,) a call multiplies its first argument by, and what it adds, by channel; None each for nothing."""
    if name not in ("mul", "add", "sub", "div") or len(args) != 2:
        return None, None
    numbers = _per_channel(args[1], channels)
    if numbers is None:
        return None, None
    return {
        "mul": (numbers, None), "div": (1 / numbers, None), "add": (None, numbers), "sub": (None, -numbers)
    }[name]  # fmt: skip


def _per_channel(value: Any, channels: int) -> Tensor | None:
    """`value` as a number of each channel (C,), where it is one, or the same for all of them."""
    if isinstance(value, int | float):
        return torch.full((channels,), float(value), dtype=torch.float64)
    if not isinstance(value, Tensor) or value.dim() > 4 or not value.dtype.is_floating_point:
        return None
    images, own, *places = (*(1,) * (4 - value.dim()), *value.shape)
    if images != 1 or own not in (1, channels) or any(side != 1 for side in places):
        return None
    return value.detach().double().cpu().flatten().expand(channels)


def _swishes(x: Origin, factors: Iterable[Any], before: dict[int, Origin | None]) -> bool:
    """Whether the `factors` are x and sigmoid(x)."""
    gates = [gate for factor in factors if (gate := before.get(id(factor))) is not None and gate is not x]
    return x.layer.info.nonlinearity == "sigmoid" and any(gate.made_of is x for gate in gates)
