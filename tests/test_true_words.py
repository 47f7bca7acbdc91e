"""Sentences that hold for the built-in networks only are not said of others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import Net, play
from test_honesty import changed, words

from fmcore.bundle import Array, Bundle
from scenes.activation_heatmap import ActivationHeatmap
from scenes.activation_overlay import ActivationOverlay
from scenes.channel_ablation import ChannelAblation
from scenes.channel_diagnostics import ChannelDiagnostics
from scenes.convolution_step import ConvolutionStep
from scenes.feature_map_demo import FeatureMapDemo
from scenes.feature_map_progression import FeatureMapProgression
from scenes.strongest_patches import StrongestPatches
from scenes.training_curves import TrainingCurves

MEASURED = Net(measured=True, epochs=3)


def header_of(path: Path, net: Net) -> Any:
    with Bundle.open(changed(path, net)) as bundle:
        return bundle.header


@pytest.mark.parametrize(("wrong", "said"), [((), "Of 3 images, this"), ((0,), "Of 2 images answered rightly, this")])
def test_an_image_misleads_most_among_those_that_were_compared(
    tmp_path: Path, wrong: tuple[int, ...], said: str
) -> None:
    def ablate(arrays: dict[str, Array]) -> None:
        light = np.take_along_axis(arrays["conv2/activation"].sum((2, 3)), arrays["conv2/ablated"], 1)
        changes = np.zeros(arrays["conv2/ablated"].shape, np.float32)
        np.put_along_axis(changes, (light.argmax(1) - 1)[:, None], np.float32(-0.2), 1)
        arrays["conv2/ablation"] = changes

    probes = header_of(tmp_path / "a", MEASURED).probes
    probes = tuple(one.model_copy(update={"label": 2 if p in wrong else one.predicted}) for p, one in enumerate(probes))
    assert said in words(play(ChannelAblation, changed(tmp_path / "b", MEASURED, ablate, probes=probes)))


@pytest.mark.parametrize(("layer", "said"), [("conv1", "made from the input"), ("conv2", "made layer by layer from")])
def test_only_a_first_layer_makes_its_maps_from_the_image(tmp_path: Path, layer: str, said: str) -> None:
    assert said in words(play(ActivationHeatmap, changed(tmp_path / "b", MEASURED), {"layer": layer}))


@pytest.mark.parametrize(("read", "said"), [("conv2", "is a chain of layers"), ("conv1", "The paths of this network")])
def test_a_network_that_branches_is_called_no_chain(tmp_path: Path, read: str, said: str) -> None:
    net = Net(measured=True, widths=(4, 4, 4))
    *others, last = header_of(tmp_path / "a", net).layers
    layers = (*others, last.model_copy(update={"input": f"{read}/activation"}))
    assert said in words(play(FeatureMapProgression, changed(tmp_path / "b", net, layers=layers)))


def test_a_map_with_an_own_scale_reaches_the_brightest_colour_and_no_more_is_said(tmp_path: Path) -> None:
    def fade(arrays: dict[str, Array]) -> None:
        arrays["conv1/activation"][:, 1:] *= 0.1

    film = words(play(ActivationOverlay, changed(tmp_path / "b", MEASURED, fade)))
    assert ", too, reaches the brightest colour." in film and "as strong as" not in film


def test_a_channel_below_the_mark_is_not_lit_mostly_by_the_background(tmp_path: Path) -> None:
    def lit(arrays: dict[str, Array]) -> None:
        for layer in ("conv1", "conv2"):
            arrays[f"{layer}/foreground"][:] = 0.34  # 66% of its activation lies off the object

    film = words(play(ChannelDiagnostics, changed(tmp_path / "b", MEASURED, lit)))
    assert "By our rule, none of the" in film and "has 66% of its activation there" in film
    assert "80% is our mark." in film and "mostly by the background" not in film


def test_weights_that_began_at_random_were_moved_rather_than_found(tmp_path: Path) -> None:
    ours = words(play(FeatureMapDemo, changed(tmp_path / "b", MEASURED, recipe={"model": "tutorial", "weights": ""})))
    assert "they began at random, and training moved them" in ours and "found them" not in ours
    another = words(play(FeatureMapDemo, changed(tmp_path / "c", MEASURED, recipe={"model": "nets.py:make"})))
    assert "down: training moved them" in another and "found them" not in another


def test_the_commonest_class_is_said_where_classes_are_uneven(tmp_path: Path) -> None:
    def uneven(arrays: dict[str, Array]) -> None:
        arrays["test_label"][:] = 0
        arrays["test_label"][::4] = 1

    net = Net(measured=True, epochs=3, tests=20)
    assert ", always saying “" in words(play(TrainingCurves, changed(tmp_path / "b", net, uneven)))
    assert ", always saying “" not in words(
        play(TrainingCurves, changed(tmp_path / "c", Net(measured=True, epochs=3, tests=30)))
    )


def test_pixels_that_were_normalised_are_told(tmp_path: Path) -> None:
    first, *others = header_of(tmp_path / "a", MEASURED).layers

    def normalised(arrays: dict[str, Array]) -> None:
        arrays["input"] = arrays["probes"]

    layers = (first.model_copy(update={"input": "input"}), *others)
    film = play(ConvolutionStep, changed(tmp_path / "b", MEASURED, normalised, layers=layers))
    assert "They were normalised on the way in: in the middle, " in words(film)
    assert "normalised" not in words(play(ConvolutionStep, changed(tmp_path / "c", MEASURED)))


def corner(probe: int) -> Callable[[dict[str, Array]], None]:
    def glow(arrays: dict[str, Array]) -> None:
        arrays["conv1/activation"][:] = 0.1
        arrays["conv1/activation"][:, :, 5, 5] = 1
        arrays["conv1/activation"][probe, :, 0, 11] = 2

    return glow


@pytest.mark.parametrize("probe", [0, 1])
def test_the_example_of_a_patch_is_cut_from_the_image_alone(tmp_path: Path, probe: int) -> None:
    path = changed(tmp_path / "b", Net(measured=True, tests=300), corner(probe))
    film = play(StrongestPatches, path, watch=lambda scene: scene.example)
    assert film.scene.example != probe
