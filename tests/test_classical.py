"""Drawings light the classical map that is named after them, and no other of its kind."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fmcore.analysis import classical
from fmcore.analysis.classical import NAMES, classical_maps
from fmcore.analysis.foreground import foreground

Image = NDArray[np.float32]
SIDE = 32
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]
EDGES = ("horizontal edges", "vertical edges", "rising diagonal edges", "falling diagonal edges")


def half(where: NDArray[np.bool_], low: float = 0.2, high: float = 0.8) -> Image:
    """An image (H, W), bright where `where` holds."""
    return np.where(where, high, low).astype(np.float32)


def maps_of(image: Image) -> dict[str, Image]:
    """The maps by name; an edge under the name of its orientation is that of either side being the brighter."""
    maps = dict(zip(NAMES, classical_maps(image[None, None])[0], strict=True))
    either = {edge: sum(maps[name] for name in NAMES if name.startswith(edge)) for edge in EDGES}
    return {**maps, **either}


BOUNDARIES = {
    "horizontal edges": ROWS < 16,
    "vertical edges": COLUMNS < 16,
    "rising diagonal edges": ROWS + COLUMNS < 31,  # from bottom left to top right
    "falling diagonal edges": ROWS > COLUMNS,
}


SIDES = [name for name in NAMES if ", bright " in name]


@pytest.mark.parametrize("name", SIDES)
def test_an_edge_lights_the_map_of_its_brighter_side_alone(name: str) -> None:
    orientation, _, side = name.partition(", bright ")
    first = BOUNDARIES[orientation] if "falling" not in orientation else ~BOUNDARIES[orientation]  # above or left
    maps = maps_of(half(first if side in ("above", "left") else ~first))
    assert max(SIDES, key=lambda side: maps[side][4:-4, 4:-4].sum()) == name
    other = next(side for side in SIDES if side.startswith(orientation) and side != name)
    assert maps[other][4:-4, 4:-4].max() < 1e-6


@pytest.mark.parametrize("name", BOUNDARIES)
@pytest.mark.parametrize("inverted", [False, True])
def test_an_edge_lights_the_map_of_its_orientation_alone(name: str, inverted: bool) -> None:
    maps = maps_of(half(BOUNDARIES[name] != inverted))
    inner = {edge: maps[edge][4:-4, 4:-4] for edge in EDGES}  # diagonals end in corners at the border
    assert inner[name].max() > 0.2
    assert all(inner[other].max() < 1e-3 for other in EDGES if other != name)
    assert maps["corners"][4:-4, 4:-4].max() < 1e-3


def test_an_edge_between_two_orientations_lights_both_alike_and_contrast_counts_linearly() -> None:
    tilt = np.tan(np.pi / 8)
    smooth = 1 / (1 + np.exp(-(ROWS - 16 + tilt * (COLUMNS - 16))))
    maps = maps_of((0.5 * smooth).astype(np.float32))
    horizontal, rising = (maps[name][8:-8, 8:-8] for name in ("horizontal edges", "rising diagonal edges"))
    assert np.corrcoef(horizontal.ravel(), rising.ravel())[0, 1] > 0.95
    assert 0.8 < horizontal.sum() / rising.sum() < 1.25
    fainter = maps_of((0.25 * smooth).astype(np.float32))
    for name in NAMES[: NAMES.index("brightness")]:
        assert fainter[name] == pytest.approx(maps[name] / 2, abs=1e-6), name


def test_edges_are_those_of_scharrs_kernel() -> None:
    image = np.random.default_rng(4).random((SIDE, SIDE)).astype(np.float32)
    kernel = np.outer((-1, 0, 1), (3, 10, 3)) / 32
    maps = maps_of(image)
    for row, column in [(5, 5), (12, 20), (25, 9), (16, 30)]:
        patch = image[row - 1 : row + 2, column - 1 : column + 2]
        down, across = (patch * kernel).sum(), (patch * kernel.T).sum()
        turn = 2 * np.arctan2(down, across)
        expected = np.hypot(down, across) * np.sqrt(
            np.maximum((-np.cos(turn), np.cos(turn), np.sin(turn), -np.sin(turn)), 0)
        )
        assert [maps[name][row, column] for name in EDGES] == pytest.approx(expected, abs=1e-6)


DISC = (ROWS - 16) ** 2 + (COLUMNS - 16) ** 2 <= 2**2
CORNER = (ROWS > 15) & (COLUMNS > 15)
BAR = abs(ROWS - 16) <= 2


def test_a_disc_a_corner_and_a_bar_are_told_apart() -> None:
    disc, corner, bar, edge = (maps_of(half(drawn)) for drawn in (DISC, CORNER, BAR, ROWS > 15))
    assert disc["blobs"].max() > 1.25 * bar["blobs"].max() > 1.25 * edge["blobs"].max()
    assert disc["blobs"].max() > 1.25 * corner["blobs"].max()
    assert corner["corners"].max() > 0.1 and max(bar["corners"].max(), edge["corners"].max()) < 1e-6
    assert bar["horizontal edges"].sum() > 1.9 * edge["horizontal edges"].sum()  # it has two
    assert bar["vertical edges"].max() < 1e-6


def test_blobs_of_either_size_answer_alike() -> None:
    squared = (ROWS - 16.0) ** 2 + (COLUMNS - 16.0) ** 2
    small, large = (maps_of(np.exp(-squared / (2 * s**2)).astype(np.float32))["blobs"][16, 16] for s in (1, 2))
    assert small == pytest.approx(0.5, rel=0.15) and large == pytest.approx(0.5, rel=0.1)  # Lindeberg: 1/2 at its scale


def test_corners_and_blobs_are_where_they_were_drawn() -> None:
    corner = maps_of(half(CORNER))["corners"]
    assert np.abs(np.subtract(np.unravel_index(corner.argmax(), corner.shape), (15.5, 15.5))).max() <= 1.5
    for inverted in (False, True):
        blob = maps_of(half(inverted != DISC))["blobs"]
        assert np.unravel_index(blob.argmax(), blob.shape) == (16, 16)


@pytest.mark.parametrize("light", [0.0, 0.3, 1.0])
def test_a_flat_image_has_nothing_but_brightness_and_the_border_is_no_edge(light: float) -> None:
    maps = maps_of(np.full((SIDE, SIDE), light, np.float32))
    for name in set(NAMES) - {"brightness", "darkness"}:
        assert maps[name].max() < 1e-6, name
    assert maps["brightness"] == pytest.approx(light) and maps["darkness"] == pytest.approx(1 - light)


def test_local_contrast_is_the_standard_deviation_around_a_pixel() -> None:
    image = np.random.default_rng(1).random((SIDE, SIDE)).astype(np.float32)
    contrast = maps_of(image)["local contrast"]
    for row, column in [(2, 2), (10, 20), (29, 15)]:
        around = image[row - 2 : row + 3, column - 2 : column + 3]
        assert contrast[row, column] == pytest.approx(float(around.astype(np.float64).std()), abs=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_maps_of_a_batch_are_those_of_its_images(channels: int) -> None:
    images = np.random.default_rng(2).random((3, channels, 20, 14)).astype(np.float32)
    images[1, :, 4:15, 3:10] = 0.1
    images[1, :, :3] = images[1, :, -3:] = 0.9
    before = images.copy()
    maps = classical_maps(images)
    assert maps.shape == (3, len(NAMES), 20, 14) and maps.dtype == np.float32 and maps.min() >= 0
    assert np.array_equal(maps, np.concatenate([classical_maps(image[None]) for image in images]))
    assert np.array_equal(images, before)
    assert np.array_equal(maps[:, NAMES.index("silhouette")], foreground(images))
    light = images[:, 0] if channels == 1 else 0.299 * images[:, 0] + 0.587 * images[:, 1] + 0.114 * images[:, 2]
    assert maps[:, NAMES.index("brightness")] == pytest.approx(light, abs=1e-6)
    assert maps[:, NAMES.index("darkness")] == pytest.approx(1 - light, abs=1e-6)


def test_a_turned_image_has_turned_maps() -> None:
    image = np.random.default_rng(3).random((SIDE, SIDE)).astype(np.float32)
    upright, turned = maps_of(image), maps_of(np.ascontiguousarray(np.rot90(image)))
    swapped = {
        **{name: name for name in NAMES},
        **dict(zip(EDGES, (EDGES[1], EDGES[0], EDGES[3], EDGES[2]), strict=True)),
    }
    for name in {*EDGES, *NAMES} - {"silhouette", *SIDES}:
        assert np.rot90(upright[name]) == pytest.approx(turned[swapped[name]], abs=1e-6), name


def test_many_images_and_long_lines_are_worked_out_like_one_small_image(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(5).random((3, 3, 70, 40)).astype(np.float32)
    together = classical_maps(images)
    assert together.shape == (3, len(NAMES), 70, 40) and together.min() >= 0
    monkeypatch.setattr(classical, "_SHORT", 100)  # by matrices, which lines of 70 are too long for
    monkeypatch.setattr(classical, "_TOGETHER", 1)
    np.testing.assert_allclose(classical_maps(images), together, atol=1e-6)
