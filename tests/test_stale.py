"""Films are never stale: whatever a scene is made from, and wherever it lies, a change of it is rendered."""

import os
import sys
from pathlib import Path

import pytest
from films import TINY, Net, make_bundle
from test_lesson import Studio
from test_reuse import Here

from fmcore.bundle import Bundle, save_bundle
from fmcore.lesson.brief import Brief
from fmcore.lesson.plan import BundleRecipe, SceneEntry
from fmcore.render.sketch import sketch
from fmcore.render.worker import SegmentJob


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    monkeypatch.setattr("fmcore.render.lesson.Workers", Here)
    return Studio(tmp_path)


MADE_FROM = {  # the scene's code, the file that changes, and how
    "a package that its neighbour lies in": (
        "from manim import Dot, Scene\nfrom parts.shares import SHARE\n"
        "class Film(Scene):\n    def construct(self):\n        self.add(Dot(fill_opacity=SHARE))\n"
        "        self.wait(1)\n",
        "parts/__init__.py",
        ("from manim import Dot\nDot.set_default(radius=1)\n", "from manim import Dot\nDot.set_default(radius=2)\n"),
    ),
    "code that it shows": (
        "from pathlib import Path\nfrom manim import Scene, Text\nSHOWN = Path(__file__).with_name('shown.py')\n"
        "class Film(Scene):\n    def construct(self):\n        self.add(Text(SHOWN.read_text()))\n"
        "        self.wait(1)\n",
        "shown.py",
        ("one = 1\n", "one = 2\n"),
    ),
    "code that it shows, as Python reads it": (
        "import inspect\nfrom manim import Scene, Text\nimport shown\n"
        "class Film(Scene):\n    def construct(self):\n        self.add(Text(inspect.getsource(shown)))\n"
        "        self.wait(1)\n",
        "shown.py",
        ("one = 1  # as said\n", "one = 1  # as told\n"),
    ),
    "its docstring, which it shows": (
        "from manim import Scene, Text\nclass Film(Scene):\n    '''One.'''\n    def construct(self):\n"
        "        self.add(Text(self.__doc__))\n        self.wait(1)\n",
        "film.py",
        ("'''One.'''", "'''Two.'''"),
    ),
    "a table": (
        "import numpy as np\nfrom pathlib import Path\nfrom manim import Dot, Scene\n"
        "PLACES = np.loadtxt(Path(__file__).with_name('places.csv'))\n"
        "class Film(Scene):\n    def construct(self):\n        self.add(Dot(PLACES))\n        self.wait(1)\n",
        "places.csv",
        ("1\n2\n0\n", "2\n2\n0\n"),
    ),
}


@pytest.mark.parametrize("where", ["work", ".course"])  # a folder of settings may be somebody's course, too
@pytest.mark.parametrize("case", MADE_FROM)
def test_what_a_scene_is_made_from_is_noticed(
    case: str, where: str, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, name, (before, after) = MADE_FROM[case]
    folder = studio.folder / where
    (folder / "parts").mkdir(parents=True)
    (folder / "parts/shares.py").write_text("SHARE = 1\n")
    monkeypatch.setenv("HOME", str(studio.folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    film = folder / "film.py"
    film.write_text(code)
    changing = folder / name
    changing.write_text((code if changing == film else "") or before)
    plan = studio.plan("First").model_copy(update={"scenes": (SceneEntry(scene=f"{film}:Film"),)})
    assert studio.make(plan, apart=True).rendered == ["Film"]
    assert studio.make(plan, apart=True).unchanged
    saved = changing.stat()
    changing.write_text(changing.read_text().replace(before, after))
    os.utime(changing, ns=(saved.st_atime_ns, saved.st_mtime_ns))  # within the second, as far as a clock tells
    assert studio.make(plan, apart=True).rendered == ["Film"]
    assert not list(folder.rglob("*.pyc"))


def test_what_a_package_has_read_and_keeps_belongs_to_each_of_its_scenes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "made_up_scenes"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from functools import cache\nfrom pathlib import Path\nHERE = Path(__file__).parent\n"
        "TITLE = (HERE / 'title.txt').read_text()\n@cache\ndef words():\n    return (HERE / 'words.txt').read_text()\n"
    )
    (package / "film.py").write_text(
        "from manim import Scene, Square\nfrom made_up_scenes import TITLE, words\nclass One(Scene):\n"
        "    def construct(self):\n        self.add(Square(len(TITLE + words())))\n        self.wait(1)\n"
        "class Two(One):\n    pass\n"
    )
    (package / "title.txt").write_text("a")
    (package / "words.txt").write_text("b")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("One", "Two"):
        job = SegmentJob(
            scene=name,
            path=package / "film.py",
            module="made_up_scenes.film",
            brief=Brief(),
            spec=TINY,
            target=tmp_path / "none.mp4",
        )
        assert {Path(read).name for read in sketch(job).files} == {"title.txt", "words.txt"}


COMES = {  # what a scene shows, and what comes to lie beside it later
    "a picture in a folder": ("len(list((HERE / 'pictures').glob('*.png')))", "pictures/two.png"),
    "a file that was looked for": ("length('size.txt')", "size.txt"),
    "another network's bundle": ("Bundle.open(HERE / 'net.safetensors').header.dataset.test_count", "net.safetensors"),
}


@pytest.mark.parametrize("case", COMES)
def test_what_comes_to_lie_beside_a_scene_is_noticed(case: str, studio: Studio) -> None:
    shown, name = COMES[case]
    folder = studio.folder / "course"
    (folder / "pictures").mkdir(parents=True)
    (folder / "pictures/one.png").touch()
    counted(folder / "net.safetensors", 100)
    film = folder / "film.py"
    film.write_text(
        "from pathlib import Path\nfrom manim import Scene, Square\nfrom fmcore.bundle import Bundle\n"
        "HERE = Path(__file__).parent\ndef length(name):\n    try:\n        return len((HERE / name).read_text())\n"
        f"    except OSError:\n        return 1\nclass Film(Scene):\n    def construct(self):\n"
        f"        self.add(Square({shown}))\n        self.wait(1)\n"
    )
    plan = studio.plan("First").model_copy(update={"scenes": (SceneEntry(scene=f"{film}:Film"),)})
    assert studio.make(plan, apart=True).rendered == ["Film"]
    assert studio.make(plan, apart=True).unchanged
    if name == "net.safetensors":
        counted(folder / name, 200)
    else:
        (folder / name).write_text("many")
    assert studio.make(plan, apart=True).rendered == ["Film"]


CLOSED = {  # what stands where a scene looks for `way/size.txt`, which it does without
    "a file in the way": lambda way: way.touch(),
    "a link to itself": lambda way: way.symlink_to(way),
    "a name that is too long": lambda way: way.symlink_to("x" * 300),
}


@pytest.mark.parametrize("case", CLOSED)
def test_a_scene_may_do_without_a_file_that_it_cannot_open(case: str, studio: Studio) -> None:
    way = studio.folder / "way"
    CLOSED[case](way)
    film = studio.folder / "film.py"
    film.write_text(
        "from pathlib import Path\nfrom manim import Scene, Square\ntry:\n"
        "    SIDE = len(Path(__file__).with_name('way').joinpath('size.txt').read_text())\nexcept OSError:\n"
        "    SIDE = 1\nclass Film(Scene):\n    def construct(self):\n        self.add(Square(SIDE))\n"
        "        self.wait(1)\n"
    )
    plan = studio.plan("First").model_copy(update={"scenes": (SceneEntry(scene=f"{film}:Film"),)})
    made = studio.make(plan, apart=True)
    assert made.rendered == ["Film"], made.failed
    assert studio.make(plan, apart=True).unchanged
    way.unlink()
    way.mkdir()
    (way / "size.txt").write_text("many")
    assert studio.make(plan, apart=True).rendered == ["Film"]


def counted(path: Path, test_images: int) -> Path:
    """A bundle at `path` whose header says that there were so many test images."""
    with Bundle.open(make_bundle(path, Net())) as bundle:
        dataset = bundle.header.dataset.model_copy(update={"test_count": test_images})
        header = bundle.header.model_copy(update={"dataset": dataset})
        arrays = {name: bundle.array(name) for name in bundle.header.arrays}
    save_bundle(path, header, arrays)
    return path


def test_a_copy_in_another_folder_shows_what_lies_beside_it_there(studio: Studio) -> None:
    code = MADE_FROM["a table"][0]
    made = []
    for name, row in (("one", "1\n2\n0\n"), ("two", "2\n2\n0\n"), ("moved", "1\n2\n0\n")):
        film = studio.folder / name / "film.py"
        film.parent.mkdir()
        film.write_text(code)
        film.with_name("places.csv").write_text(row)
        plan = studio.plan("First").model_copy(update={"scenes": (SceneEntry(scene=f"{film}:Film"),)})
        made.append(studio.make(plan, apart=True).rendered)
    assert made == [["Film"], ["Film"], []]  # the same pictures elsewhere are not drawn again


def test_what_comes_and_goes_within_one_play_is_in_the_pictures(studio: Studio) -> None:
    film = studio.folder / "film.py"
    film.write_text(
        "from manim import FadeIn, FadeOut, Square, Succession\nfrom fmcore.lesson.script import Beat, Script\n"
        "from scenes.stage import LessonScene\nclass Film(LessonScene):\n    title = 'A title'\n"
        "    script = Script.of(Beat(cue='one', say='One sentence.'))\n    def construct(self):\n"
        "        side = Square(self.bundle.header.dataset.test_count / 100)\n        with self.beat('one'):\n"
        "            self.play(Succession(FadeIn(side), FadeOut(side)), run_time=1)\n"
    )
    made = []
    for count in (100, 200):
        net = {"b": BundleRecipe(file=str(counted(studio.folder / "net", count)))}
        entry = SceneEntry(scene=f"{film}:Film", bundle="b")
        plan = studio.plan("First").model_copy(update={"bundles": net, "scenes": (entry,)})
        lesson = studio.make(plan, apart=True)
        assert not lesson.failed, lesson.failed
        made.append(lesson.rendered)
    assert made == [["Film"], ["Film"]]
