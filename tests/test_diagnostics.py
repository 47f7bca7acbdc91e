"""Faults planted in the statistics of channels are found, near misses are not, and sentences say what was found."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import Net, make_bundle

from fmcore.analysis.diagnostics import Background, Diagnosis, Group, diagnose, diagnose_all
from fmcore.bundle import Bundle, save_bundle
from fmcore.errors import BundleError
from fmcore.header import MeasuresInfo

C = 8


def healthy(channels: int = C) -> dict[str, Any]:
    """Statistics of channels that have no fault."""
    return {
        "mean": np.full(channels, 0.3),
        "std": np.full(channels, 0.4),
        "maximum": np.full(channels, 3.0),
        "fired": np.full(channels, 0.8),
        "correlation": np.eye(channels),
        "foreground": np.full(channels, 0.6),
        "foreground_area": np.array([0.4]),
    }


def with_values(part: str, values: dict[int, float]) -> dict[str, Any]:
    """Healthy statistics, but for some channels of one part."""
    arrays = healthy()
    for channel, value in values.items():
        arrays[part][channel] = value
    return arrays


def correlated(pairs: dict[tuple[int, int], float]) -> dict[str, Any]:
    arrays = healthy()
    for (a, b), value in pairs.items():
        arrays["correlation"][a, b] = arrays["correlation"][b, a] = value
    return arrays


def silent(arrays: dict[str, Any], *channels: int) -> dict[str, Any]:
    for part in ("mean", "std", "maximum", "fired", "foreground"):
        arrays[part][list(channels)] = 0
    for channel in channels:
        arrays["correlation"][channel] = arrays["correlation"][:, channel] = 0
    return arrays


@contextmanager
def bundle_of(
    folder: Path, statistics: dict[str, dict[str, Any]], images: int = 10_000, foreground_images: int = 9_000
) -> Iterator[Bundle]:
    """A bundle whose layers conv1 and pool1, of 8 channels, and conv2 and pool2, of 4, have these statistics."""
    path = make_bundle(folder / "made", Net(widths=(C, 4), pooled=True))
    with Bundle.open(path) as made:
        header, arrays = made.header, {name: made.array(name) for name in made.header.arrays}
    measures = MeasuresInfo(
        images=images, labelled=True, foreground="", foreground_images=foreground_images, meaning=(), meaning_images=0
    )
    for layer, parts in statistics.items():
        for part, array in parts.items():
            arrays[f"{layer}/{part}"] = array if array.dtype == np.int32 else array.astype(np.float32)
    save_bundle(path, header.model_copy(update={"measures": measures}), arrays)
    with Bundle.open(path) as bundle:
        yield bundle


def diagnosis(folder: Path, arrays: dict[str, Any], **sample: int) -> Diagnosis:
    with bundle_of(folder, {"conv1": arrays}, **sample) as bundle:
        return diagnose(bundle, "conv1")


def faults(found: Diagnosis) -> dict[str, Any]:
    """Only what was found."""
    everything = {
        "dead": found.dead,
        "constant": found.constant,
        "nearly dead": found.nearly_dead,
        "redundant": tuple(group.channels for group in found.redundant),
        "background": tuple(one.channel for one in found.background),
    }
    return {fault: channels for fault, channels in everything.items() if channels}


def constant() -> dict[str, Any]:
    arrays = with_values("std", {2: 0, 5: 0})
    arrays["mean"][[2, 5]] = arrays["maximum"][[2, 5]] = 1.5, -0.5
    arrays["fired"][[2, 5]] = 1, 0
    return arrays


def never_positive() -> dict[str, Any]:
    """Of a layer whose nonlinearity lets negative values through."""
    arrays = with_values("fired", {1: 0.0, 2: 0.005})
    arrays["mean"][[1, 2]] = -0.2
    arrays["maximum"][1] = -0.1
    arrays["foreground"][1] = 0
    return arrays


def wide() -> dict[str, Any]:
    """Only the nearest other channel is known, as in layers of many channels."""
    arrays = {name: array for name, array in healthy().items() if name != "correlation"}
    arrays["nearest"] = np.array([3, 0, 4, 0, 2, 6, 5, 5], np.int32)
    arrays["nearest_correlation"] = np.array([0.99, 0.96, 0.9, 0.99, 0.9, 0.94, 0.94, 0.3])
    return arrays


PLANTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "healthy": (healthy(), {}),
    "two dead": (silent(healthy(), 2, 6), {"dead": (2, 6)}),
    "all dead": (silent(healthy(), *range(C)), {"dead": tuple(range(C))}),
    "lit once": (with_values("fired", {2: 1e-4}), {"nearly dead": (2,)}),
    "on 0.9% and on 1% of images": (with_values("fired", {2: 0.009, 3: 0.01}), {"nearly dead": (2,)}),
    "constant": (constant(), {"constant": (2, 5)}),
    "rarely positive, but never zero": (never_positive(), {}),
    "copies at 0.95, none at 0.94": (correlated({(1, 4): 0.95, (2, 5): 0.94}), {"redundant": ((1, 4),)}),
    "opposites are no copies": (correlated({(1, 4): -1.0}), {}),
    "a chain is one group": (correlated({(1, 4): 0.97, (4, 6): 0.96, (1, 6): 0.9}), {"redundant": ((1, 4, 6),)}),
    "two groups": (correlated({(5, 7): 0.98, (0, 6): 0.96}), {"redundant": ((0, 6), (5, 7))}),
    "nearly dead and like another": (
        correlated({(1, 4): 1.0}) | {"fired": np.array([1, 0.001] * 4)},
        {"nearly dead": (1, 3, 5, 7)},
    ),
    "a wide layer": (wide(), {"redundant": ((0, 1, 3),)}),
    "80% outside and 79%": (with_values("foreground", {2: 0.2, 3: 0.21}), {"background": (2,)}),
    "along the outline, and away from it": (
        with_values("foreground", {1: 0.1, 2: 0.1, 3: 0.1})
        | {"outline_area": np.array([0.2]), "outline": np.array([0, 0.31, 0.29, 0, 0.4, 0, 0, 0])},
        {"background": (2, 3)},  # 0.2 of all places are along it and 0.4 away: at 0.3 both are as dense
    ),
    "even, where objects are small": (
        healthy() | {"foreground_area": np.array([0.1]), "foreground": np.array([0.1] * 4 + [0.06, 0.05] + [0.02] * 2)},
        {"background": (5, 6, 7)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PLANTED)
def test_what_was_planted_is_found_and_nothing_else(case: str, tmp_path: Path) -> None:
    arrays, expected = PLANTED[case]
    found = diagnosis(tmp_path, arrays)
    assert (found.layer, found.channels, found.images) == ("conv1", C, 10_000)
    assert faults(found) == expected
    nothing = "conv1: none of its 8 channels is dead, redundant or watches the background, over 10,000 images."
    assert (found.sentences() == [nothing]) == (not expected)


def test_evidence_is_the_weakest_linking_pair_and_the_density_of_the_background(tmp_path: Path) -> None:
    arrays = correlated({(1, 4): 0.97, (4, 6): 0.96, (1, 6): 0.5, (0, 7): 0.99})
    arrays["foreground"][[2, 3]] = 0.1, 0
    found = diagnosis(tmp_path, arrays)
    assert found.redundant == (Group((0, 7), pytest.approx(0.99)), Group((1, 4, 6), pytest.approx(0.96)))
    first, second = found.background
    assert first == Background(2, pytest.approx(0.9), pytest.approx((0.9 / 0.6) / (0.1 / 0.4), rel=1e-5))
    assert second == Background(3, 1.0, inf)


def test_sentences_count_from_one_and_give_the_sample(tmp_path: Path) -> None:
    arrays = silent(correlated({(0, 3): 0.999, (1, 4): 0.951, (4, 5): 0.95}), 2, 6)
    arrays["fired"][7] = 0.004
    arrays["foreground"][[0, 1]] = 0.0999, 0.2
    assert diagnosis(tmp_path, arrays).sentences() == [
        "conv1: 2 of 8 channels are dead: 3 and 7 are zero on all 10,000 images.",
        "conv1: 1 of 8 channels is nearly dead: 8 is above zero on fewer than 1% of 10,000 images.",
        "conv1: 5 of 8 channels are redundant, because they repeat each other, over 10,000 images."
        " Channels 1 and 4 correlate at 0.99 or more. Channels 2, 5 and 6 correlate at 0.95 or more.",
        "conv1: 2 of 8 channels watch the background, lit mostly outside the object: 1 and 2, with 80% of their"
        " activation or more there, over 9,000 images that show one.",
    ]
    assert diagnosis(tmp_path, constant()).sentences() == [
        "conv1: 2 of 8 channels are constant: 3 and 6 are the same everywhere on all 10,000 images."
    ]


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    found = Diagnosis("wide", 64, 50, tuple(range(40)), (), (), (), (), correlated=True, foreground_images=50)
    assert found.sentences() == [
        "wide: 40 of 64 channels are dead: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 29 more are zero on all 50 images."
    ]


def test_what_was_not_measured_is_said_and_not_guessed(tmp_path: Path) -> None:
    nowhere = {name: array for name, array in healthy().items() if not name.startswith("foreground")}
    assert diagnosis(tmp_path, nowhere, foreground_images=0).sentences() == [
        "conv1: none of its 8 channels is dead or redundant, over 10,000 images.",
        "conv1: whether channels watch the background was not measured, because no object was found in any image.",
    ]
    apart = {name: array for name, array in healthy().items() if name != "correlation"}
    assert diagnosis(tmp_path, apart).sentences() == [
        "conv1: none of its 8 channels is dead or watches the background, over 10,000 images.",
        "conv1: whether channels are redundant was not measured, because the layer is too wide.",
    ]


def test_all_layers_with_statistics_are_looked_at_and_others_refused(tmp_path: Path) -> None:
    with bundle_of(tmp_path, {"conv1": healthy(), "conv2": healthy(4)}) as bundle:
        assert [(found.layer, found.channels) for found in diagnose_all(bundle)] == [("conv1", C), ("conv2", 4)]
        with pytest.raises(BundleError, match=r"'made' has no statistics of the channels of pool1; .*`fmcore record`"):
            diagnose(bundle, "pool1")
        with pytest.raises(BundleError, match="no layer 'conv9'"):
            diagnose(bundle, "conv9")
    with bundle_of(tmp_path, {"conv2": healthy(4)}) as bundle:
        assert [found.layer for found in diagnose_all(bundle)] == ["conv2"]
    with Bundle.open(make_bundle(tmp_path / "bare", Net())) as bundle:
        assert diagnose_all(bundle) == []
        with pytest.raises(BundleError, match="no statistics of the channels of conv1"):
            diagnose(bundle, "conv1")
