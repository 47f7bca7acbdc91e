"""Open one image file safely: whatever is in it becomes 8-bit grey or RGB pixels, or one clear sentence."""

import shlex
import stat
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fmcore.data.png_stream import is_whole
from fmcore.errors import DataError

MAX_PIXELS = 100_000_000  # one with transparency takes 0.8 GB while it is read, and 1.6 GB as WebP
MAX_BYTES = 4 * 2**30  # of all images of a set together
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")  # nothing else is tried, EPS least of all

# What can be done to an image on the way to 8-bit pixels: the sentence for one image, and for several.
TREATMENTS: Mapping[str, tuple[str, str]] = {
    "transparent": (
        "{n} image with transparency was placed on white.",
        "{n} images with transparency were placed on white.",
    ),
    "animated": (
        "{n} animated image: only its first frame is used.",
        "{n} animated images: only the first frame of each is used.",
    ),
    "pages": (
        "{n} image with several pages: only the first page is used.",
        "{n} images with several pages: only the first page of each is used.",
    ),
    "deep": (
        "{n} image with 16 bits a channel was scaled to 8.",
        "{n} images with 16 bits a channel were scaled to 8.",
    ),
    "wide": ("{n} image of 32-bit values was scaled to 8.", "{n} images of 32-bit values were scaled to 8."),
    "cmyk": ("{n} image in CMYK was converted to RGB.", "{n} images in CMYK were converted to RGB."),
    "turned": (
        "{n} image was turned upright, as its camera noted.",
        "{n} images were turned upright, as their cameras noted.",
    ),
    "enlarged": (
        "{n} image is smaller than the network takes it and was enlarged.",
        "{n} images are smaller than the network takes them and were enlarged.",
    ),
}

_Transpose = Image.Transpose
_UPRIGHT = {  # EXIF orientation -> what puts the picture upright
    2: _Transpose.FLIP_LEFT_RIGHT,
    3: _Transpose.ROTATE_180,
    4: _Transpose.FLIP_TOP_BOTTOM,
    5: _Transpose.TRANSPOSE,
    6: _Transpose.ROTATE_270,
    7: _Transpose.TRANSVERSE,
    8: _Transpose.ROTATE_90,
}
_ORIENTATION_TAG = 0x0112
_WHITES = {"I": (255.0, 65535.0), "F": (1.0, 255.0, 65535.0)}  # 32-bit values have no agreed white
_TILE_PX = 1024  # side of what is converted at a time: all at once would take 35 bytes a pixel
_Convert = Callable[[Image.Image], tuple[Image.Image, str | None]]
_SEVERAL = {"GIF": "animated", "WEBP": "animated", "PNG": "animated", "TIFF": "pages"}


@dataclass(frozen=True)
class OpenedImage:
    """The pixels of one file, and the keys of `TREATMENTS` that name what was done to it."""

    pixels: NDArray[np.uint8]  # (H, W, C), C is 1 where all three channels agree everywhere, else 3
    done: tuple[str, ...]


def open_image(path: Path, *, name: str | None = None, square_px: int | None = None) -> OpenedImage:
    """Read one image file as 8-bit grey or RGB pixels.

    The orientation noted by the camera is applied, transparency is placed on white, palettes and
    other colour spaces are converted, deeper values are scaled to 8 bits, and of an animation the
    first frame is taken.

    Args:
        path: The file.
        name: How errors call the file; its base name when left out.
        square_px: Side of the centred square that is cut out and scaled (Lanczos); the whole
            picture in its own size when left out.

    Returns:
        Pixels (H, W, C), uint8, and what was done.

    Raises:
        DataError: The file is missing, unreadable, empty, no image, broken, cut off or too large.
    """
    called = shown(name or path.name)
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise DataError(
                f"'{called}' is a folder, and an image file was expected: name the files in it, or use "
                f"--data {shlex.quote('folder:' + called)}."
            )
        if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for ever
            raise DataError(f"'{called}' is no regular file, and an image was expected: remove it.")
        if found.st_size == 0:
            raise DataError(f"'{called}' is empty (0 bytes), and an image was expected: replace or remove it.")
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata; sizes are checked below
            try:
                return _decode(stream, called, square_px)
            except DataError:
                raise
            except UnidentifiedImageError as error:
                raise DataError(
                    f"'{called}' is no image, whatever its name says: expected one of {', '.join(FORMATS)}; "
                    "replace or remove it."
                ) from error
            except Image.DecompressionBombError as error:
                raise DataError(_too_large(called)) from error
            except Exception as error:  # on damaged files Pillow's readers raise almost any type
                raise DataError(f"'{called}' is broken or cut off ({_reason(error)}): replace or remove it.") from error
    except FileNotFoundError as error:
        raise DataError(f"There is no image file '{called}', or it is a link to nothing: check the path.") from error
    except (OSError, ValueError) as error:  # a ValueError is a path that no system has
        raise DataError(
            f"'{called}' cannot be opened ({getattr(error, 'strerror', None) or _reason(error)}): "
            "make it readable, replace it or remove it."
        ) from error


def tell(counts: Mapping[str, int], sentences: Mapping[str, tuple[str, str]] = TREATMENTS) -> tuple[str, ...]:
    """Put counts into sentences (for one, for several), in the order of the table."""
    return tuple(
        (one if counts[key] == 1 else several).format(n=f"{counts[key]:,}")
        for key, (one, several) in sentences.items()
        if counts.get(key)
    )


def require_memory(images: int, channels: int, height: int, width: int) -> None:
    """Refuse sets that would take more than `MAX_BYTES` in memory.

    Raises:
        DataError: With the size that was asked for and what to change.
    """
    size = images * channels * height * width
    if size > MAX_BYTES:
        raise DataError(
            f"{images:,} images of {width}x{height} pixels would take {size / 2**30:.1f} GiB of memory, "
            f"more than the {MAX_BYTES / 2**30:.0f} GiB allowed: choose a smaller image size or fewer images."
        )


def shown(name: str) -> str:
    """Return a file name as a sentence can carry it: odd characters escaped, the rest untouched."""
    return name if name.isprintable() else ascii(name)[1:-1]


def _decode(stream: IO[bytes], called: str, square_px: int | None) -> OpenedImage:
    """Decode an open file; whatever Pillow raises on a damaged file passes through."""
    flat, orientation, done = _loaded(stream, called, square_px)
    if square_px:
        flat = _centre_square(flat, square_px)
    if orientation in _UPRIGHT:
        flat = flat.transpose(_UPRIGHT[orientation])
        done.append("turned")
    return OpenedImage(_pixels_of(flat), tuple(done))


def _loaded(stream: IO[bytes], called: str, square_px: int | None) -> tuple[Image.Image, int | None, list[str]]:
    """The image in mode L or RGB, the orientation that is still to be applied, and what was done."""
    done = []
    with Image.open(stream, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise DataError(_too_large(called, image.size))
        if getattr(image, "n_frames", 1) > 1 and image.format in _SEVERAL:
            done.append(_SEVERAL[image.format])
        deep = image.format in ("PNG", "TIFF") and any(";16" in str(tile.args) for tile in image.tile)
        if deep:
            done.append("deep")
        if square_px and min(image.size) < square_px:
            done.append("enlarged")
        if square_px:
            image.draft(None, (2 * square_px, 2 * square_px))  # a JPEG decodes at 1/2, 1/4 or 1/8: quicker
        image.load()
        if image.format == "PNG" and _may_end_early(image) and not is_whole(stream):
            raise OSError("its pixels end before the last row")
        clear = image.info.get("transparency")
        if deep and image.mode == "RGB" and isinstance(clear, tuple):  # of 16 bits, of which Pillow keeps the upper 8
            image.info["transparency"] = tuple(value >> 8 for value in clear)
        orientation = _orientation(image)  # after load: TIFF is then upright already
        flat, treatment = _flatten(image)
    if treatment:
        done.append(treatment)
    return flat, orientation, done


def _may_end_early(image: Image.Image) -> bool:
    """Whether the last row is as it was before anything was read; interlaced, it need not be the last to come."""
    last = image.crop((0, image.height - 1, *image.size))
    return bool(image.info.get("interlace")) or not np.asarray(last).any()


def _orientation(image: Image.Image) -> int | None:
    try:
        noted = image.getexif().get(_ORIENTATION_TAG)
    except Exception:  # a good picture with damaged notes about itself is still a good picture
        return None
    return noted if isinstance(noted, int) else None


def _tiles(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """The edges (left, top, right, bottom) of the pieces that an image of this size is converted in."""
    width, height = size
    for top in range(0, height, _TILE_PX):
        for left in range(0, width, _TILE_PX):
            yield left, top, min(left + _TILE_PX, width), min(top + _TILE_PX, height)


def _pixels_of(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels (H, W, C) of an image in mode L or RGB; they can be written to."""
    pixels = np.empty((image.height, image.width, len(image.getbands())), np.uint8)
    grey = True
    for box in _tiles(image.size):
        left, top, right, bottom = box
        tile = pixels[top:bottom, left:right]
        tile[:] = np.asarray(image.crop(box)).reshape(tile.shape)
        grey = grey and bool((tile == tile[:, :, :1]).all())
    return pixels[:, :, :1] if grey else pixels


def _flatten(image: Image.Image) -> tuple[Image.Image, str | None]:
    """Return a loaded image in mode L or RGB, and the treatment this took."""
    if image.mode in ("L", "RGB") and not image.has_transparency_data:
        return image, None
    convert = _from_32_bits(image) if image.mode in _WHITES else _CONVERT.get(image.mode, _from_others)
    flat, treatment = None, None
    for box in _tiles(image.size):
        tile, done = convert(image.crop(box))
        flat = flat or Image.new(tile.mode, image.size)
        flat.paste(tile, box)
        treatment = treatment or done
    assert flat is not None  # no format has images without pixels
    return flat, treatment


def _from_others(tile: Image.Image) -> tuple[Image.Image, str | None]:
    if tile.has_transparency_data:
        tile = tile.convert("RGBA")
        if tile.getchannel("A").getextrema() == (255, 255):
            return tile.convert("RGB"), None
        white = Image.new("RGBA", tile.size, "white")
        return Image.alpha_composite(white, tile).convert("RGB"), "transparent"
    return tile.convert("L" if tile.mode == "1" else "RGB"), None


def _from_16_bits(tile: Image.Image) -> tuple[Image.Image, str | None]:
    values = np.asarray(tile).astype(np.uint32)
    clear = values == tile.info.get("transparency", -1)  # one grey that is not seen
    grey = np.where(clear, 255, (values * 255 + 32767) // 65535).astype(np.uint8)
    return Image.fromarray(grey), "transparent" if clear.any() else None


def _from_32_bits(image: Image.Image) -> _Convert:
    """Scale by the first range of `_WHITES` that holds all values; past these, lowest to highest."""
    low, high = np.inf, -np.inf
    for box in _tiles(image.size):
        values = np.asarray(image.crop(box))  # (h, w)
        finite = values[np.isfinite(values)].astype(np.float64)
        low, high = min(low, finite.min(initial=np.inf)), max(high, finite.max(initial=-np.inf))
    if low > high:  # nothing is finite
        low = high = 0.0
    white = next((white for white in _WHITES[image.mode] if low >= 0 and high <= white), None)
    if white:
        low, high = 0.0, white

    def convert(tile: Image.Image) -> tuple[Image.Image, str]:
        values = np.nan_to_num(np.asarray(tile).astype(np.float64), nan=low, posinf=high, neginf=low)
        scaled = np.rint((values - low) * (255 / ((high - low) or 1)))
        return Image.fromarray(scaled.astype(np.uint8)), "wide"

    return convert


def _from_cmyk(tile: Image.Image) -> tuple[Image.Image, str]:
    return tile.convert("RGB"), "cmyk"


_CONVERT: dict[str, _Convert] = {
    "I;16": _from_16_bits,
    "I;16L": _from_16_bits,
    "I;16B": _from_16_bits,
    "I;16N": _from_16_bits,
    "CMYK": _from_cmyk,
}


def _centre_square(image: Image.Image, side_px: int) -> Image.Image:
    """Cut the centred square out of an image and scale it to `side_px`."""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    return image.resize(
        (side_px, side_px),
        Image.Resampling.LANCZOS,
        box=(left, top, left + side, top + side),
        reducing_gap=3.0,
    )


def _too_large(called: str, size: tuple[int, int] | None = None) -> str:
    found = f"{size[0]}x{size[1]} pixels" if size else "far too many pixels"
    return (
        f"'{called}' has {found}, more than the {MAX_PIXELS // 1_000_000} million that are read: "
        "scale it down or remove it."
    )


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return shown(text[:120]) if text else type(error).__name__
