"""Every scene in every situation: it plays to the frame, and what stands in a frame can be seen and read.

A scene is played without drawing; what stands at the end of each beat is looked at.
"""

from collections import Counter
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import GARMENTS, TINY, Net, make_bundle, play

from fmcore.analysis.hierarchy import typical_of_classes
from fmcore.bundle import Bundle, save_bundle
from fmcore.check.layout import layout_findings
from fmcore.check.pace import pace_findings
from fmcore.check.teaching import teaching_findings
from fmcore.errors import FmcoreError
from fmcore.lesson.captions import captions
from fmcore.render.catalogue import list_scenes
from fmcore.render.spec import ASPECTS, quality
from scenes import look
from scenes.parts.feature_map import FeatureMap
from scenes.parts.text import number
from scenes.stage import LessonScene

SCENES = [ref.name for ref in list_scenes() if (ref.module or "").startswith("scenes.")]
ODD = ("حقيبة “{x}” <b>&", "{channel} {0} %s \\n", "'single' \"double\" {")
FULL: dict[str, Any] = {"measured": True, "epochs": 2}
SITUATIONS: dict[str, tuple[Net, dict[str, Any]]] = {  # trained networks are those of the proof
    "64 pixels in RGB": (
        Net(**FULL, image_channels=3, size=(64, 64), widths=(6, 8, 12, 16), stride=2, pooled=True),
        {"probe": "shirt"},
    ),
    "512 channels": (Net(**FULL, size=(8, 8), widths=(512, 512)), {"layer": "conv2", "channel": 512}),
    "a dead channel, a weak network and odd names": (
        Net(
            **FULL,
            dead=(1,),
            wrong=True,
            tests=30,
            classes=ODD,
        ),
        {"probe": 1, "channel": 2},
    ),
    "all channels dead and no names": (Net(**FULL, dead=(0, 1, 2, 3), widths=(4, 4), classes=("", "", "")), {}),
    "one channel and long names": (
        Net(**FULL, widths=(1, 1), classes=("a class that somebody named after a whole folder of photographs",) * 3),
        {},
    ),
}


def scene_class(name: str) -> type[LessonScene]:
    ref = next(ref for ref in list_scenes() if ref.name == name)
    found: type[LessonScene] = getattr(import_module(str(ref.module)), name)
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The bundle of a situation, made when it is first asked for."""

    @cache
    def of(situation: str) -> Path:
        net, _ = SITUATIONS[situation.removesuffix(", another")]
        net = replace(net, seed=8) if situation.endswith(", another") else net
        return make_bundle(tmp_path_factory.mktemp("situation") / "made-up.safetensors", net)

    return of


# -- the table -----------------------------------------------------------------------------------


def look_at(scene: Any) -> list[FeatureMap]:
    return [member for mobject in scene.mobjects for member in mobject.get_family() if isinstance(member, FeatureMap)]


WIDE = "512 channels"
FEW = {
    "Opening",
    "Overview",
    "ActivationOverlay",
    "GradCam",
    "Nonlinearity",
    "Recap",
    "TrainingCurves",
}  # they draw a few channels, however many there are
CASES = [(name, situation) for name in SCENES for situation in SITUATIONS if situation != WIDE or name not in FEW]
LOOKS = [(aspect, theme) for aspect in ASPECTS for theme in ("dark", "light")]


@pytest.mark.parametrize(("name", "situation", "look"), [(*case, LOOKS[n % 6]) for n, case in enumerate(CASES)])
def test_a_scene_plays_and_can_be_read(name: str, situation: str, look: tuple[str, Any], made: Any) -> None:
    chosen = scene_class(name)
    options = {key: value for key, value in SITUATIONS[situation][1].items() if key in chosen.Options.model_fields}
    other = made(f"{situation}, another") if name == "ModelComparison" else None
    spec = quality("smoke", *look).model_copy(update={"fps": 3})
    film = play(chosen, made(situation), options, spec, look_at, other)
    beats, figures = film.performance.beats, film.performance.figures
    seconds = sum(beat.duration for beat in chosen.script.filled(film.scene.told).beats)
    assert film.frames == beats[-1].end == round(seconds * spec.fps)
    assert list(film.seen) == [beat.cue for beat in beats]
    assert all("{" not in beat.say for beat in beats) or "odd names" in situation
    assert "".join("".join(c.text.split()) for c in captions(beats)) == "".join("".join(b.say.split()) for b in beats)
    for figure in figures:
        left, top, right, bottom = figure.box
        assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1, figure
    with Bundle.open(made(situation)) as bundle, Bundle.open(other or made(situation)) as second:
        found = [*layout_findings(film.board, {}), *pace_findings(film.board)]
        found += teaching_findings(film.board, bundle, second)
    assert [f"{finding.beat}, {finding.rule}: {finding.message}" for finding in found] == []


@pytest.mark.parametrize("name", ["FeatureMapDemo", "Nonlinearity"])
def test_sizes_of_three_digits_have_room_in_an_upright_frame(name: str, tmp_path: Path) -> None:
    bundle = make_bundle(
        tmp_path / "b", Net(**FULL, image_channels=3, size=(224, 224), stride=2, kernel=5, widths=(4, 4))
    )
    board = play(scene_class(name), bundle, spec=quality("smoke", "9:16").model_copy(update={"fps": TINY.fps})).board
    assert [finding.message for finding in layout_findings(board, {})] == []


@pytest.mark.parametrize("aspect", ASPECTS)
def test_the_likeness_of_many_layers_has_room_in_every_frame(aspect: str, tmp_path: Path) -> None:
    one, other = (
        make_bundle(tmp_path / f"{name} of many layers", Net(**FULL, widths=(3,) * 12, seed=seed))
        for seed, name in enumerate(("one network", "another one"), start=7)
    )
    spec = quality("smoke", aspect).model_copy(update={"fps": TINY.fps})  # type: ignore[arg-type]
    board = play(scene_class("ModelComparison"), one, spec=spec, other=other).board
    assert [finding.message for finding in layout_findings(board, {})] == []


@pytest.mark.parametrize("dim", [False, True], ids=["all clear", "one dim"])
def test_maps_from_close_have_own_scales_where_one_would_hide_some(dim: bool, tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "b", Net(**FULL, widths=(6, 6)))
    with Bundle.open(path) as bundle:
        header, arrays = bundle.header, {name: bundle.array(name) for name in bundle.header.arrays}
    maps = np.array(arrays["conv1/activation"])
    maps /= np.maximum(maps.max((2, 3), keepdims=True), 1e-6)
    maps[:, 1:] *= 0.2 if dim else 0.5
    save_bundle(path, header, arrays | {"conv1/activation": maps})
    figures = play(scene_class("MultipleFeatureMaps"), path).performance.figures
    kinds = {
        cue: {figure.scale for figure in figures if figure.beat == cue and figure.array == "conv1/activation"}
        for cue in ("scale", "meaning", "stack")
    }
    assert kinds == {"scale": {"per_layer"}, "meaning": {"per_map" if dim else "per_layer"}, "stack": {"per_layer"}}


@pytest.mark.parametrize(("aspect", "most"), [("16:9", 16), ("9:16", 8)])
def test_the_map_ends_among_those_of_its_layer(aspect: str, most: int, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b", Net(widths=(2, 20)))
    spec = quality("smoke", aspect).model_copy(update={"fps": TINY.fps})  # type: ignore[arg-type]
    film = play(scene_class("ActivationHeatmap"), bundle, {"channel": 20}, spec)
    shown = [figure.index[-1] for figure in film.performance.figures if figure.beat == "caution"]
    assert len(set(shown)) == len(shown) == most and 19 in shown
    assert f"{most} of 20 channels, one scale" in {item.name for item in film.board.frames[-1].items}


@pytest.mark.parametrize(("side", "layer"), [(64, "conv3"), (28, "conv2"), (8, "conv1")])
def test_a_film_opens_with_maps_to_see_something_in(side: int, layer: str, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b", Net(size=(side, side), widths=(2, 3, 4), pooled=True))
    figures = play(scene_class("Opening"), bundle).performance.figures
    assert {figure.array for figure in figures} == {"probes", f"{layer}/activation"}


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_every_slice_of_a_filter_has_its_sum_and_they_add_up(channels: int, tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "b.safetensors", Net(**FULL, image_channels=channels, bias=0.2))
    film = play(scene_class("ConvolutionStep"), path, {"channel": 3})
    said = {beat.cue: beat.say for beat in film.performance.beats}
    written = " ".join(item.name for frame in film.board.frames for item in frame.items if item.kind == "text")
    assert ("slices" in said) == (channels > 1)
    claims = {one.name: one.claim for one in film.performance.claims}
    names = {2: ["channel 1", "channel 2"], 3: ["red", "green", "blue"]}.get(channels, ["products"])
    assert all(name in written for name in names)
    if channels > 1:
        parts = [claims[name].value for name in ("made", "second", "third_slice")[:channels]]
        assert sum(parts) == pytest.approx(claims["all_slices"].value, abs=1e-5)
        assert all(name in said["products"] + said["slices"] for name in names)
        with Bundle.open(path) as bundle:
            probe, channel, row, column = claims["all_slices"].index
            value = float(bundle.part("conv1/preactivation", probe, channel, row, column))
        assert claims["all_slices"].value + 0.2 == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize(("aspect", "channels"), [*((aspect, 1) for aspect in ASPECTS), ("9:16", 3)])
def test_every_number_that_is_added_up_can_be_read_in_every_frame(aspect: Any, channels: int, tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "b.safetensors", Net(**FULL, image_channels=channels, bias=0.2))
    spec = quality("smoke", aspect).model_copy(update={"fps": TINY.fps})
    film = play(scene_class("ConvolutionStep"), path, {"probe": 0, "channel": 3}, spec)
    written = [item.name for item in film.board.frames[2].items if item.kind == "text"]  # patch × filter = products
    assert film.board.frames[2].beat == "products"
    with Bundle.open(path) as bundle:
        slices = [[number(float(value)) for value in one.flat] for one in bundle.part("conv1/weight", 2)]
    shown = [weights for weights in slices if not Counter(weights) - Counter(written)]
    assert any(text.startswith("−") for weights in shown for text in weights)  # the longest ones
    assert len(shown) == 1 and sum("." in text for text in written) >= 3 * len(shown[0])


@pytest.mark.parametrize(("name", "aspect"), [("Overview", "16:9"), ("Overview", "9:16"), ("FeatureMapDemo", "1:1")])
def test_numbers_of_a_colour_image_are_shown_a_colour(name: str, aspect: Any, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b.safetensors", Net(**FULL, image_channels=3))
    spec = quality("smoke", aspect).model_copy(update={"fps": TINY.fps})
    board = play(scene_class(name), bundle, {"probe": 0}, spec).board
    texts = [item.name for item in board.frames[0].items if item.kind == "text"]
    assert {"red", "green", "blue"} <= {*texts}
    with Bundle.open(bundle) as opened:
        values = {f"{value:.{decimals}f}" for value in opened.part("probes", 0).flat for decimals in (1, 2)}
    written = [text for text in texts if text.replace(".", "").isdigit() and "." in text]
    assert len(written) >= 3 and len(written) % 3 == 0 and {*written} <= values


@pytest.mark.parametrize("channels", [1, 3])
def test_the_progression_starts_from_the_image_in_its_colours(channels: int, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b.safetensors", Net(**FULL, image_channels=channels))
    figures = play(scene_class("FeatureMapProgression"), bundle).performance.figures
    shown = {(figure.index, figure.colours) for figure in figures if figure.array == "probes"}
    assert shown == {((2, 0), "gray") if channels == 1 else ((2,), "rgb")}


def test_bars_for_classes_stand_in_the_place_of_maps_and_mark_the_highest(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "b", Net(**FULL))
    film = play(scene_class("FeatureMapProgression"), path, watch=lambda scene: scene.table)
    table = film.seen["classes"]
    frame = next(frame for frame in film.board.frames if frame.beat == "classes")
    written = {item.name for item in frame.items if item.kind == "text"}
    with Bundle.open(path) as bundle:
        assert [name.text for name in table.names] == ["layer", "channel", *bundle.header.classes]
        assert {*bundle.header.classes, *bundle.layer_names} <= written
        for layer, (name, number_, *bars, _) in zip(bundle.layer_names, table.columns, strict=True):
            channel, means = typical_of_classes(bundle, layer) or (0, np.zeros(1))
            assert (name.text, number_.text) == (layer, str(channel + 1))
            marked = [bar.get_fill_color() == look.ACCENT for bar in bars]
            assert marked.index(True) == means.argmax() and sum(marked) == 1
    assert not [figure for figure in film.performance.figures if figure.beat == "classes"]


@pytest.mark.parametrize(("dead", "said"), [((1,), "% of that."), ((1, 2, 3), ", channel 2 nothing at all.")])
def test_brightness_is_compared_with_a_map_that_is_lit_if_there_is_one(
    dead: tuple[int, ...], said: str, tmp_path: Path
) -> None:
    net = Net(**FULL, image_channels=3, dead=dead)
    bundle = make_bundle(tmp_path / "b.safetensors", net)
    if len(dead) == 1:  # one that is lit, faintly
        with Bundle.open(bundle) as opened:
            arrays = {name: np.array(opened.array(name)) for name in opened.header.arrays}
            arrays["conv1/activation"][:, 2] *= 0.01
            save_bundle(bundle, opened.header, arrays)
    board = play(scene_class("MultipleFeatureMaps"), bundle)
    scale = next(beat.say for beat in board.performance.beats if beat.cue == "scale")
    assert scale.endswith(said) and "only 0%" not in scale
    assert "red slice" in {item.name for frame in board.board.frames for item in frame.items}


def test_a_flat_map_says_that_it_is_flat(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b.safetensors", Net(dead=(1,)))
    seen = play(scene_class("ActivationHeatmap"), bundle, {"channel": 2}, watch=look_at).seen
    assert {found.shape_label.text for found in seen["map"]} == {"12 × 12 × 1 · flat"}


@pytest.mark.parametrize(
    ("wrong", "verdict"), [(False, "That is right."), (True, "That is wrong.")], ids=["right", "wrong"]
)
def test_a_wrong_answer_is_called_wrong(wrong: bool, verdict: str, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b.safetensors", Net(wrong=wrong))
    said = play(scene_class("Overview"), bundle, {"probe": "bag"}).performance.beats[1].say
    assert said.endswith(verdict)
    assert f"“{GARMENTS[0] if wrong else 'bag'}”" in said


UNUSUAL = {
    "filters of 1 x 1": (Net(kernel=1), ["FeatureMapDemo"]),
    "filters of 5 x 5": (Net(kernel=5), ["FeatureMapDemo"]),
    "filters of 11 x 11": (Net(kernel=11, size=(24, 24)), ["FeatureMapDemo", "MultipleFeatureMaps"]),
    "no bias": (Net(has_bias=False), ["FeatureMapDemo"]),
    "no nonlinearity": (Net(relu=False), ["FeatureMapDemo", "ActivationHeatmap"]),
    "two channels": (Net(image_channels=2), ["FeatureMapDemo", "ActivationHeatmap"]),
    "4 pixels a side": (Net(size=(4, 4), widths=(3, 3), pooled=True), ["FeatureMapDemo", "FeatureMapProgression"]),
    "one convolution": (Net(widths=(4,)), ["MultipleFeatureMaps", "FeatureMapProgression"]),
    "six convolutions": (Net(widths=(3, 4, 5, 6, 7, 8)), ["FeatureMapProgression"]),
}


@pytest.mark.parametrize("case", UNUSUAL)
def test_an_unusual_network_is_shown_or_refused_in_a_sentence(case: str, tmp_path: Path) -> None:
    net, names = UNUSUAL[case]
    bundle = make_bundle(tmp_path / "made-up.safetensors", net)
    for name in names:
        try:
            film = play(scene_class(name), bundle)
        except FmcoreError as error:
            assert "\n" not in error.message and "made-up" in error.message
            continue
        assert film.frames == film.performance.beats[-1].end


@pytest.mark.parametrize("aspect", ASPECTS)
def test_filters_have_the_numbers_of_their_maps(aspect: Any, tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "b.safetensors", Net(**FULL | {"widths": (12, 3, 4)}))
    spec = quality("smoke", aspect).model_copy(update={"fps": TINY.fps})
    film = play(scene_class("MultipleFeatureMaps"), path, spec=spec)
    shown = {figure.index[0] for figure in film.performance.figures if figure.array == "conv1/weight"}
    frame = next(frame for frame in film.board.frames if frame.beat == "filters")
    assert len(shown) == 8 and {f"{channel + 1}" for channel in shown} <= {item.name for item in frame.items}
