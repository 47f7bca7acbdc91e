"""Image files as probes: what the network sees of each, and where in the file that lies."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fmcore.data.fingerprint import class_in_folder
from fmcore.data.image_files import MAX_PIXELS, TREATMENTS, OpenedImage, open_image, shown, tell
from fmcore.errors import DataError
from fmcore.files import from_home
from fmcore.header import Preprocessing

MAX_PICTURES = 64
MIN_SIDE_PX = 8
ORIGINAL_PX = 1024  # an RGB original of that size takes 3 MB in the bundle at most
_MANY_PICTURES = 8  # from here on reading photos takes long enough to be announced

SENTENCES = {
    **TREATMENTS,
    "greyed": (
        "{n} image in colour was made grey, as the network takes it.",
        "{n} images in colour were made grey, as the network takes them.",
    ),
    "padded": (
        "{n} image does not fill the network's input and was framed in black.",
        "{n} images do not fill the network's input and were framed in black.",
    ),
}


@dataclass(frozen=True)
class Picture:
    """One image file as the network sees it, and the picture it was cut from.

    `box` says what `pixels` covers: the edges (top, left, bottom, right), in pixels of `original`. Place (y, x) of
    `pixels`, with pixel centres at .5, lies at top + y * (bottom - top) / H of it, and so across. Where the scaled
    picture is smaller than the network's input, `pixels` is black beside it and the box reaches beyond `original`:
    below 0, or above its size.
    """

    pixels: NDArray[np.uint8]  # (C, H, W), what the network sees, before it is normalised
    original: NDArray[np.uint8]  # (C', h, w), the whole upright picture, at most `ORIGINAL_PX` long; C' is 1 or 3
    file_size: tuple[int, int]  # (height, width) of the upright file
    box: tuple[float, float, float, float]
    name: str  # base name of the file, as a sentence can carry it
    done: tuple[str, ...]  # keys of `SENTENCES`
    truth: str | None = None  # the class it belongs to, where somebody said so


@dataclass(frozen=True)
class Seen:
    """What a network sees of a picture that was scaled to `scaled` (height, width): the window `down` by `across`."""

    pixels: NDArray[np.uint8]  # (C, H, W)
    scaled: tuple[int, int]
    down: tuple[int, int]  # first and last edge
    across: tuple[int, int]
    done: tuple[str, ...]  # keys of `SENTENCES`


def open_pictures(
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    on_message: Callable[[str], None] | None = None,
    folder: Path | None = None,
) -> list[Picture]:
    """Open image files and prepare them as the network was taught to see.

    This is torchvision's `ImageClassification` preset up to, and without, the normalisation, pixel for pixel: the
    shorter side is scaled to `preprocessing.resize`, and the centred window of `preprocessing.size` is cut out,
    black where it reaches beyond the picture. A network of one channel is given the luminance (ITU-R BT.601).

    Args:
        paths: The files, at most `MAX_PICTURES`; the same one may come twice.
        preprocessing: How an image becomes the network's input.
        on_message: Told in a sentence when this will take a while.
        folder: One with a folder for every class; files that lie in one of these belong to that class.

    Returns:
        One picture per path, in the same order.

    Raises:
        DataError: There are too many files, or one is missing, unreadable, no image, too small, too large or too
            long for its width.
    """
    if len(paths) > MAX_PICTURES:
        raise DataError(
            f"{len(paths):,} pictures were given, more than the {MAX_PICTURES} that one bundle takes: give fewer."
        )
    if on_message and len(paths) > _MANY_PICTURES:
        on_message(f"Reading {len(paths)} pictures.")
    truths = [None if folder is None else class_in_folder(path, folder) for path in paths]
    return [replace(_open(path, preprocessing), truth=truth) for path, truth in zip(paths, truths, strict=True)]


def notices_of(pictures: Sequence[Picture]) -> tuple[str, ...]:
    """What was done to how many of them, in sentences."""
    return tell(Counter(key for picture in pictures for key in picture.done), SENTENCES)


def see(opened: OpenedImage, preprocessing: Preprocessing, called: str) -> Seen:
    """Scale a picture and cut it, as `open_pictures` says; errors call it `called`.

    Raises:
        DataError: it is too small, or too long for its width.
    """
    height, width, channels = opened.pixels.shape
    if min(height, width) < MIN_SIDE_PX:
        raise DataError(
            f"'{called}' has {width}x{height} pixels, expected at least {MIN_SIDE_PX}x{MIN_SIDE_PX}: "
            "give a larger picture."
        )
    scaled = scaled_size(height, width, preprocessing.resize)
    if scaled[0] * scaled[1] > MAX_PIXELS:
        raise DataError(
            f"'{called}' has {width}x{height} pixels, and with its shorter side scaled to "
            f"{preprocessing.resize} it would have {scaled[1]}x{scaled[0]}, more than the "
            f"{MAX_PIXELS // 1_000_000} million that are allowed: cut it to a less extreme shape."
        )
    down = window(scaled[0], preprocessing.size[0])
    across = window(scaled[1], preprocessing.size[1])
    applies = {
        "greyed": channels > preprocessing.channels,
        "enlarged": min(height, width) < preprocessing.resize,
        "padded": down[0] < 0 or across[0] < 0 or down[1] > scaled[0] or across[1] > scaled[1],
    }
    done = (*opened.done, *(key for key, does in applies.items() if does))
    return Seen(_as_input(_as_image(opened), scaled, down, across, preprocessing), scaled, down, across, done)


def _open(path: Path, preprocessing: Preprocessing) -> Picture:
    path = from_home(path)
    opened = open_image(path, name=str(path))
    seen = see(opened, preprocessing, shown(str(path)))
    original = _original(_as_image(opened))
    kept, scaled, (top, bottom), (left, right) = original.shape[1:], seen.scaled, seen.down, seen.across
    return Picture(
        pixels=seen.pixels,
        original=original,
        file_size=opened.pixels.shape[:2],
        box=(
            top * kept[0] / scaled[0],
            left * kept[1] / scaled[1],
            bottom * kept[0] / scaled[0],
            right * kept[1] / scaled[1],
        ),
        name=shown(path.name),
        done=seen.done,
    )


def _as_image(opened: OpenedImage) -> Image.Image:
    """In mode L or RGB."""
    return Image.fromarray(opened.pixels[:, :, 0] if opened.pixels.shape[2] == 1 else opened.pixels)


def scaled_size(height: int, width: int, shorter: int) -> tuple[int, int]:
    """(height, width) once the shorter side has `shorter` pixels; the longer one rounds down, as in torchvision."""
    longer = int(shorter * max(height, width) / min(height, width))
    return (longer, shorter) if width <= height else (shorter, longer)


def window(length: int, wanted: int) -> tuple[int, int]:
    """First and last edge of the centred window of `wanted` pixels; torchvision rounds its two cases apart."""
    first = -((wanted - length) // 2) if wanted > length else round((length - wanted) / 2)
    return first, first + wanted


def _as_input(
    image: Image.Image,
    scaled: tuple[int, int],
    down: tuple[int, int],
    across: tuple[int, int],
    preprocessing: Preprocessing,
) -> NDArray[np.uint8]:
    """Scale an image in mode L or RGB and cut its window out: (C, H, W)."""
    mode = "L" if preprocessing.channels == 1 else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    image = image.resize(scaled[::-1], Image.Resampling[preprocessing.interpolation.upper()])
    image = image.crop((across[0], down[0], across[1], down[1]))  # black beyond its edges
    return _channels_first(image)


def _original(image: Image.Image) -> NDArray[np.uint8]:
    """Scale an image down to `ORIGINAL_PX` where it is longer: (C, h, w)."""
    width, height = image.size
    if (longer := max(width, height)) > ORIGINAL_PX:
        size = (max(1, round(width * ORIGINAL_PX / longer)), max(1, round(height * ORIGINAL_PX / longer)))
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return _channels_first(image)


def _channels_first(image: Image.Image) -> NDArray[np.uint8]:
    pixels = np.array(image)  # (H, W) or (H, W, 3)
    return np.ascontiguousarray(np.atleast_3d(pixels).transpose(2, 0, 1))
