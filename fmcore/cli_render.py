"""The verbs that make films and look after them: `lesson`, `render`, `plan`, `simulate` and `cache`.

Imports stand inside the functions, so that `--help` is instant.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click

from fmcore.errors import FmcoreError, InputError, PlanError, failure_of
from fmcore.options import (
    ASPECT,
    DATA_DIR,
    JOBS,
    LOG_JSON,
    OTHER,
    OUTPUT,
    PURPOSE,
    QUALITY,
    QUIET,
    SCHEDULER,
    THEME,
    TRACEBACK,
    VOICE,
    WATCH,
    WORDS,
    lesson_options,
    scene_names,
)


@click.command()
@lesson_options
@LOG_JSON
@WATCH
@TRACEBACK
def lesson(quiet: bool, log_json: bool, watch: bool, traceback: bool, **wanted: Any) -> None:
    """Make a whole lesson from PLAN.toml, or the built-in one; `short` is that in a third of the time.

    Trains and records what is missing, renders what changed, and joins it to OUTPUT/<lesson>/lesson.mp4 with
    captions, chapters, a poster and lesson.json, the record of it all.

    \b
    Examples:
      fmcore lesson
      fmcore lesson short --aspect 9:16
      fmcore lesson my_plan.toml --quality hd --aspect 9:16 --theme light
      fmcore lesson --theme course.toml
      fmcore lesson --data fashion-mnist --epochs 10
      fmcore lesson my_plan.toml --watch
    """
    read = [Path(one) for one in (wanted["plan"], wanted["words"], wanted["theme"]) if one is not None]
    how = _How(wanted["output"], quiet, log_json, watch, traceback, wanted["voice"])
    _make(lambda: _wish(**wanted), read, how)


@click.command()
@click.argument("scene", nargs=-1, required=True, shell_complete=scene_names)
@QUALITY
@PURPOSE
@ASPECT
@THEME
@click.option("--bundle", type=click.Path(path_type=Path), help="The bundle to read; by default the lesson's.")
@OTHER
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the scene; repeatable.")
@WORDS
@VOICE
@DATA_DIR
@OUTPUT
@JOBS
@SCHEDULER
@QUIET
@LOG_JSON
@WATCH
@TRACEBACK
def render(
    scene: tuple[str, ...],
    quality: str,
    purpose: str,
    aspect: str,
    theme: Any,
    bundle: Path | None,
    other: Path | None,
    options: tuple[str, ...],
    words: str | None,
    voice: Path | None,
    data_dir: Path | None,
    output: Path,
    jobs: int | None,
    scheduler: str | None,
    quiet: bool,
    log_json: bool,
    watch: bool,
    traceback: bool,
) -> None:
    """Render single scenes: OUTPUT/<Scene>.mp4 with captions.

    SCENE is a name that `fmcore scenes` lists, or path/to/file.py:ClassName. Films of another network, shape, theme
    or language are called so: OUTPUT/<Scene>-resnet18-9x16-light-de.mp4.

    \b
    Examples:
      fmcore render ActivationHeatmap --option layer=conv2 --option probe=Bag
      fmcore render GradCam --aspect 9:16 --words de --voice meine_stimme
      fmcore render my_scene.py:MyScene --watch --traceback
    """
    from fmcore.lesson.plan import builtin_plan, single_scenes, slug
    from fmcore.render.lesson import Wish
    from fmcore.render.spec import quality as spec_of

    spec = spec_of(quality, aspect, theme, purpose)
    plan = single_scenes(scene, dict(_option(text) for text in options), builtin_plan(), bundle, other)
    networks = "".join(f"-{slug(path.stem)}" for path in (bundle, other) if path is not None)

    def wanted() -> tuple[Any, Any]:
        more: Any = {"data_dir": data_dir, "jobs": jobs, "scheduler": scheduler, **_told(words, voice)}
        return plan, Wish(spec, output, output, apart=True, networks=networks, **more)

    read = [Path(one) for one in (words, theme) if one is not None]
    _make(wanted, read, _How(output, quiet, log_json, watch, traceback, voice))


@click.command()
@lesson_options
def plan(quiet: bool, **wanted: Any) -> None:
    """Say what `fmcore lesson` would render with the same options, and why; render nothing.

    Scenes that changed are played, undrawn, which takes about a second each. The exit status is 0 whatever is stale.

    \b
    Examples:
      fmcore plan
      fmcore plan my_plan.toml --quality hd --aspect 9:16
    """
    from rich.table import Table

    from fmcore.render.lesson import heard, look_ahead
    from fmcore.reporter import reporter
    from fmcore.tables import console

    chosen, wish = _wish(**wanted)
    with reporter(quiet) as report:
        outlook = look_ahead(chosen, wish, report)
    for one in outlook.stale:
        click.echo(f"Bundle {one.path.stem}: {one.reason}, so it is trained and recorded first.")
    if outlook.stale:
        click.echo("The scenes are planned when their bundles are there.")
        return
    table = Table("scene", "length", "frames", "", "why", box=None, header_style="bold", pad_edge=False)
    for scene in outlook.scenes:
        for number, part in enumerate(scene.segments):
            name = scene.ref.name if number == 0 else ""
            length = f"{scene.segments[-1].end / wish.spec.fps:.0f} s" if number == 0 else ""
            table.add_row(name, length, f"{part.start:,}–{part.end:,}", "fresh" if part.fresh else "stale", part.reason)
    console().print(table)
    parts = [part for scene in outlook.scenes for part in scene.segments]
    stale = [part for part in parts if not part.fresh]
    frames = sum(part.end - part.start for part in stale)
    every = sum(part.end - part.start for part in parts)
    click.echo(
        f"{len(stale)} of {len(parts)} segments are to be rendered, {frames:,} of {every:,} frames;"
        f" the film takes {every / wish.spec.fps:.0f} s."
    )
    shown = [scene.take.sketch.performance for scene in outlook.scenes if scene.take is not None]
    _tell_of_voice(*heard(wish.voice, shown), click.echo)


@click.command()
@lesson_options
@click.option("--workers", default="1,2,4,8,16,32,64,128,256", show_default=True, help="Numbers of worker processes.")
def simulate(quiet: bool, workers: str, **wanted: Any) -> None:
    """Predict how long `fmcore lesson` would take from nothing on other numbers of workers, from what segments cost.

    Scenes that were rendered count what they took here; others are played, undrawn, and estimated.

    \b
    Examples:
      fmcore simulate --quality hd
      fmcore simulate my_plan.toml --quality 4k --workers 2,16,64
    """
    from fmcore.render.lesson import look_ahead
    from fmcore.render.simulate import rows_of, table_of
    from fmcore.reporter import reporter
    from fmcore.tables import console

    counts = [int(text) for text in workers.split(",") if re.fullmatch("[0-9]{1,9}", text.strip()) and int(text)]
    if not counts or len(counts) != len(workers.split(",")):
        raise InputError(f"'{workers}' names no numbers of workers; write them as 1,2,16.")
    chosen, wish = _wish(**wanted)
    with reporter(quiet) as report:
        outlook = look_ahead(chosen, wish, report)
    if outlook.stale:
        names = ", ".join(one.path.stem for one in outlook.stale)
        raise InputError(f"The bundles {names} are not recorded yet; run `fmcore lesson --quality smoke` first.")
    console().print(table_of(rows_of(outlook.scenes, counts)))


@click.group()
def cache() -> None:
    """Look into the cache of rendered segments, or make it smaller.

    \b
    Examples:
      fmcore cache list
      fmcore cache explain ActivationHeatmap
      fmcore cache prune --to 2GB
    """


@cache.command(name="list")
@OUTPUT
def list_cache(output: Path) -> None:
    """List what is there, by scene: the films of its pictures, their sizes, and when they were used last."""
    from rich.table import Table

    from fmcore.render.cache import Store
    from fmcore.render.upkeep import contents, size_text
    from fmcore.tables import console

    found = contents(Store(output / "cache"))
    table = Table("scene", "look", "pictures", "segments", "frames", "size", "last used", box=None, pad_edge=False)
    for one in found:
        row = (
            one.scene,
            one.look,
            one.pictures[:8],
            one.segments,
            f"{one.frames:,}",
            size_text(one.bytes),
            one.used,
        )
        table.add_row(*(str(cell) for cell in row))
    console().print(table)
    click.echo(f"{len(found)} films of scenes, {size_text(sum(one.bytes for one in found))}, in '{output / 'cache'}'.")


@cache.command()
@click.argument("name")
@OUTPUT
def explain(name: str, output: Path) -> None:
    """Say what the films of a scene were made from. NAME is a scene, or the start of the name of its pictures.

    \b
    Example:
      fmcore cache explain ActivationHeatmap
    """
    from fmcore.render.cache import Store
    from fmcore.render.upkeep import explained

    click.echo(explained(Store(output / "cache"), name))


@cache.command()
@click.option("--to", "size", required=True, metavar="SIZE", help="Such as 500KB, 200 MB or 1.5GB; 0 empties it.")
@OUTPUT
def prune(size: str, output: Path) -> None:
    """Remove the films that were not used for longest, until the rest takes no more than SIZE.

    \b
    Example:
      fmcore cache prune --to 2GB
    """
    from fmcore.render.cache import Store
    from fmcore.render.upkeep import prune as remove
    from fmcore.render.upkeep import size_of, size_text

    removed, left = remove(Store(output / "cache"), size_of(size))
    click.echo(f"Removed {size_text(removed)}; {size_text(left)} are left.")


class _How(NamedTuple):
    """Where to, how it is told of, whether it is made again when a file is saved, and the folder of its voice."""

    output: Path
    quiet: bool
    log_json: bool
    watch: bool
    traceback: bool
    voice: Path | None


def _make(wanted: Callable[[], tuple[Any, Any]], read: Sequence[Path], how: _How) -> None:
    """Make what `wanted` gives, a plan and a wish, which `read` files say and the recordings of the voice.

    If it is watched, whenever one is saved.
    """
    from fmcore.render.lesson import make_lesson
    from fmcore.reporter import Reporter, reporter

    def make(report: Reporter) -> None:
        plan, wish = wanted()
        try:
            made = make_lesson(plan, wish, report)
            _tell(made, wish.spec.fps, report.say if how.quiet or how.log_json else click.echo)
        except FmcoreError as error:
            if how.traceback:
                click.echo(error.trace, nl=False, err=True)
            raise

    reporting = partial(reporter, how.quiet, how.log_json)
    if how.watch:
        from fmcore.render.voice import files_of_voice
        from fmcore.watching import files_of
        from fmcore.watching import watch as watched

        def files() -> set[Path]:
            return files_of(lambda: wanted()[0], [*read, *(files_of_voice(how.voice) if how.voice else ())], how.output)

        wanted()  # options that nobody understands end it here
        watched(files, make, reporting)
        return
    try:
        with reporting() as report:
            make(report)
    except KeyboardInterrupt:
        raise click.Abort("What is finished is kept; run the same command again to go on.") from None


def _wish(
    plan: Path | None,
    quality: str,
    purpose: str,
    aspect: str,
    theme: Any,
    data: str | None,
    bundle: Path | None,
    epochs: int | None,
    seed: int | None,
    words: str | None,
    voice: Path | None,
    output: Path,
    **more: Any,
) -> Any:
    """The plan of a lesson, and how and where it is wanted."""
    from fmcore.lesson.overrides import with_overrides
    from fmcore.lesson.plan import data_name, find_plan, slug
    from fmcore.render.lesson import Wish
    from fmcore.render.spec import ending
    from fmcore.render.spec import quality as spec_of

    spec = spec_of(quality, aspect, theme, purpose)
    name, chosen = find_plan(plan)
    chosen = with_overrides(chosen, data=data, epochs=epochs, seed=seed, bundle=bundle)
    if data is not None:
        name += f"-{data_name(data)}"
    if bundle is not None:
        name += f"-{slug(bundle.stem)}"
    told = _told(words, voice)
    folder = output / (name + ending(spec, told.get("words")))
    return chosen, Wish(spec=spec, output=output, folder=folder, **told, **more)


def _told(words: str | None, voice: Path | None) -> dict[str, Any]:
    """In which words and by which voice it is told, as far as that is asked for."""
    told: dict[str, Any] = {}
    if words is not None:
        from fmcore.lesson.words import find_words

        told["words"] = find_words(words)
    if voice is not None:
        from fmcore.render.voice import find_voice

        told["voice"] = find_voice(voice)
    return told


def _option(text: str) -> tuple[str, str | int]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise PlanError(f"The option '{text}' has no value; write it as name=value, such as layer=conv2.")
    return name, int(value) if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", value) else value


def _tell(made: Any, fps: int, say: Callable[[str], None]) -> None:
    if made.unchanged:
        again = "No picture changed; the film was joined anew."
        say(again if made.joined else "Nothing changed since the last run; nothing was rendered.")
    if made.left_out:
        say(f"Left out, since there is nothing for them to show: {', '.join(made.left_out)}.")
    for film in made.films:
        say(f"{film}")
    if made.films:
        say(f"{made.frames:,} frames, {made.frames / fps:.0f} s of film")
    if made.untranslated:
        say(f"Texts without a translation, shown as they are: {made.untranslated}; `fmcore words` lists them.")
    _tell_of_voice(made.spoken, made.unspoken, say)
    if made.failed:
        raise failure_of(made.failed, "what is finished is kept, so mend that and run the same command again")


def _tell_of_voice(spoken: int, unspoken: int, say: Callable[[str], None]) -> None:
    if unspoken and not spoken:
        say(f"None of its {unspoken} sentences is recorded in that folder: is it of another lesson, or language?")
    elif unspoken:
        say(f"Sentences without a recording, only to be read: {unspoken}; `fmcore voice` tells which.")
