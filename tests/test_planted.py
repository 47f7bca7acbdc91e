"""Faults and meanings planted into small networks by hand are found, and nothing else is."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from fmcore.analysis.diagnostics import diagnose, diagnose_all
from fmcore.analysis.meaning import MIXED, meanings
from fmcore.bundle import Bundle
from fmcore.data.imageset import ImageSet
from fmcore.model_input import AsInput, plain_preprocessing
from fmcore.model_source import Model
from fmcore.recording import record
from fmcore.training import untrained

Filter = NDArray[np.float64]
SIDE, SHAPES = 24, ("box", "disc")

# Both derivatives of Scharr, divided by what a full step of brightness gives.
DOWN = np.array([[-3.0, -10, -3], [0, 0, 0], [3, 10, 3]]) / 16  # positive where it is brighter below
RISING = np.array([[10.0, 3, 0], [3, 0, -3], [0, -3, -10]]) / 16  # positive where it is brighter above left
MEAN, POINT = np.ones((3, 3)) / 9, np.array([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]])
NOTHING = np.zeros((3, 3))


@dataclass(frozen=True)
class Planted:
    """Filters and biases of one convolution with a ReLU, one channel each."""

    channels: tuple[tuple[Filter, float], ...]
    upper: tuple[tuple[int, ...], ...] = ()  # a second convolution: each channel adds up these of the first


@pytest.fixture(scope="module")
def shapes() -> ImageSet:
    """80 grey images: a box or a disc of several tones on a dark ground that is not quite even."""
    random = np.random.default_rng(4)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    labels = np.arange(80, dtype=np.int64) % 2
    images = np.zeros((80, 1, SIDE, SIDE), np.uint8)
    for image, label in zip(images, labels, strict=True):
        centre, radius = random.integers(9, 15, 2), random.integers(5, 8)
        away = np.abs([y - centre[0], x - centre[1]])
        inside = away.max(0) < radius if label == 0 else np.hypot(*away) < radius
        image[0] = np.where(inside, random.integers(120, 250, (SIDE, SIDE)), random.integers(10, 20, (SIDE, SIDE)))
    return ImageSet("shapes", "Drawn for tests.", SHAPES, images[:8], labels[:8], images, labels)


def recorded(planted: Planted, data: ImageSet, path: Path) -> Bundle:
    """The bundle of `planted`, its maps as large as the image."""
    count = len(planted.channels)
    layers: list[nn.Module] = [nn.Conv2d(1, count, 3, padding=1, padding_mode="replicate"), nn.ReLU()]
    with torch.no_grad():
        layers[0].weight.copy_(torch.tensor(np.array([w for w, _ in planted.channels]))[:, None])  # type: ignore[union-attr, operator]
        layers[0].bias.copy_(torch.tensor([b for _, b in planted.channels]))  # type: ignore[union-attr, operator]
    if planted.upper:
        upper = nn.Conv2d(count, len(planted.upper), 1, bias=False)
        with torch.no_grad():
            upper.weight.zero_()
            for channel, taken in enumerate(planted.upper):
                upper.weight[channel, list(taken)] = 1
        layers += [upper, nn.ReLU()]
        count = len(planted.upper)
    torch.manual_seed(0)
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(count, len(data.classes)))
    model = Model("planted", network, AsInput(plain_preprocessing(1, SIDE)), "planted")
    record(untrained(model), data, path)
    return Bundle.open(path)


FAULTY = Planted(
    (
        (POINT, 0.0),  # 0 lights up on the object
        (NOTHING, -0.5),  # 1 is dead
        (DOWN, 0.0),  # 2 shows edges
        (2 * POINT, 0.0),  # 3 is twice 0
        (-POINT, 0.3),  # 4 lights up where it is darker than 0.3, on the ground
        (NOTHING, 0.1),  # 5 is the same everywhere
        (-POINT, -0.1),  # 6 is dead too, as no image is negative
        (-DOWN, 0.0),  # 7 shows the other edges
        (MEAN, -0.97),  # 8 wants nine pixels almost white
    ),
    upper=((0,), (2, 7), (1, 6), (0, 3), (4,)),
)
HEALTHY = Planted(((POINT, -0.3), (DOWN, 0.0), (-DOWN, 0.0), (DOWN.T, 0.0), (-DOWN.T, 0.0)), upper=((0,), (1,), (3,)))


def test_planted_faults_are_found_and_no_others(shapes: ImageSet, tmp_path: Path) -> None:
    with recorded(FAULTY, shapes, tmp_path / "b") as bundle:
        first, second = diagnose_all(bundle)
        assert (first.layer, first.channels, first.images, first.foreground_images) == ("0", 9, 80, 80)
        assert (first.dead, first.constant, first.nearly_dead) == ((1, 6, 8), (5,), ())
        assert [group.channels for group in first.redundant] == [(0, 3)]
        assert first.redundant[0].correlation == pytest.approx(1, abs=1e-5)
        assert [watcher.channel for watcher in first.background] == [4]
        assert first.background[0].share > 0.99
        assert (second.dead, second.constant) == ((2,), ())
        assert [group.channels for group in second.redundant] == [(0, 3)]
        assert [watcher.channel for watcher in second.background] == [4]


def test_what_shows_outlines_from_outside_watches_no_background(shapes: ImageSet, tmp_path: Path) -> None:
    outlines = Planted(((MEAN - 2 * POINT, -0.05), (-POINT, 0.3)), upper=((0,), (1,)))
    with recorded(outlines, shapes, tmp_path / "b") as bundle:
        for found in diagnose_all(bundle):
            assert bundle.array(f"{found.layer}/foreground")[0] < 0.1  # it lights up outside of objects, too
            assert [watcher.channel for watcher in found.background] == [1]


def test_nothing_is_wrong_with_a_healthy_network(shapes: ImageSet, tmp_path: Path) -> None:
    with recorded(HEALTHY, shapes, tmp_path / "b") as bundle:
        for found in diagnose_all(bundle):
            assert not (found.dead or found.constant or found.nearly_dead or found.redundant or found.background)
            assert len(found.sentences()) == 1 and "none of its" in found.sentences()[0]


def test_a_channel_that_fires_on_one_image_of_many_is_nearly_dead(shapes: ImageSet, tmp_path: Path) -> None:
    images = np.concatenate([shapes.test_images] * 2)
    images[:] = np.minimum(images, 230)
    images[7, 0, 12, 12] = 255
    data = ImageSet(
        "shapes", "", SHAPES, images, np.tile(shapes.test_labels, 2), images, np.tile(shapes.test_labels, 2)
    )
    with recorded(Planted(((POINT, 0.0), (POINT, -0.95))), data, tmp_path / "b") as bundle:
        found = diagnose(bundle, "0")
        assert (found.nearly_dead, found.dead, found.redundant) == ((1,), (), ())
        assert bundle.array("0/top_images")[1, 0] == 7 and bundle.array("0/top_places")[1, 0].tolist() == [12, 12]


PLANTED_MEANINGS: dict[str, tuple[Filter, float]] = {
    "horizontal edges, bright below": (DOWN, 0.0),
    "horizontal edges, bright above": (-DOWN, 0.0),
    "vertical edges, bright right": (DOWN.T, 0.0),
    "vertical edges, bright left": (-DOWN.T, 0.0),
    "falling diagonal edges, bright below": (-RISING[:, ::-1], 0.0),
    "falling diagonal edges, bright above": (RISING[:, ::-1], 0.0),
    "rising diagonal edges, bright above": (RISING, 0.0),
    "rising diagonal edges, bright below": (-RISING, 0.0),
    "brightness": (POINT, 0.0),
    "darkness": (-POINT, 1.0),
    MIXED: (NOTHING, 0.0),
}


def test_planted_filters_bear_the_name_of_what_they_show(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    images = np.zeros((60, 1, SIDE, SIDE), np.uint8)
    y, x = np.mgrid[0:SIDE, 0:SIDE] - SIDE / 2 + 0.5
    for image in images:  # polygons of eight sides, so that edges of every orientation are there
        top, left = random.uniform(-3, 3, 2)
        sides = [np.cos(a) * (y - top) + np.sin(a) * (x - left) for a in np.arange(8) * np.pi / 4]
        inside = np.clip(7 - np.max(sides, axis=0), 0, 1)
        image[0] = (random.integers(20, 90) + random.integers(80, 160) * inside).astype(np.uint8)
    data = ImageSet("polygons", "", SHAPES, images, np.arange(60) % 2, images, np.arange(60) % 2)
    with recorded(Planted(tuple(PLANTED_MEANINGS.values())), data, tmp_path / "b") as bundle:
        assert [meaning.label for meaning in meanings(bundle, "0")] == list(PLANTED_MEANINGS)
