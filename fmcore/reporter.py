"""How long work tells about itself: live bars in a terminal, one line a step elsewhere, or JSON for a program."""

import json
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Protocol, Self

_NEXT_STAGE_S, _SAME_STAGE_S = (
    2.0,
    10.0,
)  # how long a task says nothing before the next line of it
_PACE_S = 30.0  # a rate is that of the last so many seconds
_LATE_S = 1.0  # messages come from other processes: what comes so soon after a task's end is of before it
_JSON_EVERY_S = 1.0


class Reporter(Protocol):
    """What long work is given to report to. Any thread may."""

    def say(self, text: str) -> None:
        """A line that stays."""

    def expect(self, tasks: int, total: int | None = None, unit: str = "") -> None:
        """So many tasks are to come, with `total` units in all if that is known; `finish` counts them off."""

    def progress(self, task: str, done: int, total: int | None, unit: str) -> None:
        """`task` has done so many of so many units; the first call starts it."""

    def finish(self, task: str, text: str, ok: bool = True) -> None:
        """`task` is over; `text` says how it went."""


class Silent:
    """A reporter for tests and libraries: says nothing."""

    def say(self, text: str) -> None: ...

    def expect(self, tasks: int, total: int | None = None, unit: str = "") -> None: ...

    def progress(self, task: str, done: int, total: int | None, unit: str) -> None: ...

    def finish(self, task: str, text: str, ok: bool = True) -> None: ...


class Errors(Silent):
    """Says what fails, when it does, and nothing else."""

    def finish(self, task: str, text: str, ok: bool = True) -> None:
        if not ok:
            _print(f"{task}: {text}", ok)


class Lines(Silent):
    """One line for each thing that starts or ends, and for how far it is when it takes long; for logs and pipes."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, float]] = {}  # of every task, the stage told of last, and when

    def say(self, text: str) -> None:
        _print(text)

    def progress(self, task: str, done: int, total: int | None, unit: str) -> None:
        now = time.monotonic()
        if task not in self._told:
            _print(f"{task} ...")
            self._told[task] = unit, now
            return
        stage, at = self._told[task]
        if now - at >= (_SAME_STAGE_S if unit == stage else _NEXT_STAGE_S):
            how_far = f", {done:,} of {total:,}" if total else ""
            _print(f"{task}: {unit}{how_far}")
            self._told[task] = unit, now

    def finish(self, task: str, text: str, ok: bool = True) -> None:
        if task in self._told:
            self._told[task] = self._told[task][0], time.monotonic()  # a message that comes late is no news
        _print(f"{task}: {text}", ok)


def _print(text: str, ok: bool = True) -> None:
    with _readers_may_leave():
        print(text, file=sys.stdout if ok else sys.stderr, flush=True)


@contextmanager
def _readers_may_leave() -> Iterator[None]:
    """Let a closed pipe end the program from its main thread; one that only passes messages on must not die of it."""
    try:
        yield
    except BrokenPipeError:
        if threading.current_thread() is threading.main_thread():
            raise


# -- how far, how fast ---------------------------------------------------------------------------


class Count:
    """How far something is, and its pace."""

    def __init__(self, done: int, total: int | None, unit: str) -> None:
        self.done, self.total, self.unit = done, total, unit
        self._seen = deque([(time.monotonic(), done)])

    def reach(self, done: int, total: int | None, unit: str) -> None:
        """So far it is now; the pace is measured anew where another stage begins, or the same one again."""
        now = time.monotonic()
        if unit != self.unit or done < self.done:
            self._seen = deque([(now, done)])  # never empty: another thread may be drawing it
        else:
            self._seen.append((now, done))
        self.done, self.total, self.unit = done, total, unit
        while now - self._seen[0][0] > _PACE_S and len(self._seen) > 2:
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        """Units a second; None in the first second, and while nothing gets on."""
        (start, first), (end, last) = self._seen[0], self._seen[-1]
        return (last - first) / (end - start) if end - start >= 1 and last > first else None

    @property
    def left_s(self) -> float | None:
        """Seconds until all is done at this pace."""
        return (self.total - self.done) / self.rate if self.total is not None and self.rate else None


class Tally:
    """Of every task that runs how far it is, and `whole`: how far all those are that were expected."""

    def __init__(self) -> None:
        self.running: dict[str, Count] = {}
        self.whole: Count | None = None  # in units if it is known how many there are, else in tasks
        self.tasks = self.over = 0
        self._done: dict[str, int] = {}  # of tasks that are expected
        self._ended: dict[str, float] = {}
        self._lock = threading.RLock()

    def expect(self, tasks: int, total: int | None, unit: str) -> None:
        """Forget what was expected before."""
        with self._lock:
            self.tasks, self.over = tasks, 0
            self.whole = Count(0, total, unit) if total is not None else Count(0, tasks, "")
            self._done.clear()
            self._ended.clear()

    def progress(self, task: str, done: int, total: int | None, unit: str) -> Count | None:
        """How far `task` is; None if it is over and this comes late."""
        with self._lock:
            if time.monotonic() - self._ended.get(task, -_LATE_S) < _LATE_S:
                return None
            count = self.running.get(task)
            if count is None:
                count = self.running[task] = Count(done, total, unit)
            else:
                count.reach(done, total, unit)
            self._add(task, count, done)
            return count

    def finish(self, task: str, ok: bool) -> Count | None:
        """How far `task` was, if it had started. What a failed one did not do is expected no more."""
        with self._lock:
            count = self.running.pop(task, None)
            self._ended[task] = time.monotonic()
            self.over += 1
            if count is not None and count.total is not None:
                if ok:
                    self._add(task, count, count.total)
                elif self.whole is not None and self.whole.total is not None and self.whole.unit == count.unit:
                    self.whole.total -= count.total - count.done
            if self.whole is not None and not self.whole.unit:
                self.whole.reach(self.over, self.tasks, "")
            return count

    @property
    def together(self) -> Count | None:
        """`whole`, while there are several tasks and some are not over."""
        return self.whole if self.tasks > 1 and self.over < self.tasks else None

    def _add(self, task: str, count: Count, done: int) -> None:
        if self.whole is not None and self.whole.unit and self.whole.unit == count.unit:
            self._done[task] = done
            self.whole.reach(sum(self._done.values()), self.whole.total, self.whole.unit)


# -- for programs --------------------------------------------------------------------------------

_BREAKS = {ord(one): f"\\u{ord(one):04x}" for one in "\x85\u2028\u2029"}  # which some take for the end of a line


class JsonLines:
    """One JSON object a line on standard output, in UTF-8, every line with these fields; null where one has no sense.

    event    "say", "start", "progress" or "finish" of a task, and "end", which comes once, last
    task     its name; null in a "progress" of all tasks together
    done, total, unit    how far it is: 138, 588, "frames"; `total` is null where nobody knows
    rate     units a second over the last half minute
    left_s   seconds until it is done at that rate
    ok       of "finish" and "end": whether it went well; at the "end", whether everything did
    text     a sentence for people
    time     2026-01-31T12:00:00.000Z

    There is at most one "progress" a second of each task, and of all together. A task may finish without a start.
    """

    def __init__(self) -> None:
        self._tally, self._lock = Tally(), threading.RLock()
        self._told: dict[str | None, float] = {}
        self._ok = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if isinstance(error, BrokenPipeError):
            return
        text = None if kind is None else "interrupted" if kind is KeyboardInterrupt else str(error)
        self._write("end", ok=self._ok and kind is None, text=text)

    def say(self, text: str) -> None:
        self._write("say", text=text)

    def expect(self, tasks: int, total: int | None = None, unit: str = "") -> None:
        with self._lock:
            self._tally.expect(tasks, total, unit)
            self._told.clear()

    def progress(self, task: str, done: int, total: int | None, unit: str) -> None:
        with self._lock:
            new = task not in self._tally.running
            count = self._tally.progress(task, done, total, unit)
            if count is None:
                return
            if new:
                self._told[task] = time.monotonic()
                self._write("start", task, count)
            else:
                self._tell(task, count)
            self._tell(None, self._tally.together)

    def finish(self, task: str, text: str, ok: bool = True) -> None:
        with self._lock:
            count = self._tally.finish(task, ok)
            self._ok = self._ok and ok
            self._write("finish", task, count, ok=ok, text=text)

    def _tell(self, task: str | None, count: Count | None) -> None:
        now = time.monotonic()
        if count is not None and now - self._told.get(task, -_JSON_EVERY_S) >= _JSON_EVERY_S:
            self._told[task] = now
            self._write("progress", task, count)

    def _write(self, event: str, task: str | None = None, count: Count | None = None, **said: Any) -> None:
        left_s, rate = (count.left_s, count.rate) if count is not None else (None, None)
        told = {
            "event": event,
            "task": task,
            "done": count.done if count is not None else None,
            "total": count.total if count is not None else None,
            "unit": (count.unit or "tasks") if count is not None else None,
            "rate": None if rate is None else round(rate, 2),
            "left_s": None if left_s is None else round(left_s, 1),
            "ok": said.get("ok"),
            "text": said.get("text"),
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        line = json.dumps(told, ensure_ascii=False).translate(_BREAKS) + "\n"
        # backslashreplace: a file name that is no UTF-8 becomes an escape that JSON knows
        with self._lock, _readers_may_leave():
            sys.stdout.buffer.write(line.encode("utf-8", "backslashreplace"))
            sys.stdout.buffer.flush()


@contextmanager
def reporter(quiet: bool = False, log_json: bool = False) -> Iterator[Reporter]:
    """Errors when `quiet`, JSON where that is wanted, bars where standard error is a terminal, lines elsewhere."""
    if quiet:
        yield Errors()
    elif log_json:
        with JsonLines() as lines:
            yield lines
    elif sys.stderr.isatty():
        from fmcore.terminal import Bars

        with Bars() as bars:
            yield bars
    else:
        yield Lines()
