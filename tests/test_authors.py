"""What helps those who write scenes and plans: chapters of their own, what a scene prints, where it fails."""

from pathlib import Path
from typing import Any

import av
import pytest
from click.testing import CliRunner
from films import TINY, Net, make_bundle

from fmcore.cli import cli
from fmcore.errors import InputError
from fmcore.lesson.plan import BundleRecipe, LessonPlan, SceneEntry
from fmcore.lesson.record import read_record
from fmcore.lesson.theme import LIGHT
from fmcore.lesson.words import Words
from fmcore.render.films import what_is_replaced
from fmcore.render.lesson import Wish, make_lesson
from fmcore.reporter import Silent

CODE = """
from manim import Circle, FadeIn, Scene

class Prints(Scene):
    def construct(self):
        print("radius", 2)
        self.play(FadeIn(Circle()))
        print("größer" + 30_000 * "!")

class Fails(Prints):
    def construct(self):
        super().construct()
        1 / 0
"""


class Told(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.mark.usefixtures("lasting_workers")
def test_a_plan_names_chapters_in_every_language(tmp_path: Path) -> None:
    scene = SceneEntry(scene="ActivationHeatmap", bundle="net")
    plan = LessonPlan(
        title="Week 4",
        bundles={"net": BundleRecipe(file=str(make_bundle(tmp_path / "tiny.safetensors", Net())))},
        scenes=(scene.model_copy(update={"chapter": "Part 4: seen as heat"}), scene),
    )
    for folder, words, titles in (
        ("en", None, ["Part 4: seen as heat", "Reading an activation heat map"]),
        ("de", {"Part {1}: seen as heat": "Teil {1}: als Wärme gesehen"}, ["Teil 4: als Wärme gesehen"]),
    ):
        told = None if words is None else Words(language=folder, words=words)
        made = make_lesson(plan, Wish(TINY, tmp_path, tmp_path / folder, jobs=1, words=told), Silent())
        with av.open(str(made.films[0])) as film:
            named = [chapter["metadata"]["title"] for chapter in film.chapters()]
        written = (tmp_path / folder / "chapters.txt").read_text(encoding="utf-8").splitlines()
        record = read_record(tmp_path / folder)
        shown = [scene.title for scene in record.scenes]
        assert named[: len(titles)] == titles and named == shown == [line.split(" ", 1)[1] for line in written]
        assert record.scenes[0].texts == (*record.scenes[1].texts, "Part {1}: seen as heat")


@pytest.mark.usefixtures("lasting_workers")
def test_what_takes_the_place_of_another_lesson_is_said(tmp_path: Path) -> None:
    folder, words = tmp_path / "lesson", Words(language="de", words={"Week {1}": "Woche {1}"})
    (tmp_path / "film.py").write_text(CODE, encoding="utf-8")
    plan = LessonPlan(
        title="Week 4",
        bundles={"net": BundleRecipe(file="none")},
        scenes=(SceneEntry(scene=f"{tmp_path / 'film.py'}:Prints"),),
    )
    assert what_is_replaced(folder, "Week 4", TINY) == ""
    make_lesson(plan, Wish(TINY, tmp_path, folder, jobs=1), Silent())
    assert what_is_replaced(folder, "Week 4", TINY) == ""
    report = Told()
    other = plan.model_copy(update={"title": "Week 5"})
    make_lesson(other, Wish(TINY, tmp_path, folder, jobs=1, words=words), report)
    assert report.lines[0] == (
        f"Attention: '{folder}' holds the lesson “Week 4”, and this one takes its place; a plan of another file name,"
        " or another --output, keeps both."
    )
    assert what_is_replaced(folder, "Week 5", TINY, words) == ""
    for change, said in (
        ({"quality": "hd"}, f"'{folder}' holds this lesson in tiny quality, and that in hd takes its place;"),
        ({"theme": LIGHT}, f"'{folder}' holds this lesson encoded or coloured otherwise, and this one takes its"),
    ):
        assert what_is_replaced(folder, "Week 5", TINY.model_copy(update=change), words).startswith(said)


@pytest.mark.usefixtures("lasting_workers")
def test_what_a_scene_prints_is_told_and_where_it_fails_if_that_is_asked_for(tmp_path: Path) -> None:
    film = tmp_path / "film.py"
    film.write_text(CODE, encoding="utf-8")

    def render(*more: str) -> Any:
        scenes = [f"{film}:{name}" for name in ("Prints", "Fails")]
        arguments = ["render", *scenes, "--quality", "smoke", "--jobs", "1", "--output", str(tmp_path / "out"), *more]
        return CliRunner().invoke(cli, arguments)

    found = render("--traceback")
    lines = found.stdout.splitlines()
    for name in ("Prints", "Fails"):
        first, second = lines[lines.index(f"{name} prints:") + 1 :][:2]
        assert (first, second[:6]) == ("radius 2", "größer") and 19_000 < len(second) < 20_000
    assert 'film.py", line 13, in construct\n    1 / 0\n' in found.stderr
    assert found.stderr.count("Traceback") == 1 and "failed with ZeroDivisionError: " in found.stderr
    again = render()
    assert "Traceback" not in again.stderr and "Prints prints:" not in again.stdout  # it is not played again


def test_a_chapter_is_short_and_can_be_shown() -> None:
    for chapter in (61 * "x", "a\nb"):
        with pytest.raises((InputError, ValueError)):
            SceneEntry(scene="Recap", chapter=chapter)
