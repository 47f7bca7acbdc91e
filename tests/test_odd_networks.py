"""What is said of networks whose maps are not simply those of one convolution for each image."""

import pytest
import torch
from test_tracing import Net, chain, classifier, conv, traced
from torch import Tensor, nn
from torch.nn import functional as F

from fmcore.errors import InputError


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
