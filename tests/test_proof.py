"""The proof: what a film shows, read back pixel by pixel, is what the bundle holds."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from films import correlation, frames_of, read_back
from numpy.typing import NDArray

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


CLEAR = 2.4  # pixels a value: the film keeps one colour for 2 x 2 pixels, so smaller squares bleed into each other


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
    assert film.shape[1:] == (SMOKE.height, SMOKE.width, 3)
    clear = {}
    with Bundle.open(path) as bundle:
        assert shown.performance.bundle_digest == bundle.digest
        for figure in shown.performance.figures:
            truth = bundle.part(figure.array, *figure.index)
            if figure.covered or np.ptp(truth) == 0:
                continue
            read = read_back(film[figure.frame], figure, truth.shape)
            found = correlation(read, truth)
            if pixels_a_value(figure, truth.shape) < CLEAR:
                assert found > 0.8, figure
                continue
            clear[figure.beat, figure.array, figure.index] = found
            assert found >= 0.99, figure
            assert np.abs(read - truth).mean() < 0.03 * (figure.high - figure.low), figure
            for wrong in wrong_maps(bundle, figure):
                assert correlation(read, wrong) < found - 0.005, figure
    assert len(clear) >= 6
    if name == "ActivationHeatmap":
        assert {beat for beat, array, _ in clear if array == "conv1/activation"} == {
            beat.cue for beat in shown.performance.beats
        }


def wrong_maps(bundle: Bundle, figure: Figure) -> Iterator[NDArray[np.float32]]:
    """The map shifted, transposed and upside down, and the other channels, as far as they differ from it."""
    truth = bundle.part(figure.array, *figure.index)
    channels = range(bundle.info(figure.array).shape[1])
    others = [bundle.part(figure.array, figure.index[0], channel) for channel in channels if channel != figure.index[1]]
    for wrong in (np.roll(truth, 2, 0), np.roll(truth, 2, 1), truth.T, truth[::-1], truth[:, ::-1], *others):
        if np.ptp(wrong) and correlation(truth, wrong) < 0.97:
            yield wrong
