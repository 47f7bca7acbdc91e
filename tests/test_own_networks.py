"""Scenes on a network as people bring them, recorded for real: what they say of it is true.

Its layers have numbers for names, it prepares its input itself, its images are no squares, a normalisation over groups
of channels comes before a tanh, and one channel is negative everywhere.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from films import TINY, play
from PIL import Image
from test_scenes import scene_class
from torch import nn

from fmcore import probing
from fmcore.bundle import Bundle
from fmcore.check.layout import layout_findings
from fmcore.check.teaching import teaching_findings
from fmcore.data.imageset import ImageSet
from fmcore.data.pictures import open_pictures
from fmcore.header import Preprocessing, explained
from fmcore.model_input import AsInput
from fmcore.recording import record
from fmcore.render.spec import ASPECTS, quality
from fmcore.tracing import trace
from fmcore.training import Trained, TrainSpec

SIZE = (24, 32)


def test_most_ablations_are_spent_where_answers_are_explained(
    tutorial_trained: Trained, tiny_images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "_ABLATED_VALUES", 0)  # as of a network that is far too large
    monkeypatch.setattr(probing, "_ABLATED_OF_LAYER", 4)  # of others; of that layer all
    images = tiny_images.test_images[:2]
    given = tutorial_trained.as_input(torch.from_numpy(images))
    found = trace(tutorial_trained.network, given)
    arrays = probing.probe_layers(tutorial_trained, found, images, [None, None], lambda done, total: None)
    said = arrays["logits"].argmax(1)
    tried = probing.ablations(tutorial_trained, found, images, arrays, said, lambda done, total: None)
    shapes = {name: array.shape for name, array in tried.items() if name.endswith("/ablated")}
    main = explained(layer.info for layer in found.layers)
    assert main is not None and main.name == "conv2" and len(shapes) > 1
    assert shapes == {name: (2, 16 if name == "conv2/ablated" else 1) for name in shapes}
    assert tried["conv2/ablated"].tolist() == [list(range(16))] * 2
    one = int(tried["conv2/ablated"][1, 7])  # worked out without any of it, from the recorded maps
    maps = torch.tensor(arrays["conv2/activation"][1:])
    maps[0, one] = 0
    network = tutorial_trained.network
    with torch.no_grad():
        then = network.linear(nn.functional.max_pool2d(maps, 2)).argmax(1)  # type: ignore[operator]
        left = network.linear(nn.functional.max_pool2d(maps, 2)).softmax(1)[0, said[1]]  # type: ignore[operator]
        before = torch.from_numpy(arrays["logits"][1]).softmax(0)[said[1]]
    assert tried["conv2/ablation_predicted"][1, 7] == int(then)
    assert tried["conv2/ablation"][1, 7] == pytest.approx(float(left - before), abs=1e-6)


class Normalising(nn.Sequential):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward((x - 0.5) / 0.25)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    torch.manual_seed(3)
    network = Normalising(
        nn.Conv2d(3, 6, 5, padding=2), nn.GroupNorm(2, 6), nn.Tanh(), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.Tanh(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
    ).eval()  # fmt: skip
    with torch.no_grad():
        network[1].weight.mul_(0.4)  # type: ignore[operator, union-attr]
        network[1].weight[2], network[1].bias[2] = 0.05, -1.8  # type: ignore[index, operator, union-attr]
    random, pictures = np.random.default_rng(0), []
    for number in range(12):
        soft = Image.fromarray(random.integers(0, 255, (5, 6, 3), np.uint8)).resize((60, 50), Image.Resampling.BICUBIC)
        soft.save(folder / f"{number}.png")
        pictures.append(folder / f"{number}.png")
    taken = Preprocessing(channels=3, size=SIZE, resize=28, mean=(0.0,) * 3, std=(1.0,) * 3)
    as_input = AsInput(taken, channels_last=False)
    trained = Trained(TrainSpec(model="own.py:make", epochs=0), network, (), (), "cpu", as_input, "from own.py:make")
    record(trained, None, folder / "own.safetensors", pictures=open_pictures(pictures, taken))
    return folder / "own.safetensors"


@cache
def said(name: str, bundle: Path, aspect: str = "16:9", **options: Any) -> str:
    """What scene `name` says of it, with nothing found wrong in it."""
    spec = quality("smoke", aspect, "dark").model_copy(update={"fps": TINY.fps})
    film = play(scene_class(name), bundle, options, spec)
    with Bundle.open(bundle) as opened:
        found = [*layout_findings(film.board, {}), *teaching_findings(film.board, opened, opened)]
    assert [f"{finding.beat}, {finding.rule}: {finding.message}" for finding in found] == []
    return " ".join(beat.say for beat in film.performance.beats)


NAMED = (
    "FeatureMapDemo", "MultipleFeatureMaps", "ActivationHeatmap", "ActivationOverlay", "FeatureMapProgression",
    "ChannelDiagnostics", "Nonlinearity", "Recap",
)  # fmt: skip


@pytest.mark.parametrize(("name", "aspect"), [(name, ASPECTS[n % 3]) for n, name in enumerate(NAMED)])
def test_layers_that_are_called_by_numbers(name: str, aspect: str, bundle: Path) -> None:
    assert not re.search(r"\b(of|in) [04]\b(?! |\.\d)", said(name, bundle, aspect))


def test_what_a_first_layer_reads_is_nobodys_maps(bundle: Path) -> None:
    assert "all of them see the same input: here, the maps" not in said("MultipleFeatureMaps", bundle, layer="0")
    assert "5 by 5 values of each of 3 channels" in said("ConvolutionStep", bundle)


def test_a_normalisation_before_the_nonlinearity_is_told(bundle: Path) -> None:
    assert "b is its bias, N normalises, φ is tanh" in said("ConvolutionStep", bundle)
    nonlinearity = said("Nonlinearity", bundle)
    assert "times weights, plus the bias, normalised. They run" in nonlinearity
    assert "Leave φ and the normalisation out, and run" in nonlinearity
    assert "Then these numbers are normalised, and tanh bends them." in said("FeatureMapDemo", bundle)


def test_what_is_negative_everywhere_keeps_its_sign(bundle: Path) -> None:
    with Bundle.open(bundle) as opened:
        maps = opened.part("0/activation", opened.default_probe)
        assert maps[2].max() < 0 and np.abs(maps).max(axis=(1, 2)).argmax() == 2
    low = f"−{np.abs(maps[2]).max():.2f}"
    assert f"The strongest, {low}, is framed." in said("ActivationOverlay", bundle)


def test_beside_a_group_normalisation_a_place_sees_its_box_and_the_rest_summed_up(bundle: Path) -> None:
    with Bundle.open(bundle) as opened:
        assert opened.layer("4").field.local and opened.array("4/patches").shape[3:] == (10, 10)
    told = "5 by 5 pixels of the image, and the rest summed up"
    for scene in ("FeatureMapProgression", "StrongestPatches"):
        assert told in said(scene, bundle)
