"""A fingerprint changes when the images do, and with nothing else."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fmcore.data.fingerprint import fingerprint
from fmcore.errors import DataError, InputError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("cats/1.png", "cats/2.png", "dogs/1.png"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(name.encode())
    return tmp_path / "photos"


CHANGES: dict[str, Callable[[Path], object]] = {
    "a pixel": lambda folder: (folder / "cats/1.png").write_bytes(b"cats/1.pnG"),
    "a name": lambda folder: (folder / "cats/1.png").rename(folder / "cats/0.png"),
    "a class": lambda folder: (folder / "cats").rename(folder / "lions"),
    "one more": lambda folder: (folder / "cats/3.png").write_bytes(b""),
    "one fewer": lambda folder: (folder / "cats/1.png").unlink(),
    "moved to another class": lambda folder: (folder / "cats/2.png").rename(folder / "dogs/2.png"),
    "swapped": lambda folder: (
        shutil.copy(folder / "cats/1.png", folder / "kept"),
        (folder / "cats/2.png").rename(folder / "cats/1.png"),
        (folder / "kept").rename(folder / "cats/2.png"),
    ),
}


def test_what_is_not_there_is_told_at_once(photos: Path) -> None:
    with pytest.raises(DataError, match=r"There is no folder '.*gone': check the path"):
        fingerprint(f"folder:{photos}/gone")
    with pytest.raises(InputError, match=r"There is no data set 'garment'; .*Did you mean 'garments'"):
        fingerprint("garment")


def test_what_is_no_image_changes_nothing(photos: Path) -> None:
    before = fingerprint(f"folder:{photos}")
    for name in ("cats/.DS_Store", "cats/notes.txt", "cats/._1.png", "__MACOSX/1.png", ".hidden/1.png"):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes(b"left by a system")
    assert fingerprint(f"folder:{photos}") == before


def test_a_folder_that_is_called_like_an_image_is_read_by_nobody(photos: Path) -> None:
    before = fingerprint(f"folder:{photos}")
    (photos / "cats" / "thumbs.jpg").mkdir()
    (photos / "cats" / "thumbs.jpg" / "1.jpg").write_bytes(b"smaller")
    assert fingerprint(f"folder:{photos}") == before


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_shows(change: str, photos: Path) -> None:
    before = fingerprint(f"folder:{photos}")
    CHANGES[change](photos)
    assert fingerprint(f"folder:{photos}") != before


def test_what_is_no_change_does_not_show(photos: Path) -> None:
    before = fingerprint(f"folder:{photos}")
    os.utime(photos / "cats/1.png", (1, 1))
    (photos / "notes.txt").write_text("beside the classes")
    (photos / "cats/1.png").write_bytes(b"cats/1.png")
    assert fingerprint(f"folder:{photos}") == before


def test_a_folder_below_home_is_the_folder_that_is_read(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(photos.parent))
    before = fingerprint("folder:~/photos")
    (photos / "cats/1.png").write_bytes(b"another cat")
    assert fingerprint("folder:~/photos") != before


def test_names_of_any_bytes(photos: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    try:
        (photos / "cats" / name).write_bytes(b"1")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    before = fingerprint(f"folder:{photos}")
    (photos / "cats" / name).write_bytes(b"2")
    assert fingerprint(f"folder:{photos}") != before


def test_what_is_no_file_is_told_instead_of_waited_for(photos: Path) -> None:
    (photos / "cats/2.png").unlink()
    (photos / "cats/2.png").symlink_to("/dev/null")
    with pytest.raises(DataError, match=r"cats/2\.png' cannot be read \(it is no ordinary file\); mend that or leave"):
        fingerprint(f"folder:{photos}")


@pytest.mark.parametrize("name", ["fashion-mnist", "mnist", "kmnist", "cifar10"])
def test_sets_that_never_change_are_their_name(name: str) -> None:
    assert fingerprint(name) == name


def test_drawn_garments_are_the_code_that_draws_them() -> None:
    assert fingerprint("garments") == fingerprint("garments") and len(fingerprint("garments")) == 64
