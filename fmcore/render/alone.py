"""One after the other: of two runs that would make the same thing, the second waits and finds it made."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from fmcore.reporter import Reporter


@contextmanager
def alone(lock: Path, doing: str, report: Reporter) -> Iterator[None]:
    """Hold the file `lock`; where another run does, say what it is `doing` and wait for it."""
    held = FileLock(lock)
    try:
        held.acquire(blocking=False)
    except Timeout:
        report.say(f"Another fmcore is {doing}; this one goes on when that has ended.")
        while not held.is_locked:
            lock.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # the other has made nothing, and has removed its folder
                held.acquire()
    try:
        yield
    finally:
        held.release()


@contextmanager
def making(path: Path, report: Reporter) -> Iterator[None]:
    """Be the only run that makes the file at `path`, in its folder, which is made.

    No lock stays, nor a new folder in which nothing was made.
    """
    new = [folder for folder in path.absolute().parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    try:
        with alone(lock, f"making '{path}'", report):
            try:
                yield
            finally:
                with suppress(OSError):  # Windows leaves that to the last who holds it
                    lock.unlink(missing_ok=True)
    finally:
        with suppress(OSError):  # there is something in it
            for folder in new:
                folder.rmdir()
