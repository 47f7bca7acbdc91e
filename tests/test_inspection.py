"""`inspect` tells what a bundle holds."""

import re
from pathlib import Path

import numpy as np
import pytest

from fmcore.bundle import Bundle, save_bundle
from fmcore.inspection import describe


def told(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    with Bundle.open(path) as bundle:
        describe(bundle)
    return capsys.readouterr().out


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.usefixtures("wide")
def test_it_tells_layers_accuracy_probes_and_arrays(tutorial_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(tutorial_bundle, capsys)
    with Bundle.open(tutorial_bundle) as bundle:
        header = bundle.header
        assert bundle.digest[:12] in text
        for name, info in header.arrays.items():
            assert re.search(rf"^{name} +{' × '.join(map(str, info.shape))} +float32 +{info.sha256[:12]}", text, re.M)
    assert re.search(r"^conv2 +convolution +3 × 3 +1 × 1 +1 × 1 +relu +28 × 28 × 16\s*$", text, re.M)
    assert re.search(r"^pool +pooling +2 × 2 +2 × 2 +0 × 0 +none +14 × 14 × 16\s*$", text, re.M)
    assert re.search(rf"^test accuracy +{header.test_accuracy:.2%}\s*$", text, re.M)
    assert "tutorial, 32,618 parameters, input 28 × 28 × 1" in text
    assert text.count("(wrong)") == sum(probe.label != probe.predicted for probe in header.probes)


def test_a_narrow_terminal_cuts_nothing_off(
    tutorial_bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    text = told(tutorial_bundle, capsys)
    assert "…" not in text
    assert all(len(line) <= 60 for line in text.splitlines())


@pytest.mark.usefixtures("wide")
def test_names_are_shown_as_they_are(tutorial_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Bundle.open(tutorial_bundle) as bundle:
        odd = bundle.header.model_copy(update={"classes": ("cat [red]", ":bug:", *bundle.header.classes[2:])})
        save_bundle(tmp_path / "b", odd, {"logits": np.zeros(3)})
    text = told(tmp_path / "b", capsys)
    assert "cat [red], :bug:, Pullover" in text
