"""The two networks: every map's size, and the number of parameters by hand."""

import pytest
import torch
from torch import nn

from fmcore.errors import InputError
from fmcore.lesson.plan import OWN_MODELS
from fmcore.models import MODELS, build_model

SHAPES = [  # model, (C, S), then the (C, H) of every convolution and pooling in order
    ("tutorial", (1, 28), [(8, 28), (16, 28), (16, 14)]),
    ("tutorial", (3, 32), [(8, 32), (16, 32), (16, 16)]),
    ("tutorial", (1, 9), [(8, 9), (16, 9), (16, 4)]),
    ("deep", (1, 28), [(16, 28), (16, 14), (32, 14), (32, 7), (64, 7), (64, 4), (128, 4), (128, 2)]),
    ("deep", (3, 32), [(16, 32), (16, 16), (32, 16), (32, 8), (64, 8), (64, 4), (128, 4), (128, 2)]),
    ("deep", (3, 64), [(16, 32), (16, 16), (32, 16), (32, 8), (64, 8), (64, 4), (128, 4), (128, 2)]),
    ("deep", (3, 224), [(16, 112), (16, 56), (32, 56), (32, 28), (64, 28), (64, 14), (128, 14), (128, 7)]),
    ("deep", (1, 8), [(16, 8), (16, 4), (32, 4), (32, 2), (64, 2), (64, 1), (128, 1), (128, 1)]),
]


@pytest.mark.parametrize(("name", "image", "expected"), SHAPES)
def test_maps_have_these_sizes(name: str, image: tuple[int, int], expected: list[tuple[int, int]]) -> None:
    channels, size = image
    network = build_model(name, channels, size, 7).eval()
    seen = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.MaxPool2d):
            module.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape)))
    with torch.inference_mode():
        logits = network(torch.zeros(2, channels, size, size))
    assert logits.shape == (2, 7)
    assert seen == [(2, c, h, h) for c, h in expected]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tutorial", (8 * 1 * 9 + 8) + (16 * 8 * 9 + 16) + (16 * 14 * 14 * 10 + 10)),
        (
            "deep",
            (16 * 1 * 9 + 16) + (32 * 16 * 9 + 32) + (64 * 32 * 9 + 64) + (128 * 64 * 9 + 128) + (128 * 10 + 10),
        ),
    ],
)
def test_parameters_are_as_many_as_counted_by_hand(name: str, expected: int) -> None:
    assert sum(p.numel() for p in build_model(name, 1, 28, 10).parameters()) == expected


@pytest.mark.parametrize(
    ("name", "size", "sentence"),
    [
        ("tutoral", 28, "no model 'tutoral'; choose one of: tutorial, deep. Did you mean 'tutorial'"),
        ("tutorial", 7, "at least 8x8 and these are 7x7; give a larger --image-size"),
        ("deep", 1, "at least 8x8"),
    ],
)
def test_what_cannot_be_built(name: str, size: int, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        build_model(name, 1, size, 10)


@pytest.mark.parametrize("name", MODELS)
def test_weights_come_from_the_global_seed(name: str) -> None:
    weights = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        weights.append(next(build_model(name, 1, 28, 10).parameters()).detach())
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_a_plan_knows_the_models_without_loading_them() -> None:
    assert tuple(MODELS) == OWN_MODELS
