"""Figures of a bundle as PNG: which there are, those of the whole network, and writing them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fmcore import layer_figures
from fmcore.analysis.attribution import class_map
from fmcore.analysis.diagnostics import Diagnosis, diagnose_all
from fmcore.analysis.hierarchy import hierarchy
from fmcore.bundle import Bundle
from fmcore.choices import LONG, class_wanted, figured, probe_number, spread
from fmcore.errors import InputError
from fmcore.files import published

_DPI = 150
_COLOURS = ("tab:gray", "tab:purple", "tab:orange", "tab:blue")

Draw = Callable[[], Figure]


def write_figures(bundle: Bundle, folder: Path, probe: int | None = None, wanted: str | None = None) -> list[Path]:
    """Write all figures to `folder` and return their paths; Grad-CAM is that of the class `wanted`.

    Raises:
        InputError: there is no such probe or class, or the folder cannot be written.
    """
    probe = probe_number(bundle, probe)
    for layer in figured(bundle)[:1]:
        if f"{layer}/gradcam" in bundle.header.arrays:  # a wrong class is told before the first figure is written
            class_map(bundle, layer, probe, class_wanted(bundle, wanted))
    return save(_figures(bundle, probe, wanted), folder)


def save(figures: dict[str, Draw], folder: Path) -> list[Path]:
    """Draw and write `figures` by name of the file, each in one go.

    Raises:
        InputError: the folder cannot be written.
    """
    written = []
    try:
        for name, draw in figures.items():
            figure = draw()
            with published(folder / name) as temporary:
                figure.savefig(temporary, format="png", dpi=_DPI, bbox_inches="tight")
            written.append(folder / name)
    except OSError as error:
        raise InputError(f"Figures cannot be written to '{folder}' ({error.strerror}); name another folder.") from None
    return written


def which_layers(bundle: Bundle) -> str:
    """A sentence: which layers have figures of their own."""
    names, every = figured(bundle), len([layer for layer in bundle.header.layers if layer.type != "pooling"])
    if len(names) >= every:
        return f"Figures of {', '.join(names)}:"
    return f"Figures of {len(names)} of {every} layers, spread over the depth: {', '.join(names)}."


def _figures(bundle: Bundle, probe: int, wanted: str | None) -> dict[str, Draw]:
    """What can be drawn, by name of the file."""
    names = bundle.header.arrays
    figures: dict[str, Draw] = {}
    if bundle.header.training.history:
        figures |= {f"training_{what}.png": partial(_curves, bundle, what) for what in ("loss", "accuracy")}
    if found := diagnose_all(bundle):
        figures |= {
            "diagnostics.png": partial(_faults, bundle, found),
            "hierarchy.png": partial(_depth, bundle),
        }
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


def _faults(bundle: Bundle, found: list[Diagnosis]) -> Figure:
    """The share of channels of each layer that has each fault: a panel a fault, a bar a layer."""
    layers = len(found)
    height = 0.32 * layers if layers <= LONG else max(0.14 * min(layers, 2 * LONG), 0.09 * layers)
    figure = Figure(figsize=(12, max(2.2, min(11, height + 1.3))), layout="constrained")
    panels = figure.subplots(1, 4, sharey=True)
    faults: dict[str, list[int | None]] = {
        "dead": [len(d.dead) for d in found],
        "nearly dead": [len(d.nearly_dead) for d in found],
        "redundant": [sum(len(group.channels) for group in d.redundant) if d.correlated else None for d in found],
        "watches the background": [len(d.background) if d.foreground_images else None for d in found],
    }
    for axes, colour, (name, counts) in zip(panels, _COLOURS, faults.items(), strict=True):
        shares = [(count or 0) / d.channels for count, d in zip(counts, found, strict=True)]
        axes.barh(range(layers), shares, color=colour)
        axes.set_title(name, fontsize=10)
        axes.set_xlim(0, 1.0 if layers > LONG else 1.35)
        axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
        axes.grid(axis="x", alpha=0.3)
        if layers <= LONG:
            for row, (count, share, d) in enumerate(zip(counts, shares, found, strict=True)):
                said = "not measured" if count is None else f"{count} of {d.channels}"
                axes.text(share + 0.02, row, said, va="center", fontsize=8)
    rows = spread(range(layers), 2 * LONG)
    panels[0].set_yticks(rows, [found[row].layer for row in rows], fontsize=8 if layers <= LONG else 7)
    panels[0].set_ylim(layers - 0.4, -0.6)
    images = f"{found[0].images:,} image{'' if found[0].images == 1 else 's'}"
    figure.suptitle(f"{bundle.header.model.name}: share of channels with each fault, over {images}", fontsize=11)
    return figure


def _depth(bundle: Bundle) -> Figure:
    """What changes with depth: the share of the image that a place sees, selectivity, likeness to the input, edges."""
    stages = hierarchy(bundle)
    figure = Figure(figsize=(max(6.0, min(13, 0.5 * len(stages) + 3)), 7.2), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    curves: tuple[tuple[str, tuple[tuple[str, list[float | None]], ...]], ...] = (
        ("share of the image\nthat a place sees", (("", [stage.share for stage in stages]),)),
        ("class selectivity", (("", [stage.selectivity for stage in stages]),)),
        (
            "correlation with",
            (
                ("brightness or darkness", [stage.likeness for stage in stages]),
                ("edges", [stage.edges for stage in stages]),
            ),
        ),
    )
    for axes, (name, lines) in zip(panels, curves, strict=True):
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
        axes.set_ylim(0, 1.05)
        for label, values in lines:
            _line(axes, label, values)
        if lines[0][0]:
            axes.legend(fontsize=8)
    panels[0].yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    rows = spread(range(len(stages)), LONG)
    names = [stages[row].layer for row in rows]
    turned = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 6 else {}
    panels[-1].set_xticks(rows, names, fontsize=8, **turned)
    figure.suptitle(f"{bundle.header.model.name}: from the image to the answer", fontsize=11)
    return figure


def _line(axes: Axes, label: str, values: list[float | None]) -> None:
    if all(value is None for value in values):
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", va="center")
        return
    points = np.array([np.nan if value is None else value for value in values])
    axes.plot(range(len(points)), points, "o-", label=label, markersize=4)
