"""Where places lie on the image after all of it was pooled to one place and spread again, and what is made of it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from films import play
from test_any_network import recorded
from torch import Tensor, nn
from torch.nn import functional as F

from fmcore.analysis.enlarging import enlarged
from fmcore.analysis.receptive_field import joined
from fmcore.data.imageset import ImageSet
from fmcore.header import ReceptiveField
from fmcore.tracing import trace
from scenes.feature_map_progression import FeatureMapProgression
from scenes.grad_cam import GradCam
from scenes.strongest_patches import StrongestPatches

SIDE, PLACES = 28, 14
POOLED: dict[str, Callable[[Tensor], Tensor]] = {
    "adaptive": lambda x: F.adaptive_avg_pool2d(x, 1),
    "the mean": lambda x: x.mean((2, 3), keepdim=True),
    "one large window": lambda x: F.avg_pool2d(x, x.shape[-1]),
}
SPREAD: dict[str, Callable[[Tensor], Tensor]] = {
    "corner to corner": lambda p: F.interpolate(p, size=(PLACES, PLACES), mode="bilinear", align_corners=True),
    "bilinear": lambda p: F.interpolate(p, size=(PLACES, PLACES), mode="bilinear", align_corners=False),
    "bicubic": lambda p: F.interpolate(p, scale_factor=PLACES, mode="bicubic"),
    "nearest": lambda p: F.interpolate(p, size=(PLACES, PLACES)),
    "nearest exact": lambda p: F.interpolate(p, size=(PLACES, PLACES), mode="nearest-exact"),
    "area": lambda p: F.interpolate(p, size=(PLACES, PLACES), mode="area"),
    "copied": lambda p: p.expand(-1, -1, PLACES, PLACES),
}
MET: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "alone": lambda p, x: p,
    "added": lambda p, x: p + x,
    "added to": lambda p, x: x + p,
    "beside": lambda p, x: torch.cat([x, p, x], 1)[:, :8],
}


class Context(nn.Module):
    """Maps of stride 2 meet their own mean, which was spread over all places."""

    def __init__(self, pooled: str = "adaptive", spread: str = "corner to corner", met: str = "added") -> None:
        super().__init__()
        self.pooled, self.spread, self.met = POOLED[pooled], SPREAD[spread], MET[met]
        self.first, self.gist = nn.Conv2d(1, 4, 3, 2, padding=1), nn.Conv2d(4, 4, 1)
        self.mixed = nn.Conv2d(8 if met == "beside" else 4, 4, 3, padding=1)
        self.answer = nn.Linear(4, 10)

    def forward(self, image: Tensor) -> Tensor:
        x = self.first(image).relu()
        spread = self.spread(self.gist(self.pooled(x)).relu())
        answer: Tensor = self.answer((self.mixed(self.met(spread, x)) + 0.1).relu().mean((2, 3)))
        return answer


def field_of(network: nn.Module, name: str, *size: int) -> ReceptiveField:
    found = trace(network.eval(), torch.rand(2, 1, *(size or (SIDE, SIDE))))
    return next(layer.info.field for layer in found.layers if layer.name == name)


def assert_spans(field: ReceptiveField, places: int = PLACES) -> None:
    assert field.whole and field.known
    assert field.jump == pytest.approx((SIDE / places, SIDE / places))
    assert all(abs(start - step / 2) <= step / 2 for start, step in zip(field.start, field.jump, strict=True))
    laid = enlarged(np.arange(places**2).reshape(places, places), field, (SIDE, SIDE))
    assert np.isfinite(laid).all() and len(np.unique(laid)) == places**2


@pytest.mark.parametrize("met", MET)
@pytest.mark.parametrize("spread", SPREAD)
def test_a_mean_that_is_spread_lies_over_all_of_the_image(spread: str, met: str) -> None:
    assert_spans(field_of(Context(spread=spread, met=met), "mixed"))


@pytest.mark.parametrize("pooled", POOLED)
def test_a_single_place_stands_for_all_of_the_image(pooled: str) -> None:
    network = Context(pooled)
    field = field_of(network, "mixed")
    assert_spans(field)
    assert field.start == field_of(network, "first").start  # the sum lies where the maps do that were not pooled


def test_on_an_image_that_is_no_square_a_single_place_has_both_its_sides() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Upsample((3, 10)), nn.Conv2d(2, 4, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2),
    )  # fmt: skip
    field = field_of(network, "3", 12, 20)
    assert (field.jump, field.start, field.whole, field.known) == ((4, 2), (2, 1), True, True)


def test_places_that_are_made_of_a_code_lie_over_all_of_the_image() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3, 2, 1), nn.Flatten(), nn.Linear(2 * PLACES**2, 3 * 49), nn.Unflatten(1, (3, 7, 7)),
        nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2), nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2),
    )  # fmt: skip
    assert_spans(field_of(network, "4"), 7)
    assert_spans(field_of(network, "7"))


def test_of_two_fields_that_step_apart_the_one_that_spans_the_image_tells_where_places_lie() -> None:
    far = ReceptiveField(size=(9, 9), jump=(8, 8), whole=True, exact=False)
    near = ReceptiveField(size=(3, 3), jump=(2, 2), whole=True, exact=False)
    assert joined(far, near, (2.0, 2.0)).jump == joined(near, far, (2.0, 2.0)).jump == (2, 2)
    assert joined(far, near).jump == joined(near, far).jump == (8, 8)  # as before: nobody knows how many places


@pytest.fixture(scope="module")
def bundle(tiny_images: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    made, _ = recorded(Context(), tiny_images, tmp_path_factory.mktemp("odd") / "context.safetensors")
    with made:
        assert all(min(layer.field.jump) > 0 for layer in made.header.layers)
        assert {"mixed/foreground", "mixed/meaning"} <= set(made.header.arrays)
        assert np.abs(made.array("mixed/meaning")).max() > 0.05
        return made.path


@pytest.mark.parametrize("scene", [FeatureMapProgression, StrongestPatches, GradCam])
def test_scenes_are_played_of_maps_that_met_their_mean(scene: type, bundle: Path) -> None:
    assert play(scene, bundle).frames > 0
