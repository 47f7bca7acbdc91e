"""Jobs done by the workers of a Dask scheduler: the same plan, past one machine, with no shared disk.

Bundles travel once to every worker, the sources of lone scenes with every job, films come back with the results.
Whoever is a worker has the same libraries, so that frames are the same wherever they are drawn.
"""

from __future__ import annotations

import hashlib
import pickle
import queue
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from fmcore.errors import FmcoreError, InputError, RenderError
from fmcore.files import published
from fmcore.render.cache import file_digest
from fmcore.render.catalogue import OURS
from fmcore.render.remote import (
    TOPIC,
    Done,
    Order,
    described,
    difference,
    has,
    keep,
    receive,
    segment_of,
    sources_of,
    stop,
    work,
)
from fmcore.render.run import Job, OnProgress, Outcome
from fmcore.render.scheduler import CONNECT_S, address, connected, hushed, reachable

R = TypeVar("R")
_LOOK_EVERY_S = 0.5
_CHUNK = 8 << 20  # bytes of a bundle in one message: as much of it is in the scheduler's memory
_RETRIES = 2


class Cluster:
    """The workers that a Dask scheduler has: `scheduler` is its address, or the file that it has written.

    A worker is given one job at a time, so that the longest are begun first. For workers that are still to come it
    waits `patience_s`.
    """

    def __init__(self, scheduler: str, patience_s: float = 10.0) -> None:
        self.scheduler, self._patience_s = scheduler, patience_s
        self._held: dict[str, set[str]] = {}  # by worker: the packages compared, the bundles brought
        self._refused: dict[str, str] = {}  # by worker: why
        self._digests: dict[Path, str] = {}

    def __enter__(self) -> Self:
        """Join the scheduler.

        Raises:
            InputError: it does not answer, has no workers, or they would draw other frames.
        """
        with ExitStack() as opened:
            opened.enter_context(hushed())
            self._client = connected(address(self.scheduler))
            opened.callback(self._client.close)
            self._ready(_Needs(frozenset(OURS), {}), strict=True)
            self._client.direct_to_workers = all(map(reachable, list(self._held)[:1]))
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._opened.close()

    @property
    def count(self) -> int:
        """How many worker processes there were when last looked."""
        return max(1, len(self._held))

    def run(self, jobs: Sequence[Job[R]], on_progress: OnProgress, on_outcome: Callable[[Outcome[R]], None]) -> None:
        """Do `jobs`; tell about frames as (number, done, total) and about each end as it comes.

        A job whose worker is lost is given to another, twice.

        Raises:
            InputError: workers would draw other frames, or a bundle cannot be read.
        """
        if not jobs:
            return
        orders = [self._order(job) for job in jobs]
        needs = _Needs(
            frozenset(OURS).union(*(order.packages for order, _ in orders)),
            {digest: path for _, bundles in orders for digest, path in bundles.items()},
        )
        self._ready(needs, strict=True)
        _Shift(self, self._client, needs, jobs, [order for order, _ in orders], on_progress, on_outcome).work()

    # -- inside ----------------------------------------------------------------------------------

    def _order(self, job: Job[Any]) -> tuple[Order, dict[str, Path]]:
        """`job` as it is sent, and the bundles that it reads, by digest."""
        segment = segment_of(job)
        if segment is None:
            return Order(job), {}
        paths = [segment.brief.bundle, segment.brief.other]
        digests = tuple(self._digest(path) if path is not None else None for path in paths)
        bundles = {digest: path for digest, path in zip(digests, paths, strict=True) if digest and path}
        if segment.module is None:
            return Order(job, digests, sources=sources_of(segment)), bundles
        return Order(job, digests, packages=(segment.module.partition(".")[0],)), bundles

    def _digest(self, path: Path) -> str:
        if path not in self._digests:
            try:
                self._digests[path] = file_digest(path)
            except OSError as error:
                raise _unreadable(path, error) from None
        return self._digests[path]

    def _ready(self, needs: _Needs, strict: bool = False) -> set[str]:
        """The workers that have what is needed, after bringing it to those that have not.

        Where it is `strict`, it waits for a first worker, and does not do without one that would draw other frames.
        """
        there = self._there(strict)
        self._held = {worker: held for worker, held in self._held.items() if worker in there}
        self._refused = {worker: why for worker, why in self._refused.items() if worker in there}
        new = {worker for worker in there if not needs.packages <= self._held.get(worker, set())} - self._refused.keys()
        if new:
            packages = sorted(needs.packages)
            here = described(packages)
            for worker, found in self._tell(new, described, packages).items():
                if isinstance(found, OSError):
                    continue  # it has just gone
                if why := difference(worker, here, found):
                    self._refuse(worker, why)
                    if strict:
                        raise InputError(why)
                else:
                    self._held.setdefault(worker, set()).update(packages)
        for digest, path in needs.bundles.items():
            self._bring(digest, path, {worker for worker, held in self._held.items() if digest not in held})
        return set(self._held)

    def _refuse(self, worker: str, why: str) -> None:
        self._refused[worker] = why
        self._held.pop(worker, None)

    def _there(self, patient: bool) -> set[str]:
        until = time.monotonic() + self._patience_s
        while not (there := set(self._client.nthreads())) and patient:
            if time.monotonic() > until:
                raise InputError(
                    f"The Dask scheduler at {self._client.scheduler.address} has no workers; start some with"
                    f" `dask worker {self._client.scheduler.address} --nthreads 1`, and run again."
                )
            time.sleep(0.1)
        return there

    def _bring(self, digest: str, path: Path, workers: set[str]) -> None:
        """Send a bundle to those of `workers` that do not have it from an earlier run."""
        if not workers:
            return
        answers = self._tell(workers, has, digest)
        to = {worker for worker, answer in answers.items() if answer is False}
        name = uuid.uuid4().hex
        for chunk in _chunks(path) if to else ():
            answers.update(self._tell(to, receive, name, chunk))
            if not (to := {worker for worker in to if answers[worker] is True}):
                break
        answers.update(self._tell(to, keep, name, digest) if to else {})
        for worker, answer in answers.items():
            if answer is True:
                self._held[worker].add(digest)
            else:
                self._refuse(worker, f"worker {worker} could not keep the bundle '{path.name}' ({answer}).")

    def _tell(self, workers: Iterable[str], function: Callable[..., Any], *given: Any) -> dict[str, Any]:
        """What `function` returns in each of `workers`, or the exception that it raises there."""
        answers: dict[str, Any] = self._client.run(function, *given, workers=list(workers), on_error="return")
        return answers


def _chunks(path: Path) -> Iterator[bytes]:
    """The content of a bundle. What goes wrong with whoever takes it, as with the network, is not said of the file."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"The bundle '{path}' cannot be read ({error.strerror}); see that it is there, and run the same command again."
    )


@dataclass(frozen=True)
class _Needs:
    """What a worker must have to do some jobs: these packages as they are here, these bundles by digest."""

    packages: frozenset[str]
    bundles: Mapping[str, Path]


class _Lost(Exception):
    """A worker has gone, and what it did with it."""


# -- on this side: one run -----------------------------------------------------------------------


@dataclass
class _Shift:
    """One run: who does what. Every worker has one job, and is given the next before its result is fetched."""

    cluster: Cluster
    client: Any
    needs: _Needs
    jobs: Sequence[Job[Any]]
    orders: Sequence[Order]
    on_progress: OnProgress
    on_outcome: Callable[[Outcome[Any]], None]
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    ended: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)  # keys of tasks
    running: dict[str, tuple[int, str, Any]] = field(default_factory=dict)  # by key: number, worker, future
    losses: Counter[int] = field(default_factory=Counter)

    def work(self) -> None:
        self.waiting = deque(range(len(self.jobs)))
        self.workers = self.cluster._ready(self.needs)
        self.seen = looked = time.monotonic()  # when there were workers last
        self.client.subscribe_topic(TOPIC, self._hear)
        try:
            while self.waiting or self.running:
                self._hand_out()
                with suppress(queue.Empty):
                    self._settle(self.ended.get(timeout=_LOOK_EVERY_S))
                if time.monotonic() - looked > _LOOK_EVERY_S:
                    self._look()
                    looked = time.monotonic()
        finally:
            with suppress(Exception):  # the scheduler may be gone
                self.client.unsubscribe_topic(TOPIC)
                self._abandon()

    def _hand_out(self) -> None:
        """Give every worker that has nothing to do the next job."""
        if self.client.status == "closed":
            return
        busy = {worker for _, worker, _ in self.running.values()}
        for worker in sorted(self.workers - busy)[: len(self.waiting)]:
            number = self.waiting.popleft()
            key = f"fmcore-{self.name}-{number}-{self.losses[number]}"  # no result of another run
            payload = pickle.dumps(self.orders[number])
            future = self.client.submit(work, key, self.name, payload, key=key, workers=[worker], pure=False)
            self.running[key] = number, worker, future
            future.add_done_callback(lambda done: self.ended.put(done.key))

    def _settle(self, key: str) -> None:
        if key not in self.running:
            return
        number, worker, future = self.running.pop(key)
        self._hand_out()
        try:
            done = self._fetched(future, worker)
        except _Lost:
            self._lose(number)
        except Exception as error:  # of Dask or of ours, not of the scene
            self._tell(number, error=RenderError(f"A worker failed with {type(error).__name__}: {error}"))
        else:
            if done.lacks:
                self.cluster._held.get(worker, set()).difference_update(done.lacks)
                self._look()
                self._lose(number)
            else:
                self._tell(number, done.result, done.error or self._publish(number, done))
        finally:
            future.release()

    def _fetched(self, future: Any, worker: str) -> Done:
        """The result, straight from its worker if that can be reached; Dask waits for good for one that has gone."""
        if future.cancelled():
            raise _Lost
        patience_s = 30.0
        while True:
            try:
                done: Done = future.result(timeout=patience_s)
            except TimeoutError:
                try:
                    there = worker in self.client.nthreads()
                except OSError:  # the scheduler has gone, and the worker with it
                    there = False
                if not there:
                    raise _Lost from None
                patience_s *= 2  # a large film on a slow line
                continue
            if done.film is not None and hashlib.sha256(done.film).hexdigest() != done.sha256:
                raise _Lost
            return done

    def _publish(self, number: int, done: Done) -> FmcoreError | None:
        segment = segment_of(self.jobs[number])
        if done.film is None or segment is None:
            return None
        try:
            with published(segment.target) as temporary:
                temporary.write_bytes(done.film)
        except OSError as error:
            reason = error.strerror or str(error)
            return RenderError(f"{segment.scene} could not be written ({reason}); free some space and run again.")
        return None

    def _look(self) -> None:
        """See who has come and who has gone; jobs of those who have gone are to be done again."""
        try:
            if self.client.status == "closed":
                raise ConnectionError
            self.workers = self.cluster._ready(self.needs)
        except OSError:
            self._give_up(
                f"The Dask scheduler at {self.cluster.scheduler} does not answer any more;"
                " what is finished is kept, so start it and run the same command again."
            )
            return
        for key, (number, worker, future) in list(self.running.items()):
            if worker not in self.cluster._held:
                del self.running[key]
                future.cancel()
                self._lose(number)
        if self.workers or self.running:
            self.seen = time.monotonic()
        elif time.monotonic() - self.seen > self.cluster._patience_s:
            why = next(iter(self.cluster._refused.values()), "start some and run the same command again.")
            self._give_up(f"No worker is left, and what is finished is kept; {why}")

    def _lose(self, number: int) -> None:
        self.losses[number] += 1
        if self.losses[number] > _RETRIES:
            why = f"its worker was lost, {self.losses[number]} times in all; is there enough memory?"
            self._tell(number, error=RenderError(why))
        else:
            self.waiting.appendleft(number)

    def _give_up(self, why: str) -> None:
        left = [*self.waiting, *(number for number, _, _ in self.running.values())]
        self.waiting.clear()
        self.running.clear()
        for number in sorted(left):
            self._tell(number, error=RenderError(why))

    def _tell(self, number: int, result: Any = None, error: FmcoreError | None = None) -> None:
        self.on_outcome(Outcome(number, None if error else result, error))

    def _hear(self, event: tuple[float, Any]) -> None:
        """What a worker has told about frames; of jobs that are over it is old news."""
        key, done, total = event[1]
        if key in self.running:
            self.on_progress(self.running[key][0], done, total)

    def _abandon(self) -> None:
        """Stop what is still running: Dask forgets a task, but lets its thread go on."""
        if self.running:
            workers = list({worker for _, worker, _ in self.running.values()})
            self.client.cancel([future for _, _, future in self.running.values()])
            self.client.sync(
                self.client._run, stop, self.name, workers=workers, on_error="ignore", callback_timeout=CONNECT_S
            )
