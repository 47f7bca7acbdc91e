"""Any classifier by one name: ours, torchvision's, or what a function of your own returns.

    tutorial, deep                 the models of this package
    torchvision:NAME               a classification model of torchvision, such as torchvision:resnet18
    package.module:factory         a function (or class) that returns the network, or the network itself; so does
                                   path/to/file.py:factory

A factory is called with those of `in_channels`, `image_size` and `classes` (or `num_classes`) that it has as
parameters. The network it returns may say how its images are to be prepared in an attribute `preprocessing`, a
dictionary of the fields of `Preprocessing` (or `pretrained_cfg`, as timm's models do), and what its outputs are called
in a list `classes`.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import nn

from fmcore.errors import InputError, one_of
from fmcore.factories import is_factory, network_of
from fmcore.header import Preprocessing
from fmcore.model_input import AsInput, plain_preprocessing
from fmcore.models import MODELS, build_model
from fmcore.running import evaluating, fitting, runs_on
from fmcore.torch_pair import torchvision
from fmcore.weights import load_weights, require_finite

TORCHVISION = "torchvision:"
_DEFAULT_SIDE = 224
_LONGEST_NAME = 200  # letters of a class


@dataclass(frozen=True)
class Wanted:
    """The shape that the data would like the model to have; None where there is no data to say so."""

    channels: int | None = None
    image_size: int | None = None  # side in pixels
    classes: int | None = None


@dataclass(frozen=True)
class Model:
    """A network, how images become its input, and what is known about its weights."""

    name: str
    network: nn.Module
    as_input: AsInput
    weights: str  # where they come from, for people
    classes: tuple[str, ...] | None = None  # the names that came with it or its weights

    @property
    def preprocessing(self) -> Preprocessing:
        return self.as_input.preprocessing


def is_own(name: str) -> bool:
    """Whether `name` is a model of this package, which is trained before it is shown."""
    return name in MODELS


def usual_name(name: str, network: nn.Module) -> str:
    """What people see the model `name` called: without `torchvision:`, and by its class where a function made it.

    A model of timm's says its architecture. A class of torch's, such as Sequential, tells nothing: `name`
    stays, but for its folder.
    """
    if name.startswith(TORCHVISION):
        return name.removeprefix(TORCHVISION)
    if name in MODELS:
        return name
    config = getattr(network, "pretrained_cfg", None)
    architecture = config.get("architecture") if isinstance(config, Mapping) else None
    if isinstance(architecture, str) and architecture.isprintable() and 0 < len(architecture) <= _LONGEST_NAME:
        return architecture
    made = type(network)
    return Path(name).name if made.__module__.partition(".")[0] == "torch" else made.__name__


def require_model_name(name: str) -> None:
    """Make sure that `name` can name a model, without importing it.

    Raises:
        InputError: it is none of the forms above, or a model that torchvision does not have.
    """
    if name in MODELS or is_factory(name):
        if name.startswith(TORCHVISION):
            _require_torchvision(name.removeprefix(TORCHVISION))
        return
    raise InputError(one_of("model", name, [*MODELS, "torchvision:NAME", "package.module:factory", "file.py:factory"]))


def open_model(name: str, wanted: Wanted, weights: str | None = None, seed: int = 0) -> Model:
    """Make the network called `name`, with `weights` (a file, or a name such as DEFAULT) or random ones.

    Raises:
        InputError: there is no such model, it cannot be made, or the weights do not belong to it.
    """
    require_model_name(name)
    file = Path(weights) if weights is not None and not _is_published(name, weights) else None
    model = _made(name, wanted, weights, seed)
    if file is not None:
        try:
            load_weights(model.network, file)
        except InputError:
            if not name.startswith(TORCHVISION) or wanted.classes is None:
                raise
            model = _made(name, replace(wanted, classes=None), weights, seed)  # perhaps they are of all classes
            load_weights(model.network, file)
        model = replace(model, weights=f"file {file.name}")
    require_finite(model.network)
    return model


def _require_modes(name: str, network: nn.Module) -> None:
    """Make sure that `network` can be put into evaluation mode.

    Raises:
        InputError: it has none, as what torch.export gives.
    """
    try:
        with evaluating(network):
            pass
    except NotImplementedError as error:
        raise InputError(
            f"'{name}' cannot be put into evaluation mode ({' '.join(str(error).split())}), as a model that was"
            " exported by torch.export; name the model as it was before."
        ) from error


def _made(name: str, wanted: Wanted, weights: str | None, seed: int) -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name in MODELS:
            return _own(name, wanted)
        if name.startswith(TORCHVISION):
            return _of_torchvision(name, wanted, weights)
        return _of_factory(name, wanted)


def _is_published(name: str, weights: str) -> bool:
    """Whether `weights` are a name of torchvision's rather than a file.

    Raises:
        InputError: they are, and the model is none of torchvision's.
    """
    if re.fullmatch(r"[A-Z0-9_]+", weights) is None:
        return False
    if not name.startswith(TORCHVISION) and not Path(weights).exists():
        raise InputError(
            f"'{weights}' names weights that torchvision publishes, and '{name}' is no model of torchvision;"
            " name a file in --weights."
        )
    return name.startswith(TORCHVISION)


def _own(name: str, wanted: Wanted) -> Model:
    channels, side = wanted.channels or 1, wanted.image_size or 28
    network = build_model(name, channels, side, wanted.classes or 10)
    return Model(name, network, AsInput(plain_preprocessing(channels, side)), "random")


# -- torchvision ---------------------------------------------------------------------------------


def _require_torchvision(name: str) -> None:
    models = torchvision().models
    known = models.list_models(module=models)
    if name not in known:
        raise InputError(one_of("model of torchvision", name, known))


def _of_torchvision(name: str, wanted: Wanted, weights: str | None) -> Model:
    models = torchvision().models
    short = name.removeprefix(TORCHVISION)
    published = models.get_model_weights(short)
    chosen = None
    if weights is not None and _is_published(name, weights):
        if weights not in published.__members__ and weights != "DEFAULT":
            raise InputError(one_of(f"weights of {short}", weights, ["DEFAULT", *published.__members__]))
        chosen = published[weights]
    # Weights of a file fit the model as it was published, unless the data says how many classes there are.
    sized = {} if chosen is not None or wanted.classes is None else {"num_classes": wanted.classes}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its coming defaults
            network = models.get_model(short, weights=chosen, **sized)
    except (OSError, RuntimeError) as error:  # a damaged download is a RuntimeError
        raise InputError(
            f"The weights {weights} of {short} cannot be downloaded ({error}); check the network,"
            " or name a file in --weights."
        ) from error
    preset = (chosen or published.DEFAULT).transforms()
    preprocessing = _sized(
        Preprocessing(
            channels=3,
            size=(preset.crop_size[0], preset.crop_size[0]),
            resize=preset.resize_size[0],
            interpolation=preset.interpolation.value,
            mean=tuple(preset.mean),
            std=tuple(preset.std),
        ),
        wanted.image_size,
    )
    said = "random" if chosen is None else f"torchvision's {type(chosen).__name__}.{chosen.name}"
    classes = tuple(chosen.meta["categories"]) if chosen is not None else None
    return Model(name, network, AsInput(preprocessing, channels_last=False), said, classes)


def _sized(preprocessing: Preprocessing, side: int | None) -> Preprocessing:
    """The same for images of another size: as much of the picture, scaled to `side`."""
    if side is None or preprocessing.size == (side, side):
        return preprocessing
    resize = max(side, round(preprocessing.resize * side / preprocessing.size[0]))
    return preprocessing.model_copy(update={"size": (side, side), "resize": resize})


# -- factories -----------------------------------------------------------------------------------


def _of_factory(name: str, wanted: Wanted) -> Model:
    made = network_of(
        name,
        {
            "in_channels": wanted.channels,
            "image_size": wanted.image_size,
            "classes": wanted.classes,
            "num_classes": wanted.classes,
        },
    )
    _require_modes(name, made.network)
    side = wanted.image_size or made.side or _DEFAULT_SIDE
    preprocessing = _stated(name, made.network) or plain_preprocessing(
        _channels(made.network, wanted.channels, side), side
    )
    as_input = AsInput(_sized(preprocessing, wanted.image_size), channels_last=False)
    return Model(name, made.network, as_input, f"from {name}", _named(made.network))


def _channels(network: nn.Module, wanted: int | None, side: int) -> int:
    """1 or 3: what the network runs on, tried on images of `side`.

    First what its convolutions say that they take, in their order, then what the data has, RGB, and grey. The first
    convolution that is registered need not be the first that runs, and what runs before it may add channels.
    """
    taken: list[int] = [module.in_channels for module in network.modules() if isinstance(module, nn.Conv2d)]
    likely: dict[int, None] = dict.fromkeys(channels for channels in (*taken, wanted or 3, 3, 1) if channels in (1, 3))
    for channels in likely:
        if runs_on(network, channels, side):
            return channels
    first = next(iter(likely))
    if found := fitting(network, torch.zeros(2, first, side, side)):
        return found[0]  # of another size, which is told when it is run
    if taken and not {1, 3} & set(taken):
        raise InputError(
            f"The model's first convolution takes {taken[0]} channels, and images have 1 or 3; wrap it in a module that"
            " takes grey or RGB images, or, if it takes them at a size of its own, say so in its attribute"
            " 'preprocessing'."
        )
    return first


def _named(network: nn.Module) -> tuple[str, ...] | None:
    """What the network itself calls its outputs, in an attribute `classes`."""
    names = getattr(network, "classes", None)
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        return None  # many keep their number there
    for name in names:
        if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
            raise InputError(
                f"The attribute 'classes' of the model holds {name[:40]!a}, which cannot be shown; give names of 1 to"
                f" {_LONGEST_NAME} letters."
            )
    return tuple(names)


def _stated(name: str, network: nn.Module) -> Preprocessing | None:
    """What the network itself says about its images."""
    stated = getattr(network, "preprocessing", None)
    if callable(stated):  # a part or a method of that name
        stated = None
    if isinstance(stated, Preprocessing):
        return stated
    config = getattr(network, "pretrained_cfg", None)
    if stated is None and isinstance(config, Mapping) and {"input_size", "mean", "std"} <= config.keys():
        channels, height, width = config["input_size"]
        share = config.get("crop_pct") or 1.0
        interpolation = config.get("interpolation", "bilinear")
        stated = {
            "channels": channels,
            "size": (height, width),
            "resize": round(min(height, width) / share),
            "interpolation": interpolation if interpolation in ("bilinear", "bicubic") else "bilinear",
            "mean": tuple(config["mean"]),
            "std": tuple(config["std"]),
        }
    if stated is None:
        return None
    if isinstance(stated, Mapping) and isinstance(stated.get("size"), int):
        stated = {**stated, "size": (stated["size"], stated["size"])}
    try:
        return Preprocessing.model_validate(stated)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "preprocessing"
        raise InputError(
            f"The attribute 'preprocessing' of '{name}' does not fit at '{where}' ({first['msg'].lower()}); mend it."
        ) from error
