"""The arithmetic of one place of one feature map, written out for a terminal; counted from 1, as on screen."""

from collections.abc import Sequence
from math import floor, log10

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from fmcore.analysis.convolution import Place, arithmetic
from fmcore.analysis.naming import called
from fmcore.bundle import Bundle
from fmcore.choices import pixels_between, probe_number, probe_title, size
from fmcore.errors import InputError
from fmcore.tables import console, facts, section, table

_SLICES = 3  # input channels that are written out
_BESIDE = 3  # columns of a kernel that stands beside the patch; a wider one stands below it


def describe_place(bundle: Bundle, name: str, numbers: Sequence[int], probe: int | str | None = None) -> None:
    """Print how the value of layer `name` at `numbers` (channel, row, column), from 1, comes about for one probe.

    Raises:
        BundleError: there is no such layer.
        InputError: it is no convolution, or has no such channel, row or column; there is no such probe.
    """
    layer, probe = bundle.layer(name), probe_number(bundle, probe)
    if layer.type == "convolution":
        for kind, number, count in zip(("channel", "row", "column"), numbers, layer.output_shape, strict=True):
            if not 1 <= number <= count:
                raise InputError(
                    f"Layer '{name}' has {kind}s 1 to {count}, so there is no {kind} {number}; a place is named by"
                    " channel, row and column, counted from 1."
                )
    channel, row, column = (number - 1 for number in numbers)
    place = arithmetic(bundle, name, channel, row, column, probe)
    out = console()
    c, h, w = layer.output_shape
    out.print(
        facts(
            [
                (
                    "place",
                    f"{called(name)}, channel {channel + 1} of {c}, row {row + 1} of {h}, column {column + 1} of {w}",
                ),
                ("image", probe_title(bundle, probe)),
                *_seen(bundle, place, probe, layer.field.local),
            ]
        )
    )
    section(out, f"Patch of {layer.input} × kernel", *_slices(bundle, name, place, channel))
    section(out, "Sum", _sum(bundle, name, place, (channel, row, column), probe))


def _seen(bundle: Bundle, place: Place, probe: int, local: bool) -> list[tuple[str, str]]:
    """Which pixels the place sees, of the network's input and of the picture that it was cut from.

    `local`: it sees those one by one, and all others summed up, as behind a group normalisation.
    """
    height, width = bundle.header.model.input_shape[1:]
    if place.field is None:
        return []
    top, left, bottom, right = place.field
    inside = max(top, 0), max(left, 0), min(bottom, height), min(right, width)
    clipped = inside != (top, left, bottom, right)
    beyond = "; the rest of what it reaches lies beyond the border" if clipped and abs(top) != np.inf else ""
    summed = ", and the rest summed up" * local
    found = [("sees", f"{_pixels(inside)} of the {size((height, width))} input{summed}{beyond}")]
    info = bundle.header.probes[probe]
    if info.file_box is not None and info.file_size is not None:
        box = info.file_box
        down, across = (box[2] - box[0]) / height, (box[3] - box[1]) / width
        edges = (
            box[0] + inside[0] * down,
            box[1] + inside[1] * across,
            box[0] + inside[2] * down,
            box[1] + inside[3] * across,
        )
        found.append(("in the original", f"{_pixels(edges)} of the {size(info.file_size)} picture {info.source}"))
    return found


def _pixels(edges: tuple[float, float, float, float]) -> str:
    """The pixels, counted from 1, that lie between (top, left, bottom, right), in whole or in part."""
    top, left, bottom, right = edges
    return f"{_span('row', top, bottom)}, {_span('column', left, right)}"


def _span(kind: str, start: float, end: float) -> str:
    first, last = pixels_between(start, end)
    return f"{kind} {first}" if first == last else f"{kind}s {first} to {last}"


# -- numbers -------------------------------------------------------------------------------------


def _slices(bundle: Bundle, name: str, place: Place, channel: int) -> list[Table | str]:
    """Patch, kernel and products of the input channels that add most, and what the others add."""
    kernel = bundle.part(f"{name}/weight", channel)  # (C_in / groups, kH, kW)
    sums = place.products.sum((1, 2))  # (C_in / groups,)
    shown = sorted(np.argsort(-np.abs(sums), kind="stable")[:_SLICES].tolist())
    said: list[Table | str] = []
    for number in shown:
        said.append(f"input channel {place.inputs.start + number + 1}: {sums[number]:+.6g} in all")
        grids = {
            "patch": _grid(place.patch[number]),
            "kernel": _grid(kernel[number]),
            "products": _grid(place.products[number]),
        }
        if kernel.shape[2] > _BESIDE:
            said.append(facts(grids.items()))
        else:
            made = table(*grids)
            made.add_row(*grids.values())
            said.append(made)
    if len(sums) > len(shown):
        rest = float(np.delete(sums, shown).sum())
        others = len(sums) - len(shown)
        said.append(f"the other {others:,} input channel{'s add' if others > 1 else ' adds'} {rest:+.6g}")
    return said


def _grid(matrix: NDArray[np.floating]) -> Text:
    """The numbers (kH, kW) in columns, with as many decimals as three digits of the largest need."""
    largest = float(np.abs(matrix).max())
    decimals = min(9, max(0, 2 - floor(log10(largest)))) if largest > 0 else 0
    cells = [[f"{value:.{decimals}f}" for value in row] for row in (np.round(matrix, decimals) + 0.0).tolist()]
    width = max(len(cell) for row in cells for cell in row)
    return Text("\n".join(" ".join(cell.rjust(width) for cell in row) for row in cells), no_wrap=True)


def _sum(bundle: Bundle, name: str, place: Place, at: tuple[int, int, int], probe: int) -> Table:
    layer = bundle.layer(name)
    summed = f"{name}/sum" in bundle.header.arrays
    rows = [
        (f"sum of {place.products.size:,} products", f"{place.products.sum():+.6g}"),
        ("bias", f"{place.bias:+.6g}"),
        ("together", f"{place.total:+.6g}"),
    ]
    if f"{name}/scale" in bundle.header.arrays and not summed:
        sign = "-" if place.shift < 0 else "+"
        working = f"{place.scale:.6g} × {place.total:.6g} {sign} {abs(place.shift):.6g} = {place.value:+.6g}"
        rows.append((f"{layer.normalisation}: scale × it + shift", working))
    rows.append(("recorded by the network", f"{place.recorded:+.6g}"))
    if f"{name}/activation" in bundle.header.arrays:
        after = [what for what in (layer.normalisation if summed else "none", layer.nonlinearity) if what != "none"]
        value = float(bundle.part(f"{name}/activation", probe, *at))
        rows.append((f"activation, after {' and '.join(after)}" if after else "activation", f"{value:+.6g}"))
    return facts(rows)
