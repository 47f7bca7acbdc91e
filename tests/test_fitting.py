"""Images that do not fit a model, through the command line: the sentence says which ones do."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fmcore.cli import cli

DIGITS = """
from torch import nn
from torch.nn import functional as F

def digits():  # which takes grey images of 28 x 28 and nothing else
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 13 * 13, 10))

class Bare(nn.Module):  # does not say how many channels it takes
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(digits()[0].weight.detach())
        self.rest = digits()[1:]
    def forward(self, x): return self.rest(F.conv2d(x, self.weight))

def stated():
    net = Bare()
    net.preprocessing = {"channels": 1, "size": (28, 28), "resize": 28, "mean": (0.5,), "std": (0.5,)}
    return net

def misstated():
    net = stated()
    net.preprocessing = {**net.preprocessing, "channels": 3, "mean": 3 * (0.5,), "std": 3 * (0.5,)}
    return net

def deaf():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(5, 10))
"""
FITTING: list[tuple[list[str], int, str]] = [  # how it is called, the status, and the end of what it says
    (["digits"], 2, r"run on images of 1 x 224 x 224 \(grey\) \(RuntimeError: mat1 and mat2 shapes cannot be multiplied"
                    r".*\); it runs on 1 x 28 x 28 \(grey\): give --image-size 28\."),
    (["digits", "--image-size", "28"], 0, r"weights as .*digits made them, recorded in b \(0\.\d MB\)"),
    (["Bare"], 2, r"run on images of 1 x 224 x 224 \(grey\) \(RuntimeError: mat1 and mat2 shapes cannot be multiplied"
                  r".*\); it runs on 1 x 28 x 28 \(grey\): give --image-size 28\."),
    (["misstated"], 2, r"run on images of 3 x 28 x 28 \(RGB\) \(RuntimeError: .* to have 1 channels, but got 3 .*"
                       r"; it runs on 1 x 28 x 28 \(grey\): say in its attribute 'preprocessing' that it takes grey"
                       r" images \(channels 1\)\."),
    (["stated"], 0, r"recorded in b \(0\.\d MB\)"),
    (["digits", "--data", "folder:photos", "--epochs", "1", "--image-size", "32"], 2,
     r"run on images of 1 x 32 x 32 \(grey\) .*; it runs on 1 x 28 x 28 \(grey\): give --image-size 28\."),
    (["deaf"], 2, r"run on images of 3 x 224 x 224 \(RGB\) .*; give another --image-size, or mend the model\."),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "status", "end"), FITTING)
def test_the_command_line_says_which_images_a_model_takes(
    arguments: list[str], status: int, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(DIGITS)
    for number in range(10):
        folder = tmp_path / "photos" / str(number)
        folder.mkdir(parents=True)
        for copy in range(5):
            Image.fromarray(np.full((30, 30), 20 * number + copy, np.uint8)).save(folder / f"{copy}.png")
    shown = [] if "--data" in arguments else ["--image", "photos/3/0.png"]
    model = ["--model", f"nets.py:{arguments[0]}"]
    found = CliRunner().invoke(cli, ["record", *model, *arguments[1:], *shown, "--output", "b"])
    assert found.exit_code == status, found.output
    assert re.search(end, found.output.splitlines()[-1]), found.output
