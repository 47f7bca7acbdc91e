"""How long work tells about itself: live bars in a terminal, one line a step elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

_NEXT_STAGE_S, _SAME_STAGE_S = (
    2.0,
    10.0,
)  # how long a task says nothing before the next line of it


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
    """One line for each thing that starts or ends, and for how far it is when it takes long; for logs and pipes."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, float]] = {}  # of every task, the stage told of last, and when

    def say(self, text: str) -> None:
        print(text, flush=True)

    def progress(self, task: str, done: int, total: int | None, unit: str) -> None:
        now = time.monotonic()
        if task not in self._told:
            print(f"{task} ...", flush=True)
            self._told[task] = unit, now
            return
        stage, at = self._told[task]
        if now - at >= (_SAME_STAGE_S if unit == stage else _NEXT_STAGE_S):
            how_far = f", {done:,} of {total:,}" if total else ""
            print(f"{task}: {unit}{how_far}", flush=True)
            self._told[task] = unit, now

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
