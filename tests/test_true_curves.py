"""Sentences about curves, sums and colours hold for any network, and a right film of few colours is no wrong one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import Net, Played, convolved, make_bundle, play
from scipy.ndimage import gaussian_filter
from test_check_proof import Filmed, N
from test_honesty import changed, words

from fmcore.analysis.weighing import Weighing
from fmcore.bundle import Array, Bundle
from fmcore.check.proof import most_gain
from fmcore.colour import ColourScale
from fmcore.header import EpochRecord, LayerInfo, ReceptiveField
from scenes import feature_map_progression as progression
from scenes.activation_heatmap import ActivationHeatmap
from scenes.convolution_step import ConvolutionStep
from scenes.feature_map_progression import FeatureMapProgression
from scenes.grad_cam import GradCam
from scenes.parts.gradcam_words import plain_examples
from scenes.parts.stage_maps import front
from scenes.strongest_patches import StrongestPatches
from scenes.training_curves import TrainingCurves

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


# -- training ------------------------------------------------------------------------------------

FLAT, UP = [2, 0.5, 0.4, 0.39], [2, 0.3, 0.4, 0.6]
VERDICTS = {
    "a gap": (0.8, FLAT, "Such a gap is a sign of overfitting. A stronger sign is a test loss that rises while the"
        " training loss falls. Here, both are lowest at the end."),
    "no gap": (0.99, FLAT, "In overfitting, the test loss rises while the training loss falls. Here, both are lowest at"
        " the end."),
    "a gap and a rise": (0.8, UP, "Since epoch 1 the test loss has risen while the training loss fell: that is"
        " overfitting."),
}  # fmt: skip


def trained(path: Path, tested: float, losses: list[float], moves: tuple[float, ...] = (1, 1, 1)) -> Path:
    """A network whose training answers end all right, and `tested` of the others; filters move so far each epoch."""
    right = [0.3, 0.5, 0.9, 1.0]
    with Bundle.open(make_bundle(path, MEASURED)) as bundle:
        training, dataset = bundle.header.training, bundle.header.dataset
    history = tuple(
        EpochRecord(epoch=n, train_loss=2 / (n + 1), train_accuracy=a, test_loss=loss, test_accuracy=tested * a)
        for n, (a, loss) in enumerate(zip(right, losses, strict=True))
    )

    def move(arrays: dict[str, Array]) -> None:
        steps = np.cumsum([0, *moves])[:, None, None, None, None]
        arrays["conv1/weight_history"] = np.asarray(1 + steps * np.ones_like(arrays["conv1/weight"]), np.float32)

    training, dataset = (
        training.model_copy(update={"history": history}),
        dataset.model_copy(update={"test_count": 2000}),
    )
    return changed(path, MEASURED, move, training=training, dataset=dataset)


@pytest.mark.parametrize("case", VERDICTS)
def test_a_wide_gap_is_not_said_to_be_no_overfitting(tmp_path: Path, case: str) -> None:
    tested, losses, told = VERDICTS[case]
    assert beats(play(TrainingCurves, trained(tmp_path / "b", tested, losses)))["verdict"] == told


@pytest.mark.parametrize(
    ("moves", "told"),
    [
        ((2, 1, 1), "25% of all its movement fell into epoch 2: the largest step of the curve was not the largest of"),
        ((2, 3, 2), "43% of all its movement fell into epoch 2: the largest step of the curve was the largest of this"),
        ((1, 1, 1), "33% of all its movement fell into epoch 2."),
        ((1, 4, 1), "67% of all its movement fell into epoch 2."),
    ],
)
def test_what_a_filter_moved_is_held_against_the_curve(tmp_path: Path, moves: tuple[float, ...], told: str) -> None:
    said = beats(play(TrainingCurves, trained(tmp_path / "b", 0.99, FLAT, moves)))["filter"]
    assert told in said and ("step" in told or said.endswith(told))


# -- depth, heat maps, favourites ----------------------------------------------------------------


def below_zero(arrays: dict[str, Array]) -> None:
    arrays["conv2/activation"] -= np.float32(0.1)
    arrays["conv2/class_mean"][0, 1] = -0.0416


def test_no_selectivity_of_means_below_zero_is_told_with_its_reason(tmp_path: Path) -> None:
    film = play(FeatureMapProgression, changed(tmp_path / "b", MEASURED, below_zero))
    assert beats(film)["classes"].endswith("In conv2, some lie below, down to −0.042, so it is left out.")
    assert "Do channels prefer a class?" in words(film)
    assert "How many of the numbers lie above zero" in words(film) and "numbers respond" not in words(film)
    ordinary = words(play(FeatureMapProgression, changed(tmp_path / "c", MEASURED)))
    assert "How many of the numbers respond" in ordinary and "left out" not in ordinary


@pytest.mark.parametrize(("by_lot", "sided"), [(0.1, True), (0.6, False)])
def test_deep_maps_take_sides_only_where_chance_would_not_do(tmp_path: Path, by_lot: float, sided: bool) -> None:
    def prefer(arrays: dict[str, Array]) -> None:
        for layer, mean, part in (("conv1", 0.2, ""), ("conv2", 0.8, ""), ("conv2", by_lot, "_shuffled")):
            classes = np.ones_like(arrays[f"{layer}/class_mean"])
            classes[:, 0] = (1 + mean) / (1 - mean)
            arrays[f"{layer}/class_mean{part}"] = classes

    said = beats(play(FeatureMapProgression, changed(tmp_path / "b", MEASURED, prefer)))["classes"]
    assert said.endswith(f" With labels drawn by lot, it would be {by_lot:.2f} there.")
    assert ("Deep maps take sides." in said) == sided


@pytest.mark.parametrize(("widths", "framed"), [((4, 6), 0), ((4, 4, 4), 1), ((4, 4, 4, 4, 4, 4), -1)])
def test_maps_that_are_said_to_be_read_are_framed(
    tmp_path: Path, widths: tuple[int, ...], framed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lit: list[object] = []
    fronts: list[object] = []
    plain, show = progression.flash, FeatureMapProgression.show_the_answer

    def lighting(thing: Any) -> Any:
        lit.append(thing)
        return plain(thing)

    def showing(scene: Any, cells: Any, sheets: Any) -> None:
        lit.clear()
        fronts.extend(map(front, sheets))
        show(scene, cells, sheets)

    monkeypatch.setattr(progression, "flash", lighting)
    monkeypatch.setattr(FeatureMapProgression, "show_the_answer", showing)
    film = play(FeatureMapProgression, changed(tmp_path / "b", Net(measured=True, widths=widths)))
    assert beats(film)["answer"].startswith(f"What conv{len(widths)} reads are maps")
    assert lit[0] is fronts[framed] and lit[1:] == fronts


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.1, "down to −0.20. Of this map, 50% is at zero or below: so near to zero, blue looks black."),
        (0.5, "down to −1.00. Of this map, 50% is at zero or below."),
        (0.0, "Black is zero, the strongest colour is 2.00. Of this map, 50% is zero."),
    ],
)
def test_what_colours_mean_is_told_of_maps_that_go_below_zero(tmp_path: Path, share: float, said: str) -> None:
    def halved(arrays: dict[str, Array]) -> None:
        maps = arrays["conv2/activation"]
        maps[:] = np.where(np.arange(maps.shape[-1]) % 2, 1.0, -2 * share)
        maps[..., 4, 5] = 2

    film = beats(play(ActivationHeatmap, changed(tmp_path / "b", MEASURED, halved), {"layer": "conv2"}))
    assert film["bar"].endswith(said)
    assert ("red is above it, blue below. The numbers go up to 2.00 and" in film["bar"]) == (share > 0)


def test_what_other_images_reach_stands_beside_what_favourites_reach(tmp_path: Path) -> None:
    net = Net(measured=True, tests=300)

    def known(arrays: dict[str, Array]) -> None:
        arrays["conv2/top_values"][:] = [9.5, 8.5, 7.5]
        arrays["conv2/activation"] = np.clip(arrays["conv2/activation"], 0.01, 5.25)

    said = words(play(StrongestPatches, changed(tmp_path / "b", net, known)))
    assert "its favourites 7.50 to 9.50. What its patches" in said and "reach" in said
    assert "images that light it" in said

    def dipping(arrays: dict[str, Array]) -> None:
        known(arrays)
        arrays["conv2/activation"][..., 0, 0] = -0.1
        arrays["conv2/top_values"][:, 2] = 0

    said = words(play(StrongestPatches, changed(tmp_path / "c", net, dipping)))
    assert "its favourites up to 9.50. What" in said and "images above zero" in said
