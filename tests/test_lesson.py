"""A lesson end to end: what is made agrees to the frame, and only what changed is made again."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from films import TINY, Net, frames_of, leftovers, make_bundle, packets_of
from PIL import Image

from fmcore.errors import BundleError, InputError, PlanError, RenderError
from fmcore.lesson.plan import BundleRecipe, LessonPlan, SceneEntry, single_scenes
from fmcore.lesson.theme import LIGHT
from fmcore.lesson.words import Words
from fmcore.render.cache import file_digest
from fmcore.render.lesson import Made, Wish, _tell_of_unused, make_lesson
from fmcore.reporter import Silent

CODE = """
from manim import Square
from fmcore.lesson.script import Beat, Script
from scenes.stage import LessonScene, SceneOptions

class First(LessonScene):
    '''A square.'''
    title = "The first: “{x}”"
    script = Script.of(Beat(cue="a", say="One <b>square</b>, {side} wide."), Beat(cue="b", say="It stays."))
    class Options(SceneOptions):
        side: int = 1
    def facts(self):
        return {"side": self.options.side}
    def construct(self):
        with self.beat("a"):
            self.add(Square(self.options.side, fill_opacity=1))
        with self.beat("b"):
            pass

class Second(First):
    '''Another.'''
    title = "The second"

class Third(First):
    '''May fail.'''
    title = "The third"
    def construct(self):
        super().construct()
        assert True
"""


pytestmark = pytest.mark.usefixtures("lasting_workers")


class Told(Silent):
    """What was said while it was made."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def finish(self, task: str, text: str, ok: bool = True) -> None:
        self.lines.append(f"{task}: {text}")


class Studio:
    """A folder with a bundle, three scenes and a plan that shows them and a built-in one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "out put “ö”"
        self.scenes = folder / "film.py"
        self.scenes.write_text(CODE, encoding="utf-8")
        self.bundle = make_bundle(folder / "tiny.safetensors", Net())
        self.told: list[str] = []

    def plan(self, *scenes: str, **options: Any) -> LessonPlan:
        return LessonPlan(
            title="Größe & {more}",
            bundles={"tiny": BundleRecipe(file=str(self.bundle)), "unused": BundleRecipe(file="gone.safetensors")},
            scenes=tuple(
                SceneEntry(
                    scene=name if name == "ActivationHeatmap" else f"{self.scenes}:{name}",
                    bundle="tiny",
                    options=options if name == "Second" else {},
                )
                for name in scenes or ("First", "Second", "ActivationHeatmap", "First")
            ),
        )

    @property
    def lesson(self) -> Path:
        return self.output / "lesson"

    def make(self, plan: LessonPlan, **wish: Any) -> Made:
        report = Told()
        wished: Any = {"spec": TINY, "output": self.output, "folder": self.lesson, "jobs": 2, **wish}
        made = make_lesson(plan, Wish(**wished), report)
        self.told = report.lines
        assert leftovers(self.folder) == []
        return made

    def record(self) -> Any:
        return json.loads((self.lesson / "lesson.json").read_text(encoding="utf-8"))


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


FILES = ["chapters.txt", "lesson.json", "lesson.mp4", "lesson.srt", "lesson.vtt", "poster.png"]


def seconds_of(clock: str) -> float:
    hours, minutes, rest = clock.replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def agrees(studio: Studio) -> None:
    """Film, captions, chapters, poster and record tell the same."""
    record, film = studio.record(), studio.lesson / "lesson.mp4"
    beside = ["notes.md", "page.html"] if record["bundles"] else []
    assert sorted(path.name for path in studio.lesson.iterdir()) == sorted(FILES + beside)
    frames = record["frames"]
    shown = frames_of(film)
    assert len(shown) == frames == record["scenes"][-1]["end"] == len(packets_of(film))
    assert record["seconds"] == frames / TINY.fps
    ends = [0] + [beat["end"] for scene in record["scenes"] for beat in scene["beats"]]
    starts = [beat["start"] for scene in record["scenes"] for beat in scene["beats"]]
    assert starts == ends[:-1] and ends[-1] == frames
    for name, digest in record["files"].items():
        assert file_digest(studio.lesson / name) == digest
    srt = (studio.lesson / "lesson.srt").read_text(encoding="utf-8")
    times = [line.split(" --> ") for line in srt.splitlines() if " --> " in line]
    assert seconds_of(times[0][0]) == 0 and seconds_of(times[-1][1]) == pytest.approx(frames / TINY.fps, abs=1e-3)
    assert {seconds_of(start) for start, _ in times} >= {round(start / TINY.fps, 3) for start in starts}
    said = " ".join(beat["say"] for scene in record["scenes"] for beat in scene["beats"])
    blocks = [" ".join(block.splitlines()[2:]) for block in srt.split("\n\n")]
    assert " ".join(" ".join(blocks).split()) == " ".join(said.split())
    vtt = (studio.lesson / "lesson.vtt").read_text(encoding="utf-8")
    assert vtt.startswith("WEBVTT\n") and vtt.count(" --> ") == len(times)
    chapters = (studio.lesson / "chapters.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split(" ", 1)[1] for line in chapters] == [scene["title"] for scene in record["scenes"]]
    with av.open(str(film)) as container:
        assert container.metadata["title"] == record["title"]
        assert [c["start"] * c["time_base"] * TINY.fps for c in container.chapters()] == [
            scene["start"] for scene in record["scenes"]
        ]
    for page in studio.lesson.glob("page.html"):
        found = re.search(r'id="content">(.*?)</script>', page.read_text(encoding="utf-8"))
        told = json.loads(found[1])["film"]
        assert told["file"] == "lesson.mp4"
        starts_s = [scene["start"] / TINY.fps for scene in record["scenes"]]
        assert [chapter["start"] for chapter in told["chapters"]] == pytest.approx(starts_s, abs=1e-3)
        assert [chapter["state"] is not None for chapter in told["chapters"]] == [
            bool(scene["figures"]) for scene in record["scenes"]
        ]
    poster = np.asarray(Image.open(studio.lesson / "poster.png")).astype(int)
    assert np.abs(poster - shown).mean((1, 2, 3)).min() == 0


def test_an_opening_names_the_film_and_makes_its_poster(studio: Studio) -> None:
    opening = SceneEntry(scene="Opening", bundle="tiny", options={"title": "Week 4", "by": "Ada"})
    plan = studio.plan("First")
    studio.make(plan.model_copy(update={"scenes": (*plan.scenes, opening)}))
    agrees(studio)
    named, poster = studio.record()["scenes"][1], np.asarray(Image.open(studio.lesson / "poster.png"))
    assert named["title"] == "Week 4"
    shown = frames_of(studio.lesson / "lesson.mp4")
    assert np.array_equal(poster, shown[named["end"] - 1]) and not np.array_equal(poster, shown[named["start"]])


def test_a_lesson_is_made_once_and_only_what_changes_is_made_again(studio: Studio) -> None:
    made = studio.make(studio.plan())
    assert sorted(made.rendered) == ["ActivationHeatmap", "First", "Second"]  # the first is shown twice, rendered once
    assert (made.failed, made.bundles_made, made.films) == ({}, [], [studio.lesson / "lesson.mp4"])
    assert made.frames == studio.record()["frames"]
    agrees(studio)
    assert "First stale: not rendered yet as it is now" in studio.told
    before = {path.name: path.read_bytes() for path in studio.lesson.iterdir()}
    record = studio.record()
    assert [scene["scene"] for scene in record["scenes"]] == ["First", "Second", "ActivationHeatmap", "First"]
    assert record["scenes"][0]["beats"][0]["say"] == "One <b>square</b>, 1 wide."
    assert any(figure["array"] == "conv2/activation" for figure in record["scenes"][2]["figures"])
    assert all(
        figure["frame"] in {beat["end"] - 1 for beat in record["scenes"][2]["beats"]}
        for figure in record["scenes"][2]["figures"]
    )
    assert list(record["bundles"]) == ["tiny"]
    assert str(studio.folder) not in json.dumps(record["bundles"])

    # nothing changed
    times = {path: path.stat().st_mtime_ns for path in studio.lesson.iterdir()}
    again = studio.make(studio.plan())
    assert again.unchanged and again.frames == made.frames
    assert {path: path.stat().st_mtime_ns for path in studio.lesson.iterdir()} == times

    # a file is gone, another was changed: joined again, nothing rendered
    for name in ("poster.png", "lesson.srt"):
        (studio.lesson / name).unlink()
        assert studio.make(studio.plan()).rendered == []
        assert {path.name: path.read_bytes() for path in studio.lesson.iterdir()} == before
    (studio.lesson / "lesson.mp4").write_bytes(b"changed")
    assert studio.make(studio.plan()).rendered == []
    assert (studio.lesson / "lesson.mp4").read_bytes() == before["lesson.mp4"]

    # another order: joined again
    turned = studio.plan("Second", "First")
    assert studio.make(turned).rendered == []
    assert [scene["scene"] for scene in studio.record()["scenes"]] == ["Second", "First"]
    agrees(studio)

    # one option: one scene
    studio.make(studio.plan())
    changed = studio.make(studio.plan(side=3))
    assert changed.rendered == ["Second"]
    assert "Second stale: its options changed" in studio.told
    assert studio.record()["scenes"][1]["beats"][0]["say"] == "One <b>square</b>, 3 wide."
    agrees(studio)

    # and back: nothing to render
    assert studio.make(studio.plan()).rendered == []
    assert {path.name: path.read_bytes() for path in studio.lesson.iterdir()} == before

    # a damaged segment is rendered again
    segment = studio.output / "cache" / f"{studio.record()['scenes'][0]['segments'][0]}.mp4"
    segment.write_bytes(segment.read_bytes()[:-1])
    assert studio.make(studio.plan()).rendered == ["First"]
    assert "First stale: its rendered file is damaged" in studio.told
    assert (studio.lesson / "lesson.mp4").read_bytes() == before["lesson.mp4"]


def test_a_scene_that_fails_spares_the_others_and_is_all_that_is_made_next(studio: Studio) -> None:
    apart = studio.folder / "third.py"
    apart.write_text(CODE.replace("assert True", "assert False, 'not yet'"), encoding="utf-8")

    def plan(**options: Any) -> LessonPlan:
        third = SceneEntry(scene=f"{apart}:Third", bundle="tiny")
        first_two = studio.plan("First", "Second", **options)
        return first_two.model_copy(update={"scenes": (*first_two.scenes, third)})

    made = studio.make(plan(sied=1))
    assert made.rendered == ["First"] and made.films == [] and not made.unchanged
    assert sorted(made.failed) == ["Second", "Third"]
    assert "AssertionError: not yet (third.py, line 29)" in made.failed["Third"].message
    assert isinstance(made.failed["Third"], RenderError) and isinstance(made.failed["Second"], PlanError)
    assert "Did you mean 'side'" in made.failed["Second"].message
    assert not studio.lesson.exists()
    assert f"Third: {made.failed['Third'].message}" in studio.told

    apart.write_text(CODE, encoding="utf-8")
    made = studio.make(plan())
    assert sorted(made.rendered) == ["Second", "Third"] and made.failed == {}
    agrees(studio)


def test_a_film_that_is_there_is_kept_when_the_next_run_fails(studio: Studio) -> None:
    studio.make(studio.plan("First"))
    before = (studio.lesson / "lesson.mp4").read_bytes()
    studio.scenes.write_text(CODE + "\nraise RuntimeError('broken')\n", encoding="utf-8")
    made = studio.make(studio.plan("First"))
    assert "RuntimeError: broken (film.py, line" in made.failed["First"].message
    assert (studio.lesson / "lesson.mp4").read_bytes() == before


OWN = {  # files of somebody's own, and what is said of them
    "notes.md": r"holds 'notes\.md' and no lesson, .*; give the lesson another title",
    "lesson.mp4": r"holds 'lesson\.mp4' and no lesson, ",
    "First.mp4": r"First\.mp4' is there already and is no film of fmcore; move it away, or name another --output\.$",
    "First-2.srt": r"First-2\.srt' is there already and belongs to no film of fmcore; move",
}


@pytest.mark.parametrize("name", OWN)
def test_what_is_ones_own_is_not_written_over(name: str, studio: Studio) -> None:
    studio.lesson.mkdir(parents=True)
    (studio.lesson / name).write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=OWN[name]):
        studio.make(studio.plan("First", "First"), apart=name.startswith("First"))
    assert list(studio.output.rglob("*")) == [studio.lesson, studio.lesson / name]  # nothing was begun


def test_films_apart_stand_beside_their_captions(studio: Studio) -> None:
    made = studio.make(studio.plan("First", "Second", side=2), apart=True)
    names = ["First.mp4", "First.srt", "Second.mp4", "Second.srt"]
    assert sorted(path.name for path in studio.lesson.iterdir()) == names
    assert [path.name for path in made.films] == ["First.mp4", "Second.mp4"]
    assert made.frames == sum(len(frames_of(path)) for path in made.films)
    assert "2 wide" in (studio.lesson / "Second.srt").read_text(encoding="utf-8")
    assert studio.make(studio.plan("First", "Second", side=2), apart=True).unchanged


def test_films_of_another_look_or_language_take_no_place(studio: Studio) -> None:
    for spec, words in ((TINY, None), (TINY, Words(language="de")), (TINY.model_copy(update={"theme": LIGHT}), None)):
        studio.make(studio.plan("First"), apart=True, spec=spec, words=words)
    studio.make(studio.plan("First"), apart=True, networks="-resnet18")
    names = {f"First{ending}.{kind}" for ending in ("", "-de", "-light", "-resnet18") for kind in ("mp4", "srt")}
    assert {path.name for path in studio.lesson.iterdir()} == names


def test_scenes_of_one_name_have_films_of_their_own(studio: Studio) -> None:
    other = studio.folder / "other.py"
    other.write_text(CODE.replace("The first:", "Another first:"), encoding="utf-8")
    plan = studio.plan("First")
    twice = SceneEntry(scene=f"{other}:First", bundle="tiny")
    made = studio.make(plan.model_copy(update={"scenes": (*plan.scenes, twice)}), apart=True)
    assert [path.name for path in made.films] == ["First.mp4", "First-2.mp4"]
    titles = [av.open(str(path)).metadata["title"] for path in made.films]
    assert titles == ["The first: “{x}”", "Another first: “{x}”"] and (studio.lesson / "First-2.srt").is_file()


def in_the_way(path: Path) -> None:
    path.write_text("a file in the way")


def unwritable(path: Path) -> None:
    path.mkdir()
    path.chmod(0o500)


@pytest.mark.parametrize(
    "harm", [in_the_way, pytest.param(unwritable, marks=pytest.mark.skipif(os.geteuid() == 0, reason="root may write"))]
)
def test_a_folder_that_cannot_be_written_is_a_sentence(harm: Callable[[Path], None], studio: Studio) -> None:
    harm(studio.output)
    with pytest.raises(InputError, match=r"The output folder '.*' cannot be written \(.*\); name another one with"):
        studio.make(studio.plan())


def test_a_bundle_that_no_scene_uses_is_told(studio: Studio) -> None:
    plan, report = studio.plan(), Told()
    wish = Wish(spec=TINY, output=studio.output, folder=studio.lesson)
    _tell_of_unused(plan, wish, report)
    (said,) = report.lines
    assert said.startswith("Attention: no scene of the plan uses bundle 'unused', so")
    scenes = [one.model_copy(update={"bundle": None}) for one in plan.scenes]  # a plan has a bundle even so
    _tell_of_unused(plan.model_copy(update={"scenes": tuple(scenes)}), wish, report)
    _tell_of_unused(plan, replace(wish, apart=True), report)
    assert report.lines == [said]


def test_what_is_wrong_is_said_before_anything_is_rendered(studio: Studio) -> None:
    with pytest.raises(InputError, match=r"There is no scene 'Frist'; .*Did you mean 'First'"):
        studio.make(studio.plan("First", "Frist"))
    studio.bundle.unlink()
    with pytest.raises(BundleError, match="There is no bundle at"):
        studio.make(studio.plan())
    assert not list(studio.output.rglob("*.mp4"))


def test_of_several_bundles_a_scene_says_which_it_shows(studio: Studio) -> None:
    recipe = BundleRecipe(file=str(studio.bundle))
    plan = LessonPlan(title="t", bundles={"a": recipe, "b": recipe}, scenes=(SceneEntry(scene="ActivationHeatmap"),))
    with pytest.raises(PlanError, match="ActivationHeatmap shows a network, and the plan has several; say"):
        studio.make(plan)


def test_two_different_bundles_never_share_a_file(studio: Studio) -> None:
    plan = LessonPlan(
        title="t",
        bundles={"a": BundleRecipe(data="folder:x/photos"), "b": BundleRecipe(data="folder:y/photos")},
        scenes=tuple(SceneEntry(scene=f"{studio.scenes}:First", bundle=name) for name in ("a", "b")),
    )
    for folder, colour in (("x", 0), ("y", 255)):
        for label in ("one", "two"):
            path = studio.folder / folder / "photos" / label
            path.mkdir(parents=True)
            Image.new("L", (8, 8), colour).save(path / "1.png")
    here = Path.cwd()
    os.chdir(studio.folder)
    try:
        with pytest.raises(PlanError, match="Bundles 'a' and 'b' of the plan differ and would both be"):
            studio.make(plan)
    finally:
        os.chdir(here)


def test_single_scenes_take_the_bundles_and_options_of_the_lesson(studio: Studio) -> None:
    default = studio.plan("First", "Second", side=2)
    second = f"{studio.scenes}:Second"
    assert single_scenes([second], {}, default, None).scenes == (default.scenes[1],)
    (entry,) = single_scenes([second], {"probe": 1}, default, None).scenes
    assert entry.options == {"side": 2, "probe": 1}
    (entry,) = single_scenes(["New"], {}, default, None).scenes
    assert (entry.scene, entry.bundle, entry.options) == ("New", "tiny", {})
    given = single_scenes(["New", second], {}, default, Path("my.safetensors"))
    assert given.bundles == {"given": BundleRecipe(file="my.safetensors")}
    assert [entry.bundle for entry in given.scenes] == ["given", "given"]
