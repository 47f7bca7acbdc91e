"""What is rendered again and what is not, when narration, code, a network or the machine's folders change."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from films import TINY, Net, frames_of, make_bundle
from test_lesson import CODE, Studio, agrees
from test_sound import heard, loudness, tone

from fmcore.errors import FmcoreError, RenderError
from fmcore.lesson.plan import BundleRecipe, LessonPlan, SceneEntry
from fmcore.render.lesson import Wish, look_ahead, make_lesson
from fmcore.render.run import OnProgress, Outcome
from fmcore.reporter import Silent


class Here:
    """A crew of this process alone, which need not import manim anew for every run."""

    count = 2

    def __init__(self, count: int) -> None: ...

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, *exc: object) -> None: ...

    def run(self, jobs: Sequence[Any], on_progress: OnProgress, on_outcome: Callable[[Outcome[Any]], None]) -> None:
        for number, job in enumerate(jobs):
            try:
                on_outcome(Outcome(number, job.run(lambda done, total: None), None))
            except FmcoreError as error:
                on_outcome(Outcome(number, None, error))


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fmcore.render.lesson.Workers", Here)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def write(studio: Studio, *changes: tuple[str, str]) -> None:
    code = CODE
    for before, after in changes:
        assert before in code
        code = code.replace(before, after)
    studio.scenes.write_text(code, encoding="utf-8")


def captions(studio: Studio) -> str:
    return (studio.lesson / "lesson.srt").read_text(encoding="utf-8")


def test_another_sentence_is_joined_and_nothing_is_rendered(studio: Studio) -> None:
    plan = studio.plan("First", "Second")
    studio.make(plan)
    frames = frames_of(studio.lesson / "lesson.mp4")
    write(studio, ("It stays.", "It stays where it was."), ("'''A square.'''", "'''What a square.'''"))
    assert studio.make(plan).rendered == []
    assert "First stale: its narration changed" in studio.told
    assert "First: its pictures are as they were." in studio.told
    assert "It stays where it was." in captions(studio)
    assert (frames_of(studio.lesson / "lesson.mp4") == frames).all()
    agrees(studio)
    assert studio.make(plan).unchanged
    # a sentence for which there is no time needs more of the picture
    write(studio, ("It stays.", "It stays, and while it stays there is time to say quite a lot about squares."))
    assert sorted(studio.make(plan).rendered) == ["First", "Second"]
    agrees(studio)


def test_code_that_paints_is_rendered_again(studio: Studio) -> None:
    plan = studio.plan("First")
    studio.make(plan)
    write(studio, ("fill_opacity=1", "fill_opacity=0.5"))
    assert studio.make(plan).rendered == ["First"]
    write(studio)
    assert studio.make(plan).rendered == []


def test_a_network_trained_on_leaves_the_scenes_of_layers_that_did_not_change(tmp_path: Path) -> None:
    bundle = tmp_path / "net.safetensors"
    plan = LessonPlan(
        title="t",
        bundles={"net": BundleRecipe(file=str(bundle))},
        scenes=(
            SceneEntry(scene="ActivationHeatmap", bundle="net", options={"layer": "conv1"}),
            SceneEntry(scene="ActivationHeatmap", bundle="net", options={"layer": "conv2"}),
        ),
    )
    wish = Wish(spec=TINY, output=tmp_path / "out", folder=tmp_path / "out" / "lesson", jobs=2)
    rendered: list[list[str]] = []
    for widths in ((4, 6), (4, 7)):
        make_bundle(bundle, Net(widths=widths))
        make_lesson(plan, wish, Silent())
        record = json.loads((wish.folder / "lesson.json").read_text(encoding="utf-8"))
        rendered.append([scene["segments"][0] for scene in record["scenes"]])
    (first, second), (first_again, second_again) = rendered
    assert first == first_again
    assert second != second_again


def test_a_plan_says_what_would_be_done_and_does_not_do_it(studio: Studio) -> None:
    def outlook() -> list[tuple[str, str]]:
        wish = Wish(spec=TINY, output=studio.output, folder=studio.lesson, jobs=2)
        found = look_ahead(studio.plan("First", "Second"), wish, Silent())
        return [(scene.ref.name, part.reason) for scene in found.scenes for part in scene.segments]

    assert outlook() == [("First", "not rendered yet as it is now"), ("Second", "not rendered yet as it is now")]
    assert list(studio.output.rglob("*.mp4")) == []
    studio.make(studio.plan("First", "Second"))
    assert outlook() == [("First", "nothing changed"), ("Second", "nothing changed")]
    write(studio, ("side: int = 1", "side: int = 2"))
    assert {reason for _, reason in outlook()} == {"its source changed"}


PIECES = """
import time
from manim import LEFT, RIGHT, Dot, FadeIn, Scene, Square
class Steady(Scene):
    def construct(self):
        dot = Dot(LEFT).add_updater(lambda m, dt: m.shift(RIGHT * dt))
        self.add(dot)
        for _ in range(6):
            self.play(FadeIn(Square().shift(RIGHT)), run_time=1)
            self.wait(0.6)
class Clock(Steady):
    def construct(self):
        self.add(Dot([time.time() % 3, 0, 0]))
        super().construct()
"""


def test_long_scenes_are_rendered_in_pieces_and_joined(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    film = studio.folder / "pieces.py"
    film.write_text(PIECES)
    scenes = (SceneEntry(scene=f"{film}:Steady"), SceneEntry(scene=f"{film}:Clock"))
    plan = studio.plan("First").model_copy(update={"scenes": scenes})
    assert sorted(studio.make(plan, apart=True).rendered) == ["Clock", "Steady"]
    whole = frames_of(studio.lesson / "Steady.mp4").astype(int)
    for path in (studio.output / "cache").iterdir():
        path.unlink()
    monkeypatch.setattr("fmcore.render.cuts._STARTS", (0,))  # so that short scenes are cut, too
    monkeypatch.setattr("fmcore.render.cuts._SHARES", (3,))
    assert sorted(studio.make(plan, apart=True).rendered) == ["Clock", "Steady"], studio.told
    assert any(line.startswith("Steady 3/3: ") for line in studio.told)
    assert any(line.endswith("It is rendered as a whole instead.") for line in studio.told)
    again = frames_of(studio.lesson / "Steady.mp4").astype(int)
    assert again.shape == whole.shape
    assert abs(again - whole).mean() < 0.3  # the encoder's noise
    assert len(list((studio.output / "cache").glob("*.mp4"))) == 4  # nothing is left of the pieces of the clock
    assert studio.make(plan, apart=True).unchanged


def test_a_scene_that_fails_with_some_options_is_rendered_with_others(studio: Studio) -> None:
    good, bad = (studio.plan("Second", **options).scenes[0] for options in ({"side": 2}, {"sied": 2}))
    made = studio.make(studio.plan("Second").model_copy(update={"scenes": (bad, good)}), apart=True)
    assert (made.rendered, list(made.failed)) == (["Second"], ["Second"])


def test_a_plain_scene_needs_no_network(studio: Studio) -> None:
    film = studio.folder / "plain.py"
    film.write_text(PIECES)
    plan = studio.plan("First").model_copy(update={"scenes": (SceneEntry(scene=f"{film}:Steady", bundle="unused"),)})
    assert studio.make(plan, apart=True).rendered == ["Steady"]  # the bundle that it names is not there


RUN = """
import sys
sys.path[:0] = {paths!r}
from films import TINY
from fmcore.lesson.plan import BundleRecipe, LessonPlan, SceneEntry
from fmcore.render.lesson import Wish, make_lesson
from fmcore.reporter import Silent
from pathlib import Path
if __name__ == "__main__":
    {before}
    out = Path({output!r})
    plan = LessonPlan(
        title="t", bundles={{"b": BundleRecipe(file={bundle!r})}}, scenes=(SceneEntry(scene={scene!r}, bundle="b"),)
    )
    made = make_lesson(plan, Wish(spec=TINY, output=out, folder=out / "lesson", jobs=1), Silent())
    print(made.rendered, [error.message for error in made.failed.values()])
"""


def start(studio: Studio, scene: str, before: str = "pass") -> "subprocess.Popen[str]":
    """A run of its own that makes a lesson of `scene`."""
    script = studio.folder / "run.py"
    here = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    values = {"output": str(studio.output), "bundle": str(studio.bundle), "scene": scene}
    script.write_text(RUN.format(paths=here, before=before, **values), encoding="utf-8")
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, str(script)], stdout=pipe, stderr=pipe, text=True)


def test_two_runs_at_once_in_one_folder_make_one_lesson(studio: Studio) -> None:
    runs = [start(studio, f"{studio.scenes}:First") for _ in range(2)]
    said = [run.communicate(timeout=100) for run in runs]
    assert sorted(out.strip() for out, _ in said) == ["['First'] []", "[] []"], said  # the second finds it made
    agrees(studio)


PLAIN = """
from manim import Circle, Create, Scene
class Film(Scene):
    def construct(self):
        self.play(*[Create(Circle(radius=r / 4)) for r in range(1, 15)], run_time=8)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits are Unix's")
def test_a_full_disk_is_a_sentence_and_leaves_nothing(studio: Studio) -> None:
    film = studio.folder / "plain.py"
    film.write_text(PLAIN)
    before = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))"  # as if the disk were full
    out, err = start(studio, f"{film}:Film", before).communicate(timeout=100)
    assert "Film could not be written (File too large); free some space and run again." in out, err
    assert list(studio.output.rglob("*.mp4")) == list(studio.output.rglob("*.part")) == []


def test_where_one_file_finds_no_place_the_older_lesson_stays(studio: Studio) -> None:
    studio.make(studio.plan("First"))
    (studio.lesson / "poster.png").unlink()
    before = {path: path.read_bytes() for path in studio.lesson.iterdir()}
    (studio.lesson / "poster.png").mkdir()
    with pytest.raises(RenderError, match=r"poster\.png' is no ordinary file, .*; move it away and run again"):
        studio.make(studio.plan("Second"))
    (studio.lesson / "poster.png").rmdir()
    assert {path: path.read_bytes() for path in studio.lesson.iterdir()} == before


SOUNDING = """
from manim import Dot, FadeIn, Scene
class Sounding(Scene):
    def construct(self):
        for number in range(3):
            self.add_sound("ping", time_offset=0.5)
            self.play(FadeIn(Dot()), subcaption=f"Number {number}, and so on.", subcaption_duration=5)
            self.wait(1)
"""


def test_sounds_and_subcaptions_of_plain_scenes_reach_the_film(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(studio.folder)
    monkeypatch.setattr("fmcore.render.cuts._STARTS", (0,))
    monkeypatch.setattr("fmcore.render.cuts._SHARES", (3,))
    ping = tone(studio.folder / "ping.wav", 400, 0.3)
    (studio.folder / "sounding.py").write_text(SOUNDING)
    first, sounding = (
        SceneEntry(scene=f"{studio.scenes}:First", bundle="tiny"),
        SceneEntry(scene="sounding.py:Sounding"),
    )
    plan = studio.plan("First").model_copy(update={"scenes": (first, sounding)})
    assert sorted(studio.make(plan).rendered) == ["First", "Sounding"]
    record = json.loads((studio.lesson / "lesson.json").read_text(encoding="utf-8"))
    start_s = record["scenes"][1]["start"] / TINY.fps
    film = studio.lesson / "lesson.mp4"
    pinged = [start_s + 2 * number + 0.5 for number in range(3)]
    for moment in pinged:
        assert loudness(heard(film), 400, moment + 0.05, moment + 0.25) == pytest.approx([0.5, 0.5], abs=0.03)
        assert loudness(heard(film), 400, moment - 0.4, moment - 0.1) == pytest.approx([0, 0], abs=0.02)
    assert [text for text in captions(studio).strip().split("\n\n") if "Number" in text] == [
        f"{3 + number}\n{at(start_s + 2 * number)} --> {at(start_s + 2 * number + 2)}\nNumber {number}, and so on."
        for number in range(3)
    ]
    assert studio.make(plan).unchanged
    tone(ping, 1200, 0.3)
    made = studio.make(plan)
    assert (made.rendered, made.joined) == ([], True)
    assert loudness(heard(film), 1200, pinged[0] + 0.05, pinged[0] + 0.25) == pytest.approx([0.5, 0.5], abs=0.03)


def at(seconds: float) -> str:
    """As SubRip says it."""
    return f"00:00:{int(seconds):02d},{round(seconds % 1 * 1000):03d}"
