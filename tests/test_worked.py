"""The places of a map that are worked out on screen, against searches through all places."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from films import Net, make_bundle
from torch.nn import functional as F

from fmcore.analysis.measures import measure
from fmcore.analysis.worked import WorkedMap
from fmcore.bundle import Bundle, save_bundle
from fmcore.errors import InputError

NETS = {
    "padded": Net(size=(7, 9), widths=(3, 4), bias=0.3),
    "colour, stride 2": Net(size=(9, 8), image_channels=3, widths=(3, 2), stride=2),
    "no padding": Net(size=(5, 6), widths=(3, 3), kernel=1, bias=-0.2),
    "even kernel": Net(size=(6, 6), widths=(2, 2), kernel=4, has_bias=False),
    "one place": Net(size=(1, 1), widths=(2, 2)),
}


@pytest.fixture(params=NETS)
def bundle(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bundle]:
    with Bundle.open(make_bundle(tmp_path / "net", NETS[request.param])) as opened:
        yield opened


def every(bundle: Bundle) -> Iterator[WorkedMap]:
    for layer in bundle.convolutions:
        for channel in range(layer.output_shape[0]):
            yield WorkedMap(bundle, layer, channel, probe=1)


def test_the_window_overhangs_where_torch_counts_fewer_pixels(bundle: Bundle) -> None:
    for map_ in every(bundle):
        layer, pixels = map_.layer, torch.ones(1, 1, *map_.source.shape[1:])
        rows, columns = layer.output_shape[1:]
        counted = F.conv2d(pixels, torch.ones(1, 1, *layer.kernel), stride=layer.stride, padding=layer.padding)
        full = counted[0, 0, :rows, :columns].numpy() == layer.kernel[0] * layer.kernel[1]
        assert np.array_equal(map_.overhangs, ~full)


def test_the_places_are_about_the_highest_the_lowest_and_one_at_the_border(bundle: Bundle) -> None:
    for map_ in every(bundle):
        places = list(np.ndindex(*map_.sums.shape))
        within = [at for at in places if not map_.overhangs[at]] or places
        over = [at for at in places if map_.overhangs[at]]
        sums = {at: float(map_.sums[at]) for at in within}
        near = 0.05 * (max(sums.values()) - min(sums.values())) + 1e-6
        high, low, third = map_.places
        made = {at: abs(map_.at(*at).summed) for at in within}
        above = [at for at in within if sums[at] > 0] or within
        if made[max(sums, key=sums.__getitem__)] >= 0.25 * max(made[at] for at in above):
            assert sums[high.row, high.column] >= max(sums.values()) - near
        else:  # the bias alone has made the highest
            least = 0.95 * max(made[at] for at in above) - 1e-6
            assert (high.row, high.column) in above and made[high.row, high.column] >= least
        assert sums[low.row, low.column] <= min(sums.values()) + near
        if over:
            seen = {at: map_.at(*at).summed for at in over}
            best = max(seen.values()) if max(seen.values()) > 1e-6 else min(seen.values())
            assert abs(seen[third.row, third.column] - best) <= 0.05 * np.ptp(list(seen.values())) + 1e-5
        else:
            above_zero = np.sort(map_.sums[map_.sums > 0]) if (map_.sums > 0).any() else np.sort(map_.sums, axis=None)
            middle = above_zero[len(above_zero) // 2]
            assert abs(map_.sums[third.row, third.column] - middle) <= 0.05 * np.ptp(np.abs(map_.sums - middle)) + 1e-6


def test_a_place_is_taken_whose_hundredths_add_up(tmp_path: Path) -> None:
    colours = Net(size=(24, 24), image_channels=3, widths=(8,), bias=0.131)
    with Bundle.open(make_bundle(tmp_path / "net", colours)) as bundle:
        found = []
        for map_ in every(bundle):
            for at in (map_.high, map_.low):
                terms = [*at.products.sum((1, 2)), at.added]
                found.append(sum(round(100 * float(term)) for term in terms) == round(100 * at.value))
        assert sum(found) > 0.8 * len(found)  # at any one place, about half do


def test_a_place_that_the_bias_alone_has_made_is_no_example(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "net", Net(size=(12, 12), widths=(1,), bias=0.5))
    with Bundle.open(path) as made:
        header, arrays = made.header, {name: np.array(made.array(name)) for name in made.header.arrays}
    image = np.full((12, 12), 0.5, np.float32)
    image[:, 6:] = 0
    arrays["probes"][1, 0], arrays["conv1/weight"][:] = image, -0.05  # darkness is what it answers to most
    sums = F.conv2d(torch.tensor(arrays["probes"]), torch.tensor(arrays["conv1/weight"]), torch.tensor([0.5]), 1, 1)
    arrays["conv1/preactivation"], arrays["conv1/activation"] = sums.numpy(), sums.relu().numpy()
    save_bundle(path, header, arrays)
    with Bundle.open(path) as bundle:
        high = next(every(bundle)).high
        assert high.column < 5 and high.summed == pytest.approx(-0.225) and high.value > 0


def test_patch_filter_and_bias_make_the_number(bundle: Bundle) -> None:
    for map_ in every(bundle):
        for at in map_.places:
            total = float((at.patch * map_.weights).sum(dtype=np.float64)) + at.added
            assert total == pytest.approx(float(map_.sums[at.row, at.column]), abs=1e-5)
            assert np.array_equal(map_.patch(at.row, at.column), at.patch[map_.slice])
        by_slice = np.abs([(map_.high.patch[c] * map_.weights[c]).sum() for c in range(len(map_.weights))])
        assert by_slice[map_.slice] == by_slice.max()
        assert map_.has_bias == (f"{map_.layer.name}/bias" in bundle.header.arrays)
        assert map_.reads_image == (map_.layer.name == "conv1")


def test_what_lies_under_the_middle_of_the_window(bundle: Bundle) -> None:
    for map_ in every(bundle):
        kernel, pad = map_.layer.kernel[0], map_.layer.padding[0]
        step = map_.layer.stride[0]
        rows = np.pad(np.arange(map_.source.shape[1]), kernel, mode="edge")  # of the input, beyond it the nearest
        for row in range(map_.sums.shape[0]):
            assert map_.under(row, 0)[0] == rows[kernel + row * step - pad + (kernel - 1) // 2]


def test_a_batch_normalisation_is_a_part_of_the_weights(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "net", Net(widths=(3,), bias=0.2))
    scale, shift = np.array([2.0, -1.0, 0.5], np.float32), np.array([0.1, 0.0, -3.0], np.float32)
    with Bundle.open(path) as made:
        header, arrays = made.header, {name: made.array(name) for name in made.header.arrays}
    plain = arrays["conv1/weight"]
    arrays["conv1/preactivation"] = arrays["conv1/preactivation"] * scale[:, None, None] + shift[:, None, None]
    save_bundle(path, header, arrays | {"conv1/scale": scale, "conv1/shift": shift})
    with Bundle.open(path) as bundle:
        for map_ in every(bundle):
            assert map_.is_scaled and map_.has_bias and map_.stage == "preactivation"
            np.testing.assert_allclose(map_.weights, plain[map_.channel] * scale[map_.channel])
            total = (map_.high.patch * map_.weights).sum() + map_.high.added
            assert total == pytest.approx(float(map_.sums[map_.high.row, map_.high.column]), abs=1e-4)


def test_a_flat_map_has_its_places_too(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "net", Net(widths=(1,)))
    with Bundle.open(path) as made:
        header, arrays = made.header, {name: made.array(name) for name in made.header.arrays}
    flat = {
        f"conv1/{part}": np.zeros_like(arrays[f"conv1/{part}"]) for part in ("weight", "preactivation", "activation")
    }
    save_bundle(path, header, arrays | flat)
    with Bundle.open(path) as bundle:
        map_ = next(every(bundle))
        assert [(at.row, at.column) for at in map_.places] == [(1, 1), (1, 1), (0, 0)]  # of equals, the first
        assert map_.slice == 0


def test_only_convolutions_can_be_worked_out(tmp_path: Path) -> None:
    refused = pytest.raises(InputError, match="'pool1' is a pooling and no convolution")
    with Bundle.open(make_bundle(tmp_path / "net", Net(pooled=True))) as bundle, refused:
        _ = WorkedMap(bundle, bundle.layer("pool1"), 0, 0).source


def test_what_weights_of_either_sign_meet(bundle: Bundle) -> None:
    layer = bundle.layer("conv1")
    weights = bundle.part("conv1/weight", 1)
    top = layer.padding[0]
    image = np.pad(bundle.part("probes", 0), ((0, 0), (top, top), (top, top)))
    rows, columns = layer.output_shape[1:]
    for row, column in {(0, 0), (rows - 1, columns - 1), (rows // 2, columns // 3)}:
        y, x = row * layer.stride[0], column * layer.stride[1]
        met: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
        for (c, i, j), weight in np.ndenumerate(weights):
            met[bool(weight > 0)].append((abs(float(weight)), float(image[c, y + i, x + j])))
        means = {
            sign: sum(w * p for w, p in all_) / sum(w for w, _ in all_) if all_ else None for sign, all_ in met.items()
        }
        expected = 0.0 if None in means.values() else means[True] - means[False]  # type: ignore[operator]
        found = measure("met by positive weights beyond negative ones", bundle, "conv1/sum", (0, 1, row, column))
        assert found == pytest.approx(expected, abs=1e-5)
