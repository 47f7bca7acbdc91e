"""A checkpoint gives back the training it was made from, or says what it is instead."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from fmcore.checkpoint import load_checkpoint, read_recipe, save_checkpoint
from fmcore.cli import cli
from fmcore.data.imageset import ImageSet
from fmcore.errors import InputError
from fmcore.lesson.plan import BundleRecipe
from fmcore.recording import record
from fmcore.training import Trained, TrainSpec


@pytest.fixture
def path(tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "new" / "weights", tutorial_trained, tiny_images)
    return tmp_path / "new" / "weights"


def test_it_gives_back_the_training(path: Path, tutorial_trained: Trained, tiny_images: ImageSet) -> None:
    again = load_checkpoint(path, tiny_images)
    assert (again.spec, again.history, again.device) == (
        tutorial_trained.spec,
        tutorial_trained.history,
        tutorial_trained.device,
    )
    for state, expected in zip(again.states, tutorial_trained.states, strict=True):
        assert state.keys() == expected.keys()
        assert all(np.array_equal(state[name], expected[name]) for name in expected)
    assert not again.network.training
    assert [p.name for p in path.parent.iterdir()] == ["weights"]


def test_it_records_the_same_bundle(
    path: Path, tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path
) -> None:
    digest = record(load_checkpoint(path, tiny_images), tiny_images, tmp_path / "b")
    assert digest == record(tutorial_trained, tiny_images, tmp_path / "a")


def test_no_code_that_a_checkpoint_names_is_run(path: Path, tiny_images: ImageSet, tmp_path: Path) -> None:
    code = tmp_path / "nets.py"
    code.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    rewritten(lambda found, _: found["spec"].update(model=f"{code}:make"))(path)  # type: ignore[attr-defined]
    ran = CliRunner().invoke(cli, ["record", "--checkpoint", str(path), "--output", str(tmp_path / "b"), "--quiet"])
    assert ran.exit_code == 2 and f"if you trust it, add --model '{code}:make'" in ran.output
    with pytest.raises(InputError, match="only for those who name it"):
        load_checkpoint(path, tiny_images)
    assert not (tmp_path / "ran").exists()
    assert read_recipe(path, f"{code}:make")["model"] == f"{code}:make"


def rewritten(change: Callable[[dict[str, object], dict[str, np.ndarray]], object]) -> Callable[[Path], None]:
    """Write the checkpoint again with its record and tensors changed."""

    def damage(path: Path) -> None:
        with safe_open(path, "np") as file:
            found = json.loads(file.metadata()["fmcore-checkpoint"])
        tensors = load_file(path)
        change(found, tensors)
        save_file(tensors, path, {"fmcore-checkpoint": json.dumps(found)})

    return damage


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "There is no checkpoint at .*; `fmcore train --output"),
    "empty": (lambda path: path.write_bytes(b""), "no complete checkpoint"),
    "truncated": (lambda path: os.truncate(path, path.stat().st_size // 2), "no complete checkpoint"),
    "foreign": (lambda path: save_file({"a": np.ones(3)}, path), "no complete checkpoint"),
    "pickle": (lambda path: path.write_bytes(b"\x80\x04K\x01."), "no complete checkpoint"),
    "record is a list": (
        lambda path: save_file({"a": np.ones(3)}, path, {"fmcore-checkpoint": "[1]"}),
        "no complete checkpoint",
    ),
    "record is nested deeply": (
        lambda path: save_file({"a": np.ones(3)}, path, {"fmcore-checkpoint": "[" * 100_000}),
        "no complete checkpoint",
    ),
    "record lacks classes": (rewritten(lambda found, tensors: found.pop("classes")), "no complete checkpoint"),
    "no epochs": (rewritten(lambda found, tensors: found.update(history=[])), "no complete checkpoint"),
    "unknown model": (rewritten(lambda found, tensors: found["spec"].update(model="big")), "no model 'big'"),  # type: ignore[attr-defined]
    "tensor lost": (rewritten(lambda found, tensors: tensors.pop("1/conv2.bias")), "'conv2.bias' should be"),
    "tensor of an earlier epoch lost": (
        rewritten(lambda found, tensors: tensors.pop("0/conv2.weight")),
        "'conv2.weight' should be",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_no_checkpoint(damage: str, path: Path, tiny_images: ImageSet) -> None:
    do, sentence = DAMAGES[damage]
    do(path)
    with pytest.raises(InputError, match=sentence):
        load_checkpoint(path, tiny_images)


def test_a_bundle_is_no_checkpoint(tutorial_bundle: Path, tiny_images: ImageSet) -> None:
    with pytest.raises(InputError, match="no complete checkpoint"):
        load_checkpoint(tutorial_bundle, tiny_images)


def test_data_of_another_shape(path: Path, rgb_images: ImageSet) -> None:
    with pytest.raises(InputError, match=r"shape \(1, 28, 28\) in 10 classes, and 'blocks' has \(3, 32, 32\) in 4"):
        load_checkpoint(path, rgb_images)


def test_data_of_fewer_classes(path: Path, tiny_images: ImageSet) -> None:
    with pytest.raises(InputError, match=r"in 10 classes, and 'garments' has .* in 2"):
        load_checkpoint(path, replace(tiny_images, classes=("one", "two")))


@pytest.mark.parametrize("place", ["file/weights", "w" * 300, "folder"], ids=["file", "long name", "folder"])
def test_a_place_that_cannot_be_written(
    place: str, tutorial_trained: Trained, tiny_images: ImageSet, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be written to"):
        save_checkpoint(tmp_path / place, tutorial_trained, tiny_images)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "folder"]


def test_a_checkpoint_says_what_it_was_made_from(path: Path, tutorial_trained: Trained, tiny_images: ImageSet) -> None:
    recipe = BundleRecipe(**read_recipe(path))
    assert recipe.data == tiny_images.name and recipe.image_size == tiny_images.image_shape[1]
    assert recipe.model_dump(include=set(TrainSpec.model_fields)) == tutorial_trained.spec.model_dump()
    with pytest.raises(InputError, match="There is no checkpoint"):
        read_recipe(path.with_name("absent"))
