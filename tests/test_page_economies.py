"""A page that must be small rounds and leaves out in a fixed order, and says so."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import Net, make_bundle
from hypothesis import given
from hypothesis import strategies as st
from pages import Array, changed, make, near, unpacked

from fmcore.analysis.border import inside
from fmcore.analysis.channels import representatives
from fmcore.analysis.evenly import evenly
from fmcore.bundle import Bundle
from fmcore.errors import FmcoreError, InputError
from fmcore.page import economies
from fmcore.page.content import Page
from fmcore.page.economies import LADDER, Economy, allowance, choose, rungs
from fmcore.page.shelf import Shelf
from fmcore.page.source import sources


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Layers of 80 and 24 channels, with filters of every epoch."""
    net = Net(widths=(80, 24), epochs=2, measured=True, size=(10, 14))
    return make_bundle(tmp_path_factory.mktemp("wide") / "wide.safetensors", net)


def filled(path: Path, economy: Economy) -> tuple[Any, str]:
    with Bundle.open(path) as bundle:
        content, text = Page(sources(bundle)).filled(economy, Shelf())
        return json.loads(json.dumps(content)), text


STATED = {
    "maps": "Values of images and feature maps are rounded to",
    "filters": "Filters are on the page of at most 8 channels a layer",
    "earlier_filters": "Weights of earlier epochs are left out",
    "halvings": "2 of 3 images are on the page",
    "most_channels": "channels are on the page of every layer with more",
    "preactivations": "Maps before the nonlinearity are left out",
}


@pytest.mark.parametrize(("field", "value"), [rung for rung in LADDER if rung[0] in STATED], ids=str)
def test_every_economy_says_so(wide: Path, field: str, value: Any) -> None:
    content, text = filled(wide, replace(Economy(), **{field: value}))
    stated = "1 of 3 images" if field == "halvings" and value > 1 else STATED[field]
    assert any(stated in sentence for sentence in content["limits"])
    exact, _ = filled(wide, Economy())
    assert not any(stated in sentence for sentence in exact["limits"])
    model = content["models"][0]
    for layer in model["layers"]:
        held = layer["channels"]
        assert held == sorted(held) and set(layer["weighted"]) | set(layer["representatives"]) <= set(held)
        assert len(layer["labels"]) == len(held) and {badge["channel"] for badge in layer["badges"]} <= set(held)
        assert len(layer["ranges"]["activation"]) == len(model["probes"])
        stage = "preactivation" if layer["preactivation"] else "activation"
        assert layer["preactivation"] or layer["activation"] == "stored"
        maps = unpacked(text, model["arrays"][f"{layer['name']}/{stage}/0"])
        assert len(maps) == len(held)
        assert len(unpacked(text, model["arrays"][f"{layer['name']}/weight"])) == len(layer["weighted"])
        reads = layer["input"].rpartition("/")[0]
        source = next((one for one in model["layers"] if one["name"] == reads), None)
        assert source is None or source["channels"] == list(range(source["shape"][0]))


def test_a_layer_that_reads_what_is_cut_says_that_its_arithmetic_is_gone(wide: Path) -> None:
    content, _ = filled(wide, Economy(most_channels=64))
    one, two = content["models"][0]["layers"]
    assert (one["input"], two["input"], len(one["channels"]), len(two["channels"])) == ("probes", "", 64, 24)
    assert any("How a single value comes about" in said and "conv2" in said for said in content["limits"])
    with Bundle.open(wide) as bundle:
        best = representatives(inside(bundle.part("conv1/activation", bundle.default_probe)), 8)
    assert one["representatives"] == best and set(best) <= set(one["channels"])


def test_what_is_cut_is_the_bundles_still(wide: Path) -> None:
    content, text = filled(wide, Economy(most_channels=16, halvings=1, maps="levels16"))
    model = content["models"][0]
    channels = model["layers"][0]["channels"]
    image = int(content["start"]["image"]) - 1
    with Bundle.open(wide) as bundle:
        near(
            unpacked(text, model["arrays"][f"conv1/preactivation/{image}"]),
            bundle.part("conv1/preactivation", bundle.default_probe)[channels],
        )
        weights = bundle.array("conv1/weight")[channels]
    assert np.array_equal(unpacked(text, model["arrays"]["conv1/weight"]), weights)


def test_maps_of_earlier_epochs_can_be_left_out(tutorial_bundle: Path) -> None:
    content, _ = filled(tutorial_bundle, Economy(earlier_maps=False))
    model = content["models"][0]
    assert model["historyEpochs"] == model["historyProbes"] == []
    assert not any("/history/" in name for name in model["arrays"])
    assert any("Feature maps of earlier epochs are left out" in sentence for sentence in content["limits"])


def test_every_rung_can_be_the_last() -> None:
    ladder = list(rungs())
    assert len(ladder) == len(LADDER) + 1
    for number, rung in enumerate(ladder):
        strictest = ladder[: number + 1]

        def size(economy: Economy, room: int, strictest: list[Economy] = strictest) -> int:
            """Every step taken so far is needed."""
            return 10 if economy == strictest[-1] else 1000

        assert choose(size, 100) == rung
    with pytest.raises(FmcoreError, match=r"needs about 0\.001 MB\. Give a larger --limit"):
        choose(lambda economy, room: 1000, 100)


def test_what_was_not_needed_is_taken_back() -> None:
    def size(economy: Economy, room: int) -> int:
        maps = {"float32": 4, "levels16": 2, "levels8": 1}[economy.maps]
        return 100 * maps + (5000 if economy.filters else 0)

    found = choose(size, 450)
    assert found == Economy(filters=False)
    assert choose(size, 250) == Economy(filters=False, maps="levels16")


def test_maps_are_exact_up_to_six_megabytes() -> None:
    assert allowance(Economy(), 12_000_000) == 6_000_000 and allowance(Economy(), 300) == 300
    assert allowance(Economy(maps="levels16"), 12_000_000) == 12_000_000


def test_a_page_keeps_its_limit(wide: Path, tmp_path: Path) -> None:
    sizes, said = [], []
    for limit in (2, 0.4, 0.2, 0.1, 0.06):
        page = make(tmp_path / "page.html", wide, limit_mb=limit)
        sizes.append((tmp_path / "page.html").stat().st_size)
        said.append(page.content["limits"])
        assert sizes[-1] <= limit * 1e6
    assert sizes == sorted(sizes, reverse=True) and len(set(map(tuple, said))) > 3
    with pytest.raises(FmcoreError, match=r"cannot be made as small as the 0\.01 MB") as failed:
        make(tmp_path / "page.html", wide, limit_mb=0.01)
    assert failed.value.exit_code == 1 and not isinstance(failed.value, InputError)


def test_maps_are_rounded_where_an_exact_page_would_be_too_large(
    wide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(economies, "EXACT_BYTES", 100_000)
    page = make(tmp_path / "page.html", wide)
    assert page.content["models"][0]["arrays"]["conv1/preactivation/0"]["coding"] == "levels16"
    assert any("65,536 steps" in sentence and "feature maps" in sentence for sentence in page.content["limits"])


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_the_default_image_stays(length: int, most: int, data: st.DataObject) -> None:
    always = data.draw(st.integers(0, length - 1))
    kept = evenly(length, most, always)
    assert always in kept and kept == sorted(set(kept)) and len(kept) == min(length, most) and kept[-1] < length
    if most > 2:
        assert (kept[0], kept[-1]) == (0, length - 1)


def test_pictures_are_scaled_with_their_box(tutorial_bundle: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    picture = random.integers(0, 256, (1, 600, 300), dtype=np.uint8)

    def add(held: dict[str, Array]) -> None:
        held["probes/0/original"] = picture

    with Bundle.open(tutorial_bundle) as bundle:
        told = {"original_size": (600, 300), "box": (150.0, 0.0, 450.0, 300.0), "file_size": (1200, 600)}
        probes = (bundle.header.probes[0].model_copy(update=told), *bundle.header.probes[1:])
    path = changed(tmp_path / "b.safetensors", tutorial_bundle, add, probes=probes)
    content, text = filled(path, Economy())
    model = content["models"][0]
    assert np.array_equal(unpacked(text, model["arrays"]["original/0"]), picture)
    assert model["probes"][0]["box"] == [150, 0, 450, 300] and model["probes"][1]["box"] is None
    content, text = filled(path, Economy(picture_pixels=256))
    smaller = unpacked(text, content["models"][0]["arrays"]["original/0"])
    assert smaller.shape == (1, 256, 128) and abs(smaller.mean() - picture.mean()) < 1
    assert content["models"][0]["probes"][0]["box"] == [64, 0, 192, 128]
    assert any("at most 256 pixels a side" in sentence for sentence in content["limits"])
