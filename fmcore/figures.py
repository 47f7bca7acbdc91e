"""Figures of a bundle as PNG: training curves, learned filters, feature maps of one probe."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fmcore.bundle import Bundle
from fmcore.colour import ColourScale
from fmcore.errors import InputError
from fmcore.files import published

_DPI = 150
_MAX_TILES = 64


def write_figures(bundle: Bundle, folder: Path, probe: int | None = None) -> list[Path]:
    """Write all figures to `folder` and return their paths; `probe` is the last class's by default.

    Raises:
        InputError: there is no such probe, or the folder cannot be written.
    """
    probes = bundle.header.probes
    if probe is None:
        probe = bundle.default_probe
    if not 0 <= probe < len(probes):
        raise InputError(f"The bundle '{bundle.path.name}' has probes 0 to {len(probes) - 1} and no {probe}.")
    first = bundle.convolutions[0].name
    figures: dict[str, Callable[[], Figure]] = {
        "training_loss.png": lambda: _curves(bundle, "loss"),
        "training_accuracy.png": lambda: _curves(bundle, "accuracy"),
        f"{first}_filters.png": lambda: _filters(bundle, first),
    }
    for layer in bundle.convolutions:
        figures[f"{layer.name}_feature_maps.png"] = lambda name=layer.name: _maps(bundle, name, probe)  # type: ignore[misc]
    written = []
    try:
        for name, draw in figures.items():
            with published(folder / name) as temporary:
                draw().savefig(temporary, format="png", dpi=_DPI, bbox_inches="tight")
            written.append(folder / name)
    except OSError as error:
        raise InputError(f"Figures cannot be written to '{folder}' ({error.strerror}); name another folder.") from None
    return written


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
    axes.set_xticks(epochs)
    axes.grid(alpha=0.3)
    axes.legend()
    axes.set_title(f"{bundle.header.model.name} on {bundle.header.dataset.name}: training {what}")
    return figure


def _filters(bundle: Bundle, layer: str) -> Figure:
    weights = bundle.array(f"{layer}/weight")  # (C_out, C_in, kH, kW)
    tiles = weights.reshape(-1, *weights.shape[2:])
    scale = ColourScale.signed(weights, "per_layer")
    inputs = weights.shape[1]
    names = [f"{n // inputs + 1}" + (f", slice {n % inputs + 1}" if inputs > 1 else "") for n in range(len(tiles))]
    return _tiles(tiles, names, scale, f"{layer}: learned filters", "weight")


def _maps(bundle: Bundle, layer: str, probe: int) -> Figure:
    activation = bundle.part(f"{layer}/activation", probe)  # (C, H, W)
    scale = ColourScale.of(activation, "per_layer")
    c, h, w = activation.shape
    name = bundle.truth(probe) or bundle.header.probes[probe].source
    title = f"{layer}: feature maps of probe {probe} ({name}), {h} × {w} × {c}"
    return _tiles(activation, [f"{n + 1}" for n in range(c)], scale, title, "activation")


def _tiles(tiles: NDArray[np.floating], names: list[str], scale: ColourScale, title: str, unit: str) -> Figure:
    """Maps (N, H, W) in a grid under one scale with a colour bar; says so where not all are shown."""
    shown = min(len(tiles), _MAX_TILES)
    columns = min(8, shown)
    rows = -(-shown // columns)
    figure = Figure(figsize=(1.25 * columns + 1.2, 1.4 * rows + 0.8))
    grid = figure.subplots(rows, columns, squeeze=False)
    image = None
    for number, axes in enumerate(grid.flat):
        axes.axis("off")
        if number < shown:
            image = axes.imshow(tiles[number], cmap=scale.table_name, vmin=scale.low, vmax=scale.high or 1)
            axes.set_title(names[number], fontsize=8)
    if image is not None:
        figure.colorbar(image, ax=grid, label=unit, shrink=0.9)
    figure.suptitle(title if shown == len(tiles) else f"{title} (first {shown} of {len(tiles)})", y=1.02)
    return figure
