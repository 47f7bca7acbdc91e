"""What outputs are called, and which of them the images' classes are."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from fmcore.analysis.class_order import another_order
from fmcore.bundle import Bundle
from fmcore.class_names import name_outputs
from fmcore.cli import cli
from fmcore.data.imageset import ImageSet
from fmcore.errors import InputError, PlanError
from fmcore.lesson.plan import BundleRecipe, read_plan
from fmcore.recording import Watching, record
from fmcore.training import Trained

LABELS = np.array([0, 1, 1, 0])


def data_of(images: ImageSet, *classes: str) -> ImageSet:
    return replace(images, classes=classes, test_labels=LABELS)


@pytest.mark.parametrize(
    ("known", "classes", "names", "labels", "said"),
    [
        (None, ("boot", "hat", "öse"), ("boot", "hat", "öse"), [0, 1, 1, 0], ""),
        (None, ("boot", "hat"), ("class 0", "class 1", "class 2"), None, "or the outputs with --classes"),
        (("hat", "glove", "boot"), ("boot", "hat"), ("hat", "glove", "boot"), [2, 0, 0, 2], ""),  # in another order
        (("Hat", "Boot", "x"), ("boot", "hat"), ("Hat", "Boot", "x"), [1, 0, 0, 1], ""),
        (("o\u0308se", "hat", "x"), ("öse", "hat"), ("o\u0308se", "hat", "x"), [0, 1, 1, 0], ""),
        (("A", "a", "b"), ("a", "A"), ("A", "a", "b"), [1, 0, 0, 1], ""),  # as they are written
        (("a", "b", "c"), ("A", "a"), ("a", "b", "c"), None, "has the classes 'A' and 'a', and"),
        (("crane", "hat", "crane"), ("crane", "hat"), ("crane", "hat", "crane"), None, "has the class 'crane', and"),
        (("a", "b", "c"), ("d", "e", "f"), ("a", "b", "c"), None, "has the classes 'd', 'e' and 'f', and the network"),
    ],
)
def test_outputs_are_named_and_images_labelled_by_name(
    tiny_images: ImageSet,
    known: tuple[str, ...] | None,
    classes: tuple[str, ...],
    names: tuple[str, ...],
    labels: list[int] | None,
    said: str,
) -> None:
    told: list[str] = []
    called, numbers = name_outputs(known, 3, data_of(tiny_images, *classes), told.append)
    assert called == names and (numbers is None if labels is None else numbers.tolist() == labels)
    assert len(told) == bool(said) and said in "".join(told)


def test_there_is_one_name_an_output(tiny_images: ImageSet) -> None:
    with pytest.raises(InputError, match="names for 2 classes, and the network has 3 outputs"):
        name_outputs(("a", "b"), 3, None, print)
    assert name_outputs(("a", "b", "c"), 3, None, print) == (("a", "b", "c"), None)
    assert name_outputs(None, 2, None, print) == (("class 0", "class 1"), None)


NET = """
from torch import nn

def make(classes=2):
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, classes))
    net.classes = ["from", "code"]
    return net
"""


def test_names_come_from_a_file_or_from_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (20, 20), "red").save("photo.png")
    Path("net.py").write_text(NET)
    Path("names.txt").write_bytes("\ufeffboot\r\n\r\n Öse \nhat\n".encode())
    asked = ["record", "--model", "net.py:make", "--image", "photo.png", "--image-size", "16", "--output", "a"]
    for more, names in ((["--classes", "names.txt"], ("boot", "Öse", "hat")), ([], ("from", "code"))):
        result = CliRunner().invoke(cli, [*asked, *more])
        assert result.exit_code == 0, result.output
        with Bundle.open(Path("a")) as bundle:
            assert bundle.header.classes == names


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xfe", "is no text in UTF-8"),
        (b"\n \n", "holds 0 names"),
        (b"a\na\x07b\n", "Line 2 of"),
        (b"x" * 201, "Line 1 of"),
        (b"x\n" * 100_001, "holds 100,001 names; write one to 100,000"),
        (b"x" * 2**22 + "ä".encode(), "is over 4 MB"),
        (None, "cannot be read"),
    ],
)
def test_a_file_without_names_is_told_at_once(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "names.txt"
    if content is not None:
        path.write_bytes(content)
    result = CliRunner().invoke(cli, ["record", "--model", "net.py:make", "--image", "x", "--classes", str(path)])
    assert result.exit_code == 2 and sentence in result.output


def test_what_is_trained_here_has_the_names_of_its_data(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    for recipe in ('model = "deep"', 'model = "a.py:b"\nepochs = 2\ndata = "garments"'):
        plan.write_text(
            f'title = "x"\n[bundles.a]\n{recipe}\nclasses = ["a"]\n[[scenes]]\nscene = "Recap"\nbundle = "a"'
        )
        with pytest.raises(PlanError, match="gets the names of its data's classes"):
            read_plan(plan)
    assert BundleRecipe(model="deep", weights="net.safetensors", classes=("a", "b")).classes == ("a", "b")


def test_outputs_in_another_order_than_the_classes_are_told() -> None:
    random = np.random.default_rng(0)
    names = ("circle", "cross", "ring", "star")
    labels = random.integers(0, 4, 60)
    own = np.array([2, 0, 3, 1])  # the output of each class
    predicted = np.where(random.random(60) < 0.85, own[labels], random.integers(0, 4, 60))
    sentence = another_order(predicted, labels, names)
    right = (predicted == own[labels]).mean()
    assert sentence is not None and f"and {right:.0%} would be" in sentence
    assert "'cross', 'star', 'circle' and 'ring', in this order" in sentence and "--classes" in sentence
    for said in (labels, random.integers(0, 4, 60), np.zeros(60, int)):  # right, by chance, one answer
        assert another_order(said, labels, names) is None
    assert another_order(predicted[:9], labels[:9], names) is None  # too few


@pytest.mark.parametrize(
    ("others", "told"),
    [(0, False), (1, False), (2, False), (6, True)],  # how many of six images that are no triangle are told from those
)
def test_nearly_one_answer_to_images_mostly_of_one_class_is_no_other_order(others: int, told: bool) -> None:
    labels = np.repeat([0, 1], [12, 6])
    predicted = np.where(np.arange(18) < 18 - others, 1, 0)
    sentence = another_order(predicted, labels, ("triangle", "Zcross"))
    assert (sentence is not None) == told


@pytest.mark.parametrize("weights", ["file net.safetensors", "random", "trained here"])
def test_another_order_is_looked_for_in_networks_trained_elsewhere(
    weights: str, tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path
) -> None:
    network = deepcopy(tutorial_trained.network)
    with torch.no_grad():
        answers = network(torch.from_numpy(tiny_images.test_images).float() / 255).argmax(1).numpy()
        for part in network.linear.parameters():  # type: ignore[union-attr]
            part.copy_(part.roll(1, 0))
    data = replace(tiny_images, test_labels=answers)  # all of them right, before the outputs changed places
    trained = replace(tutorial_trained, network=network, weights=weights)
    trained = trained if weights == "trained here" else replace(trained, history=())
    said: list[str] = []
    record(trained, data, tmp_path / "b", watching=Watching(say=said.append))
    assert any("and 100% would be if" in sentence for sentence in said) == weights.startswith("file")
