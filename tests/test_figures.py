"""Figures are written as pictures, or not at all."""

import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from films import with_layers
from matplotlib.figure import Figure
from PIL import Image

from fmcore import fonts
from fmcore.analysis.attribution import class_map
from fmcore.analysis.diagnostics import diagnose_all
from fmcore.bundle import Bundle, save_bundle
from fmcore.colour import ColourScale
from fmcore.errors import InputError
from fmcore.figures import _faults, save, which_layers, write_figures
from fmcore.header import BundleHeader, TrainingInfo
from fmcore.layer_figures import gradcam, inside, patches

NAMES = [
    "training_loss.png",
    "training_accuracy.png",
    "diagnostics.png",
    "hierarchy.png",
    "conv1_filters.png",
    "conv1_learning.png",
    *(
        f"{layer}_{what}.png"
        for layer in ("conv1", "conv2")
        for what in ("feature_maps", "patches", "gradcam", "correlation")
    ),
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
            assert np.count_nonzero(image.convert("L").histogram()) > 20, path


@pytest.mark.parametrize("known", [True, False])
def test_a_letter_that_our_font_lacks_comes_from_another_or_is_a_box_in_silence(
    known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = fonts.font_file().with_name("STIXGeneral.ttf")
    (letter, *_) = sorted(fonts.letters_of(other) - fonts.letters_of(fonts.font_file()))[12:]
    monkeypatch.setattr(fonts, "_files", lambda: (other,) if known else ())
    families: list[list[str]] = []

    def draw() -> Figure:
        figure = Figure()
        families.append(figure.text(0.5, 0.5, f"{letter} 1").get_fontfamily())
        return figure

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert save({"one.png": draw, "two.png": draw}, tmp_path) == [tmp_path / "one.png", tmp_path / "two.png"]
    assert families == [["sans-serif"], *[["sans-serif", "STIXGeneral"]] * 2] if known else [["sans-serif"]] * 2


def test_feature_maps_are_drawn_in_the_colours_of_their_values(figures: list[Path], rgb_bundle: Path) -> None:
    with Bundle.open(rgb_bundle) as bundle:
        activation = bundle.part("conv1/activation", 3)  # the last class, as long as it is right
    scale = ColourScale.of(activation, "per_layer")
    wanted = np.unique(scale.colours(activation).reshape(-1, 3), axis=0).astype(int)
    with Image.open(figures[NAMES.index("conv1_feature_maps.png")]) as image:
        drawn = np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0).astype(int)
    steps = np.abs(wanted[:, None] - drawn).sum(2).min(1)  # to the nearest colour that was drawn
    assert steps.max() <= 12  # a step or two of the table


@pytest.mark.parametrize("probe", [-1, 99])
def test_a_probe_that_is_not_there(probe: int, rgb_bundle: Path, tmp_path: Path) -> None:
    with Bundle.open(rgb_bundle) as bundle, pytest.raises(InputError, match=f"has probes 0 to . and no {probe}"):
        write_figures(bundle, tmp_path / "figures", probe)
    assert list(tmp_path.iterdir()) == []


def test_it_tells_how_far_it_is_and_stops_with_nothing_half_drawn(rgb_bundle: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    with Bundle.open(rgb_bundle) as bundle, pytest.raises(KeyboardInterrupt):
        write_figures(bundle, tmp_path, progress=progress)
    assert told == [(done, len(NAMES)) for done in range(3)]
    assert {path.name for path in tmp_path.iterdir()} == set(NAMES[:2])


def test_what_lies_beyond_the_image_is_striped(rgb_bundle: Path) -> None:
    with Bundle.open(rgb_bundle) as bundle:
        layer, image = bundle.layer("conv2"), bundle.header.model.input_shape[1:]  # 5 x 5 pixels a place
        assert inside(layer, (0, 10), image) == ((0.4, 1.0), (0.0, 1.0))
        assert inside(layer, (10, image[1] - 1), image) == ((0.0, 1.0), (0.0, 0.6))
        places, cut = bundle.array("conv2/top_places"), bundle.array("conv2/patches")
        stored = bundle.array("conv2/patch_channels")
        beyond = 0
        for r, channel in enumerate(stored):
            for k, place in enumerate(places[channel]):
                (top, bottom), (left, right) = inside(layer, (int(place[0]), int(place[1])), image)
                seen = np.zeros((5, 5), bool)
                seen[round(5 * top) : round(5 * bottom), round(5 * left) : round(5 * right)] = True
                assert not cut[r, k][:, ~seen].any()  # as it was cut
                beyond += not seen.all()
        title = patches(bundle, "conv2", 0).get_suptitle()
    assert beyond > 0 and "striped: beyond the border" in title


def test_faults_that_do_not_occur_have_no_panel(deep_bundle: Path) -> None:
    with Bundle.open(deep_bundle) as bundle:
        found = [replace(d, dead=(0,), nearly_dead=(), redundant=(), background=()) for d in diagnose_all(bundle)]
        figure = _faults(bundle, found)
    assert [axes.get_title() for axes in figure.axes] == ["dead"]
    assert figure.axes[0].get_xlim() == (0, 0.1)  # one of 16 channels at most
    assert "none is nearly dead or redundant" in figure.get_suptitle()


def test_names_of_layers_lead_into_no_other_folder_and_fit(rgb_bundle: Path, tmp_path: Path) -> None:
    names = {"conv1": "/../../up$x^", "conv2": "é" * 300}
    with Bundle.open(rgb_bundle) as bundle:
        arrays = {
            re.sub(r"^conv[12](?=/)", lambda m: names[m[0]], one): bundle.array(one) for one in bundle.header.arrays
        }
        save_bundle(tmp_path / "b", bundle.header.model_copy(update=with_layers(bundle.header, names)), arrays)
    with Bundle.open(tmp_path / "b") as bundle, warnings.catch_warnings():
        warnings.simplefilter("error")  # long ones leave room for what is drawn
        written = write_figures(bundle, tmp_path / "figures")
    assert sorted(written) == sorted((tmp_path / "figures").iterdir())
    assert {"_.._.._up_x__feature_maps.png", "é" * 84 + "_patches.png"} <= {path.name for path in written}


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


def test_a_class_that_is_not_there(rgb_bundle: Path, tmp_path: Path) -> None:
    with Bundle.open(rgb_bundle) as bundle, pytest.raises(InputError, match=r"There is no class 'blu'.*mean 'blue'"):
        write_figures(bundle, tmp_path / "figures", wanted="blu")
    assert list(tmp_path.iterdir()) == []


def test_the_places_that_support_a_class_lie_where_their_fields_do(deep_bundle: Path) -> None:
    with Bundle.open(deep_bundle) as bundle:
        figure = gradcam(bundle, "conv3", 8, "Bag")  # 7 x 7 places, four pixels apart, the first at pixels 0 to 4
        wanted = class_map(bundle, "conv3", 8, "Bag")
        channels, changes = bundle.part("conv3/ablated", 8).tolist(), bundle.part("conv3/ablation", 8).tolist()
    signed = figure.axes[2].images[0]
    assert signed.get_extent() == [0, 28, 28, 0]
    assert np.array_equal(signed.get_array(), wanted.signed)
    bars = figure.axes[3]
    names = [int(label.get_text().removeprefix("channel ")) - 1 for label in bars.get_yticklabels()]
    assert [bar.get_width() for bar in bars.patches] == pytest.approx([100 * changes[channels.index(c)] for c in names])


def test_figures_of_many_layers_are_spread_over_the_depth(tutorial_bundle: Path, tmp_path: Path) -> None:
    with Bundle.open(tutorial_bundle) as bundle:
        conv = bundle.layer("conv1")
        layers = tuple(conv.model_copy(update={"name": f"c{n}"}) for n in range(40))
        maps = {f"c{n}/activation": bundle.array("conv1/activation")[:1] for n in range(40)}
        model = bundle.header.model.model_copy(update={"reads": ("c39",)})
        header = bundle.header.model_copy(update={"model": model, "layers": layers, "probes": bundle.header.probes[:1]})
        save_bundle(
            tmp_path / "b", header.model_copy(update={"training": untrained(header), "activation_history": None}), maps
        )
    with Bundle.open(tmp_path / "b") as bundle:
        names = [path.name.partition("_")[0] for path in write_figures(bundle, tmp_path / "figures")]
        assert names == ["c0", "c8", "c16", "c23", "c31", "c39"]
        assert which_layers(bundle).endswith(f"of 6 of 40 layers, spread over the depth: {', '.join(names)}.")


def untrained(header: BundleHeader) -> TrainingInfo:
    return header.training.model_copy(update={"epochs": 0, "history": ()})
