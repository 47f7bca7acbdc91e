"""Figures are written as pictures, or not at all."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fmcore.bundle import Bundle
from fmcore.colour import ColourScale
from fmcore.errors import InputError
from fmcore.figures import write_figures

NAMES = [
    "training_loss.png",
    "training_accuracy.png",
    "conv1_filters.png",
    "conv1_feature_maps.png",
    "conv2_feature_maps.png",
]


@pytest.fixture(scope="module")
def figures(rgb_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    with Bundle.open(rgb_bundle) as bundle:
        return write_figures(bundle, tmp_path_factory.mktemp("figures") / "new" / "folder")


def test_every_figure_is_a_picture_of_a_size_to_look_at(figures: list[Path]) -> None:
    assert [path.name for path in figures] == NAMES
    assert sorted(path.name for path in figures[0].parent.iterdir()) == sorted(NAMES)
    for path in figures:
        with Image.open(path) as image:
            image.load()
            assert image.format == "PNG" and 400 <= image.width <= 3000 and 300 <= image.height <= 3000, path
            assert len(np.unique(np.asarray(image.convert("L")))) > 20, path


def test_feature_maps_are_drawn_in_the_colours_of_their_values(figures: list[Path], rgb_bundle: Path) -> None:
    with Bundle.open(rgb_bundle) as bundle:
        activation = bundle.part("conv1/activation", 3)  # the last class, as long as it is right
    scale = ColourScale.of(activation, "per_layer")
    wanted = {tuple(colour) for colour in scale.colours(activation).reshape(-1, 3).tolist()}
    with Image.open(figures[3]) as image:
        drawn = {tuple(colour) for colour in np.asarray(image.convert("RGB")).reshape(-1, 3).tolist()}
    assert len(wanted & drawn) > 0.9 * len(wanted)


@pytest.mark.parametrize("probe", [-1, 99])
def test_a_probe_that_is_not_there(probe: int, rgb_bundle: Path, tmp_path: Path) -> None:
    with Bundle.open(rgb_bundle) as bundle, pytest.raises(InputError, match=f"has probes 0 to . and no {probe}"):
        write_figures(bundle, tmp_path / "figures", probe)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(rgb_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        Bundle.open(rgb_bundle) as bundle,
        pytest.raises(InputError, match=r"cannot be written to .*name another"),
    ):
        write_figures(bundle, tmp_path / "file")


def test_nothing_half_written_is_left(rgb_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / NAMES[0]).mkdir()
    with Bundle.open(rgb_bundle) as bundle, pytest.raises(InputError, match="Figures cannot be written"):
        write_figures(bundle, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [NAMES[0]]
