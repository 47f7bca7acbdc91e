"""The verb for other languages: `words`. Imports stand inside, so that `--help` is instant."""

from pathlib import Path
from typing import Any

import click

from fmcore.errors import InputError
from fmcore.files import TRANSLATION
from fmcore.options import OUTPUT, FileToWrite


@click.command()
@click.argument("file", type=FileToWrite(TRANSLATION))
@click.argument("lesson", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--language", metavar="CODE", help="Such as de or pt-BR.  [default: the name of FILE]")
@click.option(
    "--decimal", type=click.Choice([".", ","]), help="What separates decimals there.  [default: a point, or as in FILE]"
)
@OUTPUT
def words(file: Path, lesson: Path | None, output: Path, **wanted: str | None) -> None:
    """Write all that a finished lesson and its page say to FILE, to be translated; or add to FILE what it lacks.

    LESSON is a folder that `fmcore lesson` made; by default that of the built-in lesson. Numbers and names are taken
    out, so that they are the measured ones in every language.

    \b
    Examples:
      fmcore words de.toml --decimal ,
      fmcore lesson --words de.toml
      fmcore words de.toml renders/feature-maps-de
    """
    from fmcore.files import require_writable, write_text
    from fmcore.lesson.plan import builtin_plan, slug
    from fmcore.lesson.record import read_record
    from fmcore.lesson.words import Words, has_words, read_words, rows_of, taken_out, words_file

    there: Any = read_words(file) if file.exists() else None
    record = read_record(lesson or output / slug(builtin_plan().title))
    scenes = [(scene.scene, scene.texts) for scene in record.scenes]
    scenes.append(("the page and its notes", record.page_texts))
    if not any(texts for _, texts in scenes):
        raise InputError("No scene of that lesson is a LessonScene, so there are no words of it to translate.")
    if record.words is None:
        scenes.insert(0, ("the title", tuple(filter(has_words, [taken_out(record.title)[0]]))))
    try:
        language = wanted["language"] or (there.language if there is not None else file.stem)
        decimal = wanted["decimal"] or (there.decimal if there is not None else ".")
        Words(language=language, decimal=decimal)  # type: ignore[arg-type]
    except ValueError:
        raise InputError(
            f"'{language}' is no code of a language; name one with --language, such as de or pt-BR."
        ) from None
    of_lesson = record.words.words if record.words is not None and record.words.language == language else {}
    require_writable(file, "The file of words", option="")
    known = {**of_lesson, **(there.words if there is not None else {})}
    write_text(file, words_file(language, decimal, scenes, known))
    rows = rows_of((text for _, texts in scenes for text in texts), known)
    done = sum(bool(known.get(row)) for row in rows)
    click.echo(f"{file}: {done} of the {len(rows)} texts of this lesson are translated.")
