"""Receptive fields where the rows and columns change their axes, or a convolution pads its own input."""

from collections.abc import Callable

import pytest
import torch
from test_receptive_field import Lambda, classifier, extents, maps_of, positive
from torch import Tensor, nn
from torch.nn import functional as F

from fmcore.header import ReceptiveField
from fmcore.tracing import Trace, trace

SIDE = 12  # as many channels, too, so that sizes do not tell the axes apart


def found_in(network: nn.Module, channels: int = SIDE) -> Trace:
    network(torch.ones(1, channels, SIDE, SIDE))
    return trace(network, torch.rand(2, channels, SIDE, SIDE))


def field_of(network: nn.Module, name: str, channels: int = SIDE) -> ReceptiveField:
    found = found_in(network, channels)
    return next(layer.info.field for layer in found.layers if layer.name == name)


class Rows(nn.Module):
    """Triplet attention along the rows: a gate of channels and columns, from the largest and the mean row."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        p = x.permute(0, 2, 1, 3)
        gate = self.conv(torch.cat([p.max(1, keepdim=True)[0], p.mean(1, keepdim=True)], 1)).sigmoid()
        return (p * gate).permute(0, 2, 1, 3).contiguous()


MIXING: dict[str, Callable[[], nn.Module]] = {  # all of these let a place see a whole row or column of their input
    "triplet attention": Rows,
    "a linear layer along the rows": lambda: nn.Linear(SIDE, SIDE),
    "a normalisation along the rows": lambda: nn.LayerNorm(SIDE),
    "channels last, then named channels first": lambda: Lambda(lambda x: x.permute(0, 2, 3, 1).reshape(x.shape)),
    "rows and channels exchanged": lambda: Lambda(lambda x: x.transpose(1, 2)),
    "a mean of all rows": lambda: Lambda(lambda x: x + x.transpose(1, 2).mean(1, keepdim=True).transpose(1, 2)),
    "one half after the other": lambda: Lambda(lambda x: torch.cat(x.chunk(2, 3)[::-1], 3)),
}


@pytest.mark.parametrize("kind", MIXING)
def test_what_takes_channels_for_places_has_no_box(kind: str) -> None:
    network = classifier(nn.Conv2d(SIDE, SIDE, 3, padding=1), MIXING[kind](), nn.Conv2d(SIDE, 2, 3, padding=1))
    for layer in found_in(network).layers[1:]:  # none, where a convolution takes channels for rows
        assert (layer.info.field.whole, layer.info.field.known) == (True, False)


def test_maps_of_channels_and_columns_are_not_laid_over_the_image() -> None:
    found = found_in(classifier(nn.Conv2d(SIDE, SIDE, 3, padding=1), Rows(), nn.Conv2d(SIDE, 2, 1)))
    (gate,) = (module for module in found.modules if module.name == "1.conv")
    assert (gate.shown, gate.why) == (False, "an axis of its maps is one of channels, and not of places")
    assert "1.conv" not in {layer.name for layer in found.layers}


class ChannelsLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.mix, self.gain = nn.LayerNorm(SIDE), nn.Linear(SIDE, SIDE), nn.Parameter(torch.ones(SIDE))

    def forward(self, x: Tensor) -> Tensor:
        y = self.mix(self.norm(x.permute(0, 2, 3, 1))) * self.gain
        return x + y.permute(0, 3, 1, 2)


KEEPING: dict[str, Callable[[], nn.Module]] = {  # of these a place sees the same place alone
    "a linear layer over the channels": ChannelsLast,
    "turned and turned back": lambda: Lambda(lambda x: x.transpose(2, 3).relu().transpose(2, 3)),
    "grouped": lambda: Lambda(lambda x: x.view(len(x), 2, -1, SIDE, SIDE).transpose(1, 2).reshape(x.shape)),
    "in a row and back": lambda: Lambda(lambda x: x.unsqueeze(1).squeeze(1)[:, list(range(SIDE))[::-1]]),
    "the mean of the channels": lambda: Lambda(lambda x: x * x.mean(1).unsqueeze(1)),
    "one channel": lambda: Lambda(lambda x: x * x[:, 0][:, None] + x.unbind(1)[1].unsqueeze(-3)),
}


@pytest.mark.parametrize("kind", KEEPING)
def test_a_place_that_only_moves_from_axis_to_axis_keeps_its_box(kind: str) -> None:
    network = classifier(nn.Conv2d(SIDE, SIDE, 3, padding=1), KEEPING[kind](), nn.Conv2d(SIDE, 2, 3, padding=1))
    field = field_of(network, "2")
    assert (field.size, field.whole, field.exact) == ((5, 5), False, True)


def test_a_gate_of_maps_whose_channels_come_last_is_shared_by_all_places() -> None:
    gate = Lambda(lambda x: (y := x.permute(0, 2, 3, 1)).mul(y.mean((1, 2), keepdim=True)).permute(0, 3, 1, 2))
    field = field_of(classifier(nn.Conv2d(SIDE, SIDE, 3), gate, nn.Conv2d(SIDE, 2, 3)), "2")
    assert (field.size, field.whole, field.local) == ((5, 5), True, True)


def test_a_filter_that_is_worked_out_from_the_image_sees_what_it_saw() -> None:
    class Dynamic(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            kernel = x.mean((0, 2, 3)).view(1, -1, 1, 1)
            return torch.conv2d(x, kernel)

    assert not field_of(classifier(nn.Conv2d(SIDE, SIDE, 3), Dynamic(), nn.Conv2d(1, 2, 3)), "2").boxed


PADDED: dict[str, tuple[nn.Conv2d, bool]] = {  # a convolution that pads its own input, and whether a box holds it
    "reflected, even kernel": (nn.Conv2d(1, 2, 4, padding="same", padding_mode="reflect"), False),
    "reflected too far": (nn.Conv2d(1, 2, 3, padding=3, padding_mode="reflect"), False),
    "repeated too far": (nn.Conv2d(1, 2, 3, padding=4, padding_mode="replicate"), False),
    "round about": (nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular"), False),
    "round about by nothing": (nn.Conv2d(1, 2, 3, padding_mode="circular"), True),
    "reflected as far as it reaches": (nn.Conv2d(1, 2, 5, padding=2, padding_mode="reflect"), True),
    "repeated as far as it reaches": (nn.Conv2d(1, 2, 3, 2, padding=2, padding_mode="replicate"), True),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kind", PADDED)
def test_a_box_is_told_where_it_holds_all_that_a_padding_has_copied(kind: str) -> None:
    conv, told = PADDED[kind]
    network = classifier(conv)
    field = field_of(network, "0", 1)
    assert field.boxed is told and field.known is told
    network, image = positive(network), torch.ones(1, 1, SIDE, SIDE, dtype=torch.float64, requires_grad=True)
    values = maps_of(network, trace(network, image.repeat(2, 1, 1, 1)), image)["0"].sum(0)
    seen = extents(image, values.flatten())
    boxes = [field.box(*divmod(place, values.shape[1])) for place in range(len(seen))]
    assert all(
        top <= one[0] and left <= one[1] and bottom >= one[2] and right >= one[3]
        for one, (top, left, bottom, right) in zip(seen, boxes, strict=True)
    )


def shifted_through_a_view(x: Tensor) -> Tensor:
    x[:, :, 1:].add_(F.max_pool2d(x, 3, 1, 1)[:, :, :-1])
    return x


def filled_through_a_view(x: Tensor) -> Tensor:
    moved = torch.zeros_like(x)
    moved[:, :, 1:].copy_(x[:, :, :-1])
    return x + moved


def widened_through_a_view(x: Tensor) -> Tensor:
    x[:, :2].add_(F.max_pool2d(x, 3, 1, 1)[:, :2])
    return x


def rectified_by_halves(x: Tensor) -> Tensor:
    one, other = x[:, :6], x[:, 6:]
    one.relu_()
    other.relu_()
    return torch.cat([one, other], 1) + x


@pytest.mark.parametrize(("change", "known"), [
    (shifted_through_a_view, False), (filled_through_a_view, False), (widened_through_a_view, False),
    (rectified_by_halves, True),
])  # fmt: skip
def test_what_is_written_through_a_view_is_seen_by_all_of_the_tensor(
    change: Callable[[Tensor], Tensor], known: bool
) -> None:
    field = field_of(classifier(nn.Conv2d(SIDE, SIDE, 3), Lambda(change), nn.Conv2d(SIDE, 2, 3)), "2")
    assert (field.known, field.boxed) == (known, known)
