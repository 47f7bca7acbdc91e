"""A finished lesson is held against its scenes, played again: no falsified record passes a wrong film."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from click.testing import Result
from test_checking import fmcore

from fmcore.lesson.plan import BundleRecipe, LessonPlan, SceneEntry
from fmcore.lesson.words import find_words
from fmcore.render.lesson import Wish, make_lesson
from fmcore.render.spec import quality
from fmcore.reporter import Silent

pytestmark = pytest.mark.usefixtures("lasting_workers")

INTRO = "from manim import Scene\nclass Intro(Scene):\n    def construct(self):\n        self.wait()\n"


def make(plan: LessonPlan, output: Path, **wish: Any) -> Path:
    made = make_lesson(plan, Wish(quality("smoke"), output, output / "one", jobs=1, **wish), Silent())
    assert not made.failed
    return output / "one"


def plan_of(*scenes: SceneEntry, **bundles: Path) -> LessonPlan:
    return LessonPlan(
        title="One", bundles={name: BundleRecipe(file=str(path)) for name, path in bundles.items()}, scenes=scenes
    )


@pytest.fixture(scope="module")
def lesson(tutorial_bundle: Path, tmp_path_factory: pytest.TempPathFactory, lasting_workers: None) -> Path:
    """A finished lesson of one scene, at smoke quality, its bundle beside it."""
    entry = SceneEntry(scene="ActivationHeatmap", bundle="net", options={"channel": 2})
    folder = make(plan_of(entry, net=tutorial_bundle), tmp_path_factory.mktemp("records"))
    shutil.copy(tutorial_bundle, folder / tutorial_bundle.name)
    return folder


@pytest.fixture
def copied(lesson: Path, tmp_path: Path) -> Path:
    """A copy of it, to be tampered with."""
    shutil.copytree(lesson, tmp_path / "one")
    return tmp_path / "one"


def rules_of(folder: Path, *more: object) -> tuple[set[str], str, Result]:
    """The rules that `fmcore check` finds broken, all that it says of them, and its result."""
    told = folder.parent / "found.json"
    told.unlink(missing_ok=True)
    result = fmcore("check", folder, *more, "--aspect", "16:9", "--jobs", 1, "--output", folder.parent, "--json", told)
    findings = json.loads(told.read_text(encoding="utf-8"))["findings"] if told.exists() else []
    assert all(one["message"].endswith(".") and "; " in one["message"] for one in findings)
    # A lesson of one scene has no progression through the layers.
    rules = {one["rule"] for one in findings} - {"no progression"}
    return rules, " ".join(one["message"] for one in findings), result


def tampered(folder: Path, change: Callable[[Any], object]) -> None:
    path = folder / "lesson.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")


def blackened(folder: Path, frames: int | None = None) -> None:
    """A film of as many frames as it has, or of so many, all black; its digest in the record is the new one."""
    path = folder / "lesson.mp4"
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        count, rate, size = frames or stream.frames, stream.average_rate, (stream.width, stream.height)
    with av.open(str(path), "w") as film:
        out = film.add_stream("libx264", rate=rate)
        out.width, out.height, out.pix_fmt = *size, "yuv420p"
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(np.zeros((*size[::-1], 3), np.uint8), format="rgb24")
            frame.pts = number
            film.mux(out.encode(frame))
        film.mux(out.encode())
    from fmcore.render.cache import file_digest

    tampered(folder, lambda record: record["files"].update({"lesson.mp4": file_digest(path)}))


def scene_of(record: Any) -> Any:
    return record["scenes"][0]


def cover_all(record: Any) -> None:
    for figure in scene_of(record)["figures"]:
        figure["covered"] = True


def lie(record: Any) -> None:
    for beat in scene_of(record)["beats"]:
        beat["say"] = "The network is right on 99.9% of all images."


def miscount(record: Any) -> None:
    for one in scene_of(record)["claims"]:
        one["claim"].update(value=999.0, words="999")


def another_channel(record: Any) -> None:
    figure = next(one for one in scene_of(record)["figures"] if one["array"] == "conv2/activation")
    figure["index"][1] = 3


LIES: dict[str, tuple[Callable[[Any], object], str]] = {
    "no figures": (lambda record: scene_of(record).update(figures=[]), "at the ends of its beats, and recorded are 0"),
    "all covered": (cover_all, "another place or scale of it"),
    "another channel": (another_channel, "recorded is conv2/activation[9][3]"),
    "another narration": (lie, "recorded is “The network is right on 99.9% of all images.”"),
    "other claims": (miscount, "recorded is “999”, 999"),
    "no claims": (lambda record: scene_of(record).update(claims=[]), "0 other ones are recorded"),
    "no beats": (lambda record: scene_of(record).update(beats=[]), "recorded are none"),
    "other times": (lambda record: scene_of(record)["beats"][0].update(end=1), "recorded are 0 to 1"),
    "other stretches": (lambda record: scene_of(record).update(end=40), "do not fill the"),
}


def test_a_right_lesson_is_clean(copied: Path) -> None:
    rules, _, result = rules_of(copied)
    assert rules == set(), result.output


@pytest.mark.parametrize("what", LIES)
def test_a_falsified_record_is_found(copied: Path, what: str) -> None:
    change, why = LIES[what]
    tampered(copied, change)
    rules, said, result = rules_of(copied)
    assert result.exit_code == 1 and rules == {"record differs"}, result.output
    assert why in said
    assert ("Played again, the scene is not what its record says" in said) == (what != "other stretches")


@pytest.mark.parametrize("what", ["no figures", "all covered"])
def test_a_black_film_is_found_whatever_its_record_says(copied: Path, what: str) -> None:
    tampered(copied, LIES[what][0])
    blackened(copied)
    assert rules_of(copied)[0] == {"record differs", "picture is not the array"}


def test_a_film_has_the_frames_that_its_record_tells(copied: Path) -> None:
    blackened(copied, 50)
    rules, said, _ = rules_of(copied)
    assert rules == {"film not whole", "picture is not the array"} and "The film has 50 frames, 10 a second" in said


def test_a_film_of_another_size_is_none_of_the_record(copied: Path) -> None:
    tampered(copied, lambda record: record["settings"].update(width=424))
    rules, said, _ = rules_of(copied)
    assert "film not whole" in rules and "426 × 240 pixels, and recorded are 424 × 240" in said


def test_a_record_without_scenes_is_none(copied: Path) -> None:
    tampered(copied, lambda record: record.update(scenes=[]))
    result = rules_of(copied)[2]
    assert result.exit_code == 2 and "has no scenes, so nothing can be checked" in result.output


def test_a_scene_that_was_changed_since_is_told_in_one_sentence(copied: Path) -> None:
    """The film is as its record says, so that its pictures are proved by that."""
    own = copied.parent / "own.py"
    own.write_text(
        "from fmcore.lesson.script import Script\nfrom scenes.activation_heatmap import ActivationHeatmap as Old\n"
        "class Renamed(Old):\n    script = Script.of(*(beat.model_copy(update={'say': f'Look. {beat.say}'})"
        " for beat in Old.script.beats))\n",
        encoding="utf-8",
    )
    tampered(copied, lambda record: scene_of(record).update(scene="Renamed"))
    rules, said, result = rules_of(copied, f"{own}:Renamed")
    assert rules == {"record differs"}, result.output
    assert said.count("The scene was changed after the film was made: it says “Look. ") == 1
    assert "make the lesson again." in said


def test_numbers_of_another_machine_may_differ_in_their_last_digits(copied: Path) -> None:
    def round_off(record: Any) -> None:
        for one in scene_of(record)["claims"]:
            one["claim"]["value"] *= 1 + 1e-6
        for figure in scene_of(record)["figures"]:
            figure["high"] *= 1 - 1e-6
            figure["box"][0] += 1e-6

    tampered(copied, round_off)
    assert rules_of(copied)[0] == set()


# -- the files beside the film ---------------------------------------------------------------------


def test_files_that_are_changed_or_gone_are_named(copied: Path) -> None:
    (copied / "lesson.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\nLies.\n", encoding="utf-8")
    (copied / "poster.png").unlink()
    junit = copied / "junit.xml"
    rules, said, _ = rules_of(copied, "--junit", junit)
    assert rules == {"file changed"}
    assert "'lesson.srt' was changed after the lesson was made; make the lesson again" in said
    assert "'poster.png' is missing; make the lesson again" in said
    cases = ElementTree.parse(junit).iter("testcase")
    assert "file changed" in {case.get("name") for case in cases if case.find("failure") is not None}


def test_a_record_that_forgets_a_file_hides_nothing(copied: Path) -> None:
    tampered(copied, lambda record: record.update(files={"../net.txt": "0" * 64}))
    rules, said, _ = rules_of(copied)
    assert rules == {"file changed"}
    for name in ("lesson.mp4", "lesson.srt", "lesson.vtt", "chapters.txt", "poster.png", "notes.md", "page.html"):
        assert f"'{name}' has no digest in the record" in said
    assert "'../net.txt' is named in the record" in said


# -- lessons that are right ------------------------------------------------------------------------


def test_a_lesson_passes_after_a_scene_of_manims_and_in_another_language(tutorial_bundle: Path, tmp_path: Path) -> None:
    """The scene of manim's begins the part; the English sentences then keep the time of the German film before."""
    intro = tmp_path / "intro.py"
    intro.write_text(INTRO, encoding="utf-8")
    entries = (
        SceneEntry(scene=f"{intro}:Intro", part="Maps"),
        SceneEntry(scene="ActivationHeatmap", bundle="net", part="Maps"),
    )
    lengths = []
    for words in (find_words("de"), None):
        folder = make(plan_of(*entries, net=tutorial_bundle), tmp_path, words=words)
        lengths.append(json.loads((folder / "lesson.json").read_text("utf-8"))["frames"])
        rules, _, result = rules_of(folder, "--bundle", tutorial_bundle)
        assert rules == set(), result.output
    assert lengths[0] == lengths[1]


def test_a_comparison_passes_where_its_bundles_are_called_otherwise(
    tutorial_bundle: Path, deep_bundle: Path, tmp_path: Path
) -> None:
    entry = SceneEntry(scene="ModelComparison", bundle="one", other="two")
    folder = make(plan_of(entry, one=tutorial_bundle, two=deep_bundle), tmp_path)
    renamed = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for old, new in zip((tutorial_bundle, deep_bundle), renamed, strict=True):
        shutil.copy(old, new)
    rules, _, result = rules_of(folder, "--bundle", renamed[0], "--other", renamed[1])
    assert rules == set(), result.output
