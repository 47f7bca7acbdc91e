"""Bundles and figures at their edges: shares next to all and nothing, odd names, empty axes, impossible geometry."""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from films import Net, make_bundle, play
from pages import changed, edited, renamed
from test_any_network import recorded
from torch import Tensor, nn

from fmcore.analysis.compare import Agreement
from fmcore.analysis.diagnostics import diagnose
from fmcore.analysis.foreground import lit_with_objects
from fmcore.analysis.learning import spread
from fmcore.analysis.measures import digest_of, sample_size
from fmcore.analysis.saying import percent
from fmcore.analysis.specimens import specimens
from fmcore.bundle import Array, Bundle
from fmcore.cli import cli
from fmcore.comparison import _answers as compared_answers
from fmcore.data.imageset import ImageSet
from fmcore.errors import BundleError
from fmcore.header import drawable
from fmcore.inspection import _accuracy as inspected_accuracy
from fmcore.page.about import about
from fmcore.page.pairing import _answers as paired_answers
from scenes.feature_map_progression import FeatureMapProgression


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "made.safetensors", Net(measured=True, pooled=True, epochs=1, tests=40))


@pytest.mark.parametrize(
    ("share", "decimals", "text"),
    [(0.005, 0, "under 1%"), (0.995, 0, "over 99%"), (0.9996, 1, "over 99.9%"), (0.0004, 1, "under 0.1%"),
     (0.99999, 2, "over 99.99%"), (1.0, 1, "100.0%"), (0.0, 2, "0.00%"), (0.9994, 1, "99.9%"), (0.5, 2, "50.00%")],
)  # fmt: skip
def test_a_share_is_told_with_decimals_and_never_said_to_be_all_or_nothing_when_it_is_not(
    share: float, decimals: int, text: str
) -> None:
    assert percent(share, decimals) == text


def test_no_report_says_all_of_what_is_not_all(made: Path, tmp_path: Path) -> None:
    with Bundle.open(made) as bundle:
        training, data = bundle.header.training, bundle.header.dataset
    last = training.history[-1].model_copy(update={"test_accuracy": 0.99996})
    path = edited(
        made,
        tmp_path / "edited.safetensors",
        training=training.model_copy(update={"history": (training.history[0], last)}),
        dataset=data.model_copy(update={"test_count": 50_000}),
    )
    found = Agreement(images=50_000, share=0.99998, accuracy=(0.99996, 0.00002), disagreements=())
    with Bundle.open(path) as bundle:
        assert "It is right on over 99.9% of 50,000 test images." in about(bundle)
        assert inspected_accuracy(bundle) == "over 99.99%"
        (said,) = compared_answers(bundle, bundle, found, True)
    assert said == ("A and B answer alike on over 99.9% of 50,000 images; A is right on over 99.99%, B on under 0.01%.")
    one, other = SimpleNamespace(name="one"), SimpleNamespace(name="other")
    assert paired_answers(one, other, found) == (  # type: ignore[arg-type]
        "one and other answer alike on over 99.9% of 50,000 test images; one is right on over 99.9% of them, other on"
        " under 0.1%."
    )


def test_arrays_of_a_module_called_header_are_its_own(made: Path, tmp_path: Path) -> None:
    path = renamed(made, tmp_path / "named.safetensors", {"conv1": "header"})
    with Bundle.open(path) as bundle:
        assert digest_of(bundle, "header/activation") == bundle.info("header/activation").sha256
        assert digest_of(bundle, "header/measures") == bundle.digest
        assert bundle.header.measures is not None
        size = sample_size("share off the object", bundle, "header/foreground")
        assert size == bundle.header.measures.foreground_images != bundle.header.dataset.test_count


def test_filters_that_start_alike_are_counted_over_no_images(made: Path) -> None:
    with Bundle.open(made) as one, Bundle.open(made) as other:
        assert sample_size("filters that start alike", one, "conv1/sample", other) == 1


def emptied(*parts: str) -> Callable[[dict[str, Array]], None]:
    """Without anything along the last axis that these arrays have in common: classes, channels tried, favourites."""

    def change(held: dict[str, Array]) -> None:
        for name in held:
            if (part := name.rpartition("/")[2]) in parts:
                held[name] = held[name][:0] if part.startswith("test_") else held[name][:, :0]

    return change


@pytest.mark.parametrize(
    "parts",
    [
        ("ablated", "ablation", "ablation_predicted"),
        ("gradcam_classes", "gradcam", "gradcam_weight"),
        ("top_images", "top_values", "top_places", "patches"),
        ("test_label", "test_predicted", "test_probability"),
    ],
)
def test_an_array_without_anything_in_it_is_no_part_of_a_bundle(
    parts: tuple[str, ...], made: Path, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match=r"array '\S+' is empty, with shape \(.*0.*\); write it again"):
        changed(tmp_path / "empty.safetensors", made, emptied(*parts))


def without_probes(held: dict[str, Array]) -> None:
    parts = {"probes", "logits", "gradcam_classes", "activation", "preactivation", "gradcam", "gradcam_weight"}
    parts |= {"ablated", "ablation", "ablation_predicted"}
    for name in held:
        if name.rpartition("/")[2] in parts:
            held[name] = held[name][:0]


def test_a_bundle_holds_a_probe(made: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not valid at 'probes'"):
        changed(tmp_path / "none.safetensors", made, without_probes, probes=())


IMPOSSIBLE: dict[str, tuple[dict[str, Any], str]] = {
    "no step": ({"field": {"jump": (0.0, 0.0)}}, "at 'layers.0.field.jump.0'"),
    "a step back": ({"field": {"jump": (1.0, -1.0)}}, "at 'layers.0.field.jump.1'"),
    "far away": ({"field": {"start": (1e300, 0.5)}}, "at 'layers.0.field.start.0'"),
    "a stride": ({"stride": (2**40, 2**40)}, r"\(the stride of layer 'conv1' is 1099511627776, far more than any map"),
    "a border": ({"padding": (2**20, 0)}, "the padding of layer 'conv1' is 1048576"),
    "gaps": ({"dilation": (1, 2**30)}, "the dilation of layer 'conv1' is 1073741824"),
    "a window": ({"kernel": (2**30, 3)}, "the kernel of layer 'conv1' is 1073741824"),
}


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_geometry_that_no_layer_has_is_told_when_the_bundle_is_opened(kind: str, made: Path, tmp_path: Path) -> None:
    fields, sentence = IMPOSSIBLE[kind]
    with Bundle.open(made) as bundle:
        first, *rest = bundle.header.layers
    if "field" in fields:
        fields = {"field": first.field.model_copy(update=fields["field"])}
    with pytest.raises(BundleError, match=sentence):
        edited(made, tmp_path / "odd.safetensors", layers=(first.model_copy(update=fields), *rest))


def test_a_long_step_over_a_small_image_is_one_that_a_layer_may_have(made: Path, tmp_path: Path) -> None:
    with Bundle.open(made) as bundle:
        first, *rest = bundle.header.layers
    last = rest[-1].model_copy(update={"dilation": (36, 36), "padding": (36, 36), "stride": (224, 224)})
    edited(made, tmp_path / "odd.safetensors", layers=(first, *rest[:-1], last))


def test_favourites_are_images_whose_answers_are_known(made: Path, tmp_path: Path) -> None:
    """Fewer answers than images were measured: a row beyond them would be looked up in vain."""

    def change(held: dict[str, Array]) -> None:
        for name in ("test_label", "test_predicted", "test_probability"):
            held[name] = held[name][:2]

    with pytest.raises(BundleError, match="indices of images that are not there"):
        changed(tmp_path / "fewer.safetensors", made, change)


ODD_NAMES = {"a\0b": "a�b", "a\x1b[31mb": "a�[31mb", "a\tb\n": "a b ", "\0": "�", "\x9b": "�", "Ä “b”": "Ä “b”"}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_are_drawn_without_the_characters_that_no_film_can_draw(name: str, tmp_path: Path) -> None:
    classes = (name, f"{name}2", "bag")
    path = make_bundle(tmp_path / "named.safetensors", Net(classes=classes, size=(8, 8)))
    with Bundle.open(path) as bundle:
        assert bundle.header.classes == (ODD_NAMES[name], drawable(f"{name}2"), "bag")
        assert all(one.isprintable() for one in bundle.header.classes)
        assert Bundle.open(edited(path, tmp_path / "again.safetensors")).digest == bundle.digest
    assert play(FeatureMapProgression, path).frames > 0


class Dark(nn.Module):
    """One channel that fires where an image is darker than 0.45, and one that fires anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 2, 1), nn.Linear(2, 3)
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor([-1.0, 1.0]).reshape(2, 1, 1, 1))
            self.conv.bias.copy_(torch.tensor([0.45, 0.1]))  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.head(self.conv(x).relu().mean((2, 3)))
        return answer


def test_a_channel_that_was_never_lit_with_an_object_watches_no_background(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 1, 28, 28), dtype=np.uint8)  # noise, without an object
    images[::20] = 150
    images[::20, :, 9:19, 9:19] = 250  # three bright ones on bright ground
    labels = np.arange(60) % 3
    data = ImageSet("noise", "Drawn for tests.", ("a", "b", "c"), images[:3], labels[:3], images, labels)
    bundle, _ = recorded(Dark(), data, tmp_path / "dark.safetensors")
    with bundle:
        assert bundle.header.measures is not None and bundle.header.measures.foreground_images == 3
        assert bundle.array("conv/fired")[0] == pytest.approx(57 / 60)
        assert bundle.array("conv/foreground")[0] == 0
        assert bundle.array("conv/foreground_fired").tolist() == [0, 1]
        assert lit_with_objects(bundle, "conv").tolist() == [False, True]
        found = diagnose(bundle, "conv")
        assert found.background == () and found.foreground_images == 3
        assert specimens(bundle, found, 0).outside == 1
    shown = CliRunner().invoke(cli, ["inspect", str(bundle.path), "--layer", "conv"]).output
    assert re.search(r"^ *1 .* – ", shown, re.MULTILINE) and "background, lit mostly" not in shown


def test_in_bundles_of_earlier_versions_a_channel_is_lit_with_objects_that_is_lit(made: Path) -> None:
    with Bundle.open(made) as bundle:
        assert (lit_with_objects(bundle, "conv1") == (bundle.array("conv1/fired") > 0)).all()


@pytest.mark.parametrize("followed", [0, 1, 7, 18, 19])
def test_filters_that_moved_most_and_least_are_shown_beside_the_one_that_is_followed(followed: int) -> None:
    distance = np.random.default_rng(1).permutation(20).astype(float)
    shown = spread(distance, 8, followed)
    assert len(shown) == 8 and shown == sorted(shown)
    assert {followed, int(distance.argmax()), int(distance.argmin())} <= set(shown)
