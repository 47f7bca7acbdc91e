"""Worker processes: one that fails, or dies, does not take the others' work with it."""

import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import pytest
from films import TINY, frames_of

from fmcore.errors import RenderError
from fmcore.lesson.brief import Brief
from fmcore.render.run import Outcome, Workers
from fmcore.render.worker import SegmentJob

CODE = """
import os
from manim import Dot, Scene
class Good(Scene):
    def construct(self):
        self.add(Dot(radius=2))
        self.wait(1)
class Better(Good):
    pass
class Bad(Good):
    def construct(self):
        self.wait(1)
        raise ValueError("no such thing")
class Deadly(Good):
    def construct(self):
        super().construct()
        os.kill(os.getpid(), 9)
class Loud(Good):
    def construct(self):
        print("to the terminal")
        os.write(2, b"to the terminal")
        super().construct()
class Leaving(Good):
    def construct(self):
        raise SystemExit(3)
"""


def run(folder: Path, *scenes: str, workers: int = 2) -> tuple[dict[str, Outcome], list[tuple[int, int, int | None]]]:
    (folder / "film.py").write_text(CODE)
    jobs = [
        SegmentJob(
            scene=name, path=folder / "film.py", module=None, brief=Brief(), spec=TINY, target=folder / f"{name}.mp4"
        )
        for name in scenes
    ]
    outcomes: dict[str, Outcome] = {}
    progress: list[tuple[int, int, int | None]] = []

    def on_outcome(outcome: Outcome) -> None:
        assert scenes[outcome.number] not in outcomes
        outcomes[scenes[outcome.number]] = outcome

    with Workers(workers) as crew:
        crew.run(jobs, lambda *told: progress.append(told), on_outcome)
    return outcomes, progress


def is_good(folder: Path, outcome: Outcome, name: str) -> bool:
    assert outcome.result is not None and outcome.error is None
    return outcome.result.frames == len(frames_of(folder / f"{name}.mp4")) == 5


def test_a_scene_that_fails_does_not_lose_the_others(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    outcomes, progress = run(tmp_path, "Good", "Bad", "Leaving", "Loud", "Better")
    assert is_good(tmp_path, outcomes["Good"], "Good") and is_good(tmp_path, outcomes["Better"], "Better")
    failed = outcomes["Bad"]
    assert failed.result is None and isinstance(failed.error, RenderError)
    assert failed.error.message == "Bad failed with ValueError: no such thing (film.py, line 13)."
    assert outcomes["Leaving"].error is not None
    assert {number for number, _, _ in progress} >= {0, 4}
    assert sorted(path.name for path in tmp_path.glob("*.*4*")) == ["Better.mp4", "Good.mp4", "Loud.mp4"]
    assert "terminal" not in "".join(capfd.readouterr())


def test_a_worker_that_dies_is_reported_and_the_others_finish(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(temporary))  # of the workers
    pools = Mock(wraps=ProcessPoolExecutor)
    monkeypatch.setattr("fmcore.render.run.ProcessPoolExecutor", pools)
    good = ("Good", "Better", "Loud")
    outcomes, _ = run(tmp_path, "Deadly", *good)
    assert all(is_good(tmp_path, outcomes[name], name) for name in good)
    assert pools.call_count <= 3  # for all, for the one that kills its worker, and for what is left of the others
    assert outcomes["Deadly"].result is None
    assert "killed twice" in str(outcomes["Deadly"].error) and not (tmp_path / "Deadly.mp4").exists()
    assert list(temporary.iterdir()) == []


class Odd:
    """A job that fails as no job should, in a worker of the module's name."""

    def run(self, on_frames: object) -> int:
        raise LookupError("nobody thought of that")


class Even:
    def run(self, on_frames: object) -> int:
        return 2


def test_a_mistake_that_nobody_thought_of_is_one_outcome_and_a_worker_killed_while_idle_is_replaced() -> None:
    outcomes: list[Outcome] = []
    with Workers(1) as crew:
        crew.run([Odd(), Even()], lambda *told: None, outcomes.append)
        (process,) = list(crew._pool._processes.values())  # type: ignore[union-attr]
        process.kill()
        process.join()
        crew.run([Even()], lambda *told: None, outcomes.append)
    odd, *even = sorted(outcomes, key=lambda outcome: outcome.result is not None)
    assert odd.error is not None and odd.error.message == "it failed with LookupError: nobody thought of that."
    assert [outcome.result for outcome in even] == [2, 2]


def test_news_of_an_earlier_run_that_come_late_are_not_told() -> None:
    heard: list[tuple[int, int, int | None]] = []
    with Workers(1) as crew:
        crew.run([Even()], lambda *told: heard.append(told), lambda outcome: None)
        crew.run([Even()], lambda *told: heard.append(told), lambda outcome: None)
        crew._messages.put((1, 0, 5, 9))  # as from a worker of the first
        crew._messages.put((2, 0, 6, 9))
    assert heard == [(0, 6, 9)]


def test_nothing_to_do_starts_nothing(tmp_path: Path) -> None:
    assert run(tmp_path) == ({}, [])


PARENT = """
import os, sys, time
from fmcore.render.run import Workers

class Job:
    def run(self, on_frames):
        told = os.getpid(), os.environ["WHAT"], os.environ.get("PYTHONSAFEPATH"), "manim" in sys.modules
        with open("part", "w") as file:
            print(*told, file=file)
        os.rename("part", "worker")
        time.sleep(120 * (os.environ["WHAT"] == "second"))

if __name__ == "__main__":
    for os.environ["WHAT"] in ("first", "second"):
        with Workers(1) as crew:
            crew.run([Job()], lambda *told: None, lambda outcome: None)
"""


def test_workers_see_what_their_parent_sees_and_end_with_it_when_it_is_killed(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    folder = tmp_path / "of the user"
    folder.mkdir()
    (folder / "numpy.py").write_text("raise ValueError('no module of ours')")
    told = ["", ""]
    with subprocess.Popen([sys.executable, "../parent.py"], cwd=folder) as parent:
        while told[1] != "second":
            assert parent.poll() is None
            time.sleep(0.05)
            told = (folder / "worker").read_text().split() if (folder / "worker").exists() else told
        parent.kill()
    worker, *rest = told
    assert rest == ["second", "None", "True"]
    until = time.monotonic() + 20
    while Path(f"/proc/{worker}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()
