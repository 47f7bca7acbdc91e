"""The command line: one thin function a verb. Imports stand inside, so that `--help` is instant."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from fmcore import __version__
from fmcore.cli_check import check, claims, smoke
from fmcore.cli_inspect import compare, inspect
from fmcore.cli_page import page
from fmcore.cli_render import cache, lesson, plan, render, simulate
from fmcore.cli_voice import voice
from fmcore.cli_words import words
from fmcore.errors import FmcoreError, InputError
from fmcore.files import BUNDLE, CHECKPOINT, require_writable
from fmcore.options import DATA_DIR, QUIET, FileToWrite, NamesFile, recipe_options, scene_names


class _Verbs(click.Group):
    """Verbs in the order in which they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        from fmcore.errors import one_of

        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise InputError(one_of("command", args[0], list(self.commands)))
        return super().resolve_command(ctx, args)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Train a small CNN, record what it computed, and render lessons about its feature maps.

    \b
    Start with:
      fmcore lesson                          the built-in lesson, as an MP4 with captions
      fmcore lesson --quality hd             the same in 1080p60
      fmcore lesson --data folder:my_photos  the same on your own images
    """


for verb in (lesson, render, plan):
    cli.add_command(verb)


@cli.command()
@click.argument("scene", nargs=-1, shell_complete=scene_names)
def scenes(scene: tuple[str, ...]) -> None:
    """List the scenes that can be rendered, or the options of some.

    SCENE is a name that this lists, or path/to/file.py:ClassName. Options are written into a plan, or given to
    `fmcore render` by --option.

    \b
    Examples:
      fmcore scenes
      fmcore scenes ActivationHeatmap GradCam
    """
    from rich.table import Table

    from fmcore.render.catalogue import find_scene, list_scenes
    from fmcore.tables import console

    for number, ref in enumerate([find_scene(name) for name in scene]):
        from fmcore.render.scene_options import options_of

        click.echo("\n" * (number > 0) + f"{ref.name}, “{ref.title}”" + f"\n{ref.summary}" * bool(ref.summary))
        table = Table("option", "takes", "default", "what it decides", box=None, header_style="bold", pad_edge=False)
        for option in options_of(ref):
            table.add_row(option.name, option.kind, option.default, option.meaning)
        if table.row_count:
            console().print(table)
        else:
            click.echo("It has no options.")
    if scene:
        return
    table = Table("scene", "title", "what it shows", box=None, header_style="bold", pad_edge=False)
    for ref in list_scenes():
        table.add_row(ref.name, ref.title, ref.summary)
    console().print(table)


@cli.command()
@recipe_options
@click.option(
    "--image", "images", multiple=True, metavar="FILE", help="Show the network this image file; repeatable, up to 64."
)
@click.option("--layer", "layers", multiple=True, metavar="NAME", help="Record this layer; repeatable.  [default: all]")
@click.option("--classes", type=NamesFile(), metavar="FILE", help="What its outputs are called, one name a line.")
@click.option("--name", metavar="TEXT", help="What film and page call the network.  [default: after its model]")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Record this one of `fmcore train`; train nothing.")
@click.option("--output", type=FileToWrite(BUNDLE), help="File.  [default: renders/bundles/<model>-<data>...]")
@DATA_DIR
@QUIET
def record(checkpoint: Path | None, output: Path | None, data_dir: Path | None, quiet: bool, **wanted: Any) -> None:
    """Record what a network computes as a bundle; tutorial and deep are trained first.

    \b
    Examples:
      fmcore record --model deep
      fmcore record --data folder:my_photos --epochs 10 --output photos.safetensors
      fmcore record --model torchvision:resnet18 --weights DEFAULT --image cat.jpg --image dog.jpg
      fmcore record --model my_package.nets:make --weights net.safetensors --data folder:my_photos
    """
    from fmcore.prepare import bundle_path, make
    from fmcore.render.alone import making
    from fmcore.reporter import reporter

    if checkpoint is not None:
        from fmcore.checkpoint import read_recipe

        asked = {name: value for name, value in wanted.items() if value is not None}
        wanted = {**read_recipe(checkpoint, asked.get("model")), **asked}
    recipe = _recipe(**wanted)
    path = output or bundle_path(recipe, Path("renders/bundles"))
    require_writable(path, "The bundle")
    with reporter(quiet) as report, making(path, report):
        make(recipe, path, data_dir, checkpoint, report)


@cli.command()
@recipe_options
@click.option("--output", type=FileToWrite(CHECKPOINT), required=True, help="The checkpoint file to write.")
@DATA_DIR
@QUIET
def train(output: Path, data_dir: Path | None, quiet: bool, **wanted: Any) -> None:
    """Train a network and keep its weights at every epoch as a checkpoint, to be recorded later.

    \b
    Example:
      fmcore train --model deep --output deep.safetensors
      fmcore record --checkpoint deep.safetensors
    """
    from fmcore.prepare import make_checkpoint
    from fmcore.reporter import reporter

    with reporter(quiet) as report:
        make_checkpoint(_recipe(**wanted), output, data_dir, report)


@click.command()
@click.option("--output", type=click.Path(path_type=Path), default=Path("renders"), help="The folder to be checked.")
def doctor(output: Path) -> None:
    """Check that everything needed is there and fits together, and say how to mend what does not.

    \b
    Example:
      fmcore doctor
    """
    from rich.table import Table
    from rich.text import Text

    from fmcore.doctor import examine, healthy
    from fmcore.tables import console

    findings = examine(output)
    table = Table("", "what", "found", "what to do", box=None, header_style="bold", pad_edge=False)
    marks = {True: Text("✓", "green"), False: Text("✗", "red"), None: Text("–", "yellow")}
    for finding in findings:
        table.add_row(marks[finding.ok], finding.name, finding.found, finding.mend)
    console().print(table)
    if not healthy(findings):
        raise FmcoreError("Something needed is missing or does not fit; mend what is marked ✗ above.")


for verb in (inspect, compare, page, check, claims, words, voice, smoke, cache, simulate, doctor):
    cli.add_command(verb)


# -- shared by the verbs -------------------------------------------------------------------------


def _recipe(**wanted: Any) -> Any:
    """The recipe that the options ask for; what was not given keeps its default."""
    from pydantic import ValidationError

    from fmcore.errors import InputError
    from fmcore.lesson.plan import BundleRecipe

    try:
        return BundleRecipe(**{name: value for name, value in wanted.items() if value is not None})
    except ValidationError as error:  # what each option says was checked; these do not go together
        said = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(said[:1].upper() + said[1:]) from None


def main() -> None:
    """Run the command line; Ctrl-C, being told to end and a closed pipe end it with a sentence, not a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what Ctrl-C cleans up is cleaned up here, too
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as stop:  # it says what is kept, where anything is
        click.echo("\n" + " ".join(("Interrupted.", *stop.args)), err=True)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if _interrupted(error):  # while something was imported, which said so in its own words
            click.echo("\nInterrupted.", err=True)
            sys.exit(1)
        if not isinstance(error, OSError):
            raise
        click.echo(f"Error: {error.strerror or error} ({error.filename or 'no file named'}).", err=True)
        sys.exit(1)


def _interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind `error`."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


if __name__ == "__main__":
    main()
