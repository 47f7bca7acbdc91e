"""Work shared out over threads that each compute with one core, its results in a fixed order."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from itertools import chain, islice
from queue import SimpleQueue
from typing import Self, TypeVar

import torch
from torch import nn

from fmcore.cores import cores

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

    A GPU is fed by one. How many there are never changes a result, since the results come back in the order of their
    parts.
    """

    def __init__(self, device: torch.device, most: int | None = None) -> None:
        self.count = min(threads_for(device), most or threads_for(device))
        self._pool = ThreadPoolExecutor(self.count, initializer=torch.set_num_threads, initargs=(1,))

    def map(self, function: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
        """`function` of every part; thread number k works on the parts k, k + count, ...

        The calling thread is one of them, which spares a handover.
        """
        lanes = [parts[first :: self.count] for first in range(min(self.count, len(parts)))]
        others = [self._pool.submit(lambda lane: [function(part) for part in lane], lane) for lane in lanes[1:]]
        found = [[function(part) for lane in lanes[:1] for part in lane], *(other.result() for other in others)]
        return [found[number % self.count][number // self.count] for number in range(len(parts))]

    def in_order(
        self, function: Callable[[Part], Result], parts: Sequence[Part], together: int
    ) -> Iterator[list[Result]]:
        """`function` of every part, in order and several together, while the threads go on with what comes next.

        First one, then two, four, ... and at last `together` at a time, whatever the number of threads. No more than
        that and one for each of them is kept or under way.
        """
        rest = iter(parts)
        under_way: deque[Future[Result]] = deque()
        group: list[Result] = []
        size = 1
        try:
            while True:
                room = together + self.count - len(under_way) - len(group)
                under_way.extend(self._pool.submit(function, part) for part in islice(rest, room))
                if not under_way:
                    return
                group.append(under_way.popleft().result())
                if len(group) == size or not under_way:
                    yield group
                    group, size = [], min(2 * size, together)
        finally:
            for future in under_way:
                future.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
