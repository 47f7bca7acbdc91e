"""The verb `page`. Imports stand inside, so that `--help` is instant."""

from math import isnan
from pathlib import Path

import click

from fmcore.errors import InputError
from fmcore.files import PAGE
from fmcore.options import QUIET, WORDS, FileToWrite


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--compare", "other", type=click.Path(path_type=Path), help="A second bundle of the same images, to lay beside it."
)
@click.option("--output", type=FileToWrite(PAGE), help="File.  [default: renders/<bundle>.page.html]")
@click.option(
    "--limit",
    type=click.FloatRange(0, 500, min_open=True),
    default=12.0,
    show_default=True,
    metavar="MB",
    help="How large the page may be; what is rounded or left out for that is told here and on the page.",
)
@WORDS
@QUIET
def page(bundle: Path, other: Path | None, output: Path | None, limit: float, words: str | None, quiet: bool) -> None:
    """Make the interactive page of a bundle: one HTML file that opens in any browser and needs no network.

    \b
    Examples:
      fmcore page renders/bundles/tutorial-garments.safetensors
      fmcore page tutorial.safetensors --compare deep.safetensors --output both.html
      fmcore page resnet18.safetensors --limit 4
      fmcore page tutorial.safetensors --words de
    """
    if isnan(limit):  # which is in no range, and beyond none
        raise InputError("'nan' is no size of a page; name one such as --limit 12.")
    from fmcore.lesson.words import find_words
    from fmcore.page.export import make_page
    from fmcore.reporter import reporter

    said = find_words(words) if words is not None else None
    stem = bundle.stem if other is None else f"{bundle.stem}-{other.stem}"
    stem += f"-{said.language.lower()}" if said is not None else ""
    target = output or Path("renders") / f"{stem}.page.html"
    with reporter(quiet) as report:
        make_page(bundle, other, target, limit_mb=limit, report=report, words=said)
