"""A picture is prepared as torchvision would, and its box says where in the file it lies."""

import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps
from test_image_files import write_png

from fmcore.data.pictures import MAX_PICTURES, ORIGINAL_PX, Picture, notices_of, open_pictures
from fmcore.errors import DataError
from fmcore.header import Preprocessing
from fmcore.torch_pair import torchvision

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]

SMOOTH = np.random.default_rng(3).integers(0, 256, (5, 7, 3), dtype=np.uint8)  # scaled up, it has soft edges
INTERPOLATIONS = ("bilinear", "bicubic", "lanczos")


def wanted(size: int | tuple[int, int], resize: int, channels: int = 3, method: str = "bilinear") -> Preprocessing:
    both = (size, size) if isinstance(size, int) else size
    plain = {"channels": channels, "mean": (0.0,) * channels, "std": (1.0,) * channels}
    return Preprocessing.model_validate({"size": both, "resize": resize, "interpolation": method, **plain})


IMAGENET = wanted(224, 256)
OPTIONS = {"webp": {"lossless": True}}  # by the ending of the file


def drawn(height: int, width: int, seed: int = 0) -> Image.Image:
    """A picture in RGB with soft shapes, fine noise and a white edge."""
    soft = Image.fromarray(np.roll(SMOOTH, seed, (0, 1))).resize((width, height), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(seed).integers(-20, 21, (height, width, 3))
    pixels = np.clip(np.asarray(soft) + noise, 0, 255).astype(np.uint8)
    pixels[[0, -1]] = pixels[:, [0, -1]] = 255
    return Image.fromarray(pixels)


def by_torchvision(image: Image.Image, preprocessing: Preprocessing) -> Pixels:
    """(C, H, W) of an image in mode L or RGB, from torchvision's own transforms."""
    transforms = torchvision().transforms
    image = image.convert("L" if preprocessing.channels == 1 else "RGB")
    scale = transforms.Resize(preprocessing.resize, transforms.InterpolationMode(preprocessing.interpolation))
    cut = transforms.CenterCrop(preprocessing.size)
    return np.asarray(transforms.PILToTensor()(cut(scale(image))))


def opened(path: Path, image: Image.Image, preprocessing: Preprocessing, **options: object) -> Picture:
    image.save(path, **options)
    (picture,) = open_pictures([path], preprocessing)
    return picture


SIZES = ["300x400", "400x300", "256x256", "257x255", "224x224", "500x333", "97x411", "8x1500", "61x8", "1031x640"]


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("size", SIZES)
def test_pixels_are_those_of_the_preset(size: str, interpolation: str, tmp_path: Path) -> None:
    transforms = torchvision().transforms
    mode = transforms.InterpolationMode(interpolation)
    plain = {"mean": (0.0,) * 3, "std": (1.0,) * 3}
    preset = transforms._presets.ImageClassification(crop_size=224, resize_size=256, interpolation=mode, **plain)
    image = drawn(*map(int, size.split("x")))
    picture = opened(tmp_path / "a.png", image, wanted(224, 256, method=interpolation))
    assert picture.pixels.dtype == picture.original.dtype == np.uint8
    np.testing.assert_array_equal(picture.pixels, (preset(image).numpy() * 255).round())


CUTS: dict[str, Preprocessing] = {
    "no margin": wanted(64, 64),
    "grey network": wanted(28, 28, 1, "lanczos"),
    "grey network, cut": wanted((21, 33), 40, 1, "bicubic"),
    "wide window": wanted((32, 57), 60),
    "window longer than the scaled side": wanted(65, 50),
    "window longer by an odd number": wanted((60, 71), 50),
    "window higher only": wanted((80, 20), 50),
    "window wider only": wanted((20, 400), 50),
    "odd numbers": wanted(33, 47),
}


@pytest.mark.parametrize("kind", CUTS)
@pytest.mark.parametrize(("height", "width"), [(90, 120), (121, 90), (70, 70), (40, 45)])
def test_every_cut_is_that_of_torchvision(kind: str, height: int, width: int, tmp_path: Path) -> None:
    for seed, image in enumerate((drawn(height, width), drawn(height, width, 1).convert("L"))):
        picture = opened(tmp_path / f"{seed}.png", image, CUTS[kind])
        assert picture.pixels.shape == (CUTS[kind].channels, *CUTS[kind].size)
        np.testing.assert_array_equal(picture.pixels, by_torchvision(image, CUTS[kind]))


def on_white(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def with_alpha(image: Image.Image) -> Image.Image:
    image = image.convert(image.mode + "A")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def sixteen_bits(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


MODES: dict[str, tuple[Callable[[Image.Image], Image.Image], str, tuple[str, ...]]] = {
    # how it is made, the formats that can hold it, what is told of it
    "one bit": (lambda image: image.convert("1"), "png gif bmp tif", ()),
    "grey": (lambda image: image.convert("L"), "jpg png gif bmp tif", ()),
    "grey with alpha": (lambda image: with_alpha(image.convert("L")), "png webp tif", ("transparency",)),
    "palette": (lambda image: image.quantize(32), "png gif bmp tif", ()),
    "RGB": (lambda image: image, "jpg png webp bmp tif", ()),
    "RGBA": (with_alpha, "png webp tif", ("transparency",)),
    "CMYK": (lambda image: image.convert("CMYK"), "jpg tif", ("CMYK",)),
    "16 bits": (sixteen_bits, "png tif", ("16 bits",)),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("mode", "ending"), [(mode, ending) for mode in MODES for ending in MODES[mode][1].split()])
def test_every_mode_and_format(mode: str, ending: str, channels: int, tmp_path: Path) -> None:
    make, _, notices = MODES[mode]
    path, preprocessing = tmp_path / f"a.{ending}", wanted(32, 40, channels)
    picture = opened(path, make(drawn(50, 60)), preprocessing, **OPTIONS.get(ending, {}))
    with Image.open(path) as stored:
        if mode == "16 bits":
            flat = Image.fromarray((np.asarray(stored) // 257).astype(np.uint8))
        else:
            flat = on_white(stored) if "transparency" in notices else stored.convert("RGB")
    np.testing.assert_array_equal(picture.pixels, by_torchvision(flat, preprocessing))
    grey = mode in ("one bit", "grey", "grey with alpha", "16 bits")
    np.testing.assert_array_equal(
        picture.original, np.moveaxis(np.asarray(flat.convert("RGB")), 2, 0)[: 1 if grey else 3]
    )
    told = "\n".join(notices_of([picture]))
    assert all(part in told for part in notices)
    assert ("made grey" in told) == (channels == 1 and not grey)


def test_of_several_pictures_the_first_is_taken(tmp_path: Path) -> None:
    first, second = drawn(40, 50), drawn(40, 50, 1)
    kinds = {"a.gif": {}, "a.webp": OPTIONS["webp"], "a.tif": {}, "phone.jpg": {"format": "MPO"}}
    for name, options in kinds.items():
        first.save(tmp_path / name, save_all=True, append_images=[second], **options)
        (picture,) = open_pictures([tmp_path / name], wanted(32, 40))
        with Image.open(tmp_path / name) as stored:
            np.testing.assert_array_equal(picture.pixels, by_torchvision(stored.convert("RGB"), wanted(32, 40)))
        assert any("only" in notice for notice in notices_of([picture])) == (name != "phone.jpg")


def at(box: Box, shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where in the original the pixel centres of an (H, W) cut lie: rows (H, 1) and columns (1, W)."""
    top, left, bottom, right = box
    rows = top + (np.arange(shape[0]) + 0.5) * (bottom - top) / shape[0]
    columns = left + (np.arange(shape[1]) + 0.5) * (right - left) / shape[1]
    return rows[:, None], columns[None, :]


def slopes(height: int, width: int) -> Pixels:
    """(height, width, 3): red rises down and green across by up to 250 levels; blue is 255 everywhere."""
    red = (np.arange(height) + 0.5)[:, None] * 250 / height + np.zeros((1, width))
    green = (np.arange(width) + 0.5)[None, :] * 250 / width + np.zeros((height, 1))
    return np.rint(np.stack([red, green, np.full_like(red, 255)], 2)).astype(np.uint8)


def check_box(picture: Picture) -> None:
    """A picture of `slopes` says of every pixel where it comes from: compare with what the box says."""
    height, width = picture.original.shape[1:]
    rows, columns = at(picture.box, picture.pixels.shape[1:])
    inside = (rows > 0) & (rows < height) & (columns > 0) & (columns < width)
    np.testing.assert_array_equal(picture.pixels[2], inside * 255)  # black beyond the original, and only there
    for plane, place, length in ((0, rows, height), (1, columns, width)):
        place = np.broadcast_to(place, inside.shape)
        edge = 2 + 2 * length / 40  # near the edge there is less to average: the slope flattens
        deep = inside & (place > edge) & (place < length - edge)
        found = picture.pixels[plane] / 250 * length  # in pixels of the original
        np.testing.assert_allclose(found[deep], place[deep], atol=0.1 + 1.1 * length / 250)


@given(
    height=st.integers(8, 130),
    width=st.integers(8, 130),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    resize=st.integers(20, 60),
    interpolation=st.sampled_from(INTERPOLATIONS),
)
def test_the_box_is_where_the_pixels_come_from(
    height: int, width: int, size: tuple[int, int], resize: int, interpolation: str
) -> None:
    preprocessing = wanted(size, resize, method=interpolation)
    image = Image.fromarray(slopes(height, width))
    with tempfile.TemporaryDirectory() as folder:
        picture = opened(Path(folder) / "a.png", image, preprocessing)
    assert picture.file_size == (height, width)
    assert picture.pixels.shape == (3, *size)
    np.testing.assert_array_equal(picture.pixels, by_torchvision(image, preprocessing))
    check_box(picture)

    top, left, bottom, right = picture.box
    assert abs(top + bottom - height) <= height / resize + 1e-9  # centred, within a pixel of the scaled picture
    assert abs(left + right - width) <= width / resize * 1.2 + 1e-9
    assert min(height, width) / resize * size[0] * 0.999 <= bottom - top


@pytest.mark.parametrize(("height", "width"), [(90, 260), (260, 90), (131, 128), (2100, 700), (400, 3000)])
@pytest.mark.parametrize("preprocessing", [wanted(24, 30), wanted((20, 30), 30), wanted((50, 20), 40)])
def test_a_marked_rectangle_is_found_through_the_box(
    height: int, width: int, preprocessing: Preprocessing, tmp_path: Path
) -> None:
    centre = np.array([height, width]) / 2
    half = min(height, width) * np.array([0.11, 0.17])
    (top, left), (bottom, right) = (np.rint(centre - half).astype(int), np.rint(centre + half * (1, 0.4)).astype(int))
    pixels = np.full((height, width), 40, np.uint8)
    pixels[top:bottom, left:right] = 240
    picture = opened(tmp_path / "a.png", Image.fromarray(pixels), preprocessing)
    down, across = picture.original.shape[1] / height, picture.original.shape[2] / width
    top, bottom, left, right = top * down, bottom * down, left * across, right * across

    # the share of white in every pixel: summed along a line, it measures the rectangle to a fraction of a pixel
    mask = (picture.pixels[0].astype(float) - 40).clip(0) / 200
    rows, columns = at(picture.box, mask.shape)
    middle = (rows * mask).sum() / mask.sum(), (columns * mask).sum() / mask.sum()
    step = (picture.box[2] - picture.box[0]) / mask.shape[0], (picture.box[3] - picture.box[1]) / mask.shape[1]
    np.testing.assert_allclose(middle, [(top + bottom) / 2, (left + right) / 2], atol=max(1, 0.02 * max(step)))
    assert mask.max(1).sum() * step[0] == pytest.approx(bottom - top, abs=max(1, 0.1 * step[0]))
    assert mask.max(0).sum() * step[1] == pytest.approx(right - left, abs=max(1, 0.1 * step[1]))


STORED: dict[int, Callable[[Pixels], Pixels]] = {  # how a camera that notes this orientation has stored the picture
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright, 2).transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
@pytest.mark.parametrize(("height", "width"), [(60, 150), (150, 60)])
def test_orientation_is_undone_first(orientation: int, ending: str, height: int, width: int, tmp_path: Path) -> None:
    upright = slopes(height, width)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{ending}"
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    picture = opened(path, stored, wanted((40, 30), 48), exif=exif, **OPTIONS.get(ending, {}))
    with Image.open(path) as image:
        turned = ImageOps.exif_transpose(image).convert("RGB")
    np.testing.assert_array_equal(turned, upright)
    np.testing.assert_array_equal(picture.pixels, by_torchvision(turned, wanted((40, 30), 48)))
    np.testing.assert_array_equal(picture.original, upright.transpose(2, 0, 1))
    assert picture.file_size == (height, width)
    check_box(picture)


def test_box_in_numbers(tmp_path: Path) -> None:
    wide = opened(tmp_path / "wide.png", drawn(100, 400), wanted(40, 50))  # 50x200, cut 5 and 80 from the edge
    assert wide.box == (10.0, 160.0, 90.0, 240.0)
    large = opened(tmp_path / "large.png", drawn(512, 4096), wanted(64, 64))  # kept as 128x1024
    assert large.box == (0.0, 448.0, 128.0, 576.0)
    framed = opened(tmp_path / "framed.png", drawn(100, 100), wanted((50, 70), 50))
    assert framed.box == (0.0, -20.0, 100.0, 120.0)
    assert (framed.pixels[:, :, :10] == 0).all() and (framed.pixels[:, :, 60:] == 0).all()
    assert notices_of([framed]) == ("1 image does not fill the network's input and was framed in black.",)


@pytest.mark.parametrize(
    ("height", "width", "expected"), [(2048, 1000, (1024, 500)), (8, 4000, (2, 1024)), (9, 9, (9, 9))]
)
def test_the_original_is_whole_and_no_longer_than_it_may_be(
    height: int, width: int, expected: tuple[int, int], tmp_path: Path
) -> None:
    picture = opened(tmp_path / "a.png", Image.fromarray(slopes(height, width)), wanted(10, 12))
    assert picture.original.shape == (3, *expected)
    assert picture.file_size == (height, width)
    assert max(picture.original.shape) <= ORIGINAL_PX
    rows, columns = at((0, 0, 250, 250), expected)  # in levels of `slopes`
    np.testing.assert_allclose(picture.original[0], np.broadcast_to(rows, expected), atol=3 + 60 / min(expected))
    np.testing.assert_allclose(picture.original[1], np.broadcast_to(columns, expected), atol=3)


def test_names_notices_and_order(tmp_path: Path) -> None:
    odd, twin = tmp_path / "a\nb.png", tmp_path / "deeper" / "a.png"
    twin.parent.mkdir()
    drawn(40, 40).save(odd)
    drawn(10, 12, 1).save(twin)
    (tmp_path / "a.png").write_bytes(odd.read_bytes())
    pictures = open_pictures([twin, odd, tmp_path / "a.png", twin], wanted(16, 16))
    assert [picture.name for picture in pictures] == ["a.png", r"a\nb.png", "a.png", "a.png"]
    assert notices_of(pictures) == ("2 images are smaller than the network takes them and were enlarged.",)
    assert notices_of(pictures[1:2]) == ()
    np.testing.assert_array_equal(pictures[0].pixels, pictures[3].pixels)
    np.testing.assert_array_equal(pictures[1].pixels, pictures[2].pixels)
    assert open_pictures([], wanted(16, 16)) == []


def test_a_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    drawn(40, 40).save(tmp_path / "a.png")
    assert open_pictures([Path("~/a.png")], IMAGENET)[0].name == "a.png"
    with pytest.raises(DataError, match=r"no image file '~nobody-of-that-name/a\.png'"):
        open_pictures([Path("~nobody-of-that-name/a.png")], IMAGENET)


def test_many_pictures_are_announced_and_too_many_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    drawn(40, 40).save(path)
    told: list[str] = []
    assert len(open_pictures([path] * MAX_PICTURES, wanted(16, 16), told.append)) == MAX_PICTURES
    open_pictures([path], wanted(16, 16), told.append)
    assert told == ["Reading 64 pictures."]
    with pytest.raises(DataError, match=r"65 pictures were given, more than the 64 .*: give fewer\."):
        open_pictures([tmp_path / "missing.png"] * 65, wanted(16, 16))


def blank(width: int, height: int) -> Callable[[Path], None]:
    return lambda path: Image.new("L", (width, height), 9).save(path)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "one pixel": (blank(1, 1), "has 1x1 pixels, expected at least 8x8: give a larger picture"),
    "seven pixels high": (blank(300, 7), "has 300x7 pixels, expected at least 8x8"),
    "seven pixels wide": (blank(7, 300), "has 7x300 pixels, expected at least 8x8"),
    "very wide": (blank(30_000, 8), "has 30000x8 pixels.* have 960000x256, .* cut it to a less extreme shape"),
    "very high": (blank(8, 30_000), "has 8x30000 pixels.* have 256x960000, "),
    "too large": (
        lambda path: write_png(path, 12_000, 12_000, 8, 2, b""),
        "has 12000x12000 pixels, more than .*scale it down",
    ),
    "a bomb": (
        lambda path: write_png(path, 20_000, 20_000, 8, 2, b""),
        "has far too many pixels, more than .*scale it down",
    ),
    "cut off": (lambda path: write_png(path, 40, 40, 8, 2, b""), "broken or cut off"),
    "text": (lambda path: path.write_text("no picture"), "is no image, whatever its name says"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "missing": (lambda path: None, "no image file"),
    "a folder": (Path.mkdir, "is a folder, .*: name the files in it, or use --data 'folder:.*my picture.png'"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_cost_one_sentence_and_no_memory(kind: str, tmp_path: Path) -> None:
    write, found = BAD[kind]
    path = tmp_path / "my picture.png"
    write(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=found) as caught:
        open_pictures([path], IMAGENET)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1.5 * before  # 20,000x20,000 in RGB takes 1.2 GB
