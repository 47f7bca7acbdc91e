"""What lies beside a lesson's film: the page of the networks that its scenes show, and notes in the same words."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from fmcore.errors import FmcoreError, InputError
from fmcore.lesson.record import LessonRecord
from fmcore.lesson.words import Words
from fmcore.page.document import assets
from fmcore.reporter import Reporter, Silent

if TYPE_CHECKING:  # what makes pages brings scipy along: half a second that a lesson with nothing to do need not wait
    from fmcore.page.export import Composed, Film

PAGE_NAME, NOTES_NAME = "page.html", "notes.md"


@cache
def maker() -> str:
    """A digest of all that makes pages, so that a lesson knows whether its page is of today."""
    rooms = (files(f"fmcore.{room}").iterdir() for room in ("page", "analysis", "lesson"))
    code = sorted((one for one in chain(*rooms) if one.name.endswith((".py", ".json"))), key=str)
    parts = assets()
    digest = hashlib.sha256(b"".join(one.read_bytes() for one in code))
    for part in (parts.template, parts.style, parts.script):
        digest.update(part.encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Companions:
    """The files by name, and all English texts in them, numbers and names taken out: what is to be translated."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    texts: tuple[str, ...] = ()


def companions(
    record: LessonRecord, bundles: Mapping[str, Path], film: str, report: Reporter | None = None
) -> Companions:
    """None where no scene reads a bundle. `film` is the file's name, `bundles` those of the plan.

    They are in the language of the lesson. The page is of the bundle that most scenes show and, where it has images in
    common with it, of the next.
    """
    from fmcore.page.export import Film
    from fmcore.page.markdown import as_markdown

    report = report or Silent()
    used = Counter(name for scene in record.scenes for name in (scene.bundle, scene.other) if name)
    paths = [bundles[name] for name, _ in used.most_common(2)]
    if not paths:
        return Companions()
    try:
        made = _composed(paths, Film(record, film), record.words)
    except FmcoreError as error:
        report.say(f"There is no page beside the film: {error.message}")
        return Companions()
    notes = as_markdown(record.title, made.teaching, PAGE_NAME, made.own.of)
    return Companions({PAGE_NAME: made.page, NOTES_NAME: notes.encode()}, made.texts)


def _composed(paths: list[Path], film: "Film", words: Words | None) -> "Composed":
    from fmcore.page.export import compose

    if len(paths) > 1:
        try:
            return compose(paths[0], paths[1], film, words=words)
        except InputError:  # they show no image in common
            pass
    return compose(paths[0], None, film, words=words)
