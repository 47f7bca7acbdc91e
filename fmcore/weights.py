"""Weights from a file into a network: safetensors, or a torch file read as plain tensors. Nothing in it is run."""

import pickle
import warnings
import zipfile
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from fmcore.errors import InputError

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")  # what training scripts put their weights under
_ZIPPED = b"PK\x03\x04"  # how torch's files begin since 1.6, by which it tells them from older ones
_NAMED = 3  # names of each side
_ODD: Mapping[str, Callable[[Tensor], bool]] = {  # tensors that are no array of real numbers
    "a quantised": lambda tensor: tensor.is_quantized,
    "a sparse": lambda tensor: tensor.layout is not torch.strided,
    "a nested": lambda tensor: tensor.is_nested,
    "an empty (meta)": lambda tensor: tensor.is_meta,
    "a complex": lambda tensor: tensor.is_complex(),
}
_OF_NORMALISATIONS = frozenset({"weight", "bias", "running_mean", "running_var"})  # frozen ones keep all as buffers
_PREFIXES = ("module.", "_orig_mod.")  # what DataParallel and torch.compile put before every name


def load_weights(network: nn.Module, path: Path) -> None:
    """Put the weights in `path` into `network`.

    Raises:
        InputError: no such file, nothing but weights was expected, or they belong to another model; the sentence
            names the first parameter that differs, with the shape expected and the one found.
    """
    expected = tensors_of(network)
    found = _unwrapped(read_weights(path), expected)
    if found and not found.keys() & expected.keys():
        theirs, ours = (", ".join(f"'{name}'" for name in list(names)[:_NAMED]) for names in (found, expected))
        raise InputError(
            f"'{path.name}' holds the weights of another model: its names are {theirs}, ... and this model has {ours},"
            " ...; name the model that it was trained for."
        )
    found |= _of_one(found, expected)
    names = [*expected, *(name for name in found if name not in expected)]
    for name in names:
        here, there = _shape(expected.get(name)), _shape(found.get(name))
        if here != there and not (there == "absent" and name.endswith("num_batches_tracked")):
            raise InputError(
                f"'{path.name}' holds the weights of another model: '{name}' should be {here} and is {there};"
                " name the model and the classes that it was trained for."
            )
    for name, value in found.items():
        if name in expected and expected[name].is_floating_point() and not value.is_floating_point():
            raise InputError(
                f"'{path.name}' holds '{name}' as whole numbers ({str(value.dtype).removeprefix('torch.')}), expected"
                " real ones; save the state_dict of the model before it is quantised."
            )
    network.load_state_dict(found, strict=False)


def tensors_of(network: nn.Module) -> dict[str, Tensor]:
    """Its state, by name, without what is no tensor, such as a module's extra state."""
    return {name: value for name, value in network.state_dict().items() if isinstance(value, Tensor)}


def _of_one(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Values of the names that `found` lacks, where the network has one tensor under several: it may be stored once."""
    known = {_place(expected[name]): value for name, value in found.items() if name in expected}
    return {
        name: known[_place(one)]
        for name, one in expected.items()
        if name not in found and one.numel() and _place(one) in known
    }


def _place(tensor: Tensor) -> tuple[object, ...]:
    """Where its numbers lie in memory."""
    return tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride()


def _unwrapped(found: dict[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`found` under the names that are `expected`: as it is, without prefixes, or what lies below one name.

    The last where all that is expected lies there, as in the module of a trainer.
    """
    while True:
        if found.keys() & expected.keys():
            return found
        prefix = next((one for one in _PREFIXES if found and all(name.startswith(one) for name in found)), None)
        if prefix is None:
            break
        found = {name.removeprefix(prefix): value for name, value in found.items()}
    needed = {name for name in expected if not name.endswith("num_batches_tracked")}
    fitting = {}
    for outer in dict.fromkeys(name.partition(".")[0] for name in found):
        below = {name.removeprefix(f"{outer}."): value for name, value in found.items() if name.startswith(f"{outer}.")}
        if needed <= below.keys() | _of_one(below, expected).keys():
            fitting[outer] = {name: below[name] for name in expected if name in below}
    if len(fitting) > 1:
        raise InputError(
            f"The file holds weights that fit under {' and '.join(f'{outer!r}' for outer in fitting)}; save those of"
            " one network alone."
        )
    return next(iter(fitting.values()), found)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, on the CPU.

    Raises:
        InputError: no such file, or it holds something else than tensors of real numbers.
    """
    if not path.is_file():
        raise InputError(f"There is no file of weights at '{path}'; check the path in --weights.")
    try:
        tensors: object = load_file(path)
    except (SafetensorError, OSError):
        try:
            _require_stored(path)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of old formats, which are told below
                tensors = torch.load(path, map_location="cpu", weights_only=True)
        except InputError:
            raise
        except pickle.UnpicklingError as error:
            raise InputError(
                f"'{path.name}' holds more than weights, or is damaged, and nothing in a file of weights is ever run;"
                " save the state_dict of the model alone, best as .safetensors."
            ) from error
        except Exception as error:  # a damaged file can make the unpickler stumble in any way
            raise InputError(
                f"'{path.name}' is no file of weights ({type(error).__name__});"
                " name a .safetensors or .pt file with the state_dict of a model."
            ) from error
    return _plain(tensors, path)


def _require_stored(path: Path) -> None:
    """See that a file of torch takes no more memory than it has bytes: torch stores every part once and as it is.

    Raises:
        InputError: parts are compressed, or together longer than the file.
        OSError, zipfile.BadZipFile: it is damaged.
    """
    with path.open("rb") as file:
        if file.read(len(_ZIPPED)) != _ZIPPED:
            return
        with zipfile.ZipFile(file) as whole:
            parts = whole.infolist()
    compressed = any(one.compress_type != zipfile.ZIP_STORED for one in parts)
    if compressed or sum(one.file_size for one in parts) > path.stat().st_size:
        raise InputError(
            f"'{path.name}' would grow when it is read, and torch stores weights as they are; save the state_dict of"
            " the model with torch.save, or as .safetensors."
        )


def _plain(tensors: object, path: Path) -> dict[str, Tensor]:
    """The names and tensors of a state_dict, without what training scripts wrap around it."""
    for wrapper in _WRAPPERS:
        if isinstance(tensors, Mapping) and isinstance(tensors.get(wrapper), Mapping):
            tensors = tensors[wrapper]
            break
    if not isinstance(tensors, Mapping) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise InputError(
            f"'{path.name}' holds no weights by name; save the state_dict of the model, best as .safetensors."
        )
    result = {str(name): value for name, value in tensors.items()}
    for name, value in result.items():
        if kind := next((kind for kind, is_so in _ODD.items() if is_so(value)), None):
            raise InputError(
                f"'{path.name}' holds '{name}' as {kind} tensor, expected plain real numbers; save the state_dict of"
                " the model with all its values, before it is quantised or made sparse."
            )
    return result


def require_finite(network: nn.Module) -> None:
    """Make sure that every weight is there and is a number.

    Parameters are asked, and what normalisations keep; other buffers, such as the mask of an attention, may well be
    infinite.

    Raises:
        InputError: one has no values, or one is NaN or infinite; the sentence names it.
    """
    kept = [(name, value) for name, value in network.named_buffers() if name.rpartition(".")[2] in _OF_NORMALISATIONS]
    for name, value in chain(network.named_parameters(), network.named_buffers()):
        if value.is_meta:
            raise InputError(
                f"'{name}' of the model lies on the device 'meta', where it has no values; make the model on the CPU,"
                " or give it values with to_empty before you load its weights and return it."
            )
    for name, value in chain(network.named_parameters(), kept):
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            count = int((~torch.isfinite(value)).sum())
            raise InputError(
                f"The weights hold NaN or infinite values ({count:,} of {value.numel():,} in '{name}'), so nothing"
                " drawn from them would be true; train again with a smaller learning rate, or name other weights."
            )


def _shape(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else " x ".join(str(side) for side in tensor.shape) or "a single number"
