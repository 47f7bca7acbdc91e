"""Networks of others that answer in an odd way: what is told of them, and what is refused."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from fmcore.bundle import Bundle
from fmcore.data.imageset import ImageSet
from fmcore.data.pictures import open_pictures
from fmcore.errors import InputError
from fmcore.recording import Watching, record
from fmcore.training import Trained


@pytest.mark.parametrize("part", ["chance", "no gradient"])
def test_what_is_left_to_chance_or_has_no_gradient_is_told(
    part: str, tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path
) -> None:
    network, heard = deepcopy(tutorial_trained.network), list[str]()
    if part == "chance":
        network.register_forward_pre_hook(lambda _, given: (given[0] + torch.rand_like(given[0]),))
    else:
        network.forward = torch.no_grad()(network.forward)  # type: ignore[method-assign]
    record(replace(tutorial_trained, network=network), tiny_images, tmp_path / "b", watching=Watching(say=heard.append))
    with Bundle.open(tmp_path / "b") as bundle:
        has_gradcam = any(name.endswith("/gradcam") for name in bundle.header.arrays)
    expected = {"chance": "The model answers differently each time", "no gradient": "Grad-CAM is left out"}[part]
    assert any(said.startswith(expected) for said in heard) and has_gradcam is (part == "chance")


class Squeezed(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.squeeze()


@pytest.mark.parametrize(
    ("last", "sentence"),
    [
        (nn.Linear(4, 1), r"gave one number an image; .* torch.cat\(\[torch.zeros_like\(x\), x\], 1\)"),
        (nn.Sequential(nn.Linear(4, 3), nn.Unflatten(1, (3, 1, 1))), r"\(2, 3, 1, 1\); let it return output.flat"),
        (nn.Sequential(nn.Linear(4, 3), Squeezed()), r"expected was .* \(1, classes\).* one of shape \(3,\)"),
    ],
)  # fmt: skip
def test_answers_of_another_shape(last: nn.Module, sentence: str, tutorial_trained: Trained, tmp_path: Path) -> None:
    head = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), last)
    Image.new("L", (40, 40), 90).save(tmp_path / "grey.png")
    pictures = open_pictures([tmp_path / "grey.png"], tutorial_trained.as_input.preprocessing)
    with pytest.raises(InputError, match=sentence):
        record(replace(tutorial_trained, network=head), None, tmp_path / "b", pictures=pictures)


def test_answers_as_after_a_sigmoid_are_told(tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path) -> None:
    network, heard = nn.Sequential(*deepcopy(list(tutorial_trained.network.children())), nn.Sigmoid()), list[str]()
    trained = replace(tutorial_trained, network=network, states=(), history=())
    record(trained, tiny_images, tmp_path / "b", watching=Watching(say=heard.append))
    assert "all answers of the model lie between 0 and 1" in heard[0]


class Timid(nn.Module):
    """Its answers lie between 0 and 1 by chance: nothing holds them there."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.network(x.mul_(1)) * 1e-3 + 0.5
        return answer


def test_answers_that_only_happen_to_lie_between_0_and_1_are_not_called_a_sigmoids(
    tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path
) -> None:
    heard = list[str]()
    timid = Timid(deepcopy(tutorial_trained.network))
    trained = replace(tutorial_trained, network=timid, states=(), history=())
    record(trained, tiny_images, tmp_path / "b", watching=Watching(say=heard.append))
    assert not any("sigmoid" in one for one in heard)
