"""What scenes say where the numbers are too weak to say much: no conclusion from nothing, no picture of it either."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import TINY, Net, Played, make_bundle, play

from fmcore.bundle import Array, Bundle, save_bundle
from fmcore.errors import BundleError
from fmcore.header import EpochRecord
from scenes.activation_heatmap import ActivationHeatmap
from scenes.activation_overlay import ActivationOverlay
from scenes.channel_ablation import ChannelAblation
from scenes.feature_map_demo import FeatureMapDemo
from scenes.grad_cam import GradCam
from scenes.model_comparison import ModelComparison
from scenes.overview import Overview
from scenes.stage import LessonScene
from scenes.training_curves import TrainingCurves

MEASURED = Net(measured=True, epochs=3)


def changed(
    path: Path, net: Net, arrays: Callable[[dict[str, Array]], None] = lambda arrays: None, **header: Any
) -> Path:
    """The bundle of `net` at `path`, with other contents."""
    with Bundle.open(make_bundle(path, net)) as bundle:
        found = {name: np.array(bundle.array(name)) for name in bundle.header.arrays}
        arrays(found)
        save_bundle(path, bundle.header.model_copy(update=header), found)
    return path


def words(film: Played) -> str:
    """All that is said and written."""
    said = [beat.say for beat in film.performance.beats]
    return " ".join([*said, *(item.name for frame in film.board.frames for item in frame.items if item.kind == "text")])


# -- a flat map ----------------------------------------------------------------------------------


def test_a_flat_map_has_no_strongest_place(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b", Net(dead=(1,)))
    dead, alive = (words(play(ActivationHeatmap, bundle, {"channel": channel})) for channel in (2, 1))
    assert "This map is flat: every place responds as does" in dead and "The same everywhere: 0.00" in dead
    assert not any(words in dead for words in ("strongest response", "Strongest:", "bright place"))
    assert "The strongest response lies in" in alive and alive.count("flat") == 1
    assert alive.endswith("12 × 12 × 1 each · 1 flat")  # another one, among all maps of the layer


@pytest.mark.parametrize(("row", "hangs"), [(0, True), (6, False)])
def test_a_strongest_place_that_sees_beyond_the_image_is_said_to(row: int, hangs: bool, tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "b", Net(kernel=3))
    with Bundle.open(path) as bundle:
        header, arrays = bundle.header, {name: bundle.array(name) for name in bundle.header.arrays}
    maps = np.zeros_like(arrays["conv1/activation"])
    maps[:, :, row, 6] = 1
    save_bundle(path, header, arrays | {"conv1/activation": maps})
    said = words(play(ActivationOverlay, path))
    assert "is framed." in said and ("Part of what that place sees lies beyond the image." in said) == hangs


def test_a_network_is_not_compared_with_itself(tmp_path: Path) -> None:
    one, copy = make_bundle(tmp_path / "one", MEASURED), make_bundle(tmp_path / "copy", MEASURED)
    with pytest.raises(BundleError, match="compares two networks, and 'one' and 'copy' are the same; name one that"):
        play(ModelComparison, one, other=copy)


# -- weak networks -------------------------------------------------------------------------------

WEAK: dict[str, tuple[Net, str]] = {  # what is said of it, if anything
    "right": (Net(measured=True, tests=30), ""),
    "wrong": (
        Net(measured=True, tests=30, wrong=True),
        "This network is weak: of 30 test images it gets 0% right. Saying “shirt” every time would get 33%.",
    ),
    "few images": (Net(measured=True, wrong=True), ""),
    "nothing measured": (Net(wrong=True), ""),
}


@pytest.mark.parametrize("scene", [Overview, GradCam])
@pytest.mark.parametrize("case", WEAK)
def test_a_weak_network_is_called_weak_once(case: str, scene: type[LessonScene], tmp_path: Path) -> None:
    net, sentence = WEAK[case]
    if scene is GradCam and not net.measured:
        return
    if scene is Overview:  # it is told first, in other words
        other = sentence.replace("This network is weak: of", "Of").replace(" it gets", " this network gets")
        sentence = sentence and f"{other} So it is weak."
    said = words(play(scene, make_bundle(tmp_path / "b", net)))
    assert said.count("weak") == 2 * bool(sentence) and sentence in said  # said once, and written while it is
    assert ("right answers" in said) == bool(sentence)


def test_a_network_with_one_answer_to_everything_is_told_so(tmp_path: Path) -> None:
    def answer_one(arrays: dict[str, Array]) -> None:
        arrays["test_predicted"][:] = 2

    film = play(Overview, changed(tmp_path / "b", Net(measured=True, tests=30), answer_one))
    assert "it answers “bag” to each of 30 test images, so its answers tell nothing apart." in words(film)


# -- training curves -----------------------------------------------------------------------------

HISTORIES: dict[str, tuple[list[float], list[float], int, str, str]] = {  # accuracies, test images, said, not said
    "nothing is learned": ([1 / 3] * 4, [1 / 3] * 4, 60, "which guessing may give as well", "33.33"),
    "level since the first epoch": ([0.3, 0.9, 0.9, 0.9], [0.3, 0.9, 0.9, 0.901], 2000, " 0% 20% 40% ", " 90% "),
    "a closer look": ([0.3, 0.9, 0.95, 0.98], [0.3, 0.9, 0.9, 0.91], 2000, " 90% 92% 94% ", "guessing may"),
    "more than chance": ([0.3, 0.8, 0.9, 1.0], [0.3, 0.8, 0.9, 0.9], 60, "better, by about 10", "equally well"),
    "an image apart": ([0.3, 0.8, 0.9, 0.95], [0.3, 0.8, 0.9, 0.9], 10,
        " Among 10 test images, that may be chance.", "So wide a gap"),
    "apart by chance": ([0.3, 0.8, 0.9, 1.0], [0.3, 0.8, 0.9, 0.9], 20,
        "by about 10 percentage points. Among 20 ", "So wide a gap"),
    "equal steps": ([0.1, 0.4, 0.7, 0.9], [0.1, 0.4, 0.7, 0.9], 2000, "comes in epochs 1 and 2.", "share falls"),
    "a fall made good": ([0.3, 0.8, 0.6, 0.9], [0.3, 0.8, 0.8, 0.9], 2000,
        " In epoch 2 the share falls by 20.0 percentage points and later recovers.", "stays below"),
    "a fall that stays": ([0.3, 0.8, 0.6, 0.7], [0.3, 0.8, 0.8, 0.9], 2000, " and stays below.", "recovers"),
    "best in between": ([0.3, 0.8, 0.9, 0.9], [0.3, 0.9, 0.9, 0.8], 2000,
        " Most were right after epochs 1 and 2: 90.0%.", "As many"),
    "best since long": ([0.3, 0.8, 0.9, 0.9], [0.3, 0.9, 0.8, 0.9], 2000, " As many were right after epoch 1.", "Most"),
    "better by one image": ([0.3, 0.8, 0.9, 0.9], [0.3, 0.9, 0.81, 0.8], 9, "of the answers", "As many"),
    "best at first": ([0.9, 0.8, 0.8, 0.8], [0.9, 0.8, 0.8, 0.8], 2000, " right before training: 9", "r epoch 0"),
    "apart for good": ([0.3, 0.8, 0.9, 1.0], [0.3, 0.8, 0.9, 0.9], 2000, "So wide a gap says", "chance"),
    "no gap to be seen": ([0.3, 0.8, 0.9, 0.9004], [0.3, 0.8, 0.9, 0.9], 2000, "they are about equal", "chance"),
}  # fmt: skip


LOSSES: dict[str, tuple[list[float], list[float], str, str]] = {  # of training and test, said, the lowest tick
    "both fall": ([2, 0.4, 0.3, 0.25], [2, 0.5, 0.4, 0.38], "Here, both are lowest at the end.", "0.25"),
    "the test loss turns up": ([2, 0.4, 0.3, 0.25], [2, 0.5, 0.55, 0.6], "Since epoch 1 the test loss has", "0.2"),
    "both rise": ([2, 0.4, 0.5, 0.6], [2, 0.5, 0.6, 0.7], "Here, that is not clearly so.", "0.4"),
    "one epoch": ([2, 0.4], [2, 0.5], "Here, both are lowest at the end.", "0.0"),
}


@pytest.mark.parametrize("shape", [(160, 90), (90, 160), (120, 120)], ids=["16:9", "9:16", "1:1"])
@pytest.mark.parametrize("case", LOSSES)
def test_a_verdict_on_the_losses_is_given_beside_both(case: str, shape: tuple[int, int], tmp_path: Path) -> None:
    train, test, said, lowest = LOSSES[case]
    with Bundle.open(make_bundle(tmp_path / "b", MEASURED)) as bundle:
        training = bundle.header.training
    history = tuple(
        EpochRecord(epoch=n, train_loss=a, train_accuracy=0.5, test_loss=b, test_accuracy=0.5)
        for n, (a, b) in enumerate(zip(train, test, strict=True))
    )
    path = changed(tmp_path / "b", Net(), training=training.model_copy(update={"history": history}))
    film = play(TrainingCurves, path, spec=TINY.model_copy(update={"width": shape[0], "height": shape[1]}))
    beats = {beat.cue: beat.say for beat in film.performance.beats}
    frame = next(frame for frame in film.board.frames if frame.beat == "verdict")
    texts = [item.name for item in frame.items if item.kind == "text"]
    assert said in beats["verdict"] and "loss" not in beats["gap"]
    assert {"loss", f"training {train[-1]:.2f}", f"test {test[-1]:.2f}", lowest} <= {*texts}, texts


@pytest.mark.parametrize("case", HISTORIES)
def test_curves_say_no_more_than_they_show(case: str, tmp_path: Path) -> None:
    train, test, tests, said, unsaid = HISTORIES[case]
    with Bundle.open(make_bundle(tmp_path / "b", MEASURED)) as bundle:
        training, dataset = bundle.header.training, bundle.header.dataset
    history = tuple(
        EpochRecord(epoch=n, train_loss=1 - a / 2, train_accuracy=a, test_loss=1 - b / 2, test_accuracy=b)
        for n, (a, b) in enumerate(zip(train, test, strict=True))
    )
    path = changed(
        tmp_path / "b",
        MEASURED,
        training=training.model_copy(update={"history": history}),
        dataset=dataset.model_copy(update={"test_count": tests}),
    )
    found = words(play(TrainingCurves, path))
    assert said in found and unsaid not in found, found


def test_a_result_is_held_against_naming_the_commonest_class(tmp_path: Path) -> None:
    def lopsided(arrays: dict[str, Array]) -> None:
        arrays["test_label"][:] = np.r_[np.zeros(42), np.ones(9), np.full(9, 2)]

    net = Net(measured=True, epochs=2, tests=60)
    said = words(play(TrainingCurves, changed(tmp_path / "b", net, lopsided)))
    assert "76.7% of the answers to them are right, where saying “shirt” every time would get 70.0%." in said
    assert "which guessing may give as well" not in said


# -- Grad-CAM ------------------------------------------------------------------------------------

ABLATIONS: Mapping[str, tuple[float, float, str]] = {  # changes of the brightest and of another channel
    "the other clearly": (-0.05, -0.2, "So the brightest is not the one needed most"),
    "both alike": (-0.103, -0.104, "Both count about equally."),
    "the brightest": (-0.2, -0.1, "Here the brightest is the one needed most, too."),
    "neither": (-0.003, -0.004, "So no map decides alone."),
    "the brightest, hardly": (-0.004, -0.003, "So no map decides alone."),
}


@pytest.mark.parametrize("case", ABLATIONS)
def test_what_an_ablation_says_depends_on_how_much_it_moves(case: str, tmp_path: Path) -> None:
    bright, other, said = ABLATIONS[case]

    def ablate(arrays: dict[str, Array]) -> None:
        tried = arrays["conv2/ablated"]  # (P, n)
        light = np.take_along_axis(arrays["conv2/activation"].sum((2, 3)), tried, 1)
        changes = np.zeros(tried.shape, np.float32)
        for probe, brightest in enumerate(light.argmax(1)):
            changes[probe, brightest], changes[probe, brightest - 1] = bright, other
        arrays["conv2/ablation"] = changes

    film = play(ChannelAblation, changed(tmp_path / "b", MEASURED, ablate))
    assert said in next(beat.say for beat in film.performance.beats if beat.cue == "decide")


VERDICTS = {  # support of the answer and of its rival at one place each: what is said of the first image
    (3.0, 0.1): "In all, “{answer}” has 30 times the support.",
    (1.0, 11.0): "In all, “{rival}” has 11 times the support and still loses: such a map shows where, not who wins.",
    (1.0, 1.5): "In all, “{rival}” has 1.5 times the support and still loses",
    (1.0, 1.04): "Both have about as much support",
    (0.0, 1.0): "The answer came all the same: Grad-CAM does not see everything.",
}


@pytest.mark.parametrize("support", VERDICTS)
def test_the_support_of_two_classes_is_judged_on_every_image(support: tuple[float, float], tmp_path: Path) -> None:
    def give(arrays: dict[str, Array]) -> None:
        maps = np.zeros_like(arrays["conv2/gradcam"])  # (P, K, h, w), the answer first
        maps[:, 0, 1, 1], maps[:, 1, 2, 2] = support
        arrays["conv2/gradcam"] = maps

    film = play(GradCam, changed(tmp_path / "b", MEASURED, give))
    said = {beat.cue: beat.say for beat in film.performance.beats}
    told = film.scene.told
    assert VERDICTS[support].format(answer=told["answer"], rival=told["rival"]) in said["second"]
    assert VERDICTS[support].format(answer=told["doubt_answer"], rival=told["doubt_rival"]) in said["reasons"]
    assert ("But such a map shows where, not why." in said["reasons"]) == (support == (3.0, 0.1))


def test_support_does_not_decide_where_other_images_say_so(tmp_path: Path) -> None:
    def give(arrays: dict[str, Array]) -> None:
        maps = np.zeros_like(arrays["conv2/gradcam"])
        maps[:2, 0, 1, 1] = maps[2, 1, 1, 1] = 1  # the last answer has less support than its rival
        arrays["conv2/gradcam"] = maps

    said = {beat.cue: beat.say for beat in play(GradCam, changed(tmp_path / "b", MEASURED, give)).performance.beats}
    assert "But on 1 of 3 images here, the answer has less: a map shows where, not who wins." in said["reasons"]


WEIGHTS = {  # of a bundle that was never trained here: what is said of its filter
    ("random", ""): "nobody has trained this network yet",
    ("trained here", "tutorial"): "nobody has trained this network yet",
    ("from nets.py:make", ""): "Nobody wrote these numbers down.",
    ("file net.safetensors", ""): "Training found them.",
}


@pytest.mark.parametrize(("weights", "model"), WEIGHTS)
def test_only_trained_weights_are_said_to_be_trained(weights: str, model: str, tmp_path: Path) -> None:
    with Bundle.open(make_bundle(tmp_path / "plain", Net())) as bundle:
        named = bundle.header.model.model_copy(update={"weights": weights})
    recipe = {"model": model, "weights": ""} if model else {}
    path = changed(tmp_path / "b", Net(), model=named, recipe=recipe)
    said = play(FeatureMapDemo, path).scene.told["origin"]
    assert WEIGHTS[weights, model] in said
    assert ("Training found" in said) == (weights == "file net.safetensors")


ORDERS = {  # by what each channel changes the probability, the brightest first: what is said
    (-0.3, -0.1, 0.0, 0.0): "The one needed most stands first.",
    (-0.1, 0.2, -0.3, 0.2): "The one needed most stands in place 3. Without 2 of them, the answer gets even surer.",
    (-0.1, 0.2, -0.3, 0.0): "Without one of them, the answer gets even surer.",
    (-0.001, 0.0, 0.0, 0.0): "",  # nothing to see
}


@pytest.mark.parametrize("changes", ORDERS)
def test_where_the_channel_needed_most_stands_by_brightness(changes: tuple[float, ...], tmp_path: Path) -> None:
    def ablate(arrays: dict[str, Array]) -> None:
        arrays["conv2/activation"] = np.maximum(arrays["conv2/activation"], 0.01)
        light = np.take_along_axis(arrays["conv2/activation"].sum((2, 3)), arrays["conv2/ablated"], 1)
        places = (-light).argsort(1).argsort(1)
        arrays["conv2/ablation"] = np.array(changes, np.float32)[places]

    film = play(ChannelAblation, changed(tmp_path / "b", Net(measured=True, widths=(4, 4)), ablate))
    said = {beat.cue: beat.say for beat in film.performance.beats}
    assert ORDERS[changes] in said["order"] if ORDERS[changes] else "order" not in said


def test_a_bundle_of_before_weights_were_kept_shows_the_sum_alone(tmp_path: Path) -> None:
    def older(arrays: dict[str, Array]) -> None:
        for name in [name for name in arrays if name.endswith("/gradcam_weight")]:
            del arrays[name]

    said = {beat.cue: beat.say for beat in play(GradCam, changed(tmp_path / "b", MEASURED, older)).performance.beats}
    assert "weights" not in said and said["map"].startswith("Grad-CAM weights each map of conv2 by how much")


@pytest.mark.parametrize("later", [0, 1])
def test_what_is_answered_without_a_channel_is_what_was_recorded(later: int, tmp_path: Path) -> None:
    """So many classes further on than what is answered with all channels."""
    net = Net(measured=True, widths=(4, 3))

    def ablate(arrays: dict[str, Array]) -> None:
        light = np.take_along_axis(arrays["conv2/activation"].sum((2, 3)), arrays["conv2/ablated"], 1)
        arrays["conv2/ablation"] = np.where(light <= light.min(1, keepdims=True), -0.1, 0).astype(np.float32)
        answers = (arrays["logits"].argmax(1)[:, None] + later) % len(net.classes)
        arrays["conv2/ablation_predicted"] = np.repeat(answers, 3, 1).astype(np.int32)

    film = play(ChannelAblation, changed(tmp_path / "b", net, ablate))
    said = {beat.cue: beat.say for beat in film.performance.beats}
    answer = re.findall("“(.*?)”", said["image"])[0]
    then = net.classes[(net.classes.index(answer) + later) % len(net.classes)]
    expected = f"The answer becomes “{then}”." if later else f"The answer stays “{then}” all the same."
    assert expected in said["decide"]


@pytest.mark.parametrize("loss", [0.1, 0.8])
def test_the_answer_is_said_to_stay_only_where_it_does(loss: float, tmp_path: Path) -> None:
    def ablate(arrays: dict[str, Array]) -> None:
        light = np.take_along_axis(arrays["conv2/activation"].sum((2, 3)), arrays["conv2/ablated"], 1)
        faintest = light <= light.min(1, keepdims=True)
        arrays["conv2/ablation"] = np.where(faintest, -loss, 0).astype(np.float32)
        del arrays["conv2/ablation_predicted"]  # as in a bundle of before that was kept

    film = play(ChannelAblation, changed(tmp_path / "b", Net(measured=True, widths=(4, 3)), ablate))
    said = next(beat.say for beat in film.performance.beats if beat.cue == "decide")
    assert "the brightest is not the one needed most" in said
    assert ("Neither decides alone: the answer stays." in said) == (loss == 0.1)


def test_a_channel_is_called_needed_only_where_the_answer_falls_without_it(tmp_path: Path) -> None:
    def raise_all(arrays: dict[str, Array]) -> None:
        light = np.take_along_axis(arrays["conv2/activation"].sum((2, 3)), arrays["conv2/ablated"], 1)
        arrays["conv2/ablation"] = (0.02 + 0.1 * (light >= light.max(1, keepdims=True))).astype(np.float32)

    film = play(ChannelAblation, changed(tmp_path / "b", Net(measured=True, widths=(4, 6)), raise_all))
    said = {beat.cue: beat.say for beat in film.performance.beats}
    assert "No channel of 6 channels tried is needed" in said["decide"] and "needed most" not in words(film)
    assert "order" not in said


def test_channels_are_taken_away_where_nobody_could_trace_the_answer_back(tmp_path: Path) -> None:
    def without_gradients(arrays: dict[str, Array]) -> None:
        for name in [name for name in arrays if "gradcam" in name]:
            del arrays[name]

    path = changed(tmp_path / "b", MEASURED, without_gradients)
    assert "decide" in [beat.cue for beat in play(ChannelAblation, path).performance.beats]
    with pytest.raises(BundleError, match="no array 'gradcam_classes'"):
        play(GradCam, path)


def test_what_speaks_for_a_class_is_what_adds_to_it_whatever_the_sign_of_its_weight(tmp_path: Path) -> None:
    def turn(arrays: dict[str, Array]) -> None:
        arrays["conv2/activation"] = -np.abs(arrays["conv2/activation"]) - 0.1
        arrays["conv2/gradcam_weight"] = -np.abs(arrays["conv2/gradcam_weight"]) - 0.01
        weights, maps = arrays["conv2/gradcam_weight"], arrays["conv2/activation"]
        arrays["conv2/gradcam"] = np.einsum("ptc,pchw->pthw", weights, maps).astype(np.float32)

    said = {beat.cue: beat.say for beat in play(GradCam, changed(tmp_path / "b", MEASURED, turn)).performance.beats}
    assert "gets −" in said["weights"] and "speaks for the answer" in said["weights"]
    assert "against" not in said["weights"]


def test_maps_that_do_not_add_up_are_not_said_to(tmp_path: Path) -> None:
    def spoil(arrays: dict[str, Array]) -> None:
        arrays["conv2/gradcam"] = arrays["conv2/gradcam"][:, :, ::-1].copy()

    said = {beat.cue: beat.say for beat in play(GradCam, changed(tmp_path / "b", MEASURED, spoil)).performance.beats}
    assert "weights" not in said and "the result is one map" not in said["map"]
