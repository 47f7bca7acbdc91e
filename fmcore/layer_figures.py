"""Figures of one layer: filters, feature maps, patches, Grad-CAM, learning and correlation."""

from collections.abc import Sequence
from math import ceil, floor
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from fmcore.analysis.attribution import ablations, class_map
from fmcore.analysis.channels import representatives
from fmcore.analysis.learning import movements
from fmcore.analysis.meaning import meanings
from fmcore.analysis.naming import in_figure
from fmcore.bundle import Bundle
from fmcore.choices import class_wanted, probe_title, spread
from fmcore.colour import ColourScale
from fmcore.header import LayerInfo

Floats = NDArray[np.floating]

_MAX_TILES = 64
_MAX_ROWS = 8  # channels of a figure with a row a channel
_GAP = 0.12  # between tiles, of the width of one
_NAMED = 0.2  # more where they bear names
_BAR, _TITLE = 1.1, 0.7  # inches for a colour bar at the side, and for a title above
_SMALL = 8  # point
_STRIPED_PX = 96  # width of a patch that bears stripes, at least


# -- tiles ---------------------------------------------------------------------------------------


def lay(
    axes: Axes, tiles: Sequence[NDArray[Any]], columns: int, names: Sequence[str] = (), scale: ColourScale | None = None
) -> Any:
    """Draw `tiles` (H, W), or (H, W, 3) as they are, in rows of `columns`; returns the last image drawn.

    One pair of axes for all of them: a pair each takes seconds.
    """
    ratio = max(tile.shape[0] / tile.shape[1] for tile in tiles)
    step = ratio + _GAP + (_NAMED if names else 0)
    drawn = None
    for number, tile in enumerate(tiles):
        left, top = number % columns * (1 + _GAP), number // columns * step
        extent = (left, left + 1, top + tile.shape[0] / tile.shape[1], top)
        if tile.ndim == 3:
            axes.imshow(tile, extent=extent, interpolation="nearest")
            shape = 1, tile.shape[0] / tile.shape[1]
            axes.add_patch(Rectangle((left, top), *shape, fill=False, edgecolor="silver", linewidth=0.5))
        else:
            drawn = axes.imshow(tile, extent=extent, interpolation="nearest", **colouring(scale))
        if names:
            axes.text(left + 0.5, top - 0.04, names[number], ha="center", va="bottom", fontsize=_SMALL)
    rows = -(-len(tiles) // columns)
    axes.set_xlim(-0.02, columns * (1 + _GAP) - _GAP + 0.02)
    axes.set_ylim(rows * step - (step - ratio) + 0.02, -0.25 if names else -0.02)
    axes.set_aspect("equal")
    axes.axis("off")
    return drawn


def colouring(scale: ColourScale | None) -> dict[str, Any]:
    """The table and range that `imshow` takes for `scale`; grey from 0 to 1 where there is none."""
    if scale is None:
        return {"cmap": "gray", "vmin": 0, "vmax": 1}
    return {"cmap": scale.table_name, "vmin": scale.low, "vmax": scale.high or 1}


def picture(image: NDArray[Any]) -> NDArray[Any]:
    """An image (C, H, W) in 0..1, or bytes, as RGB (H, W, 3) in 0..1."""
    values = image / 255 if image.dtype == np.uint8 else np.clip(image, 0, 1)
    return np.repeat(values, 3, 0).transpose(1, 2, 0) if len(values) == 1 else values.transpose(1, 2, 0)


def _grid(tiles: Floats, names: list[str], scale: ColourScale, title: str, unit: str) -> Figure:
    """Maps (N, H, W) under one scale with a colour bar; says so where not all are shown."""
    shown = min(len(tiles), _MAX_TILES)
    figure, axes, columns = _sheet(shown, tiles.shape[1] / tiles.shape[2], _BAR)
    drawn = lay(axes, list(tiles[:shown]), columns, names, scale)
    figure.colorbar(drawn, ax=axes, label=unit, shrink=0.9, pad=0.02)
    figure.suptitle(title if shown == len(tiles) else f"{title}\n(first {shown} of {len(tiles)})", fontsize=11)
    return figure


def _sheet(tiles: int, ratio: float, beside: float = 0.0) -> tuple[Figure, Axes, int]:
    """A figure as large as so many named tiles of a height `ratio` are, its axes, and in how many columns they stand.

    Few tiles are drawn larger; `beside` them there are so many inches of room.
    """
    columns = min(8, tiles)
    side = min(2.2, max(1.1, 7 / columns))  # inches
    height = -(-tiles // columns) * (ratio + _GAP + _NAMED)
    figure = Figure(
        figsize=(max(3.6, side * columns * (1 + _GAP) + beside), side * height + _TITLE), layout="constrained"
    )
    return figure, figure.subplots(), columns


# -- what the layer computes ---------------------------------------------------------------------


def filters(bundle: Bundle, layer: str) -> Figure:
    weights = bundle.array(f"{layer}/weight")  # (C_out, C_in, kH, kW)
    tiles = weights.reshape(-1, *weights.shape[2:])
    inputs = weights.shape[1]
    if inputs == 3 and len(tiles) > _MAX_TILES:  # as many as there are slices would hide most filters
        return _coloured_filters(
            weights, f"{in_figure(layer)}: learned filters, red, green and blue slice as colour (0 is grey)"
        )
    slices = [", red", ", green", ", blue"] if inputs == 3 else [f", slice {n + 1}" for n in range(inputs)]
    names = [f"{n // inputs + 1}{slices[n % inputs] if inputs > 1 else ''}" for n in range(len(tiles))]
    return _grid(
        tiles, names, ColourScale.signed(weights, "per_layer"), f"{in_figure(layer)}: learned filters", "weight"
    )


def _coloured_filters(weights: Floats, title: str) -> Figure:
    shown = min(len(weights), _MAX_TILES)
    figure, axes, columns = _sheet(shown, weights.shape[2] / weights.shape[3])
    lay(axes, _as_colours(weights[:shown]), columns, [f"{n + 1}" for n in range(shown)])
    figure.suptitle(title if shown == len(weights) else f"{title}\n(first {shown} of {len(weights)})", fontsize=11)
    return figure


def _as_colours(weights: Floats) -> list[Floats]:
    """Filters (N, 3, kH, kW) as RGB (kH, kW, 3) each: 0 is mid grey, the largest magnitude of all reaches the ends."""
    reach = float(np.abs(weights).max()) or 1.0
    return list((0.5 + weights / (2 * reach)).transpose(0, 2, 3, 1))


def maps(bundle: Bundle, layer: str, probe: int) -> Figure:
    activation = bundle.part(f"{layer}/activation", probe)  # (C, H, W)
    c, h, w = activation.shape
    title = f"{in_figure(layer)}: feature maps, {h} × {w} × {c}\n{probe_title(bundle, probe)}"
    names = [f"{n + 1}" for n in range(c)]
    return _grid(activation, names, ColourScale.of(activation, "per_layer"), title, "activation")


def patches(bundle: Bundle, layer: str, probe: int) -> Figure:
    """The patches of test images that light the representative channels of one probe most, a row a channel."""
    stored = bundle.array(f"{layer}/patch_channels").tolist()
    cut = bundle.array(f"{layer}/patches")  # (R, k, C, s, s)
    values = bundle.array(f"{layer}/top_values")  # (C, k)
    places = bundle.array(f"{layer}/top_places")  # (C, k, 2)
    activation = bundle.part(f"{layer}/activation", probe)
    chosen = [stored[r] for r in representatives(activation[stored], _MAX_ROWS)]
    named = meanings(bundle, layer) if f"{layer}/meaning" in bundle.header.arrays else None
    image = bundle.header.model.input_shape[1:]
    rows = [
        [
            _beyond_striped(picture(patch), inside(bundle.layer(layer), (int(place[0]), int(place[1])), image))
            for patch, place in zip(cut[stored.index(channel)], places[channel], strict=True)
        ]
        for channel in chosen
    ]
    ratio = cut.shape[3] / cut.shape[4]
    step = ratio + _GAP
    figure = Figure(figsize=(0.85 * max(cut.shape[1], 3) + 2.0, 0.85 * step * len(chosen) + 0.8), layout="constrained")
    axes = figure.subplots()
    lay(axes, [tile for row in rows for tile, _ in row], cut.shape[1])
    for number, channel in enumerate(chosen):
        name = f"channel {channel + 1}"
        if named is not None:
            name += f"\n{_in_two(named[channel].label)} {named[channel].score:.2f}"
        name += f"\nup to {values[channel].max():.3g}" if values[channel].max() > 0 else "\nnever above zero"
        axes.text(-0.1, number * step + ratio / 2, name, ha="right", va="center", fontsize=_SMALL)
    title = f"{in_figure(layer)}: what lights each channel most, strongest first"
    if any(beyond for row in rows for _, beyond in row):
        title += "\n(striped: beyond the border of the image)"
    figure.suptitle(title, fontsize=11)
    return figure


def inside(layer: LayerInfo, place: tuple[int, int], image: tuple[int, int]) -> tuple[tuple[float, float], ...]:
    """From where to where a patch shows the image of size `image`: shares of its height and of its width.

    A patch is the window about the centre of the receptive field of `place`, no larger than the image.
    """
    found = []
    for axis in (0, 1):
        field, length = layer.field, image[axis]
        side = min(field.size[axis], length) if field.boxed else length
        start = 0 if side == length else round(field.start[axis] + place[axis] * field.jump[axis] - side / 2)
        found.append((max(-start, 0) / side, min(length - start, side) / side))
    return tuple(found)


def _beyond_striped(tile: NDArray[Any], shares: tuple[tuple[float, float], ...]) -> tuple[NDArray[Any], bool]:
    """`tile` (H, W, 3), enlarged and with grey stripes outside of `shares`, and whether there are any."""
    times = -(-_STRIPED_PX // tile.shape[1])
    (top, bottom), (left, right) = (
        (ceil(low * count - 1e-6) * times, floor(high * count + 1e-6) * times)
        for (low, high), count in zip(shares, tile.shape[:2], strict=True)
    )
    large = np.kron(tile, np.ones((times, times, 1)))
    beyond = np.ones(large.shape[:2], bool)
    beyond[top:bottom, left:right] = False
    rows, columns = np.indices(beyond.shape)
    stripes = np.where((rows + columns) // (_STRIPED_PX // 12) % 2, 0.62, 0.8)
    return np.where(beyond[..., None], stripes[..., None], large), bool(beyond.any())


def _in_two(label: str) -> str:
    return label.replace(", ", ",\n")


def correlation(bundle: Bundle, layer: str) -> Figure:
    matrix = bundle.array(f"{layer}/correlation")
    figure = Figure(figsize=(5.6, 4.8), layout="constrained")
    axes = figure.subplots()
    edge = len(matrix) + 0.5
    drawn = axes.imshow(matrix, extent=(0.5, edge, edge, 0.5), cmap="berlin", vmin=-1, vmax=1)
    ticks = range(1, len(matrix) + 1) if len(matrix) <= 16 else spread(range(1, len(matrix) + 1), 8)
    axes.set_xticks(list(ticks))
    axes.set_yticks(list(ticks))
    axes.set_xlabel("channel")
    axes.set_ylabel("channel")
    if len(matrix) <= _MAX_ROWS:
        for (row, column), value in np.ndenumerate(matrix):
            ink = "black" if abs(value) > 0.6 else "white"
            axes.text(column + 1, row + 1, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=_SMALL)
    axes.set_title(f"{in_figure(layer)}: correlation between channels", fontsize=11)
    figure.colorbar(drawn, ax=axes, label="Pearson correlation")
    return figure


# -- what it is for ------------------------------------------------------------------------------


def gradcam(bundle: Bundle, layer: str, probe: int, wanted: str | None) -> Figure:
    """The probe, what supports the class, the signed map, and what the answer loses without single channels."""
    found = class_map(bundle, layer, probe, class_wanted(bundle, wanted))
    tried = ablations(bundle, layer, probe)[:_MAX_ROWS] if f"{layer}/ablation" in bundle.header.arrays else []
    image = picture(bundle.part("probes", probe))
    figure = Figure(figsize=(14 if tried else 10.5, 3.6), layout="constrained")
    panels = figure.subplots(
        1, 4 if tried else 3, width_ratios=[1, 1, 1.2, 1.1][: 4 if tried else 3], gridspec_kw={"wspace": 0.08}
    )
    info, field = bundle.layer(layer), bundle.layer(layer).field
    _, h, w = info.output_shape
    top, left = (start - jump / 2 for start, jump in zip(field.start, field.jump, strict=True))
    extent = (left, left + w * field.jump[1], top + h * field.jump[0], top)
    whole = (0, image.shape[1], image.shape[0], 0)
    panels[0].imshow(image, extent=whole)
    panels[0].set_title(_wrapped(probe_title(bundle, probe)), fontsize=10)
    positive = ColourScale.strength(found.positive)
    share = found.positive / (positive.high or 1)  # (H, W) in 0..1
    panels[1].imshow(image.mean(2), extent=whole, cmap="gray", vmin=0, vmax=1)
    overlay = np.dstack([positive.colours(found.positive) / 255, 0.85 * share])
    panels[1].imshow(overlay, extent=extent, interpolation="nearest")
    said = (
        f"supports '{found.name}' ({found.probability:.1%})" if found.supported else f"nothing supports '{found.name}'"
    )
    panels[1].set_title(_wrapped(said), fontsize=10)
    drawn = panels[2].imshow(
        found.signed, extent=extent, interpolation="nearest", **colouring(ColourScale.signed(found.signed))
    )
    panels[2].set_title("for (red) and against (blue)", fontsize=10)
    figure.colorbar(drawn, ax=panels[2], label="Grad-CAM", shrink=0.85)
    for axes in panels[:3]:
        axes.set_xlim(0, image.shape[1])
        axes.set_ylim(image.shape[0], 0)
        axes.axis("off")
    if tried:
        predicted = bundle.class_name(bundle.header.probes[probe].predicted)
        _losses(panels[3], [(a.channel, a.change) for a in tried], predicted)
    figure.suptitle(f"{in_figure(layer)}: Grad-CAM, {h} × {w} places", fontsize=11)
    return figure


def _losses(axes: Axes, changes: list[tuple[int, float]], predicted: str) -> None:
    points = [100 * change for _, change in changes]
    axes.barh(range(len(points)), points, color=["tab:red" if change < 0 else "tab:green" for change in points])
    axes.set_yticks(range(len(points)), [f"channel {channel + 1}" for channel, _ in changes], fontsize=_SMALL)
    axes.set_ylim(max(len(points), _MAX_ROWS // 2) - 0.4, -0.6)  # a single bar need not fill the panel
    axes.axvline(0, color="black", linewidth=0.8)
    reach = max(0.05, *(abs(change) for change in points))  # so that rounding is not blown up to bars
    axes.set_xlim(-1.1 * reach, max(0.1 * reach, 1.1 * max(points)))
    axes.set_xlabel("change in percentage points", fontsize=_SMALL)
    axes.set_title(_wrapped(f"'{predicted}' without the channel"), fontsize=10)


def _wrapped(text: str, width: int = 32) -> str:
    from textwrap import fill

    return fill(text, width)


def learning(bundle: Bundle, layer: str) -> Figure:
    """Filters epoch by epoch, a row a channel: those that moved farthest."""
    history = bundle.array(f"{layer}/weight_history")  # (E + 1, C_out, C_in, kH, kW)
    moved = movements(bundle, layer).distance[-1]
    chosen = sorted(np.argsort(-moved, kind="stable")[:_MAX_ROWS].tolist())
    epochs = spread(range(len(history)), _MAX_ROWS)
    coloured = history.shape[2] == 3
    scale = ColourScale.signed(history[:, chosen], "shared")
    tiles = np.stack([history[epoch, channel] for channel in chosen for epoch in epochs])  # (N, C_in, kH, kW)
    shown = _as_colours(tiles) if coloured else list(tiles[:, 0])
    figure = Figure(figsize=(0.95 * len(epochs) + 3.6, 0.95 * len(chosen) + 1.3), layout="constrained")
    axes = figure.subplots()
    drawn = lay(axes, shown, len(epochs), scale=scale)
    step = shown[0].shape[0] / shown[0].shape[1] + _GAP
    for row, channel in enumerate(chosen):
        name = f"channel {channel + 1}\nmoved {moved[channel]:.2f}"
        axes.text(-0.1, row * step + step / 2 - _GAP / 2, name, ha="right", va="center", fontsize=_SMALL)
    for column, epoch in enumerate(epochs):
        axes.text(column * (1 + _GAP) + 0.5, -0.06, f"epoch {epoch}", ha="center", va="bottom", fontsize=_SMALL)
    axes.set_ylim(axes.get_ylim()[0], -0.3)
    if drawn is not None:
        figure.colorbar(drawn, ax=axes, label="weight", shrink=0.8)
    which = f"the {len(chosen)} of {len(moved)} filters that moved farthest" if len(chosen) < len(moved) else "filters"
    slices = ", red, green and blue slice as colour (0 is grey)" if coloured else ""
    figure.suptitle(f"{in_figure(layer)}: {which}, epoch by epoch{slices}", fontsize=11, wrap=True)
    return figure
