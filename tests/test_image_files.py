"""Every kind of image file that people have becomes the right 8-bit pixels, or one sentence."""

import os
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fmcore.data import image_files
from fmcore.data.image_files import OpenedImage, open_image, require_memory, tell
from fmcore.errors import DataError

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)  # (H, W, 3)
GREY = RGB[:, :, :1]
DEEP = np.linspace(0, 65535, 54).astype(np.uint16).reshape(6, 9)
HALF = np.array([255, 128, 0] * 18, np.uint8).reshape(6, 9, 1)  # alpha


def save(path: Path, pixels: np.ndarray, **options: object) -> None:
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2:] == (1,) else pixels)
    image.save(path, **options)


def on_white(alpha: np.ndarray) -> np.ndarray:
    return np.rint(RGB * (alpha / 255) + 255 - alpha).astype(np.uint8)


def save_palette(path: Path) -> None:
    image = Image.fromarray(np.arange(54, dtype=np.uint8).reshape(6, 9) % 3).convert("P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.save(path, transparency=1)


def save_frames(path: Path, **options: object) -> None:
    first, second = Image.fromarray(GREY.squeeze()), Image.fromarray(255 - GREY.squeeze())
    first.save(path, save_all=True, append_images=[second], **options)


def save_turned(path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(path, GREY, exif=exif)


def write_png(
    path: Path, width: int, height: int, bits: int, colour: int, rows: bytes, clear: bytes = b"", interlaced: int = 0
) -> None:
    """Write a PNG by hand, for what Pillow cannot or should not write."""
    header = struct.pack(">2I5B", width, height, bits, colour, 0, 0, interlaced)
    chunks = [b"IHDR" + header, *([b"tRNS" + clear] if clear else []), b"IDAT" + zlib.compress(rows), b"IEND"]
    framed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(framed))


def save_deep_rgb(path: Path, clear: bytes = b"") -> None:
    deep = (RGB.astype(np.uint16) * 257).astype(">u2").reshape(6, -1)
    write_png(path, 9, 6, 16, 2, b"".join(b"\0" + row.tobytes() for row in deep), clear)


def save_deep_grey(path: Path) -> None:
    """One grey, that of row 3, column 4, is transparent."""
    rows = DEEP.astype(">u2")
    write_png(path, 9, 6, 16, 0, b"".join(b"\0" + row.tobytes() for row in rows), rows[2, 3:4].tobytes())


def whitened(pixels: np.ndarray) -> np.ndarray:
    """White in row 3, column 4."""
    changed = pixels.copy()
    changed[2, 3] = 255
    return changed


PALETTE = np.array([[255, 0, 0], [255, 255, 255], [0, 0, 255]], np.uint8)[np.arange(54).reshape(6, 9) % 3]
GOOD: dict[str, tuple[str, Callable[[Path], object], np.ndarray, tuple[str, ...]]] = {
    "plain RGB": ("a.png", lambda p: save(p, RGB), RGB, ()),
    "BMP": ("a.bmp", lambda p: save(p, RGB), RGB, ()),
    "TIFF": ("a.tif", lambda p: save(p, RGB), RGB, ()),
    "WebP": ("a.webp", lambda p: save(p, RGB, lossless=True), RGB, ()),
    "grey": ("a.png", lambda p: save(p, GREY), GREY, ()),
    "grey stored as RGB": ("a.png", lambda p: save(p, GREY.repeat(3, 2)), GREY, ()),
    "one bit": ("a.png", lambda p: save(p, GREY > 99), (GREY > 99) * np.uint8(255), ()),
    "one pixel": ("a.png", lambda p: save(p, np.full((1, 1), 7, np.uint8)), np.full((1, 1, 1), 7), ()),
    "RGBA": ("a.png", lambda p: save(p, np.dstack([RGB, HALF])), on_white(HALF), ("transparent",)),
    "RGBA, opaque": ("a.png", lambda p: save(p, np.dstack([RGB, HALF * 0 + 255])), RGB, ()),
    "palette with a clear colour": ("a.png", save_palette, PALETTE, ("transparent",)),
    "16-bit grey": ("a.png", lambda p: save(p, DEEP), np.rint(DEEP / 257)[:, :, None], ("deep",)),
    "16-bit grey TIFF": ("a.tiff", lambda p: save(p, DEEP), np.rint(DEEP / 257)[:, :, None], ("deep",)),
    "16-bit RGB": ("a.png", save_deep_rgb, RGB, ("deep",)),
    "16-bit grey, one of them clear": (
        "a.png",
        save_deep_grey,
        whitened(np.rint(DEEP / 257)[:, :, None]),
        ("deep", "transparent"),
    ),
    "16-bit RGB, one colour clear": (
        "a.png",
        lambda p: save_deep_rgb(p, (RGB[2, 3].astype(np.uint16) * 257).astype(">u2").tobytes()),
        whitened(RGB),
        ("deep", "transparent"),
    ),
    "black": ("a.png", lambda p: save(p, GREY * 0), GREY * 0, ()),
    "32-bit whole numbers": (
        "a.tif",
        lambda p: save(p, DEEP.astype(np.int32)),
        np.rint(DEEP / 257)[:, :, None],
        ("wide",),
    ),
    "floats from 0 to 1": ("a.tif", lambda p: save(p, (GREY / 255).astype(np.float32)), GREY, ("wide",)),
    "floats of any range, and NaN": (
        "a.tif",
        lambda p: save(p, np.array([[-5, 0], [np.nan, 5]], np.float32)),
        np.array([[0, 128], [0, 255]])[:, :, None],
        ("wide",),
    ),
    "animated GIF": ("a.gif", save_frames, GREY, ("animated",)),
    "animated WebP": ("a.webp", lambda p: save_frames(p, lossless=True), GREY, ("animated",)),
    "animated PNG": ("a.png", save_frames, GREY, ("animated",)),
    "TIFF of two pages": ("a.tif", save_frames, GREY, ("pages",)),
    "upside down": ("a.png", lambda p: save_turned(p, 3), np.rot90(GREY, 2), ("turned",)),
    "camera turned left": ("a.png", lambda p: save_turned(p, 6), np.rot90(GREY, -1), ("turned",)),
    "camera turned right": ("a.png", lambda p: save_turned(p, 8), np.rot90(GREY, 1), ("turned",)),
    "mirrored": ("a.png", lambda p: save_turned(p, 2), GREY[:, ::-1], ("turned",)),
    "damaged EXIF": ("a.png", lambda p: save(p, GREY, exif=b"Exif\0\0nonsense"), GREY, ()),
    "TIFF with an orientation": ("a.tif", lambda p: save_turned(p, 6), np.rot90(GREY, -1), ()),
}


@pytest.mark.parametrize("kind", GOOD)
def test_pixels_are_those_in_the_file(kind: str, tmp_path: Path) -> None:
    name, write, expected, done = GOOD[kind]
    write(tmp_path / name)
    opened = open_image(tmp_path / name)
    assert opened.pixels.dtype == np.uint8
    np.testing.assert_array_equal(opened.pixels, expected)
    assert opened.done == done


@pytest.mark.parametrize("kind", GOOD)
def test_pixels_are_the_same_in_many_tiles(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "_TILE_PX", 4)
    test_pixels_are_those_in_the_file(kind, tmp_path)


@pytest.mark.parametrize(("kind", "most"), [("RGB", 5.5), ("F", 9)])
def test_a_large_image_is_converted_in_pieces(kind: str, most: float, tmp_path: Path) -> None:
    side = 2200
    Image.linear_gradient("L").resize((side, side)).convert(kind).save(tmp_path / "a.tif")
    tracemalloc.start()  # what Pillow itself holds, up to 4 bytes a pixel, is not counted
    try:
        assert open_image(tmp_path / "a.tif").pixels.shape == (side, side, 1)
        assert tracemalloc.get_traced_memory()[1] < most * side**2
    finally:
        tracemalloc.stop()


def test_jpegs_of_a_flat_colour_keep_it_in_rgb_and_cmyk(tmp_path: Path) -> None:
    red = Image.new("RGB", (40, 60), (200, 30, 30))
    red.save(tmp_path / "rgb.jpg")
    red.convert("CMYK").save(tmp_path / "cmyk.jpg")
    for name, done in (("rgb.jpg", ()), ("cmyk.jpg", ("cmyk",))):
        opened = open_image(tmp_path / name, square_px=16)
        assert opened.done == done
        assert opened.pixels.shape == (16, 16, 3)
        assert np.abs(opened.pixels.astype(int) - (200, 30, 30)).max() <= 3


def test_square_is_the_centre_upright(tmp_path: Path) -> None:
    wide = np.zeros((32, 96, 3), np.uint8)
    wide[:, 32:64] = 255  # the centred square is white but for its upper left quarter
    wide[:16, 32:48] = 0
    save(tmp_path / "wide.png", wide)
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "turned.jpg", wide, exif=exif, quality=95)

    quarters = open_image(tmp_path / "wide.png", square_px=16).pixels[4::8, 4::8, 0]
    np.testing.assert_array_equal(quarters, [[0, 255], [255, 255]])
    turned = open_image(tmp_path / "turned.jpg", square_px=16).pixels[4::8, 4::8, 0]
    np.testing.assert_allclose(turned, np.rot90(quarters, -1), atol=3)
    assert open_image(tmp_path / "wide.png", square_px=64).done == ("enlarged",)


def write_cut(path: Path) -> None:
    save(path, np.random.default_rng(1).integers(0, 256, (90, 90, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "cut JPEG": ("a.jpg", write_cut, "broken or cut off"),
    "cut PNG": ("a.png", write_cut, "broken or cut off"),
    "PNG of a stream that ends cleanly": (
        "a.png",
        lambda p: write_png(p, 64, 64, 8, 0, (b"\0" + b"\xc8" * 64) * 10),
        r"broken or cut off \(its pixels end before the last row\)",
    ),
    "interlaced PNG that ends before its last pass": (
        "a.png",
        lambda p: write_png(p, 2, 2, 8, 0, b"\0\xc8" * 2, interlaced=1),
        "its pixels end before the last row",
    ),
    "cut GIF": ("a.gif", write_cut, "broken or cut off"),
    "empty": ("a.png", lambda p: p.write_bytes(b""), "empty"),
    "text": ("a.png", lambda p: p.write_text("no picture"), "no image, whatever its name says"),
    "EPS, which would start another program": (
        "a.jpg",
        lambda p: Image.new("L", (9, 9)).save(p, "EPS"),
        "no image",
    ),
    "large": ("a.png", lambda p: write_png(p, 12_000, 12_000, 1, 0, b""), "12000x12000 pixels, more than"),
    "huge": ("a.png", lambda p: write_png(p, 2**30, 2**30, 1, 0, b""), "far too many pixels, more than"),
    "missing": ("a.png", lambda p: None, "no image file"),
    "link in a circle": ("a.png", lambda p: p.symlink_to(p), "cannot be opened"),
    "pipe": ("a.png", os.mkfifo, "no regular file"),
    "folder": ("a.png", lambda p: p.mkdir(), r"is a folder.* use --data folder:shoes/a\.png\."),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_are_named_in_one_sentence(kind: str, tmp_path: Path) -> None:
    name, write, found = BAD[kind]
    write(tmp_path / name)
    with pytest.raises(DataError, match=found) as caught:
        open_image(tmp_path / name, name=f"shoes/{name}")
    assert f"'shoes/{name}'" in caught.value.message
    assert "\n" not in caught.value.message


def test_a_path_that_no_system_has() -> None:
    with pytest.raises(DataError, match=r"'a\\x00\.png' cannot be opened"):
        open_image(Path("a\0.png"))


def test_what_was_done_is_told_with_counts() -> None:
    assert tell({"transparent": 3, "animated": 1, "deep": 2_000, "grey": 7}) == (
        "3 images with transparency were placed on white.",
        "1 animated image: only its first frame is used.",
        "2,000 images with 16 bits a channel were scaled to 8.",
    )


def test_memory_is_refused_before_it_is_taken() -> None:
    require_memory(70_000, 1, 224, 224)
    with pytest.raises(DataError, match=r"28\.0 GiB .* smaller image size or fewer images"):
        require_memory(200_000, 3, 224, 224)


def test_opened_image_is_frozen() -> None:
    with pytest.raises(AttributeError):
        OpenedImage(GREY, ()).done = ("turned",)  # type: ignore[misc]
