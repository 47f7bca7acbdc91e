"""Images painted by Cairo: every pixel shows the value in whose square its centre lies."""

from pathlib import Path

import numpy as np
import pytest
from films import TINY
from manim import Camera, ImageMobject, Rectangle
from numpy.typing import NDArray
from PIL.Image import Resampling

from fmcore.render.camera import CairoImages
from fmcore.render.spec import FRAME_HEIGHT
from fmcore.render.worker import _configure

WIDTH = FRAME_HEIGHT * TINY.width / TINY.height


class Painted(CairoImages, Camera):
    pass


@pytest.fixture(autouse=True)
def small_frame(tmp_path: Path) -> None:
    _configure(TINY, tmp_path)


def image_of(pixels: NDArray[np.uint8], height: float, at: tuple[float, float], alpha: int = 255) -> ImageMobject:
    rgba = np.concatenate([pixels, np.full((*pixels.shape[:2], 1), alpha, np.uint8)], axis=-1)
    image = ImageMobject(rgba, resampling_algorithm=Resampling.NEAREST)
    image.height = height
    return image.move_to([*at, 0])


def painted(camera: Camera, *mobjects: object) -> NDArray[np.uint8]:
    camera.reset()
    camera.capture_mobjects(list(mobjects))
    frame: NDArray[np.uint8] = camera.pixel_array[..., :3].copy()
    return frame


def expected(pixels: NDArray[np.uint8], image: ImageMobject) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The frame by nearest neighbour, and where that is beyond doubt: no pixel lies on the edge of a square."""
    rows, columns = pixels.shape[:2]
    (left, bottom), (right, top) = image.points[:, :2].min(0), image.points[:, :2].max(0)
    scale = TINY.height / FRAME_HEIGHT
    y = ((FRAME_HEIGHT / 2 - top) * scale, (FRAME_HEIGHT / 2 - bottom) * scale)
    x = ((left + WIDTH / 2) * scale, (right + WIDTH / 2) * scale)
    row = (np.arange(TINY.height) + 0.5 - y[0]) / (y[1] - y[0]) * rows
    column = (np.arange(TINY.width) + 0.5 - x[0]) / (x[1] - x[0]) * columns
    inside = ((row > 0) & (row < rows))[:, None] & ((column > 0) & (column < columns))[None, :]
    frame = np.zeros((TINY.height, TINY.width, 3), np.uint8)
    picked = pixels[row.clip(0, rows - 1).astype(int)[:, None], column.clip(0, columns - 1).astype(int)[None, :]]
    frame[inside] = picked[inside]
    near = [
        np.abs(place - place.round()) / rate < 0.02
        for place, rate in ((row, rows / np.ptp(y)), (column, columns / np.ptp(x)))
    ]
    border = [
        (np.abs(np.arange(size) + 0.5 - edge) < 1)
        for size, edges in ((TINY.height, y), (TINY.width, x))
        for edge in edges
    ]
    doubtful = (near[0] | border[0] | border[1])[:, None] | (near[1] | border[2] | border[3])[None, :]
    return frame, ~doubtful


PLACES = [(4.0, (0.0, 0.0)), (3.7, (-1.13, 0.77)), (7.9, (0.3, 0.02)), (1.1, (3.01, -2.4)), (6.0, (6.5, 3.0))]


@pytest.mark.parametrize(("height", "at"), PLACES)
@pytest.mark.parametrize("shape", [(7, 7), (28, 28), (3, 11), (1, 1)], ids=str)
def test_every_pixel_shows_its_value(shape: tuple[int, int], height: float, at: tuple[float, float]) -> None:
    pixels = np.random.default_rng(3).integers(1, 256, (*shape, 3), dtype=np.uint8)
    image = image_of(pixels, height, at)
    wanted, sure = expected(pixels, image)
    shown = painted(Painted(), image)
    assert sure.mean() > 0.5
    assert np.array_equal(shown[sure], wanted[sure])


def test_stock_manim_differs_at_edges_alone() -> None:
    pixels = np.random.default_rng(4).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    image = image_of(pixels, 5.0, (0.4, -0.3))
    ours, stock = painted(Painted(), image), painted(Camera(), image)
    _, sure = expected(pixels, image)
    square = 5.0 / 6 * TINY.height / FRAME_HEIGHT  # side in pixels
    differs = (ours != stock).any(-1)
    assert differs.mean() < 0.5 and square > 9
    rows, columns = np.where(differs & sure)
    left, top = image.points[:, 0].min(), image.points[:, 1].max()
    x = (columns + 0.5 - (left + WIDTH / 2) * TINY.height / FRAME_HEIGHT) / square
    y = (rows + 0.5 - (FRAME_HEIGHT / 2 - top) * TINY.height / FRAME_HEIGHT) / square
    from_edge = np.minimum(np.abs(x - x.round()), np.abs(y - y.round())) * square
    assert (from_edge < 1.5).all()  # manim rounds corners to whole pixels


@pytest.mark.parametrize("alpha", [0, 64, 128, 255])
def test_a_faded_image_is_blended_with_what_lies_below(alpha: int) -> None:
    below = Rectangle(width=20, height=20, fill_opacity=1, stroke_width=0, fill_color="#285078")
    pixels = np.full((2, 2, 3), (200, 100, 40), np.uint8)
    shown = painted(Painted(), below, image_of(pixels, 4.0, (0, 0), alpha))
    share = alpha / 255
    wanted = np.array([200, 100, 40]) * share + np.array([0x28, 0x50, 0x78]) * (1 - share)
    assert np.abs(shown[45, 80] - wanted).max() <= 1.5
    assert np.abs(shown[2, 2] - np.array([0x28, 0x50, 0x78])).max() <= 1


def test_set_opacity_fades_as_well() -> None:
    image = image_of(np.full((3, 3, 3), 200, np.uint8), 4.0, (0, 0)).set_opacity(0.5)
    assert np.abs(painted(Painted(), image)[45, 80].astype(int) - 100).max() <= 1


@pytest.mark.parametrize("angle", [0.3, np.pi / 2, np.pi, -2.0])
def test_a_turned_image_shows_the_turned_corners(angle: float) -> None:
    corners = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    image = image_of(corners, 5.0, (0.5, 0.2))
    image.rotate(angle)
    shown = painted(Painted(), image)
    centre = image.points.mean(0)
    for colour, corner in zip(corners.reshape(-1, 3), image.points, strict=True):
        x, y = (corner + centre)[:2] / 2  # the middle of that corner's square
        scale = TINY.height / FRAME_HEIGHT
        assert shown[int((FRAME_HEIGHT / 2 - y) * scale), int((x + WIDTH / 2) * scale)].tolist() == colour.tolist()


def test_stretched_flat_and_outside_images_do_no_harm() -> None:
    pixels = np.full((3, 3, 3), 255, np.uint8)
    edge_on, outside, bent = (image_of(pixels, 3.0, at) for at in ((0, 0), (40, 0), (0, 0)))
    edge_on.stretch(0, 0)
    bent.points[0] += (0.5, 0.3, 0)  # no parallelogram: manim paints it
    camera = Painted()
    assert not painted(camera, edge_on).any()
    assert not painted(camera, outside).any()
    assert painted(camera, bent)[45, 80].tolist() == [255, 255, 255]


def test_a_smooth_image_is_smoothed() -> None:
    image = ImageMobject(np.array([[0, 255]], np.uint8), resampling_algorithm=Resampling.BILINEAR)
    image.height = 4
    shown = painted(Painted(), image)[45, :, 0]
    assert len(np.unique(shown)) > 8
