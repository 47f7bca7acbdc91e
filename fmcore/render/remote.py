"""A job on another machine: what is sent with it, and how a worker of a Dask scheduler does it.

Bundles arrive and stay; a job is done in a folder that goes with it. Names of files are made from digests; of the
sources of a scene, which must keep theirs, none leads out of its folder.
"""

from __future__ import annotations

import hashlib
import pickle
import platform
import random
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from fmcore import __version__
from fmcore.errors import FmcoreError
from fmcore.render.cache import file_digest
from fmcore.render.catalogue import OURS, SceneRef, package_folder
from fmcore.render.plan import DRAWN_WITH
from fmcore.render.run import Job, OnFrames
from fmcore.render.sources import Sources

if TYPE_CHECKING:  # the scheduler reads this file too, and needs no manim
    from fmcore.render.worker import SegmentJob

TOPIC = "fmcore-frames"  # one for all runs: the scheduler remembers a thousand events of every topic for good
_TELL_EVERY_S = 0.1
_alone = threading.Lock()  # manim's configuration belongs to the process: one scene at a time, however many threads
_dice = random.Random()
_stopped: set[str] = set()  # names of runs that nobody waits for any more


@dataclass(frozen=True)
class Order:
    """A job as it is sent.

    `bundles` are digests, in the order of the job's own; `packages` those whose scenes are played; `sources` are files
    of a lone scene as (name in its folder, content), the scene's own first.
    """

    job: Job[Any]
    bundles: tuple[str | None, ...] = ()
    packages: tuple[str, ...] = ()
    sources: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Done:
    """What comes back of a job: its result or its error, and the film that it has written, if it writes one."""

    result: Any = None
    error: FmcoreError | None = None
    film: bytes | None = None
    sha256: str = ""  # of the film
    lacks: tuple[str, ...] = ()  # bundles that are not there any more; then nothing was done


class _Stopped(BaseException):
    """Nobody waits for the result. No error, so that a scene's `except Exception` does not hold it."""


def segment_of(job: Job[Any]) -> SegmentJob | None:
    """The part of `job` that names a scene, its bundles and its film; None where there is none."""
    segment: Any = getattr(job, "segment", job)
    known = isinstance(segment, BaseModel) and hasattr(segment, "brief")
    return cast("SegmentJob", segment) if known else None


def sources_of(segment: SegmentJob) -> tuple[tuple[str, bytes], ...]:
    """The file of a lone scene and then its neighbours that it imports, by their names in its folder."""
    folder = segment.path.parent
    ref = SceneRef(segment.scene, segment.path, None, "", "")
    known = [root for name in OURS if (root := package_folder(name)) is not None]
    own = [
        path
        for path in Sources(segment.target.parent).files(ref)
        if path.is_relative_to(folder) and not any(path.is_relative_to(root) for root in known)
    ]
    names = [segment.path, *sorted({*own} - {segment.path})]
    return tuple((path.relative_to(folder).as_posix(), path.read_bytes()) for path in names)


# -- versions ------------------------------------------------------------------------------------


def described(packages: Sequence[str], dask_worker: Any = None) -> dict[str, str]:
    """What frames depend on in a process: versions, and digests of the source code of `packages`.

    Code that has changed since a worker was first asked counts as it was: the worker has loaded that.
    """
    code_digest = _code_digest if dask_worker is None else _first_code_digest
    import cairo
    import manimpango

    found = {
        "fmcore": __version__,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "system": f"{platform.system()} {platform.machine()}",
        **{name: _version(name) for name in (*DRAWN_WITH, "distributed")},
        "cairo": cairo.cairo_version_string(),  # pycairo and manimpango may be built with others
        "pango": manimpango.pango_version(),
    }
    return {**found, **{f"source code of {name}": code_digest(name) for name in packages}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _code_digest(package: str) -> str:
    folder = package_folder(package)
    if folder is None:
        return "none"
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{file_digest(path)}\0".encode())
    return digest.hexdigest()[:12]


_first_code_digest = cache(_code_digest)


def difference(worker: str, here: Mapping[str, str], found: Any) -> str | None:
    """Why `worker` may draw other frames than this machine, if it may."""
    if not isinstance(found, dict):
        return f"Worker {worker} has no such fmcore ({found}); install the same there as here."
    for name, wanted in here.items():
        if (there := found.get(name, "none")) != wanted:
            return (
                f"Worker {worker} has {name} {there} where this machine has {wanted}, so its frames may differ;"
                " install the same on all machines and start it again."
            )
    return None


# -- bundles -------------------------------------------------------------------------------------


def has(digest: str, dask_worker: Any) -> bool:
    """Whether the bundle is here."""
    return _kept(dask_worker, digest).is_file()


def receive(name: str, chunk: bytes, dask_worker: Any) -> bool:
    """Add `chunk` to what is arriving under `name`."""
    with _arriving(dask_worker, name).open("ab") as file:
        file.write(chunk)
    return True


def keep(name: str, digest: str, dask_worker: Any) -> bool:
    """Keep what has arrived under `name` if it is the bundle of this digest."""
    arrived = _arriving(dask_worker, name)
    if file_digest(arrived) == digest:
        arrived.replace(_kept(dask_worker, digest))
        return True
    arrived.unlink()
    return False


def _kept(worker: Any, digest: str) -> Path:
    return _folder(worker) / f"{_hex(digest)}.safetensors"


def _arriving(worker: Any, name: str) -> Path:
    return _folder(worker) / f".{_hex(name)}.part"


def _folder(worker: Any) -> Path:
    """Our folder in that of `worker`, which Dask removes with it."""
    folder = Path(worker.local_directory) / "fmcore"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _hex(name: str) -> str:
    if re.fullmatch("[0-9a-f]{32,64}", name) is None:
        raise ValueError(f"{name!r} is no digest")
    return name


# -- jobs ----------------------------------------------------------------------------------------


def stop(run: str) -> None:
    """Let the jobs of `run` end at their next frame."""
    _stopped.add(run)


def work(key: str, run: str, payload: bytes) -> Done:
    """Do the job in `payload`; it is bytes so that the scheduler, which opens what it passes on, needs no manim."""
    from distributed import get_worker

    worker = get_worker()
    with _alone:
        _leave_random_alone()
        order: Order = pickle.loads(payload)
        lacks = tuple(digest for digest in order.bundles if digest is not None and not has(digest, worker))
        if lacks:
            return Done(lacks=lacks)
        with _scratch(_folder(worker)) as scratch:
            job, names = _here(order, worker, scratch)
            try:
                result = job.run(_teller(worker, key, run))
            except _Stopped:
                return Done()
            except FmcoreError as error:
                return Done(error=_told_there(error, names))
            target = scratch / "film.mp4"
            if not target.is_file():
                return Done(result)
            film = target.read_bytes()
            return Done(result, film=film, sha256=hashlib.sha256(film).hexdigest())


def _told_there(error: FmcoreError, names: Mapping[str, str]) -> FmcoreError:
    """`error` with the names that files have where it will be read, for what is here is gone by then."""

    def told(text: str) -> str:
        for here, there in names.items():
            text = text.replace(here, there)
        return text

    found = type(error)(told(error.message))
    found.trace, found.printed = told(error.trace), told(error.printed)
    return found


def _leave_random_alone() -> None:
    """Give Dask a generator of its own: its threads draw from the shared one, which scenes have seeded."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("dask", "distributed", "tornado"):
            if getattr(module, "random", None) is random:
                vars(module)["random"] = _dice
            if getattr(module, "randint", None) == random.randint:
                vars(module)["randint"] = _dice.randint


def _teller(worker: Any, key: str, run: str) -> OnFrames:
    told = 0.0

    def on_frames(done: int, total: int | None) -> None:
        nonlocal told
        if run in _stopped:
            raise _Stopped
        if (now := time.monotonic()) - told > _TELL_EVERY_S or done == total:
            told = now
            with suppress(Exception):  # frames count more than news of them
                worker.log_event(TOPIC, (key, done, total))

    return on_frames


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder for one job, where its temporary files go too: the worker's is removed even if the worker is killed."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="job-", dir=folder, ignore_cleanup_errors=True) as scratch:
        tempfile.tempdir = scratch
        try:
            yield Path(scratch)
        finally:
            tempfile.tempdir = before


def _here(order: Order, worker: Any, scratch: Path) -> tuple[Job[Any], Mapping[str, str]]:
    """The job with the paths that it has on this machine, and what was there before them, for sentences."""
    segment = segment_of(order.job)
    if segment is None:
        return order.job, {}
    brief = segment.brief
    paths = [_kept(worker, digest) if digest is not None else None for digest in order.bundles]
    pairs = [(here, there) for here, there in zip(paths, (brief.bundle, brief.other), strict=True) if here and there]
    names = {str(here): str(there) for here, there in pairs} | {here.name: there.name for here, there in pairs}
    more: dict[str, Any] = {
        "brief": brief.model_copy(update={"bundle": paths[0], "other": paths[1]}),
        "target": scratch / "film.mp4",
    }
    if segment.module is None:
        more["path"] = _unpacked(order.sources, scratch / "scene")
        names[str(scratch / "scene")] = str(segment.path.parent)
    elif (root := package_folder(order.packages[0])) is not None:
        more["path"] = root.joinpath(*segment.module.split(".")[1:]).with_suffix(".py")
    segment = segment.model_copy(update=more)
    job: Any = order.job
    return (job.model_copy(update={"segment": segment}) if hasattr(job, "segment") else segment), names


def _unpacked(sources: Sequence[tuple[str, bytes]], folder: Path) -> Path:
    """Write the sources of a lone scene; return the file of the scene itself."""
    for name, content in sources:
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{name!r} leads out of its folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / sources[0][0]
