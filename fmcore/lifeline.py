"""Worker processes end with the process that started them, however that ended, and leave Ctrl-C to it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


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

    It is held back meanwhile. On Windows, where nothing is handed on to processes, they ignore it once they run.
    """
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
