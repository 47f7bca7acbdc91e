"""Which images and layers of a bundle are shown when nobody names them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import Net, make_bundle

from fmcore.analysis.cases import (
    answered_with_less,
    case_of,
    doubtful,
    explained_layer,
    misleading,
    misled,
    needing_another,
)
from fmcore.analysis.depths import depths
from fmcore.analysis.measures import measure, sample_size
from fmcore.analysis.reading import reader_of
from fmcore.analysis.weighing import by_both_tests
from fmcore.bundle import Bundle, save_bundle
from fmcore.errors import BundleError


@contextmanager
def opened(path: Path, net: Net, arrays: dict[str, Any] | None = None, **header: Any) -> Iterator[Bundle]:
    """The bundle of `net` with these arrays and fields of the header in place of its own."""
    make_bundle(path, net)
    if arrays or header:
        with Bundle.open(path) as made:
            new, old = made.header.model_copy(update=header), {name: made.array(name) for name in made.header.arrays}
        save_bundle(path, new, old | (arrays or {}))
    with Bundle.open(path) as bundle:
        yield bundle


def said(path: Path, net: Net, answers: list[tuple[int | None, int, float]]) -> Any:
    """The probes of `net` with these labels, predictions and probabilities."""
    with Bundle.open(make_bundle(path, net)) as made:
        return tuple(
            probe.model_copy(update={"label": label, "predicted": predicted, "probability": probability})
            for probe, (label, predicted, probability) in zip(made.header.probes, answers, strict=True)
        )


# -- images --------------------------------------------------------------------------------------


def test_the_rival_is_the_true_class_or_else_the_next_likeliest(tmp_path: Path) -> None:
    net = Net(measured=True)
    probes = said(tmp_path / "a", net, [(0, 0, 0.9), (0, 1, 0.5), (None, 2, 0.4)])
    shown = np.array([[0, 2], [1, 0], [2, 1]])
    with opened(tmp_path / "a", net) as bundle:
        of_classes = [name for name in bundle.header.arrays if "/gradcam" in name]
        arrays = {"gradcam_classes": shown} | {name: bundle.array(name)[:, :2] for name in of_classes}
    with opened(tmp_path / "a", net, arrays, probes=probes) as bundle:
        cases = [case_of(bundle, "conv1", probe, "x") for probe in range(3)]
        assert [[found.index for found in case.maps] for case in cases] == shown.tolist()
        assert [case.slots for case in cases] == [(0, 1)] * 3
        assert np.array_equal(cases[1].image, bundle.part("probes", 1))
    with opened(tmp_path / "b", net, {"gradcam_classes": np.array([[2, 0, 1]] * 3)}, probes=probes) as bundle:
        case = case_of(bundle, "conv1", 1)  # answered 1, truly 0, and 2 is the likeliest
        assert ([found.index for found in case.maps], case.slots) == ([1, 0], (2, 1))


DOUBTS: dict[str, tuple[list[tuple[int | None, int, float]], int, int]] = {
    "the least sure wrong answer": ([(0, 0, 0.2), (0, 1, 0.9), (0, 2, 0.6)], 0, 2),
    "another than the one before": ([(0, 1, 0.1), (0, 1, 0.9), (0, 0, 0.2)], 0, 1),
    "all right: the least sure": ([(0, 0, 0.3), (1, 1, 0.8), (2, 2, 0.7)], 0, 2),
    "labels not known": ([(None, 0, 0.3), (None, 1, 0.2), (None, 2, 0.7)], 0, 1),
    "of equals the first": ([(0, 0, 0.5), (1, 1, 0.5), (2, 2, 0.5)], 2, 0),
}


@pytest.mark.parametrize("case", DOUBTS)
def test_the_doubtful_image(tmp_path: Path, case: str) -> None:
    answers, but, expected = DOUBTS[case]
    arrays = supported(*[(1, 1, 1)] * 3)
    with opened(tmp_path / "a", Net(), arrays, probes=said(tmp_path / "a", Net(), answers)) as bundle:
        assert doubtful(bundle, "conv1", but) == expected


def test_a_doubtful_answer_has_something_to_show(tmp_path: Path) -> None:
    probes = said(tmp_path / "a", Net(), [(0, 0, 0.2), (0, 1, 0.9), (0, 2, 0.6)])
    with opened(tmp_path / "a", Net(), supported((1, 1, 1), (0, 1, 0), (1, 1, 0)), probes=probes) as bundle:
        assert doubtful(bundle, "conv1", 0) == 1  # nothing supports the less sure answer 2
    with opened(tmp_path / "a", Net(), supported((1, 1, 1), (0, 0, 1), (1, 1, 0)), probes=probes) as bundle:
        assert doubtful(bundle, "conv1", 0) == 2  # nothing supports either


def test_one_image_is_doubtful_itself(tmp_path: Path) -> None:
    probes = said(tmp_path / "a", Net(), [(0, 0, 0.9)] * 3)[:1]
    with opened(tmp_path / "a", Net(), supported(*[(1, 1, 1)] * 3)) as bundle:
        rows = {name for name, info in bundle.header.arrays.items() if info.shape[0] == len(bundle.header.probes)}
        arrays = {name: bundle.array(name)[: 1 if name in rows else None] for name in bundle.header.arrays}
    with opened(tmp_path / "a", Net(), arrays, probes=probes) as bundle:
        assert doubtful(bundle, "conv1", 0) == 0


def test_brightness_misleads_most_where_the_decisive_channel_costs_most_beyond_it(tmp_path: Path) -> None:
    net = Net(measured=True, widths=(4, 3))
    lit = np.zeros((3, 4, 12, 12), np.float32) + np.array([9, 1, 2, 3], np.float32)[:, None, None]
    changes = np.array([[-0.1, -0.2], [0.1, -0.3], [0.3, -0.6]], np.float32)  # of channels 0, the brightest, and 1
    arrays = {"conv1/activation": lit, "conv1/ablated": np.tile([0, 1], (3, 1)), "conv1/ablation": changes}
    arrays["conv1/ablation_predicted"] = np.zeros((3, 2), np.int32)
    arrays |= {"conv1/gradcam": np.zeros((3, 3, 12, 12), np.float32), "gradcam_classes": np.tile([0, 1, 2], (3, 1))}
    right = said(tmp_path / "a", net, [(0, 0, 0.9), (1, 1, 0.9), (2, 0, 0.9)])
    with opened(tmp_path / "a", net, arrays, probes=right) as bundle:
        assert misleading(bundle, "conv1") == 1  # probe 2 has the larger gap and is answered wrongly
    wrong = said(tmp_path / "b", net, [(0, 1, 0.9), (1, 0, 0.9), (2, 0, 0.9)])
    with opened(tmp_path / "b", net, arrays, probes=wrong) as bundle:
        assert misleading(bundle, "conv1") == 2
    with opened(tmp_path / "c", net, arrays | {"conv1/ablation": np.zeros((3, 2), np.float32)}) as bundle:
        assert misleading(bundle, "conv1") == bundle.default_probe


def test_on_how_many_images_an_answer_needs_another_channel_than_the_brightest(tmp_path: Path) -> None:
    lit = np.zeros((3, 4, 12, 12), np.float32) + np.array([9, 1, 2, 3], np.float32)[:, None, None]
    arrays = {"conv1/activation": lit, "conv1/ablated": np.tile([1, 0], (3, 1))}
    arrays["conv1/ablation_predicted"] = np.zeros((3, 2), np.int32)
    arrays["conv1/ablation"] = np.array(
        [[-0.3, -0.1], [-0.105, -0.1], [0.1, -0.2]], np.float32
    )  # second: the brightest
    with opened(tmp_path / "a", Net(measured=True, widths=(4, 3)), arrays) as bundle:
        assert needing_another(bundle, "conv1") == 1  # in the second image by half a point alone
        assert measure("answers that need another", bundle, "conv1/ablation") == 1
        assert sample_size("answers that need another", bundle, "conv1/ablation") == 3
        assert [misled(bundle, "conv1", probe) for probe in range(3)] == [(0, 1)] * 3  # the only one, whatever is shown
    wrong = said(tmp_path / "a", Net(measured=True, widths=(4, 3)), [(1, 0, 0.9), (1, 1, 0.9), (2, 2, 0.9)])
    with opened(tmp_path / "a", Net(measured=True, widths=(4, 3)), arrays, probes=wrong) as bundle:
        assert misled(bundle, "conv1", 2) == (0, 1)  # answered wrongly, and yet the only one
    arrays["conv1/ablation"] = -np.tile(np.array([0.1, 0.3], np.float32), (3, 1))
    with opened(tmp_path / "b", Net(measured=True, widths=(4, 3)), arrays) as bundle:
        assert misled(bundle, "conv1", 1) == (1, None)


def test_grad_cam_and_taking_away_may_name_different_channels(tmp_path: Path) -> None:
    net = Net(measured=True, widths=(4, 3))
    lit = np.ones((3, 4, 12, 12), np.float32)
    weight = np.zeros((3, 3, 4), np.float32)
    weight[:] = [0.1, 0.3, -0.2, 0]  # channel 1 adds most
    changes = np.array([[0.02, -0.1, 0.0], [0.02, 0.0, -0.1], [0.02, -0.004, -0.1]], np.float32)
    arrays = {"conv1/activation": lit, "conv1/ablated": np.tile([1, 2, 0], (3, 1)), "conv1/ablation": changes}
    arrays |= {"conv1/ablation_predicted": np.zeros((3, 3), np.int32), "conv1/gradcam_weight": weight}
    with opened(tmp_path / "a", net, arrays | supported(*[(1, 1, 1)] * 3)) as bundle:
        found = [by_both_tests(bundle, "conv1", probe, 0) for probe in range(3)]
        assert [pair and tuple(one.channel for one in pair) for pair in found] == [(1, 2), (1, 0), (1, 0)]
    changes = np.array([[-0.2, -0.1, 0.0], [0.02, 0.0, -0.009], [0.0, 0.0, 0.0]], np.float32)
    with opened(tmp_path / "b", net, arrays | supported(*[(1, 1, 1)] * 3) | {"conv1/ablation": changes}) as bundle:
        assert [by_both_tests(bundle, "conv1", probe, 0) for probe in range(3)] == [None] * 3  # same, or none needed


def test_what_share_of_the_support_lies_off_the_object(tmp_path: Path) -> None:
    image = np.zeros((1, 12, 12), np.float32)
    image[:, 3:9, 3:9] = 1
    maps = np.zeros((3, 3, 12, 12), np.float32)
    maps[0, 0, 4, 4], maps[0, 0, 0, 0] = 3, 1
    maps[0, 0, 0, 5] = -9  # is no support
    arrays = {"probes": np.stack([image] * 3), "conv1/gradcam": maps, "gradcam_classes": np.tile([0, 1, 2], (3, 1))}
    with opened(tmp_path / "a", Net(), arrays) as bundle:
        off = [measure("support off the object", bundle, "conv1/gradcam", (probe, 0)) for probe in (0, 1)]
        assert off == [pytest.approx(0.25), 0]
    with opened(tmp_path / "a", Net(), arrays | {"probes": np.zeros((3, 1, 12, 12), np.float32)}) as bundle:
        assert measure("support off the object", bundle, "conv1/gradcam", (0, 0)) == 0  # no object


def supported(*support: tuple[float, float, float]) -> dict[str, Any]:
    """Grad-CAM of conv1 in which one place of each probe gives each class this much."""
    maps = np.zeros((3, 3, 12, 12), np.float32)
    maps[:, :, 5, 5] = support
    maps[:, :, 6, 6] = -1  # what opposes a class is no support
    return {"conv1/gradcam": maps, "gradcam_classes": np.tile([0, 1, 2], (3, 1))}


def test_a_first_example_is_one_whose_answer_has_the_larger_support(tmp_path: Path) -> None:
    net = Net(measured=True, widths=(4, 3))
    lit = np.zeros((3, 4, 12, 12), np.float32) + np.array([9, 1, 2, 3], np.float32)[:, None, None]
    arrays = {"conv1/activation": lit, "conv1/ablated": np.tile([0, 1], (3, 1))}
    arrays["conv1/ablation_predicted"] = np.zeros((3, 2), np.int32)
    arrays["conv1/ablation"] = np.array([[-0.1, -0.2], [0.1, -0.3], [-0.1, -0.15]], np.float32)
    probes = said(tmp_path / "a", net, [(0, 0, 0.9), (1, 1, 0.9), (2, 2, 0.9)])  # the rival is 1, 0 and 0
    for support, expected, less in (
        (supported((3, 1, 0), (3, 1, 0), (0, 0, 5)), 0, 1),  # probe 1 misleads most, against its support
        (supported((0, 1, 0), (0, 1, 0), (0, 0, 0)), 1, 1),
        (supported((1, 2, 0), (2, 1, 0), (3, 0, 1)), 1, 3),  # all have less: the one that misleads most
        (supported((1, 1.04, 0), (1.04, 1, 0), (0, 0, 0)), 1, 0),  # that is about as much
    ):
        with opened(tmp_path / "a", net, arrays | support, probes=probes) as bundle:
            assert misleading(bundle, "conv1", supported=True) == expected
            assert misleading(bundle, "conv1") == 1  # whatever supports it
            assert answered_with_less(bundle, "conv1") == less
            assert measure("answers with less support", bundle, "conv1/gradcam") == less
            assert sample_size("answers with less support", bundle, "conv1/gradcam") == 3


# -- layers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "expected"), [((28, 28), "conv3"), ((16, 13), "conv2"), ((6, 6), "conv3"), ((1, 1), "conv3")]
)
def test_the_layer_to_explain_is_the_last_with_maps_that_tell_regions_apart(
    tmp_path: Path, size: tuple[int, int], expected: str
) -> None:
    net = Net(size=size, widths=(2, 2, 2), pooled=size[0] > 6, measured=True)
    with opened(tmp_path / "a", net) as bundle:
        layer = explained_layer(bundle, "gradcam", "ablation")
        assert layer is not None and layer.name == expected
    with opened(tmp_path / "b", Net()) as bundle:
        assert explained_layer(bundle, "ablation") is None


SIX = Net(size=(4, 4), widths=(2,) * 6)


@pytest.mark.parametrize(
    ("net", "most", "names", "expected"),
    [
        (SIX, 3, "", ["conv1", "conv3", "conv6"]),
        (SIX, 9, "", ["conv1", "conv2", "conv3", "conv4", "conv5", "conv6"]),
        (SIX, 3, "conv5, conv2", ["conv2", "conv5"]),  # in the order in which they ran
        (Net(widths=(2, 2), pooled=True), 2, "", ["conv1", "conv2"]),
        (Net(widths=(2, 2), pooled=True), 3, "", ["conv1", "conv2", "pool2"]),
        (Net(widths=(2,), pooled=True), 3, "", ["conv1", "pool1"]),
    ],
)
def test_layers_over_the_depth(tmp_path: Path, net: Net, most: int, names: str, expected: list[str]) -> None:
    with opened(tmp_path / "a", net) as bundle:
        assert [layer.name for layer in depths(bundle, most, names)] == expected


@pytest.mark.parametrize(
    ("net", "names", "sentence"),
    [
        (SIX, "conv1", "Of 1 layers nothing can be compared here; name 2 to 3 of conv1, conv2"),
        (SIX, "conv1, conv1", "Of 1 layers"),
        (SIX, "conv1, conv2, conv3, conv4", "Of 4 layers"),
        (SIX, "conv1, conv7", "no layer 'conv7'"),
        (Net(widths=(2,)), "", "'a' holds 1; record a deeper network"),
    ],
)
def test_layers_that_cannot_be_compared(tmp_path: Path, net: Net, names: str, sentence: str) -> None:
    with opened(tmp_path / "a", net) as bundle, pytest.raises(BundleError, match=sentence):
        depths(bundle, 3, names)


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("said_so", [False, True], ids=["found out", "recorded"])
def test_who_reads_the_maps(tmp_path: Path, pooled: bool, said_so: bool) -> None:
    with Bundle.open(make_bundle(tmp_path / "a", Net(pooled=pooled))) as made:
        layers = made.header.layers
    if not said_so:  # poolings do not say what they read
        layers = tuple(layer.model_copy(update={"input": ""}) if layer.type == "pooling" else layer for layer in layers)
    with opened(tmp_path / "a", Net(pooled=pooled), layers=layers) as bundle:
        first, last = bundle.convolutions
        reader = reader_of(bundle, first)
        assert reader is not None and (reader.layer.name, reader.pooled) == ("conv2", pooled)
        assert reader_of(bundle, last) is None


def test_a_pooling_that_reads_another_layer_has_not_pooled_these(tmp_path: Path) -> None:
    with Bundle.open(make_bundle(tmp_path / "a", Net(pooled=True))) as made:
        layers = tuple(
            layer.model_copy(update={"reads": ("pool2",)}) if layer.name == "pool1" else layer
            for layer in made.header.layers
        )
    with opened(tmp_path / "a", Net(pooled=True), layers=layers) as bundle:
        assert reader_of(bundle, bundle.layer("conv1")) is None
