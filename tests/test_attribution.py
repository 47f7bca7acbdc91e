"""What is read from Grad-CAM maps and ablations, against a bundle whose numbers are written down here."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from films import Net, make_bundle
from scipy.special import softmax

from fmcore.analysis.attribution import (
    ablations,
    brightest_is_decisive,
    by_brightness,
    class_map,
    in_the_way,
    lit_by_brightness,
    place_of_the_neediest,
)
from fmcore.bundle import Bundle, save_bundle
from fmcore.errors import BundleError, InputError

CLASSES = ("shirt", "trouser", "bag", "coat")
SHOWN = np.array([[0, 2], [1, 0], [2, 1]])
LOGITS = np.array([[3, -1, 2, 0], [0, 500, 0, 0], [0, 0, 1, 0]], np.float32)
MAPS = np.random.default_rng(3).normal(size=(3, 2, 12, 12)).astype(np.float32)
MAPS[0, 1] = -np.abs(MAPS[0, 1])
MAPS[0, 1, 0, 0] = 1e-8  # nothing, beside the rest
MAPS[2, 0] = 0
MAPS[2, 1] = 1
LIGHT = (5, 1, 9, 1, 2, 1)  # activation of each channel of conv2, everywhere
ABLATED = np.array([[0, 2, 5], [2, 0, 1], [2, 0, 1]])
ABLATION = np.array([[-0.120, -0.004, 0.3], [-0.25, 0.01, 0], [0.021, 0, -0.0004]], np.float32)


def fewest_of_half(signed: np.ndarray) -> int:
    """How many places it takes, the strongest first, to have half of what lies above zero."""
    strengths = sorted(np.maximum(signed, 0).ravel().tolist(), reverse=True)
    return next(n for n in range(len(strengths) + 1) if sum(strengths[:n]) >= sum(strengths) / 2)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    path = make_bundle(tmp_path_factory.mktemp("attribution") / "net.safetensors", Net(classes=CLASSES))
    with Bundle.open(path) as made:
        arrays = {name: made.array(name) for name in made.header.arrays}
        header = made.header
    lit = np.ones_like(arrays["conv2/activation"]) * np.array(LIGHT, np.float32)[:, None, None]
    new = {
        "conv1/gradcam": MAPS[:, ::-1],
        "conv2/gradcam": MAPS,
        "gradcam_classes": SHOWN,
        "logits": LOGITS,
        "conv2/activation": lit,
        "conv2/ablated": ABLATED,
        "conv2/ablation": ABLATION,
    }
    save_bundle(path, header, arrays | new)
    with Bundle.open(path) as opened:
        yield opened


# -- places --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("probe", "wanted", "index"), [(0, None, 0), (0, "bag", 2), (1, 0, 0), (1, None, 1)])
def test_the_map_of_a_class(bundle: Bundle, probe: int, wanted: int | str | None, index: int) -> None:
    found = class_map(bundle, "conv2", probe, wanted)
    expected = MAPS[probe, SHOWN[probe].tolist().index(index)]
    assert (found.index, found.name) == (index, CLASSES[index])
    assert found.probability == pytest.approx(softmax(LOGITS[probe].astype(float))[index])
    assert (found.signed == expected).all()
    assert (found.positive == np.where(expected > 0, expected, 0)).all()


def test_what_supports_a_class_is_said(bundle: Bundle) -> None:
    some = class_map(bundle, "conv2", 0)
    half = fewest_of_half(MAPS[0, 0])
    assert some.supported and some.half == half
    places = f"{half} of {MAPS[0, 0].size} places"
    assert some.sentence == f"Half of what supports 'shirt' in conv2 comes from {places}."
    assert class_map(bundle, "conv2", 0, "bag").sentence == "Nothing in conv2 supports 'bag' here."
    assert class_map(bundle, "conv2", 2).sentence == "Nothing in conv2 supports 'bag' here."
    assert (
        class_map(bundle, "conv2", 2, 1).sentence
        == "Half of what supports 'trouser' in conv2 comes from 72 of 144 places."
    )


WRONG = {
    "a number too high": (("conv2", 0, 4), InputError, "classes 0 to 3 and no 4"),
    "a number below zero": (("conv2", 0, -1), InputError, "classes 0 to 3 and no -1"),
    "an unknown name": (
        ("conv2", 0, "bga"),
        InputError,
        "no class 'bga'; choose one of: shirt, bag. Did you mean 'bag'",
    ),
    "a name without a map": (("conv2", 0, "coat"), InputError, "no Grad-CAM map of 'coat'; choose one of: shirt, bag"),
    "a number without a map": (("conv2", 0, 1), InputError, "no Grad-CAM map of 'trouser'; choose one of: shirt, bag"),
    "a probe": (("conv2", 3, None), InputError, "probes 0 to 2 and no 3"),
    "a layer": (("conv3", 0, None), BundleError, "no layer 'conv3'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_has_no_map_is_said(bundle: Bundle, case: str) -> None:
    wanted, error, sentence = WRONG[case]
    with pytest.raises(error, match=sentence):
        class_map(bundle, *wanted)


# -- channels ------------------------------------------------------------------------------------


def test_ablations_come_with_the_largest_change_first(bundle: Bundle) -> None:
    found = ablations(bundle, "conv2", 0)
    assert [ablation.channel for ablation in found] == [5, 0, 2]
    assert [ablation.change for ablation in found] == pytest.approx([0.3, -0.12, -0.004])


@pytest.mark.parametrize(
    ("probe", "brightest", "decisive", "sentence"),
    [
        (
            0,
            2,
            0,
            "Channel 3 of conv2 is the brightest; without it the probability of 'shirt' falls by 0.4 points,"
            " without channel 1 by 12.0.",
        ),
        (
            1,
            2,
            2,
            "Channel 3 of conv2 is the brightest and the most decisive: without it the probability of 'trouser'"
            " falls by 25.0 points.",
        ),
        (
            2,
            2,
            1,
            "Channel 3 of conv2 is the brightest; without it the probability of 'bag' rises by 2.1 points,"
            " and no channel that was tried lowers it by 0.1 points.",
        ),
    ],
)
def test_whether_the_brightest_decides(
    bundle: Bundle, probe: int, brightest: int, decisive: int, sentence: str
) -> None:
    found = brightest_is_decisive(bundle, "conv2", probe)
    assert (found.brightest.channel, found.decisive.channel) == (brightest, decisive)
    assert found.same == (brightest == decisive)
    assert found.sentence == sentence


def test_a_layer_without_ablations_names_those_that_have(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match=r"'conv1' of 'net.*' has no ablations; those that have are: conv2"):
        ablations(bundle, "conv1", 0)


def test_channels_by_brightness_and_what_the_answer_does_without_them(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "net", Net(classes=CLASSES))
    with Bundle.open(path) as made:
        header, arrays = made.header, {name: made.array(name) for name in made.header.arrays}
    lit = np.ones_like(arrays["conv2/activation"]) * np.array([5, 1, 9, -1, 2, 0], np.float32)[:, None, None]
    tried = np.tile([2, 0, 4, 1, 3, 5], (3, 1))
    for changes, place, surer in (
        ([-0.1, -0.3, 0.2, 0.0004, 0, 0], 2, 1),
        ([-0.4, -0.3, 0.2, 0.1, 0, 0], 1, 2),
        ([0.1, 0.3, 0.2, 0.1, 0, 0], 0, 4),  # one that is unlit changes least
    ):
        ablation = np.tile(np.array(changes, np.float32), (3, 1))
        save_bundle(
            path, header, arrays | {"conv2/activation": lit, "conv2/ablated": tried, "conv2/ablation": ablation}
        )
        with Bundle.open(path) as bundle:
            assert [one.channel for one in by_brightness(bundle, "conv2", 1)][:4] == [2, 0, 4, 1]
            assert [one.channel for one in lit_by_brightness(bundle, "conv2", 1)] == [2, 0, 4, 1]
            assert (place_of_the_neediest(bundle, "conv2", 1), in_the_way(bundle, "conv2", 1)) == (place, surer)
