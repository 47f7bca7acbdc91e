"""From recipe to bundle: what is there is used only when it is what the recipe makes."""

import os
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import Empty, Queue

import numpy as np
import pytest
from click.testing import CliRunner
from films import TINY
from PIL import Image
from safetensors.torch import save_file

from fmcore.bundle import Bundle
from fmcore.checkpoint import read_recipe
from fmcore.cli import cli
from fmcore.data.imageset import ImageSet
from fmcore.errors import BundleError, DataError, FmcoreError, InputError, RenderError
from fmcore.files import temporary_of
from fmcore.lesson.plan import BundleRecipe, LessonPlan, SceneEntry
from fmcore.made_of import made_of
from fmcore.models import build_model
from fmcore.prepare import Wanted, _pass_on, bundle_path, look, make, make_all, make_checkpoint
from fmcore.recording import record
from fmcore.render.alone import making
from fmcore.render.lesson import Wish, bundles_of
from fmcore.reporter import Lines, Silent
from fmcore.training import Trained

RECIPE = BundleRecipe(epochs=1)


@pytest.fixture
def recorded(tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path) -> Path:
    """A bundle that says it was made from `RECIPE`."""
    path = bundle_path(RECIPE, tmp_path)
    record(tutorial_trained, tiny_images, path, made_of(RECIPE))
    return path


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BundleRecipe:
    """A recipe for a folder of 2 x 6 small images in the working folder."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name, brightness in (("dark", 40), ("light", 200)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(6):
            pixels = random.integers(brightness, brightness + 50, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return BundleRecipe(data="folder:photos", image_size=16, epochs=1)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def nothing(path: Path) -> None:
    pass


LOOKS: list[tuple[str, dict[str, object], Callable[[Path], object], bool]] = [
    ("nothing changed", {}, nothing, True),
    ("not recorded yet", {}, Path.unlink, False),
    ("not recorded yet", {"model": "deep"}, nothing, False),
    ("not recorded yet", {"seed": 1}, nothing, False),  # and the other one stays
    ("not recorded yet", {"epochs": 2}, nothing, False),
    ("not recorded yet", {"batch_size": 8, "learning_rate": 0.5}, nothing, False),
    ("other layers", {"layers": ("conv1",)}, nothing, False),
    ("its file is damaged", {}, flip_a_bit, False),
    ("its file is damaged", {}, lambda path: path.write_bytes(b""), False),
    ("its file is damaged", {}, lambda path: (path.unlink(), path.mkdir()), False),
]


@pytest.mark.parametrize(("reason", "wish", "happens", "usable"), LOOKS)
def test_why_a_bundle_is_used_or_not(
    reason: str, wish: dict[str, object], happens: Callable[[Path], object], usable: bool, recorded: Path
) -> None:
    happens(recorded)
    found = look(RECIPE.model_copy(update=wish), recorded.parent)
    assert found.reason == reason and (found.digest is not None) is usable
    if usable:
        assert found.path == recorded
        assert found.digest == Bundle.open(recorded).digest


def test_a_bundle_made_otherwise_is_not_taken_for_the_recipe(tutorial_bundle: Path, tmp_path: Path) -> None:
    path = bundle_path(RECIPE, tmp_path)
    path.write_bytes(tutorial_bundle.read_bytes())  # recorded with no recipe, as from a checkpoint
    found = look(RECIPE, tmp_path)
    assert found.digest is None and found.reason == "made in another way"


def test_a_named_file_is_used_whatever_it_was_made_from(tutorial_bundle: Path, tmp_path: Path) -> None:
    found = look(BundleRecipe(file=str(tutorial_bundle)), tmp_path)
    assert (found.reason, found.path) == ("named in the plan", tutorial_bundle)
    assert found.digest == Bundle.open(tutorial_bundle).digest


@pytest.mark.parametrize(
    ("happens", "sentence"), [(Path.unlink, "There is no bundle at"), (flip_a_bit, "changed after it was written")]
)
def test_a_named_file_that_is_no_bundle(happens: Callable[[Path], object], sentence: str, recorded: Path) -> None:
    happens(recorded)
    with pytest.raises(BundleError, match=sentence):
        look(BundleRecipe(file=str(recorded)), recorded.parent)


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        (BundleRecipe(), "tutorial-garments.safetensors"),
        (BundleRecipe(model="deep", data="fashion-mnist"), "deep-fashion-mnist.safetensors"),
        (BundleRecipe(data="folder:../2024/My Photos"), "tutorial-my-photos.safetensors"),
        (BundleRecipe(model="../../evil", data="folder:/"), "evil-lesson.safetensors"),
        (BundleRecipe(model="nets.py:make", name="../Grün & Co", data="mnist"), "grün-co-mnist.safetensors"),
    ],
)
def test_where_a_bundle_is_kept(recipe: BundleRecipe, name: str) -> None:
    assert bundle_path(recipe, Path("bundles")) == Path("bundles") / name


def test_folders_that_differ_only_far_down_have_their_own_bundles() -> None:
    deep_down = "folder:/home/somebody/teaching/neural networks/lecture 7/images/photographs"
    paths = {bundle_path(BundleRecipe(data=f"{deep_down}/{name}"), Path("b")) for name in ("cats", "dogs")}
    assert len(paths) == 2


def test_a_changed_image_makes_another_bundle(photos: BundleRecipe) -> None:
    before = made_of(photos)
    Path("photos/dark/0.png").unlink()
    changed = [name for name, value in made_of(photos).items() if before[name] != value]
    assert changed == ["image contents"]


def test_a_folder_is_trained_and_recorded(
    photos: BundleRecipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = photos.model_copy(update={"name": "Hell & dunkel"})
    path = bundle_path(photos, tmp_path / "bundles")
    digest = make(photos, path, None, None, Lines())
    found = look(photos, path.parent)
    assert (found.reason, found.digest) == ("nothing changed", digest)
    with Bundle.open(path) as bundle:
        assert bundle.header.classes == ("dark", "light") and bundle.header.model.input_shape == (1, 16, 16)
        assert bundle.header.model.name == "Hell & dunkel"
        assert str(tmp_path) not in bundle.header.model_dump_json()  # a bundle does not tell where it was made
    started, hint, finished = capsys.readouterr().out.splitlines()
    assert hint.startswith("Attention: 10 images in batches of 128 are 1 step of training")
    assert hint.endswith("try --batch-size 4 --epochs 67.")
    assert started == f"{path.stem} ..." and finished.startswith(f"{path.stem}: ") and str(path) in finished


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"layers": ("conv9",)}, "There is no layer 'conv9'; .*conv1"),
        ({"images": ("tiny.png",)}, "'tiny.png' has 3x3 pixels"),
        ({"images": ("gone.png",)}, "gone.png"),
    ],
    ids=["layer", "small image", "no image"],
)
def test_mistakes_are_told_before_anything_is_trained(
    change: dict[str, object], sentence: str, photos: BundleRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(*_: object) -> None:
        raise AssertionError("it is trained already")

    monkeypatch.setattr("fmcore.training.train", train)
    Image.new("L", (3, 3)).save(tmp_path / "tiny.png")
    with pytest.raises(FmcoreError, match=sentence):
        make(photos.model_copy(update=change), tmp_path / "bundle", None, None, Silent())


def test_a_checkpoint_gives_the_same_numbers_as_training(photos: BundleRecipe, tmp_path: Path) -> None:
    make_checkpoint(photos, tmp_path / "weights", None, Silent())
    make(photos, tmp_path / "direct", None, None, Silent())
    make(photos, tmp_path / "loaded", None, tmp_path / "weights", Silent())
    with Bundle.open(tmp_path / "direct") as direct, Bundle.open(tmp_path / "loaded") as loaded:
        assert direct.header.arrays == loaded.header.arrays
        assert loaded.header.recipe == {}


def test_a_checkpoint_finds_its_images_from_any_folder(
    photos: BundleRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_checkpoint(photos, tmp_path / "weights", None, Silent())
    monkeypatch.chdir("/")
    recipe = BundleRecipe(**read_recipe(tmp_path / "weights"))  # type: ignore[arg-type]
    make(recipe, tmp_path / "bundle", None, tmp_path / "weights", Silent())
    with Bundle.open(tmp_path / "bundle") as bundle:
        assert bundle.header.dataset.name == "folder:photos" and str(tmp_path) not in bundle.header.model_dump_json()


def test_a_checkpoint_of_weights_that_are_not_trained_further_is_refused(photos: BundleRecipe, tmp_path: Path) -> None:
    save_file(build_model("tutorial", 1, 16, 2).state_dict(), tmp_path / "w.safetensors")
    train = ["train", "--weights", "w.safetensors", "--data", "folder:photos", "--image-size", "16"]
    for more in ([], ["--epochs", "0"]):
        refused = CliRunner().invoke(cli, [*train, *more, "--output", "c.safetensors", "--quiet"])
        assert refused.exit_code == 2 and "with --epochs, or leave out --weights" in refused.output
        assert not Path("c.safetensors").exists()
    assert CliRunner().invoke(cli, [*train, "--epochs", "1", "--output", "c.safetensors", "--quiet"]).exit_code == 0


def test_an_image_of_the_data_keeps_its_class(photos: BundleRecipe, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    shutil.copy("photos/light/2.png", tmp_path / "elsewhere" / "mine.png")
    named = ("photos/light/2.png", str(tmp_path / "photos" / "dark" / "0.png"), "elsewhere/mine.png")
    shown = photos.model_copy(update={"images": named})
    make(shown, tmp_path / "bundle", None, None, Silent())
    with Bundle.open(tmp_path / "bundle") as bundle:
        assert [bundle.truth(probe) for probe in range(3)] == ["light", "dark", None]
        assert str(tmp_path) not in bundle.header.model_dump_json()
    before = made_of(shown)
    shutil.move("photos/light/2.png", "photos/dark/2.png")
    moved = shown.model_copy(update={"images": ("photos/dark/2.png", *named[1:])})
    assert made_of(moved)["images"] == before["images"].replace("light", "dark")


def test_a_check_is_heard_however_much_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Chatter:
        def get(self, timeout: float) -> tuple[str, tuple[str]]:
            if timeout <= 0:
                raise Empty
            time.sleep(0.001)
            return "say", ("again",)

    began = time.monotonic()
    _pass_on(Chatter(), Silent(), 0.1)
    assert time.monotonic() - began < 5


def test_the_digest_of_a_model_file_knows_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text("from blocks import block\nimport os\n")
    (tmp_path / "blocks.py").write_text("import nets\nblock = 1\n")
    (tmp_path / "unused.py").write_text("")
    recipe = RECIPE.model_copy(update={"model": f"{tmp_path}/nets.py:make"})
    before = made_of(recipe)["model's code"]
    (tmp_path / "unused.py").write_text("1")
    assert made_of(recipe)["model's code"] == before
    (tmp_path / "blocks.py").write_text("import nets\nblock = 2\n")
    assert made_of(recipe)["model's code"] != before


def test_what_is_no_file_has_no_digest(tmp_path: Path) -> None:
    (tmp_path / "cat.png").symlink_to("/dev/null")  # as /dev/zero would be, for ever
    assert made_of(RECIPE.model_copy(update={"images": (str(tmp_path / "cat.png"),)}))["images"] == "cat.png"


def test_a_picture_below_home_is_the_one_that_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    pictures = RECIPE.model_copy(update={"images": ("~/cat.png",)})
    (tmp_path / "cat.png").write_bytes(b"one cat")
    before = made_of(pictures)["images"]
    (tmp_path / "cat.png").write_bytes(b"another cat")
    assert made_of(pictures)["images"] != before


class Told(Silent):
    def __init__(self) -> None:
        self.lines: Queue[str] = Queue()

    def say(self, text: str) -> None:
        self.lines.put(text)


def test_what_another_run_is_making_is_waited_for(photos: BundleRecipe, tmp_path: Path) -> None:
    plan = LessonPlan(title="t", bundles={"b": photos}, scenes=(SceneEntry(scene="Opening", bundle="b"),))
    path, told = bundle_path(photos, tmp_path / "bundles"), Told()
    with ThreadPoolExecutor(1) as threads:
        with making(path, Silent()):
            run = threads.submit(bundles_of, plan, Wish(TINY, tmp_path, tmp_path / "lesson"), told)
            said = f"Another fmcore is making '{path}'; this one goes on when that has ended."
            assert told.lines.get(timeout=20) == said
            make(photos, path, None, None, Silent())
            before = path.stat().st_mtime_ns
        assert run.result(60) == {"b": path}
    assert told.lines.empty() and list(path.parent.iterdir()) == [path]
    assert path.stat().st_mtime_ns == before  # it was not made again


def test_who_waits_for_a_run_that_makes_nothing_goes_on(tmp_path: Path) -> None:
    path, told = tmp_path / "out" / "bundles" / "a.safetensors", Told()

    def run() -> None:
        with making(path, told):
            path.touch()

    with ThreadPoolExecutor(1) as threads:
        with making(path, Silent()):
            other = threads.submit(run)
            assert "this one goes on when that has ended" in told.lines.get(timeout=20)
        other.result(20)
    assert list((tmp_path / "out").rglob("*")) == [path.parent, path]
    with pytest.raises(InputError), making(tmp_path / "new" / "folder" / "b", told):
        raise InputError("nothing is made")
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def killed(path: Path) -> None:
    """Write half a file, as a process does whose memory the machine needs."""
    path.parent.mkdir(exist_ok=True)
    temporary_of(path).touch()
    os.kill(os.getpid(), 9)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are Unix's")
def test_a_killed_process_leaves_nothing_half_written(photos: BundleRecipe, tmp_path: Path) -> None:
    path = bundle_path(photos, tmp_path / "bundles")
    of_another = path.with_name(f".{path.name}.{os.getppid()}.part")
    path.parent.mkdir()
    of_another.touch()
    with pytest.raises(RenderError, match="The process that trains was killed"):
        make_all([Wanted(photos, path, {}, None, "")], None, Silent(), 1, partial(killed, path))
    assert list(path.parent.glob(".*")) == [of_another]  # the other process may have made the bundle by then


def test_what_was_finished_is_kept_when_another_fails(photos: BundleRecipe, tmp_path: Path) -> None:
    bundles = tmp_path / "bundles"
    gone = photos.model_copy(update={"data": "folder:gone"})
    wanted = [Wanted(recipe, bundle_path(recipe, bundles), {}, None, "") for recipe in (photos, gone)]
    of_another = temporary_of(wanted[1].path)  # a run that goes on
    bundles.mkdir()
    of_another.touch()
    with pytest.raises(DataError, match="There is no folder"):
        make_all(wanted, None, Silent(), workers=1)
    assert look(photos, bundles).reason == "nothing changed"
    assert sorted(bundles.iterdir()) == [of_another, wanted[0].path]
    assert make_all([], None, Silent(), workers=1) == {}
