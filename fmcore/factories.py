"""Call the function that a stranger wrote, and get a network from it.

A factory is named `package.module:factory` or `path/to/file.py:factory`: a function or a class that returns the
network, or the network itself. In: that name and what the data knows. Out: a `torch.nn.Module` that can be run.
"""

import importlib
import inspect
import re
import sys
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from fmcore.errors import FmcoreError, InputError, where
from fmcore.torch_pair import mended

_NAME = re.compile(r"^(?P<module>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*|.+\.py):(?P<name>[A-Za-z_]\w*)$")


@dataclass(frozen=True)
class Made:
    """A network that a factory returned; `side` is the pixels a side of the images it is for, where it says so."""

    network: nn.Module
    side: int | None


def is_factory(name: str) -> bool:
    """Whether `name` has one of the two forms above; nothing is imported."""
    return _NAME.match(name) is not None


def network_of(name: str, offered: Mapping[str, int | None]) -> Made:
    """Call the factory `name` with those of `offered` that it has as parameters and that are known.

    Raises:
        InputError: it cannot be imported or called, or returns no network with all its weights in float32.
    """
    factory = _imported(name)
    if isinstance(factory, nn.Module):  # the network itself, which training must not change for the next one
        return Made(_ready(name, deepcopy(factory)), None)
    given: dict[str, Any] = {}
    try:
        parameters = inspect.signature(factory).parameters.values()
    except ValueError:
        raise InputError(f"'{name}' does not say what it wants to be given; write a function of Python.") from None
    for parameter in parameters:
        if parameter.name in offered:
            if offered[parameter.name] is not None:
                given[parameter.name] = offered[parameter.name]
            elif parameter.default is parameter.empty:
                raise InputError(f"'{name}' needs to be told {parameter.name}; name the data it is for with --data.")
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            raise InputError(
                f"'{name}' needs an argument '{parameter.name}', and a factory is given at most {', '.join(offered)};"
                " write a function that returns the network without it."
            )
    try:
        network = factory(**given)
    except FmcoreError:
        raise
    except (Exception, SystemExit) as error:  # a stranger's function may raise anything
        if mended(error):
            return network_of(name, offered)
        raise InputError(f"'{name}' failed with {where(error, _file_of(factory))}; mend it and try again.") from error
    own = inspect.signature(factory).parameters.get("image_size")
    usual = own.default if own is not None else None
    return Made(_ready(name, network), usual if isinstance(usual, int) else None)


def _ready(name: str, network: Any) -> nn.Module:
    """`network` as it was before torch.compile.

    Raises:
        InputError: it is no network, a module is lazy and has not seen a batch yet, or the weights are of another
            precision.
    """
    network = _uncompiled(network)
    if not isinstance(network, nn.Module):
        raise InputError(f"'{name}' returned a {type(network).__name__}, and a torch.nn.Module was expected.")
    for own, tensor in chain(network.named_parameters(), network.named_buffers()):
        if is_lazy(tensor):
            raise InputError(
                f"'{own}' of the model is lazy and has no values yet; run the network once on a batch before you"
                " return it."
            )
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            raise InputError(
                f"'{name}' returned a network of {str(tensor.dtype).removeprefix('torch.')} ('{own}'), and images are"
                " given to it in float32; return it as network.float()."
            )
    return network


def _uncompiled(network: Any) -> Any:
    """`network` as it was before torch.compile, and so its parts."""
    network = getattr(network, "_orig_mod", network)
    if isinstance(network, nn.Module):
        for name, part in network.named_children():
            if part is not (plain := _uncompiled(part)):
                setattr(network, name, plain)
    return network


def _imported(name: str) -> Any:
    found = _NAME.match(name)
    assert found is not None
    source, attribute = found["module"], found["name"]
    path = Path(source) if source.endswith(".py") else None
    try:
        if path is not None:
            if not path.is_file():
                raise InputError(f"There is no file '{path}' to take a model from; check the path.")
            if (beside := str(path.resolve().parent)) not in sys.path:
                sys.path.insert(0, beside)  # as `python file.py` has it, so that it finds its neighbours
            spec = spec_from_file_location(f"fmcore_model_{path.stem}", path)
            assert spec is not None and spec.loader is not None
            module = module_from_spec(spec)
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
        else:
            if "" not in sys.path and str(Path.cwd()) not in sys.path:
                sys.path.insert(0, str(Path.cwd()))  # as `python -m` has it, so that a file next to you is found
            module = importlib.import_module(source)
    except FmcoreError:
        raise
    except (Exception, SystemExit) as error:
        if mended(error):
            return _imported(name)
        mend = "check --model"
        if path is not None and isinstance(error, ImportError) and "no known parent package" in str(error):
            mend = _by_its_package(path, attribute)
        raise InputError(f"'{source}' cannot be imported: {where(error, path)}; {mend}.") from error
    factory = getattr(module, attribute, None)
    if not callable(factory):
        raise InputError(f"'{source}' has no function '{attribute}' that could make a model; check --model.")
    return factory


def _file_of(factory: Any) -> Path | None:
    """The file in which a function or class is written; None for one that is not written in Python."""
    try:
        return Path(inspect.getsourcefile(factory) or "")
    except TypeError:
        return None


def _by_its_package(path: Path, attribute: str) -> str:
    """What to do about a file that imports by its place in a package: a file alone has none."""
    file, here = path.resolve(), Path.cwd().resolve()
    root = file.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    if root == file.parent:  # a package needs no __init__.py
        root = here if here in root.parents else root.parent
    dotted = ".".join(file.relative_to(root).with_suffix("").parts)
    if not _NAME.match(f"{dotted}:{attribute}"):  # a folder whose name Python cannot import
        return "let it import its neighbours without the leading dot"
    ran = f"run it in '{root}' and " if root != here else ""
    return f"{ran}name its package instead: --model {dotted}:{attribute}"
