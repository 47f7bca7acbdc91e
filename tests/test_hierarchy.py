"""Edges to objects, as figures: every figure against one that is worked out another way."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import Net, make_bundle
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from fmcore.analysis.hierarchy import Stage, hierarchy, selectivity_of, trend, typical_of_classes
from fmcore.bundle import Bundle, save_bundle
from fmcore.header import LayerInfo, MeasuresInfo, ReceptiveField

MEASURES = MeasuresInfo(
    images=6, labelled=True, foreground="none", foreground_images=0, meaning_images=6,
    meaning=("vertical edges", "brightness", "blobs", "horizontal edges", "darkness"),
)  # fmt: skip
MEANING = np.array(
    [[0.5, -0.9, 1, 0.1, 0.2], [0.1, 0.2, 1, 0.3, -0.4], [-0.2, 0.5, 1, -0.6, 0], [1, 1, 1, 1, 1]], np.float32
)
MEASURED: dict[str, Any] = {
    "conv1/class_mean": np.array([[4, 0, 0, 0], [1, 1, 1, 9], [3, 2, 1, 9], [5, 5, 5, 5]], np.float32),
    "conv1/sparseness": np.array([0.2, 0.4, 0.9, 1], np.float32),
    "conv1/meaning": MEANING,
    "conv1/active": np.array([0.1, 0.5, 1, 0], np.float32),  # the last is dead
    "test_label": np.array([0, 1, 2, 0, 1, 2]),  # no image of class 3
}

STATISTICS = ("std", "class_mean", "sparseness", "meaning")  # of which those of the test alone are taken


def stages(path: Path, arrays: dict[str, Any], **header: Any) -> list[Stage]:
    make_bundle(path, Net(classes=("shirt", "trouser", "bag", "coat"), pooled=True))
    with Bundle.open(path) as bundle:
        names = [name for name in bundle.header.arrays if name.rpartition("/")[2] not in STATISTICS]
        kept = {name: bundle.array(name) for name in names} | {"logits": np.eye(3, 4, dtype=np.float32)}
        new = bundle.header.model_copy(update=header)
    save_bundle(path, new, kept | arrays)
    with Bundle.open(path) as bundle:
        return hierarchy(bundle)


def test_the_figures_of_a_measured_layer(tmp_path: Path) -> None:
    first, second = stages(tmp_path / "net.safetensors", MEASURED, measures=MEASURES)
    assert (first.layer, first.type, first.channels, first.live) == ("conv1", "convolution", 4, 3)
    assert first.field == (3, 3) and first.share == pytest.approx(9 / 144)
    assert first.selectivity == pytest.approx((1 + 0 + (3 - 1.5) / (3 + 1.5)) / 3) and first.chance is None
    assert first.sparseness == pytest.approx((0.2 + 0.4 + 0.9) / 3)
    assert first.likeness == pytest.approx((0.9 + 0.4 + 0.5) / 3)
    assert first.edges == pytest.approx((0.5 + 0.3 - 0.2) / 3)
    assert second.field == (8, 8)
    assert (second.selectivity, second.sparseness, second.likeness, second.edges) == (None, None, None, None)


def test_what_channels_would_prefer_by_chance(tmp_path: Path) -> None:
    by_lot = MEASURED | {
        "conv1/class_mean_shuffled": np.array([[2, 1, 0, 0], [1] * 4, [0, 0, 4, 0], [9] * 4], np.float32)
    }
    first = stages(tmp_path / "net.safetensors", by_lot, measures=MEASURES)[0]
    assert first.chance == pytest.approx(((2 - 0.5) / (2 + 0.5) + 0 + 1) / 3)


def test_a_layer_of_dead_channels_has_no_means(tmp_path: Path) -> None:
    dead = MEASURED | {"conv1/active": np.zeros(4, np.float32)}
    first = stages(tmp_path / "net.safetensors", dead, measures=MEASURES)[0]
    assert first.live == 0
    assert (first.selectivity, first.sparseness, first.likeness, first.edges) == (None, None, None, None)


def test_fields_beyond_the_image_and_over_all_of_it(tmp_path: Path) -> None:
    def block(name: str, **field: Any) -> LayerInfo:
        return LayerInfo(name=name, type="block", output_shape=(1, 1, 1), field=ReceptiveField(**field))

    layers = (
        block("wide", size=(3, 40)), block("large", size=(13, 12)), block("all", size=(3, 3), whole=True),
        block("lost", whole=True, exact=False), block("bare"),
        block("gated", size=(6, 6), whole=True, local=True),
        LayerInfo(name="pool", type="pooling", output_shape=(1, 1, 1)),
    )  # fmt: skip
    active = {f"{name}/active": np.ones(1, np.float32) for name in ("wide", "large", "all", "lost", "pool", "gated")}
    found = stages(tmp_path / "net.safetensors", active, layers=layers)
    shares = {"wide": 0.25, "large": 1, "all": 1, "lost": None, "gated": 0.25}  # of 12 x 12 pixels
    assert {stage.layer: stage.share for stage in found} == shares
    assert [stage.layer for stage in found if stage.field is None] == ["lost"]


def test_selectivity_stays_within_its_bounds() -> None:
    means = np.array([[0, 0, 0], [2, 2, 2], [0, 3, 0], [-1, 4, -5], [-1, -2, -3], [1, 3, 2]])
    assert selectivity_of(means) == pytest.approx([0, 0, 1, 1, 0, (3 - 1.5) / (3 + 1.5)])


@given(st.lists(st.integers(-3, 3).map(float), min_size=3, max_size=9))
def test_the_trend_is_the_rank_correlation_of_scipy(values: list[float]) -> None:
    found = trend(values)
    expected = 0 if len(set(values)) == 1 else spearmanr(range(len(values)), values).statistic
    assert found == pytest.approx(expected, abs=1e-12)
    assert trend([None, *values, None]) == found


def test_two_layers_are_no_trend() -> None:
    assert trend([1, 2]) is None and trend([1, None, 2]) is None
    assert trend([3, 11, 40]) == pytest.approx(1) and trend([3, None, 2, 1]) == pytest.approx(-1)


def test_a_typical_channel_is_as_selective_as_the_layer_is_on_average(tmp_path: Path) -> None:
    """Of the three live channels, whose index is 1, 0 and 1 / 3, it is the last: their mean is 4 / 9."""
    stages(tmp_path / "b", MEASURED)
    with Bundle.open(tmp_path / "b") as bundle:
        found = typical_of_classes(bundle, "conv1")
        assert found is not None and found[0] == 2
        assert found[1].tolist() == [3, 2, 1]  # of class 3 there is no image
        assert typical_of_classes(bundle, "conv2") is None  # it was not measured
