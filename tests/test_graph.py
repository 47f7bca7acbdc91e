"""Which layers read which: as the network runs, as a bundle keeps it, and among the layers that are shown."""

from pathlib import Path
from typing import Any

import pytest
import torch
from films import Net as MadeUp
from films import make_bundle
from test_tracing import Net, chain, classifier, conv, traced
from torch import Tensor, nn

from fmcore.analysis.graph import contracted, is_chain, reads_of
from fmcore.bundle import Bundle
from fmcore.data.imageset import ImageSet
from fmcore.model_input import AsInput, plain_preprocessing
from fmcore.recording import record
from fmcore.training import Trained, TrainSpec


def added_up(net: Any, x: Tensor) -> Tensor:
    x = net.one(x).relu()
    return (net.two(x) + x).relu()  # type: ignore[no-any-return]


def added_in_place(net: Any, x: Tensor) -> Tensor:
    x = net.one(x).relu_()
    y = net.two(x)
    y += x
    return net.last(y.relu_())  # type: ignore[no-any-return]


def written_into(net: Any, x: Tensor) -> Tensor:
    whole = torch.zeros(len(x), 8, 12, 12)
    whole[:, :4] = net.one(x)
    whole[:, 4:].copy_(net.two(x))
    return net.last(whole)  # type: ignore[no-any-return]


def split(net: Any, x: Tensor) -> Tensor:
    one, other = net.one(x).chunk(2, 1)
    return net.last(torch.cat([one, net.two(other)], 1))  # type: ignore[no-any-return]


def gated(net: Any, x: Tensor) -> Tensor:
    x = net.one(x)
    return net.last(x * net.up(net.down(x.mean((2, 3), keepdim=True)).relu()).sigmoid())  # type: ignore[no-any-return]


def shared(net: Any, x: Tensor) -> Tensor:
    return net.last(net.two(net.two(net.one(x))))  # type: ignore[no-any-return]


BLOCK = Net(added_up, one=conv(4), two=conv(4))
NETWORKS: dict[str, tuple[nn.Module, dict[str, str], str]] = {
    "a chain": (chain(one=conv(), pool=nn.MaxPool2d(2), two=conv(4)),
                {"one": "image", "pool": "one", "two": "pool"}, "two"),
    "a residual block": (chain(stem=conv(), block=BLOCK, last=conv(4)),
                         {"stem": "image", "block.one": "stem", "block.two": "block.one",
                          "block": "block.two block.one", "last": "block"}, "last"),
    "a sum in place that is no block": (classifier(added_in_place, one=conv(), two=conv(4), last=conv(4)),
                                        {"one": "image", "two": "one", "last": "two one"}, "last"),
    "maps written into others": (classifier(written_into, one=conv(), two=conv(), last=conv(8)),
                                 {"one": "image", "two": "image", "last": "one two"}, "last"),
    "half of the maps go round": (classifier(split, one=conv(), two=conv(2, 2), last=conv(4)),
                                  {"one": "image", "two": "one", "last": "one two"}, "last"),
    "layers too small to be shown": (classifier(gated, one=conv(), down=conv(4, 2, 1), up=conv(2, 4, 1), last=conv(4)),
                                     {"one": "image", "last": "one"}, "last"),
    "one that runs twice": (classifier(shared, one=conv(), two=conv(4), last=conv(4)),
                            {"one": "image", "two": "one", "last": "two"}, "last"),
    "two ways from the image to the answer": (classifier(lambda n, x: n.one(x) + n.two(x), one=conv(), two=conv()),
                                              {"one": "image", "two": "image"}, "one two"),
}  # fmt: skip


@pytest.mark.parametrize("kind", NETWORKS)
def test_what_the_layers_of_a_network_read(kind: str) -> None:
    network, expected, answer = NETWORKS[kind]
    found = traced(network)
    shown = [layer.name for layer in found.layers]
    reads = {name: contracted(found.reads[name], found.reads, shown) for name in shown}
    assert {name: " ".join(one or "image" for one in sources) for name, sources in reads.items()} == expected
    assert " ".join(contracted(found.answer, found.reads, shown)) == answer


def test_a_bundle_says_what_the_layers_in_it_read(tiny_images: ImageSet, tmp_path: Path) -> None:
    network, _, _ = NETWORKS["a residual block"]
    as_input = AsInput(plain_preprocessing(1, 28), channels_last=False)
    trained = Trained(
        TrainSpec(model="net.py:make", epochs=0), network.eval(), (), (), "cpu", as_input, "from a factory"
    )
    for layers, expected in (
        ((), [("",), ("stem",), ("block.one",), ("block.two", "block.one"), ("block",)]),
        (("block.one", "last"), [("",), ("block.one",)]),
    ):
        record(trained, tiny_images, tmp_path / "b", layers=layers)
        with Bundle.open(tmp_path / "b") as bundle:
            assert [layer.reads for layer in bundle.header.layers] == expected
            assert bundle.header.model.reads == ("last",)
            assert is_chain(bundle.header.layers) == bool(layers)


def test_what_nobody_recorded_is_taken_from_inputs_or_from_the_order(tmp_path: Path) -> None:
    with Bundle.open(make_bundle(tmp_path / "b", MadeUp(widths=(2, 2, 2)))) as bundle:
        one, two, three = bundle.header.layers
    chained = {"conv1": ("",), "conv2": ("conv1",), "conv3": ("conv2",)}
    assert reads_of([one, two, three]) == chained and is_chain([one, two, three])
    unknown = [layer.model_copy(update={"input": ""}) for layer in (one, two, three)]
    assert reads_of(unknown) == chained
    forked = three.model_copy(update={"input": "conv1/activation"})
    assert reads_of([one, two, forked])["conv3"] == ("conv1",) and not is_chain([one, two, forked])
    assert reads_of([two, three])["conv2"] == ("",)  # what it reads is not there


def test_layers_that_read_each_other_end_nowhere() -> None:
    assert contracted(["a"], {"a": ["b"], "b": ["a", ""]}, []) == ("",)
    assert contracted(["a", "nobody"], {"a": ["a"]}, []) == ()


def test_a_bundle_whose_layers_read_what_is_no_layer_is_refused(tmp_path: Path) -> None:
    with Bundle.open(make_bundle(tmp_path / "b", MadeUp())) as bundle:
        header = bundle.header
    layers = [layer.model_dump() | {"reads": ["conv9"]} for layer in header.layers]
    with pytest.raises(ValueError, match="'conv1' reads 'conv9', which is no layer"):
        type(header).model_validate(header.model_dump() | {"layers": layers})
