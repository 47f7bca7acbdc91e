"""How long work tells about itself: live bars in a terminal, one line a step elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Reporter(Protocol):
    """What long work is given to report to."""

    def say(self, text: str) -> None:
        """A line that stays."""

    def progress(self, task: str, done: int, total: int | None, unit: str) -> None:
        """`task` has done so many of so many units; the first call starts it."""

    def finish(self, task: str, text: str, ok: bool = True) -> None:
        """`task` is over; `text` says how it went."""


class Silent:
    """A reporter for tests and libraries: says nothing."""

    def say(self, text: str) -> None: ...

    def progress(self, task: str, done: int, total: int | None, unit: str) -> None: ...

    def finish(self, task: str, text: str, ok: bool = True) -> None: ...


class Lines(Silent):
    """One line for each thing that starts or ends, for logs and pipes."""

    def __init__(self) -> None:
        self._started: set[str] = set()

    def say(self, text: str) -> None:
        print(text, flush=True)

    def progress(self, task: str, done: int, total: int | None, unit: str) -> None:
        if task not in self._started:
            self._started.add(task)
            print(f"{task} ...", flush=True)

    def finish(self, task: str, text: str, ok: bool = True) -> None:
        print(f"{task}: {text}", file=sys.stdout if ok else sys.stderr, flush=True)


@contextmanager
def reporter(quiet: bool = False) -> Iterator[Reporter]:
    """Bars where standard error is a terminal, lines where it is not, nothing when `quiet`."""
    if quiet:
        yield Silent()
    elif sys.stderr.isatty():
        from fmcore.terminal import Bars

        with Bars() as bars:
            yield bars
    else:
        yield Lines()
