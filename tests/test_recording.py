"""What is recorded is what the network computes: worked out again with torch's plain functions."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from fmcore import probing
from fmcore.analysis.answers import one_answer
from fmcore.analysis.convolution import place
from fmcore.bundle import Bundle
from fmcore.data.imageset import ImageSet
from fmcore.data.pictures import open_pictures
from fmcore.errors import InputError
from fmcore.recording import Watching, record
from fmcore.training import Trained

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(params=["tutorial_bundle", "deep_bundle", "rgb_bundle"])
def bundle(request: pytest.FixtureRequest) -> Iterator[Bundle]:
    with Bundle.open(request.getfixturevalue(request.param)) as opened:
        yield opened


def by_hand(bundle: Bundle, images: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Every recorded layer's name, part and (P, C, H, W), from the recorded weights and 3x3 kernels alone."""
    value = images
    for layer in bundle.header.layers:
        if layer.type == "convolution":
            weight = torch.tensor(bundle.array(f"{layer.name}/weight"))
            bias = torch.tensor(bundle.array(f"{layer.name}/bias"))
            value = F.conv2d(value, weight, bias, stride=layer.stride, padding=1)
            yield f"{layer.name}/preactivation", value
            value = value.clamp(min=0)
        else:
            value = F.max_pool2d(value, 2, ceil_mode=bundle.header.model.name == "deep")
        yield f"{layer.name}/activation", value


def test_activations_are_those_of_an_independent_forward_pass(bundle: Bundle) -> None:
    bundle.verify()
    for name, value in by_hand(bundle, torch.tensor(bundle.array("probes"))):
        np.testing.assert_allclose(bundle.array(name), value.numpy(), err_msg=name, **CLOSE)
        assert bundle.layer(name.partition("/")[0]).output_shape == tuple(value.shape[1:])


def test_probes_are_the_images_that_they_are_said_to_be(tutorial_bundle: Path, tiny_images: ImageSet) -> None:
    with Bundle.open(tutorial_bundle) as bundle:
        rows = [int(probe.source.removeprefix("test image ")) for probe in bundle.header.probes]
        np.testing.assert_allclose(bundle.array("probes"), tiny_images.test_images[rows] / 255, rtol=1e-6)
        assert [probe.label for probe in bundle.header.probes] == tiny_images.test_labels[rows].tolist()
        logits = bundle.array("logits").astype(np.float64)
        shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        assert [probe.predicted for probe in bundle.header.probes] == shares.argmax(1).tolist()
        assert [probe.probability for probe in bundle.header.probes] == pytest.approx(shares.max(1).tolist())


def test_logits_are_those_of_the_network(tutorial_bundle: Path, tutorial_trained: Trained) -> None:
    with Bundle.open(tutorial_bundle) as bundle, torch.inference_mode():
        expected = tutorial_trained.network(torch.tensor(bundle.array("probes")))
        np.testing.assert_allclose(bundle.array("logits"), expected.numpy(), **CLOSE)


def test_weights_are_kept_from_before_training_on(tutorial_bundle: Path, tutorial_trained: Trained) -> None:
    with Bundle.open(tutorial_bundle) as bundle:
        history = bundle.array("conv2/weight_history")
        assert history.shape == (2, 16, 8, 3, 3)
        for epoch, state in enumerate(tutorial_trained.states):
            assert np.array_equal(history[epoch], state["conv2.weight"])
        assert np.array_equal(history[-1], bundle.array("conv2/weight"))


def test_one_place_worked_out_is_the_recorded_preactivation(rgb_bundle: Path) -> None:
    with Bundle.open(rgb_bundle) as bundle:
        image, weights, bias = (bundle.array(name) for name in ("probes", "conv1/weight", "conv1/bias"))
        recorded = bundle.array("conv1/preactivation")
        for row, column in [(0, 0), (0, 31), (31, 31), (13, 20)]:
            worked_out = place(image[1], weights[5], float(bias[5]), row, column, padding=(1, 1))
            assert worked_out.value == pytest.approx(recorded[1, 5, row, column], abs=1e-5)


def test_statistics_do_not_depend_on_how_images_fall_into_batches(
    tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path
) -> None:
    often = replace(
        tiny_images,
        test_images=np.concatenate([tiny_images.test_images] * 5),  # 300: more than one batch
        test_labels=np.concatenate([tiny_images.test_labels] * 5),
    )
    record(tutorial_trained, tiny_images, tmp_path / "once")
    record(tutorial_trained, often, tmp_path / "often")
    with Bundle.open(tmp_path / "once") as once, Bundle.open(tmp_path / "often") as five_times:
        for part in ("mean", "std", "maximum", "fired", "active"):
            np.testing.assert_allclose(five_times.array(f"conv2/{part}"), once.array(f"conv2/{part}"), rtol=1e-5)


def test_recording_twice_gives_the_same_bundle(
    train_tiny: Callable[..., Trained], tiny_images: ImageSet, tutorial_bundle: Path, tmp_path: Path
) -> None:
    digest = record(train_tiny(tiny_images, "tutorial"), tiny_images, tmp_path / "again")
    with Bundle.open(tutorial_bundle) as bundle:
        assert digest == bundle.digest
    assert (tmp_path / "again").read_bytes() == tutorial_bundle.read_bytes()


# --- listening -------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("model", ["tutorial", "deep"])
def test_a_relu_that_overwrites_its_input_changes_nothing(
    model: str, in_place: bool, tiny_images: ImageSet, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    trained = request.getfixturevalue(f"{model}_trained")
    network = deepcopy(trained.network)
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = in_place
    digest = record(replace(trained, network=network), tiny_images, tmp_path / "b")
    with Bundle.open(request.getfixturevalue(f"{model}_bundle")) as bundle:
        assert digest == bundle.digest


def test_the_network_is_left_as_it_was(tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path) -> None:
    network = deepcopy(tutorial_trained.network).train()
    network.conv1.eval().requires_grad_(False)  # type: ignore[union-attr, operator]
    before = [(module.training, dict(vars(module))) for module in network.modules()]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    record(replace(tutorial_trained, network=network), tiny_images, tmp_path / "b")
    for module, (training, attributes) in zip(network.modules(), before, strict=True):
        assert module.training is training and vars(module).keys() == attributes.keys()
        assert not module._forward_hooks and not module._forward_pre_hooks and not module._backward_hooks
    assert [p.requires_grad for p in network.parameters()] == [False, False, True, True, True, True]
    assert all(p.grad is None for p in network.parameters())
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_a_picture_is_recorded_with_its_original_and_without_data(tutorial_trained: Trained, tmp_path: Path) -> None:
    pixels = np.zeros((1500, 3000), np.uint8)
    pixels[300:900, 1000:1800] = np.arange(800) // 4
    Image.fromarray(pixels).save(tmp_path / "shape.png")
    pictures = open_pictures([tmp_path / "shape.png"], tutorial_trained.as_input.preprocessing)
    record(tutorial_trained, None, tmp_path / "b", pictures=pictures, layers=("conv2",))
    with Bundle.open(tmp_path / "b") as bundle:
        bundle.verify()
        (probe,) = bundle.header.probes
        assert (probe.source, probe.label, probe.file_size) == ("shape.png", None, (1500, 3000))
        original = bundle.array("probes/0/original")
        assert original.shape == (1, 512, 1024) and probe.original_size == (512, 1024)
        assert probe.box == (0, 256, 512, 768) and probe.file_box == (0, 750, 1500, 2250)
        cut = Image.fromarray(original[0, :, 256:768]).resize((28, 28), Image.Resampling.LANCZOS)
        assert np.abs(np.asarray(cut) - bundle.array("probes")[0, 0] * 255).max() < 3
        assert np.array_equal(bundle.array("probes")[0] * np.float32(255), pictures[0].pixels)
        assert [layer.name for layer in bundle.header.layers] == ["conv2"]
        assert bundle.layer("conv2").input == "conv2/input"  # since conv1, whose maps went in, was not wanted
        assert bundle.header.dataset.provenance == "1 image file of your own."
        assert bundle.header.dataset.name == "images" and "test_label" not in bundle.header.arrays
        shown = {module.name: module.shown for module in bundle.header.modules}
        assert shown["conv1"] and shown["conv2"] and not shown["linear"]


def test_what_is_recorded_of_probes_does_not_depend_on_how_many_run_together(
    tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = record(tutorial_trained, tiny_images, tmp_path / "whole")
    monkeypatch.setattr(probing, "_CHUNK_VALUES", 1)  # every probe alone
    record(tutorial_trained, tiny_images, tmp_path / "single")
    with Bundle.open(tmp_path / "whole") as one, Bundle.open(tmp_path / "single") as other:
        assert one.digest == whole and one.header.arrays.keys() == other.header.arrays.keys()
        for name in one.header.arrays:
            np.testing.assert_allclose(other.array(name), one.array(name), err_msg=name, **CLOSE)


def test_maps_of_some_epochs_are_kept_and_which(
    tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path
) -> None:
    first, last = tutorial_trained.states
    shares = np.linspace(0, 1, 21, dtype=np.float32)
    states = tuple({name: (1 - at) * first[name] + at * last[name] for name in first} for at in shares)
    record(replace(tutorial_trained, states=states), tiny_images, tmp_path / "b")
    with Bundle.open(tmp_path / "b") as bundle:
        history = bundle.header.activation_history
        assert history is not None and history.epochs == (0, 3, 6, 9, 11, 14, 17, 20)
        assert bundle.default_probe in history.probes and len(history.probes) == 3
        assert bundle.array("conv2/weight_history").shape[0] == 21
        kept = {name for name in bundle.header.arrays if name.endswith("/activation_history")}
        assert kept == {"conv1/activation_history", "conv2/activation_history"}
        maps, images = bundle.array("conv1/activation_history"), torch.tensor(bundle.array("probes"))
        for number, epoch in enumerate(history.epochs):
            weight, bias = (torch.tensor(states[epoch][f"conv1.{part}"]) for part in ("weight", "bias"))
            expected = F.conv2d(images[list(history.probes)], weight, bias, padding=1).clamp(min=0)
            np.testing.assert_allclose(maps[number], expected.numpy(), **CLOSE)
        assert np.array_equal(maps[-1], bundle.array("conv1/activation")[list(history.probes)])


def test_maps_of_earlier_epochs_that_would_dwarf_the_rest_are_not_kept(
    tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "_HISTORY_AT_MOST", 30_000)
    record(tutorial_trained, tiny_images, tmp_path / "b")
    with Bundle.open(tmp_path / "b") as bundle:
        assert bundle.header.activation_history is None and not any(
            "activation_history" in name for name in bundle.header.arrays
        )


# --- what it says ----------------------------------------------------------------------------------


class Heard:
    """Everything that a recording tells while it runs."""

    def __init__(self) -> None:
        self.stages: dict[str, list[tuple[int, int]]] = {}
        self.said: list[str] = []
        self.watching = Watching(lambda what, *done: self.stages.setdefault(what, []).append(done), self.said.append)


def test_every_stage_is_told_from_its_start_to_its_end(
    tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path
) -> None:
    heard = Heard()
    record(tutorial_trained, tiny_images, tmp_path / "b", watching=heard.watching)
    assert list(heard.stages) == ["measuring", "patches", "probes", "ablation", "earlier epochs", "writing"]
    for stage, told in heard.stages.items():
        assert told[0][0] == 0 and told == sorted(told), stage
    for stage in ("measuring", "probes", "ablation", "earlier epochs"):
        assert heard.stages[stage][-1][0] == heard.stages[stage][-1][1] > 0, stage
    assert heard.said == []


def test_a_network_that_answers_in_probabilities(
    tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path
) -> None:
    plain = tutorial_trained.network
    network = nn.Sequential(*deepcopy(list(plain.children())), nn.Softmax(1))  # its layers in the order of its forward
    with torch.no_grad():
        images = tutorial_trained.as_input(torch.from_numpy(tiny_images.test_images))
        assert torch.equal(network(images), plain(images).softmax(1))
    heard = Heard()
    trained = replace(tutorial_trained, network=network, states=(), history=())
    record(trained, tiny_images, tmp_path / "b", watching=heard.watching)
    assert heard.said == ["The model answers in probabilities; their logarithms are taken as its logits."]
    assert not network._forward_hooks
    with Bundle.open(tmp_path / "b") as bundle, torch.no_grad():
        shares = network(torch.tensor(bundle.array("probes"))).numpy()
        np.testing.assert_allclose(np.exp(bundle.array("logits")), shares, rtol=1e-5)
        assert [probe.probability for probe in bundle.header.probes] == pytest.approx(shares.max(1).tolist(), rel=1e-5)
        found = network(images).numpy()
        np.testing.assert_allclose(bundle.array("test_probability"), found.max(1), rtol=1e-5)
        maps = bundle.array("0/activation")[:1].copy()
        maps[0, 3] = 0
        left = network[1:](torch.tensor(maps)).numpy()[0]
        predicted = bundle.header.probes[0].predicted
        change = bundle.array("0/ablation")[0, 3]
        assert change == pytest.approx(left[predicted] - shares[0, predicted], abs=1e-6)


def test_a_network_that_gives_every_image_one_answer(
    tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path
) -> None:
    network = deepcopy(tutorial_trained.network)
    with torch.no_grad():
        network.linear.bias[8] += 1e3  # type: ignore[union-attr, index, operator]
    heard = Heard()
    record(replace(tutorial_trained, network=network), tiny_images, tmp_path / "b", watching=heard.watching)
    (sentence,) = heard.said
    told = "The model answers 'Bag' to every one of 60 images, so it tells nothing apart; "
    assert sentence == f"{told}train it for more epochs, or on more images."
    with Bundle.open(tmp_path / "b") as bundle:
        kept = (bundle.array("test_predicted"), bundle.array("test_label"), bundle.header.classes)
        assert one_answer(*kept, trained_here=True) == sentence
        assert one_answer(*kept) == f"{told}check its weights and how its images are prepared."


@pytest.mark.parametrize("own", [None, tuple("abcdefghij")])
def test_data_of_another_number_of_classes(
    own: tuple[str, ...] | None, tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path
) -> None:
    heard = Heard()
    data = replace(tiny_images, classes=(*tiny_images.classes, "hat", "glove"))
    record(replace(tutorial_trained, classes=own), data, tmp_path / "b", watching=heard.watching)
    (sentence,) = heard.said
    assert "no answer counts as right or wrong" in sentence
    with Bundle.open(tmp_path / "b") as bundle:
        assert bundle.class_name(9) == ("j" if own else "class 9") and bundle.header.probes[0].label is None


@pytest.mark.parametrize(
    ("predicted", "labels", "told"),
    [
        ([1] * 10, None, True),
        ([1] * 9, None, False),  # images of one's own may well be of one kind
        ([1] * 10, [0] + [1] * 9, True),
        ([1] * 10, [1] * 10, False),
        ([1] * 10 + [0], None, False),
        ([], None, False),
    ],
)
def test_when_one_answer_is_suspicious(predicted: list[int], labels: list[int] | None, told: bool) -> None:
    found = one_answer(np.array(predicted, int), None if labels is None else np.array(labels), ("cat", "dog"))
    assert (found is not None) is told and (found is None or "'dog'" in found)


# --- what cannot be recorded -----------------------------------------------------------------------


def test_a_network_without_convolutions(tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path) -> None:
    flat = replace(tutorial_trained, network=nn.Sequential(nn.Flatten(), nn.Linear(784, 10)))
    with pytest.raises(InputError, match="has no convolution"):
        record(flat, tiny_images, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_no_numbers(tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path) -> None:
    broken = replace(tutorial_trained, network=deepcopy(tutorial_trained.network))
    with torch.no_grad():
        broken.network.conv2.weight[3, 2, 1, 1] = float("nan")  # type: ignore[union-attr, index, operator]
    with pytest.raises(InputError, match=r"hold NaN or infinite values \(1 of 1,152 in 'conv2.weight'\)"):
        record(broken, tiny_images, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("layers", "sentence"),
    {
        ("conv9",): r"There is no layer 'conv9'; .* Did you mean 'conv2'\?",
        ("conv1", "linear"): "Layer 'linear' cannot be shown: its output is no stack of maps",
        ("pool",): "Only poolings were named",
    }.items(),
)
def test_layers_that_cannot_be_recorded(
    layers: tuple[str, ...], sentence: str, tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=sentence):
        record(tutorial_trained, tiny_images, tmp_path / "b", layers=layers)
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_show(tutorial_trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to show to the model"):
        record(tutorial_trained, None, tmp_path / "b")
