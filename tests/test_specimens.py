"""Which channels stand for a layer's faults, and which fault stands for a network: planted ones are chosen."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import Net, make_bundle

from fmcore.analysis.diagnostics import Background, Diagnosis, Group
from fmcore.analysis.examples import Fault, brightest_tried, fault
from fmcore.analysis.specimens import Specimens, faulty, most_found, share_found, specimens
from fmcore.bundle import Bundle, save_bundle

SOUND = Diagnosis(
    layer="conv1", channels=6, images=100, dead=(), constant=(), nearly_dead=(), redundant=(), background=(),
    correlated=True, foreground_images=90,
)  # fmt: skip
MAPS = np.array([[4.0, 4, 0, 0], [1, 1, 1, 1], [0, 0, 0, 9], [3, 3, 3, 3], [0, 0, 0, 0], [2, 2, 2, 0]], np.float32)
CORRELATION = np.eye(6, dtype=np.float32)
CORRELATION[1, 3] = CORRELATION[3, 1] = 0.97
CORRELATION[0, 5] = CORRELATION[5, 0] = 0.96
CORRELATION[2, 4] = CORRELATION[4, 2] = 0.99
STATISTICS = {
    "conv1/fired": np.array([0.9, 0.8, 0.7, 1.0, 0.0, 0.005], np.float32),
    "conv1/foreground": np.array([0.5, 0.1, 0.4, 0.3, 0.0, 0.9], np.float32),
    "conv1/correlation": CORRELATION,
}


@contextmanager
def opened(folder: Path, arrays: dict[str, Any], net: Net) -> Iterator[Bundle]:
    """The bundle of `net` with these arrays in place of its own; without those that are None."""
    path = make_bundle(folder / "net", net)
    with Bundle.open(path) as made:
        header, old = made.header, {name: made.array(name) for name in made.header.arrays}
    save_bundle(path, header, {name: array for name, array in (old | arrays).items() if array is not None})
    with Bundle.open(path) as bundle:
        yield bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Iterator[Bundle]:
    """Its conv1 has the channels of `MAPS`, in quarters of 6 x 6 places; the object lies in the lower right one."""
    lit = np.kron(MAPS.reshape(6, 2, 2), np.ones((6, 6), np.float32))
    images = np.zeros((3, 1, 12, 12), np.float32)
    images[:, :, 7:11, 7:11] = 1
    arrays = STATISTICS | {"conv1/activation": np.stack([lit] * 3), "probes": images}
    with opened(tmp_path, arrays, Net(widths=(6, 2), measured=True)) as made:
        yield made


def test_the_healthy_channel_is_not_shown_as_the_quietest_too(bundle: Bundle, tmp_path: Path) -> None:
    arrays = {name: bundle.array(name) for name in bundle.header.arrays}
    arrays["conv1/fired"] = np.array([0.9, 0.8, 0.1, 1.0, 0.7, 0.6], np.float32)
    save_bundle(tmp_path / "quiet", bundle.header, arrays)
    with Bundle.open(tmp_path / "quiet") as quiet:
        found = specimens(quiet, SOUND, 0)
    assert (found.healthy, found.silent) == (0, 2)


def test_where_all_fire_alike_two_channels_are_shown(bundle: Bundle, tmp_path: Path) -> None:
    arrays = {name: bundle.array(name) for name in bundle.header.arrays}
    arrays["conv1/fired"] = np.ones(6, np.float32)
    save_bundle(tmp_path / "alike", bundle.header, arrays)
    with Bundle.open(tmp_path / "alike") as alike:
        found = specimens(alike, replace(SOUND, redundant=(Group(tuple(range(6)), 0.96),)), 0)
    assert (found.healthy, found.silent) == (1, 0)


def test_the_healthy_channel_is_none_that_looks_away_from_the_object(bundle: Bundle, tmp_path: Path) -> None:
    arrays = {name: np.array(bundle.array(name)) for name in bundle.header.arrays}
    arrays["probes"][:] = 0
    arrays["probes"][:, :, 7:11, 1:5] = 1  # where the most telling channel, the third, is dark
    save_bundle(tmp_path / "beside", bundle.header, arrays)
    with Bundle.open(tmp_path / "beside") as beside:
        assert specimens(beside, SOUND, 0).healthy == 5
        assert specimens(beside, replace(SOUND, foreground_images=0), 0).healthy == 2  # nobody knows where it lies


FOUND: dict[str, tuple[dict[str, Any], Specimens]] = {
    "nothing": ({}, Specimens(healthy=2, silent=4, pair=(2, 4), outside=1)),
    "a dead one": ({"dead": (4,)}, Specimens(2, 4, (1, 3), 1)),
    "a constant one": ({"constant": (3,), "dead": ()}, Specimens(2, 3, (2, 4), 1)),
    "a nearly dead one": ({"nearly_dead": (2, 5)}, Specimens(0, 5, (2, 4), 1)),
    "copies: the pair most alike": (
        {"dead": (4,), "redundant": (Group((0, 5), 0.96), Group((1, 3), 0.97))},
        Specimens(2, 4, (1, 3), 1),
    ),
    "watchers: the one most lit outside": (
        {"background": (Background(0, 0.9, 3.0), Background(1, 0.9, 3.0), Background(2, 0.9, 3.0))},
        Specimens(5, 4, (2, 4), 0),
    ),
    "no object": ({"foreground_images": 0}, Specimens(2, 4, (2, 4), None)),
    "all have something": ({"dead": (4,), "redundant": (Group((0, 1, 2, 3, 5), 0.96),)}, Specimens(3, 4, (1, 3), 1)),
}


@pytest.mark.parametrize("case", FOUND)
def test_the_channels_to_show(bundle: Bundle, case: str) -> None:
    found, expected = FOUND[case]
    assert specimens(bundle, replace(SOUND, **found), 0) == expected


def test_of_one_channel_there_is_no_pair(tmp_path: Path) -> None:
    arrays = {"conv1/correlation": np.ones((1, 1), np.float32)}
    with opened(tmp_path, arrays, Net(widths=(1, 2), measured=True)) as bundle:
        found = specimens(bundle, replace(SOUND, channels=1), 0)
        assert (found.healthy, found.silent, found.pair) == (0, 0, None)


def test_where_nothing_was_compared_there_is_no_pair(tmp_path: Path) -> None:
    with opened(tmp_path, STATISTICS | {"conv1/correlation": None}, Net(widths=(6, 2), measured=True)) as bundle:
        assert specimens(bundle, SOUND, 0).pair is None


def test_every_finding_counts_once_for_its_channel_and_each_for_the_layer() -> None:
    found = replace(
        SOUND, dead=(0,), nearly_dead=(1,), redundant=(Group((2, 3), 0.99),), background=(Background(3, 1, 9),)
    )
    assert faulty(found) == {0, 1, 2, 3}
    assert share_found(found) == 5 / 6
    assert (faulty(SOUND), share_found(SOUND)) == (frozenset(), 0)


def test_the_layer_with_most_to_show_has_maps_that_show_something(tmp_path: Path) -> None:
    with Bundle.open(make_bundle(tmp_path / "net", Net(size=(12, 12), widths=(4, 6, 8), pooled=True))) as bundle:
        fine, coarse, coarser = (replace(SOUND, layer=f"conv{n}", channels=c) for n, c in ((1, 4), (2, 6), (3, 8)))
        much = replace(coarser, dead=(0, 1, 2, 3))
        some = replace(coarse, dead=(0,))  # of 6 x 6 places
        assert most_found(bundle, [fine, some, much]) is fine  # the only one of 7 x 7 or more, though nothing is wrong
        assert most_found(bundle, [some, much]) is much
        both = replace(coarse, dead=(0,), background=(Background(1, 0.9, 3.0),))
        assert most_found(bundle, [both, much]) is both  # two kinds of faults show more than many of one
        assert most_found(bundle, [coarse, coarser]) is coarser  # nothing anywhere: the last
        assert most_found(bundle, []) is None


# -- the fault of a network ----------------------------------------------------------------------


def planted(dead: tuple[int, ...] = (), copies: bool = False) -> dict[str, Any]:
    """Statistics of the conv1 and conv2 of `Net(widths=(6, 6))`: faults in conv2 alone."""
    arrays: dict[str, Any] = {}
    for layer in ("conv1", "conv2"):
        at_fault = layer == "conv2"
        parts = {name: np.full(6, value, np.float32) for name, value in
                 {"mean": 0.3, "std": 0.4, "maximum": 3.0, "fired": 0.8, "foreground": 0.6}.items()}  # fmt: skip
        for part in parts.values():
            part[list(dead) if at_fault else []] = 0
        correlation = np.eye(6, dtype=np.float32)
        if copies and at_fault:
            correlation[4, 5] = correlation[5, 4] = 0.99
        arrays |= {f"{layer}/{name}": part for name, part in parts.items()} | {f"{layer}/correlation": correlation}
    return arrays


@pytest.mark.parametrize(
    ("arrays", "kind", "one"),
    [
        (planted(dead=(3,)), "silent", 3),
        (planted(dead=(3,), copies=True), "silent", 3),
        (planted(copies=True), "alike", 4),
    ],
)
def test_the_fault_that_a_network_shows(tmp_path: Path, arrays: dict[str, Any], kind: str, one: int) -> None:
    with opened(tmp_path, arrays, Net(widths=(6, 6), measured=True)) as bundle:
        found = fault(bundle, 0)
        assert (found.kind, found.layer, found.one) == (kind, "conv2", one)
        assert found.other != one and found.other not in (3,)


def test_without_statistics_the_least_lit_channel_of_this_image_is_shown(tmp_path: Path) -> None:
    with Bundle.open(make_bundle(tmp_path / "net", Net(widths=(4, 3), dead=(2,)))) as bundle:
        found = fault(bundle, 1)
        assert (found.kind, found.layer, found.one) == ("here", "conv1", 2)
        assert found.other != 2
    with Bundle.open(make_bundle(tmp_path / "one", Net(widths=(1,)))) as bundle:
        assert fault(bundle, 0) == Fault("here", "conv1", 0, 0)


def test_the_brightest_of_the_channels_that_were_tried(tmp_path: Path) -> None:
    tried = {"conv1/ablated": np.tile([5, 0, 3], (3, 1)), "conv1/ablation": np.zeros((3, 3), np.float32)}
    with opened(tmp_path, tried, Net(widths=(6, 2))) as bundle:
        light = bundle.part("conv1/activation", 2).sum((1, 2))
        assert brightest_tried(bundle, "conv1", 2) == max((5, 0, 3), key=lambda channel: light[channel])
        assert brightest_tried(bundle, "conv2", 2) == int(bundle.part("conv2/activation", 2).sum((1, 2)).argmax())
