"""Every named data set loads from real files, and every fault in them is one sentence."""

import gzip
import hashlib
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fmcore.data import SOURCES, default_data_dir, load_data
from fmcore.data.torchvision_sets import CLASSIC_SETS
from fmcore.errors import DataError, InputError
from fmcore.header import Preprocessing
from fmcore.torch_pair import torchvision

RANDOM = np.random.default_rng(0)
DIGITS = {
    "train": (RANDOM.integers(0, 256, (12, 28, 28), dtype=np.uint8), np.arange(12, dtype=np.uint8) % 10),
    "t10k": (RANDOM.integers(0, 256, (5, 28, 28), dtype=np.uint8), np.arange(5, dtype=np.uint8)),
}


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


def write_digits(raw: Path, packed: bool = True) -> Path:
    raw.mkdir(parents=True, exist_ok=True)
    for part, arrays in DIGITS.items():
        for kind, array in zip(("images-idx3", "labels-idx1"), arrays, strict=True):
            path = raw / f"{part}-{kind}-ubyte"
            if packed:
                path.with_name(path.name + ".gz").write_bytes(gzip.compress(idx(array)))
            else:
                path.write_bytes(idx(array))
    return raw


# --- the table of sources --------------------------------------------------------------------------


def test_importing_and_listing_the_sources_needs_no_torch() -> None:
    code = "import sys, fmcore.data as d; print(*d.SOURCES, {'torch', 'torchvision'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert told == "garments fashion-mnist mnist kmnist cifar10 folder:PATH set()\n"


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("fashon-mnist", {}, "no data set 'fashon-mnist'.*folder:PATH.*Did you mean 'fashion-mnist'"),
        ("", {}, "no data set ''"),
        ("folder", {}, "needs a path"),
        ("folder:", {}, "needs a path"),
        ("folder:~nobody-of-this-name/x", {}, "There is no folder '~nobody"),
        ("mnist", {"image_size": 0}, "image size is 0"),
    ],
)
def test_wishes_that_cannot_be_met(name: str, options: dict[str, int], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load_data(name, **options)  # type: ignore[arg-type]


def test_class_names_agree_with_torchvision() -> None:
    for row in CLASSIC_SETS.values():
        if published := getattr(getattr(torchvision().datasets, row.torchvision_class), "classes", None):
            assert row.classes == tuple(name.split(" - ")[0] for name in published)
    assert set(CLASSIC_SETS) < set(SOURCES)


def test_data_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FMCORE_DATA", "/somewhere")
    assert default_data_dir() == Path("/somewhere")
    monkeypatch.setenv("FMCORE_DATA", "")
    if sys.platform == "linux":
        monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
        assert default_data_dir() == Path("/cache/fmcore")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert default_data_dir().is_relative_to(Path.home())


# --- the MNIST family ------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_are_read_as_written_and_nothing_is_written(packed: bool, tmp_path: Path) -> None:
    raw = write_digits(tmp_path / "MNIST" / "raw", packed)
    before = sorted(tmp_path.rglob("*"))
    raw.chmod(0o555)
    digits = load_data("mnist", tmp_path, download=False)
    raw.chmod(0o755)
    assert sorted(tmp_path.rglob("*")) == before
    np.testing.assert_array_equal(digits.train_images[:, 0], DIGITS["train"][0])
    np.testing.assert_array_equal(digits.test_labels, DIGITS["t10k"][1])
    assert digits.classes == tuple("0123456789")
    assert digits.train_labels.dtype == np.int64
    assert digits.train_images.flags.writeable
    assert "12 training and 5 test images of 28x28." in digits.provenance


def test_scaling_agrees_with_pillow(tmp_path: Path) -> None:
    write_digits(tmp_path / "KMNIST" / "raw")
    scaled = load_data("kmnist", tmp_path, image_size=45)
    assert scaled.image_shape == (1, 45, 45)
    assert scaled.provenance.endswith("scaled to 45x45.")
    for ours, original in zip(scaled.train_images[:, 0], DIGITS["train"][0], strict=True):
        floats = Image.fromarray(original.astype(np.float32))  # in 8 bits Pillow clips between its two passes
        expected = np.asarray(floats.resize((45, 45), Image.Resampling.LANCZOS)).clip(0, 255)
        np.testing.assert_allclose(ours, expected, atol=0.51)


@pytest.mark.parametrize(
    ("resize", "size", "method"), [(36, (30, 20), "bilinear"), (20, (24, 18), "bicubic"), (28, (28, 30), "lanczos")]
)
def test_a_set_is_prepared_as_a_network_takes_it(
    resize: int, size: tuple[int, int], method: Any, tmp_path: Path
) -> None:
    write_digits(tmp_path / "KMNIST" / "raw")
    taken = Preprocessing(channels=1, size=size, resize=resize, interpolation=method, mean=(0,), std=(1,))
    prepared = load_data("kmnist", tmp_path, preprocessing=taken)
    assert prepared.image_shape == (1, *size) and prepared.train_images.shape[0] == len(DIGITS["train"][0])
    for ours, original in zip(prepared.test_images[:, 0], DIGITS["t10k"][0], strict=True):
        floats = Image.fromarray(original.astype(np.float32))
        scaled = floats.resize((resize, resize), Image.Resampling[method.upper()])
        window = torchvision().transforms.functional.center_crop(torch.tensor(np.asarray(scaled))[None], list(size))
        expected = window[0].clamp(0, 255)
        np.testing.assert_allclose(ours, expected, atol=0.51)


@pytest.mark.parametrize("kind", ["kmnist", "folder"])
def test_for_testing_alone_nothing_else_is_prepared(kind: str, tmp_path: Path) -> None:
    write_digits(tmp_path / "KMNIST" / "raw")
    for number in range(20):
        file = tmp_path / "photos" / f"class {number % 2}" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((20, 20), 9 * number, np.uint8)).save(file)
    name = f"folder:{tmp_path / 'photos'}" if kind == "folder" else kind
    taken = Preprocessing(channels=1, size=(12, 12), resize=14, mean=(0,), std=(1,))
    whole = load_data(name, tmp_path, preprocessing=taken)
    part = load_data(name, tmp_path, preprocessing=taken, test_only=True)
    assert len(part.train_images) == 0 and len(whole.train_images) == len(whole.train_labels)
    assert np.array_equal(part.test_images, whole.test_images) and part.image_shape == whole.image_shape
    assert np.array_equal(part.train_labels, whole.train_labels) and part.provenance == whole.provenance
    assert part.source == whole.source


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
train_images, train_labels = DIGITS["train"]
DAMAGE: dict[str, tuple[str, bytes, str]] = {
    "cut off": (IMAGES, idx(train_images)[:-1], "only 9,407 bytes of content where its header says 9,408"),
    "too long": (IMAGES, idx(train_images) + b"x", "more than 9,408 bytes"),
    "no header": (LABELS, b"\0\0", "only 2 bytes"),
    "empty": (LABELS, b"", "only 0 bytes"),
    "wrong magic": (LABELS, idx(train_images), "magic number 2051 where 2049 belongs"),
    "no images": (IMAGES, idx(train_images[:0]), "impossible shape"),
    "huge": (IMAGES, struct.pack(">4I", 2051, 2**32 - 1, 28, 28), "impossible shape"),
    "wrong size": (IMAGES, idx(train_images[:, :20]), "images of 28x20, not 28x28"),
    "large images": (
        f"{IMAGES}.gz",
        gzip.compress(struct.pack(">4I", 2051, 60_000, 160, 160)),
        "images of 160x160, not",
    ),
    "far too many": (IMAGES, struct.pack(">4I", 2051, 100_001, 28, 28), "impossible shape"),
    "too few labels": (LABELS, idx(train_labels[:7]), "7 labels for 12 images"),
    "unknown label": (LABELS, idx(train_labels + 3), "label 12, and the last class is 9"),
    "cut archive": (f"{IMAGES}.gz", gzip.compress(idx(train_images))[:-99], "broken or cut off"),
    "no archive": (f"{IMAGES}.gz", b"<html>not found</html>", "broken or cut off"),
    "wrong sum": (f"{LABELS}.gz", gzip.compress(idx(train_labels))[:-8] + b"12345678", "broken or cut off"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_idx_files_are_named_with_the_remedy(kind: str, tmp_path: Path) -> None:
    name, content, found = DAMAGE[kind]
    path = write_digits(tmp_path / "MNIST" / "raw") / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=found) as caught:
        load_data("mnist", tmp_path)
    assert f"'{path}'" in caught.value.message
    assert caught.value.message.endswith("delete it to download it again.")


def test_real_fashion_mnist() -> None:
    if not os.environ.get("FMCORE_DATA"):
        pytest.skip("FMCORE_DATA is not set: real Fashion-MNIST is not read")
    fashion = load_data("fashion-mnist", download=False)
    assert fashion.train_images.shape == (60_000, 1, 28, 28)
    assert np.bincount(fashion.test_labels).tolist() == [1_000] * 10
    assert fashion.classes[fashion.test_labels[0]] == "Ankle boot"


# --- downloads: torchvision is pointed at this machine ---------------------------------------------


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def mirror(monkeypatch: pytest.MonkeyPatch, raw: Path) -> Iterator[None]:
    """Serve the files in `raw` to torchvision as MNIST."""
    mnist = torchvision().datasets.MNIST
    sums = [(name, hashlib.md5((raw / name).read_bytes()).hexdigest()) for name, _ in mnist.resources]
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(raw))) as server:
        monkeypatch.setattr(mnist, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        monkeypatch.setattr(mnist, "resources", sums)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def test_download_lands_whole_and_fills_only_gaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data_dir = tmp_path / "new" / "data"
    said: list[str] = []
    with mirror(monkeypatch, write_digits(tmp_path / "mirror")):
        load_data("mnist", data_dir, on_message=said.append)
        assert [message.split()[-1] for message in said] == ["MB).", f"'{data_dir / 'MNIST/raw'}'."]
        assert [path.name for path in data_dir.iterdir()] == ["MNIST"]

        labels, images = (data_dir / "MNIST" / "raw" / name for name in (LABELS, IMAGES))
        for ending in ("", ".gz"):
            labels.with_name(labels.name + ending).unlink()
        images.write_bytes(idx(train_images[::-1]))  # the user's own, to be left alone
        again = load_data("mnist", data_dir, on_message=said.append)
    assert "(1 of 4 files)" in said[2]
    np.testing.assert_array_equal(again.train_images[:, 0], train_images[::-1])
    np.testing.assert_array_equal(again.train_labels, train_labels)


@contextmanager
def no_network(monkeypatch: pytest.MonkeyPatch, raw: Path) -> Iterator[None]:
    monkeypatch.setattr(torchvision().datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])  # a closed port
    yield


@contextmanager
def changed_on_the_way(monkeypatch: pytest.MonkeyPatch, raw: Path) -> Iterator[None]:
    with mirror(monkeypatch, raw):
        (raw / f"{LABELS}.gz").write_bytes(b"something else")
        yield


@pytest.mark.parametrize("network", [no_network, changed_on_the_way])
def test_failed_download_is_a_sentence_and_leaves_nothing(
    network: Callable[..., AbstractContextManager[None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = r"failed \(.+\): connect .* once, copy .* or use `--data garments`"
    raw = write_digits(tmp_path / "mirror")
    with network(monkeypatch, raw), pytest.raises(DataError, match=expected) as caught:
        load_data("mnist", tmp_path / "data")
    assert str(tmp_path / "data" / "MNIST" / "raw") in caught.value.message
    assert "\n" not in caught.value.message
    assert not (tmp_path / "data").exists()


def test_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot be written to"):
        load_data("mnist", tmp_path / "file" / "data")


def test_without_download_the_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"7 of its 7 files are missing \(first 'data_batch_1'"):
        load_data("cifar10", tmp_path, download=False)


def test_cifar10_is_unpickled_only_when_its_sums_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cifar10 = torchvision().datasets.CIFAR10
    base = tmp_path / "cifar-10-batches-py"
    base.mkdir()
    images = RANDOM.integers(0, 256, (6, 3, 2, 32, 32), dtype=np.uint8).transpose(0, 2, 1, 3, 4)  # (6, 2, 3, ...)

    def write(name: str, content: object) -> list[str]:
        (base / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((base / name).read_bytes()).hexdigest()]

    batches = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    rows = [
        write(name, {"data": two.reshape(2, -1), "labels": [index, 9]})
        for index, (name, two) in enumerate(zip(batches, images, strict=True))
    ]
    meta = write("batches.meta", {"label_names": list("abcdefghij")})
    monkeypatch.setattr(cifar10, "train_list", rows[:5])
    monkeypatch.setattr(cifar10, "test_list", rows[5:])
    monkeypatch.setattr(cifar10, "meta", {**cifar10.meta, "md5": meta[1]})

    pictures = load_data("cifar10", tmp_path, download=False)
    np.testing.assert_array_equal(pictures.train_images, images[:5].reshape(10, 3, 32, 32))
    np.testing.assert_array_equal(pictures.test_images, images[5])
    assert pictures.train_labels.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]

    class Evil:
        def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
            return os.mkdir, (str(tmp_path / "unpickled"),)

    write("data_batch_3", Evil())
    with pytest.raises(DataError, match=r"data_batch_3' is damaged.*delete it to download it again"):
        load_data("cifar10", tmp_path)
    assert not (tmp_path / "unpickled").exists()
