"""Scenes that never end: those that play on and on, and those that compute and play nothing."""

import ctypes
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from fmcore.errors import RenderError

LONGEST_S = 4 * 3600.0  # of film
SILENT_S = 600.0  # without a frame or a play


@contextmanager
def patience(scene: str) -> Iterator["Patience"]:
    """Have the block end with a sentence when nothing was heard of `scene` for `SILENT_S`.

    In the main thread of a process on Unix that takes a signal, elsewhere another thread. Either acts between two steps
    of Python: what is stuck inside a library is waited for.
    """
    by_signal = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    one = _BySignal(scene) if by_signal else _ByThread(scene)
    try:
        one.renew()
        yield one
    except _Silent:
        minutes = f"{SILENT_S / 60:g} minutes" if SILENT_S >= 120 else f"{SILENT_S:g} seconds"
        raise RenderError(f"{scene} has played nothing for {minutes}; see whether a loop in it never ends.") from None
    finally:
        one.end()


class _Silent(BaseException):
    """Nothing was heard for too long; no `except Exception` of a scene catches it."""


class Patience:
    """Told of every sign of life."""

    def __init__(self, scene: str) -> None:
        self._scene = scene

    def renew(self, film_s: float = 0.0) -> None:
        """Something was played; the film is `film_s` long by now.

        Raises:
            RenderError: that is longer than any scene should be.
        """
        if film_s > LONGEST_S:
            hours = f"{LONGEST_S / 3600:g} hours"
            raise RenderError(f"{self._scene} still plays after {hours} of film; let `construct` come to an end.")

    def end(self) -> None:
        """Nothing is waited for any more."""


class _BySignal(Patience):
    def __init__(self, scene: str) -> None:
        super().__init__(scene)
        self._before = signal.signal(signal.SIGALRM, self._lost)

    def renew(self, film_s: float = 0.0) -> None:
        super().renew(film_s)
        signal.setitimer(signal.ITIMER_REAL, SILENT_S)

    def end(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    def _lost(self, *_: Any) -> None:
        raise _Silent


class _ByThread(Patience):
    """A second thread looks at the clock, and has the exception rise in the one that plays."""

    def __init__(self, scene: str) -> None:
        super().__init__(scene)
        self._player = ctypes.c_ulong(threading.get_ident())
        self._ended, self._lock = threading.Event(), threading.Lock()
        self._until = time.monotonic() + SILENT_S
        threading.Thread(target=self._watch, name=f"patience of {scene}", daemon=True).start()

    def renew(self, film_s: float = 0.0) -> None:
        super().renew(film_s)
        self._until = time.monotonic() + SILENT_S

    def end(self) -> None:
        with suppress(_Silent), self._lock:  # it may rise until here, but nowhere later
            self._ended.set()
            ctypes.pythonapi.PyThreadState_SetAsyncExc(self._player, None)
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(max(self._until - time.monotonic(), 0.01)):
            with self._lock:
                if time.monotonic() >= self._until and not self._ended.is_set():
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(self._player, ctypes.py_object(_Silent))
                    self._until = time.monotonic() + SILENT_S  # once more, if a bare `except` has caught it
