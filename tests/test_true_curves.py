"""Sentences about curves, sums and colours hold for any network, and a right film of few colours is no wrong one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import Net, Played, convolved, make_bundle, play
from scipy.ndimage import gaussian_filter
from test_check_proof import Filmed, N
from test_honesty import changed

from fmcore.analysis.weighing import Weighing
from fmcore.bundle import Array, Bundle
from fmcore.check.proof import most_gain
from fmcore.colour import ColourScale
from fmcore.header import LayerInfo, ReceptiveField
from scenes.activation_heatmap import ActivationHeatmap
from scenes.convolution_step import ConvolutionStep
from scenes.feature_map_progression import FeatureMapProgression
from scenes.grad_cam import GradCam
from scenes.parts.gradcam_words import plain_examples
from scenes.strongest_patches import StrongestPatches

# -- pictures of few colours ---------------------------------------------------------------------


def test_a_map_of_few_colours_is_no_wrong_one_and_a_wrong_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scale = ColourScale(-2.16, 2.16, "shared", "berlin")  # of other maps: this one takes 20 of its 256 colours
    monkeypatch.setattr(ColourScale, "of", staticmethod(lambda values: scale))
    film, expected = Filmed((212, 120)), []
    for seed in range(8):
        low = 0.05 + 0.14 * gaussian_filter(np.random.default_rng(seed).normal(size=(N, N)), 1)
        other = 0.05 + 0.14 * gaussian_filter(np.random.default_rng(90 + seed).normal(size=(N, N)), 1)
        for shown in (None, 0.6 * low, 1.5 * low, -low, other, low[::-1], np.roll(low, 1, 1)):
            film.add(low, shown, pixels=3.3)
            expected.append("value by value" if shown is None else "wrong")
    assert [proof.outcome for proof in film.proofs(tmp_path)] == expected


def test_only_of_pictures_of_few_steps_the_contrast_is_less_sure() -> None:
    assert [round(most_gain(spread), 2) for spread in (2, 2.5, 4, 5, 60)] == [0.25, 0.2, 0.12, 0.1, 0.1]


# -- Grad-CAM of maps that go below zero ---------------------------------------------------------

MEASURED = Net(measured=True, epochs=3)


def beats(film: Played) -> dict[str, str]:
    return {beat.cue: beat.say for beat in film.performance.beats}


def layers_of(path: Path, net: Net, **change: Any) -> tuple[LayerInfo, ...]:
    """The layers of `net`, with that `change` of the last one."""
    with Bundle.open(make_bundle(path, net)) as bundle:
        *others, last = bundle.header.layers
    return (*others, last.model_copy(update=change))


def weighed(lift: float) -> Callable[[dict[str, Array]], None]:
    """Every map of conv2 lies below zero on average, and reaches `lift`; all weights are below zero."""

    def turn(arrays: dict[str, Array]) -> None:
        maps = -np.abs(arrays["conv2/activation"]) - 0.5
        maps[..., 3, 3] = lift
        weights = -np.abs(arrays["conv2/gradcam_weight"]) - 0.01
        arrays |= {"conv2/activation": maps, "conv2/gradcam_weight": weights}
        arrays["conv2/gradcam"] = np.einsum("ptc,pchw->pthw", weights, maps).astype(np.float32)

    return turn


@pytest.mark.parametrize(
    ("lift", "said"),
    [
        (0.4, "On average its map lies below zero, so it speaks"),
        (-0.1, "Its map lies below zero, so it speaks"),
    ],
)
def test_a_map_that_rises_above_zero_lies_below_it_on_average_only(tmp_path: Path, lift: float, said: str) -> None:
    film = play(GradCam, changed(tmp_path / "b", MEASURED, weighed(lift)))
    assert f". {said} for the answer." in beats(film)["weights"]


def weighing(*channels: tuple[float, float, float]) -> Weighing:
    """Of every channel its weight, and the numbers of the two halves of its map."""
    maps = np.array([[[low] * 4, [high] * 4] for _, low, high in channels])
    return Weighing(np.array([weight for weight, _, _ in channels]), maps)


def test_maps_that_say_by_themselves_what_they_speak_for_come_first() -> None:
    turned, dark, plain, against = (-9.0, -0.2, 0.1), (40.0, 0.02, 0.02), (0.5, 0.0, 1.0), (-0.2, 0.0, 4.0)
    found = weighing(turned, plain, against)
    assert found.examples(2) == [0, 2] and plain_examples(found, 2) == [1, 2]
    assert plain_examples(weighing(dark, turned, plain, against), 4) == [2, 0, 1, 3]
    assert plain_examples(weighing(turned, (0.05, 0.0, 1.0), against), 2) == [0, 2]  # it adds next to nothing
    assert plain_examples(weighing(plain, (3.0, -0.4, 0.1), against), 2) == [0, 2]
    ordinary = weighing((1.0, 0.0, 2.0), (2.0, 0.0, 3.0), (-1.0, 0.0, 1.0), (0.5, 0.0, 1.0))
    assert plain_examples(ordinary, 3) == ordinary.examples(3) == [1, 0, 2]


# -- what gets in by whole maps ------------------------------------------------------------------

LOCAL = ReceptiveField(size=(5, 5), whole=True, local=True)


@pytest.mark.parametrize(("norm", "why"), [("group_norm", "Normalising takes averages"), ("none", "Some numbers are")])
def test_what_is_summed_up_of_the_rest_is_told_once(tmp_path: Path, norm: str, why: str) -> None:
    net = Net(measured=True, tests=300)
    path = changed(tmp_path / "b", net, layers=layers_of(tmp_path / "a", net, field=LOCAL, normalisation=norm))
    for scene, cue in ((GradCam, "overlay"), (FeatureMapProgression, "field"), (StrongestPatches, "fields")):
        said = beats(play(scene, path))
        assert "5 by 5 pixels" in said[cue] and ", and the rest summed up" in said[cue]
        assert " ".join(said.values()).count(f"{why}") == 1 and "over whole maps: so the rest gets in." in said[cue]
    heat = beats(play(ActivationHeatmap, path, {"layer": "conv2"}))["place"]
    assert "5 by 5 pixels, and the rest summed up. " + why in heat
    assert "whole maps" not in " ".join(beats(play(GradCam, changed(tmp_path / "c", net))).values())


# -- how a sum becomes a number ------------------------------------------------------------------


def silu(values: Array) -> Array:
    return np.asarray(values / (1 + np.exp(-values)), np.float32)


def of_pixels(border: float, inside: float, bend: Callable[[Array], Array]) -> Callable[[dict[str, Array]], None]:
    """The filters of conv1 turn the pixel in their middle about: at the border they make one sum, inside another."""

    def make(arrays: dict[str, Array]) -> None:
        images, weight = np.full_like(arrays["probes"], -inside / 4), np.zeros_like(arrays["conv1/weight"])
        images[..., [0, -1], :] = images[..., :, [0, -1]] = -border / 4
        weight[..., 1, 1] = -4
        sums = convolved(images, weight, arrays["conv1/bias"], 1, 1)
        arrays |= {"probes": images, "conv1/weight": weight}
        arrays |= {"conv1/preactivation": sums, "conv1/activation": bend(sums)}

    return make


def of_phi(path: Path, phi: str) -> tuple[LayerInfo, ...]:
    first, *others = layers_of(path, MEASURED)
    return (first.model_copy(update={"nonlinearity": phi}), *others)


TURNED = {
    "lower": (-4.0, -1.6, ["make −1.60, and SiLU makes that −0.27.", "make −4.00, and SiLU makes that −0.07. A lower"
        " sum, and yet a higher number: far below zero, the curve of SiLU comes back to zero."]),
    "higher": (-1.2, -4.0, ["make −4.00, and SiLU makes that −0.07.", "make −1.20, and SiLU makes that −0.28. A higher"
        " sum, and yet a lower number: just below zero, the curve of SiLU dips."]),
}  # fmt: skip


@pytest.mark.parametrize("case", TURNED)
def test_a_lower_sum_that_makes_a_higher_number_is_told(tmp_path: Path, case: str) -> None:
    border, inside, told = TURNED[case]
    path = changed(tmp_path / "b", MEASURED, of_pixels(border, inside, silu), layers=of_phi(tmp_path / "a", "silu"))
    said = beats(play(ConvolutionStep, path, {"channel": 1}))
    assert "Sent through SiLU, a bent curve, it goes into the map as" in said["bias"]
    assert [said[cue].endswith(end) for cue, end in zip(("low", "third"), told, strict=True)] == [True, True], said


def test_a_sum_that_relu_cuts_is_told_as_ever(tmp_path: Path) -> None:
    cut = of_pixels(-4.0, -1.6, lambda values: np.maximum(values, 0))
    said = beats(play(ConvolutionStep, changed(tmp_path / "b", MEASURED, cut), {"channel": 1}))
    assert said["low"].endswith("values. They make −1.60, which is below zero, so ReLU makes it zero.")
    assert said["third"].endswith(" The steps are the same. Here they make 0.00.")


@pytest.mark.parametrize(
    ("norm", "bias", "said"),
    [
        ("batch_norm", False, ". It comes from batch norm, which scales the weights, too. That makes"),
        ("affine", False, ". It comes from a fixed norm, which scales the weights, too. That makes"),
        ("batch_norm", True, ". It and the weights are those that batch norm makes of the filter's own. That makes"),
    ],
)
def test_a_bias_that_a_normalisation_adds_is_none_of_the_filter(
    tmp_path: Path, norm: str, bias: bool, said: str
) -> None:
    def normalised(arrays: dict[str, Array]) -> None:
        sums, count = arrays["conv1/preactivation"], len(arrays["conv1/weight"])
        arrays["conv1/scale"], arrays["conv1/shift"] = np.full((2, count), [[1.5], [0.25]], np.float32)
        arrays["conv1/preactivation"] = 1.5 * sums + np.float32(0.25)
        arrays["conv1/activation"] = np.maximum(arrays["conv1/preactivation"], 0)
        if not bias:
            del arrays["conv1/bias"]

    first, *others = layers_of(tmp_path / "a", MEASURED)
    layers = (first.model_copy(update={"normalisation": norm}), *others)
    told = beats(play(ConvolutionStep, changed(tmp_path / "b", MEASURED, normalised, layers=layers)))["bias"]
    assert told.startswith("Add the bias, 0.25") and said in told
