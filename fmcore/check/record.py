"""A record is held against what it tells of: its scenes, played again, the film's length and the files beside it.

Nothing is proved by a record alone, since it is a text that anybody can edit.
"""

import hashlib
from collections.abc import Iterator, Sequence
from math import isclose
from pathlib import Path

from fmcore.analysis.saying import counted
from fmcore.check.findings import Finding, found
from fmcore.check.maps import name_of
from fmcore.check.planes import length_of
from fmcore.errors import InputError
from fmcore.lesson.brief import Figure
from fmcore.lesson.claims import SpokenClaim
from fmcore.lesson.record import POSTER_NAME, LessonRecord, SceneRecord
from fmcore.lesson.script import TimedBeat
from fmcore.lesson.storyboard import Storyboard

RULE, WHOLE, FILES = "record differs", "film not whole", "file changed"
_SAME = 1e-4  # relative: machines sum up in another order
_LEAST = 1e-7  # absolute, for what may come out as nothing
_MOVED = 1e-4  # of the frame, by which a picture may stand elsewhere
_MOST = 120  # characters of a sentence that is quoted
_ALWAYS = (POSTER_NAME, "chapters.txt", "lesson.srt", "lesson.vtt")  # besides the film
_MAYBE = ("notes.md", "page.html")  # where there is a bundle


def record_findings(board: Storyboard, recorded: SceneRecord, changed: bool) -> Iterator[Finding]:
    """How the scene of `board` differs from what is `recorded` of it, in one sentence.

    `changed` says whether the scene's source is another by now.
    """
    figures = figures_of(recorded)
    shown = board.performance
    differences = [
        *_in_beats(shown.beats, beats_of(recorded)),
        *_in_claims(shown.claims, recorded.claims),
        *_in_figures(shown.figures, figures),
    ]
    if differences:
        beat, why = differences[0]
        what = (
            "The scene was changed after the film was made"
            if changed
            else "Played again, the scene is not what its record says"
        )
        more = f" (and {counted(len(differences) - 1, 'more difference')})" if len(differences) > 1 else ""
        yield found(board, RULE, f"{what}: {why}{more}; make the lesson again.", beat)


def beats_of(recorded: SceneRecord) -> tuple[TimedBeat, ...]:
    """The beats of a scene with their frames counted from its own start."""
    start = recorded.start
    return tuple(one.model_copy(update={"start": one.start - start, "end": one.end - start}) for one in recorded.beats)


def figures_of(recorded: SceneRecord) -> tuple[Figure, ...]:
    """The figures of a scene with their frames counted from its own start."""
    return tuple(one.model_copy(update={"frame": one.frame - recorded.start}) for one in recorded.figures)


Difference = tuple[str, str]  # the beat, and what differs there


def _in_beats(now: Sequence[TimedBeat], then: Sequence[TimedBeat]) -> Iterator[Difference]:
    if [one.cue for one in now] != [one.cue for one in then]:
        cues = ", ".join(one.cue for one in then) or "none"
        yield "", f"its beats are {', '.join(one.cue for one in now)}, and recorded are {cues}"
        return
    for one, before in zip(now, then, strict=True):
        if one.say != before.say:
            yield one.cue, f"it says {_quoted(one.say)}, and recorded is {_quoted(before.say)}"
        if (one.start, one.end) != (before.start, before.end):
            recorded = f"{before.start:,} to {before.end:,}"
            yield one.cue, f"its beat has frames {one.start:,} to {one.end:,}, and recorded are {recorded}"


def _in_claims(now: Sequence[SpokenClaim], then: Sequence[SpokenClaim]) -> Iterator[Difference]:
    if [(one.beat, one.name) for one in now] != [(one.beat, one.name) for one in then]:
        yield "", f"it makes {counted(len(now), 'claim')}, and {len(then):,} other ones are recorded"
        return
    for one, before in zip(now, then, strict=True):
        bare = {"value": 0.0, "threshold": None}
        same = one.claim.model_copy(update=bare) == before.claim.model_copy(update=bare)
        values = [(one.claim.value, before.claim.value), (one.claim.threshold, before.claim.threshold)]
        if not same or one.sentence != before.sentence or not all(_alike(*pair) for pair in values):
            said, old = (f"{_quoted(each.claim.words)}, {each.claim.value:.6g}" for each in (one, before))
            yield one.beat, f"its claim {one.name} is {said}, and recorded is {old}"


def _in_figures(now: Sequence[Figure], then: Sequence[Figure]) -> Iterator[Difference]:
    if len(now) != len(then):
        yield "", f"it shows {counted(len(now), 'picture')} at the ends of its beats, and recorded are {len(then):,}"
        return
    for one, before in zip(now, then, strict=True):
        bare = {"low": 0.0, "high": 0.0, "box": (0.0, 0.0, 0.0, 0.0), "crossed": ()}  # the last of it is worked out
        ends = _alike(one.low, before.low) and _alike(one.high, before.high)
        moved = max(abs(a - b) for a, b in zip(one.box, before.box, strict=True)) > _MOVED
        if one.model_copy(update=bare) != before.model_copy(update=bare) or not ends or moved:
            other = name_of(before) if name_of(one) != name_of(before) else "another place or scale of it"
            yield one.beat, f"it shows {name_of(one)}, and recorded is {other}"


def _alike(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return isclose(one, other, rel_tol=_SAME, abs_tol=_LEAST)


def _quoted(text: str) -> str:
    return f"“{text if len(text) <= _MOST else f'{text[: _MOST - 1]}…'}”"


# -- the lesson as a whole -------------------------------------------------------------------------


def lesson_record_findings(record: LessonRecord, film: Path, aspect: str, theme: str) -> Iterator[Finding]:
    """What is not as `record` says of its `film`, of `aspect` and `theme`, and of the files beside it."""

    def finding(rule: str, message: str, name: str = "") -> Finding:
        objects = (name,) if name else ()
        return Finding(rule=rule, scene="", aspect=aspect, theme=theme, objects=objects, message=message)

    ends = [0, *(scene.end for scene in record.scenes)]
    if [scene.start for scene in record.scenes] != ends[:-1] or ends[-1] != record.frames:
        message = (
            f"Its scenes do not fill the {record.frames:,} frames that the record speaks of; make the lesson again."
        )
        yield finding(RULE, message)
    try:
        frames, rate, size = length_of(film)
    except InputError:
        pass  # that it cannot be read is told where its pictures are looked for
    else:
        wanted = (int(record.settings["width"]), int(record.settings["height"]))
        if frames != record.frames or abs(rate - int(record.settings["fps"])) > 1e-3:
            message = (
                f"The film has {frames:,} frames, {rate:.4g} a second, and recorded are {record.frames:,},"
                f" {record.settings['fps']} a second; make the lesson again."
            )
            yield finding(WHOLE, message, film.name)
        if size != wanted:
            told = f"{size[0]} × {size[1]} pixels, and recorded are {wanted[0]} × {wanted[1]}"
            yield finding(WHOLE, f"The film has {told}; make the lesson again.", film.name)
    there = [name for name in _MAYBE if (film.parent / name).exists()]
    for name in dict.fromkeys((film.name, *_ALWAYS, *there, *record.files)):
        if why := _why_changed(film.parent, name, record.files.get(name)):
            yield finding(FILES, f"'{name}' {why}.", name)


def _why_changed(folder: Path, name: str, digest: str | None) -> str:
    """Why a file of a lesson is not the one that was written, as the end of a sentence; "" where it is."""
    if Path(name).name != name:
        return "is named in the record, and what belongs to a lesson lies beside it; make the lesson again"
    if digest is None:
        return "has no digest in the record, so nobody knows whether it is the lesson's; make the lesson again"
    path = folder / name
    try:
        if not path.is_file():
            return "is missing; make the lesson again, which writes it anew, or put it back"
        with path.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == digest
    except OSError as error:
        return f"cannot be read ({error.strerror}); mend that, or make the lesson again"
    if same:
        return ""
    return "was changed after the lesson was made; make the lesson again, and keep your own version under another name"
