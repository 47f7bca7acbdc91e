"""Which images, layers and channels of a bundle are shown when nobody names them, and which belong together."""

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
from fmcore.analysis.compare import Pair
from fmcore.analysis.counterparts import (
    Parting,
    called,
    clearest,
    common_probes,
    counterpart,
    crossing,
    image_in_common,
    likeness,
    likest,
    loneliest,
    parting,
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


def test_the_clearest_pair_is_seen_and_repeats_the_image_least() -> None:
    image = np.linspace(0, 1, 64).reshape(1, 8, 8)
    edge = np.zeros((8, 8))
    edge[:, 3] = 1
    other_edge = np.roll(edge, 2, 1)
    one, two = np.stack([image[0], edge, edge]), np.stack([image[0] * 2, edge * 3, other_edge])
    pairs = [Pair(0, 0, 0.99), Pair(1, 1, 0.85), Pair(2, 2, 0.95)]  # the last one cannot be seen here
    assert clearest(pairs, (one, two), image) == pairs[1]
    assert clearest([pairs[0], Pair(1, 1, 0.79)], (one, two), image) == pairs[0]
    assert clearest(pairs[2:], (one, two), image) is None


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


def test_what_is_stronger_than_the_maps_has_not_pooled_them(tmp_path: Path) -> None:
    with Bundle.open(make_bundle(tmp_path / "a", Net(pooled=True))) as made:
        layers = tuple(
            layer.model_copy(update={"input": ""}) if layer.type == "pooling" else layer for layer in made.header.layers
        )
        louder = {"pool1/activation": made.array("pool1/activation") + 1}
    with opened(tmp_path / "a", Net(pooled=True), louder, layers=layers) as bundle:
        assert reader_of(bundle, bundle.layer("conv1")) is None


# -- two networks --------------------------------------------------------------------------------

RANDOM = np.random.default_rng(4)
MINE = RANDOM.random((9, 4, 4, 4), np.float32)
THEIRS = MINE[:7, [2, 0, 3, 1]].copy()  # the same channels in another order
THEIRS[:, 3] = RANDOM.random((7, 4, 4), np.float32)  # but for the second
MINE[:, 3] = 0.5  # and the last is constant here
SHARED = {
    "test_predicted": np.array([0, 1, 2]),
    "test_probability": np.full(3, 0.5, np.float32),
    "test_label": np.arange(3),
}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Bundle, Bundle]]:
    with Bundle.open(make_bundle(tmp_path / "made", Net())) as made:
        data = made.header.dataset.model_copy(update={"test_sha256": "a" * 64})
    one = opened(tmp_path / "one", Net(), SHARED | {"conv1/sample": MINE}, dataset=data)
    other = opened(tmp_path / "two", Net(wrong=True), SHARED | {"conv1/sample": THEIRS}, dataset=data)
    with one as mine, other as theirs:
        yield mine, theirs


def test_channels_of_two_networks_find_each_other(two: tuple[Bundle, Bundle]) -> None:
    table = likeness(*two, "conv1")
    for mine, theirs in ((0, 1), (1, 3), (2, 0)):
        expected = np.corrcoef(MINE[:7, mine].ravel(), THEIRS[:, theirs].ravel())[0, 1]
        assert table[mine, theirs] == pytest.approx(expected, abs=1e-6)
    assert likest(*two, "conv1", 0) == Pair(0, 1, pytest.approx(1))
    assert not table[3].any()  # constant
    for c, d in ((0, 1), (1, 3)):  # on one image the maps themselves are compared
        maps = two[0].part("conv1/activation", 2, c), two[1].part("conv1/activation", 1, d)
        seen = measure("correlation on one image", two[0], "conv1/activation", (2, 1, c, d), two[1])
        assert seen == pytest.approx(np.corrcoef(maps[0].ravel(), maps[1].ravel())[0, 1], abs=1e-6)
    lonely = loneliest(*two, "conv1")
    assert lonely is not None and (lonely.one, lonely.other) == (1, int(table[1].argmax()))
    with pytest.raises(BundleError, match=r"'conv2' of 'one' cannot be compared, .*; name one of conv1"):
        counterpart(*two, "conv2")


def test_images_that_both_hold(two: tuple[Bundle, Bundle], tmp_path: Path) -> None:
    assert common_probes(*two) == ((0, 0), (1, 1), (2, 2))
    assert parting(*two) == Parting(0, "logits", 0)
    images = two[0].array("probes")[[2, 0, 0]].copy()
    images[1] += 1
    with opened(tmp_path / "turned", Net(), {"probes": images}) as turned:
        assert common_probes(two[0], turned) == ((0, 2), (2, 0))
        assert image_in_common(two[0], turned, 2, True) == (2, 0)
        assert image_in_common(two[0], turned, 1, False) == (0, 2)
        with pytest.raises(BundleError, match="'one' and 'turned' do not both hold the image that shall be shown"):
            image_in_common(two[0], turned, 1, True)
        assert parting(two[0], turned) == Parting(0, "logits", 2)  # the same image, answered "shirt" and "bag"
    with opened(tmp_path / "larger", Net(size=(14, 14))) as larger:
        assert common_probes(two[0], larger) == ()
        assert parting(two[0], larger) is None


def test_an_image_that_the_other_answered_as_a_test_image_can_part_them_too(tmp_path: Path) -> None:
    answers: list[tuple[int | None, int, float]] = [(0, 0, 0.8), (1, 1, 0.7), (2, 2, 0.6)]
    mine = [
        probe.model_copy(update={"source": f"test image {row}"})
        for probe, row in zip(said(tmp_path / "probes", Net(), answers), (3, 1, 9), strict=True)
    ]
    theirs = {  # the answer to image 3 is another, that to 1 the same, and there is no image 9
        "probes": np.full((3, 1, 12, 12), 0.3, np.float32),
        "test_predicted": np.array([2, 1, 1, 2], np.int32),
        "test_probability": np.full(4, 0.9, np.float32),
    }
    with Bundle.open(make_bundle(tmp_path / "made", Net())) as made:
        data = made.header.dataset.model_copy(update={"test_sha256": "a" * 64})
    one = opened(tmp_path / "a", Net(), probes=tuple(mine), dataset=data)
    others = tuple(probe.model_copy(update={"source": "test image 2"}) for probe in mine)
    with one as a, opened(tmp_path / "b", Net(), theirs, probes=others, dataset=data) as b:
        assert common_probes(a, b) == ()
        assert parting(a, b) == Parting(0, "test_predicted", 3)
        assert parting(b, a) == Parting(0, "test_predicted", 3, of_other=True)
        assert parting(b, a).answers == (("test_predicted", 3), ("logits", 0))
        dataset = b.header.dataset.model_copy(update={"test_sha256": "0" * 64})
    with opened(tmp_path / "c", Net(), theirs, dataset=dataset) as c, Bundle.open(tmp_path / "a") as a:
        assert parting(a, c) is None  # other images stand in those rows


def test_pairs_to_show_cross_where_they_can_and_keep_the_likest() -> None:
    def pairs(*numbers: tuple[int, int]) -> list[Pair]:
        return [Pair(one, other, 1 - place / 10) for place, (one, other) in enumerate(numbers)]

    def shown(most: int, *numbers: tuple[int, int]) -> list[tuple[int, int]]:
        return [(pair.one, pair.other) for pair in crossing(pairs(*numbers), most)]

    assert shown(2, (1, 1), (2, 2), (3, 3), (0, 5)) == [(0, 5), (1, 1)]
    assert shown(3, (5, 0), (1, 1)) == [(1, 1), (5, 0)]
    assert shown(2, (1, 1), (2, 2), (3, 3)) == [(1, 1), (2, 2)]  # none cross
    assert shown(1, (4, 0), (0, 4)) == [(4, 0)]
    assert shown(2, (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (0, 9)) == [(1, 1), (2, 2)]  # too far down the list


def test_what_two_networks_are_called(two: tuple[Bundle, Bundle], tmp_path: Path) -> None:
    assert called(*two) == ("one", "two")
    assert called(*two, ("early", "late")) == ("early", "late")
    training = two[0].header.training.model_copy(update={"seed": 3})
    with opened(tmp_path / "seed", Net(), training=training) as seeded:
        assert called(two[0], seeded) == ("made-up of seed 0", "made-up of seed 3")
    model = two[0].header.model.model_copy(update={"name": "deep"})
    with opened(tmp_path / "model", Net(), model=model) as deep:
        assert called(deep, two[0]) == ("deep", "made-up")
