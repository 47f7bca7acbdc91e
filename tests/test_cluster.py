"""Workers of a Dask scheduler: the same films as on this machine, with nothing shared but the network."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from films import TINY, Net, make_bundle

from fmcore.errors import InputError, RenderError
from fmcore.lesson.brief import Brief
from fmcore.render.cluster import Cluster
from fmcore.render.remote import OURS, _unpacked, described, difference, has
from fmcore.render.run import Outcome, Workers
from fmcore.render.scheduler import address
from fmcore.render.sketch import SketchJob
from fmcore.render.worker import SegmentJob

distributed = pytest.importorskip("distributed")

FILM = """
import os
import time
from pathlib import Path

from manim import RIGHT, Dot, Scene

from bits.shapes import shape


class Good(Scene):
    def construct(self):
        self.add(shape())
        self.wait(1)


class Bad(Good):
    def construct(self):
        super().construct()
        raise ValueError("no such thing")


class Talking(Bad):
    def construct(self):
        print("so far")
        super().construct()


class Deadly(Scene):
    def construct(self):
        mark = Path({mark!r})
        self.play(Dot(radius=2).animate.shift(RIGHT), run_time=1)
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), 9)
        self.wait(1)


class Slow(Scene):
    def construct(self):
        self.add(Dot().add_updater(lambda dot, dt: time.sleep(0.02)))
        self.wait(2000)
"""
BITS = "from manim import Square\n\n\ndef shape():\n    return Square(fill_opacity=1, color=COLOUR)\n"


UNWATCHED = {"OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}  # a worker's own sampling


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two worker processes with folders of their own: `temporary` for what others leave, `local` for Dask's files."""
    folder = tmp_path_factory.mktemp("dask")
    (folder / "temporary").mkdir()
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
        local_directory=str(folder / "local"),
        env={"TMPDIR": str(folder / "temporary"), **UNWATCHED},
    ) as cluster:
        cluster.folder = folder
        yield cluster


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., SegmentJob]:
    """A job of a scene in a lone file that imports a neighbour."""
    path = tmp_path / "my film.py"
    path.write_text(FILM.format(mark=str(tmp_path / "mark")))
    (tmp_path / "bits").mkdir()
    (tmp_path / "bits" / "__init__.py").write_text("COLOUR = '#ff0000'\n")
    (tmp_path / "bits" / "shapes.py").write_text(f"from bits import COLOUR\n{BITS}")
    return lambda scene, **more: SegmentJob(
        scene=scene, path=path, module=None, brief=Brief(), spec=TINY, target=tmp_path / f"{scene}.mp4"
    ).model_copy(update=more)


def heat_map(bundle: Path, target: Path, **options: str) -> SegmentJob:
    brief = Brief(bundle=bundle, options=options)
    return SegmentJob(
        scene="ActivationHeatmap",
        path=Path(__file__).parents[1] / "scenes" / "activation_heatmap.py",
        module="scenes.activation_heatmap",
        brief=brief,
        spec=TINY,
        target=target,
    )


def done(
    crew: Any, jobs: Sequence[Any], on_progress: Callable[..., None] = lambda *told: None
) -> dict[int, Outcome[Any]]:
    outcomes: dict[int, Outcome[Any]] = {}

    def on_outcome(outcome: Outcome[Any]) -> None:
        assert outcome.number not in outcomes
        outcomes[outcome.number] = outcome

    crew.run(jobs, on_progress, on_outcome)
    return outcomes


def test_films_are_the_same_as_those_of_this_machine(dask: Any, film: Any, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "tiny.safetensors", Net())
    sketches, films = [], []
    for crew, count in ((Cluster(dask.scheduler_address), 2), (Workers(1), 1)):
        target = tmp_path / type(crew).__name__ / "map.mp4"
        target.parent.mkdir()
        whole = heat_map(bundle, target)
        with crew:
            assert crew.count == count
            sketch = done(crew, [SketchJob(segment=whole)])[0].result
            ends = [beat.end for beat in sketch.performance.beats]
            states = {play.start: play.state for play in reversed(sketch.plays)}
            middle = whole.model_copy(
                update={"start": ends[0], "end": ends[1], "states": (states[ends[0]], states[ends[1]])}
            )
            jobs = [
                middle.model_copy(update={"target": target.with_name("middle.mp4")}),
                film("Good", target=target.with_name("good.mp4")),
                film("Bad", target=target.with_name("bad.mp4")),
                heat_map(bundle, target, layer="none"),
            ]
            progress: list[Any] = []
            outcomes = done(crew, jobs, lambda *told, into=progress: into.append(told))
            talked = done(crew, [SketchJob(segment=film("Talking"))])[0]
            assert {number for number, _, _ in progress} >= {0, 1}
            assert crew.run([], print, print) is None
        assert str(outcomes[2].error) == "Bad failed with ValueError: no such thing (my film.py, line 20)."
        assert "'tiny.safetensors' has no layer 'none'" in str(outcomes[3].error)
        failed = talked.error
        assert failed is not None and failed.printed == "so far\n"
        assert f'File "{film("Bad").path}", line 20, in construct' in failed.trace
        sketches.append(sketch.model_copy(update={"seconds": 0}))
        films.append({path.name: path.read_bytes() for path in target.parent.iterdir()})
    assert sketches[0] == sketches[1]
    assert sorted(films[0]) == ["good.mp4", "middle.mp4"] and films[0] == films[1]


def test_a_bundle_travels_once_to_every_worker(dask: Any, tmp_path: Path) -> None:
    class Counting(Cluster):
        def _tell(self, workers: Any, function: Any, *given: Any) -> dict[str, Any]:
            sent.extend([function.__name__] * len(workers))
            return super()._tell(workers, function, *given)

    one, other = (make_bundle(tmp_path / f"{seed}.safetensors", Net(seed=seed)) for seed in (17, 18))
    jobs = [SketchJob(segment=heat_map(path, tmp_path / "none.mp4")) for path in (one, other, one)]
    for transfers in (4, 0):  # the second run finds them
        sent: list[str] = []
        one.touch()  # its content counts
        with Counting(dask.scheduler_address) as crew:
            assert all(outcome.error is None for outcome in done(crew, jobs).values())
        assert sent.count("receive") == sent.count("keep") == transfers
    kept = sorted((dask.folder / "local").rglob("*.safetensors"))
    assert all(len(path.stem) == 64 for path in kept)
    kept[0].unlink()  # it is brought again
    kept[1].unlink()
    with Cluster(dask.scheduler_address) as crew:
        assert all(outcome.error is None for outcome in done(crew, jobs).values())


def test_a_bundle_that_is_moved_away_meanwhile_is_a_sentence(dask: Any, tmp_path: Path) -> None:
    class Moving(Cluster):
        def _tell(self, workers: Any, function: Any, *given: Any) -> dict[str, Any]:
            if function is has:
                bundle.unlink()
            return super()._tell(workers, function, *given)

    bundle = make_bundle(tmp_path / "moved.safetensors", Net(seed=19))
    told = r"^The bundle '.*moved\.safetensors' cannot be read \(No such file or directory\); see that it is there"
    with Moving(dask.scheduler_address) as crew, pytest.raises(InputError, match=told):
        done(crew, [SketchJob(segment=heat_map(bundle, tmp_path / "none.mp4"))])


def test_a_worker_that_dies_in_the_middle_of_a_film_is_survived(
    dask: Any, film: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Cluster(dask.scheduler_address) as crew:
        outcomes = done(crew, [film("Deadly"), film("Good")])
        (tmp_path / "mark").unlink()
        mortal = film("Deadly").model_copy(update={"path": tmp_path / "always.py"})
        mortal.path.write_text(FILM.format(mark=str(tmp_path / "never" / "there")).replace("mark.touch()", "pass"))
        monkeypatch.setattr("fmcore.render.cluster._RETRIES", 0)
        outcomes[2] = done(crew, [mortal])[0]
    assert outcomes[0].result.frames == 10 and (tmp_path / "Deadly.mp4").is_file()
    assert outcomes[1].result.frames == 5 and (tmp_path / "Good.mp4").is_file()
    assert isinstance(outcomes[2].error, RenderError) and "was lost, 1 times" in str(outcomes[2].error)


def test_what_is_broken_off_does_not_go_on(dask: Any, film: Any, tmp_path: Path) -> None:
    def stop(outcome: Outcome[Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Cluster(dask.scheduler_address) as crew:
        crew.run([film("Slow"), film("Good")], lambda *told: None, stop)
    assert (tmp_path / "Good.mp4").is_file()
    began = time.monotonic()
    with Cluster(dask.scheduler_address) as crew:
        assert all(outcome.error is None for outcome in done(crew, [film("Good")] * 4).values())
    assert time.monotonic() - began < 20  # its worker is free: the scene would have taken minutes
    assert [path for path in tmp_path.iterdir() if ".part" in path.name] == []


def test_sources_of_a_scene_lead_into_no_other_folder(tmp_path: Path) -> None:
    folder = tmp_path / "scene"
    folder.mkdir()
    assert _unpacked([("film.py", b"1"), ("bits/shapes.py", b"2")], folder) == folder / "film.py"
    assert (folder / "bits" / "shapes.py").read_bytes() == b"2"
    for name in ("../x", "bits/../../x", str(tmp_path / "x")):
        with pytest.raises(ValueError, match=f"{name!r} leads out of its folder"):
            _unpacked([(name, b"3")], folder)
    assert list(tmp_path.iterdir()) == [folder]


def test_a_worker_with_other_libraries_is_refused(dask: Any, tmp_path: Path) -> None:
    other = tmp_path / "numpy-0.1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.1\n")
    command = [sys.executable, "-m", "dask", "worker", dask.scheduler_address, "--nthreads", "1", "--no-nanny"]
    environment = {**os.environ, **UNWATCHED, "PYTHONPATH": str(tmp_path)}
    worker = subprocess.Popen(
        [*command, "--no-dashboard", "--local-directory", str(tmp_path)], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: len(dask.scheduler.workers) == 3)
        with pytest.raises(InputError, match=r"Worker tcp://\S+ has numpy 0\.1 where this machine has \d"):
            Cluster(dask.scheduler_address).__enter__()
    finally:
        worker.terminate()
        worker.wait(20)
        until(lambda: len(dask.scheduler.workers) == 2)
    here = described(OURS)
    assert difference("w", here, here) is None
    assert "no such fmcore (No module" in str(difference("w", here, ModuleNotFoundError("No module named 'fmcore'")))
    assert "source code of scenes 0 where" in str(difference("w", here, {**here, "source code of scenes": "0"}))


def until(fulfilled: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not fulfilled():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_scheduler_that_goes_away_is_a_sentence(film: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fmcore.render.scheduler.CONNECT_S", 2.0)
    file = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": {**os.environ, **UNWATCHED}}
    dask = [sys.executable, "-m", "dask"]
    where = ["--scheduler-file", str(file), "--no-dashboard"]
    scheduler = subprocess.Popen([*dask, "scheduler", *where, "--host", "127.0.0.1", "--port", "0"], **quiet)
    worker = None
    try:
        until(file.is_file)
        with pytest.raises(InputError, match=r"has no workers; start some with `dask worker tcp://"):
            Cluster(str(file), patience_s=0.2).__enter__()
        options = ["--nthreads", "4", "--no-nanny", "--local-directory", str(tmp_path)]
        worker = subprocess.Popen([*dask, "worker", *where, *options], **quiet)
        with Cluster(str(file)) as crew:
            assert crew.count == 1
            outcomes = done(crew, [film("Good"), film("Slow")], lambda number, *told: number and scheduler.kill())
    finally:
        for process in (scheduler, worker):
            if process is not None:
                process.kill()
                process.wait()
    assert outcomes[0].result.frames == 5
    assert "does not answer any more" in str(outcomes[1].error)


def test_a_scheduler_file_that_is_being_written_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text('{"address": "tcp:')
    writing = threading.Timer(0.2, file.write_text, ['{"address": "tcp://127.0.0.1:8786"}'])
    writing.start()
    try:
        assert address(str(file)) == "tcp://127.0.0.1:8786"
    finally:
        writing.join()


@pytest.mark.parametrize(
    ("scheduler", "sentence"),
    [
        ("tcp://127.0.0.1:1", "No Dask scheduler answers at tcp://127.0.0.1:1"),
        ("127.0.0.1:1", "No Dask scheduler answers at tcp://127.0.0.1:1"),
        ("pigeon://127.0.0.1:1", "No Dask scheduler answers at pigeon://127.0.0.1:1"),
        ("{silent}", "(it says nothing); start one with `dask scheduler`"),
        ("{folder}/none.json", "neither the address of a Dask scheduler nor a file that can be read"),
        ("{folder}", "neither the address of a Dask scheduler nor a file that can be read"),
        ("{folder}/list.json", "it holds no address"),
        ("{folder}/text.json", "it holds no address"),
        ("{folder}/bytes.json", "it holds no address"),
    ],
)
def test_what_is_no_scheduler(scheduler: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fmcore.render.scheduler.CONNECT_S", 0.5)
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "text.json").write_text("{")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(InputError) as raised:
        silent = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        Cluster(scheduler.format(folder=tmp_path, silent=silent)).__enter__()
    assert sentence in raised.value.message and len(raised.value.message) < 400


def test_without_dask_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'fmcore\[cluster\]'"):
        Cluster("tcp://127.0.0.1:1").__enter__()


def test_nothing_is_left_behind(dask: Any) -> None:
    assert list((dask.folder / "temporary").iterdir()) == []
    left = [path.name for path in (dask.folder / "local").rglob("*") if path.name.startswith(("job-", ".", "fmcore-"))]
    assert left == []
