"""Pick up the values of a network's layers, or change them, while it runs.

In: a `Trace` of the network, and a function. Out: that function is called with a layer, the part of it and its
tensor (B, C, H, W), the moment the tensor exists: what overwrites it afterwards does not matter. No hooks are needed.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from fmcore.errors import InputError
from fmcore.stages import Layer
from fmcore.tracing import Trace, function_name

_OTHER_WITH_GRADIENTS = (
    "The model computes other steps from one image to the next, or where gradients are wanted, so its layers cannot be"
    " told apart; remove its backward hooks, and what asks for torch.is_grad_enabled, is random or depends on the data."
)
_OTHER_STEPS = (
    "The model computes other steps from one image to the next, so its layers cannot be told apart; remove what is"
    " random or depends on the data from its forward."
)


class Listening(TorchFunctionMode):
    """While it is active, `heard(layer, part, tensor)` is called for the parts that are listened to.

    `parts` are of "input", "sum", "preactivation", "activation" and "maxima", which a layer has if the next call is a
    max pooling that passes over no place: its largest values are the layer's. What `heard` does to the tensor in place
    is what the network goes on with. It may be active in several threads, one object each.
    """

    def __init__(self, trace: Trace, parts: set[str], heard: Callable[[Layer, str, Tensor], None]) -> None:
        super().__init__()
        self._functions, self._heard, self._call = trace.functions, heard, 0
        self._before: dict[int, list[Layer]] = {}
        self._after: dict[int, list[tuple[Layer, str]]] = {}
        for layer in trace.layers:
            for part, call in layer.calls.items():
                if part == "input" and part in parts:
                    self._before.setdefault(call, []).append(layer)
                elif part in parts:
                    self._after.setdefault(call, []).append((layer, part))
        self._other_steps = _OTHER_STEPS
        self._last = max((*self._before, *self._after), default=-1)

    def __enter__(self) -> "Listening":
        self._call = 0
        # asked for now, because what backward hooks do is done without gradients
        self._other_steps = _OTHER_WITH_GRADIENTS if torch.is_grad_enabled() else _OTHER_STEPS
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *exc: Any) -> None:
        super().__exit__(*exc)  # type: ignore[no-untyped-call]
        if exc[0] is None and self._call <= self._last:
            raise InputError(self._other_steps)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        call, self._call = self._call, self._call + 1
        if call <= self._last and self._functions[call] != function_name(func):
            raise InputError(self._other_steps)
        if call in self._before:
            for layer in self._before.get(call, ()):
                self._heard(layer, "input", args[0] if args else kwargs["input"])
        result = func(*args, **(kwargs or {}))
        for layer, part in self._after.get(call, ()):
            self._heard(layer, part, result)
        return result
