"""Figures of a bundle as PNG: which there are, those of the whole network, and writing them."""

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context, rcParams
from matplotlib.figure import Figure
from matplotlib.text import Text

from fmcore import layer_figures
from fmcore.analysis.attribution import class_map
from fmcore.analysis.diagnostics import Diagnosis, diagnose_all
from fmcore.analysis.hierarchy import hierarchy
from fmcore.analysis.naming import called, in_figure
from fmcore.bundle import Bundle
from fmcore.choices import LONG, class_wanted, figured, images, probe_number, spread
from fmcore.errors import InputError
from fmcore.files import distinct_names, published
from fmcore.fonts import families_for

_DPI = 150
_COLOURS = {
    "dead": "tab:gray",
    "nearly dead": "tab:purple",
    "redundant": "tab:orange",
    "watching the background": "tab:blue",
}
_LIMITS = (0.05, 0.1, 0.25, 0.5, 1.0)  # of an axis of shares

Draw = Callable[[], Figure]
Progress = Callable[[int, int], None]  # told how many are done, and of how many


def silent(done: int, total: int) -> None:
    """The progress that nobody looks at."""


def write_figures(
    bundle: Bundle, folder: Path, probe: int | str | None = None, wanted: str | None = None, progress: Progress = silent
) -> list[Path]:
    """Write all figures to `folder` and return their paths; Grad-CAM is that of the class `wanted`.

    Raises:
        InputError: there is no such probe or class, or the folder cannot be written.
    """
    probe = probe_number(bundle, probe)
    for layer in figured(bundle)[:1]:
        if f"{layer}/gradcam" in bundle.header.arrays:  # a wrong class is told before the first figure is written
            class_map(bundle, layer, probe, class_wanted(bundle, wanted))
    return save(_figures(bundle, probe, wanted), folder, progress)


def save(figures: dict[str, Draw], folder: Path, progress: Progress = silent) -> list[Path]:
    """Draw and write `figures` by name of the file, each in one go.

    Raises:
        InputError: the folder cannot be written.
    """
    written: list[Path] = []
    families: list[str] = []
    try:
        for name, draw in zip(distinct_names(figures), figures.values(), strict=True):
            progress(len(written), len(figures))
            texts = _write(draw, folder / name, families)
            if more := [family for family in families_for(texts) if family not in families]:
                families += more
                _write(draw, folder / name, families)
            written.append(folder / name)
        progress(len(written), len(figures))
    except OSError as error:
        raise InputError(f"Figures cannot be written to '{folder}' ({error.strerror}); name another folder.") from None
    return written


def _write(draw: Draw, path: Path, families: list[str]) -> list[str]:
    """Draw and write a figure; what our font lacks is taken from `families`, or a box. Returns the texts in it."""
    fonts: Any = {"font.family": [*rcParams["font.family"], *families]}
    with warnings.catch_warnings(), rc_context(fonts), published(path) as temporary:
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # a box can be seen
        figure = draw()
        figure.savefig(temporary, format="png", dpi=_DPI, bbox_inches="tight")
        return [text.get_text() for text in figure.findobj(Text)]


def which_layers(bundle: Bundle) -> str:
    """The end of a sentence: which layers have figures of their own."""
    names, every = figured(bundle), len([layer for layer in bundle.header.layers if layer.type != "pooling"])
    listed = ", ".join(map(called, names))
    if len(names) >= every:
        return f"of the whole network, and of {listed}."
    return f"of the whole network, and of {len(names)} of {every} layers, spread over the depth: {listed}."


def _figures(bundle: Bundle, probe: int, wanted: str | None) -> dict[str, Draw]:
    """What can be drawn, by name of the file."""
    names = bundle.header.arrays
    figures: dict[str, Draw] = {}
    if bundle.header.training.history:
        figures |= {f"training_{what}.png": partial(_curves, bundle, what) for what in ("loss", "accuracy")}
    if found := diagnose_all(bundle):
        if any(any(counts) for counts in _counts(found).values()):  # else there is nothing to be seen
            figures["diagnostics.png"] = partial(_faults, bundle, found)
        figures["hierarchy.png"] = partial(_depth, bundle)
    first = bundle.convolutions[0].name if bundle.convolutions else ""
    if f"{first}/weight" in names:
        figures[f"{first}_filters.png"] = partial(layer_figures.filters, bundle, first)
    if f"{first}/weight_history" in names and bundle.info(f"{first}/weight_history").shape[0] > 1:
        figures[f"{first}_learning.png"] = partial(layer_figures.learning, bundle, first)
    for layer in figured(bundle):
        for part, what, draw in (
            ("activation", "feature_maps", partial(layer_figures.maps, bundle, layer, probe)),
            ("patches", "patches", partial(layer_figures.patches, bundle, layer, probe)),
            ("gradcam", "gradcam", partial(layer_figures.gradcam, bundle, layer, probe, wanted)),
            ("correlation", "correlation", partial(layer_figures.correlation, bundle, layer)),
        ):
            if f"{layer}/{part}" in names:
                figures[f"{layer}_{what}.png"] = draw
    return figures


# -- of the whole network ------------------------------------------------------------------------


def _curves(bundle: Bundle, what: str) -> Figure:
    history = bundle.header.training.history
    figure = Figure(figsize=(6, 4))
    axes = figure.subplots()
    epochs = [record.epoch for record in history]
    for part, style in (("train", "o-"), ("test", "s--")):
        axes.plot(epochs, [getattr(record, f"{part}_{what}") for record in history], style, label=part)
    axes.set_xlabel("epoch (0 is before training)")
    axes.set_ylabel("cross-entropy loss" if what == "loss" else "accuracy")
    if what == "accuracy":
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xticks(epochs if len(epochs) <= LONG else spread(epochs, 12))
    axes.grid(alpha=0.3)
    axes.legend()
    axes.set_title(f"{bundle.header.model.name} on {bundle.header.dataset.name}: training {what}")
    return figure


def _counts(found: list[Diagnosis]) -> dict[str, list[int | None]]:
    """How many channels of each layer have each fault; None where that was not measured."""
    return {
        "dead": [len(d.dead) for d in found],
        "nearly dead": [len(d.nearly_dead) for d in found],
        "redundant": [sum(len(group.channels) for group in d.redundant) if d.correlated else None for d in found],
        "watching the background": [len(d.background) if d.foreground_images else None for d in found],
    }


def _faults(bundle: Bundle, found: list[Diagnosis]) -> Figure:
    """The share of channels of each layer that has each fault: a panel a fault that occurs, a bar a layer."""
    layers = len(found)
    faults = _counts(found)
    occurring = {name: counts for name, counts in faults.items() if any(counts)}
    height = 0.32 * layers if layers <= LONG else max(0.14 * min(layers, 2 * LONG), 0.09 * layers)
    figure = Figure(figsize=(2.5 + 3.2 * len(occurring), max(2.2, min(11, height + 1.4))), layout="constrained")
    panels = figure.subplots(1, len(occurring), sharey=True, squeeze=False)[0]
    most = max(
        (count or 0) / d.channels for counts in occurring.values() for count, d in zip(counts, found, strict=True)
    )
    reach = next(limit for limit in _LIMITS if most <= limit + 1e-9)
    for axes, (name, counts) in zip(panels, occurring.items(), strict=True):
        shares = [(count or 0) / d.channels for count, d in zip(counts, found, strict=True)]
        axes.barh(range(layers), shares, color=_COLOURS[name])
        axes.set_title(name, fontsize=10)
        axes.set_xlim(0, reach)
        axes.set_xticks([0, reach / 2, reach], [f"{100 * share:g}%" for share in (0, reach / 2, reach)])
        axes.grid(axis="x", alpha=0.3)
        if layers > LONG:
            continue
        for row, (count, share, d) in enumerate(zip(counts, shares, found, strict=True)):
            said = "not measured" if count is None else f"{count} of {d.channels}"
            inside = share > 0.6 * reach  # so that the words stay within the axes
            place, side = (share - 0.02 * reach, "right") if inside else (share + 0.02 * reach, "left")
            axes.text(place, row, said, ha=side, va="center", fontsize=8, color="white" if inside else "black")
    rows = spread(range(layers), 2 * LONG)
    panels[0].set_yticks(rows, [in_figure(found[row].layer) for row in rows], fontsize=8 if layers <= LONG else 7)
    panels[0].set_ylim(layers - 0.4, -0.6)
    title = f"{bundle.header.model.name}: share of channels with each fault, over {images(found[0].images)}"
    figure.suptitle("\n".join([title, *_absent(faults)]), fontsize=11, wrap=True)
    return figure


def _absent(faults: dict[str, list[int | None]]) -> list[str]:
    """What is said of the faults that have no panel."""
    none = [name for name, counts in faults.items() if not any(counts) and any(count is not None for count in counts)]
    unknown = [name for name, counts in faults.items() if all(count is None for count in counts)]
    said = [f"none is {' or '.join(none)}"] if none else []
    said += [f"not measured: {', '.join(unknown)}"] if unknown else []
    return ["; ".join(said)] if said else []


def _depth(bundle: Bundle) -> Figure:
    """What changes with depth, a panel for each that was measured: what a place sees, selectivity, likeness, edges."""
    stages = hierarchy(bundle)
    every: dict[str, dict[str, list[float | None]]] = {
        "share of the image\nthat a place sees": {"": [stage.share for stage in stages]},
        "class selectivity": {"": [stage.selectivity for stage in stages]},
        "correlation with": {
            "brightness or darkness": [stage.likeness for stage in stages],
            "edges": [stage.edges for stage in stages],
        },
    }
    measured = {
        name: lines
        for name, lines in every.items()
        if any(value is not None for values in lines.values() for value in values)
    }
    width = max(6.0, min(13, 0.5 * len(stages) + 3))
    figure = Figure(figsize=(width, 2.2 * len(measured) + 0.6), layout="constrained")
    panels = figure.subplots(len(measured), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, lines) in zip(panels, measured.items(), strict=True):
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
        axes.set_ylim(0, 1.05)
        for label, values in lines.items():
            points = [np.nan if value is None else value for value in values]
            axes.plot(range(len(points)), points, "o-", label=label, markersize=4)
        if "" not in lines:
            axes.legend(fontsize=8)
    panels[0].yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    rows = spread(range(len(stages)), LONG)
    names = [in_figure(stages[row].layer) for row in rows]
    turned = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 8 else {}
    panels[-1].set_xticks(rows, names, fontsize=8, **turned)
    figure.suptitle(f"{bundle.header.model.name}: from the image to the answer", fontsize=11)
    return figure
