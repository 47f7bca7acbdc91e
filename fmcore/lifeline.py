"""Worker processes end with the process that started them, however that ended, and leave Ctrl-C to it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def end_with_parent() -> None:
    """End this worker process at once when its parent has gone: one that is killed tells nobody to stop."""

    def watch() -> None:
        if (parent := multiprocessing.parent_process()) is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def ctrl_c_is_ours() -> Iterator[None]:
    """Processes that start in this block never hear of Ctrl-C, not even while they import: it is for this one.

    It is held back meanwhile: in its midst, a process would be started and nobody know of it. On Windows, where nothing
    is handed on to processes, they ignore it once they run.
    """
    held: list[tuple[int, FrameType | None]] = []
    handler = signal.getsignal(signal.SIGINT)
    holds = threading.current_thread() is threading.main_thread() and callable(handler)
    if holds:  # the mask below is of this thread, and another one may be told
        signal.signal(signal.SIGINT, lambda number, frame: held.append((number, frame)))
    try:
        with _handed_on():
            yield
    finally:
        if holds:
            signal.signal(signal.SIGINT, handler)
    if held and callable(handler):
        handler(*held[0])


@contextmanager
def _handed_on() -> Iterator[None]:
    """A mask without Ctrl-C, for processes that start here."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # once it has started, which would end the holding back
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
