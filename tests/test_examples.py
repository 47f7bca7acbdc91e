"""What to show of maps: one that its own scale flatters, one unlike its image; and a map enlarged to its image."""

from pathlib import Path

import numpy as np
import pytest
from films import Net, make_bundle
from hypothesis import given
from hypothesis import strategies as st

from fmcore.analysis.alignment import aligned
from fmcore.analysis.answers import one_answer, score
from fmcore.analysis.enlarging import NOWHERE, enlarged, places_of
from fmcore.analysis.flattering import flattered, reach, share_of_reach
from fmcore.analysis.measures import measure
from fmcore.analysis.receptive_field import through
from fmcore.analysis.resemblance import least_like
from fmcore.bundle import Bundle, save_bundle
from fmcore.header import ReceptiveField

WAVE = np.array([[0.0, 1.0], [1.0, 0.0]])
RANDOM = np.random.default_rng(6)


# -- scales --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("maps", "expected"),
    [
        ([9 * WAVE, 0.5 * WAVE, 8 * WAVE], (0, 1)),
        ([0.5 * WAVE, -9 * WAVE], (1, 0)),  # magnitudes count
        ([9 * WAVE, 0 * WAVE, 0.2 + 0 * WAVE], (0, 2)),  # a flat one is better than none, a dead one is not
        ([9 * WAVE, 0 * WAVE], (0, None)),
        ([0 * WAVE, 0 * WAVE], (0, None)),
        ([9 * WAVE], (0, None)),
        ([3 * WAVE, WAVE, WAVE], (0, 1)),  # of equals the first
        ([3 * WAVE, 3 * WAVE], (0, 1)),
        ([[[2.0]], [[1.0]]], (0, 1)),
        ([9 * WAVE, 0.28 * (WAVE / 2 - 1), WAVE], (0, 2)),  # a floor is no response while another reaches upwards
        ([9 * WAVE, 0.28 * (WAVE / 2 - 1)], (0, 1)),
    ],
)
def test_the_map_that_its_own_scale_flatters_most(maps: list[np.ndarray], expected: tuple[int, int | None]) -> None:
    assert flattered(np.array(maps, np.float32)) == expected


@given(seed=st.integers(0, 10**6))
def test_the_flattered_map_is_weak_and_full_of_contrast(seed: int) -> None:
    random = np.random.default_rng(seed)
    maps = (random.normal(size=(5, 3, 4)) * random.uniform(0, 3, (5, 1, 1))).astype(np.float32)
    strong, weak = flattered(maps)
    assert reach(maps)[strong] == np.abs(maps).max()
    others = [c for c in range(len(maps)) if c != strong]
    others = [c for c in others if maps[c].max() >= -maps[c].min()] or others
    scores = {c: maps[c].std() / np.abs(maps[c]).max() * (1 - share_of_reach(maps[c], maps[strong])) for c in others}
    assert weak == max(scores, key=lambda c: scores[c])


def test_a_share_of_nothing_is_all() -> None:
    assert share_of_reach(WAVE, -4 * WAVE) == 0.25
    assert share_of_reach(WAVE, 0 * WAVE) == share_of_reach(0 * WAVE, 0 * WAVE) == 1


# -- likeness ------------------------------------------------------------------------------------


def test_the_map_least_like_its_image() -> None:
    image = RANDOM.random((3, 8, 8))
    grey = image.mean(0)
    unlike = RANDOM.normal(size=(8, 8))
    assert least_like(np.stack([grey, -grey, unlike, grey**2]), image) == 2
    assert least_like(np.stack([unlike, grey])[:, ::2, ::2], image) == 0  # maps may be smaller
    assert least_like(np.stack([np.ones((8, 8)), grey, -grey]), image) in (1, 2)  # a flat one looks like nothing
    assert least_like(np.zeros((2, 8, 8)), image) == 0
    assert least_like(grey[None], image) == 0


# -- enlarging -----------------------------------------------------------------------------------

STARTS = st.integers(-12, 24).map(lambda quarter: quarter / 4)


@given(
    length=st.integers(1, 20),
    places=st.integers(2, 9),
    jump=st.sampled_from([0.5, 1.0, 1 / 3, 2.0, 3.5, 4.0]),
    start=STARTS,
)
def test_every_pixel_belongs_to_its_nearest_place(length: int, places: int, jump: float, start: float) -> None:
    centres = start + jump * np.arange(places)
    for pixel, place in enumerate(places_of(length, places, jump, start)):
        away = np.abs(pixel + 0.5 - centres)
        if place == NOWHERE:
            assert away.min() > jump / 2
        else:
            assert away[place] <= away.min() + 1e-6 and away[place] <= jump / 2 + 1e-5


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(1, 1, 0), (3, 1, 1), (2, 2, 0), (4, 4, 0)])
def test_an_enlarged_map_comes_back_when_it_is_laid_on_its_places(kernel: int, stride: int, padding: int) -> None:
    field = through(ReceptiveField(), (kernel, kernel), (stride, stride), (padding, padding))
    values = RANDOM.normal(size=(3, 5))
    size = (3 * stride, 5 * stride)
    pixels = enlarged(values, field, size)
    assert np.array_equal(pixels, np.kron(values, np.ones((stride, stride))))
    assert aligned(pixels, field, (3, 5)) == pytest.approx(values, abs=1e-6)


def test_where_a_layer_without_padding_has_no_place_there_is_no_value() -> None:
    field = through(ReceptiveField(), (3, 3))
    pixels = enlarged(np.ones((4, 5)), field, (6, 7))
    assert np.isnan(pixels[[0, -1]]).all() and np.isnan(pixels[:, [0, -1]]).all()
    assert (pixels[1:-1, 1:-1] == 1).all()


def test_a_single_place_stands_for_all_pixels() -> None:
    assert (enlarged(np.array([[2.5]]), ReceptiveField(size=(3, 3), jump=(7, 7), start=(3, 3)), (9, 4)) == 2.5).all()


# -- answers -------------------------------------------------------------------------------------

CLASSES = ("shirt", "bag")


def test_one_answer_to_everything_is_said() -> None:
    same, labels = np.ones(1200, int), np.arange(1200) % 2
    sentence = one_answer(same, labels, CLASSES)
    assert sentence is not None and sentence.startswith("The model answers 'bag' to every one of 1,200 images")
    assert one_answer(same[:10], None, CLASSES) is not None
    assert one_answer(same[:9], labels[:9], CLASSES) is None  # too few
    assert one_answer(same, same, CLASSES) is None  # they are all bags
    assert one_answer(labels, labels, CLASSES) is None


SCORES: dict[str, tuple[list[int], list[int], bool | None]] = {  # labels, answers, whether it is called weak
    "mostly right": ([0, 1] * 30, [0, 1] * 25 + [1, 0] * 5, False),
    "mostly wrong": ([0, 1] * 30, [0, 1] * 10 + [1, 0] * 20, True),
    "right as often as one answer would be": ([0] * 45 + [1] * 15, [0] * 44 + [1, 0] * 8, True),
    "far better than one answer would be": ([0] * 45 + [1] * 15, [0] * 44 + [1] * 16, False),
    "one answer to all": ([0] * 58 + [1] * 2, [0] * 60, True),
    "too few": ([0, 1] * 4, [1, 0] * 4, None),
    "of one class": ([0] * 60, [1] * 60, None),
}


@pytest.mark.parametrize("case", SCORES)
def test_a_network_is_weak_where_it_is_mostly_wrong_or_no_better_than_one_answer(case: str, tmp_path: Path) -> None:
    labels, said, weak = SCORES[case]
    path = make_bundle(tmp_path / "b", Net())
    with Bundle.open(path) as bundle:
        arrays = {name: np.array(bundle.array(name)) for name in bundle.header.arrays}
        save_bundle(path, bundle.header, arrays | {"test_label": np.array(labels), "test_predicted": np.array(said)})
    with Bundle.open(path) as bundle:
        found = score(bundle)
        assert (None if found is None else found.is_weak) == weak
        if found is not None:
            assert found.right == measure("share of right answers", bundle, "test_predicted")
            assert found.blind == measure("share of the commonest", bundle, "test_label") == labels.count(0) / 60
            assert measure("share of the commonest", bundle, "test_predicted") == max(map(said.count, said)) / 60
