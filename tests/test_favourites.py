"""Which images light a channel most, and how far they keep to one class: against counts by hand."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from films import Net, make_bundle

from fmcore.analysis.alignment import seen_from
from fmcore.analysis.favourites import (
    commonest_class,
    named_favourites,
    of_one_class,
    others_lit,
    share_of_one_class,
    typical,
)
from fmcore.analysis.measures import measure
from fmcore.bundle import Bundle, save_bundle
from fmcore.errors import BundleError
from fmcore.header import ReceptiveField
from fmcore.patches import top_patches

LABELS = np.array([0, 0, 1, 2, 2, 2], np.int32)
IMAGES = np.array([[0, 1, 2], [3, 4, 5], [2, 3, 0], [5, 4, 2]], np.int32)  # of four channels, three favourites each
VALUES = np.array([[3, 2, 1], [9, 8, 7], [0, 0, 0], [4, 4, 4]], np.float32)  # the third is dark
COUNTS = [2, 3, 0, 2]


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    path = make_bundle(tmp_path / "b", Net(measured=True, widths=(4, 4), tests=6))
    with Bundle.open(path) as made:
        header, arrays = made.header, {name: made.array(name) for name in made.header.arrays}
    arrays |= {"test_label": LABELS, "conv1/top_images": IMAGES, "conv1/top_values": VALUES}
    arrays["conv1/top_places"] = np.full((4, 3, 2), 5, np.int32)  # of maps of 12 x 12: what they see lies inside
    arrays |= {"conv1/patch_channels": np.array([0, 2, 3], np.int32)}
    arrays["conv1/patches"] = arrays["conv1/patches"][[0, 2, 3]]
    measures = header.measures.model_copy(update={"images": len(LABELS)})  # type: ignore[union-attr]
    save_bundle(path, header.model_copy(update={"measures": measures}), arrays)
    return Bundle.open(path)


def test_favourites_of_one_class_are_counted(bundle: Bundle) -> None:
    counts = of_one_class(bundle, "conv1")
    assert counts is not None and counts.tolist() == COUNTS
    assert share_of_one_class(bundle, "conv1") == pytest.approx((2 + 3 + 2) / 3 / 3)
    assert [commonest_class(bundle, "conv1", channel) for channel in (0, 1, 3)] == [0, 2, 2]
    assert measure("favourites of the commonest class", bundle, "conv1/top_images", (1,)) == 3
    assert measure("favourites of one class", bundle, "conv1/top_images") == pytest.approx(7 / 9)


def test_what_chance_gives_is_the_mean_over_every_way_to_draw_the_favourites(bundle: Bundle) -> None:
    drawn = [np.bincount(LABELS[list(three)]).max() for three in combinations(range(len(LABELS)), 3)]
    chance = measure("favourites of one class by chance", bundle, "conv1/top_images")
    assert chance == pytest.approx(np.mean(drawn) / 3)  # the dark channel has no favourites, all others three


def test_a_typical_channel_is_lit_near_the_mean_and_among_equals_the_strongest(bundle: Bundle) -> None:
    assert typical(bundle, "conv1") == (3, 2)  # channels 0 and 3 count 2 of 3, the mean is 2.33; channel 1 was not cut


@pytest.mark.parametrize("corner", [[(0, 5)], [(5, 11)], [(5, 5), (11, 5), (3, 0)]])
def test_a_channel_whose_patches_lie_beyond_the_image_is_not_typical(
    tmp_path: Path, bundle: Bundle, corner: list[tuple[int, int]]
) -> None:
    arrays = {name: np.array(bundle.array(name)) for name in bundle.header.arrays}
    arrays["conv1/top_places"][3, : len(corner)] = corner
    save_bundle(tmp_path / "c", bundle.header, arrays)
    with Bundle.open(tmp_path / "c") as bordering:
        assert typical(bordering, "conv1") == (0, 0)


def test_without_labels_the_strongest_is_typical_and_nothing_is_said_of_classes(tmp_path: Path, bundle: Bundle) -> None:
    arrays = {name: bundle.array(name) for name in bundle.header.arrays if name != "test_label"}
    save_bundle(tmp_path / "c", bundle.header, arrays)
    with Bundle.open(tmp_path / "c") as unlabelled:
        assert of_one_class(unlabelled, "conv1") is None
        assert typical(unlabelled, "conv1") == (3, 2)
        for name, index in (("favourites of one class", ()), ("favourites of the commonest class", (0,))):
            with pytest.raises(BundleError, match="does not hold the classes"):
                measure(name, unlabelled, "conv1/top_images", index)


def test_the_favourites_of_the_commonest_class_are_named(bundle: Bundle) -> None:
    assert named_favourites(bundle, "conv1", 0) == [True, True, False]
    assert named_favourites(bundle, "conv1", 1) == [True, True, True]


@pytest.mark.parametrize("place", [(0, 0), (4, 5), (11, 11), (3, 11)])
@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_a_place_sees_its_field_cut_from_the_image_with_a_black_border(
    layer: str, place: tuple[int, int], bundle: Bundle
) -> None:
    """Both what scenes show and what is recorded; an image of bytes, so that nothing is lost in recorded patches."""
    image = np.random.default_rng(0).integers(1, 256, (3, 12, 12), np.uint8)
    info = bundle.layer(layer)
    one = {"top_images": np.zeros((1, 1), np.int32), "top_places": np.array([[place]], np.int32)}
    one |= {"mean": np.ones(1, np.float32), "std": np.ones(1, np.float32)}
    cut = top_patches(info, {f"{layer}/{name}": array for name, array in one.items()}, image[None])

    reach = (info.field.size[0] - 1) // 2  # of an odd field centred on the place itself
    assert info.field.size == (2 * reach + 1,) * 2 and info.field.jump == (1, 1)
    wide = np.pad(image, ((0, 0), (reach, reach), (reach, reach)))
    expected = wide[:, place[0] : place[0] + 2 * reach + 1, place[1] : place[1] + 2 * reach + 1]
    assert np.array_equal(seen_from(image, info, *place), expected)
    assert np.array_equal(cut[f"{layer}/patches"][0, 0], expected)


def test_a_place_that_sees_everything_sees_the_whole_image(bundle: Bundle) -> None:
    images = np.random.default_rng(0).integers(0, 256, (1, 3, 18, 12), np.uint8)
    whole = bundle.layer("conv1").model_copy(update={"field": ReceptiveField(whole=True)})
    assert np.array_equal(seen_from(images[0], whole, 2, 3), images[0])
    one = {"top_images": np.zeros((1, 1), np.int32), "top_places": np.array([[[2, 3]]], np.int32)}
    one |= {"mean": np.ones(1, np.float32), "std": np.ones(1, np.float32)}
    cut = top_patches(whole, {f"conv1/{name}": array for name, array in one.items()}, images)
    assert np.array_equal(cut["conv1/patches"][0, 0], images[0])


def test_others_that_light_a_channel_are_one_of_each_other_class_strongest_first(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "b", Net(measured=True))
    with Bundle.open(path) as made:
        header, arrays = made.header, {name: made.array(name) for name in made.header.arrays}
    tops, labels = [5.0, 7.0, 0.0, 6.0, 4.0, 9.0], [0, 0, 1, 1, 2, 2]
    count = len(header.probes)
    maps = np.zeros((6, *arrays["conv1/activation"].shape[1:]), np.float32)
    maps[:, 1, 3, 3] = tops  # of channel 2
    arrays["conv1/activation"] = maps[:count]
    probes = tuple(p.model_copy(update={"label": label}) for p, label in zip(header.probes, labels, strict=False))
    save_bundle(path, header.model_copy(update={"probes": probes}), arrays)
    with Bundle.open(path) as bundle:
        common = commonest_class(bundle, "conv1", 1)
        best: dict[int, int] = {}
        for probe in sorted(range(count), key=lambda p: -tops[p]):
            if tops[probe] > 0 and labels[probe] != common:
                best.setdefault(labels[probe], probe)
        assert others_lit(bundle, "conv1", 1, 5) == list(best.values())
        assert others_lit(bundle, "conv1", 1, 1) == list(best.values())[:1]
        assert others_lit(bundle, "conv1", 0, 5) == []  # dark everywhere
