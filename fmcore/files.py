"""Write, then publish: a file appears under its name when it is complete, or not at all.

And what is read is an ordinary file, whatever a link leads to.
"""

import errno
import os
import re
import stat
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from fmcore.errors import InputError

_LONGEST_NAME = 180  # bytes: file systems take 255, and what is being written is called a little longer
_AT_ONCE: int = getattr(os, "O_NONBLOCK", 0)  # Windows has no pipes among its files
_HALF_WRITTEN = re.compile(r"\.(.+)\.([0-9]{1,9})\.part", re.DOTALL)  # as `temporary_of` calls it
_IDLE_S = 600.0  # no writer waits so long
_LOOKED_AT = 4096  # bytes, from which a file's kind is told


@dataclass(frozen=True)
class Kind:
    """What a file is that people name to be written: what it is called, and how all that fmcore wrote begin."""

    name: str
    begins: re.Pattern[bytes]


BUNDLE = Kind("bundle of fmcore", re.compile(rb'.{8}\{"__metadata__":\{"fmcore":', re.DOTALL))  # a length, then JSON
CHECKPOINT = Kind("checkpoint of fmcore", re.compile(rb'.{8}\{"__metadata__":\{"fmcore-checkpoint":', re.DOTALL))
PAGE = Kind("page of fmcore", re.compile(rb"<!doctype html>.{,500}-Policy\" content=\"default-src 'none'", re.DOTALL))
FINDINGS = Kind("JSON of findings", re.compile(rb'\s*\{\s*"summary":\s*\{\s*"findings":'))
JUNIT = Kind("JUnit XML", re.compile(rb"\s*(<\?xml[^>]*>)?\s*<testsuites?\b"))
TRANSLATION = Kind("translation", re.compile(rb"(.*\n)*?(\xef\xbb\xbf)?[ \t]*language[ \t]*="))  # after comments


def require_replaceable(path: Path, kind: Kind, option: str) -> None:
    """See that nothing else is lost when a file of `kind` is written to `path`, as `option` says.

    Older ones are replaced, and empty files. To be asked before any work.

    Raises:
        InputError: a file of another kind is there, a folder, or a device.
    """
    if not path.exists():
        return
    try:
        if not path.is_file():
            found = "a folder" if path.is_dir() else "no ordinary file"
            raise InputError(f"'{path}' is {found}, where a {kind.name} was to be written; name a file for {option}.")
        with path.open("rb") as file:
            head = file.read(_LOOKED_AT)
        if not head or kind.begins.match(head):
            return
    except OSError:  # what cannot be read is none of ours
        pass
    raise InputError(f"'{path}' is there already and is no {kind.name}; name another for {option}, or move it away.")


def from_home(path: Path) -> Path:
    """`path`, a leading ~ taken for the home folder; as it stands where there is no such user."""
    with suppress(RuntimeError):
        return path.expanduser()
    return path


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """An ordinary file, open to be read: a pipe would be waited for for ever, and a device may have no end.

    Raises:
        OSError: it cannot be opened, or is no ordinary file.
    """
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | _AT_ONCE)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file", str(path))
        yield file


def read_limited(path: Path, most: int) -> bytes:
    """The content of an ordinary file; one byte over `most` where it has more, so that this is seen.

    Raises:
        OSError: it cannot be read, or is no ordinary file.
    """
    with opened(path) as file:
        return file.read(most + 1)


@contextmanager
def published(path: Path) -> Iterator[Path]:
    """Yield a temporary name in the folder of `path`, which is made; rename it when the block has ended well.

    What a process that was killed has left half-written of this file is removed first, unless it was written lately: in
    a shared folder, it may live on another machine. The file gets the permissions that any new file of this user gets,
    whatever the writer thinks of them.

    Raises:
        OSError: the folder or the file cannot be written.
    """
    path = _written(path)
    temporary = temporary_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent, path.name, idle_s=_IDLE_S)
    try:
        temporary.touch()
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        if error.filename is None:  # as on a full disk
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def require_writable(path: Path, called: str, option: str = "--output", folder: bool = False) -> None:
    """See that a file, or files in a folder, can be published there, before long work is done for it.

    Neither is made, nor is the folder of a file: nothing empty shall be left by what fails.

    Args:
        called: What it is in the sentence, such as "The bundle".
        option: Which one names another place; "" where it is no option.

    Raises:
        InputError: they cannot.
    """
    try:
        wanted = path / "any" if folder else _written(path)
        parents = wanted.absolute().parents
        trial = next(one for one in parents if one.exists()) / temporary_of(wanted).name
        trial.touch()
        trial.unlink()
    except OSError as error:
        how = f" with {option}" if option else ""
        raise InputError(f"{called} '{path}' cannot be written ({error.strerror}); name another one{how}.") from None


def _written(path: Path) -> Path:
    """Which file is written for `path`: what a link leads to, so that it goes on leading there."""
    path = path.resolve() if path.is_symlink() else path
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is a folder" if path.is_dir() else "it is no ordinary file", str(path))
    return path


def temporary_of(path: Path) -> Path:
    """How `path` is called while this process writes it."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def sweep(folder: Path, name: str | None = None, ended: Collection[int] = (), idle_s: float = 0.0) -> None:
    """Remove what processes left half-written in `folder` that are dead, or among the `ended`.

    Of the file `name` alone, if that is given, and of what nobody has written for `idle_s`. Files of processes that
    live are left to them, and in a folder that is shared what somebody else alone may remove.
    """
    now = time.time()
    for leftover in folder.glob(".*.part"):
        found = _HALF_WRITTEN.fullmatch(leftover.name)
        if found is not None and name in (None, found[1]) and (int(found[2]) in ended or not lives(int(found[2]))):
            with suppress(OSError):
                if now - leftover.stat().st_mtime >= idle_s:
                    leftover.unlink()


def lives(process: int) -> bool:
    """Whether a process of this machine has that number; where that cannot be asked, it may."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_text(path: Path, text: str) -> None:
    """Publish `text` at `path`."""
    with published(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def distinct_names(wanted: Iterable[str]) -> list[str]:
    """Names of files for `wanted`, which may hold what strangers call their layers.

    What is no letter, digit, dot, comma, plus, equals sign, hyphen or blank becomes "_", so that a name leads into no
    other folder; long ones are cut in front of what follows the last "_", and equal ones numbered.
    """
    names: list[str] = []
    for one in wanted:
        stem, bar, end = re.sub(r"[^\w.,+= -]", "_", one).rpartition("_")
        stem = stem.encode()[: max(0, _LONGEST_NAME - len(end.encode()))].decode(errors="ignore")
        name = (f"{stem}{bar}{end}").lstrip(".") or "_"
        start, dot, suffix = name.rpartition(".")
        number = 1
        while name.casefold() in {taken.casefold() for taken in names}:
            number += 1
            name = f"{start}-{number}{dot}{suffix}"
        names.append(name)
    return names
