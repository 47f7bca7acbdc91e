"""The worker: any manim scene becomes a segment, and what fails says where and leaves nothing."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from films import TINY, frames_of, leftovers

from fmcore.errors import RenderError
from fmcore.lesson.brief import Brief, Performance
from fmcore.render.spec import RenderSpec
from fmcore.render.worker import SegmentJob, SegmentResult, render_segment


@pytest.fixture(autouse=True)
def own_modules(tmp_path: Path) -> Iterator[None]:
    """What a scene's file imports is forgotten again."""
    modules, path = dict(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - set(modules):
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
    sys.modules.update(modules)


def write(path: Path, code: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code, encoding="utf-8")
    return path


def rendered(path: Path, scene: str, spec: RenderSpec = TINY, target: str = "film.mp4") -> SegmentResult:
    (path.parent / "out").mkdir(exist_ok=True)
    job = SegmentJob(scene=scene, path=path, module=None, brief=Brief(), spec=spec, target=path.parent / "out" / target)
    return render_segment(job, lambda done, total: None)


SCENE = "from manim import Scene\nclass Film(Scene):\n    def construct(self):\n"
DOT = """
from manim import Dot, FadeIn, Scene
class Film(Scene):
    def construct(self):
        self.play(FadeIn(Dot(radius=1)), run_time=1)
        self.wait(0.4)
"""

FOREIGN = {
    "a plain scene": (DOT, 7),
    "a moving camera": (
        """
from manim import MovingCameraScene, Square
class Film(MovingCameraScene):
    def construct(self):
        self.add(Square(side_length=1, fill_opacity=1))
        self.play(self.camera.frame.animate.scale(0.25), run_time=1)
        self.wait(0.4)
""",
        7,
    ),
    "a moving camera behind keyword arguments": (
        """
from manim import MovingCameraScene, Square
class Film(MovingCameraScene):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
    def construct(self):
        self.add(Square(side_length=1, fill_opacity=1))
        self.play(self.camera.frame.animate.scale(0.25), run_time=1)
""",
        5,
    ),
    "three dimensions": (
        """
import numpy as np
from manim import Cube, ImageMobject, ThreeDScene
class Film(ThreeDScene):
    def construct(self):
        self.set_camera_orientation(phi=1, theta=0.5)
        self.add(Cube(), ImageMobject(np.full((2, 2), 255, np.uint8)))
        self.wait(1)
""",
        5,
    ),
    "an updater": (
        """
from manim import Dot, RIGHT, Scene
class Film(Scene):
    def construct(self):
        self.add(Dot(radius=1).add_updater(lambda dot, dt: dot.shift(RIGHT * dt)))
        self.wait(1)
""",
        5,
    ),
    "an image and sections": (
        """
import numpy as np
from manim import ImageMobject, Scene
class Film(Scene):
    def construct(self):
        self.add(ImageMobject(np.full((4, 4), 255, np.uint8)).set(height=4))
        self.next_section("second")
        self.wait(1)
""",
        5,
    ),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_foreign_scene_becomes_a_film(case: str, tmp_path: Path) -> None:
    code, frames = FOREIGN[case]
    result = rendered(write(tmp_path / "film.py", code), "Film")
    assert (result.frames, result.performance) == (frames, Performance(title="Film"))
    shown = frames_of(tmp_path / "out" / "film.mp4")
    assert shown.shape == (frames, TINY.height, TINY.width, 3)
    assert shown[-1].max() > 150
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["film.mp4"]
    if "camera" in case:
        lit = (shown.mean(-1) > 100).mean((1, 2))
        assert lit[-1] > 10 * lit[0]  # it came nearer


FAULTS = {
    "an error": (
        SCENE + "        self.wait(1)\n        1 / 0\n",
        r"Film failed with ZeroDivisionError: division by zero \(film.py, line 5\)",
    ),
    "an error inside manim": (
        SCENE + "        self.play(3)\n",
        r"Film failed with TypeError: .*\(film.py, line 4\)",
    ),
    "an error of several lines": (
        SCENE + "        raise ValueError('one\\n\\ntwo')\n",
        r"Film failed with ValueError: one two \(film.py, line 4\)\.$",
    ),
    "an error while importing": (
        "import no_such_module\nclass Film(object): pass\n",
        r"no_such_module.*film.py, line 1",
    ),
    "a picture that is not there": (
        SCENE.replace("Scene\n", "ImageMobject, Scene\n", 1) + "        self.add(ImageMobject('gone.png'))\n",
        r"Film failed with OSError: .*could not find gone.png.*\(film.py, line 4\)",
    ),
    "a table that is not there": (
        SCENE + "        open('gone.txt')\n",
        r"Film failed with FileNotFoundError: .*gone.txt.*\(film.py, line 4\)",
    ),
    "a sound that is not there": (
        SCENE + "        self.add_sound('gone')\n",
        r"Film failed with ValueError: there is no sound 'gone', .*\(film.py, line 4\)",
    ),
    "a sound that is none": (
        SCENE + "        self.add_sound(__file__)\n",
        r"Film failed with ValueError: '.*film.py' cannot be read as a sound \(film.py, line 4\)",
    ),
    "a sound before the scene": (
        SCENE + "        self.add_sound('gone', time_offset=-1)\n",
        r"Film failed with ValueError: the sound 'gone' would begin 1.00 s before the scene \(film.py, line 4\)",
    ),
    "a neighbour that is no Python": (
        "import spoilt\n" + DOT,
        r"Film failed with SyntaxError: .*[^)] \(spoilt.py, line 2\)\.$",
    ),
    "no scene": ("class Film(dict): pass\n", "'Film' in 'film.py' is no manim Scene; name a class derived from Scene"),
    "no class": ("Film = 3\n", "'Film' in 'film.py' is no manim Scene"),
    "nothing played": (
        "from manim import Dot, Scene\nclass Film(Scene):\n    def construct(self):\n        self.add(Dot())\n",
        "Film plays nothing, so there is no film of it; call self.play or self.wait",
    ),
    "leaving": (
        SCENE + "        self.wait(1)\n        exit(3)\n",
        "Film .*exit",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_fails_says_where_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    code, sentence = FAULTS[case]
    write(tmp_path / "spoilt.py", "\ndef plain(:\n")
    with pytest.raises(RenderError, match=sentence) as told:
        rendered(write(tmp_path / "film.py", code), "Film")
    assert "\n" not in told.value.message
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "film.py", DOT)
    job = SegmentJob(
        scene="Film", path=path, module=None, brief=Brief(), spec=TINY, target=tmp_path / "gone" / "film.mp4"
    )
    with pytest.raises(RenderError, match=r"Film could not be written .*; free some space and run again"):
        render_segment(job, lambda done, total: None)


def test_a_scene_can_import_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path / "shapes.py", "from manim import Square\ndef shape():\n    return Square(fill_opacity=1)\n")
    code = "from manim import Scene\nfrom shapes import shape\nclass Film(Scene):\n    def construct(self):\n"
    code += "        self.add(shape())\n        self.wait(1)\n"
    assert rendered(write(tmp_path / "film.py", code), "Film").frames == 5


def test_two_files_of_one_name_have_each_their_own_neighbours(tmp_path: Path) -> None:
    code = "from manim import Scene\nfrom parts import shape\nclass Film(Scene):\n    def construct(self):\n"
    code += "        self.add(shape())\n        self.wait(1)\n"
    brightness = []
    for folder, colour in (("first", "#202020"), ("second", "#FFFFFF")):
        write(
            tmp_path / folder / "parts.py",
            f"from manim import Square\ndef shape():\n    return Square(7, color='{colour}', fill_opacity=1)\n",
        )
        rendered(write(tmp_path / folder / "film.py", code), "Film")
        brightness.append(frames_of(tmp_path / folder / "out" / "film.mp4")[0, 45, 80].mean())
    assert brightness[0] < 60 and brightness[1] > 200


@pytest.mark.parametrize("name", ["scenes.py", "numpy.py", "fmcore.py"])
def test_a_file_may_be_called_like_a_package(name: str, tmp_path: Path) -> None:
    package = sys.modules.get(name.removesuffix(".py")) or __import__(name.removesuffix(".py"))
    rendered(write(tmp_path / name, DOT), "Film")
    assert sys.modules[name.removesuffix(".py")] is package


def test_a_scene_does_not_depend_on_what_was_rendered_before(tmp_path: Path) -> None:
    code = """
import numpy as np
from manim import Dot, Scene, config
import random
class Film(Scene):
    def construct(self):
        self.add(*(Dot([np.random.uniform(-5, 5), random.uniform(-3, 3), 0], radius=0.5) for _ in range(9)))
        self.wait(1)
class Other(Scene):
    def construct(self):
        config.background_color = "#FF0000"
        config.frame_width = 3
        config.seed = 5
        np.random.seed(8)
        self.camera.background_color = "#00FF00"
        self.wait(1)
"""
    path = write(tmp_path / "film.py", code)
    rendered(path, "Film", target="before.mp4")
    rendered(path, "Other", RenderSpec(**TINY.model_dump() | {"width": 90, "height": 160, "fps": 10}), "other.mp4")
    rendered(path, "Film", target="after.mp4")
    before, after = ((tmp_path / "out" / name).read_bytes() for name in ("before.mp4", "after.mp4"))
    assert before == after
    assert np.ptp(frames_of(tmp_path / "out" / "after.mp4")[0]) > 200
    assert leftovers(tmp_path) == []


SETTINGS = """
from pathlib import Path
from fmcore.render.process import configure
from fmcore.render.spec import quality
from manim import config
configure(quality("smoke"), Path("media"))
print(config.background_opacity, config.zero_pad, config.assets_dir)
"""


def test_settings_of_a_folder_change_where_files_are_and_no_picture(tmp_path: Path) -> None:
    write(tmp_path / "manim.cfg", "[CLI]\nbackground_opacity = 0.3\nzero_pad = 7\nassets_dir = pictures\n")
    command = [sys.executable, "-c", SETTINGS]
    told = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert told.stdout.split() == ["1.0", "4", "pictures"]


def test_frames_are_told_as_they_come(tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    job = SegmentJob(
        scene="Film", path=write(tmp_path / "film.py", DOT), module=None, brief=Brief(), spec=TINY,
        target=tmp_path / "film.mp4",
    )  # fmt: skip
    render_segment(job, lambda done, total: told.append((done, total)))
    assert told == [(1, None), (2, None), (3, None), (4, None), (5, None), (7, None)]


ENDLESS = {
    "plays on": ("while True:\n            self.wait(1)", "Film still plays after 0.01 hours of film; let `construct`"),
    "waits for what never comes": ("self.wait_until(lambda: False, 1e6)", "Film still plays after 0.01 hours of film;"),
    "computes on": ("self.wait(1)\n        while True:\n            pass", "Film has played nothing for 0.3 seconds;"),
    "catches its own errors": (
        "while True:\n            try:\n                sum(())\n            except Exception:\n                pass",
        "Film has played nothing for 0.3 seconds;",
    ),
}


@pytest.mark.parametrize("where", ["main thread", "another thread"])
@pytest.mark.parametrize("how", ENDLESS)
def test_a_scene_that_never_ends_is_ended_with_a_sentence(
    how: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, sentence = ENDLESS[how]
    monkeypatch.setattr("fmcore.render.patience.LONGEST_S", 36.0)
    silent_s = 0.3 if "nothing" in sentence else 60.0  # one that plays may be kept waiting by a busy machine
    monkeypatch.setattr("fmcore.render.patience.SILENT_S", silent_s)
    path = write(tmp_path / "film.py", SCENE + f"        {body}\n")
    with ThreadPoolExecutor(1) as threads, pytest.raises(RenderError, match=sentence):
        if where == "main thread":
            rendered(path, "Film")
        else:  # as on the worker of a cluster
            threads.submit(rendered, path, "Film").result()
    assert leftovers(tmp_path) == []
