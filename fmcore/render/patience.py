"""Scenes that never end: those that play on and on, and those that compute and play nothing."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fmcore.errors import RenderError

LONGEST_S = 4 * 3600.0  # of film
SILENT_S = 600.0  # without a frame or a play


@contextmanager
def patience(scene: str) -> Iterator["Patience"]:
    """Have the block end with a sentence when nothing was heard of `scene` for `SILENT_S`.

    That takes a signal, so it works in the main thread of a process on Unix, and nowhere else.
    """
    watched = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    one = Patience(scene, watched)
    before = signal.signal(signal.SIGALRM, one.lost) if watched else None
    try:
        one.renew()
        yield one
    finally:
        if watched:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


class Patience:
    """Told of every sign of life."""

    def __init__(self, scene: str, watched: bool) -> None:
        self._scene, self._watched = scene, watched

    def renew(self, film_s: float = 0.0) -> None:
        """Something was played; the film is `film_s` long by now.

        Raises:
            RenderError: that is longer than any scene should be.
        """
        if film_s > LONGEST_S:
            hours = f"{LONGEST_S / 3600:g} hours"
            raise RenderError(f"{self._scene} still plays after {hours} of film; let `construct` come to an end.")
        if self._watched:
            signal.setitimer(signal.ITIMER_REAL, SILENT_S)

    def lost(self, *_: Any) -> None:
        minutes = f"{SILENT_S / 60:g} minutes" if SILENT_S >= 120 else f"{SILENT_S:g} seconds"
        raise RenderError(f"{self._scene} has played nothing for {minutes}; see whether a loop in it never ends.")
