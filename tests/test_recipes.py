"""What a recipe says of model, data and images is what its bundle holds; one that says too little writes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from fmcore.bundle import Bundle
from fmcore.errors import InputError
from fmcore.lesson.plan import BundleRecipe
from fmcore.made_of import made_of
from fmcore.models import build_model
from fmcore.prepare import make
from fmcore.reporter import Silent

NETS = """
from torch import nn

def plain():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))

def grey(classes=2):
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, classes))

def told(in_channels, image_size, num_classes):
    net = nn.Sequential(nn.Conv2d(in_channels, 4, 3, padding=1), nn.Flatten())
    return net.append(nn.Linear(4 * image_size**2, num_classes))

def stating(size, resize):
    net = plain()
    net.preprocessing = dict(channels=3, size=size, resize=resize, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    return net

def right(): return stating((32, 32), 36)
def wide(): return stating((24, 40), 36)
def hyperspectral(): return nn.Sequential(nn.Conv2d(5, 2, 3))
"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bundle]:
    """The bundle that a recipe makes, in a folder with some images, data and weights."""
    random = np.random.default_rng(0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(NETS)
    for number in range(12):
        folder = tmp_path / "photos" / ("dark" if number % 2 else "light")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 90, (24, 20), dtype=np.uint8) + (0 if number % 2 else 150)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    Image.fromarray(random.integers(0, 255, (30, 40, 3), dtype=np.uint8)).save(tmp_path / "colour.png")
    torch.manual_seed(0)
    save_file(build_model("tutorial", 1, 16, 2).state_dict(), tmp_path / "w.safetensors")

    def run(**recipe: Any) -> Bundle:
        make(BundleRecipe.model_validate(recipe), tmp_path / "b", tmp_path, None, Silent())
        return Bundle.open(tmp_path / "b")

    return run


PHOTO, FOLDER = "photos/dark/1.png", "folder:photos"
MADE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # a recipe, and what its bundle says
    "an image alone": (
        {"model": "nets.py:grey", "images": [PHOTO], "image_size": 16},
        {"shape": (1, 16, 16), "weights": "from nets.py:grey", "sources": ["1.png"], "classes": 2, "labels": False},
    ),
    "data alone": (
        {"model": "nets.py:told", "data": FOLDER, "image_size": 16},
        {"shape": (1, 16, 16), "weights": "from nets.py:told", "classes": 2, "labels": True},
    ),
    "data and an image": (
        {"model": "nets.py:right", "data": FOLDER, "images": [PHOTO, PHOTO]},
        {"shape": (3, 32, 32), "weights": "from nets.py:right", "sources": ["1.png"] * 2, "classes": 2, "labels": True},
    ),
    "data and weights": (
        {"model": "tutorial", "data": FOLDER, "weights": "w.safetensors", "image_size": 16},
        {"shape": (1, 16, 16), "weights": "file w.safetensors", "classes": 2, "labels": True},
    ),
    "weights trained further": (
        {"model": "tutorial", "data": FOLDER, "weights": "w.safetensors", "image_size": 16, "epochs": 1},
        {"shape": (1, 16, 16), "weights": "trained here", "classes": 2, "labels": True},
    ),
    "a grey image and one in colour": (
        {"model": "nets.py:right", "images": [PHOTO, "colour.png"]},
        {
            "shape": (3, 32, 32),
            "weights": "from nets.py:right",
            "sources": ["1.png", "colour.png"],
            "classes": 2,
            "labels": False,
        },
    ),
    "an image that is wider than high": (
        {"model": "nets.py:wide", "images": [PHOTO]},
        {"shape": (3, 24, 40), "weights": "from nets.py:wide", "sources": ["1.png"], "classes": 2, "labels": False},
    ),
    "data for a network that takes other than squares": (
        {"model": "nets.py:wide", "data": FOLDER},
        {"shape": (3, 24, 40), "weights": "from nets.py:wide", "classes": 2, "labels": True},
    ),
    "some layers": (
        {"model": "nets.py:plain", "images": [PHOTO], "layers": ["0"], "image_size": 24},
        {"shape": (3, 24, 24), "weights": "from nets.py:plain", "sources": ["1.png"], "classes": 2, "labels": False},
    ),
}


@pytest.mark.parametrize("kind", MADE)
def test_a_recipe_becomes_a_bundle(kind: str, made: Callable[..., Bundle]) -> None:
    recipe, expected = MADE[kind]
    with made(**recipe) as bundle:
        bundle.verify()
        header = bundle.header
        assert header.recipe == made_of(BundleRecipe.model_validate(recipe))
        assert (header.model.input_shape, header.model.weights) == (expected["shape"], expected["weights"])
        assert [probe.source for probe in header.probes] == expected.get("sources", [p.source for p in header.probes])
        assert len(header.classes) == expected["classes"] and bundle.array("logits").shape[1] == expected["classes"]
        assert ("test_label" in header.arrays) is expected["labels"] and bool(header.training.history) is (
            recipe.get("epochs", 0) > 0
        )
        for layer in bundle.convolutions:
            mean, maps = bundle.array(f"{layer.name}/mean"), bundle.array(f"{layer.name}/activation")
            assert mean.shape == maps.shape[1:2] == layer.output_shape[:1]


@pytest.mark.parametrize("model", ["right", "wide"])
def test_data_is_prepared_as_the_network_says_like_single_images(model: str, made: Callable[..., Bundle]) -> None:
    with made(model=f"nets.py:{model}", data=FOLDER) as bundle:
        seen = [image.tobytes() for image in bundle.array("probes")]
    with made(model=f"nets.py:{model}", images=[str(path) for path in sorted(Path("photos").rglob("*.png"))]) as bundle:
        assert set(seen) <= {image.tobytes() for image in bundle.array("probes")}


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        ({"model": "tutorial", "data": None, "images": [PHOTO]}, "nothing to train on; name data"),
        ({"model": "nets.py:plain"}, "There is nothing to show"),
        ({"model": "nets.py:plain", "images": [PHOTO], "epochs": 2}, "nothing to train on; name data"),
        ({"model": "nets.py:hyperspectral", "images": [PHOTO]}, "takes 5 channels"),
        ({"model": "nets.py:plain", "images": ["absent.png"]}, "absent.png"),
    ],
)
def test_a_recipe_that_makes_nothing(
    recipe: dict[str, Any], sentence: str, made: Callable[..., Bundle], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=sentence):
        made(**recipe)
    assert not (tmp_path / "b").exists()


def test_an_image_is_the_same_to_the_pixel_in_a_folder_and_alone(made: Callable[..., Bundle], tmp_path: Path) -> None:
    photo = Image.effect_mandelbrot((41, 53), (-2, -1, 1, 1), 40)  # neither side is a multiple of the input's
    for file in (tmp_path / "photos").glob("*/*.png"):
        photo.save(file)
    with made(model="nets.py:plain", data=FOLDER, image_size=17) as bundle:
        in_folder = bundle.array("probes")
    with made(model="nets.py:plain", images=[PHOTO], image_size=17) as bundle:
        alone = bundle.array("probes")
    assert np.array_equal(in_folder, np.broadcast_to(alone, in_folder.shape))
