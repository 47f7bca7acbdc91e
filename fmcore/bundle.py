"""The bundle: everything a network computed about its probes, in one safetensors file.

A bundle is written once by the recorder and read by everybody else. It holds arrays and one
header, canonical JSON in the file's single metadata key, validated on opening. Nothing in it is
executable. Opening reads the header alone; one channel of a large activation costs that channel.
What its arrays are is said in `fmcore.contents`, and what is read is held to that.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from fmcore.contents import shape_misfit, value_misfit
from fmcore.errors import BundleError, meant
from fmcore.files import published
from fmcore.header import SCHEMA_VERSION, ArrayInfo, BundleHeader, LayerInfo, default_probe

_METADATA_KEY = "fmcore"  # exactly one: safetensors writes several in random order
_NUMBERS = {  # the types that arrays may have, as safetensors calls them and as numpy does
    "F64": "float64", "F32": "float32", "F16": "float16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip

Array = NDArray[Any]


def array_digest(array: Array) -> str:
    """sha256 over type, shape and C-ordered content."""
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class Bundle:
    """A bundle opened for reading. Use it as a context manager, or `close` it."""

    def __init__(self, path: Path, header: BundleHeader, digest: str, file: Any) -> None:
        self.path = path
        self.header = header
        self.digest = digest  # of the header, and through its array table of every array
        self._file = file
        self._verified: dict[str, Array] = {}
        self.reads: dict[str, str] = {}  # what was read so far, `name` or `name[index]`, and its digest

    # -- opening and closing ---------------------------------------------------------------------

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open and validate the header.

        Raises:
            BundleError: the file is missing, cut short, no bundle, changed by hand, or of another schema.
        """
        path = Path(path)
        if path.is_dir():
            raise BundleError(f"'{path}' is a folder, and a bundle is one file; name a .safetensors file in it.")
        if not path.is_file():
            raise BundleError(
                f"There is no bundle at '{path}'; check the name, or write it with `fmcore record --model ...` and"
                f" `--output '{path}'`."
            )
        sys.audit("open", str(path), "r", 0)  # whoever hears which files a scene reads: safetensors opens it unheard
        try:
            file: Any = safe_open(str(path), framework="np")
            metadata = file.metadata() or {}
        except (SafetensorError, OSError) as error:
            raise BundleError(
                f"'{path}' is cut short or no bundle ({error}); write it again with `fmcore record`."
            ) from None
        header, digest = _read_header(path, metadata)
        _check_table(path, header, file)
        bundle = cls(path, header, digest, file)
        bundle._require_fit(shape_misfit(header))
        return bundle

    def close(self) -> None:
        self._verified.clear()
        self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- reading ---------------------------------------------------------------------------------

    def array(self, name: str) -> Array:
        """The whole array `name`, its content checked against its digest; read-only.

        Raises:
            BundleError: there is no such array, or its bytes were changed.
        """
        if name not in self._verified:
            info = self.info(name)
            self.reads[name] = info.sha256
            value: Array = self._file.get_tensor(name)
            if array_digest(value) != info.sha256:
                raise BundleError(
                    f"Array '{name}' of '{self.path}' was changed after it was written;"
                    " write the bundle again with `fmcore record`."
                )
            self._require_fit(value_misfit(self.header, name, value))
            value.flags.writeable = False
            self._verified[name] = value
        return self._verified[name]

    def part(self, name: str, *index: int) -> Array:
        """`array[index]` without reading the rest, such as one feature map (H, W) by (probe, channel)."""
        info = self.info(name)
        if len(index) > len(info.shape):
            raise BundleError(f"'{name}' has {len(info.shape)} axes, so {len(index)} indices are too many.")
        for axis, (i, size) in enumerate(zip(index, info.shape, strict=False)):
            if not 0 <= i < size:
                raise BundleError(f"'{name}' has {size} entries along axis {axis}, so there is no number {i}.")
        selection = tuple(slice(i, i + 1) for i in index)
        value: Array = self._file.get_slice(name)[selection]
        self._require_fit(value_misfit(self.header, name, value))
        if (part := f"{name}{list(index)}") not in self.reads:
            self.reads[part] = array_digest(value)
        return value.reshape(info.shape[len(index) :])

    def _require_fit(self, misfit: str | None) -> None:
        if misfit is not None:
            raise BundleError(f"'{self.path}' is no whole bundle: {misfit}; write it again with `fmcore record`.")

    def info(self, name: str) -> ArrayInfo:
        """Shape, type and digest of array `name`.

        Raises:
            BundleError: there is no such array.
        """
        if name not in self.header.arrays:
            self.require(name)
        return self.header.arrays[name]

    def require(self, *names: str) -> None:
        """Make sure that every array named is there.

        Raises:
            BundleError: one is missing; the sentence names it and what the bundle has instead.
        """
        for name in names:
            if name not in self.header.arrays:
                layer = name.rpartition("/")[0]
                known = sorted(self.header.arrays)
                if layer and layer not in self.layer_names:
                    known = list(self.layer_names)
                    raise BundleError(
                        f"The bundle '{self.path.name}' has no layer '{layer}'; it has {', '.join(known)}."
                    )
                near = [one for one in known if one.rpartition("/")[0] == layer]
                raise BundleError(
                    f"The bundle '{self.path.name}' has no array '{name}'; it has {', '.join(near)}.{meant(name, near)}"
                )

    def verify(self) -> None:
        """Check every array against its digest.

        Raises:
            BundleError: the bytes of an array were changed.
        """
        for name in self.header.arrays:
            self.array(name)

    # -- looking things up -----------------------------------------------------------------------

    @property
    def layer_names(self) -> tuple[str, ...]:
        return tuple(layer.name for layer in self.header.layers)

    @property
    def convolutions(self) -> tuple[LayerInfo, ...]:
        return tuple(layer for layer in self.header.layers if layer.type == "convolution")

    def layer(self, name: str) -> LayerInfo:
        """The layer called `name`.

        Raises:
            BundleError: there is none; the sentence lists those that exist.
        """
        for layer in self.header.layers:
            if layer.name == name:
                return layer
        known = ", ".join(self.layer_names)
        raise BundleError(f"The bundle '{self.path.name}' has no layer '{name}'; it has {known}.")

    def has_statistics(self, layer: str) -> bool:
        """Whether it says of the channels of `layer` what they do over many images."""
        parts = ("mean", "std", "maximum", "fired")
        measured = self.header.measures is not None
        return measured and all(f"{layer}/{part}" in self.header.arrays for part in parts)

    @property
    def default_probe(self) -> int:
        """The probe to show when nobody names one."""
        return default_probe(self.header.probes)

    def is_right(self, probe: int) -> bool | None:
        """Whether the network answers with the image's class; None where nobody knows it. Names need not differ."""
        one = self.header.probes[probe]
        return None if one.label is None else one.label == one.predicted

    def truth(self, probe: int) -> str | None:
        """The name of the class that the image of `probe` belongs to; None where nobody said."""
        label = self.header.probes[probe].label
        return None if label is None else self.header.classes[label]

    def class_name(self, index: int) -> str:
        return self.header.classes[index]


def _read_header(path: Path, metadata: Mapping[str, str]) -> tuple[BundleHeader, str]:
    text = metadata.get(_METADATA_KEY)
    if text is None:
        raise BundleError(
            f"'{path}' is a safetensors file but no bundle of fmcore; name one written by `fmcore record`."
        )
    try:
        envelope = json.loads(text)
        content, digest = envelope["header"], envelope["sha256"]
        version = content["schema_version"]
        canonical = _canonical(content).encode()
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BundleError(f"The header of '{path}' cannot be read; write it again with `fmcore record`.") from None
    if version != SCHEMA_VERSION:
        raise BundleError(
            f"'{path}' has bundle schema {version!r} and this fmcore reads {SCHEMA_VERSION};"
            " write it again with `fmcore record`."
        )
    if hashlib.sha256(canonical).hexdigest() != digest:
        raise BundleError(
            f"The header of '{path}' was changed after it was written; write it again with `fmcore record`."
        )
    try:
        return BundleHeader.model_validate_json(canonical), digest
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        at, said = f" at '{where}'" if where else "", first["msg"].removeprefix("Value error, ")
        raise BundleError(
            f"The header of '{path}' is not valid{at} ({said}); write it again with `fmcore record`."
        ) from None


def _check_table(path: Path, header: BundleHeader, file: Any) -> None:
    present, stated = set(file.keys()), set(header.arrays)
    if present != stated:
        odd = sorted(present ^ stated)[0]
        raise BundleError(f"'{path}' and its header disagree about array '{odd}'; write it again with `fmcore record`.")
    for name, info in header.arrays.items():
        stored = file.get_slice(name)
        shape, kind = tuple(stored.get_shape()), str(stored.get_dtype())
        if _NUMBERS.get(kind) != info.dtype:
            raise BundleError(
                f"Array '{name}' of '{path}' holds {_NUMBERS.get(kind, kind)} where its header says {info.dtype};"
                " write it again with `fmcore record`."
            )
        if shape != info.shape:
            raise BundleError(
                f"Array '{name}' of '{path}' has shape {shape} where its header says {info.shape};"
                " write it again with `fmcore record`."
            )


def save_bundle(path: Path, header: BundleHeader, arrays: Mapping[str, Array]) -> str:
    """Write a bundle beside `path` under a temporary name, check it, then rename it. Returns its digest.

    `header.arrays` is filled in here from `arrays`; what it held is replaced.

    Raises:
        BundleError: an array holds NaN or infinity, or the file cannot be written.
    """
    table = {}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise BundleError(
                f"Array '{name}' holds NaN or infinite values, so nothing drawn from it would be true;"
                " train again with a smaller learning rate, or mend the weights."
            )
        table[name] = ArrayInfo(shape=array.shape, dtype=str(array.dtype), sha256=array_digest(array))
    content = header.model_copy(update={"arrays": table}).model_dump(mode="json")
    digest = hashlib.sha256(_canonical(content).encode()).hexdigest()
    metadata = {_METADATA_KEY: _canonical({"header": content, "sha256": digest})}
    try:
        with published(path) as temporary:
            save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, str(temporary), metadata)
            with Bundle.open(temporary) as written:
                written.verify()
    except (OSError, SafetensorError) as error:
        raise BundleError(
            f"The bundle cannot be written to '{path}' ({error}); free some space or name another --output."
        ) from None
    return digest
