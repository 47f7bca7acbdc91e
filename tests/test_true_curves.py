"""Sentences about curves, sums and colours hold for any network, and a right film of few colours is no wrong one."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from test_check_proof import Filmed, N

from fmcore.check.proof import most_gain
from fmcore.colour import ColourScale

# -- pictures of few colours ---------------------------------------------------------------------


def test_a_map_of_few_colours_is_no_wrong_one_and_a_wrong_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scale = ColourScale(-2.16, 2.16, "shared", "berlin")  # of other maps: this one takes 20 of its 256 colours
    monkeypatch.setattr(ColourScale, "of", staticmethod(lambda values: scale))
    film, expected = Filmed((212, 120)), []
    for seed in range(8):
        low = 0.05 + 0.14 * gaussian_filter(np.random.default_rng(seed).normal(size=(N, N)), 1)
        other = 0.05 + 0.14 * gaussian_filter(np.random.default_rng(90 + seed).normal(size=(N, N)), 1)
        for shown in (None, 0.6 * low, 1.5 * low, -low, other, low[::-1], np.roll(low, 1, 1)):
            film.add(low, shown, pixels=3.3)
            expected.append("value by value" if shown is None else "wrong")
    assert [proof.outcome for proof in film.proofs(tmp_path)] == expected


def test_only_of_pictures_of_few_steps_the_contrast_is_less_sure() -> None:
    assert [round(most_gain(spread), 2) for spread in (2, 2.5, 4, 5, 60)] == [0.25, 0.2, 0.12, 0.1, 0.1]
