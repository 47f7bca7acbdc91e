"""The finished films: segments joined, with captions, chapters, poster and record beside them, all or nothing."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from fmcore import __version__
from fmcore.errors import InputError, RenderError
from fmcore.files import distinct_names, lives
from fmcore.lesson.brief import Sound
from fmcore.lesson.captions import Caption, Chapter, captions, srt, vtt, youtube_chapters
from fmcore.lesson.plan import LessonPlan
from fmcore.lesson.record import (
    POSTER_NAME,
    RECORD_NAME,
    RECORD_SCHEMA,
    BundleRecord,
    LessonRecord,
    SceneRecord,
    read_record,
)
from fmcore.lesson.voice import LEAD_S, Heard, Voice, plain
from fmcore.lesson.words import Words, has_words, taken_out
from fmcore.page.companions import companions, maker
from fmcore.render.assemble import is_ours, join, still
from fmcore.render.cache import Store, file_digest
from fmcore.render.spec import RenderSpec, ending
from fmcore.render.takes import Footage
from fmcore.reporter import Reporter

FILM_NAME = "lesson.mp4"
# what a lesson has under names that somebody may have used already
_BESIDE = (FILM_NAME, "notes.md", "page.html", POSTER_NAME, "chapters.txt", "lesson.srt", "lesson.vtt")
_LANGUAGES = {  # of ISO 639: codes of two letters and, for MP4 files, of three
    "ar": "ara", "bg": "bul", "bn": "ben", "ca": "cat", "cs": "ces", "da": "dan", "de": "deu", "el": "ell",
    "en": "eng", "es": "spa", "et": "est", "eu": "eus", "fa": "fas", "fi": "fin", "fr": "fra", "gl": "glg",
    "he": "heb", "hi": "hin", "hr": "hrv", "hu": "hun", "id": "ind", "it": "ita", "ja": "jpn", "ko": "kor",
    "lt": "lit", "lv": "lav", "ms": "msa", "nl": "nld", "no": "nor", "pl": "pol", "pt": "por", "ro": "ron",
    "ru": "rus", "sk": "slk", "sl": "slv", "sr": "srp", "sv": "swe", "th": "tha", "tr": "tur", "uk": "ukr",
    "ur": "urd", "vi": "vie", "zh": "zho",
}  # fmt: skip


def names_apart(scenes: Iterable[str], spec: RenderSpec, words: Words | None = None, networks: str = "") -> list[str]:
    """What films of single `scenes` are called: `networks` follows the scene's name, and equal ones are numbered."""
    return distinct_names(f"{scene}{networks}{ending(spec, words)}.mp4" for scene in scenes)


def require_places(folder: Path, names: Iterable[str]) -> None:
    """See that films of these `names`, with the captions beside them, are written over nothing but older ones.

    Raises:
        InputError: there is a film of somebody else's, or captions without one.
    """
    for film in (folder / name for name in names):
        for there, what in ((film, "is"), (film.with_suffix(".srt"), "belongs to")):
            if there.exists() and not is_ours(film):
                raise InputError(
                    f"'{there}' is there already and {what} no film of fmcore; move it away, or name another --output."
                )


def require_lesson(folder: Path) -> None:
    """See that what a lesson would be written over in `folder` is an older one, and nothing of somebody's own.

    Raises:
        InputError: it is.
    """
    own = [name for name in _BESIDE if (folder / name).exists()]
    if own and not (folder / RECORD_NAME).exists() and not is_ours(folder / FILM_NAME):
        raise InputError(
            f"The folder '{folder}' holds '{own[0]}' and no lesson, and a lesson would be written over it;"
            " give the lesson another title, or name another --output."
        )


def what_is_replaced(folder: Path, title: str, spec: RenderSpec, words: Words | None = None) -> str:
    """A sentence about the lesson in `folder` if it is another one than that called `title`, or looks otherwise."""
    try:
        there = read_record(folder)
    except InputError:
        return ""
    quality = there.settings.get("quality")
    if there.title != _said(title, words):
        what, keeps = f"the lesson “{there.title}”, and this one", "a plan of another file name, or another --output,"
    elif quality != spec.quality:
        what, keeps = f"this lesson in {quality} quality, and that in {spec.quality}", "another --output"
    elif there.settings != spec.model_dump(mode="json"):
        what, keeps = "this lesson encoded or coloured otherwise, and this one", "another --output"
    else:
        return ""
    return f"'{folder}' holds {what} takes its place; {keeps} keeps both."


def films_apart(
    footage: Sequence[Footage],
    store: Store,
    spec: RenderSpec,
    folder: Path,
    words: Words | None = None,
    voice: Voice | None = None,
    networks: str = "",
) -> list[Path]:
    """Write one film a scene into `folder`, called as `names_apart` says, with its captions beside it."""
    names = names_apart((one.plan.ref.name for one in footage), spec, words, networks)
    for name, one in zip(names, footage, strict=True):
        title = one.performance.title
        told = captions(one.performance.said)
        parts = _Parts(folder)
        with parts:
            film = parts.path(name)
            chapters = [Chapter(0, one.frames, title)]
            sounds = (*one.performance.sounds, *_spoken(one, voice, spec.fps))
            join(_videos([one], store), film, spec.fps, told, chapters, title, _iso(words), sounds)
            if told:
                parts.path(Path(name).with_suffix(".srt").name).write_text(srt(told, spec.fps), encoding="utf-8")
    return [folder / name for name in names]


def _videos(footage: Sequence[Footage], store: Store) -> list[Path]:
    return [store.video(name) for one in footage for name in one.segments]


def one_film(
    record: LessonRecord,
    footage: Sequence[Footage],
    store: Store,
    spec: RenderSpec,
    folder: Path,
    bundles: Mapping[str, Path],
    report: Reporter,
    voice: Voice | None = None,
) -> None:
    """Write the film of all scenes into `folder`, with all that belongs beside it and the record of it.

    Raises:
        RenderError: the segments are not what their records say, or the folder cannot be written.
    """
    fps = spec.fps
    told: list[Caption] = []
    chapters: list[Chapter] = []
    sounds: list[Sound] = []
    start = 0
    for scene, one in zip(record.scenes, footage, strict=True):
        told += captions(one.performance.said, start)
        later_s = start / fps
        heard = (*one.performance.sounds, *_spoken(one, voice, fps))
        sounds += [sound.model_copy(update={"start_s": sound.start_s + later_s}) for sound in heard]
        chapters.append(Chapter(start, start + one.frames, scene.title))
        start += one.frames
    parts = _Parts(folder)
    with parts:
        film = parts.path(FILM_NAME)
        frames = join(_videos(footage, store), film, fps, told, chapters, record.title, _iso(record.words), sounds)
        if frames != record.frames:
            raise RenderError(
                f"The film has {frames} frames where its scenes have {record.frames}; delete '{store.folder}'."
            )
        parts.path("lesson.srt").write_text(srt(told, fps), encoding="utf-8")
        parts.path("lesson.vtt").write_text(vtt(told, fps), encoding="utf-8")
        parts.path("chapters.txt").write_text(youtube_chapters(chapters, fps), encoding="utf-8")
        if len(chapters) < 3 or any(one.end - one.start < 10 * fps for one in chapters):
            report.say("YouTube shows chapters only where there are three or more of 10 seconds or more each.")
        still(film, _poster_frame(footage), fps, parts.path(POSTER_NAME))
        beside = companions(record, bundles, FILM_NAME, report)
        for name, content in beside.files.items():
            parts.path(name).write_bytes(content)
        digests = {path.name: file_digest(path) for path in parts.written}
        record = record.model_copy(update={"files": digests, "page_texts": beside.texts})
        parts.path(RECORD_NAME).write_text(record.as_json(), encoding="utf-8")


def _spoken(footage: Footage, voice: Voice | None, fps: int) -> Iterator[Sound]:
    """The recordings of a scene's sentences, each where its beat begins."""
    for beat in footage.performance.beats:
        if voice is not None and (one := voice.of(beat.say)) is not None:
            yield Sound(
                file=one.file,
                sha256=one.sha256,
                start_s=beat.start / fps + LEAD_S,
                from_s=one.from_s,
                length_s=one.seconds,
            )


def _said(text: str, words: Words | None) -> str:
    """What somebody has written into a plan, in the language of the lesson."""
    return text if words is None else words.of(text)


def _iso(words: Words | None) -> str:
    """The language of three letters, as MP4 files want it; "und" where that of the words is not known here."""
    code = words.language.partition("-")[0].lower() if words is not None else "en"
    return code if len(code) == 3 else _LANGUAGES.get(code, "und")


def _poster_frame(footage: Sequence[Footage]) -> int:
    """What the first scene says that has a poster, else the last frame of the beat that shows most figures."""
    best, frame, start = -1, 0, 0
    for one in footage:
        if one.performance.poster is not None:
            return start + one.performance.poster
        figures = [figure.frame for figure in one.performance.figures]
        for beat in one.performance.beats:
            if (count := figures.count(beat.end - 1)) > best:
                best, frame = count, start + beat.end - 1
        start += one.frames
    return frame


def record_of(
    plan: LessonPlan,
    footage: Sequence[Footage],
    bundles: Mapping[str, tuple[Path, str]],
    spec: RenderSpec,
    words: Words | None = None,
    voice: Voice | None = None,
) -> LessonRecord:
    """The record of a lesson, all but the digests of its files."""
    scenes, start = [], 0
    for entry, one in zip(plan.scenes, footage, strict=True):
        performance = one.performance
        scenes.append(
            SceneRecord(
                scene=one.plan.ref.name,
                title=_said(entry.chapter, words) or performance.title,
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
                sounds=tuple(sound.sha256 for sound in performance.sounds),
                texts=(*performance.texts, *filter(has_words, [taken_out(entry.chapter)[0]])),
            )
        )
        start += one.frames
    return LessonRecord(
        schema_version=RECORD_SCHEMA,
        fmcore=__version__,
        title=_said(plan.title, words),
        words=words,
        voice=_voice_record(footage, voice),
        settings=spec.model_dump(mode="json"),
        frames=start,
        seconds=start / spec.fps,
        scenes=tuple(scenes),
        bundles={name: _bundle_record(path, digest) for name, (path, digest) in bundles.items()},
        page=maker() if bundles else "",
    )


def _voice_record(footage: Sequence[Footage], voice: Voice | None) -> dict[str, Heard] | None:
    """The recordings that are heard in the film, by sentence; None where nobody tells it."""
    if voice is None:
        return None
    said = {plain(beat.say): voice.of(beat.say) for one in footage for beat in one.performance.beats}
    return {
        text: Heard(sha256=one.sha256, seconds=one.seconds, loudness=one.loudness)
        for text, one in said.items()
        if one is not None
    }


M = TypeVar("M", bound=BaseModel)


def _moved(one: M, **frames: int) -> M:
    """`one` with these numbers of frames added to its own."""
    return one.model_copy(update={name: getattr(one, name) + more for name, more in frames.items()})


def _from_here(path: Path) -> str | None:
    """`path` from the working folder; None where it leads out of that, since a record tells no place of a machine."""
    here = Path.cwd().resolve()
    return path.resolve().relative_to(here).as_posix() if path.resolve().is_relative_to(here) else None


def _bundle_record(path: Path, digest: str) -> BundleRecord:
    from fmcore.bundle import Bundle

    with Bundle.open(path) as bundle:
        header = bundle.header
        return BundleRecord(
            file=path.name,
            path=_from_here(path),
            sha256=digest,
            model=header.model.name,
            data=header.dataset.name,
            provenance=header.dataset.provenance,
            test_accuracy=header.test_accuracy,
            versions=header.versions,
        )


def is_complete(folder: Path, record: LessonRecord) -> bool:
    """Whether the lesson that `record` describes lies in `folder`, every file as it was written."""
    try:
        there = read_record(folder)
        return there.model_copy(update={"files": {}, "page_texts": ()}) == record and all(
            file_digest(folder / name) == digest for name, digest in there.files.items()
        )
    except (InputError, OSError):
        return False


class _Parts:
    """Files written in a hidden folder first, which move to their places when all are there and nothing is in the way.

    An older record goes first and the new one comes last: whatever ends this in between, no record tells of files that
    are not those.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hidden = folder / f".part-{os.getpid()}"
        self.written: list[Path] = []

    def __enter__(self) -> None:
        for left in self._folder.glob(".part-*"):
            process = left.name.removeprefix(".part-")
            if re.fullmatch("[0-9]{1,9}", process) and not lives(int(process)):
                shutil.rmtree(left, ignore_errors=True)
        self._hidden.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        self.written.append(self._hidden / name)
        return self.written[-1]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None:
                places = [self._folder / path.name for path in self.written]
                if taken := next((place for place in places if place.exists() and not place.is_file()), None):
                    raise RenderError(
                        f"'{taken}' is no ordinary file, and one is to be written there; move it away and run again."
                    )
                for place in places:
                    if place.name == RECORD_NAME:
                        place.unlink(missing_ok=True)
                for path, place in zip(self.written, places, strict=True):
                    path.replace(place)
        except OSError as failure:
            raise RenderError(
                f"The film cannot be put into '{self._folder}' ({failure}); mend that and run again."
            ) from None
        finally:
            shutil.rmtree(self._hidden, ignore_errors=True)
        if isinstance(error, OSError):
            raise RenderError(f"The film cannot be written to '{self._folder}' ({error}); free some space.") from None
