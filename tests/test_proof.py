"""The proof: every scene of the lesson, filmed small, shows what the bundle holds, and no rule is broken."""

from pathlib import Path

import numpy as np
import pytest
from films import correlation, frames_of, read_back

from fmcore.bundle import Bundle
from fmcore.checking import jobs_for
from fmcore.lesson.plan import builtin_plan
from fmcore.render.spec import ASPECTS, quality

ENTRIES = builtin_plan().scenes


@pytest.mark.parametrize("number", range(len(ENTRIES)), ids=[entry.scene for entry in ENTRIES])
def test_every_scene_of_the_lesson_is_clean(number: int, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    entry, spec = ENTRIES[number], quality("smoke", ASPECTS[number % 3], "dark" if number % 2 else "light")
    names = [name for name in (entry.bundle, entry.other) if name]
    bundles = {name: Path(request.getfixturevalue(f"{name}_bundle")) for name in names}
    (job,) = jobs_for([entry], bundles, [spec], tmp_path, filmed=True)
    found = job.run(lambda done, total: None)
    assert [f"{one.beat}, {one.rule}: {one.message}" for one in found.findings] == []
    outcomes = [proof.outcome for proof in found.proofs]
    assert "wrong" not in outcomes and outcomes.count("value by value") + outcomes.count("area by area") >= 3
    assert len(found.thumbnails) == len(found.board.performance.beats)


def test_a_figure_is_read_back_by_other_means(tmp_path: Path, tutorial_bundle: Path) -> None:
    """One scene with a reader of its own: one pixel a value, through the colour table alone."""
    entry = next(entry for entry in ENTRIES if entry.scene == "ActivationHeatmap")
    (job,) = jobs_for([entry], {"tutorial": tutorial_bundle}, [quality("smoke")], tmp_path, filmed=True)
    board = job.run(lambda done, total: None).board
    film = frames_of(job.segment.target)
    assert len(film) == board.performance.beats[-1].end
    seen = 0
    with Bundle.open(tutorial_bundle) as bundle:
        for figure in board.performance.figures:
            truth = bundle.part(figure.array, *figure.index)
            if figure.array == "probes" or figure.covered:
                continue
            read = read_back(film[figure.frame], figure, truth.shape)
            assert correlation(read, truth) >= 0.99
            assert np.abs(read - truth).mean() < 0.03 * (figure.high - figure.low)
            for wrong in (np.roll(truth, 2, 0), truth.T, truth[::-1], truth[:, ::-1]):
                assert correlation(read, wrong) < correlation(read, truth) - 0.005
            seen += 1
    assert seen >= 2
