"""The pixel proof: a film of an array proves, and a film of anything else does not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from films import Net, make_bundle
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from fmcore.bundle import Bundle, save_bundle
from fmcore.check.findings import RULES
from fmcore.check.proof import RULE, Proof, least_correlation, proof_findings, prove
from fmcore.colour import ColourScale
from fmcore.lesson.brief import Figure, Performance
from fmcore.lesson.storyboard import Storyboard
from fmcore.render.encoder import SegmentEncoder
from fmcore.render.spec import RenderSpec

SIZES = {"16:9": (212, 120), "9:16": (120, 212), "1:1": (120, 120)}
PAPER = (11, 14, 20, 255)
N = 24  # values a side

Map = NDArray[np.float64]


def spec_of(width: int, height: int) -> RenderSpec:
    return RenderSpec(quality="smoke", width=width, height=height, fps=10, crf=18, preset="veryfast")


def noise(random: np.random.Generator) -> Map:
    return np.maximum(random.random((N, N)) - 0.3, 0)


def smooth(random: np.random.Generator) -> Map:
    return np.maximum(gaussian_filter(random.normal(size=(N, N)), 2), 0)


def signed(random: np.random.Generator) -> Map:
    return gaussian_filter(random.normal(size=(N, N)), 0.7)


def grey(random: np.random.Generator) -> Map:
    return np.clip(gaussian_filter(random.random((N, N)), 1) * 4 - 1.5, 0, 1)


def rgb(random: np.random.Generator) -> Map:
    return np.clip(gaussian_filter(random.random((3, N, N)), (0, 1, 1)) * 4 - 1.5, 0, 1)


@dataclass
class Filmed:
    """Maps on their way into a film and a bundle: what the bundle holds, and what the film shows instead."""

    size: tuple[int, int] = (160, 120)
    truths: list[Map] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    frames: list[NDArray[np.uint8]] = field(default_factory=list)

    def add(
        self, truth: Map, shown: Map | None = None, pixels: float = 4.0, colours: str = "", **change: object
    ) -> None:
        """Two frames of paper and four of `shown`, painted as Cairo does: every pixel the value of its centre."""
        width, height = self.size
        if truth.ndim == 3 or colours == "gray":
            scale = ColourScale(0.0, 1.0, "shared", "gray")
        else:
            scale = ColourScale.of(truth)
        painted = truth if shown is None else shown
        left, top = 5.3 + len(self.truths) % 3 * 0.45, 6.7
        rows, columns = (
            np.floor((np.arange(length) + 0.5 - start) / pixels).astype(int)
            for length, start in ((height, top), (width, left))
        )
        count = truth.shape[-2:]
        inside = ((rows >= 0) & (rows < count[0]))[:, None] & ((columns >= 0) & (columns < count[1]))
        coloured = np.round(np.moveaxis(painted, 0, -1) * 255) if truth.ndim == 3 else scale.colours(painted)
        at = rows.clip(0, count[0] - 1)[:, None], columns.clip(0, count[1] - 1)[None, :]
        frame = np.full((height, width, 4), PAPER, np.uint8)
        frame[inside, :3] = coloured[at][inside]
        self.frames += [np.full_like(frame, PAPER)] * 2 + [frame] * 4
        box = (left / width, top / height, (left + count[1] * pixels) / width, (top + count[0] * pixels) / height)
        figure = Figure(
            beat=f"beat{len(self.truths)}", frame=len(self.frames) - 1, array=f"map{len(self.truths)}/activation",
            index=(), box=box, low=scale.low, high=scale.high, scale=scale.kind,
            colours="rgb" if truth.ndim == 3 else scale.table_name, covered=False,
        )  # fmt: skip
        self.truths.append(truth)
        self.figures.append(figure.model_copy(update=change))

    def film(self, path: Path, before: int = 0) -> Path:
        encoder = SegmentEncoder(path, spec_of(*self.size))
        if before:
            encoder.write(np.full_like(self.frames[0], 90), before)
        for frame in self.frames:
            encoder.write(frame)
        encoder.finish()
        return path

    def bundle(self, path: Path) -> Path:
        with Bundle.open(make_bundle(path.with_suffix(".made"), Net(widths=(2,)))) as made:
            header = made.header
        arrays = {f"map{number}/activation": truth.astype(np.float32) for number, truth in enumerate(self.truths)}
        save_bundle(path, header, arrays)
        return path

    def proofs(self, folder: Path, before: int = 0, figures: Sequence[Figure] | None = None) -> list[Proof]:
        film = self.film(folder / "film.mp4", before)
        with Bundle.open(self.bundle(folder / "bundle.safetensors")) as bundle:
            return prove(film, self.figures if figures is None else figures, bundle, start=before)


# -- what proves and what does not -----------------------------------------------------------------

KINDS = {"noise": noise, "smooth": smooth, "signed": signed, "grey": grey, "rgb": rgb}
WRONG: dict[str, Callable[[Map, Map], Map]] = {
    "one row down": lambda truth, other: np.roll(truth, 1, -2),
    "one column left": lambda truth, other: np.roll(truth, -1, -1),
    "another channel": lambda truth, other: other,
    "0.8 times": lambda truth, other: 0.8 * truth,
    "upside down": lambda truth, other: truth[..., ::-1, :],
    "turned over": lambda truth, other: truth.swapaxes(-1, -2),
    "negative": lambda truth, other: -truth if truth.min() < 0 else truth.max() - truth,
    "the lower half missing": lambda truth, other: truth * (np.arange(N) < N / 2)[:, None],
}


@pytest.mark.parametrize("shown", [0.0, 1.0])
def test_a_texture_finer_than_the_areas_is_no_proof_of_a_blank_film(shown: float, tmp_path: Path) -> None:
    fine = 0.2 + 0.6 * (np.indices((96, 96)).sum(0) % 2) + np.random.default_rng(0).normal(0, 0.004, (96, 96))
    fine[0, :2] = 0, 1  # so that the scale reaches further
    filmed = Filmed()
    filmed.add(fine, pixels=1.0)
    filmed.add(fine, np.full_like(fine, shown), pixels=1.0)
    assert [proof.outcome for proof in filmed.proofs(tmp_path)] == ["area by area", "wrong"]


@pytest.mark.parametrize("aspect", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_film_of_the_array_proves_and_one_of_another_does_not(kind: str, aspect: str, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    filmed, expected = Filmed(SIZES[aspect]), []
    for pixels in (0.9, 1.6, 3.4):
        truth, other = KINDS[kind](random), KINDS[kind](random)
        colours = "gray" if kind == "grey" else ""
        filmed.add(truth, pixels=pixels, colours=colours)
        expected.append("value by value" if pixels > 3 and kind != "rgb" else "area by area")
        for change in WRONG.values():
            filmed.add(truth, change(truth, other), pixels, colours)
            expected.append("wrong")
    proofs = filmed.proofs(tmp_path)
    told = [(f"{proof.pixels:.1f}", proof.outcome, proof.why) for proof in proofs]
    assert [outcome for _, outcome, _ in told] == expected, told
    correlations = [proof.correlation or 0 for proof in proofs if proof.outcome != "wrong"]
    assert min(correlations) > 0.99, correlations


@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(sorted(KINDS)),
    pixels=st.floats(0.9, 4.5),
    wrong=st.sampled_from(sorted(WRONG)),
)
@settings(max_examples=15)
def test_any_film_of_random_maps_proves_and_none_of_another(
    seed: int, kind: str, pixels: float, wrong: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    random = np.random.default_rng(seed)
    truth, other = KINDS[kind](random), KINDS[kind](random)
    filmed = Filmed()
    filmed.add(truth, None, pixels, "gray" if kind == "grey" else "")
    filmed.add(truth, WRONG[wrong](truth, other), pixels, "gray" if kind == "grey" else "")
    right, spoilt = filmed.proofs(tmp_path_factory.mktemp("film"))
    assert right.outcome in ("value by value", "area by area"), right.why
    assert spoilt.outcome == "wrong"


def test_a_map_times_a_number_of_the_bundle_is_proved_as_that(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    weight, plain = 0.6, noise(random)
    filmed = Filmed()
    filmed.add(np.full((1, 2), weight))  # the factors
    for shown in (weight * plain, plain, 0.8 * weight * plain):
        filmed.add(plain, shown, times=("map0/activation", (0, 1)))
    product, *others = filmed.figures[1:]
    missing = product.model_copy(update={"times": ("map0/activation", (0, 2))})
    right, *wrong = filmed.proofs(tmp_path, figures=[product, *others, missing])
    assert right.outcome == "value by value", right.why
    assert [proof.outcome for proof in wrong] == ["wrong"] * 3


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    truth = noise(np.random.default_rng(1))
    filmed = Filmed()
    filmed.add(truth, np.roll(truth, 1, 0))
    filmed.add(truth, 0.8 * truth)
    filmed.add(truth, truth.T)
    filmed.add(truth, np.clip(truth + 0.1, 0, truth.max()))
    whys = [proof.why for proof in filmed.proofs(tmp_path)]
    for why, said in zip(whys, ("shifted by one value", "0.8", "correlates", "of the scale"), strict=True):
        assert said in why, whys


# -- flat, small, covered and crossed ones ---------------------------------------------------------


def test_a_flat_map_is_judged_by_its_error_alone(tmp_path: Path) -> None:
    flat, bright = np.zeros((N, N)), np.zeros((N, N))
    bright[5:9, 5:9] = 1
    filmed = Filmed()
    for pixels in (1.2, 4.0):
        filmed.add(flat, None, pixels, high=1.0)
        filmed.add(flat, np.zeros((N, N)), pixels)  # on a scale without a range
        filmed.add(flat, bright, pixels, low=0.0, high=1.0)
        filmed.frames[-4:] = [paint_over(filmed.frames[-1], (20, 20, 60, 60), (250, 250, 160))] * 4
    proofs = filmed.proofs(tmp_path)
    assert [proof.outcome == "wrong" for proof in proofs] == [False, False, True] * 2, [one.why for one in proofs]
    assert [proof.correlation for proof in proofs] == [None] * 6
    assert "flat" in proofs[2].why


def paint_over(
    frame: NDArray[np.uint8], box: tuple[int, int, int, int], colour: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """`frame` with the pixels of `box` (left, top, right, bottom) painted over."""
    left, top, right, bottom = box
    painted = frame.copy()
    painted[top:bottom, left:right, :3] = colour
    return painted


def test_what_is_crossed_by_lines_is_proved_beside_them(tmp_path: Path) -> None:
    filmed = Filmed()
    truth = smooth(np.random.default_rng(2))
    line = (20, 7, 26, 103)  # pixels
    share = (20 / 160, 7 / 120, 26 / 160, 103 / 120)
    for pixels in (1.2, 4.0):
        for crossed in ((), (share,)):
            filmed.add(truth, None, pixels, crossed=crossed)
            filmed.frames[-4:] = [paint_over(filmed.frames[-1], line, (255, 255, 255))] * 4
    assert [proof.outcome for proof in filmed.proofs(tmp_path)] == ["wrong", "area by area", "wrong", "value by value"]


def test_what_cannot_be_seen_is_neither_proved_nor_found_wrong(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    filmed = Filmed()
    filmed.add(noise(random)[:8, :8], random.random((8, 8)), 1.4)
    filmed.add(signed(random)[:6, :6], None, 2.4)
    filmed.add(noise(random), random.random((N, N)), covered=True)
    filmed.add(noise(random), random.random((N, N)), crossed=((0.0, 0.0, 0.55, 1.0),))
    proofs = filmed.proofs(tmp_path)
    assert [proof.outcome for proof in proofs] == ["too small"] * 2 + ["wrong"]  # a part is seen, and it is wrong
    assert [proof.pixels for proof in proofs[:2]] == pytest.approx([1.4, 2.4])


def test_a_small_map_of_large_squares_is_proved(tmp_path: Path) -> None:
    filmed = Filmed()
    filmed.add(np.array([[0.0, 1.0, 0.5], [0.2, 0.7, 0.9]]), None, 9.0)
    filmed.add(np.array([[0.4]]), None, 20.0)
    assert [proof.outcome for proof in filmed.proofs(tmp_path)] == ["value by value"] * 2


def test_a_map_with_more_values_than_pixels_is_compared_by_areas(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    truth = np.maximum(gaussian_filter(random.normal(size=(224, 224)), 3), 0)
    filmed = Filmed((426, 240))
    filmed.add(truth, None, 0.67)
    filmed.add(truth, np.roll(truth, 2, 1), 0.67)
    proofs = filmed.proofs(tmp_path)
    assert [proof.outcome for proof in proofs] == ["area by area", "wrong"]


def test_where_nothing_that_differs_is_seen_only_the_error_counts(tmp_path: Path) -> None:
    truth = np.zeros((48, 48))
    truth[1, 47] = 1.0
    filmed = Filmed((426, 240))
    for shown in (None, truth + 0.3):
        filmed.add(truth, shown, 1.1, crossed=((0.0, 0.0, 1.0, 0.05),))
    assert [proof.outcome for proof in filmed.proofs(tmp_path)] == ["area by area", "wrong"]


@pytest.mark.parametrize(("wave", "pixels"), [(3.3, 0.57), (2.9, 0.57)])
def test_stripes_too_narrow_for_the_chroma_are_not_called_wrong(wave: float, pixels: float, tmp_path: Path) -> None:
    rows, columns = np.mgrid[:96, :96]
    swell = 1 + 3 * gaussian_filter(np.random.default_rng(8).normal(size=(96, 96)), 6)
    stripes = np.sin(2 * np.pi * (rows + 0.7 * columns) / wave) * swell
    filmed = Filmed((426, 240))
    for shown in (None, -stripes, np.roll(stripes, 20, 0) * np.linspace(0, 1, 96)):
        filmed.add(stripes, shown, pixels)
    true, negative, another = (proof.outcome for proof in filmed.proofs(tmp_path))
    assert (true, another) == ("too small", "wrong") and negative in ("too small", "wrong")


# -- what does not fit together --------------------------------------------------------------------


def test_a_ledger_that_does_not_fit_is_a_finding(tmp_path: Path) -> None:
    filmed = Filmed()
    filmed.add(noise(np.random.default_rng(6)))
    whole = filmed.figures[0]
    changes: dict[str, dict[str, object]] = {
        "no frame 99": {"frame": 99},
        "no layer 'nowhere'": {"array": "nowhere/activation"},
        "too many": {"index": (1, 2, 3)},
        "axes": {"index": (0,)},
        "no colour table 'beige'": {"colours": "beige"},
        "outside the frame": {"box": (0.9, 0.1, 1.2, 0.5)},
    }
    spoilt = [whole.model_copy(update=change) for change in changes.values()]
    proofs = filmed.proofs(tmp_path, figures=spoilt)
    board = Storyboard(
        scene="Maps", fps=10, aspect="1:1", theme="light", caption_top=0.8, frames=(), performance=Performance(title="")
    )
    found = list(proof_findings(board, proofs))
    assert len(found) == len(changes)
    for why in changes:
        assert any(why in finding.message for finding in found), (why, [finding.message for finding in found])
    assert {(one.rule, one.scene, one.aspect, one.theme, one.beat) for one in found} == {
        (RULE, "Maps", "1:1", "light", "beat0")
    }
    assert RULE in RULES


def test_the_other_network_proves_its_own_pictures(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    one, other = Filmed(), Filmed()
    one.add(noise(random))
    other.add(noise(random), other=True)
    film = other.film(tmp_path / "film.mp4")
    with (
        Bundle.open(one.bundle(tmp_path / "one.safetensors")) as first,
        Bundle.open(other.bundle(tmp_path / "other.safetensors")) as second,
    ):
        assert [proof.outcome for proof in prove(film, other.figures, first, second)] == ["value by value"]
        assert [proof.outcome for proof in prove(film, other.figures, second, first)] == ["wrong"]
        assert [proof.outcome for proof in prove(film, other.figures, second)] == ["value by value"]


def test_a_scene_is_found_in_the_middle_of_a_lesson(tmp_path: Path) -> None:
    filmed = Filmed()
    random = np.random.default_rng(8)
    for _ in range(3):
        filmed.add(noise(random))
    assert {proof.outcome for proof in filmed.proofs(tmp_path, before=301)} == {"value by value"}


@pytest.mark.parametrize("seed", range(6))
def test_a_faint_picture_is_told_from_another_one(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    film = Filmed()
    for share in (0.12, 0.2, 0.4):  # of the scale, which one strong value sets
        right, other = (share * signed(random) for _ in range(2))
        for one in (right, other):
            one[0, 0] = 1.0
        film.add(right, pixels=3.3)
        film.add(right, other, pixels=3.3)
        film.add(right, np.roll(right, 1, 1), pixels=3.3)
    with Bundle.open(film.bundle(tmp_path / "b")) as bundle:
        found = [proof.outcome for proof in prove(film.film(tmp_path / "f.mp4"), film.figures, bundle)]
    assert found == ["value by value", "wrong", "wrong"] * 3


def test_only_of_faint_pictures_less_is_asked_for() -> None:
    assert [round(least_correlation(spread), 3) for spread in (2, 6, 10, 11, 60)] == [0.8, 0.97, 0.989, 0.99, 0.99]
