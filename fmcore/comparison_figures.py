"""Figures of a comparison of two networks: how alike their layers are, and matched channels side by side."""

from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fmcore.analysis.compare import Comparison, Counterpart
from fmcore.analysis.counterparts import common_probes
from fmcore.analysis.naming import called, in_figure
from fmcore.bundle import Bundle
from fmcore.choices import FIGURED, probe_title, spread
from fmcore.colour import ColourScale
from fmcore.figures import Draw, Progress, save, silent
from fmcore.layer_figures import lay, picture

_PAIRS = 8
_NUMBERED = 12  # layers up to which the cells of the matrix bear numbers


def write_comparison_figures(
    one: Bundle, other: Bundle, found: Comparison, folder: Path, progress: Progress = silent
) -> list[Path]:
    """Write `cka.png` and, where both bundles hold the same probe, `matches_<layer>.png` to `folder`.

    Raises:
        InputError: the folder cannot be written.
    """
    figures: dict[str, Draw] = {"cka.png": partial(_cka, one, other, found)}
    probes = common_probe(one, other)
    if probes is not None:
        for pair in _figured(found):
            figures[f"matches_{pair.layer}.png"] = partial(_matches, one, other, pair, probes)
    return save(figures, folder, progress)


def which_matches(one: Bundle, other: Bundle, found: Comparison) -> str:
    """The end of a sentence: of which layers matched channels are drawn, or why of none."""
    if common_probe(one, other) is None:
        return "likeness of layers; no matched channels, because the bundles have no probe in common."
    pairs = _figured(found)
    if not pairs:
        return "likeness of layers; no matched channels, because there are none."
    return f"likeness of layers, and matched channels of {', '.join(called(pair.layer) for pair in pairs)}."


def _figured(found: Comparison) -> list[Counterpart]:
    return spread([pair for pair in found.counterparts if pair.matching.pairs], FIGURED)


def common_probe(one: Bundle, other: Bundle) -> tuple[int, int] | None:
    """The numbers under which both bundles hold the same image, that of the default probe of the first if they can."""
    common = common_probes(one, other)
    return min(common, key=lambda pair: pair[0] != one.default_probe, default=None)


def _cka(one: Bundle, other: Bundle, found: Comparison) -> Figure:
    rows, columns = found.layers
    width, height = (max(3.2, min(11, 0.62 * len(names))) for names in (columns, rows))
    figure = Figure(figsize=(width + 3, height + 1.6), layout="constrained")
    axes = figure.subplots()
    drawn = axes.imshow(np.clip(found.cka, 0, 1), cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
    for ticks, names in ((axes.set_xticks, columns), (axes.set_yticks, rows)):
        shown = spread(range(len(names)), 2 * _NUMBERED)
        ticks(shown, [in_figure(names[number]) for number in shown], fontsize=8)
    if max(len(in_figure(name)) for name in columns) > 8:
        axes.tick_params(axis="x", rotation=60)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    if max(len(rows), len(columns)) <= _NUMBERED:
        for (row, column), value in np.ndenumerate(found.cka):
            ink = "black" if value > 0.6 else "white"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=8)
    axes.set_ylabel(f"A: {one.path.stem}")
    axes.set_xlabel(f"B: {other.path.stem}")
    axes.set_title(f"Likeness of layers on {found.images:,} images", fontsize=11)
    figure.colorbar(drawn, ax=axes, label="debiased linear CKA")
    return figure


def _matches(one: Bundle, other: Bundle, pair: Counterpart, probes: tuple[int, int]) -> Figure:
    """The pairs that correlate most: the maps of A above those of B, of the same image and all on one scale."""
    matched = pair.matching.pairs[:_PAIRS]
    mine = [one.part(f"{pair.layer}/activation", probes[0], match.one) for match in matched]
    theirs = [other.part(f"{pair.other}/activation", probes[1], match.other) for match in matched]
    scale = ColourScale.of(np.concatenate([tile.ravel() for tile in (*mine, *theirs)]), "shared")
    image = picture(one.part("probes", probes[0]))
    columns = len(matched)
    figure = Figure(figsize=(1.15 * columns + 3.4, 3.5), layout="constrained")
    panels = figure.subplots(1, 2, width_ratios=[1.6, max(columns, 2)])
    panels[0].imshow(image)
    panels[0].set_title(probe_title(one, probes[0]), fontsize=9)
    panels[0].axis("off")
    names = [f"A {match.one + 1}" for match in matched]
    names += [f"B {match.other + 1} ({match.correlation:.2f})" for match in matched]
    drawn = lay(panels[1], [*mine, *theirs], columns, names, scale)
    figure.colorbar(drawn, ax=panels[1], label="activation", shrink=0.8)
    total = len(pair.matching.pairs)
    which = f"the {len(matched)} likest of {total}" if total > len(matched) else f"all {total}"
    figure.suptitle(
        f"{in_figure(pair.layer)} of A and {in_figure(pair.other)} of B: channels matched, {which} (with correlation)",
        fontsize=11,
    )
    return figure
