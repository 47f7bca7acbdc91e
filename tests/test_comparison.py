"""`compare` tells where two networks are alike, in numbers that can be worked out again."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from fmcore.analysis.compare import compare as compared
from fmcore.bundle import Bundle, save_bundle
from fmcore.cli import cli
from fmcore.data.imageset import ImageSet

if TYPE_CHECKING:
    from fmcore.training import Trained


def compare(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "160"}).invoke(cli, ["compare", *map(str, arguments)])


@pytest.fixture(scope="module")
def other_seed(train_tiny: "Callable[..., Trained]", tiny_images: ImageSet, bundle_folder: Path) -> Path:
    """The tutorial network on the same images, from other weights."""
    from fmcore.recording import record

    path = bundle_folder / "tutorial-other-seed.safetensors"
    record(train_tiny(tiny_images, "tutorial", seed=1), tiny_images, path)
    return path


def test_layers_channels_and_answers(tutorial_bundle: Path, other_seed: Path) -> None:
    text = compare(tutorial_bundle, other_seed).output
    with Bundle.open(tutorial_bundle) as one, Bundle.open(other_seed) as other:
        found = compared(one, other)
        a, b = (bundle.array("test_predicted") for bundle in (one, other))
        truth = one.array("test_label")
        classes = one.header.classes
    for pair in found.counterparts:
        matched = [match.correlation for match in pair.matching.pairs]
        channels = len(matched) + len(pair.matching.unmatched_one)
        row = rf"^{pair.layer} +{pair.cka:.3f} +{len(matched)} of {channels} and {channels} "
        assert re.search(row + rf"+{max(matched):.2f} +{np.median(matched):.2f}\s*$", text, re.M), text
    assert "the same bundle" not in text and "the same bundle" in compare(tutorial_bundle, tutorial_bundle).output
    first = found.counterparts[0].matching
    alone = ", ".join(str(c + 1) for c in first.unmatched_one) or "none"
    everything = compare(tutorial_bundle, other_seed, "--all").output
    assert re.search(rf"^conv1 +{alone} ", everything, re.M)
    assert f"A and B answer alike on {(a == b).mean():.1%} of 60 images" in text
    assert f"A is right on {(a == truth).mean():.2%}, B on {(b == truth).mean():.2%}" in text
    rows = re.findall(r"^(\d+) +(\S.*?) \d+% +(\S.*?) \d+% +(\S.*?) *$", text, re.M)
    assert 0 < len(rows) <= 10
    for row, said, answered, known in rows:
        n = int(row)
        assert (said, answered, known) == (classes[a[n]], classes[b[n]], classes[truth[n]]) and a[n] != b[n]


def test_figures_of_layers_and_of_matched_channels(tutorial_bundle: Path, deep_bundle: Path, tmp_path: Path) -> None:
    result = compare(tutorial_bundle, deep_bundle, "--figures", tmp_path)
    assert result.exit_code == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["cka.png", "matches_conv1.png", "matches_conv2.png"]
    assert f"3 figures in {tmp_path}: likeness of layers, and matched channels of conv1, conv2." in result.output
    for path in tmp_path.iterdir():
        with Image.open(path) as image:
            assert len(np.unique(np.asarray(image.convert("L")))) > 20, path


def test_without_a_common_probe_nothing_is_drawn_side_by_side(tutorial_bundle: Path, tmp_path: Path) -> None:
    with Bundle.open(tutorial_bundle) as bundle:
        arrays = {name: bundle.array(name) for name in bundle.header.arrays}
        probes = tuple(probe.model_copy(update={"source": "mine.png"}) for probe in bundle.header.probes)
        header = bundle.header.model_copy(update={"probes": probes})
        save_bundle(tmp_path / "b", header, arrays | {"probes": 1 - arrays["probes"]})
    result = compare(tutorial_bundle, tmp_path / "b", "--figures", tmp_path / "figures")
    assert "because the bundles have no probe in common" in result.output
    assert "A and B answer alike on 100.0% of 60 images" in result.output
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["cka.png"]


def test_other_images_and_missing_files_are_a_sentence(tutorial_bundle: Path, rgb_bundle: Path, tmp_path: Path) -> None:
    result = compare(tutorial_bundle, rgb_bundle)
    assert result.exit_code == 2 and "record both networks on the same data" in result.stderr
    assert result.stdout == ""
    gone = compare(tutorial_bundle, tmp_path / "gone")
    assert gone.exit_code == 2 and "There is no bundle at" in gone.stderr
