"""Do work again whenever a file that it is made from is saved with another content."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Self

import click
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

from fmcore.errors import FmcoreError
from fmcore.lesson.plan import LessonPlan
from fmcore.render.cache import Store, path_digest, read_files
from fmcore.render.catalogue import SceneRef, find_scene, list_scenes
from fmcore.render.sources import Sources
from fmcore.reporter import Reporter

_SETTLED_S = 0.2  # an editor that saves writes, renames and removes; what is the same for so long is saved
_LOOK_S = 1.0  # where the system tells of no saves, as on network shares, files are looked at so often: 0.3 ms for 70
_PAUSE_S = 0.05  # between two looks, however much happens in a folder
_READING = ("opened", "closed_no_write")  # events that change nothing
# What a scene may read, so that it fails without
_READ = frozenset(
    (".py", ".csv", ".jpeg", ".jpg", ".json", ".mp3", ".npy", ".npz", ".ogg", ".png", ".svg", ".toml", ".txt", ".wav",
     ".webp")
)  # fmt: skip
_YOUNG_NS = 2_000_000_000  # file systems may give two saves in so short a time the same time of change

Contents = dict[Path, str | None]


def watch(
    paths: Callable[[], set[Path]],
    again: Callable[[Reporter], None],
    reporting: Callable[[], AbstractContextManager[Reporter]],
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Do `again` now, and after every save of one of `paths`, until Ctrl-C comes or `stop` says so.

    `paths` is asked anew before and after every run. A save during a run starts one more afterwards; several in a
    moment start one. A touch starts none. After a run that failed, any file beside those watched that a scene may read
    counts too, since it may be the one that was missing. Every run has a reporter of its own; why one failed is told
    on standard error.
    """
    with suppress(KeyboardInterrupt), _Events() as events:
        digests = _Digests()
        watched, well, changed = set[Path](), True, set[Path]()
        while True:
            watched = paths() | (set() if well else watched)
            events.listen(watched)  # first, so that no save falls between
            begun = digests.of(watched | _beside(watched, {".py"}))
            well, after = _run(again, reporting, changed, paths)
            watched |= after
            before = _as_begun(begun, digests.of(_and_neighbours(watched, not well)))
            while not stop():
                events.listen(watched)
                now = digests.of(_and_neighbours(watched, not well))
                if _changed(before, now):
                    changed = _changed(before, _settled(digests, now))
                    if changed:
                        break
                events.wait()
            else:
                return


def files_of(read: Callable[[], LessonPlan], said_in: Iterable[Path], output: Path) -> set[Path]:
    """The files that a lesson is made from: those that it is `said_in`, its plan and a translation, the sources of its
    scenes with what these read when they were last played, and those that its bundles name.

    `read` gives the plan. What cannot be read now is left out, but for these files; making the lesson tells why.
    """
    found = set(said_in)
    try:
        plan = read()
    except FmcoreError:
        return found
    known = _installed() if any(".py" not in entry.scene for entry in plan.scenes) else {}
    sources = Sources(output / "cache")
    played = _played(Store(output / "cache"))
    for name in {entry.scene for entry in plan.scenes}:
        try:
            ref = known.get(name) or find_scene(name)
            found.update(sources.files(ref), played.get(ref.name, ()))
        except (FmcoreError, OSError):
            file, is_file, _ = name.partition(".py")
            found.update({Path(f"{file}.py")} if is_file else ())
    used = {name for entry in plan.scenes for name in (entry.bundle, entry.other)}
    for recipe in (recipe for name, recipe in plan.bundles.items() if name in used):
        named = (recipe.file,) if recipe.file is not None else (recipe.weights, *recipe.images)
        found.update(Path(file) for file in named if file is not None and Path(file).suffix)
    return found


def _played(store: Store) -> dict[str, tuple[Path, ...]]:
    """The files that scenes read, or were heard with, when they were last played; by the scene's name."""
    with suppress(OSError):
        takes = sorted((path.stat().st_mtime_ns, path) for path in store.folder.glob("*.take.json"))
        return dict(one for written, path in takes if (one := _read_by(path, written)) is not None)
    return {}


@lru_cache(maxsize=1024)  # some milliseconds a take
def _read_by(path: Path, written: int) -> tuple[str, tuple[Path, ...]] | None:
    """The scene of the take in a file that was written then, and the files that it read."""
    take = Store(path.parent).any_take(path)
    return None if take is None else (take.scene, tuple(path for path, _ in read_files(take.sketch)))


def _installed() -> dict[str, SceneRef]:
    """The installed scenes by name, listed once for all: 0.1 s. None of them while a file is no valid Python."""
    try:
        return {ref.name: ref for ref in list_scenes()}
    except (FmcoreError, OSError):
        return {}


def _run(
    again: Callable[[Reporter], None],
    reporting: Callable[[], AbstractContextManager[Reporter]],
    changed: set[Path],
    paths: Callable[[], set[Path]],
) -> tuple[bool, set[Path]]:
    """Whether it went well, and what `paths` are now."""
    after: set[Path] = set()
    failure: FmcoreError | OSError | None = None
    try:
        with reporting() as report:
            if changed:
                names = sorted({path.name for path in changed})
                report.say(f"{', '.join(names[:3])}{f' and {len(names) - 3} more' * (len(names) > 3)} changed.")
            try:
                again(report)
            except BrokenPipeError:
                raise
            except (FmcoreError, OSError) as error:
                failure = error
                _tell(error)
            after = paths()
            there = sum(path.exists() for path in after)  # others may come
            report.say(f"Watching {there} file{'s' * (there != 1)}; Ctrl-C ends it.")
            if failure is not None:
                raise failure  # its reporter shall know
    except (FmcoreError, OSError) as error:
        if error is not failure:
            raise
    return failure is None, after


def _tell(error: FmcoreError | OSError) -> None:
    if isinstance(error, FmcoreError):
        error.show()
    else:
        click.echo(f"Error: {error.strerror or error} ({error.filename or 'no file named'}).", err=True)


# -- what is in files ----------------------------------------------------------------------------


class _Digests:
    """Digests of files; one is read again only where its size or a time of it is another."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}

    def of(self, paths: Iterable[Path]) -> Contents:
        """Of every path, None where there is no file to be read."""
        return {path: self._digest(path) for path in paths}

    def _digest(self, path: Path) -> str | None:
        try:
            stat = path.stat()
            sign = stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino
            if path in self._known and self._known[path][0] == sign:
                return self._known[path][1]
            digest = path_digest(path)
        except OSError:
            return None
        if time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) > _YOUNG_NS:
            self._known[path] = sign, digest
        return digest


def _as_begun(begun: Contents, now: Contents) -> Contents:
    """The files of `now` as they were when the run began.

    A Python file beside those known then was not there yet. Whatever else is new, such as what the run itself has made,
    counts as it is.
    """
    folders = {path.parent for path in begun}
    return {
        path: begun.get(path, None if path.suffix == ".py" and path.parent in folders else digest)
        for path, digest in now.items()
    }


def _changed(before: Contents, now: Contents) -> set[Path]:
    return {path for path in before | now if before.get(path) != now.get(path)}


def _settled(digests: _Digests, now: Contents) -> Contents:
    """The contents once they stay as they are."""
    before: Contents | None = None
    while now != before:
        before = now
        time.sleep(_SETTLED_S)
        now = digests.of(before)
    return now


def _and_neighbours(paths: set[Path], wanted: bool) -> set[Path]:
    """`paths`, and if `wanted` every file beside one of them that a scene may read."""
    return paths | (_beside(paths, _READ) if wanted else set())


def _beside(paths: set[Path], suffixes: AbstractSet[str]) -> set[Path]:
    """The files with one of these suffixes in the folders of `paths`."""
    found = (file for folder in {path.parent for path in paths} for file in _listed(folder))
    return {file for file in found if file.suffix.lower() in suffixes and not file.name.startswith(".")}


def _listed(folder: Path) -> list[Path]:
    """What is in `folder`; nothing where it cannot be listed, or has just gone."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


# -- when to look --------------------------------------------------------------------------------


class _Events(FileSystemEventHandler):
    """Knows when something happens in folders; where the system does not tell, every second."""

    def __init__(self) -> None:
        self._news = threading.Event()
        self._observer = Observer()
        self._heard: dict[tuple[Path, int], ObservedWatch | None] = {}

    def __enter__(self) -> Self:
        logging.getLogger("watchdog").setLevel(logging.CRITICAL)  # now and then it complains when it is stopped
        with suppress(OSError):  # such as too many of them on this machine
            self._observer.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type not in _READING:
            self._news.set()

    def listen(self, paths: set[Path]) -> None:
        """Listen in the folders of `paths`, and where a path is a link, of what it leads to."""
        folders = {path.absolute().parent for path in paths} | {path.resolve().parent for path in paths}
        wanted = {(folder, inode) for folder in map(_there, folders) if (inode := _inode(folder))}
        for gone in set(self._heard) - wanted:
            watch = self._heard.pop(gone)
            if watch is not None:
                with suppress(OSError, KeyError):
                    self._observer.unschedule(watch)
        for new in wanted - set(self._heard):
            self._heard[new] = None
            with suppress(OSError):
                self._heard[new] = self._observer.schedule(self, os.fspath(new[0]))

    def wait(self) -> None:
        """Until something happens, or a second is over."""
        self._news.wait(_LOOK_S)
        time.sleep(_PAUSE_S)
        self._news.clear()


def _inode(folder: Path) -> int:
    """Its number, since a folder that is made anew is another; 0 where it has just gone."""
    try:
        return folder.stat().st_ino
    except OSError:
        return 0


def _there(folder: Path) -> Path:
    """`folder`, or the nearest one above that exists."""
    return next(one for one in (folder, *folder.parents) if one.is_dir())
