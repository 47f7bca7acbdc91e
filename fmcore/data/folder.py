"""One sub-folder per class: images of any size and kind become one labelled image set."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fmcore.data.image_files import open_image, require_memory, shown, tell
from fmcore.data.imageset import Images, ImageSet, Labels
from fmcore.data.pictures import SENTENCES, see
from fmcore.errors import DataError
from fmcore.header import Preprocessing

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
DEFAULT_SIDE_PX = 64
MAX_FILES = 200_000
TEST_SHARE = 0.2
_GLANCE_PX = 8  # a JPEG is decoded at an eighth for it
_NAMED = 3  # of the images that cannot be read
_MANY_FILES = 2_000  # from here on reading takes long enough to be announced
_NO_CLASSES = {"__MACOSX"}  # what archives of some systems leave beside the real folders

_Part = list[tuple[int, str]]  # (label, "class/file") of every image of one part

_PASSED_OVER = {
    "loose": (
        "{n} image lies beside the class folders, belongs to no class and was not used.",
        "{n} images lie beside the class folders, belong to no class and were not used.",
    ),
    "nested": (
        "{n} folder inside a class folder was not read.",
        "{n} folders inside class folders were not read.",
    ),
    "others": (
        "{n} file in the class folders is not named like an image and was not used.",
        "{n} files in the class folders are not named like images and were not used.",
    ),
}


@dataclass
class _Listing:
    """What lies directly in one folder, hidden names left out."""

    images: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    others: int = 0


def load_folder(
    path: Path,
    *,
    seed: int = 0,
    image_size: int | None = None,
    preprocessing: Preprocessing | None = None,
    on_message: Callable[[str], None] | None = None,
    test_only: bool = False,
) -> ImageSet:
    """Read a folder that has one sub-folder of images per class.

    Classes are the sub-folders, sorted by name. Of every class a fifth, at least one image, is kept
    for testing; which ones, and the order within both parts, depends on the seed and the names only.
    Each image is cut to its centred square and scaled to `image_size` pixels (64 when left out).
    The set is grey (C = 1) when every image is, else RGB (C = 3). With `preprocessing`, each is
    scaled and cut as that says instead, and has its channels; where this is for `test_only`, images for training are
    not read then.

    Raises:
        DataError: The folder holds no such data set, or some of its images cannot be read.
    """
    wanted = preprocessing or image_size or DEFAULT_SIDE_PX
    height, width = preprocessing.size if preprocessing else (image_size or DEFAULT_SIDE_PX,) * 2
    with suppress(RuntimeError):  # no such user: the path is looked for as it stands
        path = path.expanduser()
    classes, notices = _scan(path)
    files = sum(len(images) for images in classes.values())
    if files > MAX_FILES:
        raise DataError(
            f"'{shown(str(path))}' holds more than {MAX_FILES:,} images, the most that are read: "
            "give a folder with fewer."
        )
    require_memory(files, 3, height, width)
    if on_message and files > _MANY_FILES:
        on_message(f"Reading {files:,} images from '{shown(path.name)}'.")

    train, test = _split(classes, seed)
    unreadable: dict[str, DataError] = {}
    read = [] if test_only and preprocessing is not None else train
    train_images, _, train_counts = _read(path, read, wanted, unreadable)
    test_images, test_labels, test_counts = _read(path, test, wanted, unreadable)
    _require_all(unreadable)
    counts = train_counts + test_counts
    if counts["grey"] == files and preprocessing is None:
        train_images, test_images = _one_channel(train_images), _one_channel(test_images)
    name = shown(path.resolve().name) or "images"
    return ImageSet(
        name=f"folder:{name}",
        provenance=(
            f"Image folder “{name}” ({len(classes)} classes, {files:,} files, centre-cropped to {width}x{height})."
        ),
        classes=tuple(classes),
        train_images=train_images,
        train_labels=np.array([label for label, _ in train], np.int64),
        test_images=test_images,
        test_labels=test_labels,
        notices=tell(counts, SENTENCES) + notices,
        test_source=_digest_of(path, test),
    )


def look_into_folder(path: Path) -> tuple[int, tuple[str, ...]]:
    """The channels and classes of what `load_folder` reads, as quickly as can be: of colour, one image tells.

    Raises:
        DataError: The folder holds no such data set.
    """
    with suppress(RuntimeError):
        path = path.expanduser()
    classes, _ = _scan(path)
    for folder, files in classes.items():
        for file in files:
            with suppress(DataError):  # whoever reads them all tells of those that cannot be read
                if open_image(path / folder / file, square_px=_GLANCE_PX).pixels.shape[2] == 3:
                    return 3, tuple(classes)
    return 1, tuple(classes)


def images_in(path: Path) -> Iterator[str]:
    """All that `load_folder` would take for images, as "class/file", in order, whether or not they make a data set.

    Raises:
        DataError: The folder, or one in it, cannot be listed.
    """
    called = shown(str(path))
    for folder in sorted(_list(path, called).folders):
        yield from (f"{folder}/{image}" for image in sorted(_list(path / folder, f"{called}/{folder}").images))


def _scan(path: Path) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Return class name -> sorted file names, and sentences about what was passed over."""
    called = shown(str(path))
    top = _list(path, called)
    if not top.folders:
        found = "images but no sub-folders" if top.images else "no sub-folders"
        raise DataError(
            f"'{called}' holds {found}: put the images of each class into a sub-folder of their own, "
            "named after the class."
        )
    classes: dict[str, list[str]] = {}
    passed_over = Counter(loose=len(top.images))
    for folder in sorted(top.folders):
        if not folder.isprintable():
            raise DataError(f"The class folder '{shown(folder)}' has unprintable characters in its name: rename it.")
        inside = _list(path / folder, f"{called}/{folder}")
        if not inside.images:
            raise DataError(_without_images(called, folder, sorted(inside.folders)))
        classes[folder] = sorted(inside.images)
        passed_over.update(nested=len(inside.folders), others=inside.others)
        if sum(map(len, classes.values())) > MAX_FILES:
            break  # the caller refuses the folder; its other classes need not be listed
    if len(top.folders) == 1:
        raise DataError(
            f"'{called}' holds only one class, '{top.folders[0]}', and at least two are needed: "
            "add a sub-folder for each other class."
        )
    for folder, images in classes.items():
        if len(images) == 1:
            raise DataError(
                f"The class '{folder}' has a single image, '{shown(images[0])}', and needs one to train and "
                "one to test: add images to it or remove the folder."
            )
    return classes, tell(passed_over, _PASSED_OVER)


def _list(folder: Path, called: str) -> _Listing:
    """List one folder, never below it: so no link, however it is set, can lead in a circle."""
    listing = _Listing()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in _NO_CLASSES:  # hidden, or left by a system
                    continue
                if entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and Path(entry).is_dir()):
                    listing.folders.append(entry.name)
                elif entry.name.lower().endswith(SUFFIXES):
                    listing.images.append(entry.name)
                else:
                    listing.others += 1
                if len(listing.images) > MAX_FILES:
                    break
    except FileNotFoundError as error:
        raise DataError(f"There is no folder '{called}': check the path.") from error
    except NotADirectoryError as error:
        raise DataError(f"'{called}' is a file; expected a folder with one sub-folder of images per class.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"The folder '{called}' cannot be read ({reason}): make it readable.") from error
    return listing


def _without_images(called: str, folder: str, nested: list[str]) -> str:
    if nested:
        return (
            f"'{called}' should hold one sub-folder of images per class, but '{folder}' holds folders "
            f"('{shown(nested[0])}', ...) and no images: give folder:{called}/{folder}, or move the images "
            "up."
        )
    return (
        f"The class folder '{folder}' in '{called}' holds no images ({' '.join(SUFFIXES)}): "
        "put images into it or remove it."
    )


def _split(classes: dict[str, list[str]], seed: int) -> tuple[_Part, _Part]:
    """Keep a fifth of every class for testing; return the training and the test part, each in mixed order."""
    random = np.random.default_rng(seed % 2**64)
    train: _Part = []
    test: _Part = []
    for label, (folder, files) in enumerate(classes.items()):
        held_out = min(max(round(len(files) * TEST_SHARE), 1), len(files) - 1)
        order = [(label, f"{folder}/{files[index]}") for index in random.permutation(len(files))]
        test += order[:held_out]
        train += order[held_out:]
    return _mixed(train, random), _mixed(test, random)


def _mixed(part: _Part, random: np.random.Generator) -> _Part:
    return [part[index] for index in random.permutation(len(part))]


def _read(
    path: Path, part: _Part, wanted: int | Preprocessing, unreadable: dict[str, DataError]
) -> tuple[Images, Labels, Counter[str]]:
    """Open the files of one part, as squares of so many pixels (RGB for now) or prepared as `wanted`.

    Counted: what was done, and under "grey" the grey ones. What is wrong with a file goes to `unreadable`, so that
    whoever mends them hears of all in one run.
    """
    shape = (3, wanted, wanted) if isinstance(wanted, int) else (wanted.channels, *wanted.size)
    images = np.empty((len(part), *shape), np.uint8)  # (N, C, H, W)
    counts: Counter[str] = Counter()
    for row, (_, file) in enumerate(part):
        try:
            if isinstance(wanted, int):
                opened = open_image(path / file, name=file, square_px=wanted)
                images[row] = opened.pixels.transpose(2, 0, 1)  # a single channel fills all three
                counts["grey"] += opened.pixels.shape[2] == 1
                counts.update(opened.done)
            else:
                seen = see(open_image(path / file, name=file), wanted, shown(file))
                images[row] = seen.pixels
                counts.update(seen.done)
        except DataError as error:
            unreadable[file] = error
    return images, np.array([label for label, _ in part], np.int64), counts


def _digest_of(path: Path, part: _Part) -> str:
    """A digest of the files of one part, in their order; what they are called makes no difference."""
    digest = hashlib.sha256()
    for _, file in part:
        with (path / file).open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()


def _require_all(unreadable: dict[str, DataError]) -> None:
    """Raise what is wrong with the only file, or one sentence about several."""
    if len(unreadable) == 1:
        raise unreadable.popitem()[1]
    if unreadable:
        names = [f"'{shown(file)}'" for file in sorted(unreadable)]
        *first, last = names if len(names) <= _NAMED else [*names[:_NAMED], f"{len(names) - _NAMED:,} more"]
        raise DataError(f"{len(names):,} images cannot be read, {', '.join(first)} and {last}: replace or remove them.")


def _one_channel(images: Images) -> Images:
    return np.ascontiguousarray(images[:, :1])
