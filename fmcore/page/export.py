"""Makes the page of a bundle, or of two: studies them, finds what fits, has it taught, writes one file."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from fmcore.bundle import Bundle
from fmcore.files import PAGE, require_replaceable, require_writable
from fmcore.lesson.record import LessonRecord
from fmcore.lesson.words import Translator, Words, has_words
from fmcore.page.content import Content, Page, data_of, shown
from fmcore.page.document import WITHOUT_SCRIPT, assets, document, write
from fmcore.page.economies import MEGABYTE, Economy, choose
from fmcore.page.film import film_of
from fmcore.page.language import networks, script_texts, translated, translator
from fmcore.page.shelf import Shelf
from fmcore.page.source import sources
from fmcore.page.words import Teaching, teach
from fmcore.reporter import Reporter, Silent

LIMIT_MB = 12.0
_PATIENCE_S = 2.0  # what takes no longer is not told of


@dataclass(frozen=True)
class Film:
    """The film of the lesson that `record` describes; `file` is its name relative to the page."""

    record: LessonRecord
    file: str


@dataclass(frozen=True)
class Composed:
    """A page as its file holds it, what it is made of, and who says it in its language."""

    page: bytes
    content: Content
    teaching: Teaching
    own: Translator

    @property
    def texts(self) -> tuple[str, ...]:
        """All English texts that it says so far, and those of its script: what is to be translated."""
        return (*self.own.texts, *filter(has_words, script_texts()))


def make_page(
    bundle: Path,
    other: Path | None,
    target: Path,
    film: Film | None = None,
    limit_mb: float = LIMIT_MB,
    report: Reporter | None = None,
    words: Words | None = None,
) -> Path:
    """Write the page of `bundle`, beside that of `other` where one is named, to `target`; returns `target`.

    Args:
        film: A film of the same bundle that is to be played on the page.
        limit_mb: How large the page may be, in millions of bytes.
        report: Is told what was rounded or left out for that, and how large the page is.
        words: In which language it is, English without.

    Raises:
        InputError: a file is no bundle, the two cannot be compared, or `target` is no page or cannot be written.
        FmcoreError: the page cannot be made so small.
    """
    report = report or Silent()
    require_replaceable(target, PAGE, "--output")  # it might be the bundle itself
    require_writable(target, "The page")
    made = compose(bundle, other, film, limit_mb, _Patient(report, target.name).packed, words)
    write(made.page, target)
    for sentence in made.content["limits"]:
        report.say(sentence)
    if words is not None and (left := words.lacking(made.texts)):
        report.say(f"Texts without a translation, shown as they are: {left}; `fmcore words` lists those of a lesson.")
    report.finish(target.name, f"{len(made.page) / MEGABYTE:.2f} MB, in {target}")
    return target


def compose(
    bundle: Path,
    other: Path | None,
    film: Film | None = None,
    limit_mb: float = LIMIT_MB,
    told: Callable[[], None] = lambda: None,
    words: Words | None = None,
) -> Composed:
    """The page of at most `limit_mb`; `told` is called for every array that is packed. Raises what `make_page` does."""
    with ExitStack() as stack:
        first = stack.enter_context(Bundle.open(bundle))
        second = stack.enter_context(Bundle.open(other)) if other is not None else None
        return _fitted(first, second, film, int(limit_mb * MEGABYTE), told, words)


def _fitted(
    bundle: Bundle,
    other: Bundle | None,
    film: Film | None,
    limit: int,
    told: Callable[[], None],
    words: Words | None,
) -> Composed:
    parts = assets()
    found = Page(sources(bundle, other))
    shelf = Shelf(told)
    made: dict[Economy, Composed] = {}
    any_of_them, names = translator(words, found.sources), networks(found.sources)

    def size(economy: Economy, room: int) -> int:
        """The bytes of the whole page; where the arrays alone need more than `room`, an estimate of what they need."""
        if (data := shelf.characters(found.pieces(economy), room)) > room:
            return int(data)
        if economy not in made:
            content, text = found.filled(economy, shelf)
            probes = found.probes(economy)
            taught = teach(bundle, other, content, probes)
            content |= {"tour": taught.tour, "questions": taught.questions, "notes": taught.notes}
            own = any_of_them.anew()  # asked for what this page says, and not for what was left out of it
            title = own.of(shown(found.sources) if film else content["title"], *names, data_of(found.sources))
            content["title"] = f"{film.record.title} · {title}" if film else title
            if film is not None:
                digests = [source.bundle.digest for source in found.sources]
                content["film"] = film_of(film.record, film.file, content, list(zip(digests, probes, strict=True)))
            content = translated(content, words, own, names)
            said = replace(taught, tour=content["tour"], questions=content["questions"], notes=content["notes"])
            page = document(content, text, parts, own.of(WITHOUT_SCRIPT))
            made[economy] = Composed(page, content, said, own)
        return len(made[economy].page)

    return made[choose(size, limit)]


class _Patient:
    """Tells of the arrays that are packed once it has taken a while."""

    def __init__(self, report: Reporter, task: str) -> None:
        self._report, self._task = report, task
        self._arrays, self._began = 0, time.monotonic()

    def packed(self) -> None:
        self._arrays += 1
        if time.monotonic() - self._began > _PATIENCE_S:
            self._report.progress(self._task, self._arrays, None, "arrays packed")
