"""Networks that keep something on themselves, do something only once, or move their maps in unusual ways."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fmcore import parallel
from fmcore.bundle import Bundle
from fmcore.data.imageset import ImageSet
from fmcore.errors import InputError
from fmcore.listening import Listening
from fmcore.measuring import measure
from fmcore.model_input import AsInput, plain_preprocessing
from fmcore.recording import Watching, record
from fmcore.tracing import trace
from fmcore.training import Trained, TrainSpec


def head(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 3))


class Made(nn.Module):
    """A network of one convolution, whose forward is a function of it and the images."""

    def __init__(self, forward: Callable[[Any, Tensor], Tensor], channels: int = 1, **parts: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = forward
        self.stem = nn.Conv2d(channels, 8, 3, padding=1)
        for name, part in parts.items():
            setattr(self, name, part)
        self.head = head(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self, x)


def keeping(net: Any, x: Tensor) -> Tensor:
    net.skip = net.stem(x)
    time.sleep(0.002)  # another thread may come in between
    return net.head(net.skip.relu())


def filling(net: Any, x: Tensor) -> Tensor:
    if not hasattr(net, "grid"):
        net.grid = torch.ones(1, 1, 1, 1) + torch.zeros(1, 1, 1, 1)
    return net.head(net.second((net.stem(x) * net.grid).relu()).relu())


def replacing(net: Any, x: Tensor) -> Tensor:
    answer: Tensor = net.head(net.stem(x).relu() * net.seen)
    net.seen = net.seen + 0  # a buffer, which is another tensor now
    return answer


def of_the_batch(net: Any, x: Tensor) -> Tensor:
    maps = net.stem(x)
    return net.head((maps - maps.mean((0, 2, 3), keepdim=True)).relu())


def trained(network: nn.Module, side: int = 12, channels: int = 1) -> Trained:
    as_input = AsInput(plain_preprocessing(channels, side), channels_last=False)
    return Trained(TrainSpec(model="mine.py:make", epochs=0), network.eval(), (), (), "cpu", as_input, "random")


@pytest.fixture
def images() -> ImageSet:
    random = np.random.default_rng(1)
    pixels = random.integers(0, 255, (700, 1, 12, 12), np.uint8)
    return ImageSet("noise", "Drawn here.", ("a", "b", "c"), pixels[:1], np.zeros(1, np.int64), pixels,
                    random.integers(0, 3, 700))  # fmt: skip


def test_what_a_network_keeps_of_one_image_does_not_reach_another_thread(
    images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = trained(Made(keeping)).network
    found = trace(network, torch.rand(2, 1, 12, 12))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    as_input = AsInput(plain_preprocessing(1, 12), channels_last=False)
    results = []
    for count in (1, 4):
        monkeypatch.setattr(parallel, "cores", lambda count=count: count)
        results.append(measure(network, found, images.test_images, images.test_labels, 3, as_input))
    alone, together = results
    with torch.no_grad():
        truth = network(as_input(torch.from_numpy(images.test_images)))
    np.testing.assert_allclose(alone.logits, truth, atol=1e-5)
    assert np.array_equal(alone.logits, together.logits)
    assert all(np.array_equal(alone.arrays[name], together.arrays[name]) for name in alone.arrays)


def test_hooks_that_lead_out_of_a_network_are_for_one_thread() -> None:
    kept: list[Tensor] = []
    network = Made(keeping)
    assert parallel.Copies(network, 3).count == 3
    assert parallel.Copies(network, 3).mine().stem.weight is network.stem.weight
    network.stem.register_forward_hook(lambda module, given, result: kept.append(result))
    assert parallel.Copies(network, 3).count == 1


def test_what_is_done_only_in_the_first_run_is_not_waited_for_in_others() -> None:
    network = Made(filling, second=nn.Conv2d(8, 8, 3, padding=1)).eval()
    pixels = torch.rand(2, 1, 12, 12)
    heard: dict[str, Tensor] = {}
    with torch.no_grad():
        found = trace(network, pixels)
        with Listening(
            found, {"preactivation"}, lambda layer, part, tensor: heard.update({layer.info.name: tensor.clone()})
        ):
            network(pixels)
        assert torch.equal(heard["stem"], network.stem(pixels))
        assert torch.equal(heard["second"], network.second(network.stem(pixels).relu()))


def test_a_run_that_ends_early_is_not_taken_for_a_whole_one() -> None:
    network = Made(lambda net, x: net.head(net.second(net.stem(x)) if x.mean() > 0 else net.stem(x).relu()),
                   second=nn.Conv2d(8, 8, 3, padding=1)).eval()  # fmt: skip
    found = trace(network, torch.ones(2, 1, 12, 12))
    listening = Listening(found, {"activation"}, lambda layer, part, tensor: None)
    with torch.no_grad(), pytest.raises(InputError, match="other steps from one image to the next"), listening:
        network(-torch.ones(2, 1, 12, 12))
    with torch.no_grad(), pytest.raises(InputError, match="other steps from one image to the next"), listening:
        network.stem(torch.ones(2, 1, 12, 12))  # the first steps are the same


def test_a_buffer_that_is_replaced_stands_in_no_way(images: ImageSet, tmp_path: Path) -> None:
    network = Made(replacing)
    network.register_buffer("seen", torch.ones(()))
    record(trained(network), images, tmp_path / "b")
    with Bundle.open(tmp_path / "b") as bundle:
        assert "stem/gradcam" in bundle.header.arrays


def test_answers_that_depend_on_other_images_are_told(images: ImageSet, tmp_path: Path) -> None:
    said: list[str] = []
    record(trained(Made(of_the_batch)), images, tmp_path / "b", watching=Watching(say=said.append))
    assert [
        one for one in said if one.startswith("Attention: the model answers otherwise when an image is shown alone")
    ]
    said.clear()
    hardly = Made(keeping)  # too little to be seen in an answer
    normalised = nn.BatchNorm2d(hardly.stem.out_channels, track_running_stats=False)
    nn.init.constant_(normalised.weight, 1e-3)
    hardly.stem = nn.Sequential(hardly.stem, normalised)
    record(trained(hardly), images, tmp_path / "b", watching=Watching(say=said.append))
    assert [one for one in said if one.startswith("Attention: the model answers otherwise")]
    said.clear()
    record(trained(Made(keeping)), images, tmp_path / "b", watching=Watching(say=said.append))
    assert not [one for one in said if one.startswith("Attention: the model answers otherwise")]


def focus(net: Any, x: Tensor) -> Tensor:
    parts = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
    return net.head(net.stem(torch.cat(parts, 1)).relu())


def unshuffled(net: Any, x: Tensor) -> Tensor:
    return net.head(net.stem(F.pixel_unshuffle(x, 2)).relu())


def reshaped(net: Any, x: Tensor) -> Tensor:
    b, c, h, w = x.shape
    cells = x.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4)
    return net.head(net.stem(cells.reshape(b, 4 * c, h // 2, w // 2)).relu())


def test_maps_after_a_resampling_lie_over_the_whole_image() -> None:
    fields = [
        trace(Made(net, 4), torch.rand(2, 1, 16, 16)).layers[0].info.field for net in (focus, unshuffled, reshaped)
    ]
    assert fields[0] == fields[1]
    assert fields[0].known and fields[0].jump == (2.0, 2.0) and fields[0].size == (6, 6)
    assert not fields[2].known and fields[2].jump == (2.0, 2.0) and fields[2].start == (1.0, 1.0)


def gated(net: Any, x: Tensor) -> Tensor:
    maps = net.stem(x).relu()
    return net.head(net.gate(maps.mean(1, keepdim=True)).sigmoid() * maps)


def test_a_mean_over_channels_sees_no_more_than_they_do() -> None:
    """With 8 maps of 2 x 4, it has as many numbers as a mean over the places would have."""
    found = trace(Made(gated, gate=nn.Conv2d(1, 1, 3, padding=1)), torch.rand(2, 1, 2, 4))
    field = next(layer.info.field for layer in found.layers if layer.info.name == "gate")
    assert field.size == (5, 5) and field.known
    wide = trace(Made(gated, gate=nn.Conv2d(1, 1, 3, padding=1)), torch.rand(2, 1, 16, 16))
    assert not next(layer.info.field for layer in wide.layers if layer.info.name == "gate").whole


def test_places_that_wrap_around_the_border_have_no_known_field() -> None:
    network = Made(lambda net, x: net.head(net.round(net.stem(x)).relu()),
                   round=nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular"))  # fmt: skip
    stem, wrapped = (layer.info.field for layer in trace(network, torch.rand(2, 1, 16, 16)).layers[:2])
    assert stem.known and not wrapped.known and wrapped.jump == (1.0, 1.0)


def test_channels_that_are_filled_up_with_zeros_stay_in_their_places() -> None:
    def shortcut(net: Any, x: Tensor) -> Tensor:
        maps = net.stem(x).relu()
        return net.head(net.after(F.pad(net.narrow(maps), (0, 0, 0, 0, 2, 2)) + maps).relu())

    network = Made(shortcut, narrow=nn.Conv2d(8, 4, 1), after=nn.Conv2d(8, 8, 3, padding=1))
    (field,) = (
        layer.info.field for layer in trace(network, torch.rand(2, 1, 16, 16)).layers if layer.info.name == "after"
    )
    assert field.known and field.size == (5, 5)


def twice(net: Any, x: Tensor) -> Tensor:
    maps = net.stem(x)
    return net.head(net.one(maps).relu() + net.other(maps).relu())


def half(net: Any, x: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        maps = net.stem(x)
    return net.head(maps.float().relu())


class Remembering(nn.Identity):
    def get_extra_state(self) -> dict[str, int]:
        return {"steps": 3}

    def set_extra_state(self, state: Any) -> None:
        pass


def test_two_normalisations_of_one_convolution_and_states_that_are_no_tensors(images: ImageSet, tmp_path: Path) -> None:
    network = Made(twice, one=nn.BatchNorm2d(8), other=nn.BatchNorm2d(8), memory=Remembering())
    record(trained(network), images, tmp_path / "b")
    with Bundle.open(tmp_path / "b") as bundle:
        assert bundle.layer("stem").normalisation == "batch_norm"


def test_half_a_precision_is_refused() -> None:
    with pytest.raises(InputError, match=r"'stem' computes in bfloat16, .*; switch autocast off"):
        trace(Made(half), torch.rand(2, 1, 12, 12))
