"""Watching, with real files and the events that they make: what starts a run, and what does not."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fmcore.errors import InputError, RenderError
from fmcore.lesson.brief import Performance, Sound
from fmcore.lesson.plan import BundleRecipe, LessonPlan, SceneEntry
from fmcore.render.cache import Store, Take
from fmcore.render.cuts import Play, Sketch
from fmcore.reporter import Reporter, Silent
from fmcore.watching import files_of, watch


class Told(Silent):
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def say(self, text: str) -> None:
        if not text.startswith("Watching"):
            self.lines.append(text)


class Desk:
    """A folder with files that are watched in a thread. `told` says what started each run but the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("film.py", "part.py", "other.py"):
            (folder / name).write_text("1")
        self.runs = 0
        self.told: list[str] = []
        self.stopped = False
        self.paths: Callable[[], set[Path]] = lambda: {folder / "film.py", folder / "part.py"}
        self.run: Callable[[], None] = lambda: None

    def again(self, report: Reporter) -> None:
        try:
            self.run()
        finally:
            self.runs += 1

    @contextmanager
    def reporting(self) -> Iterator[Reporter]:
        yield Told(self.told)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Within, the first run is over."""
        thread = threading.Thread(
            target=watch, args=(lambda: self.paths(), self.again, self.reporting, lambda: self.stopped)
        )
        thread.start()
        try:
            self.until(1)
            time.sleep(0.05)  # so that it waits, most of the time; nothing depends on it
            yield
        finally:
            self.stopped = True
            (self.folder / "end").touch()  # it looks at once
            thread.join(timeout=20)
        assert not thread.is_alive()

    def until(self, runs: int) -> None:
        deadline = time.monotonic() + 20
        while self.runs < runs and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self.runs >= runs, f"no run after {self.told}"

    def save(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("fmcore.watching._LOOK_S", 30.0)  # events have to start the runs
    return Desk(tmp_path)


def saved_in_place(folder: Path) -> None:
    (folder / "film.py").write_text("2")


def renamed_over(folder: Path) -> None:
    (folder / ".film.py.tmp").write_text("2")
    (folder / ".film.py.tmp").replace(folder / "film.py")


def saved_in_steps(folder: Path) -> None:
    (folder / "film.py").rename(folder / "film.py~")
    time.sleep(0.05)
    with (folder / "film.py").open("w") as file:
        for text in ("2", "3"):
            file.write(text)
            file.flush()
            time.sleep(0.05)
    (folder / "film.py").chmod(0o600)
    (folder / "film.py~").unlink()


def several_saved(folder: Path) -> None:
    for name in ("part.py", "film.py"):
        (folder / name).write_text("2")
        time.sleep(0.05)


def its_age_kept(folder: Path) -> None:
    before = (folder / "film.py").stat()
    (folder / "film.py").write_text("2")
    os.utime(folder / "film.py", ns=(before.st_atime_ns, before.st_mtime_ns))


def deleted(folder: Path) -> None:
    (folder / "film.py").unlink()


def touched(folder: Path) -> None:
    (folder / "film.py").touch()


def saved_unchanged(folder: Path) -> None:
    (folder / "film.py").write_text("1")


def changed_and_back(folder: Path) -> None:
    (folder / "film.py").write_text("2")
    (folder / "film.py").write_text("1")


def another_saved(folder: Path) -> None:
    (folder / "other.py").write_text("2")
    (folder / "new.txt").write_text("2")


@pytest.mark.parametrize(
    "act", [saved_in_place, renamed_over, saved_in_steps, several_saved, its_age_kept, deleted],
    ids=lambda act: act.__name__,
)  # fmt: skip
def test_a_save_starts_one_run(act: Callable[[Path], None], desk: Desk) -> None:
    with desk.watched():
        act(desk.folder)
        desk.until(2)
        time.sleep(0.3)
    assert desk.told == ["film.py, part.py changed." if act is several_saved else "film.py changed."]


def test_no_run_where_nothing_changed(desk: Desk) -> None:
    with desk.watched():
        for act in (touched, saved_unchanged, changed_and_back, another_saved):
            act(desk.folder)
            time.sleep(0.4)
            assert desk.told == [], act.__name__
        desk.save("part.py", "2")
        desk.until(2)
    assert desk.told == ["part.py changed."]


def test_saves_during_a_run_start_one_more(desk: Desk) -> None:
    def run() -> None:
        if desk.runs == 1:
            for text in ("during", "the run"):
                desk.save("film.py", text)
                time.sleep(0.05)

    desk.run = run
    with desk.watched():
        desk.save("part.py", "2")
        desk.until(3)
        time.sleep(0.3)
    assert desk.told == ["part.py changed.", "film.py changed."]


def test_what_a_run_brings_in_is_watched_from_then_on(desk: Desk) -> None:
    def paths() -> set[Path]:
        return {desk.folder / "film.py", *([desk.folder / "other.py"] if desk.runs else [])}

    desk.paths = paths
    with desk.watched():
        desk.save("other.py", "2")
        desk.until(2)
    assert desk.told == ["other.py changed."]


def test_a_run_that_fails_is_told_and_what_it_lacked_starts_the_next(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> None:
        if not (desk.folder / "lacking.py").exists():
            raise RenderError("There is no lacking.py; write it.")
        if desk.runs == 1:
            desk.save("lacking.py", "2")  # while it is still made
            (desk.folder / "gone").read_text()

    desk.run = run
    with desk.watched():
        desk.save("lacking.py", "1")
        desk.until(3)
        desk.save("other.py", "2")  # all is well again, and it is none of those watched
        desk.save("film.py", "2")
        desk.until(4)
    assert desk.told == ["lacking.py changed.", "lacking.py changed.", "film.py changed."]
    first, second = capsys.readouterr().err.splitlines()
    assert first == "Error: There is no lacking.py; write it."
    assert second == f"Error: No such file or directory ({desk.folder / 'gone'})."


def test_links_are_followed_and_folders_may_go_and_come(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fmcore.watching._LOOK_S", 0.2)  # nobody tells of a folder that comes back elsewhere
    real = tmp_path_factory.mktemp("elsewhere") / "real" / "real.py"
    real.parent.mkdir()
    real.write_text("1")
    (desk.folder / "link.py").symlink_to(real)
    desk.paths = lambda: {desk.folder / "link.py"}
    with desk.watched():
        real.write_text("2")
        desk.until(2)
        real.parent.rename(real.parent.with_name("away"))
        desk.until(3)
        real.parent.mkdir()
        real.write_text("3")
        desk.until(4)
        real.write_text("4")
        desk.until(5)
    assert desk.told == ["link.py changed."] * 4


def test_where_the_system_tells_of_no_saves_files_are_looked_at(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr("fmcore.watching._LOOK_S", 0.2)
    monkeypatch.setattr("watchdog.observers.api.BaseObserver.schedule", refused)
    with desk.watched():
        desk.save("film.py", "2")
        desk.until(2)
    assert desk.told == ["film.py changed."]


def test_a_picture_that_a_failing_run_lacked_starts_the_next(desk: Desk) -> None:
    def run() -> None:
        desk.save("log.txt", f"run {desk.runs}")  # what a run writes itself starts none
        if not (desk.folder / "dog.webp").exists():
            raise RenderError("no dog")

    desk.run = run
    with desk.watched():
        time.sleep(0.5)
        assert desk.runs == 1
        desk.save("dog.webp", "a dog")
        desk.until(2)
        time.sleep(0.5)
        desk.save("dog.webp", "another, which a run that went well need not look at")
        desk.save("film.py", "2")
        desk.until(3)
    assert desk.told == ["dog.webp changed.", "film.py changed."]


def test_what_a_scene_read_when_it_was_played_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "film.py").write_text("class Film(object):\n    pass\n")
    sketch = Sketch(
        frames=1,
        plays=(Play(start=0, frames=1, cost_s=1, state="a"),),
        reads={},
        files={str(tmp_path / "dog.png"): "1"},
        performance=Performance(title="Film", sounds=(Sound(file=tmp_path / "bark.wav", sha256="2", start_s=0),)),
        seconds=1,
    )
    store = Store(tmp_path / "cache")
    store.folder.mkdir()
    other = sketch.model_copy(update={"files": {str(tmp_path / "cat.png"): "1"}})
    for key, scene, one in (("a", "Film", other), ("b", "Film", sketch), ("c", "Other", other)):
        store.keep_take(key, Take(scene=scene, inputs={}, sketch=one, pictures="0" * 32))
        os.utime(store.folder / f"{key}.take.json", (ord(key), ord(key)))
    plan = LessonPlan(title="T", bundles={"unused": BundleRecipe()}, scenes=(SceneEntry(scene="film.py:Film"),))
    found = {path.resolve().name for path in files_of(lambda: plan, [], tmp_path)}
    assert found == {"film.py", "dog.png", "bark.wav"}
    store.keep_take("b", Take(scene="Film", inputs={}, sketch=other, pictures="0" * 32))  # played anew, under its key
    assert {path.name for path in files_of(lambda: plan, [], tmp_path)} == {"film.py", "cat.png", "bark.wav"}


def test_which_files_a_lesson_is_made_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "plan.toml": "", "film.py": "import parts\nclass Film(object):\n    pass\n", "parts.py": "import deeper\n",
        "deeper.py": "", "other.py": "", "broken.py": "class Film(\n", "net.safetensors": "", "dog.png": "",
    }.items():  # fmt: skip
        (tmp_path / name).write_text(text)
    plan = LessonPlan(
        title="T",
        bundles={
            "named": BundleRecipe(file="net.safetensors"),
            "made": BundleRecipe(images=("dog.png",)),
            "unused": BundleRecipe(file="unused.safetensors"),
        },
        scenes=tuple(
            SceneEntry(scene=scene, bundle=bundle)
            for scene, bundle in (("film.py:Film", "named"), ("broken.py:Film", "made"), ("gone.py:Film", "made"))
        ),
    )
    found = {path.resolve() for path in files_of(lambda: plan, [Path("plan.toml")], tmp_path)}
    names = ("plan.toml", "film.py", "parts.py", "deeper.py", "broken.py", "gone.py", "net.safetensors", "dog.png")
    assert found == {tmp_path.resolve() / name for name in names}

    def unreadable() -> LessonPlan:
        raise InputError("no plan")

    assert files_of(unreadable, [Path("plan.toml")], tmp_path) == {Path("plan.toml")}


PROCESS = """
import sys, time
from pathlib import Path
from fmcore.reporter import Lines, Silent, reporter
from fmcore.watching import watch
def again(report):
    print("run", flush=True)
    time.sleep(float(sys.argv[1]))
watch(lambda: {Path("film.py")}, again, reporter)
print("over")
"""


@pytest.mark.parametrize("seconds", [0, 60], ids=["while it waits", "in a run"])
def test_ctrl_c_ends_it_quietly(seconds: int, desk: Desk) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(seconds)],
        cwd=desk.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = [process.stdout.readline()]
    if not seconds:
        said += [process.stdout.readline()]
        desk.save("film.py", "2")
        said += [process.stdout.readline() for _ in range(3)]
    os.killpg(process.pid, signal.SIGINT)
    rest, errors = process.communicate(timeout=20)
    watching = "Watching 1 file; Ctrl-C ends it.\n"
    assert [*said, rest] == (
        ["run\n", "over\n"] if seconds else ["run\n", watching, "film.py changed.\n", "run\n", watching, "over\n"]
    )
    assert (process.returncode, errors) == (0, "")
