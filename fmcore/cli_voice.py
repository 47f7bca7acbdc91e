"""The verb for recordings: `voice`. Imports stand inside, so that `--help` is instant."""

from pathlib import Path

import click

from fmcore.errors import InputError
from fmcore.options import OUTPUT


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("lesson", required=False, type=click.Path(path_type=Path, file_okay=False))
@OUTPUT
def voice(folder: Path, lesson: Path | None, output: Path) -> None:
    """Write the sentences of a finished lesson to FOLDER/voice.toml, to be read aloud; or add those that it lacks.

    Every sentence has a number; say it into a sound file of that name in FOLDER, such as 001.wav. LESSON is a folder
    that `fmcore lesson` made; by default that of the built-in lesson.

    \b
    Examples:
      fmcore voice my_voice
      fmcore lesson --voice my_voice
      fmcore voice meine_stimme renders/feature-maps-de
    """
    from fmcore.files import write_text
    from fmcore.lesson.plan import builtin_plan, slug
    from fmcore.lesson.record import read_record
    from fmcore.lesson.voice import SHEET_NAME, plain, read_sheet, sheet_with
    from fmcore.render.voice import find_voice, recordings_in, unlike

    known = read_sheet(folder)
    record = read_record(lesson or output / slug(builtin_plan().title))
    scenes = [(scene.title, [beat.say for beat in scene.beats]) for scene in record.scenes]
    said = {plain(sentence) for _, sentences in scenes for sentence in sentences}
    if not said:
        raise InputError("No scene of that lesson is a LessonScene, so there are no sentences of it to be said.")
    files = recordings_in(folder)
    text, sheet = sheet_with(known, scenes, files)
    write_text(folder / SHEET_NAME, text)
    wanted = [name for name, sentence in sheet.items() if sentence in said]
    missing = [name for name in wanted if name not in files]
    click.echo(f"{folder / SHEET_NAME}: {len(wanted) - len(missing)} of the {len(wanted)} sentences are recorded.")
    if missing:
        more = f" and {len(missing) - 8} more" * (len(missing) > 8)
        click.echo(f"Still to be recorded: {', '.join(missing[:8])}{more}.")
    unused = [file for name, some in files.items() if name not in sheet for file in some]
    unread = [file for file in sorted(folder.iterdir()) if file.stem in sheet and file.stem not in files]
    if strays := [file.name for file in (*unused, *unread)]:
        more = f" and {len(strays) - 8} more" * (len(strays) > 8)
        click.echo(f"Not heard, since the sheet names no such sound file: {', '.join(strays[:8])}{more}.")
    for name, why in unlike(find_voice(folder)):
        click.echo(f"Listen to {name}: it is {why}.")
