"""The classic sets in torchvision's folder layout: the MNIST family is read directly."""

import gzip
import hashlib
import http.client
import math
import shutil
import socket
import struct
import tempfile
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from fmcore.data.imageset import Images, ImageSet, Labels
from fmcore.errors import DataError

_SILENT_NETWORK_S = 30  # torchvision itself would wait for ever
_IDX_PARTS = ("train", "t10k")
_IDX_SIDE_PX = 28
_MAX_IDX_IMAGES = 100_000  # the largest part of all these sets has 60,000
_CIFAR_FILES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")

_Arrays = tuple[Images, Labels, Images, Labels]  # images and labels to train, images and labels to test


@dataclass(frozen=True)
class ClassicSet:
    """Where one set lies below the data folder, what it is, and how it is read."""

    title: str
    torchvision_class: str
    folder: str
    files: tuple[str, ...]
    endings: tuple[str, ...]  # each file may have any of these appended
    download_mb: int
    origin: str
    classes: tuple[str, ...]
    read: Callable[["ClassicSet", Path], _Arrays]


def load_classic_set(
    name: str,
    data_dir: Path,
    *,
    download: bool = True,
    on_message: Callable[[str], None] | None = None,
) -> ImageSet:
    """Read one of `CLASSIC_SETS` from `data_dir`, downloading what is missing.

    The folder is written to only when files are missing, so it may be read-only and hold just the
    original compressed files.

    Raises:
        DataError: Files are missing and cannot be had, or a file is damaged.
    """
    row = CLASSIC_SETS[name]
    missing = _missing(row, data_dir)
    if missing and not download:
        raise DataError(
            f"{row.title} was looked for in '{data_dir / row.folder}' and {len(missing)} of its "
            f"{len(row.files)} files are missing (first '{missing[0]}'): allow the download, copy the files "
            "there, or use `--data garments`."
        )
    if missing:
        _download(row, data_dir, missing, on_message or (lambda message: None))
    train_images, train_labels, test_images, test_labels = row.read(row, data_dir)
    _, _, height, width = train_images.shape
    return ImageSet(
        name=name,
        provenance=(
            f"{row.title} {row.origin}, {len(train_images):,} training and {len(test_images):,} test images "
            f"of {width}x{height}."
        ),
        classes=row.classes,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
    )


def _missing(row: ClassicSet, data_dir: Path) -> list[str]:
    folder = data_dir / row.folder
    try:
        return [name for name in row.files if not any((folder / (name + end)).is_file() for end in row.endings)]
    except OSError as error:
        raise DataError(
            f"The folder '{folder}' cannot be read ({error.strerror}): make it readable or choose another."
        ) from error


def _download(row: ClassicSet, data_dir: Path, missing: list[str], say: Callable[[str], None]) -> None:
    """Let torchvision fetch the set into a folder beside its place, then rename what was missing."""
    from fmcore.torch_pair import torchvision

    fetch = getattr(torchvision().datasets, row.torchvision_class)
    place = data_dir / row.folder
    newly_made = not data_dir.exists()
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        kept_apart = Path(tempfile.mkdtemp(prefix=f".{row.torchvision_class}-", dir=data_dir))
    except OSError as error:
        raise DataError(_not_writable(row, data_dir, error)) from error
    patience_s = socket.getdefaulttimeout()
    try:
        say(
            f"{row.title} is missing in '{place}' ({len(missing)} of {len(row.files)} files): "
            f"downloading it once (about {row.download_mb} MB)."
        )
        socket.setdefaulttimeout(_SILENT_NETWORK_S)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # numpy's remarks on CIFAR-10's old pickles
                fetch(str(kept_apart), train=True, download=True)  # checks every md5
        except (OSError, RuntimeError, EOFError, ValueError, http.client.HTTPException) as error:
            raise DataError(
                f"{row.title} was looked for in '{place}', is not there, and downloading it failed "
                f"({_last_line(error)}): connect to a network once, copy its files to that folder, or use "
                "`--data garments`."
            ) from error
        try:
            place.mkdir(parents=True, exist_ok=True)
            for file in sorted((kept_apart / row.folder).iterdir()):
                if file.name.removesuffix(".gz") in missing:
                    file.replace(place / file.name)
        except OSError as error:
            raise DataError(_not_writable(row, place, error)) from error
        say(f"{row.title} was saved in '{place}'.")
    finally:
        socket.setdefaulttimeout(patience_s)
        shutil.rmtree(kept_apart, ignore_errors=True)
        if newly_made:
            with suppress(OSError):  # not empty after a success
                data_dir.rmdir()


def _not_writable(row: ClassicSet, folder: Path, error: OSError) -> str:
    return (
        f"{row.title} is missing and '{folder}' cannot be written to ({error.strerror or error}): "
        "choose another data folder, or use `--data garments`."
    )


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1].strip()[:200]


def _read_idx_set(row: ClassicSet, data_dir: Path) -> _Arrays:
    """Read the four idx files of the MNIST family, plain or compressed."""
    parts: list[NDArray[Any]] = []
    for part in _IDX_PARTS:
        _, images = _read_idx(data_dir / row.folder / f"{part}-images-idx3-ubyte", dimensions=3)
        label_file, labels = _read_idx(data_dir / row.folder / f"{part}-labels-idx1-ubyte", dimensions=1)
        if len(images) != len(labels):
            raise _damaged(label_file, f"{len(labels):,} labels for {len(images):,} images")
        if labels.max() >= len(row.classes):
            raise _damaged(label_file, f"label {labels.max()}, and the last class is {len(row.classes) - 1}")
        parts += [images[:, None], labels.astype(np.int64)]  # (N, 1, 28, 28) and (N,)
    return cast(_Arrays, tuple(parts))


def _read_idx(base: Path, dimensions: int) -> tuple[Path, NDArray[np.uint8]]:
    """Read `base` or `base.gz`: magic number, one length a dimension, then the bytes (all big-endian).

    Format: http://yann.lecun.com/exdb/mnist/, "The IDX file format".
    """
    path = base if base.is_file() else base.with_name(base.name + ".gz")
    try:
        with _open_idx(path) as stream:
            header = stream.read(4 + 4 * dimensions)
            if len(header) < 4 + 4 * dimensions:
                raise _damaged(path, f"only {len(header)} bytes")
            magic, *shape = struct.unpack(f">{1 + dimensions}I", header)
            expected = 0x0800 + dimensions  # 08: unsigned bytes
            if magic != expected:
                raise _damaged(path, f"the magic number {magic} where {expected} belongs")
            if not 1 <= shape[0] <= _MAX_IDX_IMAGES:
                raise _damaged(path, f"the impossible shape {tuple(shape)}")
            if any(side != _IDX_SIDE_PX for side in shape[1:]):  # before memory is taken for them
                height, width = shape[1:]
                raise _damaged(path, f"images of {width}x{height}, not {_IDX_SIDE_PX}x{_IDX_SIDE_PX}")
            size = math.prod(shape)
            content = stream.read(size + 1)  # one more: to find what follows, and to check gzip's own sum
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, f"a compressed stream that is broken or cut off ({error})") from error
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(content) != size:
        found = f"only {len(content):,}" if len(content) < size else f"more than {size:,}"
        raise _damaged(path, f"{found} bytes of content where its header says {size:,}")
    return path, np.frombuffer(content, np.uint8).reshape(shape).copy()  # a copy can be written to


def _open_idx(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _damaged(path: Path, found: str) -> DataError:
    return DataError(f"'{path}' is damaged: it holds {found}; delete it to download it again.")


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"'{path}' cannot be read ({error.strerror or error}): make it readable.")


def _read_cifar10(row: ClassicSet, data_dir: Path) -> _Arrays:
    """Read CIFAR-10 with torchvision, once its md5 sums show that the pickles are the published ones."""
    from fmcore.torch_pair import torchvision

    cifar10 = torchvision().datasets.CIFAR10
    published = [*cifar10.train_list, *cifar10.test_list, (cifar10.meta["filename"], cifar10.meta["md5"])]
    for name, md5 in published:
        path = data_dir / row.folder / name
        try:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        except OSError as error:
            raise _unreadable(path, error) from error
        if found != md5:
            raise _damaged(path, f"bytes with the md5 {found}, published is {md5}")
    arrays: list[NDArray[Any]] = []
    for train in (True, False):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's remarks on these old pickles
            part = cifar10(str(data_dir), train=train)
        arrays += [np.ascontiguousarray(part.data.transpose(0, 3, 1, 2)), np.asarray(part.targets, np.int64)]
    return cast(_Arrays, tuple(arrays))


_IDX_FILES = tuple(f"{part}-{kind}-ubyte" for part in _IDX_PARTS for kind in ("images-idx3", "labels-idx1"))

CLASSIC_SETS = {
    "fashion-mnist": ClassicSet(
        title="Fashion-MNIST",
        torchvision_class="FashionMNIST",
        folder="FashionMNIST/raw",
        files=_IDX_FILES,
        endings=("", ".gz"),
        download_mb=31,
        origin="by Zalando Research (Xiao, Rasul and Vollgraf, 2017, MIT licence)",
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        read=_read_idx_set,
    ),
    "mnist": ClassicSet(
        title="MNIST",
        torchvision_class="MNIST",
        folder="MNIST/raw",
        files=_IDX_FILES,
        endings=("", ".gz"),
        download_mb=12,
        origin="by LeCun, Cortes and Burges (1998)",
        classes=tuple("0123456789"),
        read=_read_idx_set,
    ),
    "kmnist": ClassicSet(
        title="Kuzushiji-MNIST",
        torchvision_class="KMNIST",
        folder="KMNIST/raw",
        files=_IDX_FILES,
        endings=("", ".gz"),
        download_mb=21,
        origin="by the Center for Open Data in the Humanities (Clanuwat et al., 2018, CC BY-SA 4.0)",
        classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        read=_read_idx_set,
    ),
    "cifar10": ClassicSet(
        title="CIFAR-10",
        torchvision_class="CIFAR10",
        folder="cifar-10-batches-py",
        files=_CIFAR_FILES,
        endings=("",),
        download_mb=170,
        origin="by Krizhevsky (2009)",
        classes=(
            "Airplane",
            "Automobile",
            "Bird",
            "Cat",
            "Deer",
            "Dog",
            "Frog",
            "Horse",
            "Ship",
            "Truck",
        ),
        read=_read_cifar10,
    ),
}
