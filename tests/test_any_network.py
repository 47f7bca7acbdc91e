"""Networks of others that are built or answer in a way of their own: recorded rightly, or refused in a sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from fmcore import probing
from fmcore.bundle import Bundle
from fmcore.data.imageset import ImageSet
from fmcore.errors import FmcoreError
from fmcore.model_input import AsInput, plain_preprocessing
from fmcore.model_source import Model
from fmcore.recording import Watching, record
from fmcore.tracing import trace
from fmcore.training import Trained, TrainSpec, train, untrained


def recorded(network: nn.Module, data: ImageSet, path: Path, **how: Any) -> tuple[Bundle, list[str]]:
    """The bundle of `network` on grey images, and what was said meanwhile."""
    said = list[str]()
    model = Model("net.py:make", network, AsInput(plain_preprocessing(1, 28), channels_last=False), "from net.py:make")
    record(untrained(model), data, path, watching=Watching(say=said.append), **how)
    return Bundle.open(path), said


def head(width: int, classes: int = 10) -> nn.Sequential:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


class Then(nn.Module):
    """A small network, and what is done to its answers."""

    def __init__(self, last: Any) -> None:
        super().__init__()
        self.conv, self.head, self.last = nn.Conv2d(1, 4, 3), head(4), last

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.last(self.head(self.conv(x).relu()))
        return answer


def negative_spread() -> nn.Module:
    norm = nn.BatchNorm2d(4)
    norm.running_var.fill_(-1)  # type: ignore[union-attr, operator]
    return nn.Sequential(nn.Conv2d(1, 4, 3), norm, nn.ReLU(), head(4))


def masked(answer: Tensor) -> Tensor:
    return answer.masked_fill(torch.arange(10) == 2, float("-inf"))


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (negative_spread, "Channel 1 of layer '0' gave NaN or infinite values on these images"),
        (
            lambda: Then(lambda answer: (answer - 50).log()),
            r"NaN .* to 60 of 60 images \(nan as its output 1\), although",
        ),
        (lambda: Then(masked), r"NaN or infinite .* \(-inf as its output 3\), although"),
        (lambda: Then(lambda answer: answer * 1e30 * 1e30), r"NaN or infinite .* \(-?inf as its output"),
    ],
    ids=["normalised by a negative variance", "logarithm", "masked", "overflow"],
)
def test_answers_that_are_no_numbers(network: Any, sentence: str, tiny_images: ImageSet, tmp_path: Path) -> None:
    with pytest.raises(FmcoreError, match=sentence):
        recorded(network(), tiny_images, tmp_path / "b")


class Sign(torch.autograd.Function):
    """A step that says that it has no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.sign()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return None


class TwoStages(nn.Module):
    """Two convolutions, of which the first is run in a way of its own."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.first, self.second, self.head = way, nn.Conv2d(1, 3, 3), nn.Conv2d(3, 4, 3), head(4)

    def forward(self, x: Tensor) -> Tensor:
        if self.way == "frozen":
            with torch.no_grad():
                x = self.first(x).relu()
        elif self.way == "checkpoint":
            x = checkpoint(lambda x: self.first(x).relu(), x, use_reentrant=True)
        else:
            x = self.first(x).relu()
        x = Sign.apply(x) if self.way == "sign" else x  # type: ignore[no-untyped-call]
        x = self.second(x).relu()
        if self.way == "checkpoint later":
            x = checkpoint(lambda x: x * 2, x, use_reentrant=True)
        answer: Tensor = self.head(x)
        return answer


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("way", ["plain", "frozen", "checkpoint", "checkpoint later", "sign"])
def test_grad_cam_is_that_of_all_maps_that_a_gradient_reaches(way: str, tiny_images: ImageSet, tmp_path: Path) -> None:
    torch.manual_seed(2)
    network = TwoStages(way)
    bundle, said = recorded(network, tiny_images, tmp_path / "b")
    with bundle:
        reached = ["second", *(["first"] if way in ("plain", "checkpoint later") else [])]
        assert {name for name in ("first", "second") if f"{name}/gradcam" in bundle.header.arrays} == set(reached)
        if way != "frozen":
            network.way = "plain"
        maps = network.second(torch.tensor(bundle.array(bundle.layer("second").input))).relu().detach().requires_grad_()
        answers = network.head(maps * 2 if way == "checkpoint later" else maps)
        chosen = torch.tensor(bundle.array("gradcam_classes"))[:, :1].long()
        (expected,) = torch.autograd.grad(answers.gather(1, chosen).sum(), maps)
        np.testing.assert_allclose(bundle.array("second/gradcam_weight")[:, 0], expected.mean((2, 3)), atol=1e-6)
    left_out = [one for one in said if one.startswith("Grad-CAM")]
    assert all(one.startswith("Grad-CAM of 'first' is left out: no gradient leads") for one in left_out)
    assert len(left_out) == 2 - len(reached) and all(one.grad is None for one in network.parameters())


@pytest.mark.filterwarnings("ignore:.*(deprecated|TypedStorage)")
def test_a_quantised_head_leaves_grad_cam_out(tiny_images: ImageSet, tmp_path: Path) -> None:
    quantised = torch.ao.quantization.quantize_dynamic(TwoStages("plain"), {nn.Linear}, dtype=torch.qint8)
    bundle, said = recorded(quantised, tiny_images, tmp_path / "b")
    with bundle:
        assert not any("gradcam" in name for name in bundle.header.arrays if name != "gradcam_classes")
    assert any(one.startswith("Grad-CAM is left out: no gradient") for one in said)


class Looping(nn.Module):
    """One convolution that runs three times."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.loop, self.head = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, padding=1), head(4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu()
        for _ in range(3):
            x = self.loop(x).relu()
        answer: Tensor = self.head(x)
        return answer


def test_a_channel_is_not_left_out_of_one_of_several_runs(tiny_images: ImageSet, tmp_path: Path) -> None:
    bundle, said = recorded(Looping(), tiny_images, tmp_path / "b")
    with bundle:
        assert bundle.header.layers_run_again == ("loop",) and "loop/activation" in bundle.header.arrays
        tried = {name for name in bundle.header.arrays if "/ablat" in name}
    assert tried == {f"stem/{part}" for part in ("ablated", "ablation", "ablation_predicted")}
    assert any(one.startswith("What a channel of 'loop' is worth was not tried: it runs several times") for one in said)
    bundle, _ = recorded(Looping(), tiny_images, tmp_path / "alone", layers=["loop"])
    with bundle:
        assert not any("/ablat" in name for name in bundle.header.arrays)


@pytest.mark.parametrize("size", [1, 64])
def test_one_layer_is_tried_no_more_often_than_all(
    size: int, tutorial_trained: Trained, tiny_images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is spent is what runs of the whole network cost, and progress counts them."""
    images, network = tiny_images.test_images[:2], tutorial_trained.network
    given = tutorial_trained.as_input(torch.from_numpy(images))
    found, reports = trace(network, given), list[tuple[int, int]]()
    arrays = probing.probe_layers(tutorial_trained, found, images, [None, None], lambda done, total: None)
    of_run = sum(int(np.prod(layer.info.output_shape)) for layer in found.layers if layer.measured)
    monkeypatch.setattr(probing, "_ABLATED_VALUES", 12 * of_run)  # runs
    monkeypatch.setattr(probing, "_EXPLAINED_VALUES", 0)
    monkeypatch.setattr(probing, "_TOGETHER_VALUES", size * 28 * 28 * 32)
    said, counts = arrays["logits"].argmax(1), {}
    for layers in (found.layers, [layer for layer in found.layers if layer.name == "conv2"]):
        found.layers, reports[:] = layers, []
        tried = probing.ablations(tutorial_trained, found, images, arrays, said, lambda *done: reports.append(done))
        counts[len(layers)] = sum(array.size for name, array in tried.items() if name.endswith("/ablated"))
        total = counts[len(layers)]
        assert reports[0] == (0, total) and reports[-1] == (total, total)
        assert size > 1 or len(reports) > total // 2 // probing.threads_for(torch.device("cpu"))
    assert counts == {3: 12, 1: 12}


class Standardised(nn.Conv2d):
    """Its filters are worked out from its weight each time."""

    def forward(self, x: Tensor) -> Tensor:
        mean = self.weight.mean((1, 2, 3), keepdim=True)
        return nn.functional.conv2d(x, (self.weight - mean) / self.weight.std((1, 2, 3), keepdim=True), self.bias)


def test_the_history_of_filters_is_of_those_that_are_used(tiny_images: ImageSet, tmp_path: Path) -> None:
    network = nn.Sequential(Standardised(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), head(4))
    model = Model("net.py:make", network, AsInput(plain_preprocessing(1, 28)), "from net.py:make")
    trained = train(tiny_images, TrainSpec(model="net.py:make", epochs=1), model=model)
    record(trained, tiny_images, tmp_path / "b")
    with Bundle.open(tmp_path / "b") as bundle:
        assert np.array_equal(bundle.array("2/weight_history")[-1], bundle.array("2/weight"))
        assert "0/weight" in bundle.header.arrays and "0/weight_history" not in bundle.header.arrays
