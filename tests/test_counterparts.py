"""Two networks side by side: whose channels go together, which images both hold, and on which they part."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from films import Net, make_bundle
from test_cases import opened, said

from fmcore.analysis.compare import Pair
from fmcore.analysis.counterparts import (
    Parting,
    called,
    clearest,
    common_probes,
    counterpart,
    crossing,
    image_in_common,
    likeness,
    likest,
    loneliest,
    parting,
)
from fmcore.analysis.measures import measure
from fmcore.bundle import Bundle
from fmcore.errors import BundleError

RANDOM = np.random.default_rng(4)
MINE = RANDOM.random((9, 4, 4, 4), np.float32)
THEIRS = MINE[:7, [2, 0, 3, 1]].copy()  # the same channels in another order
THEIRS[:, 3] = RANDOM.random((7, 4, 4), np.float32)  # but for the second
MINE[:, 3] = 0.5  # and the last is constant here
SHARED = {
    "test_predicted": np.array([0, 1, 2]),
    "test_probability": np.full(3, 0.5, np.float32),
    "test_label": np.arange(3),
}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Bundle, Bundle]]:
    with Bundle.open(make_bundle(tmp_path / "made", Net())) as made:
        data = made.header.dataset.model_copy(update={"test_sha256": "a" * 64})
    one = opened(tmp_path / "one", Net(), SHARED | {"conv1/sample": MINE}, dataset=data)
    other = opened(tmp_path / "two", Net(wrong=True), SHARED | {"conv1/sample": THEIRS}, dataset=data)
    with one as mine, other as theirs:
        yield mine, theirs


def test_channels_of_two_networks_find_each_other(two: tuple[Bundle, Bundle]) -> None:
    table = likeness(*two, "conv1")
    for mine, theirs in ((0, 1), (1, 3), (2, 0)):
        expected = np.corrcoef(MINE[:7, mine].ravel(), THEIRS[:, theirs].ravel())[0, 1]
        assert table[mine, theirs] == pytest.approx(expected, abs=1e-6)
    assert likest(*two, "conv1", 0) == Pair(0, 1, pytest.approx(1))
    assert not table[3].any()  # constant
    for c, d in ((0, 1), (1, 3)):  # on one image the maps themselves are compared
        maps = two[0].part("conv1/activation", 2, c), two[1].part("conv1/activation", 1, d)
        seen = measure("correlation on one image", two[0], "conv1/activation", (2, 1, c, d), two[1])
        assert seen == pytest.approx(np.corrcoef(maps[0].ravel(), maps[1].ravel())[0, 1], abs=1e-6)
    lonely = loneliest(*two, "conv1")
    assert lonely is not None and (lonely.one, lonely.other) == (1, int(table[1].argmax()))
    with pytest.raises(BundleError, match=r"'conv2' of 'one' cannot be compared, .*; name one of conv1"):
        counterpart(*two, "conv2")


def test_images_that_both_hold(two: tuple[Bundle, Bundle], tmp_path: Path) -> None:
    assert common_probes(*two) == ((0, 0), (1, 1), (2, 2))
    assert parting(*two) == Parting(0, "logits", 0)
    images = two[0].array("probes")[[2, 0, 0]].copy()
    images[1] += 1
    with opened(tmp_path / "turned", Net(), {"probes": images}) as turned:
        assert common_probes(two[0], turned) == ((0, 2), (2, 0))
        assert image_in_common(two[0], turned, 2, True) == (2, 0)
        assert image_in_common(two[0], turned, 1, False) == (0, 2)
        with pytest.raises(BundleError, match="'one' and 'turned' do not both hold the image that shall be shown"):
            image_in_common(two[0], turned, 1, True)
        assert parting(two[0], turned) == Parting(0, "logits", 2)  # the same image, answered "shirt" and "bag"
    with opened(tmp_path / "larger", Net(size=(14, 14))) as larger:
        assert common_probes(two[0], larger) == ()
        assert parting(two[0], larger) is None


def test_an_image_that_the_other_answered_as_a_test_image_can_part_them_too(tmp_path: Path) -> None:
    answers: list[tuple[int | None, int, float]] = [(0, 0, 0.8), (1, 1, 0.7), (2, 2, 0.6)]
    mine = [
        probe.model_copy(update={"source": f"test image {row}"})
        for probe, row in zip(said(tmp_path / "probes", Net(), answers), (3, 1, 9), strict=True)
    ]
    theirs = {  # the answer to image 3 is another, that to 1 the same, and there is no image 9
        "probes": np.full((3, 1, 12, 12), 0.3, np.float32),
        "test_predicted": np.array([2, 1, 1, 2], np.int32),
        "test_probability": np.full(4, 0.9, np.float32),
    }
    with Bundle.open(make_bundle(tmp_path / "made", Net())) as made:
        data = made.header.dataset.model_copy(update={"test_sha256": "a" * 64})
    one = opened(tmp_path / "a", Net(), probes=tuple(mine), dataset=data)
    others = tuple(probe.model_copy(update={"source": "test image 2"}) for probe in mine)
    with one as a, opened(tmp_path / "b", Net(), theirs, probes=others, dataset=data) as b:
        assert common_probes(a, b) == ()
        assert parting(a, b) == Parting(0, "test_predicted", 3)
        assert parting(b, a) == Parting(0, "test_predicted", 3, of_other=True)
        assert parting(b, a).answers == (("test_predicted", 3), ("logits", 0))
        dataset = b.header.dataset.model_copy(update={"test_sha256": "0" * 64})
    with opened(tmp_path / "c", Net(), theirs, dataset=dataset) as c, Bundle.open(tmp_path / "a") as a:
        assert parting(a, c) is None  # other images stand in those rows


def test_pairs_to_show_cross_where_they_can_and_keep_the_likest() -> None:
    def pairs(*numbers: tuple[int, int]) -> list[Pair]:
        return [Pair(one, other, 1 - place / 10) for place, (one, other) in enumerate(numbers)]

    def shown(most: int, *numbers: tuple[int, int]) -> list[tuple[int, int]]:
        return [(pair.one, pair.other) for pair in crossing(pairs(*numbers), most)]

    assert shown(2, (1, 1), (2, 2), (3, 3), (0, 5)) == [(0, 5), (1, 1)]
    assert shown(3, (5, 0), (1, 1)) == [(1, 1), (5, 0)]
    assert shown(2, (1, 1), (2, 2), (3, 3)) == [(1, 1), (2, 2)]  # none cross
    assert shown(1, (4, 0), (0, 4)) == [(4, 0)]
    assert shown(2, (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (0, 9)) == [(1, 1), (2, 2)]  # too far down the list


def test_what_two_networks_are_called(two: tuple[Bundle, Bundle], tmp_path: Path) -> None:
    assert called(*two) == ("one", "two")
    assert called(*two, ("early", "late")) == ("early", "late")
    training = two[0].header.training.model_copy(update={"seed": 3})
    with opened(tmp_path / "seed", Net(), training=training) as seeded:
        assert called(two[0], seeded) == ("made-up of seed 0", "made-up of seed 3")
    model = two[0].header.model.model_copy(update={"name": "deep"})
    with opened(tmp_path / "model", Net(), model=model) as deep:
        assert called(deep, two[0]) == ("deep", "made-up")


def test_the_clearest_pair_is_seen_and_repeats_the_image_least() -> None:
    image = np.linspace(0, 1, 64).reshape(1, 8, 8)
    edge = np.zeros((8, 8))
    edge[:, 3] = 1
    other_edge = np.roll(edge, 2, 1)
    one, two = np.stack([image[0], edge, edge]), np.stack([image[0] * 2, edge * 3, other_edge])
    pairs = [Pair(0, 0, 0.99), Pair(1, 1, 0.85), Pair(2, 2, 0.95)]  # the last one cannot be seen here
    assert clearest(pairs, (one, two), image) == pairs[1]
    assert clearest([pairs[0], Pair(1, 1, 0.79)], (one, two), image) == pairs[0]
    assert clearest(pairs[2:], (one, two), image) is None
