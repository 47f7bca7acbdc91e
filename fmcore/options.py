"""Options that several verbs of the command line share, worded once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fmcore.files import Kind, require_replaceable

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def among(*names: str) -> Complete:
    """What the Tab key offers: those of `names` that begin so."""
    return lambda context, parameter, begun: [name for name in names if name.startswith(begun)]


def scene_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[Any]:
    """The scenes that begin so, and files."""
    from click.shell_completion import CompletionItem

    from fmcore.render.catalogue import list_scenes

    names = [ref.name for ref in list_scenes() if ref.name.startswith(begun)]
    return [CompletionItem(name) for name in names] or [CompletionItem(begun, type="file")]


def plan_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[Any]:
    """The installed lessons that begin so, and files."""
    from click.shell_completion import CompletionItem

    from fmcore.lesson.plan import installed_plans

    names = [name for name in installed_plans() if begun and name.startswith(begun)]
    return [CompletionItem(name) for name in names] or [CompletionItem(begun, type="file")]


def words_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[Any]:
    """The installed languages that begin so, and files."""
    from click.shell_completion import CompletionItem

    from fmcore.lesson.words import installed_words

    codes = [code for code in installed_words() if begun and code.startswith(begun)]
    return [CompletionItem(code) for code in codes] or [CompletionItem(begun, type="file")]


class FileToWrite(click.Path):
    """A file that is written in the end: what is no older one of its kind is refused before any work."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(path_type=Path)
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path: Any = super().convert(value, param, ctx)
        name = param.human_readable_name if isinstance(param, click.Argument) else param.opts[0] if param else "it"
        require_replaceable(path, self.kind, name)
        return path


class NamesFile(click.Path):
    """A text file with one name a line; its value is the names."""

    _MOST_BYTES, _MOST = 2**22, 100_000

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = Path(str(super().convert(value, param, ctx)))
        try:
            with path.open("rb") as file:
                content = file.read(self._MOST_BYTES + 1)
            lines = content.decode("utf-8-sig", "strict" if len(content) <= self._MOST_BYTES else "ignore").splitlines()
        except OSError as error:
            self.fail(f"'{path}' cannot be read ({error.strerror}); name a text file with one name a line.", param, ctx)
        except ValueError:
            self.fail(f"'{path}' is no text in UTF-8; save it as such, with one name a line.", param, ctx)
        if len(content) > self._MOST_BYTES:
            self.fail(
                f"'{path}' is over {self._MOST_BYTES >> 20} MB; name a text file with one name a line.", param, ctx
            )
        for number, line in enumerate(lines, start=1):
            if not line.strip().isprintable() or len(line.strip()) > 200:
                self.fail(
                    f"Line {number} of '{path}' is no name that can be shown; write one name a line, of at most 200"
                    " letters.", param, ctx,
                )  # fmt: skip
        names = tuple(line.strip() for line in lines if line.strip())
        if not 0 < len(names) <= self._MOST:
            self.fail(f"'{path}' holds {len(names):,} names; write one to {self._MOST:,}, one a line.", param, ctx)
        return names


QUALITY = click.option(
    "--quality",
    shell_complete=among("smoke", "preview", "hd", "4k"),
    default="preview",
    show_default=True,
    metavar="smoke|preview|hd|4k",
    help="426x240 at 10 fps, 854x480 at 15, 1920x1080 at 60, 3840x2160 at 60.",
)
PURPOSE = click.option(
    "--purpose",
    shell_complete=among("draft", "publish", "archive"),
    default="publish",
    show_default=True,
    metavar="draft|publish|archive",
    help="How the film is encoded: quickly, for the web, or nearly without loss and for editors.",
)
ASPECT = click.option(
    "--aspect",
    shell_complete=among("16:9", "9:16", "1:1"),
    default="16:9",
    show_default=True,
    metavar="16:9|9:16|1:1",
    help="Shape of the frame: wide, upright for phones, or square.",
)
THEME = click.option(
    "--theme",
    shell_complete=among("dark", "light"),
    default="dark",
    show_default=True,
    metavar="dark|light|FILE",
    help="Light text on dark, dark on light, or a .toml file with colours of your own.",
)
OTHER = click.option(
    "--other", type=click.Path(path_type=Path), help="The bundle to compare with, for scenes that compare."
)
OUTPUT = click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("renders"),
    show_default=True,
    help="Folder for films, bundles and the cache.",
)
JOBS = click.option("--jobs", type=click.IntRange(1, 256), help="Worker processes; by default one a core.")
QUIET = click.option("--quiet", is_flag=True, help="Print nothing but errors.")
LOG_JSON = click.option("--log-json", is_flag=True, help="Tell about the work as JSON, one object a line.")
TRACEBACK = click.option("--traceback", is_flag=True, help="Where a scene fails, show Python's whole traceback, too.")
WATCH = click.option(
    "--watch", is_flag=True, help="Make it again whenever a file that it is made from is saved; Ctrl-C ends it."
)
EVERY = click.option("--all", "every", is_flag=True, help="List every row of long tables.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead of tables.")
FIGURES = click.option(
    "--figures", type=click.Path(path_type=Path, file_okay=False), help="Write figures as PNG to this folder."
)
DATA = click.option(
    "--data",
    metavar="NAME",
    shell_complete=among("garments", "fashion-mnist", "mnist", "kmnist", "cifar10", "folder:"),
    help="garments, fashion-mnist, mnist, kmnist, cifar10 or folder:PATH with one folder a class.",
)
DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where data sets lie or are downloaded to; by default $FMCORE_DATA, else your cache folder.",
)
EPOCHS = click.option(
    "--epochs",
    type=click.IntRange(0, 1000),
    help="Passes over the training images.  [default: 5 for tutorial and deep; others are shown as they come]",
)
SEED = click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    help="Decides the first weights and the order of training.  [default: 0]",
)


SCHEDULER = click.option(
    "--scheduler",
    metavar="ADDRESS|FILE",
    help="Play and render with the workers of this Dask scheduler; needs fmcore[cluster].",
)


WORDS = click.option(
    "--words",
    metavar="CODE|FILE",
    shell_complete=words_names,
    help="In another language: de is there, others begin with `fmcore words`.",
)
VOICE = click.option(
    "--voice",
    type=click.Path(path_type=Path, file_okay=False),
    help="Let it be heard: recordings of its sentences, a folder begun with `fmcore voice`.",
)


def lesson_options(command: Any) -> Any:
    """The options that say which lesson is meant, how it shall look and where it lies."""
    for option in reversed(
        (
            click.argument("plan", required=False, type=click.Path(path_type=Path), shell_complete=plan_names),
            QUALITY,
            PURPOSE,
            ASPECT,
            THEME,
            DATA,
            DATA_DIR,
            click.option("--bundle", type=click.Path(path_type=Path), help="Use this bundle for every scene."),
            EPOCHS,
            SEED,
            WORDS,
            VOICE,
            OUTPUT,
            JOBS,
            SCHEDULER,
            QUIET,
        )
    ):
        command = option(command)
    return command


def recipe_options(command: Any) -> Any:
    """The options that say which network is trained, on what and how."""
    for option in reversed(
        (
            click.option(
                "--model",
                metavar="NAME",
                shell_complete=among("tutorial", "deep", "torchvision:"),
                help="tutorial, deep, torchvision:NAME, package.module:factory or file.py:factory."
                "  [default: tutorial]",
            ),
            click.option(
                "--weights",
                metavar="FILE|DEFAULT",
                help="Weights for it: .safetensors or a torch file; DEFAULT for those that torchvision publishes.",
            ),
            DATA,
            click.option("--image-size", type=click.IntRange(8, 1024), help="Scale all images to this side in pixels."),
            EPOCHS,
            click.option("--batch-size", type=click.IntRange(1, 100_000), help="Images a step.  [default: 128]"),
            click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), help="[default: 0.004]"),
            SEED,
        )
    ):
        command = option(command)
    return command
