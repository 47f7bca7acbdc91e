"""A scene in pieces: the same frames as in one go, whatever its updaters, cameras and random numbers do."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from films import TINY
from manim import Scene
from numpy.typing import NDArray

from fmcore.errors import RenderError
from fmcore.lesson.brief import Brief
from fmcore.render.cuts import Sketch
from fmcore.render.sketch import sketch
from fmcore.render.worker import Diverged, SegmentJob, play, render_segment, segment_renderer

START = """
import random
import time
from pathlib import Path

import numpy as np
from manim import (
    AnimationGroup, Arc, ChangeSpeed, Circle, Create, Cube, Dot, FadeIn, FadeOut, Homotopy, ImageMobject,
    Indicate, LEFT, LaggedStart, MathTypst, MoveAlongPath, MovingCameraScene, NumberPlane, PI, RED, RIGHT,
    ReplacementTransform, Rotate, Scene, Sector, Square, Succession, Text, ThreeDScene, TracedPath, Transform,
    UP, UpdateFromAlphaFunc, VGroup, ValueTracker, Write, always_redraw, config,
)


class Film({base}):
    def construct(self):
"""

SCENES: dict[str, tuple[str, str]] = {
    "time-based updater": (
        "Scene",
        """
dot = Dot(LEFT * 3).add_updater(lambda m, dt: m.shift(RIGHT * dt * (1 + self.time)))
self.add(dot)
self.wait(0.6)
self.play(FadeIn(Square()), run_time=0.6)
self.wait(0.4)
dot.clear_updaters()
self.play(dot.animate.shift(UP), run_time=0.4)
""",
    ),
    "always_redraw of a tracker": (
        "Scene",
        """
angle = ValueTracker(0.1)
sector = always_redraw(lambda: Sector(radius=2, angle=angle.get_value(), fill_opacity=1))
self.add(sector)
self.play(angle.animate.set_value(3), run_time=0.6)
self.play(angle.animate.set_value(1), run_time=0.4, rate_func=lambda t: t * t)
self.wait(0.4)
""",
    ),
    "numbers from the shared generators": (
        "Scene",
        """
def jump(m):
    m.move_to([random.uniform(-3, 3), np.random.uniform(-2, 2), 0])
dot = Dot(radius=0.5).add_updater(jump)
self.add(dot)
self.wait(0.6)
self.play(Create(Circle(radius=random.random() + 0.5)), run_time=0.6)
self.wait(0.4)
""",
    ),
    "a moving camera": (
        "MovingCameraScene",
        """
self.add(NumberPlane(), Square(fill_opacity=1))
self.play(self.camera.frame.animate.scale(0.4).shift(RIGHT), run_time=0.6)
self.play(self.camera.frame.animate.rotate(0.4), run_time=0.4)
self.wait(0.4)
""",
    ),
    "three dimensions that turn by themselves": (
        "ThreeDScene",
        """
self.set_camera_orientation(phi=1.1, theta=0.4)
self.begin_ambient_camera_rotation(rate=0.8)
self.play(Create(Cube(side_length=2)), run_time=0.6)
self.wait(0.6)
self.stop_ambient_camera_rotation()
self.move_camera(phi=0.3, run_time=0.4)
""",
    ),
    "groups, successions and lag": (
        "Scene",
        """
dots = VGroup(*[Dot(radius=0.4) for _ in range(4)]).arrange(RIGHT)
self.play(LaggedStart(*[FadeIn(d, shift=UP) for d in dots], lag_ratio=0.3), run_time=0.8)
self.play(Succession(dots[0].animate.shift(UP), dots[0].animate.set_color(RED), run_time=0.8))
self.play(AnimationGroup(Rotate(dots, PI / 3), Indicate(dots[1])), run_time=0.6)
self.play(FadeOut(dots), run_time=0.4)
""",
    ),
    "a path that is traced, and speed that changes": (
        "Scene",
        """
dot = Dot(LEFT * 2)
self.add(dot, TracedPath(dot.get_center, stroke_width=20))
self.play(ChangeSpeed(dot.animate(run_time=0.8).shift(RIGHT * 4), speedinfo={0.5: 0.3}))
self.play(MoveAlongPath(dot, Arc(radius=2)), run_time=0.6)
self.wait(0.2)
""",
    ),
    "sections, one of them skipped, and a wait until": (
        "Scene",
        """
tracker = ValueTracker(0).add_updater(lambda m, dt: m.increment_value(dt))
square = Square(fill_opacity=1)
self.add(tracker, square)
self.next_section("left out", skip_animations=True)
self.play(square.animate.shift(RIGHT), run_time=0.6)
self.next_section("shown")
self.wait_until(lambda: tracker.get_value() > 1)
self.play(Transform(square, Circle(fill_opacity=1)), run_time=0.4)
self.wait(0.4)
""",
    ),
    "text, formulas, images and functions of the moment": (
        "Scene",
        """
text = Text("Map", font="DejaVu Sans")
image = ImageMobject(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4).set(height=2).to_edge(LEFT)
self.play(Write(text), FadeIn(image), run_time=0.6)
self.play(UpdateFromAlphaFunc(image, lambda m, a: m.set_opacity(1 - a / 2)), run_time=0.4)
self.play(ReplacementTransform(text, MathTypst("x^2").scale(3)), run_time=0.6)
self.play(Homotopy(lambda x, y, z, t: (x + t, y, z), image.copy().add(Dot())), run_time=0.4)
self.wait(0.2)
""",
    ),
}


class Kept:
    """An encoder that keeps its frames."""

    def __init__(self) -> None:
        self.frames, self.finished = 0, False
        self.pixels: list[NDArray[np.uint8]] = []

    def write(self, pixels: NDArray[np.uint8], repeat: int = 1) -> None:
        self.pixels.extend([pixels.copy()] * repeat)
        self.frames += repeat

    def finish(self) -> None:
        self.finished = True

    def abort(self) -> None: ...


def film(folder: Path, base: str, body: str) -> SegmentJob:
    path = folder / "film.py"
    path.write_text(START.format(base=base) + "\n".join(f"        {line}" for line in body.strip().splitlines()) + "\n")
    return SegmentJob(scene="Film", path=path, module=None, brief=Brief(), spec=TINY, target=folder / "film.mp4")


def frames(job: SegmentJob) -> list[NDArray[np.uint8]]:
    kept = Kept()
    play(job, kept, lambda *made: segment_renderer(job, *made), lambda done, total: None)
    assert kept.finished
    return kept.pixels


def pieces(job: SegmentJob, found: Sketch) -> list[SegmentJob]:
    """A piece for every play that has frames."""
    states = {one.start: one.state for one in reversed(found.plays)}
    bounds = sorted({0, found.frames} | set(states))
    return [
        job.model_copy(update={"start": start, "end": end, "states": (states.get(start), states.get(end))})
        for start, end in pairwise(bounds)
    ]


@pytest.mark.parametrize("kind", SCENES)
def test_pieces_are_the_whole_frame_by_frame(kind: str, tmp_path: Path) -> None:
    job = film(tmp_path, *SCENES[kind])
    whole = frames(job)
    found = sketch(job)
    assert found.frames == len(whole)
    cut = pieces(job, found)
    assert len(cut) >= 3
    for piece in cut:
        shown = frames(piece)
        expected = whole[piece.start : piece.end]
        assert len(shown) == len(expected)
        for number, (one, other) in enumerate(zip(shown, expected, strict=True)):
            np.testing.assert_array_equal(one, other, err_msg=f"frame {piece.start + number}")


OTHERWISE = {
    "a clock": "self.add(Dot([time.time() % 3, 0, 0]))",
    "random numbers of its own": "self.add(Dot([np.random.default_rng().uniform(), 0, 0]))",
    "a file that it writes": """
log = Path(__file__).with_name("log")
log.write_text((log.read_text() if log.exists() else "") + "x")
self.add(Dot([len(log.read_text()) / 9, 0, 0]))""",
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_a_scene_that_plays_otherwise_every_time_is_not_cut(what: str, tmp_path: Path) -> None:
    job = film(tmp_path, "Scene", f"self.wait(0.4)\n{OTHERWISE[what]}\nself.wait(0.4)\nself.wait(0.4)")
    cut = pieces(job, sketch(job))
    with pytest.raises(Diverged, match="Film plays otherwise every time, so it cannot be rendered in pieces"):
        for piece in cut:
            render_segment(piece, lambda done, total: None)


def test_a_scene_that_is_longer_or_shorter_than_it_was_is_not_cut(tmp_path: Path) -> None:
    job = film(tmp_path, "Scene", "self.wait(0.4)\nself.wait(0.4)")
    found = sketch(job)
    for body in ("self.wait(0.4)", "self.wait(0.4)\nself.wait(0.8)", "self.wait(0.4)\nself.wait(0.4)\nself.wait(0.4)"):
        film(tmp_path, "Scene", body)
        last = pieces(job, found)[-1].model_copy(update={"states": (None, "over")})
        with pytest.raises(RenderError):
            render_segment(last, lambda done, total: None)


def test_what_is_pure_is_not_stepped_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stepped: list[float] = []
    step = Scene.play_internal
    monkeypatch.setattr(Scene, "play_internal", lambda scene: stepped.append(scene.duration) or step(scene))
    body = "self.play(FadeIn(Square()), run_time=0.6)\nself.play(Create(Circle()), rate_func=lambda t: t, run_time=0.4)"
    sketch(film(tmp_path, "Scene", body))
    assert stepped == [pytest.approx(0.4)]


def test_the_files_that_a_scene_reads_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    (tmp_path / "words.txt").write_text("two words")
    (tmp_path / "kit.py").write_text("SIDE = 2\n")
    body = """
from kit import SIDE
words = Path(__file__).with_name("words.txt").read_text()
Path(__file__).with_name("log.txt").write_text("written, not read")
self.add(Square(SIDE), Text(words, font="DejaVu Sans"))
self.wait(0.4)
"""
    found = sketch(film(tmp_path, "Scene", body))
    assert [Path(name).name for name in found.files] == ["words.txt"]


LEFT_BEHIND = {
    "defaults of a class": "Square.set_default(fill_opacity=1, color=RED)\nself.add(Square())\nself.wait(0.4)",
    "manim's configuration": "config.frame_width = 5\nconfig.background_color = RED\nself.wait(0.4)",
    "random numbers": "random.random()\nnp.random.uniform()\nself.wait(0.4)",
    "a change of speed that does not end": (
        "self.play(ChangeSpeed(Square().animate(run_time=1).shift(UP), speedinfo={0.5: 0.3}))\n"
        "ChangeSpeed.is_changing_dt = True"
    ),
}


@pytest.mark.parametrize("what", LEFT_BEHIND)
def test_what_a_scene_leaves_in_its_process_does_not_reach_the_next(what: str, tmp_path: Path) -> None:
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    body = """
self.add(Square().shift([random.random(), np.random.uniform(), 0]))
self.play(ChangeSpeed(Circle().animate(run_time=0.6).shift(UP), speedinfo={0.5: 0.3}))
"""
    fresh = frames(film(tmp_path / "before", "Scene", body))
    frames(film(tmp_path, "Scene", LEFT_BEHIND[what]))
    again = frames(film(tmp_path / "after", "Scene", body))
    assert len(fresh) == len(again)
    for one, other in zip(fresh, again, strict=True):
        np.testing.assert_array_equal(one, other)
