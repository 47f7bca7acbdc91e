"""The verbs that look into bundles: `inspect` and `compare`. Imports stand inside, so that `--help` is instant."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import click

from fmcore.errors import InputError
from fmcore.options import EVERY, FIGURES, JSON


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--layer", metavar="NAME", help="Show this layer instead, a row a channel.")
@click.option(
    "--place",
    type=(str, click.IntRange(1), click.IntRange(1), click.IntRange(1)),
    metavar="LAYER CHANNEL ROW COLUMN",
    help="Show instead how this value of a feature map comes about; counted from 1, as on screen.",
)
@click.option(
    "--probe",
    type=lambda text: int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else text,
    metavar="NAME|NUMBER",
    help="The image to look at: its class, its file, or its number from 0.  [default: one that is answered right]",
)
@click.option(
    "--class", "wanted", metavar="NAME|NUMBER", help="Whose Grad-CAM to show.  [default: the predicted class]"
)
@click.option("--modules", is_flag=True, help="List all modules, and why some cannot be shown.")
@click.option("--arrays", is_flag=True, help="List all arrays with their digests.")
@EVERY
@JSON
@FIGURES
def inspect(
    bundle: Path,
    layer: str | None,
    place: tuple[str, int, int, int] | None,
    probe: int | str | None,
    wanted: str | None,
    modules: bool,
    arrays: bool,
    every: bool,
    as_json: bool,
    figures: Path | None,
) -> None:
    """Show what a bundle holds and what was measured: layers, accuracy, faults, meanings, what an answer rests on.

    \b
    Examples:
      fmcore inspect renders/bundles/tutorial-garments.safetensors --figures figures
      fmcore inspect net.safetensors --layer conv2 --probe Sneaker --class Bag
      fmcore inspect net.safetensors --place conv2 5 14 20
      fmcore inspect net.safetensors --modules --arrays
      fmcore inspect net.safetensors --json | jq '.diagnosis[].dead'
    """
    from fmcore.bundle import Bundle
    from fmcore.inspection import describe
    from fmcore.layer_report import describe_layer
    from fmcore.place_report import describe_place

    if layer is not None and place is not None:
        raise InputError("Give --layer for a whole layer or --place for one value, not both.")
    if as_json and (figures or modules or arrays or every or any(v is not None for v in (layer, place, probe, wanted))):
        raise InputError("--json prints all that was measured; give it alone.")
    with Bundle.open(bundle) as opened:
        opened.verify()
        if as_json:
            from fmcore.json_report import bundle_json

            click.echo(bundle_json(opened))
        elif layer is not None:
            describe_layer(opened, layer, probe, wanted)
        elif place is not None:
            describe_place(opened, place[0], place[1:], probe)
        else:
            describe(opened, probe, wanted, modules, arrays, every)
        if figures is not None:
            from fmcore.figures import which_layers, write_figures

            _draw(lambda progress: write_figures(opened, figures, probe, wanted, progress), which_layers(opened))


@click.command()
@click.argument("one", type=click.Path(path_type=Path))
@click.argument("other", type=click.Path(path_type=Path))
@EVERY
@JSON
@FIGURES
def compare(one: Path, other: Path, every: bool, as_json: bool, figures: Path | None) -> None:
    """Compare two networks on the same images: which layers and channels are alike, where answers differ.

    \b
    Example:
      fmcore compare tutorial.safetensors deep.safetensors --figures figures
    """
    from fmcore.analysis.compare import compare as compared
    from fmcore.bundle import Bundle
    from fmcore.comparison import describe_comparison

    if as_json and (every or figures):
        raise InputError("--json prints all that was compared; give it alone.")
    with Bundle.open(one) as first, Bundle.open(other) as second:
        found = compared(first, second)
        if as_json:
            from fmcore.json_report import comparison_json

            click.echo(comparison_json(first, second, found))
            return
        describe_comparison(first, second, found, every)
        if figures is not None:
            from fmcore.comparison_figures import which_matches, write_comparison_figures

            _draw(
                lambda progress: write_comparison_figures(first, second, found, figures, progress),
                which_matches(first, second, found),
            )


def _draw(write: Callable[[Callable[[int, int], None]], list[Path]], which: str) -> None:
    """Let `write` write figures, under a bar where there is a terminal, then say where and `which` they are."""
    from fmcore.reporter import reporter

    click.echo()
    with reporter(quiet=not sys.stderr.isatty()) as report:
        paths = write(lambda done, total: report.progress("figures", done, total, "drawn"))
    click.echo(f"{len(paths)} figure{'' if len(paths) == 1 else 's'} in {paths[0].parent}: {which}")
