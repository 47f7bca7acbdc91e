"""Do jobs in worker processes, such as rendering a segment. One that fails is reported; the others are finished."""

import gc
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from typing import Any, Generic, Protocol, Self, TypeVar

from fmcore.errors import FmcoreError, RenderError
from fmcore.lifeline import ctrl_c_is_ours, end_with_parent

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
OnFrames = Callable[[int, int | None], None]  # (frames done, frames in all if known)
_TELL_EVERY_S = 0.1
_FAREWELL_S = 5.0
_RESTARTS = 3  # of a pool that takes no job
_IMPORTED_ONCE = ["manim", "matplotlib.textpath", "PIL.ImageFont", "pydantic", "scipy.optimize"]  # that nobody edits
_messages: Any = None  # in a worker: the queue to the parent


class Job(Protocol[R_co]):
    """Work that can be sent to another process."""

    def run(self, on_frames: OnFrames) -> R_co: ...


@dataclass(frozen=True)
class Outcome(Generic[R]):
    """How job number `number` went."""

    number: int
    result: R | None
    error: FmcoreError | None


OnProgress = Callable[[int, int, int | None], None]


class Crew(Protocol):
    """What does jobs: `count` worker processes of this machine, or of others."""

    @property
    def count(self) -> int: ...

    def run(self, jobs: Sequence[Job[R]], on_progress: OnProgress, on_outcome: Callable[[Outcome[R]], None]) -> None:
        """Do `jobs`; tell about frames as (number, done, total) and about each end as it comes."""


class Workers:
    """Worker processes of this machine. They start with the first job and live until the block ends."""

    def __init__(self, count: int) -> None:
        self.count = max(1, count)
        self._pool: ProcessPoolExecutor | None = None
        self._on_progress: OnProgress = lambda *told: None
        self._runs = 0

    def __enter__(self) -> Self:
        # Workers keep their scratch files in the parent's folder, so that a killed one leaves nothing behind.
        self._scratch = tempfile.TemporaryDirectory(prefix="fmcore-", ignore_cleanup_errors=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        self._stop(kill=kind is not None)
        self._scratch.cleanup()

    def run(self, jobs: Sequence[Job[R]], on_progress: OnProgress, on_outcome: Callable[[Outcome[R]], None]) -> None:
        """Do `jobs`; tell about frames as (number, done, total) and about each end as it comes.

        A worker that dies takes the others with it: what was unfinished is tried again one by one until it is known
        which of them it was. What kills its worker twice is given up.
        """
        self._on_progress = on_progress
        self._runs += 1
        waiting = dict(enumerate(jobs))
        deaths: dict[int, int] = {}
        broken = 0
        while waiting:
            suspects = [number for number in waiting if number in deaths]
            numbers = suspects[:1] or list(waiting)
            try:
                pool = self._running()
                with ctrl_c_is_ours():
                    futures = {pool.submit(_work, self._runs, number, waiting[number]): number for number in numbers}
            except BrokenProcessPool:  # a worker was killed while it had nothing to do
                self._stop()
                broken += 1
                if broken > _RESTARTS:
                    raise RenderError("Workers die as soon as they start; is there enough memory?") from None
                continue
            died = sum(deaths.values())
            for outcome in _outcomes(futures, deaths):
                del waiting[outcome.number]
                on_outcome(outcome)
            if sum(deaths.values()) > died:
                self._stop()
                if suspects:  # it was alone, so the others died of it
                    deaths.clear()

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = _context()
            self._messages = context.Queue()
            start = (self._messages, self._scratch.name, dict(os.environ))
            self._pool = ProcessPoolExecutor(self.count, context, _start_worker, start)
            self._listener = threading.Thread(target=self._listen, args=(self._messages,), daemon=True)
            self._listener.start()
        return self._pool

    def _listen(self, messages: Any) -> None:
        while (message := messages.get()) is not None:
            run, *told = message
            if run == self._runs:  # not one of the last run that comes late
                self._on_progress(*told)

    def _stop(self, kill: bool = False) -> None:
        if self._pool is None:
            return
        if kill:
            for process in list((self._pool._processes or {}).values()):
                process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._messages.put(None)
        self._listener.join(_FAREWELL_S)  # a worker that was killed while it wrote leaves the queue locked for good
        self._messages.cancel_join_thread()
        self._pool = None


def _context() -> BaseContext:
    """How workers start: on Linux as copies of one process, which imports what they need once and ends with this one.

    Importing costs a worker 1.5 s of processor time, and 100 MB that copies share. Elsewhere each starts anew: macOS
    does not bear copies of a process that has loaded its frameworks, and Windows knows none.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED_ONCE)
    # A worker a core; and no file of the user's folder passes for a module, as it may where Python is given a command.
    changed = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"), "PYTHONSAFEPATH": "1"}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        with ctrl_c_is_ours():
            forkserver.ensure_running()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return context


def _outcomes(futures: dict[Future[R], int], deaths: dict[int, int]) -> Iterable[Outcome[R]]:
    pending = set(futures)
    while pending:
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            number = futures[future]
            try:
                yield Outcome(number, future.result(), None)
            except FmcoreError as error:
                yield Outcome(number, None, error)
            except BrokenProcessPool:
                deaths[number] = deaths.get(number, 0) + 1
                if deaths[number] > 1:
                    yield Outcome(number, None, RenderError("its process was killed twice; is there enough memory?"))
            except Exception as error:  # a mistake of ours or of a scene's, which shall not take the others with it
                said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
                yield Outcome(number, None, RenderError(f"it failed with {said}."))


# -- in the worker -------------------------------------------------------------------------------


def _start_worker(messages: Any, scratch: str, environment: dict[str, str]) -> None:
    global _messages
    _messages = messages
    os.environ.clear()
    os.environ.update(environment)  # that of now, not of when the process was started that this is a copy of
    tempfile.tempdir = scratch
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    end_with_parent()
    if "OMP_NUM_THREADS" not in os.environ:
        os.environ["OMP_NUM_THREADS"] = "1"  # a worker a core
    from fmcore.render.worker import quiet_process

    quiet_process()
    gc.freeze()  # what is imported stays, so that it need not be looked through between scenes


def _work(run: int, number: int, job: Job[R]) -> R:
    told = 0.0

    def on_frames(done: int, total: int | None) -> None:
        nonlocal told
        if (now := time.monotonic()) - told > _TELL_EVERY_S or done == total:
            told = now
            _messages.put((run, number, done, total))

    return job.run(on_frames)
