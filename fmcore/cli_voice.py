"""The verb for recordings: `voice`. Imports stand inside, so that `--help` is instant."""

from pathlib import Path

import click

from fmcore.errors import InputError
from fmcore.options import OUTPUT


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("lesson", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--cut",
    "take",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Cut this recording of several sentences at its pauses.",
)
@click.option("--first", metavar="NAME", help="The first sentence in it.  [default: the first that is not recorded]")
@click.option(
    "--last",
    metavar="NAME",
    help="The last sentence in it.  [default: up to the next recorded one, or the end of the scene]",
)
@OUTPUT
def voice(
    folder: Path, lesson: Path | None, take: Path | None, first: str | None, last: str | None, output: Path
) -> None:
    """Write the sentences of a finished lesson to FOLDER/voice.toml, to be read aloud; or add those that it lacks.

    Every sentence has a number; say it into a sound file of that name in FOLDER, such as 001.wav, or several into one
    file with a pause after each. LESSON is a folder that `fmcore lesson` made; by default that of the built-in lesson.

    \b
    Examples:
      fmcore voice my_voice
      fmcore voice my_voice --cut first_scene.m4a
      fmcore lesson --voice my_voice
      fmcore voice meine_stimme renders/feature-maps-de
    """
    from fmcore.files import require_writable, write_text
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
    require_writable(folder, "The folder", option="", folder=True)
    text, sheet = sheet_with(known, scenes, recordings_in(folder))
    write_text(folder / SHEET_NAME, text)
    if take is not None:
        _cut(take, folder, sheet, [[plain(one) for one in sentences] for _, sentences in scenes], first, last)
    elif first is not None or last is not None:
        raise InputError("--first and --last say which sentences are in a recording; name it with --cut.")
    voice_ = find_voice(folder)  # what cannot be used does not count as recorded
    files = recordings_in(folder)
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
    for name, why in unlike(voice_):
        click.echo(f"Listen to {name}: it is {why}.")


def _cut(
    take: Path, folder: Path, sheet: dict[str, str], scenes: list[list[str]], first: str | None, last: str | None
) -> None:
    """Cut `take` into the recordings of sentences that follow each other in the lesson, and say what came of it."""
    from itertools import takewhile

    from fmcore.errors import one_of
    from fmcore.render.pauses import UNUSUAL, cut
    from fmcore.render.voice import recordings_in

    names = {sentence: name for name, sentence in sheet.items()}
    order = list(dict.fromkeys(names[sentence] for sentences in scenes for sentence in sentences))
    for name in (first, last):
        if name is not None and name not in order:
            raise InputError(one_of("sentence of this lesson", name, order))
    there = recordings_in(folder)
    first = first or next((name for name in order if name not in there), None)
    if first is None:
        raise InputError("All sentences of this lesson are recorded; say which are in the take with --first.")
    if last is not None:
        wanted = order[order.index(first) : order.index(last) + 1]
    else:
        scene = next(sentences for sentences in scenes if sheet[first] in sentences)
        following = order[order.index(first) + 1 :]  # as in the sheet, which has no sentence twice
        wanted = [first, *takewhile(lambda name: name not in there and sheet[name] in scene, following)]
    if not wanted:
        raise InputError(f"Sentence '{last}' comes before '{first}' in this lesson; change them about.")
    if known := next((there[name][0] for name in wanted if name in there), None):
        raise InputError(f"'{known}' is there already; remove it to cut that sentence anew.")
    shares = cut(take, [sheet[name] for name in wanted], [folder / f"{name}.wav" for name in wanted])
    into = wanted[0] if len(wanted) == 1 else f"{wanted[0]} to {wanted[-1]}, {len(wanted)} sentences"
    click.echo(f"{take}: cut into {into}.")
    said = [names[sentence] for sentences in scenes for sentence in sentences]
    if again := [name for name in wanted if said.count(name) > 1]:
        click.echo(f"Said more than once in the lesson, and recorded once: {', '.join(again)}.")
    for name, share in zip(wanted, shares, strict=True):
        if not 1 / UNUSUAL < share < UNUSUAL:
            click.echo(f"Listen to {name}.wav: it takes {share:.1f} times as long as its letters say.")
