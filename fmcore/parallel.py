"""Work shared out over threads that each compute with one core, its results in a fixed order."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")


class Threads:
    """Python threads that each compute with one core; torch releases the interpreter while it does.

    The calling thread is one of them, which spares a handover. A GPU is fed by one. How many there are never
    changes a result, since the results come back in the order of their parts.
    """

    def __init__(self, device: torch.device) -> None:
        asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]  # OpenMP allows a list there
        cores = int(asked) if asked.isdecimal() and int(asked) else os.cpu_count() or 1
        self.count = cores if device.type == "cpu" else 1
        self._others = ThreadPoolExecutor(max(1, self.count - 1), initializer=torch.set_num_threads, initargs=(1,))

    def map(self, function: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
        """`function` of every part; thread number k works on the parts k, k + count, ..."""
        lanes = [parts[first :: self.count] for first in range(min(self.count, len(parts)))]
        others = [self._others.submit(lambda lane: [function(part) for part in lane], lane) for lane in lanes[1:]]
        found = [[function(part) for part in lanes[0]], *(other.result() for other in others)]
        return [found[number % self.count][number // self.count] for number in range(len(parts))]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._others.shutdown(cancel_futures=True)
