"""Make a lesson: bundles, then segments, then the joined film with everything beside it.

What was made before and is still what is wanted is used again; what fails is reported, and the rest is kept,
so the next run goes on from there.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel

from fmcore import __version__
from fmcore.errors import FmcoreError, InputError, PlanError, RenderError
from fmcore.lesson.captions import Caption, Chapter, captions, srt, vtt, youtube_chapters
from fmcore.lesson.plan import LessonPlan
from fmcore.lesson.record import (
    RECORD_NAME,
    RECORD_SCHEMA,
    BundleRecord,
    LessonRecord,
    SceneRecord,
    read_record,
)
from fmcore.prepare import Wanted, look, make_all
from fmcore.render.assemble import join, still
from fmcore.render.cache import Store, file_digest
from fmcore.render.catalogue import find_scene
from fmcore.render.plan import ScenePlan, plan_scenes
from fmcore.render.run import Workers
from fmcore.render.spec import RenderSpec
from fmcore.render.takes import Footage, Shoot, paces_of
from fmcore.reporter import Reporter


@dataclass(frozen=True)
class Wish:
    """Where and how a plan shall become films.

    `folder` receives the lesson, or one film a scene where `apart`; bundles and the cache lie in `output`.
    """

    spec: RenderSpec
    output: Path
    folder: Path
    apart: bool = False
    data_dir: Path | None = None
    jobs: int | None = None

    @property
    def workers(self) -> int:
        return self.jobs or os.cpu_count() or 1


@dataclass
class Made:
    """What came of it: the files, the scenes rendered anew, and what failed, by scene."""

    films: list[Path] = field(default_factory=list)
    rendered: list[str] = field(default_factory=list)
    failed: dict[str, FmcoreError] = field(default_factory=dict)
    bundles_made: list[Path] = field(default_factory=list)
    frames: int = 0

    @property
    def unchanged(self) -> bool:
        return not (self.rendered or self.failed or self.bundles_made)


def make_lesson(plan: LessonPlan, wish: Wish, report: Reporter) -> Made:
    """Make what `wish` says of `plan`.

    Raises:
        FmcoreError: a bundle could not be made, or a folder cannot be written. Scenes that fail do not raise:
            they are named in the result.
    """
    _must_be_writable(wish.output)
    _must_be_writable(wish.folder)
    made = Made()
    for entry in plan.scenes:
        find_scene(entry.scene)  # before anything is trained for it
    wanted = {name: look(recipe, wish.output / "bundles") for name, recipe in _used(plan).items()}
    bundles = _make_bundles(wanted, wish, report, made)

    store = Store(wish.output / "cache")
    store.folder.mkdir(parents=True, exist_ok=True)
    with _alone(store, wish, report):
        before = _scenes_before(wish)
        inputs = {position: scene.inputs for position, scene in before.items()}
        planned = plan_scenes(plan.scenes, bundles, wish.spec, store, inputs)
        footage = _shoot(planned, before, store, wish, report, made)
        if wish.apart:
            _films_apart(footage, store, wish, made)
        elif not made.failed:
            _one_film(plan, footage, store, bundles, wish, report, made)
    return made


@contextmanager
def _alone(store: Store, wish: Wish, report: Reporter) -> Iterator[None]:
    """Let two runs that write the same folder do so one after the other; the second finds everything made."""
    name = hashlib.sha256(str(wish.folder.resolve()).encode()).hexdigest()[:16]
    lock = FileLock(store.folder / f".{name}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        report.say(f"Another fmcore is writing '{wish.folder}'; this one goes on when that has ended.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _used(plan: LessonPlan) -> dict[str, Any]:
    """The recipes that a scene reads; two of the same path would overwrite each other."""
    used = {name for entry in plan.scenes for name in (entry.bundle, entry.other) if name}
    return {name: recipe for name, recipe in plan.bundles.items() if name in used}


def bundles_of(plan: LessonPlan, wish: Wish, report: Reporter) -> dict[str, Path]:
    """The bundles that the scenes of `plan` read, by name; those that are missing are made."""
    wanted = {name: look(recipe, wish.output / "bundles") for name, recipe in _used(plan).items()}
    return {name: path for name, (path, _) in _make_bundles(wanted, wish, report, Made()).items()}


def _make_bundles(
    wanted: Mapping[str, Wanted], wish: Wish, report: Reporter, made: Made
) -> dict[str, tuple[Path, str]]:
    """Path and digest of every bundle by name."""
    claimed: dict[Path, str] = {}
    for name, one in wanted.items():
        other = claimed.setdefault(one.path, name)
        if dict(wanted[other].made_from) != dict(one.made_from):
            raise PlanError(
                f"Bundles '{other}' and '{name}' of the plan differ and would both be '{one.path.name}';"
                " record one of them with `fmcore record --output` and name it by `file`."
            )
    stale = [one for one in wanted.values() if one.digest is None]
    for one in stale:
        report.say(f"Bundle {one.path.stem}: {one.reason}, so it is trained and recorded now.")
    made.bundles_made = [one.path for one in stale]
    digests = make_all(stale, wish.data_dir, report, wish.workers)
    return {name: (one.path, one.digest or digests[one.path]) for name, one in wanted.items()}


def _scenes_before(wish: Wish) -> dict[int, SceneRecord]:
    """The scenes of the last run by position; nothing where no record can be read."""
    try:
        return dict(enumerate(read_record(wish.folder).scenes))
    except InputError:
        return {}


def _shoot(
    planned: Sequence[ScenePlan],
    before: Mapping[int, SceneRecord],
    store: Store,
    wish: Wish,
    report: Reporter,
    made: Made,
) -> list[Footage]:
    """The pictures of every scene that did not fail, in order; what is missing is played and rendered."""
    shoot = Shoot(planned, store, wish.workers, report)
    if not shoot.fresh:
        for plan in shoot.plans.values():
            if not plan.fresh:
                report.say(f"{plan}")
        paces = {position: tuple(beat.end - one.start for beat in one.beats) for position, one in before.items()}
        try:
            with Workers(wish.workers) as crew:
                shoot.sketch(crew, paces_of(planned, {at: (one.inputs, paces[at]) for at, one in before.items()}))
                shoot.render(crew)
        finally:
            store.tidy()
            made.failed, made.rendered = shoot.failed, shoot.rendered
    return [footage for plan in planned if (footage := shoot.footage(plan)) is not None]


# -- the films -----------------------------------------------------------------------------------


def _films_apart(footage: Sequence[Footage], store: Store, wish: Wish, made: Made) -> None:
    for one in footage:
        name, title = one.plan.ref.name, one.performance.title
        told = captions(one.performance.beats)
        parts = _Parts(wish.folder)
        with parts:
            film = parts.path(f"{name}.mp4")
            join(_videos([one], store), film, wish.spec.fps, told, [Chapter(0, one.frames, title)], title)
            if told:
                parts.path(f"{name}.srt").write_text(srt(told, wish.spec.fps), encoding="utf-8")
        made.films.append(wish.folder / f"{name}.mp4")
        made.frames += one.frames


def _videos(footage: Sequence[Footage], store: Store) -> list[Path]:
    return [store.video(name) for one in footage for name in one.segments]


def _one_film(
    plan: LessonPlan,
    footage: Sequence[Footage],
    store: Store,
    bundles: Mapping[str, tuple[Path, str]],
    wish: Wish,
    report: Reporter,
    made: Made,
) -> None:
    made.frames = sum(one.frames for one in footage)
    made.films = [wish.folder / "lesson.mp4"]
    record = _record(plan, footage, bundles, wish)
    if made.unchanged and _is_complete(wish.folder, record):
        return
    report.say(f"Joining {len(footage)} scenes ...")
    fps = wish.spec.fps
    told: list[Caption] = []
    chapters: list[Chapter] = []
    start = 0
    for one in footage:
        told += captions(one.performance.beats, start)
        chapters.append(Chapter(start, start + one.frames, one.performance.title))
        start += one.frames
    parts = _Parts(wish.folder)
    with parts:
        film = parts.path("lesson.mp4")
        frames = join(_videos(footage, store), film, fps, told, chapters, plan.title)
        if frames != made.frames:
            raise RenderError(
                f"The film has {frames} frames where its scenes have {made.frames}; delete '{store.folder}'."
            )
        parts.path("lesson.srt").write_text(srt(told, fps), encoding="utf-8")
        parts.path("lesson.vtt").write_text(vtt(told, fps), encoding="utf-8")
        parts.path("chapters.txt").write_text(youtube_chapters(chapters, fps), encoding="utf-8")
        still(film, _poster_frame(footage), fps, parts.path("poster.png"))
        record = record.model_copy(update={"files": {path.name: file_digest(path) for path in parts.written}})
        parts.path(RECORD_NAME).write_text(record.as_json(), encoding="utf-8")


def _poster_frame(footage: Sequence[Footage]) -> int:
    """The last frame of the beat that shows most figures."""
    best, frame, start = -1, 0, 0
    for one in footage:
        figures = [figure.frame for figure in one.performance.figures]
        for beat in one.performance.beats:
            if (count := figures.count(beat.end - 1)) > best:
                best, frame = count, start + beat.end - 1
        start += one.frames
    return frame


def _record(
    plan: LessonPlan, footage: Sequence[Footage], bundles: Mapping[str, tuple[Path, str]], wish: Wish
) -> LessonRecord:
    """The record of a lesson, all but the digests of its files."""
    scenes, start = [], 0
    for entry, one in zip(plan.scenes, footage, strict=True):
        performance = one.performance
        scenes.append(
            SceneRecord(
                scene=one.plan.ref.name,
                title=performance.title,
                bundle=entry.bundle,
                other=entry.other,
                options=entry.options,
                start=start,
                end=start + one.frames,
                beats=tuple(_moved(beat, start=start, end=start) for beat in performance.beats),
                figures=tuple(_moved(figure, frame=start) for figure in performance.figures),
                claims=performance.claims,
                segments=one.segments,
                inputs=dict(one.plan.inputs),
            )
        )
        start += one.frames
    return LessonRecord(
        schema_version=RECORD_SCHEMA,
        fmcore=__version__,
        title=plan.title,
        settings=wish.spec.model_dump(mode="json"),
        frames=start,
        seconds=start / wish.spec.fps,
        scenes=tuple(scenes),
        bundles={name: _bundle_record(path, digest) for name, (path, digest) in bundles.items()},
    )


M = TypeVar("M", bound=BaseModel)


def _moved(one: M, **frames: int) -> M:
    """`one` with these numbers of frames added to its own."""
    return one.model_copy(update={name: getattr(one, name) + more for name, more in frames.items()})


def _bundle_record(path: Path, digest: str) -> BundleRecord:
    from fmcore.bundle import Bundle

    with Bundle.open(path) as bundle:
        header = bundle.header
        return BundleRecord(
            file=path.name,
            sha256=digest,
            model=header.model.name,
            data=header.dataset.name,
            provenance=header.dataset.provenance,
            test_accuracy=header.test_accuracy,
            versions=header.versions,
        )


def _is_complete(folder: Path, record: LessonRecord) -> bool:
    """Whether the lesson that `record` describes lies in `folder`, every file as it was written."""
    try:
        there = read_record(folder)
        return there.model_copy(update={"files": {}}) == record and all(
            file_digest(folder / name) == digest for name, digest in there.files.items()
        )
    except (InputError, OSError):
        return False


class _Parts:
    """Files written in a hidden folder first; they move to their places together, or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hidden = folder / f".part-{os.getpid()}"
        self.written: list[Path] = []

    def __enter__(self) -> None:
        self._hidden.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        self.written.append(self._hidden / name)
        return self.written[-1]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None:
                for path in self.written:
                    path.replace(self._folder / path.name)
        except OSError as failure:
            raise RenderError(
                f"The film cannot be put into '{self._folder}' ({failure}); mend that and run again."
            ) from None
        finally:
            shutil.rmtree(self._hidden, ignore_errors=True)
        if isinstance(error, OSError):
            raise RenderError(f"The film cannot be written to '{self._folder}' ({error}); free some space.") from None


def _must_be_writable(folder: Path) -> None:
    probe = folder / f".writable-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"The output folder '{folder}' cannot be written ({error.strerror}); name another one with --output."
        ) from None
