"""What is said of faults and of needed channels holds for the whole network and for maps with values below zero."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import Net, Played, make_bundle, play
from test_honesty import changed, words

from fmcore.analysis.attribution import brightest_is_decisive, by_brightness, in_the_way, largest_gain
from fmcore.analysis.cases import needing_another, needing_none
from fmcore.analysis.diagnostics import Background, Group, diagnose, diagnose_all
from fmcore.analysis.examples import Fault, dead_in_all, fault, likest_in_all
from fmcore.analysis.specimens import most_found, subject_for
from fmcore.bundle import Array, Bundle
from fmcore.check.layout import layout_findings
from scenes.channel_ablation import ChannelAblation
from scenes.channel_diagnostics import ChannelDiagnostics
from scenes.overview import Overview
from scenes.parts.loss_chart import largest_of_the_small
from scenes.parts.object_image import ObjectImage
from scenes.recap import Recap

MEASURED = Net(measured=True, epochs=3)
SIGNED = replace(MEASURED, relu=False)
SMALL = Net(size=(28, 28), widths=(4, 4, 6), pooled=True, measured=True)  # its last maps have 7 x 7 places
TINY_LAST = replace(SMALL, size=(16, 16))  # and here 4 x 4
Change = Callable[[dict[str, Array]], None]


def beats(film: Played) -> dict[str, str]:
    return {beat.cue: beat.say for beat in film.performance.beats}


def sound(arrays: dict[str, Array]) -> None:
    """No layer has a fault: all channels fire, none are alike, all look at the object."""
    for name in [name for name in arrays if name.endswith("/correlation")]:
        layer, count = name.rpartition("/")[0], len(arrays[name])
        arrays[name] = np.eye(count, dtype=np.float32)
        for part, value in {"mean": 0.3, "std": 0.4, "maximum": 3.0, "fired": 0.8, "foreground": 0.6}.items():
            arrays[f"{layer}/{part}"] = np.full(count, value, np.float32)


def alike(layer: str, count: int, r: float = 0.99) -> Change:
    """The first `count` channels of `layer` correlate at `r`, and no other channel of the network has a fault."""

    def change(arrays: dict[str, Array]) -> None:
        sound(arrays)
        block = np.full((count, count), r, np.float32)
        np.fill_diagonal(block, 1)
        arrays[f"{layer}/correlation"][:count, :count] = block

    return change


def many(path: Path, net: Net) -> dict[str, Any]:
    """Header fields of a bundle measured over enough images to judge a channel by."""
    with Bundle.open(changed(path / "plain", net)) as bundle:
        assert bundle.header.measures is not None
        return {"measures": bundle.header.measures.model_copy(update={"images": 560, "foreground_images": 310})}


# -- faults of the whole network -----------------------------------------------------------------


def test_a_layer_that_is_mostly_copies_is_shown_though_its_maps_are_small(tmp_path: Path) -> None:
    def copies_and_a_watcher(arrays: dict[str, Array]) -> None:
        alike("conv3", 4)(arrays)
        arrays["conv2/foreground"][0] = 0.01  # the only finding among layers with fine maps

    path = changed(tmp_path / "b", TINY_LAST, copies_and_a_watcher)
    with Bundle.open(path) as bundle:
        found = most_found(bundle, diagnose_all(bundle))
        assert found is not None and found.layer == "conv3" and bundle.layer("conv3").output_shape == (6, 4, 4)
        few = [replace(one, redundant=one.redundant and (Group((0, 1), 0.99),)) for one in diagnose_all(bundle)]
        assert (found := most_found(bundle, few)) is not None and found.layer == "conv2"  # 2 of 6 are not most
    assert "4 of 6 channels have a near copy." in words(play(ChannelDiagnostics, path))


@pytest.mark.parametrize(("layer", "count"), [("conv3", 2), ("conv1", 2)])
def test_the_recap_shows_copies_wherever_the_network_has_them(tmp_path: Path, layer: str, count: int) -> None:
    film = beats(play(Recap, changed(tmp_path / "b", TINY_LAST, alike(layer, count))))
    said = f"such as copies. Channels 1 and 2 of {layer} are near copies, with a correlation of 0.99."
    assert said in film["faults"] and "dead" not in film["faults"]


def test_the_most_alike_are_those_of_any_layer(tmp_path: Path) -> None:
    def nearly(arrays: dict[str, Array]) -> None:
        alike("conv3", 2, 0.93)(arrays)
        arrays["conv1/correlation"][2, 3] = arrays["conv1/correlation"][3, 2] = 0.9

    path = changed(tmp_path / "b", TINY_LAST, nearly, **many(tmp_path, TINY_LAST))
    with Bundle.open(path) as bundle:
        assert fault(bundle, 0) == Fault("alike", "conv3", 0, 1)
        assert (dead_in_all(bundle), likest_in_all(bundle)) == (0, pytest.approx(0.93))
    said = beats(play(Recap, path))["faults"]
    assert said.endswith(
        "Here the two most alike are channels 1 and 2 of conv3, and they are no copies. No channel is dead."
    )


def test_a_dead_channel_is_the_fault_even_where_another_layer_has_more_to_show(tmp_path: Path) -> None:
    def dead(arrays: dict[str, Array]) -> None:
        sound(arrays)
        arrays["conv1/foreground"][:] = 0.01
        for part in ("mean", "std", "maximum", "fired"):
            arrays[f"conv2/{part}"][3] = 0

    path = changed(tmp_path / "b", SMALL, dead, **many(tmp_path, SMALL))
    said = beats(play(Recap, path))["faults"]
    assert "such as dead filters and copies. Channel 4 of conv2 is dead" in said


def test_a_layer_without_a_fault_does_not_hide_that_of_another(tmp_path: Path) -> None:
    path = changed(tmp_path / "b", SMALL, alike("conv3", 2), **many(tmp_path, SMALL))
    assert "But in conv3, 2 of 6 channels have a near copy." in words(
        play(ChannelDiagnostics, path, {"layer": "conv1"})
    )
    assert "But in " not in words(play(ChannelDiagnostics, path, {"layer": "conv3"}))


# -- diagnostics ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("fired", "said"), [
    (0.6, "Channel 3 is above zero on the fewest, on 60% of 560 images; but what lies below zero counts, too."),
    (1.0, "Each is above zero somewhere on all 560 images."),
])  # fmt: skip
def test_no_channel_is_called_quiet_where_values_go_below_zero(tmp_path: Path, fired: float, said: str) -> None:
    def rare(arrays: dict[str, Array]) -> None:
        sound(arrays)
        for layer in ("conv1", "conv2"):
            arrays[f"{layer}/fired"][:] = 1
            arrays[f"{layer}/fired"][2] = fired

    film = words(play(ChannelDiagnostics, changed(tmp_path / "b", SIGNED, rare, **many(tmp_path, SIGNED))))
    assert f"Where values go below zero, hardly any channel ever is. {said}" in film
    assert "is above zero somewhere on " in film and "quiet" not in film and "fires" not in film
    film = words(play(ChannelDiagnostics, changed(tmp_path / "c", MEASURED, rare, **many(tmp_path, MEASURED))))
    assert f"The quietest, channel {3 if fired < 1 else 1}, fires on" in film
    assert "fires, so is above zero, on 100% of 560 images." in film and "below zero" not in film


@pytest.mark.parametrize(("net", "said"), [
    (MEASURED, "Channel 2 has 90% of its activation there"),
    (SIGNED, "Channel 2 has 90% of what it holds above zero there"),
])  # fmt: skip
def test_a_share_off_the_object_is_said_as_findings_say_it(tmp_path: Path, net: Net, said: str) -> None:
    def watch(arrays: dict[str, Array]) -> None:
        sound(arrays)
        arrays["conv2/foreground"][1] = 0.093

    path = changed(tmp_path / "b", net, watch, **many(tmp_path, net))
    film = words(play(ChannelDiagnostics, path))
    assert said in film and "90% off the object" in film and "91%" not in film
    with Bundle.open(path) as bundle:
        assert "with 90% of its activation there" in " ".join(diagnose(bundle, "conv2").sentences())


def test_the_image_shown_is_one_on_which_the_background_lights_the_channel(tmp_path: Path) -> None:
    def lit(arrays: dict[str, Array]) -> None:
        arrays["probes"][:] = 0
        arrays["probes"][:2, :, 4:9, 4:9] = 1  # the last shows no object
        arrays["conv1/activation"][:] = 0
        arrays["conv1/activation"][:, 1, 5:8, 5:8] = 1  # on the object
        arrays["conv1/activation"][1, 1] = 0
        arrays["conv1/activation"][:, 1, 0, :4] = 1
        arrays["conv1/activation"][2, 1] = 5

    with Bundle.open(changed(tmp_path / "b", MEASURED, lit)) as bundle:
        found = replace(diagnose(bundle, "conv1"), background=(Background(1, 0.9, 3.0),))
        assert [subject_for(bundle, found, probe) for probe in range(3)] == [1, 1, 1]
        none = replace(found, background=())
        assert [subject_for(bundle, none, probe) for probe in range(3)] == [0, 1, 0]  # an object is enough


def test_what_was_looked_for_and_not_found_does_not_read_as_found(tmp_path: Path) -> None:
    path = changed(tmp_path / "b", MEASURED, alike("conv1", 2), **many(tmp_path, MEASURED))
    film = words(play(ChannelDiagnostics, path, {"layer": "conv1"}))
    assert "looked for: zero on all 560 images" in film and "looked for: correlation" not in film
    assert "correlation of 0.95 or more" in film and "nothing to mend" in film
    path = changed(tmp_path / "c", MEASURED, sound, measures=many(tmp_path, MEASURED)["measures"].model_copy(
        update={"foreground_images": 0}
    ))  # fmt: skip
    assert "not measured nothing is known" in words(play(ChannelDiagnostics, path, {"layer": "conv1"}))


@pytest.mark.parametrize("side", [12, 64, 224])
def test_the_background_is_striped_so_that_it_passes_for_no_colour_of_the_image(side: int) -> None:
    mask = np.zeros((side, side), bool)
    mask[side // 4 : side // 2, side // 4 : side // 2] = True
    pixels = ObjectImage(np.full((1, side, side), 0.5, np.float32), mask, 2.0, "background").picture.pixel_array
    tinted = (pixels[..., :3].max(2) - pixels[..., :3].min(2)) > 20
    assert not tinted[mask].any() and 0.2 < tinted[~mask].mean() < 0.5


# -- brightness and need -------------------------------------------------------------------------


def taken_away(changes: list[float], light: list[float] | None = None, layer: str = "conv2") -> Change:
    """The first channels of `layer`, lit so much above and as much below zero, change every answer by so much."""

    def change(arrays: dict[str, Array]) -> None:
        tried = len(changes)
        if light is not None:
            maps = np.zeros_like(arrays[f"{layer}/activation"])
            maps[:, :tried, 2:5, 2:5] = np.array(light)[:, None, None]
            maps[:, :tried, 6:9, 6:9] = -np.array(light)[:, None, None] * (np.array(light) > 1)[:, None, None]
            arrays[f"{layer}/activation"] = maps
        probes = len(arrays["probes"])
        arrays[f"{layer}/ablated"] = np.tile(np.arange(tried), (probes, 1))
        arrays[f"{layer}/ablation"] = np.tile(np.array(changes, np.float32), (probes, 1))
        arrays[f"{layer}/ablation_predicted"] = np.zeros((probes, tried), np.int32)

    return change


def test_the_brightest_is_the_one_with_most_light_above_zero(tmp_path: Path) -> None:
    """What lies below zero cancels no light, and what is nowhere above zero is not lit."""
    change = taken_away([-0.3, -0.1, 0.004, 0.3], [1, 9, 5, -2])
    path = changed(tmp_path / "b", SIGNED, change)
    with Bundle.open(path) as bundle:
        assert [one.channel for one in by_brightness(bundle, "conv2", 0)] == [1, 2, 0, 3]
        assert brightest_is_decisive(bundle, "conv2", 0).brightest.channel == 1
        assert (in_the_way(bundle, "conv2", 0), largest_gain(bundle, "conv2", 0)) == (1, pytest.approx(0.004))
    assert beats(play(ChannelAblation, path))["ablate"].startswith("Counting only what is above zero, the brightest")


@pytest.mark.parametrize(("gains", "said"), [
    ([0.0045, 0.0044], "Without 2 of them, the answer gets a little surer, by at most 0.5 points."),
    ([0.0045, 0.0], "Without one of them, the answer gets a little surer, by at most 0.5 points."),
    ([0.045, 0.003], "Without 2 of them, the answer gets even surer."),
    ([0.0, 0.0], "stands in place 2."),
])  # fmt: skip
def test_an_answer_gets_surer_by_as_much_as_is_seen(tmp_path: Path, gains: list[float], said: str) -> None:
    path = changed(tmp_path / "b", Net(measured=True), taken_away([-0.02, -0.9, *gains], [1, 0.9, 0.8, 0.7]))
    film = beats(play(ChannelAblation, path))
    assert film["order"].endswith(said) and film["ablate"].startswith("Added up over all places, the brightest")


def test_bars_that_the_largest_dwarfs_are_enlarged(tmp_path: Path) -> None:
    light = [1, 0.9, 0.8, 0.7, 0.6, 0.5]
    some = changed(tmp_path / "a", Net(measured=True), taken_away([-0.2, -0.9, 0.1, -0.3, 0.05, 0.1], light))
    assert "enlarged" not in words(play(ChannelAblation, some))
    dwarfed = changed(tmp_path / "b", Net(measured=True), taken_away([-0.02, -0.9, 0.01, -0.03, 0.005, 0.01], light))
    film = words(play(ChannelAblation, dwarfed))
    assert "The same bars, enlarged" in film and "channel 2: −90.0" in film
    assert largest_of_the_small([-0.9, 0.02, 0.01, -0.03, 0.0]) == pytest.approx(0.03)
    assert largest_of_the_small([-0.9, 0.0002, 0.0001, 0.0, 0.0]) is None  # nobody would see that


def test_the_recap_asks_the_layer_in_which_channels_are_taken_away(tmp_path: Path) -> None:
    """On the first image another is needed by far, on the second only the brightest, on the third none."""

    def change(arrays: dict[str, Array]) -> None:
        for layer, changes in (("conv2", [-0.02, -0.2, 0]), ("conv3", [0, 0, 0])):
            taken_away(changes, [1, 0.9, 0.8], layer)(arrays)
        arrays["conv2/ablation"][1] = [-0.2, 0, 0]
        arrays["conv2/ablation"][2] = [0.03, -0.001, 0]  # it rises without the brightest, and needs no other

    path = changed(tmp_path / "b", TINY_LAST, change)
    with Bundle.open(path) as bundle:
        assert (needing_another(bundle, "conv2"), needing_none(bundle, "conv2")) == (1, 1)
    film = play(Recap, path)
    assert beats(film)["whole"].endswith(
        "On 1 of 3 images, the answer needs another map of conv2, of those tried, more than the brightest."
        " This is the one. On 1 of 3, it hardly needs any single map tried."
    )
    assert "brightest: channel 1" in words(film)


# -- a weak network ------------------------------------------------------------------------------


def test_a_weak_network_is_introduced_in_words_of_its_own(tmp_path: Path) -> None:
    path = changed(tmp_path / "b", Net(measured=True, tests=30, wrong=True))
    assert beats(play(Overview, path))["weak"] == (
        "Of 30 test images this network gets 0% right. Saying “shirt” every time would get 33%. So it is weak."
    )

    def one_answer(arrays: dict[str, Array]) -> None:
        arrays["test_predicted"][:] = 2

    path = changed(tmp_path / "c", Net(measured=True, tests=30), one_answer)
    assert beats(play(Overview, path))["weak"] == (
        "This network has but one answer: it answers “bag” to each of 30 test images,"
        " so its answers tell nothing apart. Such a network is weak."
    )


@pytest.mark.parametrize("wanted", ["words, sentence", "sentence", "filtered", "questions"])
def test_a_lesson_may_end_with_some_points_alone(wanted: str, tmp_path: Path) -> None:
    film = play(Recap, make_bundle(tmp_path / "b", MEASURED), {"beats": wanted})
    assert [beat.cue for beat in film.performance.beats] == wanted.split(", ")
    assert [*layout_findings(film.board, {})] == []
