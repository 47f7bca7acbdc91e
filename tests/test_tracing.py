"""Small odd networks, and what is found in each: its layers, what follows them, and why a module is not shown."""

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from fmcore.errors import InputError
from fmcore.listening import Listening
from fmcore.running import evaluating, require_logits, run
from fmcore.stages import Layer
from fmcore.tracing import Trace, trace


class Net(nn.Module):
    """Any forward over any modules; what it returns is pooled into logits unless it is none of maps."""

    def __init__(self, forward: Callable[[Any, Tensor], Any], **modules: nn.Module | nn.Parameter) -> None:
        super().__init__()
        self._forward = forward
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x: Tensor) -> Any:
        return self._forward(self, x)


def classifier(forward: Callable[[Any, Tensor], Tensor], **modules: nn.Module | nn.Parameter) -> Net:
    return Net(lambda net, x: forward(net, x).mean((2, 3)), **modules)


def chain(**modules: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(**modules, mean=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten()))


def conv(inputs: int = 1, outputs: int = 4, kernel: int = 3, **options: Any) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, **{"padding": "same", **options})


def traced(network: nn.Module) -> Trace:
    torch.manual_seed(0)
    return trace(network, torch.rand(2, 1, 12, 12))


def told(layer: Layer) -> str:
    """Type, normalisation and nonlinearity of a layer, in a few words."""
    info = layer.info
    return " ".join([info.type, *(word for word in (info.normalisation, info.nonlinearity) if word != "none")])


def add_in_place(net: Any, x: Tensor) -> Tensor:
    y = net.two(net.one(x).relu_())
    y += x
    return y.relu_()


def squeeze_excite(net: Any, x: Tensor) -> Tensor:
    x = net.one(x).relu()
    return x * net.up(net.down(F.adaptive_avg_pool2d(x, 1)).relu()).sigmoid()


# a network, and the layers that are found in it
NETWORKS: dict[str, tuple[nn.Module, dict[str, str]]] = {
    "functions": (classifier(lambda n, x: F.max_pool2d(F.relu(n.one(x)), 2), one=conv()),
                  {"one": "convolution relu", "max_pool2d1": "pooling"}),
    "functions with named arguments": (
        classifier(lambda n, x: F.max_pool2d(input=F.relu(input=F.conv2d(input=x, weight=n.one)), kernel_size=2),
                   one=nn.Parameter(torch.rand(4, 1, 3, 3))),
        {"one": "convolution relu", "max_pool2d1": "pooling"}),
    "a ReLU in place": (chain(one=conv(), relu=nn.ReLU(True), two=conv(4), last=nn.Sigmoid()),
                        {"one": "convolution relu", "two": "convolution sigmoid"}),
    "a clamp at zero": (classifier(lambda n, x: n.two(n.one(x).clamp(min=0)).clamp_(0), one=conv(), two=conv(4)),
                        {"one": "convolution relu", "two": "convolution relu"}),
    "a clamp from 0 to 1 is no ReLU": (classifier(lambda n, x: n.one(x).clamp(min=0, max=1), one=conv()),
                                       {"one": "convolution"}),
    "ReLU6, by two names": (chain(one=conv(), a=nn.ReLU6(True), two=conv(4), b=nn.Hardtanh(0.0, 6.0)),
                            {"one": "convolution relu6", "two": "convolution relu6"}),
    "a swish by hand": (classifier(lambda n, x: (y := n.one(x)) * torch.sigmoid(y), one=conv()),
                        {"one": "convolution silu"}),
    "a residual sum in place": (chain(stem=conv(), block=Net(add_in_place, one=conv(4), two=conv(4))),
                                {"stem": "convolution", "block.one": "convolution relu", "block.two": "convolution",
                                 "block": "block"}),
    "branches side by side": (
        chain(fork=Net(lambda n, x: torch.cat([n.one(x).relu(), n.two(x)], 1), one=conv(), two=conv(kernel=1))),
        {"fork.one": "convolution relu", "fork.two": "convolution", "fork": "block"}),
    "one module run twice": (classifier(lambda n, x: n.two(n.one(n.one(x).relu()).tanh()), one=conv(1, 1), two=conv()),
                             {"one": "convolution relu", "two": "convolution"}),
    "depthwise, dilated, strided": (
        chain(one=conv(), two=conv(4, groups=4), three=conv(4, dilation=2), four=conv(4, padding=0, stride=2)),
        {"one": "convolution", "two": "convolution", "three": "convolution", "four": "convolution"}),
    "normalised by statistics": (chain(one=conv(bias=False), norm=nn.BatchNorm2d(4), act=nn.GELU()),
                                 {"one": "convolution batch_norm gelu"}),
    "normalised by torch's own function": (classifier(
        lambda n, x: torch.batch_norm(n.one(x), n.norm.weight, n.norm.bias, n.norm.running_mean, n.norm.running_var,
                                      False, 0.1, 1e-5, False).relu(), one=conv(), norm=nn.BatchNorm2d(4)),
        {"one": "convolution batch_norm relu"}),
    "normalised by groups": (chain(one=conv(), norm=nn.GroupNorm(2, 4), act=nn.ReLU()),
                             {"one": "convolution group_norm relu"}),
    "normalised by itself": (chain(one=conv(), norm=nn.InstanceNorm2d(4), act=nn.ELU()),
                             {"one": "convolution instance_norm elu"}),
    "normalised after the nonlinearity": (chain(one=conv(), act=nn.ReLU(), norm=nn.BatchNorm2d(4)),
                                          {"one": "convolution relu"}),
    "normalised after pooling": (chain(one=conv(), pool=nn.MaxPool2d(2), norm=nn.BatchNorm2d(4), act=nn.ReLU()),
                                 {"one": "convolution", "pool": "pooling"}),
    "pooled before the nonlinearity": (chain(one=conv(), pool=nn.AvgPool2d(2), act=nn.Tanh()),
                                       {"one": "convolution", "pool": "pooling tanh"}),
    "poolings of all kinds": (
        chain(one=conv(), a=nn.AvgPool2d(3, 1), b=nn.MaxPool2d(3, 1, dilation=2), c=nn.LPPool2d(2, 2, 1),
              d=nn.AdaptiveMaxPool2d(3)),
        {"one": "convolution", **dict.fromkeys("abcd", "pooling")}),
    "dropout before the nonlinearity": (chain(one=conv(), drop=nn.Dropout2d(0.5), act=nn.ReLU()),
                                        {"one": "convolution relu"}),
    "squeeze and excitation": (
        chain(gate=Net(squeeze_excite, one=conv(), down=conv(4, 2, 1), up=conv(2, 4, 1)), two=conv(4)),
        {"gate.one": "convolution relu", "gate": "block", "two": "convolution"}),
    "weights worked out from others": (
        chain(one=parametrizations.weight_norm(conv(padding=1, padding_mode="reflect")), act=nn.ReLU(),
              two=parametrizations.spectral_norm(conv(4))),
        {"one": "convolution relu", "two": "convolution"}),
    "a part called network": (
        Net(lambda n, x: n.network(x).mean((2, 3)), network=nn.Sequential(conv(), nn.ReLU(), conv(4))),
        {"network.0": "convolution relu", "network.2": "convolution"}),
    "a step that fails and is made up for": (
        classifier(lambda n, x: n.one(attempt(n.fails, x)), fails=Net(lambda n, x: x @ x[:, :, :5]), one=conv()),
        {"one": "convolution"}),
}  # fmt: skip


def attempt(module: nn.Module, x: Tensor) -> Tensor:
    try:
        return module(x)  # type: ignore[no-any-return]
    except RuntimeError:
        return x


@pytest.mark.parametrize("kind", NETWORKS)
def test_which_layers_a_network_has_and_what_they_compute(kind: str) -> None:
    network, expected = NETWORKS[kind]
    found = traced(network)
    assert {layer.name: told(layer) for layer in found.layers} == expected
    assert {module.name for module in found.modules if module.shown} == set(expected)
    assert all(module.shown or module.why for module in found.modules)
    assert len({module.name for module in found.modules}) == len(found.modules)
    heard = listened(network, found)
    for layer in found.layers:
        assert heard[layer.name, "activation"].shape[1:] == layer.info.output_shape
        if layer.info.type == "convolution":
            worked_out(layer, heard)


def listened(network: nn.Module, found: Trace) -> dict[tuple[str, str], Tensor]:
    parts: dict[tuple[str, str], Tensor] = {}
    every = {"input", "sum", "preactivation", "activation", "maxima"}
    with evaluating(network), torch.inference_mode():
        images = torch.rand(3, 1, 12, 12, generator=torch.Generator().manual_seed(1))
        with Listening(found, every, lambda layer, part, value: parts.update({(layer.name, part): value.clone()})):
            network(images)
    return parts


def worked_out(layer: Layer, heard: dict[tuple[str, str], Tensor]) -> None:
    """The sum, the pre-activation and the activation follow from the input, in this order."""
    info, value = layer.info, heard[layer.name, "input"]
    after = [(size - 1) * stride + (kernel - 1) * dilation + 1 - entered - padding
             for size, stride, kernel, dilation, entered, padding in zip(
                 info.output_shape[1:], info.stride, info.kernel, info.dilation, value.shape[2:], info.padding,
                 strict=True)]  # fmt: skip
    mode = {"zeros": "constant"}.get(info.padding_mode, info.padding_mode)
    value = F.pad(value, (info.padding[1], after[1], info.padding[0], after[0]), mode)
    value = F.conv2d(value, layer.weight, layer.bias, info.stride, 0, info.dilation, info.groups)
    if layer.scale is not None and layer.shift is not None:
        value = value * layer.scale[:, None, None] + layer.shift[:, None, None]
        assert "sum" not in layer.calls
    else:
        torch.testing.assert_close(heard[layer.name, "sum"], value, atol=1e-5, rtol=1e-5)
        value = heard[layer.name, "preactivation"] if info.normalisation != "none" else value
    torch.testing.assert_close(heard[layer.name, "preactivation"], value, atol=1e-5, rtol=1e-5)
    if info.nonlinearity != "none":
        value = getattr(torch, info.nonlinearity, None)(value) if hasattr(torch, info.nonlinearity) else (
            getattr(F, info.nonlinearity)(value))  # fmt: skip
    torch.testing.assert_close(heard[layer.name, "activation"], value, atol=1e-5, rtol=1e-5)


def pooled_and_changed(net: Any, x: Tensor) -> Tensor:
    x = net.one(x)
    pooled = F.max_pool2d(x, 2)
    return torch.cat([pooled.flatten(2), x.relu_().flatten(2)], 2)[..., None]


# a network, and whether a pooling takes over the largest values of its only convolution
POOLED: dict[str, tuple[nn.Module, bool]] = {
    "after the nonlinearity": (chain(one=conv(), act=nn.ReLU(True), pool=nn.MaxPool2d(2)), True),
    "before it": (chain(one=conv(), pool=nn.MaxPool2d((2, 3)), act=nn.ReLU()), True),
    "windows that overlap": (chain(one=conv(), pool=nn.MaxPool2d(3, 2, 1)), True),
    "the last row is passed over": (chain(one=conv(), pool=nn.MaxPool2d(5)), False),
    "the last row is pooled too": (chain(one=conv(), pool=nn.MaxPool2d(5, ceil_mode=True)), True),
    "every other place": (chain(one=conv(), pool=nn.MaxPool2d(1, 2)), False),
    "means": (chain(one=conv(), pool=nn.AvgPool2d(2)), False),
    "not at once": (chain(one=conv(), drop=nn.Dropout(), pool=nn.MaxPool2d(2)), False),
    "before what it is later": (classifier(pooled_and_changed, one=conv()), False),
}


@pytest.mark.parametrize("kind", POOLED)
def test_whose_largest_values_a_pooling_takes_over(kind: str) -> None:
    network, expected = POOLED[kind]
    found = traced(network)
    heard = listened(network, found)
    assert (("one", "maxima") in heard) is expected
    if expected:
        assert torch.equal(heard["one", "maxima"].amax((2, 3)), heard["one", "activation"].amax((2, 3)))


GEOMETRY: dict[str, tuple[nn.Conv2d, dict[str, Any]]] = {
    "an even kernel that keeps the size": (conv(kernel=4), {"padding": (1, 1), "kernel": (4, 4)}),
    "reflected": (conv(padding=2, padding_mode="reflect"), {"padding": (2, 2), "padding_mode": "reflect"}),
    "no padding by name": (conv(padding="valid", stride=(2, 1)), {"padding": (0, 0), "stride": (2, 1)}),
    "oblong and dilated": (
        nn.Conv2d(1, 2, (1, 3), padding=(0, 2), dilation=(1, 2)),
        {"kernel": (1, 3), "padding": (0, 2), "dilation": (1, 2)},
    ),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kind", GEOMETRY)
def test_the_geometry_of_a_convolution(kind: str) -> None:
    module, expected = GEOMETRY[kind]
    network = chain(one=module)
    found = traced(network)
    assert found.layers[0].info.model_dump(include=set(expected)) == expected
    worked_out(found.layers[0], listened(network, found))


REASONS: dict[str, tuple[nn.Module, str, str]] = {  # a network, one of its modules, why that is not shown
    "maps of one place": (chain(one=conv(), two=conv(4, kernel=12, padding=0)), "two", "its maps are 1 × 1"),
    "a nested sequence": (chain(a=nn.Sequential(nn.Sequential(conv(), nn.ReLU()))), "a", "ends with the maps of a.0.0"),
    "does not run": (classifier(lambda n, x: n.one(x), one=conv(), aside=conv()), "aside", "did not run"),
    "other convolutions": (chain(one=conv(), up=nn.ConvTranspose2d(4, 4, 2)), "up", "ConvTranspose2d is not drawn"),
    "part of a layer": (chain(one=conv(), act=nn.ReLU()), "act", "part of another layer"),
    "a vector": (chain(one=conv()), "flat", "its output is no stack of maps"),
    "the network": (chain(one=conv()), "network", "its output is no stack of maps"),
    "several values": (
        classifier(lambda n, x: n.two(x)[0], two=Net(lambda n, x: (n.one(x), x), one=conv())),
        "two",
        "gives no single tensor",
    ),
}


def test_of_a_module_that_runs_twice_the_first_run_is_shown() -> None:
    network = classifier(lambda n, x: n.one(F.max_pool2d(n.one(x.repeat(1, 2, 1, 1)), 2)), one=conv(2, 2))
    (module,) = (module for module in traced(network).modules if module.name == "one")
    assert (module.shown, module.why, module.output_shape) == (True, "the first of its 2 runs", (2, 12, 12))


@pytest.mark.parametrize("kind", REASONS)
def test_why_a_module_is_not_shown(kind: str) -> None:
    network, name, why = REASONS[kind]
    (module,) = (module for module in traced(network).modules if module.name == name)
    assert (module.shown, module.why) == (False, why)


# --- what cannot be traced -------------------------------------------------------------------------


class Thrown(Exception):
    pass


def throw(*_: object) -> Tensor:
    raise Thrown("out of  the\nblue")


UNFIT: dict[str, tuple[nn.Module, str]] = {
    "two inputs": (Net.__new__(type("Two", (nn.Sequential,), {"forward": lambda self, x, y: x})), "wants other inputs"),
    "a tuple": (Net(lambda n, x: (x.mean((2, 3)), x)), r"gave 2 values \(tuple\); wrap it"),
    "a dictionary": (Net(lambda n, x: {"out": x}), "gave a dict; wrap it"),
    "maps": (Net(lambda n, x: x), r"gave one of shape \(2, 1, 12, 12\)"),
    "one number": (Net(lambda n, x: x.mean((2, 3))), "gave one number an image; wrap it"),
    "nothing": (Net(lambda n, x: None), "gave a NoneType"),
    "made for one image": (Net(lambda n, x: x.reshape(1, -1)), r"gave one of shape \(1, 288\)"),
    "another size": (
        Net(lambda n, x: n.fc(x.flatten(1)), fc=nn.Linear(9, 2)),
        r"cannot be run on images of 1 x 12 x 12 \(grey\)",
    ),
    "compiled": (nn.Sequential(torch.jit.ScriptModule()), "compiled by TorchScript"),
    "its own exception": (Net(throw), r"\(Thrown: out of the blue\)"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_a_model_that_is_no_classifier_of_images(kind: str) -> None:
    network, sentence = UNFIT[kind]
    if not network.__dict__:
        nn.Module.__init__(network)
    with pytest.raises(InputError, match=sentence):
        traced(network)


def test_logits_of_another_number_of_classes() -> None:
    with pytest.raises(InputError, match=r"of shape \(2, 3\), and this model gave one of shape \(2, 4\)"):
        require_logits(torch.zeros(2, 4), 2, 3)


# --- what is left behind ---------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [None, Thrown, KeyboardInterrupt])
def test_modes_and_hooks_are_put_back_also_after_an_exception(stop: type[BaseException] | None) -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        assert not any(module.training for module in net.modules())
        x = net.norm(net.one(x))
        if stop is not None:
            raise stop
        return x

    network = classifier(forward, one=conv(), norm=nn.BatchNorm2d(4), drop=nn.Dropout())
    network.train().norm.eval()  # type: ignore[union-attr]
    if stop is None:
        traced(network)
    else:
        with pytest.raises(KeyboardInterrupt if stop is KeyboardInterrupt else InputError):
            traced(network)
    for module in network.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks
        assert module.training is (module is not network.norm)
    assert network.norm.num_batches_tracked == 0  # type: ignore[union-attr]
    assert torch.overrides._get_current_function_mode() is None


def test_listening_stops_when_the_listener_fails() -> None:
    network = chain(one=conv())
    found, images = traced(network), torch.rand(1, 1, 12, 12)
    with pytest.raises(Thrown), Listening(found, {"activation"}, throw):
        network(images)
    assert torch.overrides._get_current_function_mode() is None
    assert network(torch.rand(1, 1, 12, 12)).shape == (1, 4)


# --- listening -------------------------------------------------------------------------------------


def test_what_a_listener_writes_is_what_the_network_goes_on_with() -> None:
    network = chain(one=conv(), act=nn.ReLU(True), two=conv(4, 3, 1, bias=False))

    def empty(_: Layer, __: str, value: Tensor) -> None:
        value.zero_()

    found, images = traced(network), torch.rand(1, 1, 12, 12)
    found.layers = found.layers[:1]
    with torch.inference_mode(), Listening(found, {"activation"}, empty):
        logits = network(images)
    assert not logits.any()


def test_two_threads_listen_each_to_its_own_run() -> None:
    network = chain(one=conv(), act=nn.ReLU(True), two=conv(4), pool=nn.MaxPool2d(2))
    found, together = traced(network), Barrier(2)
    images = torch.rand(2, 40, 1, 12, 12)

    def run(number: int) -> list[Tensor]:
        heard: list[Tensor] = []
        with torch.inference_mode():
            for image in images[number].split(1):
                together.wait(10)
                with Listening(found, {"activation"}, lambda *told: heard.append(told[2].clone())):
                    network(image)
        return heard

    with ThreadPoolExecutor(2) as pool:
        at_once = list(pool.map(run, (0, 1)))
    together = Barrier(1)
    for number in (0, 1):
        for one, other in zip(at_once[number], run(number), strict=True):
            assert torch.equal(one, other)


def test_a_network_whose_steps_depend_on_chance_or_on_the_image() -> None:
    network = classifier(lambda n, x: n.one(x if x.mean() < 0.5 else F.dropout(x - 1, 0.1)).relu(), one=conv())
    found, images = trace(network, torch.zeros(2, 1, 8, 8)), torch.ones(2, 1, 8, 8)
    with (
        pytest.raises(InputError, match="computes other steps from one image to the next"),
        Listening(found, {"activation"}, lambda *_: None),
    ):
        network(images)


def test_normalising_over_one_image_is_told_by_its_remedy() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4)).train()
    with pytest.raises(InputError, match="give a --batch-size of 2 or more"):
        run(network, torch.zeros(1, 3, 8, 8))
