"""Our arithmetic of one place against torch's convolution, and against what a bundle recorded."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from films import Net, make_bundle
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from fmcore.analysis.convolution import arithmetic, inputs_of, patch_at, place
from fmcore.analysis.receptive_field import through
from fmcore.bundle import Bundle, save_bundle
from fmcore.errors import BundleError, InputError
from fmcore.header import LayerInfo, ReceptiveField

Pair = tuple[int, int]


@dataclass(frozen=True)
class Case:
    """A convolution and the size of its input; padding "same" is torch's."""

    size: Pair
    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: Pair | str
    groups: int
    width: int  # input channels of a group
    filters: int  # of a group
    mode: Any
    bias: bool
    seed: int

    @property
    def borders(self) -> tuple[Pair, Pair]:
        """(above, left), (below, right)."""
        if isinstance(self.padding, str):
            total = [d * (k - 1) for d, k in zip(self.dilation, self.kernel, strict=True)]
            return (total[0] // 2, total[1] // 2), (total[0] - total[0] // 2, total[1] - total[1] // 2)
        return self.padding, self.padding

    def fits(self) -> bool:
        """Whether torch takes it: the kernel fits in, and no border repeats more than there is."""
        before, after = self.borders
        room = {"reflect": 1, "circular": 0}
        for axis in (0, 1):
            if self.size[axis] + before[axis] + after[axis] <= self.dilation[axis] * (self.kernel[axis] - 1):
                return False
            if self.mode in room and max(before[axis], after[axis]) > self.size[axis] - room[self.mode]:
                return False
        return not (isinstance(self.padding, str) and self.stride != (1, 1))


def pairs(low: int, high: int) -> st.SearchStrategy[Pair]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


CASES = st.builds(
    Case,
    size=pairs(1, 7),
    kernel=pairs(1, 4),
    stride=pairs(1, 3),
    dilation=pairs(1, 3),
    padding=pairs(0, 3),
    groups=st.integers(1, 3),
    width=st.integers(1, 3),
    filters=st.integers(1, 2),
    mode=st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
SAME = st.builds(
    Case,
    size=pairs(3, 7),
    kernel=pairs(1, 4),
    stride=st.just((1, 1)),
    dilation=pairs(1, 2),
    padding=st.just("same"),
    groups=st.just(1),
    width=st.integers(1, 2),
    filters=st.just(1),
    mode=st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
    bias=st.just(True),
    seed=st.integers(0, 99),
)


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")  # of the time it takes
@settings(max_examples=200)
@given(case=st.one_of(CASES, SAME))
def test_every_place_is_the_value_of_torch(case: Case) -> None:
    assume(case.fits())
    torch.manual_seed(case.seed)
    convolution = nn.Conv2d(
        case.groups * case.width, case.groups * case.filters, case.kernel, case.stride, case.padding, case.dilation,
        case.groups, case.bias, case.mode, dtype=torch.float64,
    )  # fmt: skip
    image = torch.randn(case.groups * case.width, *case.size, dtype=torch.float64)
    expected = convolution(image[None])[0].detach().numpy()
    weights = convolution.weight.detach().numpy()
    bias = convolution.bias.detach().numpy() if convolution.bias is not None else np.zeros(len(weights))
    for channel, row, column in np.ndindex(*expected.shape):
        reads = inputs_of(channel, len(weights), case.width, case.groups)
        found = place(
            image.numpy(), weights[channel], float(bias[channel]), row, column, case.stride, case.borders[0],
            case.dilation, case.mode, reads,
        )  # fmt: skip
        assert (found.row, found.column, found.bias, found.inputs) == (row, column, bias[channel], reads)
        assert found.patch.shape == found.products.shape == weights.shape[1:]
        assert found.value == pytest.approx(expected[channel, row, column], abs=1e-9)
        assert found.value == pytest.approx((found.patch * weights[channel]).sum() + bias[channel], abs=1e-9)


def test_the_kernel_is_not_flipped_and_the_border_is_zero() -> None:
    image = np.arange(1.0, 10).reshape(1, 3, 3)
    corner = place(image, np.array([[[0, 0, 0], [0, 0, 2], [0, 0, 0]]]), 0.5, 0, 0, padding=(1, 1))
    assert corner.patch.tolist() == [[[0, 0, 0], [0, 1, 2], [0, 4, 5]]]
    assert corner.value == 2 * 2 + 0.5
    assert patch_at(image, 1, 0, (2, 2), (1, 1), (0, 0)).tolist() == [[[4, 5], [7, 8]]]


def test_float32_sums_of_thousands_of_products_are_within_the_tolerance_and_neighbours_are_not() -> None:
    torch.manual_seed(3)
    convolution = nn.Conv2d(512, 2, 3, padding=1)
    image = torch.randn(512, 6, 6).relu()
    recorded = convolution(image[None])[0, 1].detach().numpy()
    weights, bias = convolution.weight[1].detach().numpy(), float(convolution.bias.detach()[1])
    found = [place(image.numpy(), weights, bias, *at, padding=(1, 1)) for at in np.ndindex(6, 6)]
    for at, one in enumerate(found):
        assert abs(one.value - recorded.flat[at]) < one.tolerance
        assert np.median(np.abs(one.value - np.delete(recorded.ravel(), at))) > 20 * one.tolerance


# -- what a bundle recorded ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    """Two convolutions: with batch normalisation, groups and a circular border; with group normalisation, dilated."""
    torch.manual_seed(1)
    first = nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 1), groups=2, padding_mode="circular")
    batch = nn.BatchNorm2d(6).eval()
    second = nn.Conv2d(6, 4, 3, padding=2, dilation=2, bias=False)
    for tensor in (batch.weight, batch.bias, batch.running_mean):
        nn.init.normal_(tensor)  # type: ignore[arg-type]
    nn.init.uniform_(batch.running_var, 0.01, 2)  # type: ignore[arg-type]
    with torch.inference_mode():
        image = torch.randn(3, 4, 8, 7)
        normal = batch(first(image))
        lit = normal.relu()
        plain = second(lit)
        grouped = nn.GroupNorm(2, 4)(plain)
        scale = batch.weight / (batch.running_var + batch.eps).sqrt()  # type: ignore[operator]
        arrays = {
            "first/input": image,
            "first/weight": first.weight,
            "first/bias": first.bias,
            "first/scale": scale,
            "first/shift": batch.bias - batch.running_mean * scale,
            "first/preactivation": normal,
            "first/activation": lit,
            "second/weight": second.weight,
            "second/sum": plain,
            "second/preactivation": grouped,
        }
    field = through(ReceptiveField(), (3, 2), (2, 1), (1, 1))
    layers = (
        LayerInfo(
            name="first", type="convolution", output_shape=tuple(lit.shape[1:]), kernel=(3, 2), stride=(2, 1),
            padding=(1, 1), groups=2, padding_mode="circular", normalisation="batch_norm", input="first/input",
            field=field,
        ),
        LayerInfo(
            name="second", type="convolution", output_shape=tuple(plain.shape[1:]), kernel=(3, 3), padding=(2, 2),
            dilation=(2, 2), normalisation="group_norm", input="first/activation",
            field=through(field, (3, 3), (1, 1), (2, 2), (2, 2)),
        ),
        LayerInfo(name="sum", type="block", output_shape=tuple(plain.shape[1:])),
    )  # fmt: skip
    path = make_bundle(tmp_path_factory.mktemp("convolution") / "net.safetensors", Net())
    rewrite(path, {name: value.detach().numpy() for name, value in arrays.items()}, layers=layers)
    with Bundle.open(path) as opened:
        yield opened


def rewrite(path: Path, arrays: dict[str, Any], **header: Any) -> None:
    """Write the bundle again, with `arrays` added to those that it has."""
    with Bundle.open(path) as bundle:
        kept = {name: bundle.array(name) for name in bundle.header.arrays}
        new = bundle.header.model_copy(update=header)
    save_bundle(path, new, kept | arrays)


@pytest.mark.parametrize(("layer", "recorded"), [("first", "first/preactivation"), ("second", "second/sum")])
def test_every_place_of_a_bundle_is_worked_out(bundle: Bundle, layer: str, recorded: str) -> None:
    values = bundle.array(recorded)
    info = bundle.layer(layer)
    for probe, channel, row, column in np.ndindex(*values.shape):
        found = arithmetic(bundle, layer, channel, row, column, probe)
        assert found.recorded == values[probe, channel, row, column]
        assert found.value == pytest.approx(found.recorded, abs=1e-4)
        assert found.field == info.field.box(row, column)


def test_what_stands_in_the_sentence(bundle: Bundle) -> None:
    found = arithmetic(bundle, "first", 5, 0, 1)
    assert found.inputs == slice(2, 4)
    total = float((found.patch * bundle.array("first/weight")[5]).sum() + bundle.array("first/bias")[5])
    assert found.total == pytest.approx(total, rel=1e-5)
    assert (found.scale, found.shift) == (bundle.array("first/scale")[5], bundle.array("first/shift")[5])
    assert found.recorded == bundle.array("first/preactivation")[bundle.default_probe, 5, 0, 1]
    assert found.field == (-1, 0, 2, 2)
    plain = arithmetic(bundle, "second", 0, 0, 0)
    assert (plain.bias, plain.scale, plain.shift, plain.inputs) == (0, 1, 0, slice(0, 6))


@pytest.mark.parametrize(("layer", "array"), [("first", "first/preactivation"), ("second", "second/sum")])
def test_a_value_that_its_input_does_not_give_is_refused(
    bundle: Bundle, tmp_path: Path, layer: str, array: str
) -> None:
    path = tmp_path / "changed.safetensors"
    path.write_bytes(bundle.path.read_bytes())
    values = bundle.array(array).copy()
    values[1, 3, 2, 2] += 1e-3 * values.std()
    rewrite(path, {array: values})
    with Bundle.open(path) as changed:
        arithmetic(changed, layer, 3, 2, 1, probe=1)
        with pytest.raises(BundleError, match=rf"channel 3 of {layer} is .* at \(2, 2\), but .* give"):
            arithmetic(changed, layer, 3, 2, 2, probe=1)


WRONG = {
    "no convolution": (
        ("sum", 0, 0, 0),
        InputError,
        "'sum' is a block and no convolution; choose one of: first",
    ),
    "no layer": (("third", 0, 0, 0), BundleError, "no layer 'third'; it has first, second, sum"),
    "channel": (("first", 6, 0, 0), InputError, "channels 0 to 5, so there is no channel 6"),
    "row": (("first", 0, 4, 0), InputError, "rows 0 to 3, so there is no row 4"),
    "column": (("first", 0, 0, -1), InputError, "columns 0 to 7, so there is no column -1"),
    "probe": (("first", 0, 0, 0, 3), InputError, "probes 0 to 2, so there is no probe 3"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_there_is_said(bundle: Bundle, case: str) -> None:
    wanted, error, sentence = WRONG[case]
    with pytest.raises(error, match=sentence):
        arithmetic(bundle, *wanted)
