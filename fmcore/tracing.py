"""Find the layers of a network by running it once.

In: any network and a few images (B, C, H, W). Out: a `Trace`, which says for every convolution, pooling and
block at which of the network's calls into torch its maps emerge, and a table of all modules with the reason
why one cannot be shown. Everything is seen at the level of torch's functions, so `F.relu(x)` counts like
`nn.ReLU()`; `fmcore.listening` picks those tensors up in later runs.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from fmcore.errors import InputError
from fmcore.fields import Fields
from fmcore.flow import Flow, Sources
from fmcore.geometry import (
    convolution_geometry,
    normalises_over_the_batch,
    passes_over_none,
    plain_name,
    pooling_geometry,
    shape_of,
    tensors_in,
)
from fmcore.header import LayerInfo, ModuleInfo
from fmcore.running import evaluating, hinting, require_logits, run
from fmcore.stages import Layer, Origin, Stages

ENDS_WITH = "ends with the maps of "
_ONE_OF_SEVERAL = -1  # instead of a call: the tensor came out of it together with others
_POOLINGS = frozenset({"max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "lp_pool2d"})
_POOLING_MODULES = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.LPPool2d)
_OTHER_CONVOLUTIONS = (nn.Conv1d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@dataclass
class Trace:
    layers: list[Layer]  # in the order in which their maps emerge
    modules: tuple[ModuleInfo, ...]
    functions: list[str]  # the name of every call, to notice a network that computes differently each time
    reads: dict[str, tuple[str, ...]]  # of every layer, shown or not, those that it reads; "" is the image
    answer: tuple[str, ...]  # the same of the network's answer
    over_the_batch: bool = False  # whether some normalisation takes its mean and spread from all images at once


def trace(network: nn.Module, images: Tensor) -> Trace:
    """Run `network` on `images` (B, C, H, W), in evaluation mode, and find its layers.

    Raises:
        InputError: it cannot be run on them, gives no logits (B, K), or is compiled.
    """
    if any(isinstance(module, torch.jit.ScriptModule) for module in network.modules()):
        raise InputError(
            "The model, or a part of it, was compiled by TorchScript, which shows nothing of what it computes;"
            " name the model as it was before."
        )
    with warnings.catch_warnings(), hinting(network, images), evaluating(network), torch.no_grad():
        warnings.simplefilter("ignore")  # of torch, about how the network is made
        run(network, images)  # what is done once, such as filling a cache, is not done again
        with _Finding(network, images) as finding:
            output = run(network, images)
    require_logits(output, len(images))
    return finding.result(output)


def function_name(func: Any) -> str:
    """What a call into torch is told apart by."""
    return str(getattr(func, "__name__", func))


@dataclass
class _Running:
    """A module that is running, and the convolution that bears its name."""

    module: nn.Module
    own: Layer | None = None


class _Finding(TorchFunctionMode):
    """Follows every tensor of one run from call to call, with the names of the modules it passes."""

    def __init__(self, network: nn.Module, images: Tensor) -> None:
        super().__init__()
        self.network = network
        self.count, self.image_size = len(images), (images.shape[2], images.shape[3])
        self.names = {module: name for name, module in network.named_modules()}
        self.names[network] = "network" if "network" not in self.names.values() else "the whole network"
        self.functions: list[str] = []
        self.layers: list[Layer] = []
        self.fields = Fields(images)
        self.stages, self.flow = Stages(self.fields), Flow(images)
        self.emerged: dict[int, int] = {}  # tensor -> the call that made it
        self.kept: list[Any] = []  # everything seen, so that no address is used twice
        self.stack = [_Running(network)]
        self.shapes: dict[str, tuple[int, ...] | None] = {}
        self.reasons: dict[str, str] = {}
        self.runs: dict[str, int] = {}
        self.handles: list[Any] = []
        self.together = 0  # rows of the maps of a convolution that are not one an image; 0 where there are none
        self.paused = self.over_the_batch = False

    def __enter__(self) -> "_Finding":
        for module in self.network.modules():
            self.handles.append(module.register_forward_pre_hook(self._enter_module))
            self.handles.append(module.register_forward_hook(self._leave_module))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *exc: Any) -> None:
        super().__exit__(*exc)  # type: ignore[no-untyped-call]
        for handle in self.handles:
            handle.remove()

    # -- modules ---------------------------------------------------------------------------------

    def _enter_module(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        self.stack.append(_Running(module))

    def _leave_module(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        self.paused = True
        try:
            own = self.stack.pop().own
            name = self.names[module]
            self.runs[name] = self.runs.get(name, 0) + 1
            self.shapes.setdefault(name, tuple(output.shape[1:]) if isinstance(output, Tensor) else None)
            more = own is not None and not self._ends_with(own, output)
            if own is not None and more:  # it goes on after its convolution
                own.info = own.info.model_copy(update={"name": self._own_name(None, module, "conv2d")})
            if isinstance(output, Tensor) and (more or any(True for _ in module.children())):
                self._block(module, name, output)
        finally:
            self.paused = False

    def _block(self, module: nn.Module, name: str, output: Tensor) -> None:
        """A module with parts of its own is a layer if its output is nobody else's and is a stack of maps."""
        last = self.stages.layer_of(output)
        if last is not None:
            self.reasons[name] = f"{ENDS_WITH}{last.name}"
        elif module is self.network or not self.fields.knows(output) or not self._fits_image(output):
            self.reasons[name] = "its output is no stack of maps"
        elif min(output.shape[2:]) < 2:
            self.reasons[name] = f"its maps are {output.shape[2]} × {output.shape[3]}"
        elif self.stages.changed(output):
            self.reasons[name] = "a part of its output is changed after it was made"
        elif self.emerged.get(id(output), _ONE_OF_SEVERAL) == _ONE_OF_SEVERAL:
            self.reasons[name] = "its output is a part of something larger, or its input"
        elif self.runs[name] == 1:
            info = LayerInfo(
                name=name, type="block", output_shape=shape_of(output), field=self.fields.lying_in(output), input=""
            )
            self._add(Layer(info, name, {"activation": self.emerged[id(output)]}), output)

    def _fits_image(self, output: Tensor) -> bool:
        """Whether the last two axes can be places: (B, H, W, C), as transformers have it, would leave the image."""
        if output.dim() != 4 or not self.fields.shows_places(output):
            return False
        jump = self.fields.of(output).jump
        return all(output.shape[axis + 2] * jump[axis] <= 1.25 * self.image_size[axis] + jump[axis] for axis in (0, 1))

    # -- calls -----------------------------------------------------------------------------------

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.paused:
            return func(*args, **kwargs)
        call, name = len(self.functions), function_name(func)
        self.functions.append(name)
        before = {id(tensor): self.stages.of(tensor) for tensor in tensors_in((args, kwargs))}
        self.kept.append((args, kwargs))
        result = func(*args, **kwargs)
        self.paused = True
        try:
            self.kept.append(result)
            outputs = list(tensors_in(result))
            if not args and "input" in kwargs:  # given by name
                args, kwargs = (kwargs["input"],), {key: kwargs[key] for key in kwargs if key != "input"}
            name = plain_name(name, args)
            if name == "setitem":
                self._overwritten(args[0], list(tensors_in(args[1:])))
            if outputs:
                inputs = list(tensors_in((args, kwargs)))
                self.fields.follow(name, inputs, outputs, args, kwargs)
                self.flow.follow(inputs, outputs)
            for output in outputs:
                self.emerged[id(output)] = call if len(outputs) == 1 else _ONE_OF_SEVERAL
                self.stages.made(output)
            if len(outputs) == 1:
                self._see(call, name, args, kwargs, outputs[0], before)
        finally:
            self.paused = False
        return result

    def _ends_with(self, layer: Layer, output: Any) -> bool:
        return isinstance(output, Tensor) and self.stages.layer_of(output) is layer

    def _overwritten(self, target: Tensor, values: list[Tensor]) -> None:
        """Parts of `target` were set by an index: it is what no call has returned."""
        self.fields.written(target, values)
        self.flow.follow([target, *values], [target])
        self.emerged[id(target)] = _ONE_OF_SEVERAL
        self.stages.overwritten(target)

    def _see(
        self, call: int, name: str, args: Any, kwargs: Any, output: Tensor, before: dict[int, Origin | None]
    ) -> None:
        self.over_the_batch |= name == "batch_norm" and normalises_over_the_batch(args, kwargs)
        if name == "conv2d" and output.dim() == 4:
            self._convolution(call, args, kwargs, output)
        elif name in _POOLINGS and output.dim() == 4 and args[0].dim() == 4:
            self._pooling(call, name, args, kwargs, output, before.get(id(args[0])))
        else:
            self.stages.follow(call, name, args, kwargs, output, before)

    def _convolution(self, call: int, args: Any, kwargs: Any, output: Tensor) -> None:
        running, module = self.stack[-1], self.stack[-1].module
        padded = call > 0 and self.functions[call - 1] == "pad"
        weight, bias, geometry = convolution_geometry(module if padded else nn.Identity(), args, kwargs)
        if output.dtype in (torch.float16, torch.bfloat16):
            raise InputError(
                f"A convolution of '{self.names[module]}' computes in {str(output.dtype).removeprefix('torch.')}, and"
                " its numbers could not be worked out from what goes in; switch autocast off in the model's forward."
            )
        own = isinstance(module, nn.Conv2d) and running.own is None
        name = self._own_name(weight, module, "conv2d") if not own else self.names[module]
        info = LayerInfo(
            name=name, type="convolution", output_shape=shape_of(output), field=self.fields.lying_in(output), **geometry
        )
        calls = {
            "input": call - (geometry["padding_mode"] != "zeros"),
            "sum": call,
            "preactivation": call,
            "activation": call,
        }
        layer = Layer(info, self.names[module], calls, weight.detach(), None if bias is None else bias.detach())
        self._add(layer, output)
        if own and self._ends_with(layer, output):
            running.own = layer

    def _pooling(self, call: int, name: str, args: Any, kwargs: Any, output: Tensor, pooled: Origin | None) -> None:
        own = isinstance(module := self.stack[-1].module, _POOLING_MODULES)
        geometry = pooling_geometry(name, args, kwargs, output)
        info = LayerInfo(
            name=self.names[module] if own else self._own_name(None, module, name),
            type="pooling",
            output_shape=shape_of(output),
            field=self.fields.lying_in(output),
            **geometry,
        )
        self._add(Layer(info, self.names[module], {"activation": call}), output)
        at_once = pooled is not None and self.emerged[id(args[0])] == pooled.layer.calls["activation"] == call - 1
        if pooled is not None and at_once and name == "max_pool2d" and passes_over_none(info, args[0]):
            pooled.layer.calls["maxima"] = call

    def _own_name(self, weight: Tensor | None, module: nn.Module, kind: str) -> str:
        """A name for what runs without a module of its own: that of its weight, or of its place."""
        for name, parameter in self.network.named_parameters():
            if parameter is weight:
                return name.removesuffix(".weight")
        where = self.names[module]
        prefix = kind if module is self.network else f"{where}.{kind}"
        taken = {*self.names.values(), *(layer.name for layer in self.layers)}
        return next(name for name in (f"{prefix}{number}" for number in range(1, len(taken) + 2)) if name not in taken)

    def _add(self, layer: Layer, output: Tensor) -> None:
        if not self.fields.shows_places(output):
            self.reasons[layer.name] = "an axis of its maps is one of channels, and not of places"
            return
        if len(output) != self.count:
            self.reasons[layer.name] = f"it gives {len(output)} stacks of maps for {self.count} images"
            self.together = len(output) if layer.info.type == "convolution" else self.together
            return
        if layer.name not in {one.name for one in self.layers}:  # of one that runs twice, the first run counts
            self.layers.append(layer)
            self.stages.begin(layer, output)
            self.flow.begin(layer, output)

    # -- result ----------------------------------------------------------------------------------

    def result(self, output: Tensor) -> Trace:
        shown = []
        for layer in self.layers:
            _, rows, columns = layer.info.output_shape
            if min(rows, columns) < 2:
                self.reasons[layer.name] = f"its maps are {rows} × {columns}"
            else:
                shown.append(layer)
        if self.together and not any(layer.info.type == "convolution" for layer in shown):
            raise InputError(
                f"For {self.count} images, the convolutions of the model give {self.together} stacks of maps, as after"
                " joining images with their mirror images or cutting them into parts, so none belongs to one image"
                " alone; record the network inside, which gives one row an image."
            )
        names = {layer.name for layer in shown}
        owners = {layer.module: layer.name for layer in shown}
        modules = []
        for module, name in self.names.items():
            shown_too, runs = name in names, self.runs.get(name, 0)
            why = "" if shown_too else self.reasons.get(name) or self._reason(module, name, owners)
            if shown_too and runs > 1:
                why = f"the first of its {runs} runs"
            shape = self.shapes.get(name)
            modules.append(
                ModuleInfo(name=name, kind=type(module).__name__, output_shape=shape, shown=shown_too, why=why)
            )
        known = {info.name for info in modules}
        modules += [
            ModuleInfo(name=layer.name, kind=layer.info.type, output_shape=layer.info.output_shape, shown=True, why="")
            for layer in shown
            if layer.name not in known
        ]
        shown.sort(key=lambda layer: layer.calls["activation"])
        reads = {layer.name: _names(layer.reads) for layer in self.layers}
        return Trace(shown, tuple(modules), self.functions, reads, _names(self.flow.of([output])), self.over_the_batch)

    def _reason(self, module: nn.Module, name: str, owners: dict[str, str]) -> str:
        if name in owners:
            return f"its maps are called {owners[name]}"
        if name not in self.runs:
            return "did not run"
        if isinstance(module, _OTHER_CONVOLUTIONS):
            return f"{type(module).__name__} is not drawn"
        shape = self.shapes.get(name)
        if shape is None:
            return "gives no single tensor"
        if len(shape) != 3:
            return "its output is no stack of maps"
        return "part of another layer"


def _names(sources: Sources) -> tuple[str, ...]:
    return tuple("" if layer is None else layer.name for layer in sources)
