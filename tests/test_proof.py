"""The proof: every scene of the lesson, filmed small, shows what the bundle holds, and no rule is broken."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from films import correlation, frames_of, read_back
from numpy.typing import NDArray

from fmcore.bundle import Bundle
from fmcore.checking import CheckJob, SceneReport, jobs_for
from fmcore.lesson.brief import Figure
from fmcore.lesson.plan import builtin_plan
from fmcore.render.spec import ASPECTS, quality

ENTRIES = builtin_plan().scenes


_FPS = 3  # what is proved are the ends of beats
_CLEAR = 4  # pixels that a value has across, so that a whole sample of colour is its own
Filmed = Callable[..., tuple[CheckJob, SceneReport]]


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Filmed:
    """The film of a scene and what was found in it, made when it is first asked for."""

    @cache
    def made(number: int, name: str = "smoke") -> tuple[CheckJob, SceneReport]:
        entry, spec = ENTRIES[number], quality(name, ASPECTS[number % 3], "dark" if number % 2 else "light")
        spec = spec.model_copy(update={"fps": _FPS})
        names = [name for name in (entry.bundle, entry.other) if name]
        bundles = {name: Path(request.getfixturevalue(f"{name}_bundle")) for name in names}
        (job,) = jobs_for([entry], bundles, [spec], tmp_path_factory.mktemp("film"), filmed=True)
        return job, job.run(lambda done, total: None)

    return made


@pytest.mark.parametrize("number", range(len(ENTRIES)), ids=[entry.scene for entry in ENTRIES])
def test_every_scene_of_the_lesson_is_clean(number: int, filmed: Filmed) -> None:
    _, found = filmed(number)
    assert [f"{one.beat}, {one.rule}: {one.message}" for one in found.findings] == []
    outcomes = [proof.outcome for proof in found.proofs]
    assert "wrong" not in outcomes and outcomes.count("value by value") + outcomes.count("area by area") >= 3
    assert len(found.thumbnails) == len(found.board.performance.beats)


def test_a_figure_is_read_back_by_other_means(filmed: Filmed, tutorial_bundle: Path) -> None:
    """One scene with a reader of its own: one pixel a value, through the colour table alone.

    In frames where a value has some pixels: two share one sample of colour, so thin lines of a small film have none.
    """
    heat_map = next(number for number, entry in enumerate(ENTRIES) if entry.scene == "ActivationHeatmap")
    job, found = filmed(heat_map, "preview")
    board, film = found.board, frames_of(job.segment.target)
    assert len(film) == board.performance.beats[-1].end
    seen = 0
    with Bundle.open(tutorial_bundle) as bundle:
        for figure in board.performance.figures:
            truth = bundle.part(figure.array, *figure.index)
            left, _, right, _ = figure.box
            pixels = (right - left) * film[figure.frame].shape[1] / truth.shape[-1]  # a value
            if figure.array == "probes" or figure.covered or pixels < _CLEAR:
                continue
            bare = uncrossed(figure, truth.shape)
            assert bare.mean() > 0.97
            read = read_back(film[figure.frame], figure, truth.shape)[bare]
            assert correlation(read, truth[bare]) >= 0.99
            assert np.abs(read - truth[bare]).mean() < 0.03 * (figure.high - figure.low)
            for wrong in (np.roll(truth, 2, 0), truth.T, truth[::-1], truth[:, ::-1]):
                assert correlation(read, wrong[bare]) < correlation(read, truth[bare]) - 0.005
            seen += 1
    assert seen >= 2


def uncrossed(figure: Figure, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The values whose middles have no mark over them."""
    left, top, right, bottom = figure.box
    down, across = (
        low + (np.arange(count) + 0.5) / count * (high - low)
        for low, high, count in ((top, bottom, shape[0]), (left, right, shape[1]))
    )
    bare = np.ones(shape, bool)
    for x0, y0, x1, y1 in figure.crossed:
        bare &= ~(((down > y0) & (down < y1))[:, None] & ((across > x0) & (across < x1)))
    return bare
