"""Every data set by one name: `load_data("fashion-mnist")`, `load_data("folder:my photos")`."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from fmcore.data.imageset import Images, ImageSet
from fmcore.errors import InputError, one_of
from fmcore.header import Preprocessing

__all__ = ["SOURCES", "ImageSet", "Source", "Wish", "default_data_dir", "load_data", "require_source"]

_FOLDER = "folder:PATH"
_SIDES_PX = range(8, 1025)
_BATCH_BYTES = 2**22  # of floats scaled at once: they stay in the processor's cache


@dataclass(frozen=True)
class Wish:
    """What was asked for, as every source is told it."""

    data_dir: Path
    path: str  # what follows `folder:`
    seed: int
    image_size: int | None  # side in pixels; None leaves it to the source
    preprocessing: Preprocessing | None
    download: bool
    on_message: Callable[[str], None] | None
    test_only: bool = False


@dataclass(frozen=True)
class Source:
    """One row of `SOURCES`: a line for the person choosing, and the function that loads."""

    description: str
    load: Callable[[Wish], ImageSet]


def load_data(
    name: str,
    data_dir: Path | None = None,
    *,
    seed: int = 0,
    image_size: int | None = None,
    preprocessing: Preprocessing | None = None,
    download: bool = True,
    on_message: Callable[[str], None] | None = None,
    test_only: bool = False,
) -> ImageSet:
    """Load a data set by its name in `SOURCES`.

    Args:
        name: `garments`, `fashion-mnist`, ..., or `folder:` and the path of a folder of images.
        data_dir: Where downloaded sets lie; `default_data_dir()` when left out.
        seed: Decides what `garments` draws and how a folder is split for training and testing.
        image_size: Side in pixels that all images are scaled to. When left out, sets keep their own
            size, and folders are scaled to 64.
        preprocessing: Scale and cut all images as this says instead, up to the normalisation; files of a folder
            get its channels, too.
        download: Whether a missing set may be downloaded.
        on_message: Told in a sentence about work that takes a while, such as a download.
        test_only: Prepare no images for training, which may take most of the time and memory; their labels are kept.

    Returns:
        Images (N, C, H, W), uint8, C = 1 or 3, with labels (N,), for training and for testing.

    Raises:
        InputError: There is no such data set, or the image size is out of range.
        DataError: The data cannot be found, downloaded or read.
    """
    if image_size is not None and image_size not in _SIDES_PX:
        raise InputError(
            f"The image size is {image_size}; expected from {_SIDES_PX.start} to {_SIDES_PX.stop - 1} pixels."
        )
    source, path = require_source(name)
    folder = data_dir or default_data_dir()
    return source.load(Wish(folder, path, seed, image_size, preprocessing, download, on_message, test_only))


def look_into(name: str, data_dir: Path | None = None) -> tuple[int, tuple[str, ...]]:
    """The channels and classes of a data set, for whoever makes a network for it; a folder is not read for that.

    Raises:
        InputError, DataError: as `load_data` does.
    """
    source, path = require_source(name)
    if source is SOURCES[_FOLDER]:
        from fmcore.data.folder import look_into_folder

        return look_into_folder(Path(path))
    data = load_data(name, data_dir)
    return data.image_shape[0], data.classes


def require_source(name: str) -> tuple[Source, str]:
    """The source that is called `name`, and the path behind `folder:`.

    Raises:
        InputError: there is no such data set.
    """
    kind, _, path = name.partition(":")
    key = _FOLDER if kind == "folder" else name
    if key not in SOURCES and Path(name).is_dir():
        raise InputError(f"There is no data set '{name}', and a folder is called so; write folder:{name} to have it.")
    if key not in SOURCES:
        raise InputError(one_of("data set", name, list(SOURCES)))
    if key == _FOLDER and not path:
        raise InputError("The data set 'folder' needs a path: write folder:PATH, such as folder:photos.")
    return SOURCES[key], path


def default_data_dir() -> Path:
    """Return $FMCORE_DATA, or else the folder `fmcore` in the user's cache."""
    if chosen := os.environ.get("FMCORE_DATA"):
        return Path(chosen)
    return user_cache_path("fmcore", appauthor=False)


def _garments(wish: Wish) -> ImageSet:
    from fmcore.data.garments import garments

    return _scaled(garments(seed=wish.seed), wish)


def _classic(name: str, wish: Wish) -> ImageSet:
    from fmcore.data.torchvision_sets import load_classic_set

    dataset = load_classic_set(name, wish.data_dir, download=wish.download, on_message=wish.on_message)
    return _scaled(dataset, wish)


def _folder(wish: Wish) -> ImageSet:
    from fmcore.data.folder import load_folder

    return load_folder(
        Path(wish.path),
        seed=wish.seed,
        image_size=wish.image_size,
        preprocessing=wish.preprocessing,
        on_message=wish.on_message,
        test_only=wish.test_only,
    )


def _scaled(dataset: ImageSet, wish: Wish) -> ImageSet:
    """Scale all images of a set as is wished, and say so in its provenance."""
    if wish.test_only:
        dataset = replace(dataset, train_images=dataset.train_images[:0])
    channels, height, width = dataset.image_shape
    side, taken = wish.image_size, wish.preprocessing
    if taken is None and side in (None, height) and side in (None, width):
        return dataset
    from fmcore.data.image_files import require_memory
    from fmcore.data.pictures import scaled_size, window

    if taken is not None:
        size = scaled_size(height, width, taken.resize)
        down, across = (window(length, most) for length, most in zip(size, taken.size, strict=True))
        into, method = f"prepared as the network takes it, {taken.size[1]}x{taken.size[0]}", taken.interpolation
    else:
        assert side is not None
        size, down, across = (side, side), (0, side), (0, side)
        into, method = f"scaled to {side}x{side}", "lanczos"
    require_memory(
        len(dataset.train_images) + len(dataset.test_images), channels, down[1] - down[0], across[1] - across[0]
    )
    weights = _weights(height, size[0], down, method), _weights(width, size[1], across, method)
    return replace(
        dataset,
        provenance=f"{dataset.provenance.removesuffix('.')}, {into}.",
        train_images=_scaled_images(dataset.train_images, *weights),
        test_images=_scaled_images(dataset.test_images, *weights),
        test_source=dataset.source,
    )


def _weights(length: int, scaled: int, window: tuple[int, int], method: str) -> NDArray[np.float32]:
    """What each pixel of `window` takes from each of `length` that are scaled to `scaled`: 0 beyond the picture."""
    from PIL import Image

    unit = Image.fromarray(np.eye(length, dtype=np.float32))
    rows = np.asarray(unit.resize((length, scaled), Image.Resampling[method.upper()]))  # scaling is linear
    found = np.zeros((window[1] - window[0], length), np.float32)
    first, last = max(0, window[0]), min(scaled, window[1])
    found[first - window[0] : last - window[0]] = rows[first:last]
    return found


def _scaled_images(images: Images, down: NDArray[np.float32], across: NDArray[np.float32]) -> Images:
    """Scale (N, C, H, W) to (N, C, h, w), by the weights `down` (h, H) and `across` (w, W)."""
    scaled = np.empty((*images.shape[:2], len(down), len(across)), np.uint8)
    batch = max(1, _BATCH_BYTES // (4 * images.shape[1] * len(down) * len(across)))
    for start in range(0, len(images), batch):
        values = down @ images[start : start + batch].astype(np.float32) @ across.T  # (B, C, h, w)
        scaled[start : start + batch] = np.rint(values).clip(0, 255)
    return scaled


SOURCES: dict[str, Source] = {
    "garments": Source("drawn clothes, 28x28 grey, 10 classes; built in, needs no files", _garments),
    "fashion-mnist": Source(
        "photographed clothes, 28x28 grey, 10 classes, 70,000 images", partial(_classic, "fashion-mnist")
    ),
    "mnist": Source("handwritten digits, 28x28 grey, 10 classes, 70,000 images", partial(_classic, "mnist")),
    "kmnist": Source("Japanese characters, 28x28 grey, 10 classes, 70,000 images", partial(_classic, "kmnist")),
    "cifar10": Source("animals and vehicles, 32x32 RGB, 10 classes, 60,000 images", partial(_classic, "cifar10")),
    _FOLDER: Source("your own images: one sub-folder per class, any image sizes", _folder),
}
