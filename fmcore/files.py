"""Write, then publish: a file appears under its name when it is complete, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def published(path: Path) -> Iterator[Path]:
    """Yield a temporary name in the folder of `path`, which is made; rename it when the block has ended well.

    The file gets the permissions that any new file of this user gets, whatever the writer thinks of them.

    Raises:
        OSError: the folder or the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        temporary.touch()
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Publish `text` at `path`."""
    with published(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
