"""How many channels a network of somebody else takes: found by running it, whatever its convolutions say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fmcore.errors import InputError
from fmcore.model_source import Wanted, open_model

NETWORKS = """
import torch
import torch.nn.functional as F
from torch import nn

def head(width): return nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 3))

class Net(nn.Module):
    def __init__(self, *parts, before=lambda x: x):
        super().__init__()
        self.parts, self.before = nn.ModuleList(parts), before
    def forward(self, x):
        x = self.before(x)
        for part in self.parts: x = part(x)
        return x

def coordinates():
    return Net(nn.Conv2d(5, 4, 3), head(4), before=lambda x: torch.cat([x, x[:, :2] * 0 + 1], 1))

def unshuffled(): return nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, 4, 3), head(4))
def grey_unshuffled(): return nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4, 4, 3), head(4))

class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Parameter(torch.randn(8, 3, 3, 3))
        self.rest = nn.Sequential(nn.Conv2d(8, 4, 3), head(4))
    def forward(self, x): return self.rest(F.conv2d(x, self.stem))

def in_three_dimensions():
    stem = nn.Sequential(nn.Unflatten(1, (3, 1)), nn.Conv3d(3, 4, (1, 3, 3)), nn.Flatten(1, 2))
    return nn.Sequential(stem, nn.Conv2d(4, 4, 3), head(4))

class Gated(nn.Module):
    def __init__(self, channels=3):
        super().__init__()
        self.gate, self.stem, self.head = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(channels, 4, 3), head(4)
    def forward(self, x):
        x = self.stem(x)
        return self.head(x * self.gate(x.mean(1, keepdim=True)).sigmoid())

def gated_grey(): return Gated(1)

class Remembering(nn.Module):
    "What it sees first it keeps."
    def __init__(self):
        super().__init__()
        self.stem, self.head, self.seen = nn.Conv2d(3, 4, 3), head(4), []
    def forward(self, x):
        self.seen.append(x)
        return self.head(self.stem(x))

def fixed(): return nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, 4, 3), nn.Flatten(), nn.Linear(4 * 14 * 14, 3))
def infrared(): return nn.Sequential(nn.Conv2d(5, 4, 3), head(4))
"""


@pytest.fixture
def channels_of(tmp_path: Path) -> Callable[[str], int]:
    (tmp_path / "nets.py").write_text(NETWORKS)
    return lambda name: open_model(f"{tmp_path}/nets.py:{name}", Wanted(None, 24, 3)).preprocessing.channels


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("coordinates", 3),
        ("unshuffled", 3),
        ("grey_unshuffled", 1),
        ("Functional", 3),
        ("in_three_dimensions", 3),
        ("Gated", 3),
        ("gated_grey", 1),
        ("Remembering", 3),
        ("fixed", 3),  # of 32 pixels, which is told when it is run
    ],
)
def test_channels_are_found_by_running_the_network(name: str, channels: int, channels_of: Callable[[str], int]) -> None:
    assert channels_of(name) == channels


def test_the_network_itself_has_seen_nothing(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(NETWORKS)
    network = open_model(f"{tmp_path}/nets.py:Remembering", Wanted(None, 24, 3)).network
    assert network.seen == [] and network.training


def test_what_takes_neither_grey_nor_rgb_is_told(channels_of: Callable[[str], int]) -> None:
    with pytest.raises(InputError, match=r"takes 5 channels, and images have 1 or 3; .* attribute 'preprocessing'"):
        channels_of("infrared")
