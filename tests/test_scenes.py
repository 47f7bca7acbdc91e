"""Every scene in every situation: it plays to the frame, and what stands in a frame can be seen and read.

A scene is played without drawing; what stands at the end of each beat is looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import GARMENTS, TINY, Net, make_bundle, play
from manim import ImageMobject, config

from fmcore.bundle import Bundle
from fmcore.errors import FmcoreError
from fmcore.lesson.captions import captions
from fmcore.render.catalogue import list_scenes
from scenes.parts.channel_stack import ChannelStack
from scenes.parts.feature_map import FeatureMap
from scenes.parts.text import Label, label
from scenes.stage import LessonScene

SCENES = [ref.name for ref in list_scenes() if (ref.module or "").startswith("scenes.")]
SMALLEST_TEXT = 0.022  # height of a capital as a share of the frame's: 24 pixels at 1080p
CAPTIONS = -2.75  # players may cover what lies below
FAR = 1e-3  # frame units: less is touching

SITUATIONS: dict[str, tuple[str | Net, dict[str, Any]]] = {
    "tutorial on grey": ("tutorial_bundle", {}),
    "deep on grey": ("deep_bundle", {"layer": "conv4"}),
    "tutorial on RGB": ("rgb_bundle", {}),
    "64 pixels": (Net(size=(64, 64), widths=(6, 8, 12, 16), stride=2, pooled=True), {"probe": "shirt"}),
    "512 channels": (Net(size=(8, 8), widths=(512, 512)), {"layer": "conv2", "channel": 512}),
    "a dead channel, wrong answers and odd names": (
        Net(dead=(1,), wrong=True, classes=("特征图 “{x}” <b>&", "{channel} {0} %s \\n", "'single' \"double\" {")),
        {"probe": 1, "channel": 2},
    ),
    "all channels dead and no names": (Net(dead=(0, 1, 2, 3), widths=(4, 4), classes=("", "", "")), {}),
    "one channel and long names": (
        Net(widths=(1, 1), classes=("a class that somebody named after a whole folder of photographs",) * 3),
        {},
    ),
}


def scene_class(name: str) -> type[LessonScene]:
    ref = next(ref for ref in list_scenes() if ref.name == name)
    found: type[LessonScene] = getattr(import_module(str(ref.module)), name)
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Any:
    """The bundle of a situation, made when it is first asked for."""

    @cache
    def of(situation: str) -> Path:
        net, _ = SITUATIONS[situation]
        if isinstance(net, str):
            return Path(request.getfixturevalue(net))
        return make_bundle(tmp_path_factory.mktemp("situation") / "made-up.safetensors", net)

    return of


# -- what stands in a frame ------------------------------------------------------------------------


@dataclass(frozen=True)
class Box:
    """What takes up room: left, right, bottom and top in frame units."""

    name: str
    left: float
    right: float
    bottom: float
    top: float

    @classmethod
    def of(cls, name: str, points: np.ndarray) -> "Box":
        (left, bottom), (right, top) = points[:, :2].min(0), points[:, :2].max(0)
        return cls(name, float(left), float(right), float(bottom), float(top))

    def meets(self, other: "Box") -> bool:
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.top, other.top) - max(self.bottom, other.bottom)
        return across > FAR and down > FAR


@cache
def set_text(text: str, bold: bool) -> tuple[float, float]:
    """Width by height of `text`, and the height of a capital by that width."""
    mobject = label(text, bold=bold)
    return mobject.width / mobject.height, label("H", bold=bold).height / mobject.width


def capital_height(member: Label) -> float:
    """Height of a capital in the letters of `member`, in frame units."""
    shape, capital = set_text(member.text, False)
    if abs(shape * member.height / member.width - 1) > 1e-3:
        shape, capital = set_text(member.text, True)
    return capital * member.width


def faults(scene: Any) -> Iterator[str]:
    """What cannot be seen or read in the frame as it stands."""
    half_width, half_height = config.frame_width / 2, config.frame_height / 2
    family = [member for mobject in scene.mobjects for member in mobject.get_family() if len(member.points)]
    labels = [
        (Box.of(f"“{member.text}”", member.points), member)
        for member in family
        if isinstance(member, Label) and member.get_fill_opacity() > 0
    ]
    shapes = [Box.of(type(member).__name__, member.points) for member in family if not isinstance(member, Label)]
    for box in [box for box, _ in labels] + shapes:
        if max(-box.left, box.right) > half_width + FAR or box.top > half_height + FAR:
            yield f"{box.name} leaves the frame: {box.left:.2f} to {box.right:.2f}, up to {box.top:.2f}"
        if box.bottom < CAPTIONS:
            yield f"{box.name} lies under the captions: down to {box.bottom:.2f}"
    for box, member in labels:
        share = capital_height(member) / config.frame_height
        if share < SMALLEST_TEXT:
            yield f"{box.name} is too small: a capital has {share:.2%} of the height"
    for number, (box, _) in enumerate(labels):
        for other, _ in labels[number + 1 :]:
            if box.meets(other):
                yield f"{box.name} and {other.name} overlap"
    pictures = [
        Box.of("a picture", member.points)
        for member in family
        if isinstance(member, ImageMobject) and member.get_pixel_array()[..., 3].max() > 0
    ]
    for box, _ in labels:
        for picture in pictures:
            if box.meets(picture):
                yield f"{box.name} lies on a picture"


def look_at(scene: Any) -> dict[str, Any]:
    groups = [member for mobject in scene.mobjects for member in mobject.get_family()]
    return {
        "faults": list(dict.fromkeys(faults(scene))),
        "maps": [member for member in groups if isinstance(member, FeatureMap)],
        "unlabelled": [
            member.name
            for member in groups
            if isinstance(member, FeatureMap) and member.shape_label not in member.submobjects
        ],
    }


# -- the table -----------------------------------------------------------------------------------


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("name", SCENES)
def test_a_scene_plays_and_can_be_read(name: str, situation: str, made: Any) -> None:
    chosen = scene_class(name)
    options = {key: value for key, value in SITUATIONS[situation][1].items() if key in chosen.Options.model_fields}
    film = play(chosen, made(situation), options, watch=look_at)
    beats, figures = film.performance.beats, film.performance.figures
    seconds = sum(beat.duration for beat in chosen.script.filled(film.scene.facts()).beats)
    assert film.frames == beats[-1].end == round(seconds * TINY.fps)
    assert list(film.seen) == [beat.cue for beat in beats]
    assert all("{" not in beat.say for beat in beats) or "odd names" in situation
    assert "".join("".join(c.text.split()) for c in captions(beats)) == "".join("".join(b.say.split()) for b in beats)
    assert figures or situation == "tutorial on RGB"
    for figure in figures:
        left, top, right, bottom = figure.box
        assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1, figure
        assert film.scene.bundle.header.arrays[figure.array].shape[: len(figure.index)] > figure.index
    found = [f"{cue}: {fault}" for cue, seen in film.seen.items() for fault in seen["faults"]]
    assert found == []
    assert [seen["unlabelled"] for seen in film.seen.values() if seen["unlabelled"]] == []
    if name != "FeatureMapProgression":
        assert any(seen["maps"] for seen in film.seen.values())


@pytest.mark.parametrize("channels", [1, 3])
def test_the_progression_shows_every_channel_of_the_image(channels: int, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b.safetensors", Net(image_channels=channels))

    def first_stack(scene: Any) -> list[ChannelStack]:
        return [member for mobject in scene.mobjects for member in mobject.get_family() if type(member) is ChannelStack]

    seen = play(scene_class("FeatureMapProgression"), bundle, watch=first_stack).seen
    with Bundle.open(bundle) as opened:
        image = opened.part("probes", 2)
    for cue, stacks in seen.items():
        sheets = [sheet[0].values for sheet in stacks[0].sheets]
        assert len(sheets) == channels, cue
        assert all(np.array_equal(sheet, channel) for sheet, channel in zip(reversed(sheets), image, strict=True))


def test_a_flat_map_says_that_it_is_flat(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b.safetensors", Net(dead=(1,)))
    seen = play(scene_class("ActivationHeatmap"), bundle, {"channel": 2}, watch=look_at).seen
    assert {found.shape_label.text for found in seen["map"]["maps"]} == {"12 × 12 × 1 · flat"}


@pytest.mark.parametrize(
    ("wrong", "verdict"), [(False, "That is right."), (True, "That is wrong: it is “bag”.")], ids=["right", "wrong"]
)
def test_a_wrong_answer_is_called_wrong(wrong: bool, verdict: str, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b.safetensors", Net(wrong=wrong))
    said = play(scene_class("FeatureMapDemo"), bundle, {"probe": "bag"}).performance.beats[0].say
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
