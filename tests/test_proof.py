"""The proof: what a film shows, read back pixel by pixel, is what the bundle holds."""

from pathlib import Path

import numpy as np
import pytest
from films import correlation, frames_of, read_back

from fmcore.bundle import Bundle
from fmcore.lesson.brief import Brief, Figure
from fmcore.render.catalogue import find_scene
from fmcore.render.spec import quality
from fmcore.render.worker import SegmentJob, render_segment

SMOKE = quality("smoke")
BUNDLES = {
    "FeatureMapDemo": "tutorial_bundle",
    "MultipleFeatureMaps": "tutorial_bundle",
    "ActivationHeatmap": "tutorial_bundle",
    "FeatureMapProgression": "deep_bundle",
}


def pixels_a_value(figure: Figure, shape: tuple[int, ...]) -> float:
    left, top, right, bottom = figure.box
    return min((bottom - top) * SMOKE.height / shape[0], (right - left) * SMOKE.width / shape[1])


@pytest.mark.parametrize("name", BUNDLES)
def test_every_figure_is_read_back_from_the_film(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(BUNDLES[name])
    ref = find_scene(name)
    job = SegmentJob(
        scene=name, path=ref.path, module=ref.module, brief=Brief(bundle=path), spec=SMOKE, target=tmp_path / "film.mp4"
    )
    shown = render_segment(job, lambda done, total: None)
    film = frames_of(tmp_path / "film.mp4")
    assert len(film) == shown.frames == shown.performance.beats[-1].end
    assert film.shape[1:] == (240, 426, 3)
    found: dict[tuple[str, str, tuple[int, ...]], float] = {}
    with Bundle.open(path) as bundle:
        assert shown.performance.bundle_digest == bundle.digest
        for figure in shown.performance.figures:
            truth = bundle.part(figure.array, *figure.index)
            if figure.covered or pixels_a_value(figure, truth.shape) < 1 or np.ptp(truth) == 0:
                continue
            read = read_back(film[figure.frame], figure, truth.shape)
            found[figure.beat, figure.array, figure.index] = correlation(read, truth)
            assert np.abs(read - truth).mean() < 0.05 * (figure.high - figure.low), figure
            for other in (np.roll(truth, 3, 0), np.roll(truth, 3, 1), truth.T, truth[::-1]):
                assert correlation(read, other) < found[figure.beat, figure.array, figure.index] - 0.005, figure
            for channel in range(bundle.info(figure.array).shape[1]):
                other = bundle.part(figure.array, figure.index[0], channel)
                if channel != figure.index[-1] and np.ptp(other) and correlation(truth, other) < 0.97:
                    assert correlation(read, other) < found[figure.beat, figure.array, figure.index] - 0.01, figure
    assert found
    worst = min(found, key=found.__getitem__)
    print(f"{name}: {len(found)} figures, the worst {worst} with {found[worst]:.4f}")
    assert found[worst] >= 0.99, (worst, found[worst])
