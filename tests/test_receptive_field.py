"""Receptive fields against gradients: a pixel is in the field when the value depends on it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from fmcore.analysis.receptive_field import joined, through
from fmcore.bundle import Bundle
from fmcore.header import ReceptiveField
from fmcore.listening import Listening
from fmcore.tracing import Trace, trace

Pair = tuple[int, int]


def positive(network: nn.Module) -> nn.Module:
    """The network in float64 with every weight positive, so that no gradient vanishes or cancels."""
    network = network.double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(0.5, 1.0, generator=torch.Generator().manual_seed(0))
    return network


def extents(image: Tensor, values: Tensor) -> list[tuple[int, int, int, int]]:
    """Edges (top, left, bottom, right) of the pixels that each of `values` (N,) depends on."""
    found = []
    for start in range(0, len(values), 256):  # one gradient each, together since that is quicker
        some = values[start : start + 256]
        each = torch.eye(len(some), dtype=some.dtype)
        (gradients,) = torch.autograd.grad(some, image, each, retain_graph=True, is_grads_batched=True)
        for pixels in gradients.abs().sum((1, 2)).numpy():
            rows, columns = pixels.nonzero()
            found.append((int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1))
    return found


def maps_of(network: nn.Module, found: Trace, image: Tensor) -> dict[str, Tensor]:
    """The activation (C, H, W) of every layer, with its graph."""
    maps: dict[str, Tensor] = {}
    with Listening(found, {"activation"}, lambda layer, _, value: maps.update({layer.name: value[0]})):
        network(image)
    return maps


def check(network: nn.Module, size: Pair, every: int = 1) -> dict[str, int]:
    """Compare the fields of all layers; return how many places have their whole field inside the image, by layer."""
    network = positive(network)
    channels = next(m for m in network.modules() if isinstance(m, nn.Conv2d)).in_channels
    found = trace(network, torch.ones(2, channels, *size, dtype=torch.float64))
    image = torch.ones(1, channels, *size, dtype=torch.float64, requires_grad=True)
    maps, inside = maps_of(network, found, image), {}
    for layer in found.layers:
        value, inside[layer.name] = maps[layer.name].sum(0), 0
        assert layer.info.field.known and not layer.info.field.whole, layer.name
        places = [divmod(place, value.shape[1]) for place in range(0, value.numel(), every)]
        seeing = [place for place in places if value[place] != 0]  # some of the image and not only padding
        seen_by = dict(zip(seeing, extents(image, value[tuple(zip(*seeing, strict=True))]), strict=True))
        for row, column in places:
            top, left, bottom, right = layer.info.field.box(row, column)
            free = top >= 0 and left >= 0 and bottom <= size[0] and right <= size[1]
            inside[layer.name] += free
            if free and layer.info.field.exact:
                assert seen_by[row, column] == (top, left, bottom, right), layer.name
            elif seen := seen_by.get((row, column)):
                assert seen[0] >= top and seen[1] >= left and seen[2] <= bottom and seen[3] <= right, layer.name
    return inside


def classifier(*modules: nn.Module) -> nn.Sequential:
    """The modules, and something that makes logits (B, 2) of whatever they give."""
    return nn.Sequential(*modules, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(2))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(2, 2, 3, stride=2, padding=1), nn.Conv2d(2, 2, 3, padding=1)
        self.short = nn.Conv2d(2, 2, 1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(self.conv1(x).relu_())
        y += self.short(x)
        return y.relu_()


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Conv2d(2, 1, 5, padding=2), nn.Conv2d(2, 1, 1)
        self.tall, self.late = nn.Conv2d(2, 1, (7, 1), padding=(3, 0)), nn.Conv2d(2, 1, (1, 3), padding=(0, 1))

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.avg_pool2d(x, 3, 1, 1) + F.avg_pool2d(input=x, kernel_size=(1, 5), stride=1, padding=(0, 2))
        return torch.cat([self.wide(x), self.narrow(x), self.tall(x), self.late(pooled)], 1)


class Gate(nn.Module):
    """Squeeze and excitation: every place is scaled by what all places say."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.excite(self.squeeze(F.adaptive_avg_pool2d(x, 1)).relu()).sigmoid()


class Lambda(nn.Module):
    def __init__(self, function: object) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)  # type: ignore[operator, no-any-return]


NETWORKS: dict[str, nn.Sequential] = {
    "residual blocks": classifier(nn.Conv2d(1, 2, 3), Residual(), Residual()),
    "branches of several kernels": classifier(nn.Conv2d(1, 2, 3, stride=2), Branches(), nn.Conv2d(4, 2, 2)),
    "depthwise, then dilated": classifier(
        nn.Conv2d(2, 4, 3, groups=2), nn.Conv2d(4, 4, 3, 2, 1, groups=4), nn.Conv2d(4, 2, 3, dilation=(2, 3))
    ),
    "an even kernel that keeps the size": classifier(
        nn.Conv2d(1, 2, (4, 2), padding="same"), nn.Conv2d(2, 2, 3, padding="same", dilation=2), nn.AvgPool2d(2)
    ),
    "padding of another kind": classifier(
        nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"),
        nn.ZeroPad2d((1, 0, 2, 1)),
        Lambda(lambda x: F.pad(x, pad=(0, 1))),
        nn.Conv2d(2, 2, 3, stride=2),
        nn.Conv2d(2, 2, 3, padding=1, padding_mode="replicate"),
    ),
    "mirrored as far as the next window reaches": classifier(
        nn.ReflectionPad2d(1),
        nn.Conv2d(1, 2, 3),
        nn.ReplicationPad2d((2, 1, 0, 2)),
        nn.Conv2d(2, 2, 3, dilation=(1, 2)),
    ),
    "channels taken apart": classifier(
        Lambda(lambda x: torch.cat([x[:, 1].unsqueeze(1) * 0.5, x[:, :1] + 1], 1)), nn.Conv2d(2, 2, 3, padding=1)
    ),
    "channels shuffled": classifier(
        nn.Conv2d(1, 4, 3), nn.ChannelShuffle(2), Lambda(lambda x: x.chunk(2, 1)[1]), nn.Conv2d(2, 2, 3)
    ),
    "pooling that rounds up": classifier(nn.Conv2d(1, 2, 3), nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(2, 2, 2)),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kind", NETWORKS)
def test_fields_where_branches_meet_are_where_the_gradient_is(kind: str) -> None:
    network = NETWORKS[kind]
    network(torch.ones(1, next(m for m in network.modules() if isinstance(m, nn.Conv2d)).in_channels, 25, 27))
    inside = check(network, (25, 27), every=3)
    assert len(inside) >= 1 and min(inside.values()) >= 1


@pytest.mark.parametrize("turned", [
    lambda x: x.transpose(2, 3), lambda x: x.mT, lambda x: x.permute(0, 1, 3, 2),
    lambda x: x.reshape(len(x), 2, x.shape[3], x.shape[2]),
])  # fmt: skip
def test_maps_that_are_turned_over_have_no_box(turned: Callable[[Tensor], Tensor]) -> None:
    network = classifier(nn.Conv2d(1, 2, (5, 1)), Lambda(turned), nn.Conv2d(2, 2, 1))
    first, second = (layer.info.field for layer in trace(network, torch.ones(1, 1, 12, 9)).layers)
    assert first.size == (5, 1) and first.exact and not first.whole
    assert second.whole and not second.exact


class LinearGate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Linear(3, 2), nn.Linear(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.excite(self.squeeze(x.mean((2, 3))).relu()).sigmoid()[:, :, None, None]


def shifted_in_place(x: Tensor) -> Tensor:
    moved = torch.zeros(x.shape, dtype=x.dtype)
    moved[:, :, 1:] = x[:, :, :-1]
    return moved


SHIFTED = Lambda(lambda x: torch.cat([x[:, :, 3:], x[:, :, :3]], 2))  # a place then lies where another was
MIXING: dict[str, tuple[nn.Module, bool | None]] = {  # whether all places see all of the image; None: not known
    "a gate": (Gate(), True),
    "a gate of linear layers": (LinearGate(), True),
    "normalised by all places": (nn.Sequential(nn.ReLU(), nn.GroupNorm(1, 3)), True),
    "normalised by the batch": (nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3, track_running_stats=False)), True),
    "normalised along the rows": (Lambda(lambda x: F.layer_norm(x.relu(), (x.shape[3],))), None),
    "rows picked": (Lambda(lambda x: x[:, :, list(range(x.shape[2]))[::-1]]), None),
    "places written over": (Lambda(shifted_in_place), None),
    "mirrored further than the next window reaches": (nn.ReflectionPad2d(2), None),
    "mirrored, then seen by no window": (nn.Sequential(nn.ReflectionPad2d(1), nn.ReLU()), None),
    "a gate, then places moved": (nn.Sequential(Gate(), SHIFTED), True),
    "scaled by one place": (Lambda(lambda x: x * x[:, :, :1, :1]), None),
    "scaled by the means of the rows": (Lambda(lambda x: x * x.mean(3, keepdim=True)), None),
    "places moved": (SHIFTED, None),
    "maps of two widths": (Lambda(lambda x: x + F.max_pool2d(x, 2, 2).repeat(1, 1, 2, 2)), None),
    "unpooled": (Lambda(lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, 2, return_indices=True), 2)), None),
    "pooled at random places": (Lambda(lambda x: F.fractional_max_pool2d(x, 2, 12)), None),
    "enlarged by no whole number": (nn.Upsample(scale_factor=1.3), None),
    "scaled down with all that lies between": (
        Lambda(lambda x: F.interpolate(x, 5, mode="bilinear", antialias=True)), None
    ),
}  # fmt: skip


def test_what_is_normalised_by_all_places_before_its_nonlinearity_sees_them_all() -> None:
    for normalisation, whole in ((nn.GroupNorm(1, 3), True), (nn.LocalResponseNorm(2), False)):
        network = classifier(nn.Conv2d(1, 3, 3), normalisation, nn.ReLU())
        network(torch.ones(1, 1, 16, 16))
        (layer,) = trace(network, torch.rand(2, 1, 16, 16)).layers
        assert (layer.info.field.whole, layer.info.field.known) == (whole, True)


@pytest.mark.parametrize("kind", MIXING)
def test_whether_a_place_sees_the_whole_image_is_told_only_where_it_is_known(kind: str) -> None:
    mixing, whole = MIXING[kind]
    network = classifier(nn.Conv2d(1, 3, 3), mixing, nn.Conv2d(3, 2, 3))
    network(torch.ones(1, 1, 16, 16))
    fields = {layer.name: layer.info.field for layer in trace(network, torch.rand(2, 1, 16, 16)).layers}
    assert fields["0"] == through(ReceptiveField(), (3, 3))
    assert (fields["2"].whole, fields["2"].exact, fields["2"].known) == (True, whole is True, whole is True)
    if whole:
        network, image = positive(network), torch.rand(1, 1, 16, 16, dtype=torch.float64, requires_grad=True)
        place = maps_of(network, trace(network, image.repeat(2, 1, 1, 1)), image)["2"].sum(0)[4, 5]
        assert extents(image, place[None]) == [(0, 0, 16, 16)]


SHARING: dict[str, tuple[nn.Module, nn.Module]] = {  # the module, and the same without a gradient of what is shared
    "a gate": (
        Lambda(lambda x: x * x.mean((2, 3), True).sigmoid()),
        Lambda(lambda x: x * x.mean((2, 3), True).sigmoid().detach()),
    ),
    "a normalisation of groups": (
        nn.GroupNorm(3, 3),
        Lambda(lambda x: (x - x.mean((2, 3), True).detach()) / x.std((2, 3), keepdim=True, correction=0).detach()),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", SHARING)
def test_beside_what_all_places_share_a_place_is_computed_from_its_box_alone(kind: str) -> None:
    shared, alone = (classifier(nn.Conv2d(1, 3, 3), part, nn.Conv2d(3, 2, 3, 2)) for part in SHARING[kind])
    for network in (shared, alone):
        layer = trace(network, torch.rand(2, 1, 16, 16)).layers[-1]
        assert (layer.info.field.local, layer.info.field.whole, layer.info.field.known) == (True, True, True)
        assert layer.info.field.box(1, 2) == (2, 4, 7, 9)
    network, image = positive(alone), torch.rand(1, 1, 16, 16, dtype=torch.float64, requires_grad=True)
    found = trace(network, image.repeat(2, 1, 1, 1))
    assert extents(image, maps_of(network, found, image)["2"].sum(0)[1, 2][None]) == [(2, 4, 7, 9)]


def test_a_box_as_large_as_the_image_is_no_longer_told() -> None:
    network = classifier(nn.Conv2d(1, 3, 3, padding=1), Gate(), nn.Conv2d(3, 2, 7, padding=3))
    for side, local in ((10, True), (9, False)):
        field = trace(network, torch.rand(2, 1, side, side)).layers[-1].info.field
        assert (field.size, field.whole, field.local) == ((9, 9), True, local)


@pytest.mark.parametrize("model", ["tutorial", "deep"])
def test_every_layer_of_our_networks(model: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(f"{model}_bundle")
    network: nn.Module = request.getfixturevalue(f"{model}_trained").network
    found = trace(network, torch.rand(2, 1, 28, 28))
    with Bundle.open(path) as bundle:
        assert [layer.info.field for layer in found.layers] == [layer.field for layer in bundle.header.layers]
    field = ReceptiveField()
    for layer in found.layers:
        field = through(field, layer.info.kernel, layer.info.stride, layer.info.padding)
        assert layer.info.field == field and not field.whole


def pairs(low: int, high: int) -> st.SearchStrategy[Pair]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


@given(steps=st.lists(st.tuples(pairs(1, 4), pairs(1, 3), pairs(0, 2), pairs(1, 2)), min_size=1, max_size=3))
@settings(max_examples=40)
def test_chains_of_any_kernel_stride_padding_and_dilation(steps: list[tuple[Pair, Pair, Pair, Pair]]) -> None:
    field = ReceptiveField()
    for step in steps:
        field = through(field, *step)
    assume(max(field.size) <= 22)
    network = classifier(*(nn.Conv2d(1, 1, *step, bias=False) for step in steps))
    network[-1] = nn.Linear(1, 2)
    check(network, (24, 26), every=7)


FINER = st.one_of(
    st.builds(
        lambda kernel, stride, padding, dilation: nn.ConvTranspose2d(
            1, 1, kernel, stride, padding, dilation=dilation, bias=False
        ),
        pairs(1, 4), pairs(1, 3), pairs(0, 1), pairs(1, 2),
    ),
    st.builds(nn.Upsample, scale_factor=pairs(1, 4), mode=st.sampled_from(["nearest", "nearest-exact", "area"])),
    st.builds(nn.Upsample, size=pairs(2, 25), mode=st.sampled_from(["nearest", "nearest-exact", "area"])),
    st.builds(
        nn.Upsample, size=pairs(2, 25), mode=st.sampled_from(["bilinear", "bicubic"]), align_corners=st.booleans()
    ),
    st.builds(nn.AdaptiveAvgPool2d, pairs(2, 16)),
    st.builds(
        lambda r: nn.Sequential(nn.Conv2d(1, r**2, 1, bias=False), nn.PixelShuffle(r)), st.integers(2, 3)
    ),
    st.builds(lambda r: nn.Sequential(nn.PixelUnshuffle(r), nn.Conv2d(r**2, 1, 1, bias=False)), st.just(2)),
)  # fmt: skip


@given(stride=pairs(1, 2), finer=FINER)
@settings(max_examples=12)
def test_maps_made_finer_or_coarser_see_what_their_box_holds(stride: Pair, finer: nn.Module) -> None:
    network = classifier(nn.Conv2d(1, 1, 3, stride, 1, bias=False), finer, nn.Conv2d(1, 1, 1, bias=False))
    network[-1] = nn.Linear(1, 2)
    check(network, (16, 20), every=3)
    found = trace(network, torch.rand(2, 1, 16, 20, dtype=torch.float64))
    image = torch.ones(1, 1, 16, 20, dtype=torch.float64, requires_grad=True)
    if "2" not in (layer.name for layer in found.layers):  # its maps are a single row or column
        return
    value, field = maps_of(network, found, image)["2"].sum(0), next(i.info for i in found.layers if i.name == "2").field
    seen = extents(image, value[value != 0])
    for axis in (0, 1):  # less than one place of the maps that were made finer too much, and rounded up
        largest = max(edges[axis + 2] - edges[axis] for edges in seen)
        assert field.size[axis] < largest + 2 * stride[axis] + 1 or field.size[axis] > (8, 10)[axis]


FIELDS = st.builds(  # the edges lie between pixels, as those of chains do
    lambda size, jump, edge, whole, exact, local: ReceptiveField(
        size=size,
        jump=jump,
        start=(edge[0] + size[0] / 2, edge[1] + size[1] / 2),
        whole=whole,
        exact=exact,
        local=whole and exact and local,
    ),
    pairs(1, 9),
    pairs(1, 2),
    pairs(-4, 2),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


@given(one=FIELDS, other=FIELDS)
def test_a_joined_field_holds_both(one: ReceptiveField, other: ReceptiveField) -> None:
    both = joined(one, other)
    assert not both.boxed or one.jump == other.jump
    assert both.local <= (both.whole and both.exact and one.boxed and other.boxed)
    assert both.known or not (one.whole and one.exact)  # who sees everything goes on seeing it
    assert joined(one, one) == one and both == joined(other, one).model_copy(update=both.model_dump())
    for field in (one, other):
        top, left, bottom, right = both.box(2, 3)
        inner = field.box(2, 3)
        assert not both.boxed or (top <= inner[0] and left <= inner[1] and bottom >= inner[2] and right >= inner[3])


def test_a_field_worked_out_on_paper() -> None:
    conv1 = through(ReceptiveField(), (3, 3), (1, 1), (1, 1))
    pool1 = through(conv1, (2, 2), (2, 2))
    conv2 = through(pool1, (3, 3), (1, 1), (1, 1))
    assert conv1.box(0, 0) == (-1, -1, 2, 2)
    assert pool1.box(1, 0) == (1, -1, 5, 3)
    assert (conv2.size, conv2.jump) == ((8, 8), (2, 2)) and conv2.box(1, 1) == (-1, -1, 7, 7)
