"""The stage: beats own their time to the frame, and what does not fit is a sentence."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from films import TINY, Net, frames_of, make_bundle, play
from manim import DOWN, LEFT, UP, Dot, FadeIn, FadeOut, Square, Succession

from fmcore.bundle import Bundle, save_bundle
from fmcore.check.layout import layout_findings
from fmcore.choices import probe_number
from fmcore.errors import BundleError, InputError, PlanError, RenderError
from fmcore.lesson.script import Beat, Script
from fmcore.render.spec import quality
from scenes import look
from scenes.activation_heatmap import ActivationHeatmap
from scenes.parts.text import Label
from scenes.stage import LessonScene

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three probes: shirt and trouser told apart, the bag taken for a shirt."""
    return make_bundle(tmp_path_factory.mktemp("stage") / "made-up.safetensors", Net())


class Two(LessonScene):
    """Two beats of 2 s, played as `acts` says."""

    title = "Two"
    script = Script.of(Beat(cue="one", say="One."), Beat(cue="two", say="Two."))
    acts: Callable[[Any], None]

    def construct(self) -> None:
        type(self).acts(self)


def playing(acts: Callable[[Any], None], **members: Any) -> type[LessonScene]:
    return type("Two", (Two,), {"acts": staticmethod(acts), **members})


def well(scene: Any) -> None:
    with scene.beat("one"):
        scene.play(FadeIn(Dot()), run_time=0.7)
    with scene.beat("two"):
        pass


def overrun(scene: Any) -> None:
    with scene.beat("one"):
        scene.wait(2.4)


def filled_up(scene: Any) -> None:
    with scene.beat("one"):
        scene.wait(2)


def out_of_order(scene: Any) -> None:
    with scene.beat("two"):
        pass


def unknown(scene: Any) -> None:
    with scene.beat("on"):
        pass


def one_alone(scene: Any) -> None:
    with scene.beat("one"):
        pass


def once_more(scene: Any) -> None:
    well(scene)
    with scene.beat("two"):
        pass


def nothing(scene: Any) -> None:
    pass


FAULTS = {
    "overrun": (overrun, "Two overruns beat 'one' by 0.60 s; shorten its animations or give the beat more seconds"),
    "no frame left for its end": (filled_up, "Two overruns beat 'one' by 0.20 s; shorten"),
    "out of order": (out_of_order, "Two plays beat 'two' where its script has 'one'; play beats in order"),
    "unknown": (unknown, "Two plays beat 'on' where its script has 'one'"),
    "one beat alone": (one_alone, "Two never plays beat 'two' of its script; play it"),
    "one beat too many": (once_more, "Two plays beat 'two' where its script has the end"),
    "no beat": (nothing, "Two never plays beat 'one' of its script"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_does_not_fit_the_script_is_a_sentence(case: str, bundle: Path) -> None:
    acts, sentence = FAULTS[case]
    with pytest.raises(RenderError, match=sentence):
        play(playing(acts), bundle)


@pytest.mark.parametrize("holds", [True, False])
def test_a_beat_with_nothing_to_say_is_left_out_with_its_claim(holds: bool, bundle: Path) -> None:
    def facts(scene: Any) -> dict[str, object]:
        return {"many": scene.claim("length", "probes", words="Many.", at_least=1 if holds else 1e6)}

    def acts(scene: Any) -> None:
        for cue in ("one", "two"):
            if scene.plays(cue):
                with scene.beat(cue):
                    pass

    script = Script.of(Beat(cue="one", say="One."), Beat(cue="two", say="{many}"))
    shown = play(playing(acts, script=script, facts=facts), bundle).performance
    assert [beat.cue for beat in shown.beats] == ["one", "two"][: 1 + holds]
    assert [(claim.beat, claim.claim.words) for claim in shown.claims] == [("two", "Many.")] * holds


@pytest.mark.parametrize("name", ["title", "script"])
def test_a_class_that_says_no_title_or_script_is_told_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Two, name)
    with pytest.raises(RenderError, match=f"^Two has no {name}; give the class one, such as {name} = "):
        Two.read_options({})


def labels(scene: Any) -> list[Label]:
    return [one for mobject in scene.mobjects for one in mobject.get_family() if isinstance(one, Label)]


PARTS = {  # part, whether it begins, network seen: what is said first
    ("How is it made?", True, ""): "How is it made? One.",
    ("Training", True, "new"): "Training. From here on, we look into another network, “made-up”. One.",
    ("Training", False, "again"): "We go back to the network “made-up”. One.",
    ("", False, ""): "One.",
}


@pytest.mark.parametrize(("part", "begins", "network"), PARTS)
def test_a_part_of_a_lesson_is_said_where_it_begins_and_shown_where_there_is_room(
    part: str, begins: bool, network: str, bundle: Path
) -> None:
    def texts(scene: Any) -> dict[str, Any]:
        return {one.text: one.fill_color.to_hex() for one in labels(scene)}

    place = {"part": part, "begins": begins, "network": network}
    long = "A title that takes more than a whole line of a frame, however wide that may be"
    for title, aspect in (("Two", "16:9"), (long, "16:9"), ("Two", "9:16"), (long, "9:16"), ("Two", "1:1")):
        spec = quality("smoke", aspect).model_copy(update={"fps": TINY.fps})
        shown = play(playing(well, title=title), bundle, spec=spec, watch=texts, **place)
        assert shown.performance.beats[0].say == PARTS[part, begins, network]
        colour = (look.ACCENT if begins else look.MUTED).to_hex() if part and title == "Two" else None
        assert shown.seen["one"].get(part) == colour


def test_a_part_beside_a_long_heading_takes_two_lines(bundle: Path) -> None:
    part = "How is a feature map made?"

    def lines(scene: Any) -> list[str]:
        return [one.text for one in labels(scene) if one.text in part]

    title, spec = "Why a network bends its numbers", quality("smoke").model_copy(update={"fps": TINY.fps})
    shown = play(playing(well, title=title), bundle, spec=spec, watch=lines, part=part)
    assert len(shown.seen["one"]) == 2 and " ".join(shown.seen["one"]) == part
    assert list(layout_findings(shown.board, {})) == []


def test_words_of_a_heading_or_a_statement_that_have_no_room_are_found(bundle: Path) -> None:
    long = "What nobody could say in less than a hundred words of some length each, " * 4

    def says(scene: Any) -> None:
        for cue in ("one", "two"):
            with scene.beat(cue):
                scene.say(long if cue == "one" else "Short")

    for title, cut in (("Two", {"one"}), (long, {"one", "two"})):
        shown = play(playing(says, title=title), bundle)
        assert {one.beat for one in layout_findings(shown.board, {}) if one.rule == "text cut"} == cut


NAMED = {  # heading and part: what stands beside the heading or below it, in each shape
    ("Two", "How is it made?"): {"16:9": ["How is it made?", "network “made-up”"],
                                 "9:16": ["How is it made?"], "1:1": ["How is it made?", "network “made-up”"]},
    ("Two", ""): {aspect: ["network “made-up”"] for aspect in ("16:9", "9:16", "1:1")},
    ("A title that takes more than a whole line of a frame, however wide that may be", ""): {"16:9": []},
}  # fmt: skip


@pytest.mark.parametrize(("title", "part"), NAMED)
def test_of_several_networks_it_is_said_which_one_is_shown(title: str, part: str, bundle: Path) -> None:
    def notes(scene: Any) -> list[str]:
        return [one.text for one in labels(scene) if one.text in (part, "network “made-up”")]

    for aspect, expected in NAMED[title, part].items():
        spec = quality("smoke", aspect).model_copy(update={"fps": TINY.fps})
        shown = play(playing(well, title=title), bundle, spec=spec, watch=notes, part=part, several=True)
        assert shown.seen["one"] == expected, aspect
        assert list(layout_findings(shown.board, {})) == []


def untidy(scene: Any) -> None:
    """Animations whose lengths are whole frames at no rate."""
    dot = Dot()
    with scene.beat("one"):
        scene.play(FadeIn(dot), run_time=0.333)
        scene.wait(0.111)
        scene.play(Succession(dot.animate(run_time=0.07).shift(UP), dot.animate(run_time=0.07).shift(DOWN)))
        scene.wait(1 / 7)
        scene.play(FadeOut(dot), run_time=0.001)
    with scene.beat("two"):
        scene.play(FadeIn(dot), run_time=1.7)


@pytest.mark.parametrize("fps", [5, 10, 15, 24, 25, 30, 60])
def test_beats_end_at_their_frame_at_every_rate(fps: int, bundle: Path) -> None:
    clock: list[tuple[str, int]] = []
    film = play(
        playing(untidy),
        bundle,
        spec=TINY.model_copy(update={"fps": fps}),
        watch=lambda scene: clock.append((scene.timeline[scene._played].cue, scene.renderer.frame)),
    )
    assert clock == [("one", 2 * fps), ("two", 4 * fps)]
    assert film.frames == 4 * fps
    assert [(beat.start, beat.end) for beat in film.performance.beats] == [(0, 2 * fps), (2 * fps, 4 * fps)]


def test_what_is_shown_large_stands_in_the_middle_and_ends_as_the_things_themselves(bundle: Path) -> None:
    parts = [Square(1).shift(5 * LEFT), Square(0.5).shift(2 * DOWN)]
    seen: list[Any] = []

    def acts(scene: Any) -> None:
        with scene.beat("one"):
            large = scene.show_large(*parts)
            seen.append((large.get_center(), [part.width for part in large], large[0].get_y() - large[1].get_y()))
            scene.settle(large, *parts)
        with scene.beat("two"):
            seen.append([part in scene.mobjects for part in (*parts, large, *large)])

    play(playing(acts, script=Script.of(Beat(cue="one", say="One.", seconds=4), Beat(cue="two", say="Two."))), bundle)
    (centre, widths, apart), stand = seen
    assert centre == pytest.approx(look.body().centre)
    assert (widths, apart) == (pytest.approx([1.6, 0.8]), pytest.approx(0))
    assert stand == [True, True, False, False, False]


def test_a_moving_updater_runs_on_while_the_beat_waits(bundle: Path) -> None:
    def acts(scene: Any) -> None:
        dot = Dot()
        scene.dot = dot
        scene.add(dot.add_updater(lambda mobject, dt: mobject.shift(dt * UP)))
        with scene.beat("one"):
            pass
        with scene.beat("two"):
            pass

    seen = play(playing(acts), bundle, watch=lambda scene: float(scene.dot.get_y())).seen
    assert seen["one"] == pytest.approx(2, abs=0.25) and seen["two"] == pytest.approx(4, abs=0.25)


def test_the_script_says_what_was_measured(bundle: Path) -> None:
    script = Script.of(Beat(cue="one", say="{share:.0%} of {name}."), Beat(cue="two", say="Two."))
    told = playing(well, script=script, facts=lambda self: {"share": 0.25, "name": "{x}"})
    assert play(told, bundle).performance.beats[0].say == "25% of {x}."
    with pytest.raises(PlanError, match=r"Beat 'one' says \{share\} and the scene gives no such fact"):
        play(playing(well, script=script), bundle)


OPTIONS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "typo": ({"chanel": 1}, PlanError, "Options of ActivationHeatmap: There is no option 'chanel'; .*mean 'channel'"),
    "wrong type": ({"channel": "two"}, PlanError, "Option 'channel' of ActivationHeatmap is 'two', which does not fit"),
    "no such channel": ({"channel": 7}, PlanError, "Layer 'conv2' has channels 1 to 6 and no 7"),
    "channel 0": ({"channel": 0}, PlanError, "Layer 'conv2' has channels 1 to 6 and no 0"),
    "unknown layer": ({"layer": "conv9"}, BundleError, "has no layer 'conv9'; it has conv1, conv2"),
    "empty layer": ({"layer": ""}, BundleError, "has no"),
    "a path": ({"layer": "../conv1"}, BundleError, "has no layer '../conv1'"),
    "unknown probe": (
        {"probe": "bags"},
        InputError,
        "There is no probe 'bags'; choose one of: .*, or a number from 0 to 2. Did you mean 'bag'",
    ),
    "probe too high": ({"probe": 3}, InputError, "has probes 0 to 2 and no 3"),
    "probe too low": ({"probe": -1}, InputError, "has probes 0 to 2 and no -1"),
}


def test_a_layer_may_be_called_by_a_number() -> None:
    assert ActivationHeatmap.Options.model_validate({"layer": 0}).layer == "0"
    assert ActivationHeatmap.Options.model_validate({"probe": 0}).probe == 0


@pytest.mark.parametrize("case", OPTIONS)
def test_an_option_that_does_not_fit_is_a_sentence(case: str, bundle: Path) -> None:
    options, kind, sentence = OPTIONS[case]
    with pytest.raises(kind, match=sentence) as told:
        play(ActivationHeatmap, bundle, options)
    assert "\n" not in str(told.value)


def test_a_need_that_names_no_option_is_told_so(bundle: Path) -> None:
    with pytest.raises(PlanError, match=r"^Two\.needs has '\{layr\}/activation'\. There is no option 'layr'; "):
        play(playing(well, needs=("{layr}/activation",)), bundle)


def test_a_missing_array_is_named(bundle: Path) -> None:
    with pytest.raises(BundleError, match="has no array 'conv1/dreams'"):
        play(playing(well, needs=("probes", "conv1/dreams")), bundle)


def test_a_probe_is_found_by_number_and_name(bundle: Path, tmp_path: Path) -> None:
    with Bundle.open(bundle) as opened:
        assert [probe_number(opened, wanted) for wanted in (0, 2, "trouser", "shirt", None)] == [0, 2, 1, 0, 2]
    with Bundle.open(make_bundle(tmp_path / "wrong.safetensors", Net(wrong=True))) as opened:
        assert probe_number(opened, None) == 2  # where no answer is right, one of them all the same


def test_a_picture_is_found_by_the_name_of_its_file(bundle: Path, tmp_path: Path) -> None:
    with Bundle.open(bundle) as made:
        arrays = {name: made.array(name) for name in made.header.arrays}
        files = zip(made.header.probes, ("b.jpg", "a.jpg", "b.jpg"), strict=True)
        probes = tuple(one.model_copy(update={"label": None, "predicted": 2, "source": name}) for one, name in files)
        own = made.header.model_copy(update={"probes": probes, "classes": ("a", "b", "a.jpg")})
    save_bundle(tmp_path / "own", made.header.model_copy(update={"probes": probes}), arrays)
    with Bundle.open(tmp_path / "own") as opened:
        assert [probe_number(opened, wanted) for wanted in ("a.jpg", opened.class_name(2), 2)] == [1, 0, 2]
        with pytest.raises(InputError, match=r"The probes 0 and 2 are all called 'b\.jpg'; name one by its number"):
            probe_number(opened, "b.jpg")
        listed = rf"choose one of: {opened.class_name(2)}, b\.jpg, a\.jpg, or a number from 0 to 2\. Did you"
        with pytest.raises(InputError, match=listed):
            probe_number(opened, "a.jpeg")
    save_bundle(tmp_path / "own", own, arrays)
    with Bundle.open(tmp_path / "own") as opened:
        assert probe_number(opened, "a.jpg") == 0  # classes come first


def manim(folder: Path, bundle: Path | None) -> subprocess.CompletedProcess[str]:
    (folder / "ours").mkdir()
    for name in ("scenes", "manim.cfg"):
        (folder / "ours" / name).symlink_to(ROOT / name)
    environment = {name: value for name, value in os.environ.items() if name != "FMCORE_BUNDLE"}
    if bundle is not None:
        environment["FMCORE_BUNDLE"] = str(bundle)
    return subprocess.run(
        [sys.executable, "-m", "manim", "-ql", "--resolution", f"{TINY.width},{TINY.height}", "--fps", str(TINY.fps),
         "--media_dir", str(folder / "media"), "--progress_bar", "none",
         "scenes/activation_heatmap.py", "ActivationHeatmap"],
        cwd=folder / "ours", env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_plain_manim_renders_the_scene(bundle: Path, tmp_path: Path) -> None:
    found = manim(tmp_path, bundle)
    assert found.returncode == 0, found.stderr
    (film,) = tmp_path.glob("media/videos/*/90p5/ActivationHeatmap.mp4")
    planned = play(ActivationHeatmap, bundle, spec=TINY)
    assert len(frames_of(film)) == planned.frames == planned.performance.beats[-1].end


def test_plain_manim_without_a_bundle_says_what_to_run(tmp_path: Path) -> None:
    found = manim(tmp_path, None)
    assert found.returncode != 0
    said = " ".join((found.stdout + found.stderr).split())
    assert "run `fmcore record --model tutorial --data garments` first" in said
    assert "Traceback" not in said
    assert len(said) < 500
