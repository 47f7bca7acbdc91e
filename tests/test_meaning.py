"""A channel bears the name of the classical map it goes with most, or none."""

from pathlib import Path

import numpy as np
import pytest
from films import Net, make_bundle
from hypothesis import given
from hypothesis import strategies as st

from fmcore.analysis.classical import NAMES, classical_maps
from fmcore.analysis.meaning import MIXED, THRESHOLD, Meaning, meaning_of, meanings
from fmcore.bundle import Bundle, save_bundle
from fmcore.errors import BundleError
from fmcore.header import MeasuresInfo

NEVER = {"label": MIXED, "score": 0.0, "best": ""}
PLANTED: dict[str, tuple[dict[str, float], Meaning]] = {
    "one stands out": ({"corners": 0.9}, Meaning("corners", 0.9, "corners")),
    "the better of two": ({"blobs": 0.75, "local contrast": 0.7}, Meaning("blobs", 0.75, "blobs")),
    "just enough": ({"blobs": 0.6}, Meaning("blobs", 0.6, "blobs")),
    "not quite enough": ({"blobs": 0.59}, Meaning(MIXED, 0.59, "blobs")),
    "opposite": ({"brightness": -0.95}, Meaning(**NEVER)),
    "opposite to one, a little like another": ({"brightness": -0.9, "darkness": 0.3}, Meaning(MIXED, 0.3, "darkness")),
    "nothing at all": ({}, Meaning(**NEVER)),
}  # fmt: skip


def scores_of(planted: dict[str, float]) -> np.ndarray:
    return np.array([planted.get(name, 0.0) for name in NAMES], np.float32)


@pytest.mark.parametrize("case", PLANTED)
def test_the_name_of_a_channel(case: str) -> None:
    planted, expected = PLANTED[case]
    found = meaning_of(scores_of(planted))
    assert (found.label, found.best) == (expected.label, expected.best)
    assert found.score == pytest.approx(expected.score, abs=1e-6)


@given(scores=st.lists(st.floats(-1, 1), min_size=len(NAMES), max_size=len(NAMES)))
def test_a_name_is_given_at_the_threshold_and_never_below(scores: list[float]) -> None:
    found = meaning_of(np.array(scores))
    assert found.score == max(0.0, *scores)
    assert (found.label != MIXED) == (found.score >= THRESHOLD)
    assert found.label in (MIXED, found.best)


def measured(path: Path, planted: list[dict[str, float]], names: tuple[str, ...] = NAMES) -> Bundle:
    """A bundle whose conv1 has channels of these correlations."""
    with Bundle.open(make_bundle(path, Net(widths=(len(planted), 2)))) as made:
        header, arrays = made.header, {name: made.array(name) for name in made.header.arrays}
    measures = MeasuresInfo(
        images=500, labelled=True, foreground="", foreground_images=0, meaning=names, meaning_images=500
    )
    arrays["conv1/meaning"] = np.array([[one.get(name, 0.0) for name in names] for one in planted], np.float32)
    save_bundle(path, header.model_copy(update={"measures": measures}), arrays)
    return Bundle.open(path)


def test_a_bundle_says_what_its_channels_show(tmp_path: Path) -> None:
    with measured(tmp_path / "b", [{"corners": 0.8}, {}, {"silhouette": 0.5}]) as bundle:
        assert [one.label for one in meanings(bundle, "conv1")] == ["corners", MIXED, MIXED]


def test_names_are_those_the_bundle_was_measured_with(tmp_path: Path) -> None:
    with measured(tmp_path / "b", [{"stars": 0.8}, {"rain": 0.7}], names=("rain", "stars")) as bundle:
        assert [one.label for one in meanings(bundle, "conv1")] == ["stars", "rain"]


def test_what_was_not_measured_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with Bundle.open(make_bundle(tmp_path / "bare", Net())) as bundle:
        with pytest.raises(BundleError, match=r"'bare' does not say what the channels of conv1 show; .*fmcore record"):
            meanings(bundle, "conv1")
        with pytest.raises(BundleError, match="no layer 'conv9'"):
            meanings(bundle, "conv9")
    with measured(tmp_path / "half", [{}]) as bundle, pytest.raises(BundleError, match="channels of conv2 show"):
        meanings(bundle, "conv2")


def test_no_edge_would_be_called_by_the_name_of_another_map() -> None:
    images = np.kron(np.random.default_rng(0).random((40, 1, 7, 7)), np.ones((1, 1, 4, 4))).astype(np.float32)
    maps = classical_maps(images).transpose(1, 0, 2, 3).reshape(len(NAMES), -1)
    correlation = np.corrcoef(maps[: NAMES.index("silhouette")])  # nothing stands on a ground here
    np.fill_diagonal(correlation, 0)
    assert correlation[:4].max() < THRESHOLD
