"""Any model by one name: what can be named, what a factory is told, and the sentence where it cannot be made."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fmcore.data.imageset import ImageSet
from fmcore.errors import InputError
from fmcore.header import Preprocessing
from fmcore.model_source import Model, Wanted, open_model, require_model_name, usual_name
from fmcore.recording import record
from fmcore.torch_pair import torchvision
from fmcore.training import Trained

FACTORIES = """
import torch
from torch import nn

def plain():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))

def told(in_channels, image_size, num_classes, classes, depth=1):
    assert classes == num_classes
    net = nn.Sequential(nn.Conv2d(in_channels, 4, 3, padding=1), nn.Flatten())
    return net.append(nn.Linear(4 * image_size**2, num_classes))

def grey(in_channels=1):
    return nn.Sequential(nn.Conv2d(in_channels, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

def hyperspectral():
    return nn.Sequential(nn.Conv2d(5, 2, 3))

def picky(latent):
    return plain()

def broken():
    return nn.Conv2d(3, 4, "three")

def generous(*args, **options):
    assert not args and not options
    return plain()

def nothing():
    pass

def stating(**stated):
    net = plain()
    net.preprocessing = stated
    return net

RIGHT = dict(channels=3, size=(32, 32), resize=36, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
def right(): return stating(**RIGHT)
def short(): return stating(**{**RIGHT, "mean": (0.5,)})
def flat(): return stating(**{**RIGHT, "std": (1, 0, 1)})
ready = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

def square(): return stating(**{**RIGHT, "size": 32})
def odd(): return stating(**{**RIGHT, "interpolation": "nearest"})
def wide(): return stating(**{**RIGHT, "size": (24, 40)})
def void(): return stating(**{**RIGHT, "size": (0, 32)})
def lost(): return stating(**{**RIGHT, "mean": (0.5, float("nan"), 0.5)})
def more(): return stating(**RIGHT, gamma=2.2)

def published():
    net = plain()
    net.pretrained_cfg = {"input_size": (3, 30, 30), "mean": (0.5,) * 3, "std": (0.5,) * 3, "crop_pct": 0.75,
                          "interpolation": "bicubic", "architecture": "x"}
    return net

class Own(nn.Module):
    def __init__(self, classes=2):
        super().__init__()
        self.preprocessing = nn.Identity()  # a part of that name says nothing about images
        self.net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, classes))
    def forward(self, x): return self.net(self.preprocessing(x))

class Compiled(nn.Module):  # torch.compile makes such a one, and takes seconds to be imported
    def __init__(self, plain):
        super().__init__()
        self._orig_mod = plain

def compiled():
    inner = nn.Sequential(Compiled(nn.Sequential(nn.AdaptiveAvgPool2d(1))), nn.Flatten())
    return nn.Sequential(Compiled(nn.Conv2d(3, 4, 3)), inner)

def ends(): raise SystemExit(7)
def my_bug(): raise RuntimeError("my\\n\\nbug")
def double(): return plain().double()
def lazy(): return nn.Sequential(nn.Conv2d(3, 4, 3), nn.LazyConv2d(4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

def bodiless():
    with torch.device("meta"):
        return plain()

def exported():
    return torch.export.export(plain().eval(), (torch.zeros(2, 3, 8, 8),)).module()

word = "no function"
"""


@pytest.fixture
def factories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Model]:
    """Opens what the factory of this name makes."""
    (tmp_path / "nets.py").write_text(FACTORIES)
    monkeypatch.chdir(tmp_path)

    def run(name: str, wanted: Wanted | None = None) -> Model:
        return open_model(f"nets.py:{name}", wanted or Wanted())

    return run


def test_a_factory_is_found_in_a_file_and_in_a_package(
    factories: Callable[..., Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "elsewhere" / "nets_of_mine"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "small.py").write_text(FACTORIES)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "elsewhere"), *sys.path])
    (tmp_path / "beside_nets.py").write_text("channels = 1\n")
    (tmp_path / "near.py").write_text(f"from beside_nets import channels\n{FACTORIES}")
    assert open_model(f"{tmp_path}/near.py:plain", Wanted()).name
    models = [factories("plain"), open_model(f"{tmp_path}/nets.py:plain", Wanted()),
              open_model("nets_of_mine.small:plain", Wanted()), open_model("nets:plain", Wanted())]  # fmt: skip
    for model in models:  # of one seed
        assert torch.equal(model.network[0].weight, models[0].network[0].weight)  # type: ignore[index]
    assert models[0].weights == "from nets.py:plain"


@pytest.mark.parametrize(
    ("name", "usual"),
    [
        ("deep", "deep"),
        ("torchvision:squeezenet1_1", "squeezenet1_1"),
        ("nets.py:Own", "Own"),
        ("nets.py:plain", "nets.py:plain"),  # a Sequential
        ("{folder}/nets.py:plain", "nets.py:plain"),
        ("nets:ready", "nets:ready"),
        ("nets.py:published", "x"),
    ],
)
def test_what_people_see_a_network_called(factories: object, tmp_path: Path, name: str, usual: str) -> None:
    model = open_model(name.format(folder=tmp_path), Wanted(3, 32, 2))
    assert usual_name(model.name, model.network) == usual


def test_compiled_parts_are_taken_as_they_were(factories: Callable[..., Model]) -> None:
    network = factories("compiled").network
    assert type(network[0]) is nn.Conv2d and type(network[1][0]) is nn.Sequential  # type: ignore[index]
    assert network(torch.zeros(1, 3, 8, 8)).shape == (1, 4)


def test_a_network_that_is_there_already_is_taken(factories: Callable[..., Model]) -> None:
    model = factories("ready", Wanted(3, 20, 4))
    assert isinstance(model.network, nn.Sequential) and model.preprocessing.size == (20, 20)
    with torch.no_grad():
        model.network[0].weight.zero_()  # type: ignore[operator, union-attr]
    again = factories("ready")  # whatever was done to the first
    assert again.preprocessing.size == (224, 224) and again.network[0].weight.any()  # type: ignore[index, operator, union-attr]


TOLD: dict[str, tuple[Wanted, tuple[int, int, int], tuple[int, int]]] = {  # factory -> first weights, size of images
    "plain": (Wanted(), (4, 3, 3), (224, 224)),
    "told": (Wanted(1, 16, 5), (4, 1, 3), (16, 16)),
    "grey": (Wanted(None, 20, 5), (2, 1, 3), (20, 20)),
    "generous": (Wanted(3, 20, 5), (4, 3, 3), (20, 20)),
    "Own": (Wanted(3, 28, 9), (2, 1, 3), (28, 28)),
}


@pytest.mark.parametrize("name", TOLD)
def test_a_factory_is_told_what_it_asks_for(name: str, factories: Callable[..., Model]) -> None:
    wanted, weight, size = TOLD[name]
    model = factories(name, wanted)
    assert next(iter(model.network.parameters())).shape[:3] == weight
    assert (model.preprocessing.size, model.preprocessing.channels) == (size, weight[1])
    logits = model.network.eval()(model.as_input(torch.zeros(2, weight[1], *size, dtype=torch.uint8)))
    assert logits.shape == (2, wanted.classes if name in ("told", "Own") else 2)


RIGHT = Preprocessing(channels=3, size=(32, 32), resize=36, mean=(0.5,) * 3, std=(0.25,) * 3)


def test_a_network_may_say_how_its_images_are_prepared(factories: Callable[..., Model]) -> None:
    assert factories("right").preprocessing == factories("square").preprocessing == RIGHT
    assert factories("right", Wanted(3, 64, 2)).preprocessing == RIGHT.model_copy(
        update={"size": (64, 64), "resize": 72}
    )
    white = factories("right").as_input(torch.full((1, 3, 2, 2), 255, dtype=torch.uint8))
    assert (white == 2).all()
    published = factories("published").preprocessing
    assert (published.size, published.resize, published.interpolation) == ((30, 30), 40, "bicubic")


REFUSED: dict[str, str] = {
    "nets.py:picky": "'nets.py:picky' needs an argument 'latent', and a factory is given at most in_channels, image_",
    "nets.py:told": "'nets.py:told' needs to be told in_channels; name the data it is for with --data",
    "nets.py:broken": r"'nets.py:broken' failed with TypeError: .* \(nets.py, line 23\); mend it and try again",
    "nets.py:my_bug": r"'nets.py:my_bug' failed with RuntimeError: my bug \(nets.py, line \d+\); mend it and try again",
    "nets.py:ends": r"'nets.py:ends' failed with SystemExit: 7 \(nets.py, line \d+\); mend it",
    "nets.py:double": r"a network of float64 \('0.weight'\).*return it as network.float\(\)",
    "nets.py:lazy": "'1.weight' of the model is lazy and has no values yet; run the network once",
    "nets.py:bodiless": "'0.weight' of the model lies on the device 'meta', where it has no values; make the model on",
    "nets.py:exported": r"'nets.py:exported' cannot be put into evaluation mode \(.*; name the model as it was before",
    "nets.py:nothing": "'nets.py:nothing' returned a NoneType, and a torch.nn.Module was expected",
    "nets.py:word": "'nets.py' has no function 'word' that could make a model",
    "nets.py:absent": "'nets.py' has no function 'absent' that could make a model",
    "nets.py:hyperspectral": "first convolution takes 5 channels, and images have 1 or 3; wrap it",
    "nets.py:short": "attribute 'preprocessing' of 'nets.py:short' does not fit .*3 numbers each",
    "nets.py:flat": "does not fit .*those of std above zero",
    "nets.py:odd": "does not fit at 'interpolation'",
    "nets.py:void": "does not fit at 'size.0'",
    "nets.py:lost": "does not fit at 'mean.1'",
    "nets.py:more": "does not fit at 'gamma'",
    "absent.py:plain": "There is no file 'absent.py' to take a model from",
    "spoilt.py:plain": r"'spoilt.py' cannot be imported: SyntaxError: .*[^)] \(spoilt.py, line 1\); check --model",
    "no.such.package:plain": r"'no.such.package' cannot be imported: ModuleNotFoundError: No module named 'no'; check",
    "mynets/nets.py:make": r"\(nets.py, line 2\); name its package instead: --model mynets.nets:make\.",
    "my-nets/nets.py:make": r"\(nets.py, line 2\); let it import its neighbours without the leading dot\.",
    "up/inner/nets.py:make": r"; run it in '.*/up' and name its package instead: --model inner.nets:make\.",
    "builtins:dict": "'builtins:dict'",
    "tutorail": "There is no model 'tutorail'; choose one of: tutorial, deep, .* Did you mean 'tutorial'",
    "torchvision:resnet81": "There is no model of torchvision 'resnet81'; .* Did you mean 'resnet18'",
    "torchvision:": "There is no model 'torchvision:'",
    "": "There is no model ''",
    "a b:c": "There is no model 'a b:c'",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_opened_is_told_in_a_sentence(
    name: str, factories: Callable[..., Model], tmp_path: Path
) -> None:
    (tmp_path / "spoilt.py").write_text("def plain(:\n")
    for folder in ("mynets", "my-nets", "up/inner"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "nets.py").write_text("import math\nfrom .layers import make\n")
    (tmp_path / "up" / "inner" / "__init__.py").touch()
    with pytest.raises(InputError, match=REFUSED[name]) as told:
        open_model(name, Wanted())
    assert "\n" not in told.value.message


def test_a_name_is_judged_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loud.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    for name in ("tutorial", "deep", "torchvision:resnet18", "loud.py:make", "loud:make"):
        require_model_name(name)


# --- torchvision and weights -----------------------------------------------------------------------


def test_a_model_of_torchvision_comes_with_its_preprocessing() -> None:
    model = open_model("torchvision:mobilenet_v3_small", Wanted(3, None, 7))
    assert (model.preprocessing.size, model.preprocessing.resize) == ((224, 224), 256)
    assert model.preprocessing.mean == (0.485, 0.456, 0.406) and model.weights == "random" and model.classes is None
    small = open_model("torchvision:mobilenet_v3_small", Wanted(3, 112, 7)).preprocessing
    assert (small.size, small.resize) == ((112, 112), 128)


def test_the_same_seed_makes_the_same_weights_and_leaves_that_of_the_process_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, two, other = (open_model("tutorial", Wanted(), seed=seed).network.conv1.weight for seed in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other) and torch.equal(torch.rand(1), expected)


def test_weights_of_all_classes_open_a_model_of_all_classes_whatever_the_data_has(tmp_path: Path) -> None:
    published = torchvision().models.mobilenet_v3_small(weights=None)
    save_file(published.state_dict(), tmp_path / "w.safetensors")
    model = open_model("torchvision:mobilenet_v3_small", Wanted(3, 64, 3), str(tmp_path / "w.safetensors"))
    assert model.network.classifier[3].out_features == 1000 and model.weights == "file w.safetensors"
    assert torch.equal(model.network.classifier[3].weight, published.classifier[3].weight)
    finetuned = torchvision().models.mobilenet_v3_small(weights=None, num_classes=3)
    save_file(finetuned.state_dict(), tmp_path / "w.safetensors")
    model = open_model("torchvision:mobilenet_v3_small", Wanted(3, 64, 3), str(tmp_path / "w.safetensors"))
    assert model.network.classifier[3].out_features == 3
    with pytest.raises(InputError, match=r"'classifier.3.weight' should be 1000 x 1024 and is 3 x 1024"):
        open_model("torchvision:mobilenet_v3_small", Wanted(3, 64, 4), str(tmp_path / "w.safetensors"))


@pytest.mark.parametrize(
    ("name", "weights", "sentence"),
    [
        ("tutorial", "DEFAULT", "'DEFAULT' .*'tutorial'"),
        ("nets.py:plain", "IMAGENET1K_V1", "'IMAGENET1K_V1' .*'nets.py:plain'"),
        (
            "torchvision:resnet18",
            "IMAGENET1K_V9",
            "no weights of resnet18 'IMAGENET1K_V9'; choose one of: DEFAULT, IMAGE",
        ),
        ("torchvision:resnet18", "absent.pt", "There is no file of weights at 'absent.pt'"),
    ],
)
def test_weights_that_are_not_there(name: str, weights: str, sentence: str, factories: Callable[..., Model]) -> None:
    with pytest.raises(InputError, match=sentence):
        open_model(name, Wanted(3, 32, 3), weights)


def test_a_model_without_any_parameter(tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path) -> None:
    flat = nn.Sequential(nn.AdaptiveAvgPool2d((1, 4)), nn.Flatten())
    with pytest.raises(InputError, match="has no convolution"):
        record(replace(tutorial_trained, network=flat), tiny_images, tmp_path / "b")


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_a_compiled_network_is_taken_as_it_was_before(factories: Callable[..., Model], tmp_path: Path) -> None:
    with (tmp_path / "nets.py").open("a") as file:
        file.write("\ndef compiled(): return torch.compile(plain())\n")
    assert isinstance(factories("compiled").network, nn.Sequential)
