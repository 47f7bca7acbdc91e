"""Work shared out over threads that each compute with one core, its results in a fixed order."""

import os
from collections.abc import Callable, Iterator, Sequence
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
        found = [[function(part) for lane in lanes[:1] for part in lane], *(other.result() for other in others)]
        return [found[number % self.count][number // self.count] for number in range(len(parts))]

    def in_order(
        self, function: Callable[[Part], Result], parts: Sequence[Part], together: int
    ) -> Iterator[list[Result]]:
        """`function` of every part, in order and several together, while other threads go on.

        First one, then two, four, ... and at last `together` at a time, whatever the number of threads. No thread
        waits for another before the end, so what is given back should be small.
        """
        numbers = iter(range(len(parts)))  # one for all threads: its next number is taken by one of them
        found: dict[int, Result] = {}
        given, size, stopped = 0, 1, False

        def work() -> None:
            for number in numbers:
                found[number] = function(parts[number])
                if stopped:
                    return

        def ready() -> Iterator[list[Result]]:
            nonlocal given, size
            while given < len(parts):
                group = range(given, min(given + size, len(parts)))
                if not all(number in found for number in group):
                    return
                given, size = group.stop, min(2 * size, together)
                yield [found.pop(number) for number in group]

        others = [self._others.submit(work) for _ in range(min(self.count, len(parts)) - 1)]
        try:
            for number in numbers:
                found[number] = function(parts[number])
                for other in others:
                    if other.done():
                        other.result()
                yield from ready()
            for other in others:
                other.result()
            yield from ready()
        finally:
            stopped = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._others.shutdown(cancel_futures=True)
