"""Claims: what a scene says of a number is what is measured, and where it does not hold the words change."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import Net, make_bundle, play

from fmcore.analysis.measures import MEASURES, measure
from fmcore.analysis.saying import percent
from fmcore.bundle import Bundle
from fmcore.errors import BundleError
from fmcore.lesson.script import Beat, Script
from scenes.parts.text import whole
from scenes.stage import LessonScene

ACTIVATION = "conv1/activation"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("claims") / "made-up.safetensors"
    return make_bundle(path, Net(size=(12, 9), dead=(1,), measured=True))


class Says(LessonScene):
    """One beat that says four things."""

    title = "Says"
    script = Script.of(
        Beat(cue="one", say="{layer}: {top} of {rows} rows, {often}, {count} and {share}."),
        Beat(cue="two", say="{top}"),
    )

    def facts(self) -> dict[str, object]:
        return {
            "layer": "conv1",
            "top": self.claim("largest value", ACTIVATION, 2, 0),
            "rows": self.claim("rows", ACTIVATION, 2, 0, words=whole),
            "often": self.claim("share above zero", ACTIVATION, 2, 1, at_least=0.5, words="often", otherwise="rarely"),
            "count": 4,
            "share": "12%",
            "shown": self.claim("value over images", "conv1/fired", 1, words=percent),
        }

    def construct(self) -> None:
        for cue in ("one", "two"):
            with self.beat(cue):
                pass


def test_claims_are_said_listed_and_bare_numbers_are_named(bundle: Path) -> None:
    shown = play(Says, bundle).performance
    with Bundle.open(bundle) as opened:
        truth = opened.array(ACTIVATION)[2, 0]
        digest = opened.info(ACTIVATION).sha256
    top = f"{truth.max():.2f}"
    assert [beat.say for beat in shown.beats] == [f"conv1: {top} of 12 rows, rarely, 4 and 12%.", top]
    told = {(one.beat, one.name): one.claim for one in shown.claims}
    assert set(told) == {("one", "top"), ("two", "top"), ("one", "rows"), ("one", "often"), ("", "shown")}
    assert told["one", "top"].value == pytest.approx(float(truth.max()))
    assert told["one", "top"].digest == digest and told["one", "top"].sample_size == 1
    often = told["one", "often"]
    assert (often.relation, often.threshold, often.value, often.holds) == ("at least", 0.5, 0.0, False)
    assert told["", "shown"].sample_size == 3 and told["", "shown"].words == "0%"
    assert shown.unproved == (("one", "count"), ("one", "share"))


INDEPENDENT: dict[str, Any] = {
    "rows": lambda v: 12,
    "columns": lambda v: 9,
    "channels": lambda v: 4,
    "length": lambda v: 4,
    "largest value": lambda v: max(v.ravel().tolist()),
    "smallest value": lambda v: min(v.ravel().tolist()),
    "mean": lambda v: sum(v.ravel().tolist()) / v.size,
    "share of zeros": lambda v: sum(x <= 0 for x in v.ravel().tolist()) / v.size,
    "share above zero": lambda v: sum(x > 0 for x in v.ravel().tolist()) / v.size,
    "live share above zero": lambda v: (v[[0, 2, 3]] > 0).mean(),  # channel 1 is dead
    "row of the largest value": lambda v: np.argwhere(v == v.max())[0][1] + 1,
    "column of the largest value": lambda v: np.argwhere(v == v.max())[0][2] + 1,
    "channel of the largest value": lambda v: np.argwhere(v == v.max())[0][0] + 1,
}


def test_numbers_that_are_typed_into_a_sentence_are_named() -> None:
    say = "All 7 maps of conv2 go from 0 to 1, “channel 8” and {many} by 12.5%, in 3D."
    assert Script.of(Beat(cue="one", say=say)).typed == (("one", "7"), ("one", "12.5"))


@pytest.mark.parametrize("name", INDEPENDENT)
def test_a_measure_is_what_its_name_says(name: str, bundle: Path) -> None:
    with Bundle.open(bundle) as opened:
        values = opened.part(ACTIVATION, 2)
        assert measure(name, opened, ACTIVATION, (2,)) == pytest.approx(INDEPENDENT[name](values), rel=1e-5)


def test_the_answer_and_unknown_measures(bundle: Path) -> None:
    with Bundle.open(bundle) as opened:
        logits = opened.part("logits", 1).astype(float)
        share = np.exp(logits) / np.exp(logits).sum()
        assert measure("probability of the answer", opened, "logits", (1,)) == pytest.approx(share.max())
        assert measure("class of the answer", opened, "logits", (1,)) == 1
        with pytest.raises(BundleError, match=r"no measure 'largest'.*Did you mean 'largest value'"):
            measure("largest", opened, ACTIVATION)
    assert all(one.explained for one in MEASURES.values())
