"""Our Grad-CAM against captum's, leaving out channels against a network without them."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn

from fmcore.analysis.weighing import Weighing
from fmcore.bundle import Bundle, save_bundle
from fmcore.data.imageset import ImageSet
from fmcore.gradcam import ChannelWeights, grad_cam
from fmcore.listening import Listening
from fmcore.model_input import AsInput, plain_preprocessing
from fmcore.model_source import Model
from fmcore.recording import record
from fmcore.tracing import trace
from fmcore.training import Trained, untrained


class Residual(nn.Module):
    """Maps that are overwritten twice: by an addition and by a ReLU, both in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.relu1, self.relu2 = nn.ReLU(inplace=True), nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        y += x
        return self.relu2(y)


def residual() -> nn.Module:
    torch.manual_seed(3)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
        Residual(), nn.MaxPool2d(2), Residual(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10),
    )  # fmt: skip
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.2, 2)
            nn.init.uniform_(module.bias, -0.2, 0.5)
    return network.eval()


@pytest.fixture(scope="module")
def residual_trained() -> Trained:
    return untrained(Model("residual", residual(), AsInput(plain_preprocessing(1, 28)), "random"))


@pytest.fixture(scope="module")
def residual_bundle(residual_trained: Trained, tiny_images: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("residual") / "b"
    record(residual_trained, tiny_images, path)
    return path


# Our layer and the module whose output captum looks at.
ENDS = {
    "tutorial": {"conv1": "relu1", "conv2": "relu2", "pool": "pool"},
    "deep": {
        "conv1": "relu1", "pool1": "pool1", "conv2": "relu2", "pool2": "pool2",
        "conv3": "relu3", "pool3": "pool3", "conv4": "relu4", "pool4": "pool4",
    },
    "residual": {
        "0": "2", "3.conv1": "3.relu1", "3.conv2": "3.bn2", "3": "3", "4": "4",
        "5.conv1": "5.relu1", "5.conv2": "5.bn2", "5": "5",
    },
}  # fmt: skip


@pytest.mark.parametrize("model", ENDS)
def test_recorded_maps_of_every_class_are_those_of_captum(model: str, request: pytest.FixtureRequest) -> None:
    network: nn.Module = deepcopy(request.getfixturevalue(f"{model}_trained").network)
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False  # captum listens with hooks, and would find what was overwritten
    with Bundle.open(request.getfixturevalue(f"{model}_bundle")) as bundle:
        probes, classes = torch.tensor(bundle.array("probes")), torch.tensor(bundle.array("gradcam_classes")).long()
        assert np.array_equal(classes, np.argsort(-bundle.array("logits"), axis=1, kind="stable"))
        assert [layer.name for layer in bundle.header.layers] == list(ENDS[model])
        for layer, module in ENDS[model].items():
            captum = LayerGradCam(network, network.get_submodule(module))
            ours = bundle.array(f"{layer}/gradcam")  # (P, T, H, W)
            for t, chosen in enumerate(classes.T):
                expected = captum.attribute(probes, chosen, relu_attributions=False).detach().numpy()[:, 0]
                largest = np.abs(expected).max() + 1e-30
                assert np.abs(ours[:, t] - expected).max() <= 1e-5 * largest, (layer, t)


@pytest.mark.parametrize("model", ["tutorial", "deep"])
def test_leaving_out_a_channel_is_having_no_such_filter(model: str, request: pytest.FixtureRequest) -> None:
    network: nn.Module = request.getfixturevalue(f"{model}_trained").network
    with Bundle.open(request.getfixturevalue(f"{model}_bundle")) as bundle, torch.inference_mode():
        probes, infos = torch.tensor(bundle.array("probes")), bundle.header.probes
        predicted = [probe.predicted for probe in infos]
        before = np.array([probe.probability for probe in infos])
        for layer in bundle.convolutions:
            ablated, change = bundle.array(f"{layer.name}/ablated"), bundle.array(f"{layer.name}/ablation")
            for p, channel in {(0, 0), (len(probes) // 2, 1), (len(probes) - 1, ablated.shape[1] - 1)}:
                without = deepcopy(network)
                convolution = without.get_submodule(layer.name)
                convolution.weight[ablated[p, channel]] = 0
                convolution.bias[ablated[p, channel]] = 0
                after = without(probes[p : p + 1]).double().softmax(1)[0, predicted[p]]
                assert change[p, channel] == pytest.approx(float(after) - before[p], abs=1e-6)


def test_leaving_out_channels_of_a_block_and_of_normalised_maps(
    residual_bundle: Path, residual_trained: Trained
) -> None:
    network = residual_trained.network
    with Bundle.open(residual_bundle) as bundle, torch.inference_mode():
        probes, predicted = torch.tensor(bundle.array("probes")), [probe.predicted for probe in bundle.header.probes]
        for layer, module in (("3.conv1", "3.relu1"), ("5", "5"), ("0", "2")):
            for channel in range(4):

                def leave_out(_: nn.Module, __: object, maps: Tensor, channel: int = channel) -> Tensor:
                    return maps * (torch.arange(4) != channel)[:, None, None]

                handle = network.get_submodule(module).register_forward_hook(leave_out)
                after = network(probes).double().softmax(1)
                handle.remove()
                assert bundle.array(f"{layer}/ablated")[0, channel] == channel
                for p, probe in enumerate(bundle.header.probes):
                    change = bundle.array(f"{layer}/ablation")[p, channel]
                    assert change == pytest.approx(float(after[p, predicted[p]]) - probe.probability, abs=1e-6)


def test_the_map_is_signed_and_weighs_channels_by_their_mean_gradient() -> None:
    activation = torch.tensor([[[[1.0, 2.0]], [[3.0, 0.0]]]])  # (1, 2, 1, 2)
    assert grad_cam(torch.tensor([[[3.0, -2.0]]]), activation).tolist() == [[[[3 * 1 - 2 * 3, 3 * 2 - 2 * 0]]]]


def test_images_of_a_batch_do_not_mix() -> None:
    network, images = residual(), torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    found = trace(network, images)

    def weights(batch: Tensor) -> dict[str, Tensor]:
        batch, gradients = batch.clone().requires_grad_(), ChannelWeights()
        with Listening(found, {"activation"}, lambda layer, _, value: gradients.listen(layer, value)):
            logits = network(batch)
        return gradients.of(logits[:, 1], network)

    together = weights(images)
    assert list(together) and set(together) == {layer.name for layer in found.layers}
    for number in range(4):
        for name, alone in weights(images[number : number + 1]).items():
            torch.testing.assert_close(alone[0], together[name][number])


class HalfFrozen(nn.Module):
    """A backbone that nobody wants gradients of, as when only the head is trained."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Conv2d(1, 3, 3), nn.Linear(3, 10)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            maps = self.body(x.sub_(0.5)).relu_()  # and it overwrites its input
        return self.head(maps.mean((2, 3)))


class Overwriting(HalfFrozen):
    """It runs, but cannot be traced back: the result of a sigmoid, which its gradient needs, is overwritten."""

    def forward(self, x: Tensor) -> Tensor:
        maps = self.body(x.sub_(0.5)).relu()
        return self.head(maps.sigmoid().mul_(2).mean((2, 3)))


@pytest.mark.parametrize("network", [HalfFrozen, Overwriting])
def test_where_no_gradient_arrives_there_is_no_map(
    network: type[nn.Module], residual_trained: Trained, tiny_images: ImageSet, tmp_path: Path
) -> None:
    record(replace(residual_trained, network=network()), tiny_images, tmp_path / "b")
    with Bundle.open(tmp_path / "b") as bundle:
        assert "body/activation" in bundle.header.arrays and "body/gradcam" not in bundle.header.arrays
        assert np.array_equal(bundle.array(bundle.layer("body").input), bundle.array("probes") - np.float32(0.5))


def test_of_many_classes_the_likeliest_and_the_true_one_are_shown(tiny_images: ImageSet, tmp_path: Path) -> None:
    network = residual()
    network[-1] = nn.Linear(4, 20)  # type: ignore[operator]
    data = replace(tiny_images, classes=tuple(map(str, range(20))), test_labels=np.arange(60, dtype=np.int64) % 20)
    record(untrained(Model("residual", network, AsInput(plain_preprocessing(1, 28)), "random")), data, tmp_path / "b")
    with Bundle.open(tmp_path / "b") as bundle:
        classes, likeliest = bundle.array("gradcam_classes"), np.argsort(-bundle.array("logits"), axis=1)[:, :5]
        assert classes.shape == (len(bundle.header.probes), 5) and np.array_equal(classes[:, :4], likeliest[:, :4])
        for shown, last, probe in zip(classes, likeliest[:, 4], bundle.header.probes, strict=True):
            assert probe.label in shown and shown[4] in (probe.label, last)
        last = torch.tensor(classes[:, 4]).long()
        expected = LayerGradCam(network, network[3]).attribute(torch.tensor(bundle.array("probes")), last)[:, 0]
        np.testing.assert_allclose(bundle.array("3/gradcam")[:, 4], expected.detach(), atol=1e-6)


def test_maps_times_their_weights_add_up_to_the_recorded_map(residual_bundle: Path) -> None:
    with Bundle.open(residual_bundle) as bundle:
        for layer in ("0", "3.conv1", "5"):
            for probe, slot in ((0, 0), (1, 3)):
                weighing = Weighing.of(bundle, layer, probe, slot)
                assert weighing is not None
                everything = range(len(weighing.weights))
                recorded = bundle.part(f"{layer}/gradcam", probe, slot)
                np.testing.assert_allclose(weighing.weighted(*everything), recorded, atol=1e-6)
                np.testing.assert_allclose(weighing.added.sum(), recorded.sum(), atol=1e-5)
        header, arrays = bundle.header, {name: bundle.array(name) for name in bundle.header.arrays}
    older = residual_bundle.with_name("older")
    save_bundle(older, header, {name: array for name, array in arrays.items() if not name.endswith("/gradcam_weight")})
    with Bundle.open(older) as bundle:
        assert Weighing.of(bundle, "0", 0, 0) is None


EXAMPLES = {  # what each of five channels adds: the channels to show, three of them and two
    "one takes away much": ([3, -2, 1, 2, -4], [0, 1, 4], [0, 4]),
    "one takes away little": ([3, -0.2, 1, 2, 0], [0, 3, 1], [0, 1]),
    "none takes away enough to be told": ([3, -0.1, 1, 2, 0], [0, 3, 2], [0, 3]),
    "one does neither": ([3, 0, 0, 0, -2], [0, 4], [0, 4]),
    "all take away": ([-3, -1, -2, -5, -4], [4, 0, 3], [4, 3]),
}


@pytest.mark.parametrize("case", EXAMPLES)
def test_examples_of_weighted_maps(case: str) -> None:
    added, three, two = EXAMPLES[case]
    weighing = Weighing(np.sign(added), np.abs(np.array(added, float))[:, None, None] * np.full((5, 2, 2), 0.25))
    assert weighing.added.tolist() == pytest.approx(added)
    assert (weighing.examples(3), weighing.examples(2), weighing.examples(1)) == (
        three,
        two,
        [int(np.abs(added).argmax())],
    )
