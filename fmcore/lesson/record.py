"""The record of a finished lesson, `lesson.json`: what was shown when, what was claimed, and what it was made from.

Frames count from the start of the film.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fmcore.errors import InputError
from fmcore.files import read_limited
from fmcore.lesson.brief import Figure
from fmcore.lesson.claims import SpokenClaim
from fmcore.lesson.script import TimedBeat
from fmcore.lesson.voice import Heard
from fmcore.lesson.words import Words

RECORD_SCHEMA = 5
RECORD_NAME = "lesson.json"
POSTER_NAME = "poster.png"  # beside it
_MOST_BYTES = 100_000_000


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SceneRecord(_Record):
    """One scene of the film, its frames [start, end)."""

    scene: str
    title: str
    bundle: str | None
    other: str | None
    options: dict[str, str | int | float | bool]
    start: int = Field(ge=0)
    end: int = Field(gt=0)
    beats: tuple[TimedBeat, ...]
    figures: tuple[Figure, ...]
    claims: tuple[SpokenClaim, ...]
    segments: tuple[str, ...]  # of its pictures in the cache, in order
    inputs: dict[str, str]
    sounds: tuple[str, ...] = ()  # digests of the files that are heard, in order
    texts: tuple[str, ...] = ()  # all English texts, numbers and names taken out: what is to be translated


class BundleRecord(_Record):
    """A bundle by its file's name and its digest, with what a reader wants to know of it."""

    file: str = Field(pattern=r"^[^/\\]+$")
    path: str | None = None  # from the folder where the lesson was made, if it lay in there
    sha256: str
    model: str
    data: str
    provenance: str
    test_accuracy: float | None
    versions: dict[str, str]


class LessonRecord(_Record):
    """A whole lesson; `files` are the digests of what lies beside the record."""

    schema_version: int
    fmcore: str
    title: str
    settings: dict[str, Any]  # of its frames, as those who render them know them
    frames: int
    seconds: float
    scenes: tuple[SceneRecord, ...]
    bundles: dict[str, BundleRecord]
    words: Words | None = None  # the translation that it was made with
    voice: dict[str, Heard] | None = None  # the recordings that are heard, by sentence; None where nobody tells it
    page: str = ""  # a digest of what makes the page beside the film
    page_texts: tuple[str, ...] = ()  # all English texts of the page and its notes, as those of scenes
    files: dict[str, str] = {}

    def as_json(self) -> str:
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False)


def read_record(folder: Path) -> LessonRecord:
    """The record of the lesson in `folder`.

    Raises:
        InputError: there is none, or it is none of this version.
    """
    path = folder if folder.name == RECORD_NAME else folder / RECORD_NAME
    try:
        written = read_limited(path, _MOST_BYTES)
        if len(written) > _MOST_BYTES:
            raise InputError(f"'{path}' is over 100 MB, so it is no record of a lesson; make the lesson again.")
        content: Any = json.loads(written.decode("utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"There is no finished lesson in '{folder}'; make it with `fmcore lesson`, or name another folder."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"'{path}' cannot be read ({why}); make the lesson again.") from None
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != RECORD_SCHEMA:
        raise InputError(
            f"'{path}' has schema {version} and this fmcore reads {RECORD_SCHEMA}; make the lesson again with"
            " `fmcore lesson`."
        )
    try:
        return LessonRecord.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"'{path}' is damaged at '{where}' ({first['msg'].lower()}); make the lesson again.") from None
