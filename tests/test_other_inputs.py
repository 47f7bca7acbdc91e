"""Networks that take images of other sizes are compared on the same images; other images are still refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from films import TINY, play
from PIL import Image
from test_scenes import scene_class
from torch import nn

from fmcore.analysis.compare import compare
from fmcore.analysis.counterparts import common_probes
from fmcore.bundle import Bundle
from fmcore.check.layout import layout_findings
from fmcore.check.teaching import teaching_findings
from fmcore.comparison_figures import which_matches
from fmcore.data import Wish, _scaled, load_data
from fmcore.data.imageset import ImageSet
from fmcore.data.pictures import open_pictures
from fmcore.errors import InputError
from fmcore.header import Preprocessing
from fmcore.model_input import AsInput, with_channels
from fmcore.recording import record
from fmcore.training import Trained, TrainSpec


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("other") / "photos"
    random = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (root / name).mkdir(parents=True)
        for number in range(12):
            soft = Image.fromarray(random.integers(0, 255, (5, 6, 3), np.uint8))
            soft.resize((60, 50), Image.Resampling.BICUBIC).save(root / name / f"{number}.png")
    return root


def bundle_of(photos: Path, side: int, path: Path, as_pictures: bool = False) -> Path:
    """A network that takes `side` pixels, untrained, on the images of `photos`."""
    torch.manual_seed(side)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2),
    ).eval()  # fmt: skip
    taken = Preprocessing(channels=3, size=(side, side), resize=side + 2, mean=(0.0,) * 3, std=(1.0,) * 3)
    spec = TrainSpec(model=f"net{side}.py:make", epochs=0)
    trained = Trained(spec, network, (), (), "cpu", AsInput(taken, channels_last=False), "from a factory")
    if as_pictures:
        record(trained, None, path, pictures=open_pictures(sorted(photos.glob("*/*.png")), taken))
    else:
        record(trained, load_data(f"folder:{photos}", preprocessing=taken), path)
    return path


@pytest.mark.parametrize("as_pictures", [False, True], ids=["a folder", "pictures"])
def test_two_sizes_of_input_are_compared_on_the_same_images(photos: Path, as_pictures: bool, tmp_path: Path) -> None:
    paths = [bundle_of(photos, side, tmp_path / f"{side}", as_pictures) for side in (24, 40)]
    with Bundle.open(paths[0]) as one, Bundle.open(paths[1]) as other:
        assert one.header.dataset.test_sha256 != other.header.dataset.test_sha256
        found, same = compare(one, other), common_probes(one, other)
        assert found.images == (24 if as_pictures else 4) and found.agreement is not None
        assert not as_pictures or found.cka[0, 0] > 0.2  # four images are too few for a likeness
        assert all(one.header.probes[p].source == other.header.probes[q].source for p, q in same)
        assert len(same) == 24 if as_pictures else same
        assert "in common" not in which_matches(one, other, found)
    board = play(scene_class("ModelComparison"), paths[0], spec=TINY, other=paths[1]).board
    with Bundle.open(paths[0]) as one, Bundle.open(paths[1]) as other:
        found_wrong: list[Any] = [*layout_findings(board, {}), *teaching_findings(board, one, other)]
    assert [finding.message for finding in found_wrong] == []


def test_another_image_makes_another_set(photos: Path, tmp_path: Path) -> None:
    one = bundle_of(photos, 24, tmp_path / "one")
    other_photos = tmp_path / "photos"
    for file in photos.glob("*/*.png"):
        copy = other_photos / file.relative_to(photos)
        copy.parent.mkdir(parents=True, exist_ok=True)
        Image.open(file).rotate(180).save(copy)
    other = bundle_of(other_photos, 40, tmp_path / "other")
    with Bundle.open(one) as mine, Bundle.open(other) as theirs:
        assert common_probes(mine, theirs) == ()
        with pytest.raises(InputError, match="nothing says that they are the same images"):
            compare(mine, theirs)


def test_a_set_has_one_source_however_it_is_scaled() -> None:
    images, labels = np.random.default_rng(0).integers(0, 255, (6, 1, 28, 28), np.uint8), np.arange(6) % 2
    plain = ImageSet("drawn", "Drawn.", ("a", "b"), images, labels, images, labels)
    scaled = _scaled(plain, Wish(Path(), "", 0, image_size=32, preprocessing=None, download=False, on_message=None))
    assert scaled.image_shape == (1, 32, 32) and scaled.source == plain.source
    assert with_channels(plain, 3).source == plain.source != replace(plain, test_images=images[::-1]).source
