"""A folder with one sub-folder of images a class becomes a data set, and every fault in it is one sentence."""

import os
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fmcore.data import folder, load_data, look_into
from fmcore.data.pictures import open_pictures
from fmcore.errors import DataError, InputError
from fmcore.header import Preprocessing


def picture(path: Path, colour: tuple[int, ...] | int = 0, size: tuple[int, int] = (20, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(colour, int) else "RGB" if len(colour) == 3 else "RGBA", size, colour).save(path)


def test_folder_becomes_a_set(tmp_path: Path) -> None:
    root = tmp_path / "my 'photos' ü"
    for number in range(10):
        picture(root / "Straße 1" / f"bild {number}.PNG", (200, number, 0), (30 + number, 20))
    for number in range(3):
        picture(root / 'the "other"' / f"图 {number}.webp", (0, 0, 200, 128))
    picture(root / "loose.png")
    picture(root / ".hidden" / "a.png")
    picture(root / "Straße 1" / "deeper" / "a.png")
    (root / "Straße 1" / "notes.txt").write_text("x")
    (root / 'the "other"' / "circle").symlink_to(root)

    photos = load_data(f"folder:{root}", image_size=16, seed=5)
    assert photos.classes == ("Straße 1", 'the "other"')
    assert photos.image_shape == (3, 16, 16)
    assert np.bincount(photos.test_labels).tolist() == [2, 1]
    assert np.bincount(photos.train_labels).tolist() == [8, 2]
    assert photos.provenance == ("Image folder “my 'photos' ü” (2 classes, 13 files, centre-cropped to 16x16).")
    assert str(tmp_path) not in repr((photos.name, photos.provenance))
    assert photos.notices == (
        "3 images with transparency were placed on white.",
        "1 image lies beside the class folders, belongs to no class and was not used.",
        "2 folders inside class folders were not read.",
        "1 file in the class folders is not named like an image and was not used.",
    )
    # every file is used once, with the label of its folder
    greens = [*photos.train_images[photos.train_labels == 0], *photos.test_images[photos.test_labels == 0]]
    assert sorted(int(image[1, 0, 0]) for image in greens) == list(range(10))


def test_a_folder_is_prepared_as_pictures_are(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(6):
        pixels = random.integers(0, 255, (40 + 9 * number, 60, 3), np.uint8)
        (tmp_path / "photos" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "photos" / "ab"[number % 2] / f"{number}.png")
    for channels in (1, 3):
        plain = {"mean": (0.0,) * channels, "std": (1.0,) * channels}
        taken = Preprocessing(channels=channels, size=(24, 32), resize=36, interpolation="bilinear", **plain)
        photos = load_data(f"folder:{tmp_path / 'photos'}", preprocessing=taken)
        assert photos.image_shape == (channels, 24, 32)
        pictures = open_pictures(sorted((tmp_path / "photos").rglob("*.png")), taken)
        ours = np.concatenate([photos.train_images, photos.test_images])
        assert {image.tobytes() for image in ours} == {picture.pixels.tobytes() for picture in pictures}
    assert "6 images in colour were made grey" in "".join(
        load_data(f"folder:{tmp_path / 'photos'}", preprocessing=grey(taken)).notices
    )


def grey(taken: Preprocessing) -> Preprocessing:
    return taken.model_copy(update={"channels": 1, "mean": (0.0,), "std": (1.0,)})


def test_a_folder_without_its_kind_is_told_how_to_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="a folder is called so; write folder:photos to have it"):
        load_data("photos")


def test_a_folder_is_looked_into_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        picture(tmp_path / "photos" / "ab"[number % 2] / f"{number}.png", number)
    assert look_into(f"folder:{tmp_path / 'photos'}") == (1, ("a", "b"))
    picture(tmp_path / "photos" / "a" / "0.png", (200, 0, 0))
    opened: list[Path] = []
    real = folder.open_image

    def counting(path: Path, **more: Any) -> Any:
        opened.append(path)
        return real(path, **more)

    monkeypatch.setattr(folder, "open_image", counting)
    assert look_into(f"folder:{tmp_path / 'photos'}") == (3, ("a", "b")) and len(opened) == 1


def test_split_depends_on_the_seed_only(tmp_path: Path) -> None:
    for number in range(40):
        picture(tmp_path / "ab"[number % 2] / f"{number}.png", number)
    first, same, other = (load_data(f"folder:{tmp_path}", seed=seed, image_size=8) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(astuple(first)[3:7], astuple(same)[3:7], strict=True))
    assert not np.array_equal(first.test_images, other.test_images)
    assert first.image_shape == (1, 8, 8)  # all of them grey
    np.testing.assert_array_equal(first.train_images[:, 0, 0, 0] % 2, first.train_labels)


def two_classes(root: Path) -> None:
    for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"):
        picture(root / name)


def broken(root: Path, *names: str) -> None:
    two_classes(root)
    for name in names:
        (root / name).write_text("no picture")


def loop(root: Path) -> None:
    two_classes(root)
    (root / "again").symlink_to(root)


FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda root: None, "There is no folder '.*root'"),
    "a file": (lambda root: root.write_text("x"), "is a file; expected a folder"),
    "empty": (lambda root: root.mkdir(), "no sub-folders: put the images of each class"),
    "only images": (lambda root: picture(root / "a.png"), "images but no sub-folders"),
    "one class": (lambda root: picture(root / "cat" / "a.png"), "only one class, 'cat'"),
    "empty class": (lambda root: (two_classes(root), (root / "eel").mkdir()), "'eel' in .* no images"),
    "one level too high": (
        lambda root: (two_classes(root / "train"), two_classes(root / "val")),
        r"'train' holds folders \('cat', ...\) and no images: give folder:.*root/train",
    ),
    "a link in a circle": (loop, "'again' holds folders"),
    "class of one image": (
        lambda root: (two_classes(root), picture(root / "eel" / "only.png")),
        "'eel' has a single image, 'only.png'",
    ),
    "a file that is no image": (lambda root: broken(root, "dog/2.png"), "'dog/2.png' is no image"),
    "many that are none": (
        lambda root: broken(root, *(f"cat/{number}.png" for number in range(4)), "dog/1.png"),
        "5 images cannot be read, 'cat/0.png', 'cat/1.png', 'cat/2.png' and 2 more: replace or remove them",
    ),
    "name with a line break": (
        lambda root: (two_classes(root), picture(root / "a\nb" / "1.png")),
        r"'a\\nb' has unprintable characters",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FOLDERS)
def test_folders_that_make_no_set(kind: str, tmp_path: Path) -> None:
    write, sentence = FOLDERS[kind]
    write(tmp_path / "root")
    with pytest.raises(DataError, match=sentence) as caught:
        load_data(f"folder:{tmp_path / 'root'}")
    assert "\n" not in caught.value.message


def test_limits_are_checked_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2_000):
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        (tmp_path / "ab"[number % 2] / f"{number}.png").touch()  # empty: reading one would be another error
    with pytest.raises(DataError, match=r"5\.9 GiB of memory"):
        load_data(f"folder:{tmp_path}", image_size=1024)
    monkeypatch.setattr(folder, "MAX_FILES", 1_500)
    with pytest.raises(DataError, match="more than 1,500 images"):
        load_data(f"folder:{tmp_path}")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the administrator may read every file")
def test_unreadable_files_and_folders(tmp_path: Path) -> None:
    two_classes(tmp_path)
    for path in (tmp_path / "cat" / "1.png", tmp_path / "cat"):
        path.chmod(0)
        try:
            with pytest.raises(DataError, match=r"cannot be (opened|read).*make it readable"):
                load_data(f"folder:{tmp_path}")
        finally:
            path.chmod(0o755)
