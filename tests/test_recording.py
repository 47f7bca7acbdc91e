"""What is recorded is what the network computes: worked out again with torch's plain functions."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fmcore.analysis.convolution import place
from fmcore.bundle import Bundle
from fmcore.data.imageset import ImageSet
from fmcore.errors import BundleError, InputError
from fmcore.recording import choose_probes, record, tapped
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


@pytest.mark.parametrize("fixture", ["tutorial", "deep"])
def test_statistics_are_those_of_all_test_images(
    fixture: str, tiny_images: ImageSet, request: pytest.FixtureRequest
) -> None:
    with Bundle.open(request.getfixturevalue(f"{fixture}_bundle")) as bundle:
        for name, value in by_hand(bundle, torch.tensor(tiny_images.test_images) / 255):
            layer, _, part = name.partition("/")
            if part != "activation" or bundle.layer(layer).type != "convolution":
                continue
            maps = value.double().numpy()  # (N, C, H, W)
            expected = {
                "mean": maps.mean((0, 2, 3)),
                "std": maps.std((0, 2, 3)),
                "maximum": maps.max((0, 2, 3)),
                "fired": (maps > 0).any((2, 3)).mean(0),
                "active": (maps > 0).mean((0, 2, 3)),
            }
            for statistic, numbers in expected.items():
                np.testing.assert_allclose(bundle.array(f"{layer}/{statistic}"), numbers, rtol=1e-3, atol=1e-5)


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


def test_a_convolution_alone_has_no_nonlinearity() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.AvgPool2d(2), nn.Tanh())
    with tapped(network) as taps:
        network(torch.rand(1, 1, 8, 8))
    convolution, pooling = taps.layers.values()
    assert convolution.nonlinearity == "none" and torch.equal(convolution.activation, convolution.preactivation)
    assert pooling.nonlinearity == "tanh" and torch.equal(pooling.activation, pooling.preactivation.tanh())


@pytest.mark.parametrize("training", [True, False])
def test_hooks_and_mode_are_put_back_also_after_an_exception(training: bool, tutorial_trained: Trained) -> None:
    network = deepcopy(tutorial_trained.network).train(training)

    def listen(stop: bool) -> None:
        with tapped(network) as taps:
            network(torch.rand(2, 1, 28, 28))
            assert list(taps.layers) == ["conv1", "conv2", "pool"] and not network.training
            if stop:
                raise KeyboardInterrupt

    listen(stop=False)
    with pytest.raises(KeyboardInterrupt):
        listen(stop=True)
    assert all(not module._forward_hooks for module in network.modules())
    assert all(module.training is training for module in network.modules())


# --- which images are shown ------------------------------------------------------------------------


def sure(label: int, probability: float) -> list[float]:
    """Logits of three classes whose softmax gives `label` this probability and shares the rest."""
    rest = (1 - probability) / 2
    return [float(np.log(probability if k == label else rest)) for k in range(3)]


CHOICES: dict[str, tuple[list[tuple[int, list[float]]], list[int]]] = {  # (true label, logits) a row; rows chosen
    "the median of the right ones": (
        [(0, sure(0, 0.9)), (0, sure(0, 0.5)), (0, sure(0, 0.7)), (1, sure(1, 0.8))],
        [2, 3],
    ),
    "of two, the surer": ([(0, sure(0, 0.9)), (0, sure(0, 0.5))], [0]),
    "wrong ones do not count where one is right": (
        [(0, sure(1, 0.9)), (0, sure(2, 0.8)), (0, sure(0, 0.6))],
        [2, 0, 1],
    ),
    "two mistakes, the most confident first": (
        [(0, sure(0, 0.9)), (0, sure(1, 0.5)), (0, sure(1, 0.7)), (0, sure(1, 0.6))],
        [0, 2, 3],
    ),
    "where none is right, the median of all": (
        [(0, sure(1, 0.9)), (0, sure(1, 0.5)), (0, sure(1, 0.7))],
        [2, 0, 1],
    ),
    "equals fall to the later of the median pair": ([(1, sure(1, 0.8)), (1, sure(1, 0.8))], [1]),
    "a class without images is left out": ([(2, sure(2, 0.8))], [0]),
}


@pytest.mark.parametrize("case", CHOICES)
def test_which_probes_are_chosen(case: str) -> None:
    table, chosen = CHOICES[case]
    logits = np.array([row for _, row in table], np.float32)
    assert choose_probes(logits, np.array([label for label, _ in table])) == chosen


def test_at_most_sixteen_classes_are_probed() -> None:
    labels = np.arange(40)
    assert choose_probes(np.eye(40, dtype=np.float32), labels) == list(range(16))


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
    with pytest.raises(BundleError, match="holds NaN or infinite values"):
        record(broken, tiny_images, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []
