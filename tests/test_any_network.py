"""Networks of others that are built or answer in a way of their own: recorded rightly, or refused in a sentence."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fmcore.bundle import Bundle
from fmcore.data.imageset import ImageSet
from fmcore.errors import FmcoreError
from fmcore.model_input import AsInput, plain_preprocessing
from fmcore.model_source import Model
from fmcore.recording import Watching, record
from fmcore.training import untrained


def recorded(network: nn.Module, data: ImageSet, path: Path, **how: Any) -> tuple[Bundle, list[str]]:
    """The bundle of `network` on grey images, and what was said meanwhile."""
    said = list[str]()
    model = Model("net.py:make", network, AsInput(plain_preprocessing(1, 28), channels_last=False), "from net.py:make")
    record(untrained(model), data, path, watching=Watching(say=said.append), **how)
    return Bundle.open(path), said


def head(width: int, classes: int = 10) -> nn.Sequential:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


class Then(nn.Module):
    """A small network, and what is done to its answers."""

    def __init__(self, last: Any) -> None:
        super().__init__()
        self.conv, self.head, self.last = nn.Conv2d(1, 4, 3), head(4), last

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.last(self.head(self.conv(x).relu()))
        return answer


def negative_spread() -> nn.Module:
    norm = nn.BatchNorm2d(4)
    norm.running_var.fill_(-1)  # type: ignore[union-attr, operator]
    return nn.Sequential(nn.Conv2d(1, 4, 3), norm, nn.ReLU(), head(4))


def masked(answer: Tensor) -> Tensor:
    return answer.masked_fill(torch.arange(10) == 2, float("-inf"))


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (negative_spread, "Channel 1 of layer '0' gave NaN or infinite values on these images"),
        (
            lambda: Then(lambda answer: (answer - 50).log()),
            r"NaN .* to 60 of 60 images \(nan as its output 1\), although",
        ),
        (lambda: Then(masked), r"NaN or infinite .* \(-inf as its output 3\), although"),
        (lambda: Then(lambda answer: answer * 1e30 * 1e30), r"NaN or infinite .* \(-?inf as its output"),
    ],
    ids=["normalised by a negative variance", "logarithm", "masked", "overflow"],
)
def test_answers_that_are_no_numbers(network: Any, sentence: str, tiny_images: ImageSet, tmp_path: Path) -> None:
    with pytest.raises(FmcoreError, match=sentence):
        recorded(network(), tiny_images, tmp_path / "b")
