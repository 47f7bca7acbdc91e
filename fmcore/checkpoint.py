"""A checkpoint: the weights of every epoch and the record of the training, one safetensors file."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from fmcore.data.imageset import ImageSet
from fmcore.errors import InputError
from fmcore.files import published
from fmcore.header import EpochRecord
from fmcore.model_source import Model, open_model
from fmcore.training import State, Trained, TrainSpec, load_state, wanted_by

_METADATA_KEY = "fmcore-checkpoint"


def save_checkpoint(path: Path, trained: Trained, data: ImageSet, found_at: str | None = None) -> None:
    """Write the weights of every epoch and the training's record as one safetensors file.

    `found_at` is how the data is named so that it is found again, where that is not its name.
    """
    record = {
        "spec": trained.spec.model_dump(mode="json"),
        "history": [r.model_dump(mode="json") for r in trained.history],
        "device": trained.device,
        "data": found_at or data.name,
        "image_size": data.image_shape[1] if data.image_shape[1] == data.image_shape[2] else None,
        "classes": list(data.classes),
        "image_shape": list(data.image_shape),
    }
    tensors = {f"{epoch}/{name}": value for epoch, state in enumerate(trained.states) for name, value in state.items()}
    try:
        with published(path) as temporary:
            save_file(tensors, str(temporary), {_METADATA_KEY: json.dumps(record, sort_keys=True)})
    except (OSError, SafetensorError) as error:
        raise InputError(f"The checkpoint cannot be written to '{path}' ({error}); name another file.") from None


def read_recipe(path: Path, model: str | None = None) -> dict[str, str | int | float]:
    """What a checkpoint was made from, as the fields of a `BundleRecipe`, so that nobody has to say it again.

    `model` is the one that was asked for, if one was: code that makes a network is run for nobody who did not name it.

    Raises:
        InputError: no such file, no checkpoint, or one of a network that code makes which nobody asked for.
    """
    with _opened(path) as (_, record):
        spec = TrainSpec.model_validate(record["spec"])
        if model is None:
            _require_no_code(path, spec)
        side = {} if record["image_size"] is None else {"image_size": int(record["image_size"])}  # the model says it
        return {**spec.model_dump(), "data": str(record["data"]), **side}


def load_checkpoint(path: Path, data: ImageSet, model: Model | None = None) -> Trained:
    """Read a checkpoint written by `save_checkpoint` and make its network.

    Args:
        data: What it was trained on.
        model: Its network gets the weights; when left out, one is made.

    Raises:
        InputError: no such file, no checkpoint, one made for other images or classes, or one of a network that code
            makes, where no model is given.
    """
    with _opened(path) as (file, record):
        spec = TrainSpec.model_validate(record["spec"])
        image_shape, classes, device = tuple(record["image_shape"]), len(record["classes"]), str(record["device"])
        history = tuple(EpochRecord.model_validate(r) for r in record["history"])
        states: list[State] = [{} for _ in history]
        for key in file.keys():  # noqa: SIM118  (safe_open is no mapping)
            epoch, _, name = key.partition("/")
            states[int(epoch)][name] = file.get_tensor(key)
    if image_shape != data.image_shape or classes != len(data.classes):
        raise InputError(
            f"The checkpoint '{path.name}' was trained on images of shape {image_shape} in"
            f" {classes} classes, and '{data.name}' has {data.image_shape} in"
            f" {len(data.classes)}; name the data it was trained on."
        )
    if model is None:
        _require_no_code(path, spec)
        model = open_model(spec.model, wanted_by(data))
    network = model.network
    if model.as_input.channels_last:  # as in training, so that sums are the same
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for state in states:  # each must fit; the last one stays
        load_state(network, state)
    return Trained(spec, network.eval(), history, tuple(states), device, model.as_input)


def _require_no_code(path: Path, spec: TrainSpec) -> None:
    if ":" in spec.model and not spec.model.startswith("torchvision:"):  # a factory in a module or a file
        raise InputError(
            f"The network of the checkpoint '{path.name}' is made by the code '{spec.model}', which is run only for"
            f" those who name it; if you trust it, add --model '{spec.model}'."
        )


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The open file and its record; whatever does not fit in them while they are read becomes one sentence."""
    if not path.is_file():
        raise InputError(f"There is no checkpoint at '{path}'; `fmcore train --output '{path}'` makes one.")
    try:
        with safe_open(str(path), framework="np") as file:
            yield file, json.loads((file.metadata() or {})[_METADATA_KEY])
    except (SafetensorError, OSError, KeyError, ValueError, IndexError, TypeError, RecursionError) as error:
        raise InputError(
            f"'{path}' is no complete checkpoint of fmcore ({type(error).__name__}: {error});"
            " name one written by `fmcore train`."
        ) from None
