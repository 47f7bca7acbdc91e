"""Work shared out over threads that each compute with one core, its results in a fixed order."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from itertools import chain
from queue import SimpleQueue
from typing import Self, TypeVar

import torch
from torch import nn

from fmcore.cores import cores

_LOOK_S = 0.002

Part = TypeVar("Part")
Result = TypeVar("Result")


def threads_for(device: torch.device) -> int:
    """How many threads are at work on a device."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]  # OpenMP allows a list there
    wanted = int(asked) if asked.isdecimal() and int(asked) else cores()
    return wanted if device.type == "cpu" else 1


class Copies:
    """A network for as many threads: each has a copy, which shares its weights.

    A network may keep what it is just computing in its own attributes, and would take that of another thread for its
    own; and what it keeps of such runs, which no gradient can come from, is not for those that come after. One that
    cannot be copied, or that hands its values to functions from outside, is for one thread alone.
    """

    def __init__(self, network: nn.Module, count: int) -> None:
        self._waiting: SimpleQueue[nn.Module] = SimpleQueue()
        self._own = threading.local()
        copies = [network] if _speaks_to_others(network) else _copied(network, count)
        self.count = len(copies)
        for one in copies:
            self._waiting.put(one)

    def mine(self) -> nn.Module:
        """That of this thread."""
        if not hasattr(self._own, "network"):
            self._own.network = self._waiting.get_nowait()
        network: nn.Module = self._own.network
        return network


def _speaks_to_others(network: nn.Module) -> bool:
    """Whether a stranger's hook leads out of the network."""
    parts = set(map(id, network.modules()))
    hooks = [hook for module in network.modules() for kind in (module._forward_hooks, module._forward_pre_hooks)
             for hook in kind.values()]  # fmt: skip
    ours = [str(getattr(hook, "__module__", "")).startswith("fmcore.") for hook in hooks]
    return any(
        not own and id(getattr(hook, "__self__", None)) not in parts for hook, own in zip(hooks, ours, strict=True)
    )


def _copied(network: nn.Module, count: int) -> list[nn.Module]:
    """So many copies that share weights and buffers; the network alone where it cannot be copied."""
    shared = {id(tensor): tensor for tensor in chain(network.parameters(), network.buffers())}
    try:
        return [deepcopy(network, dict(shared)) for _ in range(count)]
    except Exception:  # a stranger's module may hold anything, such as a lock or an open file
        return [network]


class Threads:
    """Python threads that each compute with one core; torch releases the interpreter while it does.

    The calling thread is one of them, which spares a handover. A GPU is fed by one. How many there are never
    changes a result, since the results come back in the order of their parts.
    """

    def __init__(self, device: torch.device, most: int | None = None) -> None:
        self.count = min(threads_for(device), most or threads_for(device))
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

        First one, then two, four, ... and at last `together` at a time, whatever the number of threads. Threads wait
        for others only where more than that and one of each of them is kept.
        """
        numbers = iter(range(len(parts)))  # one for all threads: its next number is taken by one of them
        found: dict[int, Result] = {}
        given, size, stopped, all_taken = 0, 1, False, False

        def work() -> None:
            for number in numbers:
                while len(found) > together + self.count and not (stopped or all_taken):
                    time.sleep(_LOOK_S)  # the calling thread gives back what is there after each of its own parts
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
            all_taken = True
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
