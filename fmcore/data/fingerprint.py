"""What a data set is made of, as a digest, without loading it: so that a bundle knows when its data changed."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fmcore.errors import DataError
from fmcore.files import from_home, opened

_NEVER_CHANGE = ("fashion-mnist", "mnist", "kmnist", "cifar10")


def fingerprint(name: str) -> str:
    """A digest of names and contents: of an image folder, or of the code that draws garments.

    The classic sets never change, so their name is enough; where they lie makes no difference.

    Raises:
        InputError: there is no such data set.
        DataError: the folder cannot be read.
    """
    from fmcore.data import require_source

    require_source(name)
    if name in _NEVER_CHANGE:
        return name
    digest = hashlib.sha256(name.partition(":")[0].encode())
    try:
        for path, shown in _files(name):
            digest.update(os.fsencode(shown) + b"\0")
            with opened(path) as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise DataError(f"'{error.filename}' cannot be read ({error.strerror}); mend that or leave it out.") from None
    return digest.hexdigest()


def class_in_folder(image: Path, path: Path) -> str | None:
    """The class that the file `image` belongs to in the folder `path` with one folder a class; None elsewhere."""
    with suppress(OSError, RuntimeError, ValueError):  # a loop of links, or not in it
        inside = from_home(image).resolve().relative_to(from_home(path).resolve())
        return inside.parts[0] if len(inside.parts) == 2 else None
    return None


def _files(name: str) -> Iterator[tuple[Path, str]]:
    if name.startswith("folder:"):
        from fmcore.data.folder import images_in

        root = from_home(Path(name.removeprefix("folder:")))
        for shown in images_in(root):
            yield root / shown, shown
    else:
        for path in sorted(Path(__file__).parent.glob("garment*.py")):
            yield path, path.name
