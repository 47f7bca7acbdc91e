"""What is said of networks whose maps are not simply those of one convolution for each image."""

from collections.abc import Callable

import pytest
import torch
from test_tracing import Net, chain, classifier, conv, listened, told, traced, worked_out
from torch import Tensor, nn
from torch.nn import functional as F

from fmcore.errors import InputError
from fmcore.listening import Listening


def mirrored_too(net: Net, x: Tensor) -> Tensor:
    one, other = net.inner(torch.cat([x, x.flip(3)])).chunk(2)  # type: ignore[operator]
    return (one + other) / 2  # type: ignore[no-any-return]


def in_parts(net: Net, x: Tensor) -> Tensor:
    parts = x.view(len(x), 1, 2, 6, 2, 6).permute(0, 2, 4, 1, 3, 5).reshape(-1, 1, 6, 6)
    return net.inner(parts).view(len(x), 4, -1).mean(1)  # type: ignore[operator, no-any-return]


@pytest.mark.parametrize(("forward", "rows"), [(mirrored_too, 4), (in_parts, 8)])
def test_a_model_that_shows_its_convolutions_other_images_is_refused(forward: object, rows: int) -> None:
    network = Net(forward, inner=chain(one=conv(), act=nn.ReLU(), pool=nn.MaxPool2d(2)))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"For 2 images, the convolutions of the model give {rows} stacks of maps"):
        traced(network)


def test_a_convolution_of_all_images_at_once_is_left_out() -> None:
    def grouped(net: Net, x: Tensor) -> Tensor:
        x = net.one(x).relu()  # type: ignore[operator]
        kernel = x.mean((2, 3)).reshape(-1, 1, 1, 1)
        y = net.fold(x.reshape(1, -1, 12, 12), kernel)  # type: ignore[operator]
        return net.two(y.view(x.shape))  # type: ignore[operator, no-any-return]

    fold = type("Fold", (nn.Module,), {"forward": lambda self, x, kernel: F.conv2d(x, kernel, groups=x.shape[1])})()
    found = traced(classifier(grouped, one=conv(), fold=fold, two=conv(4)))
    assert {layer.name for layer in found.layers} == {"one", "two"}


def changed_through_a_view(net: Net, x: Tensor) -> Tensor:
    y = net.one(x)  # type: ignore[operator]
    y[:, :2].relu_()
    return net.norm(y).relu()  # type: ignore[operator, no-any-return]


def changed_by_its_axes(net: Net, x: Tensor) -> Tensor:
    y = net.one(x)  # type: ignore[operator]
    y.flatten(1).mul_(2)
    return y.relu() + net.norm(y)  # type: ignore[operator, no-any-return]


@pytest.mark.parametrize("forward", [changed_through_a_view, changed_by_its_axes])
def test_what_becomes_of_a_sum_that_is_changed_through_a_view_is_not_said_to_follow_from_it(forward: object) -> None:
    network = classifier(forward, one=conv(), norm=nn.BatchNorm2d(4))  # type: ignore[arg-type]
    (layer,) = (found := traced(network)).layers
    assert told(layer) == "convolution"
    worked_out(layer, listened(network, found))


def test_a_part_of_the_maps_of_a_block_that_is_changed_through_a_view_are_not_shown_as_they_were_before() -> None:
    def halved(net: Net, x: Tensor) -> Tensor:
        y: Tensor = net.one(x)  # type: ignore[operator]
        y[:, :2].relu_()
        return y

    found = traced(chain(block=Net(halved, one=conv()), two=conv(4)))
    (block,) = (module for module in found.modules if module.name == "block")
    assert (block.shown, block.why) == (False, "a part of its output is changed after it was made")


GATED = {  # a product with a sigmoid, and what the layer becomes
    "of the normalised sum itself": (lambda n, x: (y := n.norm(n.one(x))) * y.sigmoid(), "silu"),
    "of the sum, by the normalised one": (lambda n, x: (y := n.one(x)) * n.norm(y).sigmoid(), "sigmoid"),
    "of the normalised sum, by its sum": (lambda n, x: n.norm(y := n.one(x)) * y.sigmoid(), "sigmoid"),
    "the other way round": (lambda n, x: (y := n.norm(n.one(x))).sigmoid() * y, "silu"),
}


@pytest.mark.parametrize("kind", GATED)
def test_only_a_product_with_its_own_sigmoid_is_a_silu(kind: str) -> None:
    forward, phi = GATED[kind]
    network = classifier(forward, one=conv(), norm=nn.BatchNorm2d(4))
    (layer,) = traced(network).layers
    assert layer.info.nonlinearity == phi


class Scaled(nn.Conv2d):
    """A convolution whose forward goes on after it."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * -2


class Separable(nn.Conv2d):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, inputs, 3, padding=1, groups=inputs)
        self.point = nn.Parameter(torch.rand(outputs, inputs, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(super().forward(x), self.point)


class Adapted(nn.Conv2d):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)
        self.down, self.up = conv(inputs, 2), conv(2, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.up(self.down(x))  # type: ignore[no-any-return]


class Unpadded(nn.Conv2d):
    """Its forward pays no heed to its padding mode."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, padding=1)


MORE: dict[str, tuple[nn.Module, dict[str, str]]] = {
    "scaled": (Scaled(1, 4, 3, padding=1), {"one.conv2d1": "convolution", "one": "block"}),
    "two in one": (Separable(1, 4), {"one.conv2d1": "convolution", "one.point": "convolution relu"}),
    "an adapter": (Adapted(1, 4), {"one.conv2d1": "convolution", "one.down": "convolution", "one.up": "convolution",
                                   "one": "block"}),
    "padded by nobody else": (Unpadded(1, 4, 3, padding=2, padding_mode="reflect"), {"one": "convolution relu"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", MORE)
def test_a_convolution_that_does_more_is_shown_as_what_it_gives(kind: str) -> None:
    module, expected = MORE[kind]
    network = chain(one=module, act=nn.ReLU(), two=conv(4))
    found = traced(network)
    assert {layer.name: told(layer) for layer in found.layers} == {**expected, "two": "convolution"}
    (one,) = (each for each in found.modules if each.name == "one")
    assert one.shown == ("one" in expected) and (one.shown or one.why == "ends with the maps of one.point")
    heard = listened(network, found)
    for layer in found.layers:
        if layer.info.type == "convolution":
            worked_out(layer, heard)
        else:
            with torch.inference_mode():
                torch.testing.assert_close(heard["one", "activation"], module(heard["one.conv2d1", "input"]))


def test_a_convolution_without_a_module_takes_no_name_of_one() -> None:
    network = classifier(
        lambda n, x: n.conv2d1(F.conv2d(x, n.own * 2, padding=1).relu()),
        own=nn.Parameter(torch.rand(4, 1, 3, 3)),
        conv2d1=conv(4, 3),
    )
    found = traced(network)
    assert [(layer.name, layer.info.output_shape[0]) for layer in found.layers] == [("conv2d2", 4), ("conv2d1", 3)]


def hooked() -> nn.Module:
    network = chain(one=conv(), act=nn.ReLU())
    network.one.register_full_backward_hook(lambda *_: None)  # type: ignore[operator]
    return network


@pytest.mark.parametrize("network", [
    classifier(lambda n, x: n.one(x * 1 if torch.is_grad_enabled() else x).relu(), one=conv()), hooked(),
])  # fmt: skip
def test_a_network_that_goes_another_way_with_gradients_is_told_by_what_to_remove(network: nn.Module) -> None:
    found = traced(network)
    with (
        pytest.raises(InputError, match=r"where gradients are wanted, .*backward hooks, and what asks for torch"),
        Listening(found, {"activation"}, lambda *_: None),
    ):
        network(torch.rand(2, 1, 12, 12).requires_grad_())


CUT: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {  # what is done to a sum, and what that is called
    "clip": (lambda y: torch.clip(y, min=0), "relu"),
    "clip to 6": (lambda y: y.clip(0, 6), "relu6"),
    "clamp by a tensor": (lambda y: torch.clamp(y, torch.tensor(0.0)), "relu"),
    "maximum": (lambda y: torch.maximum(y, torch.zeros(1)), "relu"),
    "maximum the other way round": (lambda y: torch.maximum(torch.zeros_like(y), y), "relu"),
    "max": (lambda y: torch.max(y, y.new_zeros(())), "relu"),
    "a named argument": (lambda y: torch.maximum(y, other=torch.zeros(1)), "relu"),
    "threshold": (lambda y: F.threshold(y, 0, 0), "relu"),
    "threshold elsewhere": (lambda y: F.threshold(y, 0.1, 0), "threshold"),
    "maximum of something else": (lambda y: torch.maximum(y, torch.ones(1)), "none"),
    "maximum of what is zero in these images": (lambda y: torch.maximum(y, (y - 1000).relu()), "none"),
}


@pytest.mark.parametrize("kind", CUT)
def test_a_relu_is_known_by_any_name(kind: str) -> None:
    cut, phi = CUT[kind]
    found = traced(classifier(lambda n, x: n.two(cut(n.one(x))), one=conv(), two=conv(4)))
    one, two = (layer.info for layer in found.layers)
    assert (one.nonlinearity, two.field.size, two.field.whole) == (phi, (5, 5), False)


class Frozen(nn.Module):
    """A batch normalisation that never learns, as detection models have it: numbers of its own."""

    def __init__(self, in_place: bool = False) -> None:
        super().__init__()
        self.in_place = in_place
        for name in ("weight", "bias", "mean"):
            self.register_buffer(name, torch.rand(4) - 0.5)
        self.register_buffer("var", torch.rand(4) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        scale = (self.weight * (self.var + 1e-5).rsqrt()).reshape(1, -1, 1, 1)  # type: ignore[operator]
        shift = self.bias.reshape(1, -1, 1, 1) - self.mean.reshape(1, -1, 1, 1) * scale  # type: ignore[operator]
        return x.mul_(scale).add_(shift) if self.in_place else x * scale + shift


def once(forward: Callable[[nn.Module, Tensor], Tensor], **more: nn.Module | nn.Parameter) -> nn.Module:
    return classifier(forward, one=conv(bias=False), **more)  # type: ignore[arg-type]


def four(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.rand(4, *shape) - 0.5)


def alone(value: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor([value]))


# a network with one convolution, and what is found to follow it
RESCALED: dict[str, tuple[nn.Module, str]] = {
    "a frozen normalisation": (chain(one=conv(), norm=Frozen(), act=nn.ReLU(True)), "convolution affine relu"),
    "one in place": (chain(one=conv(), norm=Frozen(in_place=True), act=nn.ReLU()), "convolution affine relu"),
    "one before a swish": (chain(one=conv(), norm=Frozen(), act=nn.SiLU()), "convolution affine silu"),
    "one before a swish by hand": (
        once(lambda n, x: (y := n.norm(n.one(x))) * y.sigmoid(), norm=Frozen()), "convolution affine silu"),
    "one number for all channels": (
        once(lambda n, x: (n.scale * n.one(x) + n.shift).relu(), scale=alone(0.7), shift=alone(0.2)),
        "convolution affine relu"),
    "plain numbers": (once(lambda n, x: ((n.one(x) - 0.1) / 0.3).tanh()), "convolution affine tanh"),
    "a bias by itself": (once(lambda n, x: (n.one(x) + n.bias).relu(), bias=four(1, 1)), "convolution relu"),
    "a bias taken away in place": (
        classifier(lambda n, x: n.one(x).sub_(n.bias).relu_(), one=conv(), bias=four(1, 1)), "convolution relu"),
    "a batch normalisation, scaled": (
        once(lambda n, x: (n.norm(n.one(x)) * n.scale + 1).relu(), norm=nn.BatchNorm2d(4), scale=four(1, 1)),
        "convolution batch_norm relu"),
    "a group normalisation, scaled": (
        once(lambda n, x: (n.norm(n.one(x)) * n.scale).relu(), norm=nn.GroupNorm(2, 4), scale=four(1, 1)),
        "convolution group_norm relu"),
    "a scale that leads to no nonlinearity": (
        once(lambda n, x: n.one(x) * n.scale + x, scale=four(1, 1)), "convolution"),
    "another number at every place": (
        once(lambda n, x: (n.one(x) * n.scale).relu(), scale=four(12, 12)), "convolution"),
    "numbers that the image decides": (once(lambda n, x: (n.one(x) * x.mean((2, 3), True)).relu()), "convolution"),
    "a hard swish by hand": (once(lambda n, x: (y := n.one(x)) * F.relu6(y + 3) / 6), "convolution"),
    "a mish by hand": (once(lambda n, x: (y := n.one(x)) * F.softplus(y).tanh()), "convolution"),
    "gated by its channels": (
        once(lambda n, x: (y := n.one(x)).relu() + y * y.mean((2, 3), True).sigmoid()), "convolution relu"),
}  # fmt: skip


@pytest.mark.parametrize("kind", RESCALED)
def test_fixed_numbers_before_a_nonlinearity_are_a_part_of_the_layer(kind: str) -> None:
    network, expected = RESCALED[kind]
    (layer,) = (found := traced(network)).layers
    assert told(layer) == expected
    worked_out(layer, listened(network, found))
