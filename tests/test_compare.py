"""Comparing two networks: against slow loops, brute force, and answers counted by hand."""

import json
import re
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from films import Net, make_bundle
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fmcore.analysis.compare import MATCHED, Comparison, compare, linear_cka, match
from fmcore.analysis.correlation import correlations, regridded
from fmcore.bundle import Array, Bundle, save_bundle
from fmcore.cli import cli
from fmcore.errors import BundleError, InputError

# -- layers --------------------------------------------------------------------------------------


def slow_hsic(k: np.ndarray, m: np.ndarray) -> float:
    """Song et al. (2012), eq. 4: the sums over indices that are all different, term by term; n (n-1) (n-2) (n-3)."""
    n = len(k)
    pairs = triples = fours = 0.0
    for i, j in permutations(range(n), 2):
        pairs += k[i, j] * m[i, j]
    for i, j, q in permutations(range(n), 3):
        triples += k[i, j] * m[i, q]
    for i, j, q, r in permutations(range(n), 4):
        fours += k[i, j] * m[q, r]
    two = n * (n - 1)
    three = two * (n - 2)
    return pairs / two - 2 * triples / three + fours / (three * (n - 3))


def cka(x: Array, y: Array) -> float:
    return float(linear_cka([x], [y])[0, 0])


@given(n=st.integers(4, 7), widths=st.tuples(st.integers(1, 4), st.integers(1, 4)), seed=st.integers(0, 999))
def test_cka_is_that_of_the_slow_estimator(n: int, widths: tuple[int, int], seed: int) -> None:
    random = np.random.default_rng(seed)
    x = random.normal(3, 1, (n, widths[0]))
    y = random.normal(0, 1, (n, widths[1])) + random.integers(0, 2) * x[:, :1]
    k, m = x @ x.T, y @ y.T
    expected = slow_hsic(k, m) / np.sqrt(slow_hsic(k, k) * slow_hsic(m, m))
    assert cka(x, y) == pytest.approx(expected, abs=1e-7)


@given(seed=st.integers(0, 999), factor=st.floats(0.01, 100))
def test_rotation_scale_and_shift_change_nothing(seed: int, factor: float) -> None:
    random = np.random.default_rng(seed)
    x = random.normal(size=(12, 5))
    y = x[:, :3] + random.normal(size=(12, 3))
    rotation = np.linalg.qr(random.normal(size=(5, 5)))[0]
    assert cka(x, x @ rotation * factor + 7) == pytest.approx(1, abs=1e-9)
    assert cka(x @ rotation * factor, y) == pytest.approx(cka(x, y), abs=1e-9)


def test_independent_features_are_not_alike_however_many_there_are() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(200, 3000)), random.normal(size=(200, 40, 5, 5))
    assert abs(cka(x, y)) < 0.02  # the biased estimator says over 0.7
    assert cka(x, np.full((200, 4), 0.1)) == 0


@pytest.mark.parametrize("n", [8, 16, 33])
@pytest.mark.parametrize("factor", [1, 2, 3])
def test_images_that_are_all_equally_far_apart_are_told_from_nothing_but_rounding(n: int, factor: int) -> None:
    random = np.random.default_rng(0)
    for other in (factor * np.eye(n), np.eye(n) + 1e-9 * random.normal(size=(n, n)), random.normal(size=(n, 5))):
        assert cka(np.eye(n), other) == 0


def test_cka_of_too_few_images_is_refused() -> None:
    with pytest.raises(InputError, match="at least 4 images, and there are 3"):
        cka(np.eye(3), np.eye(3))


# -- channels ------------------------------------------------------------------------------------


def test_correlations_are_those_of_numpy_and_constant_channels_have_none() -> None:
    random = np.random.default_rng(2)
    x, y = random.normal(5, 1, (6, 3, 4, 4)), random.normal(size=(6, 2, 4, 4))
    y[:, 0] = 3 - x[:, 1]
    x[:, 2] = 0.1
    found = correlations(x.astype(np.float32), y.astype(np.float32))
    expected = np.corrcoef(x.swapaxes(0, 1).reshape(3, -1)[:2], y.swapaxes(0, 1).reshape(2, -1))[:2, 2:]
    assert found[:2] == pytest.approx(expected, abs=1e-6)
    assert found[1, 0] == pytest.approx(-1)
    assert found[2].tolist() == [0, 0]


@given(old=st.tuples(st.integers(1, 9), st.integers(1, 9)), new=st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_a_coarser_grid_holds_the_means_of_areas(old: tuple[int, int], new: tuple[int, int]) -> None:
    new = min(old[0], new[0]), min(old[1], new[1])
    maps = np.random.default_rng(0).normal(size=(2, 3, *old))
    fine = maps.repeat(new[0], axis=2).repeat(new[1], axis=3)  # now every new cell is old[0] x old[1] of these
    expected = fine.reshape(2, 3, new[0], old[0], new[1], old[1]).mean((3, 5))
    assert regridded(maps, new) == pytest.approx(expected)


def test_grids_of_different_size_are_compared_on_the_smaller() -> None:
    fine = np.random.default_rng(1).normal(size=(5, 2, 6, 6))
    coarse = fine.reshape(5, 2, 3, 2, 3, 2).mean((3, 5))
    assert np.diag(correlations(fine, coarse)) == pytest.approx([1, 1])
    assert np.diag(correlations(coarse, fine)) == pytest.approx([1, 1])
    constant = np.full((5, 1, 7, 7), 0.1)  # the means of its areas differ by rounding
    assert correlations(constant, coarse).tolist() == [[0, 0]]


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.floats(-1, 1)))
def test_the_matching_is_the_best_of_all(correlation: np.ndarray) -> None:
    table = correlation if correlation.shape[0] <= correlation.shape[1] else correlation.T
    ways = [list(enumerate(order)) for order in permutations(range(table.shape[1]), table.shape[0])]
    best = max(sum(table[i, j] for i, j in way) for way in ways)
    kept = [
        sum(table[i, j] for i, j in way if table[i, j] >= MATCHED)
        for way in ways
        if sum(table[i, j] for i, j in way) >= best - 1e-9
    ]
    found = match(correlation)
    assert any(sum(pair.correlation for pair in found.pairs) == pytest.approx(total) for total in kept)
    values = [pair.correlation for pair in found.pairs]
    assert values == sorted(values, reverse=True) and all(value >= MATCHED for value in values)
    assert all(correlation[pair.one, pair.other] == pair.correlation for pair in found.pairs)
    assert sorted([*(pair.one for pair in found.pairs), *found.unmatched_one]) == list(range(len(correlation)))
    assert sorted([*(p.other for p in found.pairs), *found.unmatched_other]) == list(range(correlation.shape[1]))


# -- networks ------------------------------------------------------------------------------------

SAME = "a" * 64
GONE = None


def written(
    path: Path, arrays: dict[str, Any], sha: str = SAME, name: str = "garments", net: Net | None = None
) -> Path:
    """A made-up bundle measured on the test images `sha`, with `arrays` added; an array that is GONE is left out."""
    make_bundle(path, net or Net())
    with Bundle.open(path) as bundle:
        data = bundle.header.dataset.model_copy(update={"test_sha256": sha, "name": name})
        header = bundle.header.model_copy(update={"dataset": data})
        kept = {name: bundle.array(name) for name in bundle.header.arrays}
    save_bundle(path, header, {name: array for name, array in (kept | arrays).items() if array is not GONE})
    return path


RANDOM = np.random.default_rng(4)
FIRST = RANDOM.random((9, 4, 4, 4), np.float32)
SECOND = RANDOM.random((9, 6, 2, 2), np.float32)
ONE = {
    "conv1/sample": FIRST,
    "conv2/sample": SECOND,
    "test_predicted": np.array([0, 1, 2, 0, 1, 2]),
    "test_probability": np.array([0.5, 0.9, 0.6, 0.4, 0.8, 0.7], np.float32),
    "test_label": np.array([0, 1, 2, 0, 0, 0]),
}
TURNED = FIRST[:7, [2, 0, 3, 1]].reshape(7, 4, 2, 2, 2, 2).mean((3, 5))  # channels in another order, coarser, fewer
OTHER = {
    "conv1/sample": np.concatenate([TURNED[:, :3], RANDOM.random((7, 1, 2, 2))], axis=1).astype(np.float32),
    "pool2/sample": SECOND[:7],
    "test_predicted": np.array([0, 1, 1, 0, 0, 0]),
    "test_probability": np.array([0.5, 0.9, 0.6, 0.4, 0.3, 0.8], np.float32),
    "test_label": ONE["test_label"],
}


def compared(one: Path, other: Path) -> Comparison:
    with Bundle.open(one) as first, Bundle.open(other) as second:
        return compare(first, second)


def test_two_networks_are_compared(tmp_path: Path) -> None:
    one = written(tmp_path / "one.safetensors", ONE)
    other = written(tmp_path / "other.safetensors", OTHER, net=Net(pooled=True))
    found = compared(one, other)
    assert found.images == 7
    assert found.layers == (("conv1", "conv2"), ("conv1", "pool2"))
    for (i, a), (j, b) in product(enumerate((FIRST[:7], SECOND[:7])), enumerate((OTHER["conv1/sample"], SECOND[:7]))):
        assert found.cka[i, j] == pytest.approx(cka(a, b), abs=1e-9)
    named, likest = found.counterparts
    assert (named.layer, named.other, named.by_name) == ("conv1", "conv1", True)
    assert sorted((pair.one, pair.other) for pair in named.matching.pairs) == [(0, 1), (2, 0), (3, 2)]
    assert (named.matching.unmatched_one, named.matching.unmatched_other) == ((1,), (3,))
    assert (likest.layer, likest.other, likest.by_name) == ("conv2", "pool2", False)
    assert likest.cka == found.cka[1, 1] == pytest.approx(1)
    assert [(pair.one, pair.other) for pair in sorted(likest.matching.pairs, key=lambda p: p.one)] == [
        (c, c) for c in range(6)
    ]


def test_where_the_answers_differ(tmp_path: Path) -> None:
    one, other = written(tmp_path / "one.safetensors", ONE), written(tmp_path / "other.safetensors", OTHER)
    found = compared(one, other).agreement
    assert found is not None
    assert (found.images, found.share, found.accuracy) == (6, 0.5, (4 / 6, 5 / 6))
    assert [(d.row, d.one, d.other, d.truth) for d in found.disagreements] == [
        (5, "bag", "shirt", "shirt"),
        (2, "bag", "trouser", "bag"),
        (4, "trouser", "shirt", "shirt"),
    ]
    assert [d.confidence for d in found.disagreements] == pytest.approx([1.5, 1.2, 1.1])


def test_without_labels_there_is_agreement_but_no_accuracy(tmp_path: Path) -> None:
    one = written(tmp_path / "one.safetensors", ONE | {"test_label": GONE})
    other = written(tmp_path / "other.safetensors", OTHER | {"test_label": GONE})
    found = compared(one, other).agreement
    assert found is not None and found.accuracy == (None, None) and found.disagreements[0].truth is None


SILENT: dict[str, tuple[dict[str, Any], Net, str]] = {
    "other classes": (
        {},
        Net(classes=("coat", "trouser", "bag")),
        "'one.*' and 'other.*' tell different classes apart",
    ),
    "no answers": ({"test_predicted": GONE}, Net(), "'other.*' does not hold its answers"),
    "fewer answers": (
        {"test_predicted": np.zeros(2, int), "test_probability": np.ones(2), "test_label": np.zeros(2, int)},
        Net(),
        "6 test images and the other to 2",
    ),
}


@pytest.mark.parametrize("case", SILENT)
def test_why_nothing_is_said_of_agreement(tmp_path: Path, case: str) -> None:
    arrays, net, sentence = SILENT[case]
    one = written(tmp_path / "one.safetensors", ONE)
    other = written(tmp_path / "other.safetensors", OTHER | arrays, net=net)
    found = compared(one, other)
    assert found.agreement is None
    assert re.search(sentence, found.why_not)


@pytest.mark.parametrize("sha", ["", "b" * 64])
def test_networks_measured_on_other_images_are_not_compared(tmp_path: Path, sha: str) -> None:
    one = written(tmp_path / "one.safetensors", ONE, "" if not sha else SAME)
    other = written(tmp_path / "other.safetensors", OTHER, sha, "photos")
    with pytest.raises(InputError, match=r"'garments' and 'other.*' on those of 'photos', .*; record both"):
        compared(one, other)


def test_a_bundle_without_samples_is_named(tmp_path: Path) -> None:
    one, other = written(tmp_path / "one.safetensors", ONE), written(tmp_path / "bare.safetensors", {})
    with pytest.raises(BundleError, match=r"'bare.*' has no samples of its layers"):
        compared(one, other)


def test_json_tells_the_comparison(tmp_path: Path) -> None:
    one = written(tmp_path / "one.safetensors", ONE)
    other = written(tmp_path / "other.safetensors", OTHER, net=Net(pooled=True))
    told, found = (
        json.loads(CliRunner().invoke(cli, ["compare", str(one), str(other), "--json"]).output),
        compared(one, other),
    )
    assert np.allclose(told["cka"], found.cka, atol=1e-12) and told["images"] == found.images
    pairs = [(p["one"], p["other"]) for p in told["counterparts"][0]["matching"]["pairs"]]
    assert pairs == [(p.one, p.other) for p in found.counterparts[0].matching.pairs]
    assert found.agreement is not None and told["agreement"]["share"] == found.agreement.share
