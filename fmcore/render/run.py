"""Do jobs in worker processes, such as rendering a segment. One that fails is reported; the others are finished."""

import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from fmcore.errors import FmcoreError, RenderError

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
OnFrames = Callable[[int, int | None], None]  # (frames done, frames in all if known)
_TELL_EVERY_S = 0.1
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


def run_all(
    jobs: Sequence[Job[R]],
    workers: int,
    on_progress: Callable[[int, int, int | None], None],
    on_outcome: Callable[[Outcome[R]], None],
) -> None:
    """Do `jobs`; tell about frames as (number, done, total) and about each end as it comes.

    A worker that dies takes the pool with it: what was unfinished is tried again one by one, and what kills
    its worker twice is given up.
    """
    waiting = dict(enumerate(jobs))
    deaths: dict[int, int] = {}
    # Workers keep their scratch files in the parent's folder, so that a killed one leaves nothing behind.
    with tempfile.TemporaryDirectory(prefix="fmcore-", ignore_cleanup_errors=True) as scratch:
        while waiting:
            count = min(1 if deaths else max(1, workers), len(waiting))
            numbers = list(waiting)[:1] if deaths else list(waiting)
            with _pool(count, scratch, on_progress) as pool:
                futures = {pool.submit(_work, number, waiting[number]): number for number in numbers}
                for outcome in _outcomes(futures, deaths):
                    del waiting[outcome.number]
                    on_outcome(outcome)


@contextmanager
def _pool(
    workers: int, scratch: str, on_progress: Callable[[int, int, int | None], None]
) -> Iterator[ProcessPoolExecutor]:
    """Worker processes and the thread that hears them; all are gone when the block ends, however it does."""
    context = multiprocessing.get_context("spawn")
    messages = context.Queue()
    pool = ProcessPoolExecutor(workers, context, _start_worker, (messages, scratch))
    listener = threading.Thread(target=_listen, args=(messages, on_progress), daemon=True)
    listener.start()
    try:
        yield pool
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.kill()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        messages.put(None)
        listener.join()


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


def _listen(messages: Any, on_progress: Callable[[int, int, int | None], None]) -> None:
    while (message := messages.get()) is not None:
        on_progress(*message)


# -- in the worker -------------------------------------------------------------------------------


def _start_worker(messages: Any, scratch: str) -> None:
    global _messages
    _messages = messages
    tempfile.tempdir = scratch
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    if "OMP_NUM_THREADS" not in os.environ:
        os.environ["OMP_NUM_THREADS"] = "1"  # a worker a core
    from fmcore.render.worker import quiet_process

    quiet_process()


def _work(number: int, job: Job[R]) -> R:
    told = 0.0

    def on_frames(done: int, total: int | None) -> None:
        nonlocal told
        if (now := time.monotonic()) - told > _TELL_EVERY_S or done == total:
            told = now
            _messages.put((number, done, total))

    return job.run(on_frames)
