"""The maps of one layer as a stage of a network: some of them as a stack, to scale or enlarged, with their words."""

import numpy as np
from manim import RIGHT, FadeIn, Group, LaggedStart
from numpy.typing import NDArray

from fmcore.analysis.channels import is_flat, representatives, strongest
from fmcore.colour import ColourScale
from fmcore.header import LayerInfo
from scenes import look
from scenes.parts.channel_stack import ChannelStack
from scenes.parts.layer_name import layer_name
from scenes.parts.picture import Picture
from scenes.parts.stage_cell import StageCell
from scenes.parts.text import shape_text

_SHEETS = 3
_STEP = 0.08  # of a stack's side: how far a sheet lies behind the one before it


class StageMaps:
    """Representative maps of `maps` (C, H, W), what `layer` computed for `probe`, all on the scale of the layer."""

    def __init__(self, layer: LayerInfo, maps: NDArray[np.floating], probe: int) -> None:
        self.layer, self.maps, self.probe = layer, maps, probe
        self.channels = representatives(maps, _SHEETS)
        self.scale = ColourScale.of(maps, "per_layer")

    @property
    def name(self) -> str:
        return layer_name(self.layer.name)

    @property
    def words(self) -> list[str]:
        """H × W × C, and how many channels are shown."""
        count, rows, columns = self.maps.shape
        shown = f"{len(self.channels)} of {count} channels" if count > len(self.channels) else f"all {count} channels"
        flat = sum(is_flat(self.maps[channel]) for channel in self.channels)
        note = "" if not flat else " · flat" if flat == len(self.channels) else f" · {flat} flat"
        return [shape_text(rows, columns, count), ("1 channel" if count == 1 else shown) + note]

    def sheets(self, cell: StageCell, share: float = 1.0) -> Group:
        """The stack in its cell; the longer side of its maps is `share` of the room."""
        rows, columns = self.maps.shape[1:]
        side = share * map_side(cell)
        height = side * min(1.0, rows / columns)
        source = (f"{self.layer.name}/activation", (self.probe,))
        stack = ChannelStack(self.maps, self.channels, self.scale, height, "", source, _STEP * side)
        sheets: Group = stack.sheets.move_to(cell.centre)
        return sheets


def map_side(cell: StageCell) -> float:
    """The longer side of a map that fills the cell with its stack."""
    return cell.side / (1 + _STEP * (_SHEETS - 1))


def arriving(sheets: Group) -> LaggedStart:
    """The sheets of a stack come in one after the other, from the left, the front one last."""
    return LaggedStart(*(FadeIn(sheet, shift=0.4 * RIGHT) for sheet in sheets), lag_ratio=0.3)


def front(sheets: Group) -> Picture:
    """The picture that lies in front."""
    picture: Picture = sheets[-1][0]
    return picture


def spot_inside(layer: LayerInfo, values: NDArray[np.floating]) -> tuple[float, float]:
    """The pixel (row, column) below the strongest place of the inner half of a map (H, W), where fields have room."""
    top, left = (size // 4 for size in values.shape)
    inner = values[top : values.shape[0] - top, left : values.shape[1] - left]
    spot = strongest(np.abs(inner))
    (first_row, first_column), (down, across) = layer.field.start, layer.field.jump
    return first_row + (top + spot.row) * down, first_column + (left + spot.column) * across


def place_over(layer: LayerInfo, row: float, column: float) -> tuple[int, int]:
    """The place (row, column) of a layer's maps whose field has its centre nearest to a pixel (row, column), at .5."""
    field, sizes = layer.field, layer.output_shape[1:]
    places = [
        round((at - start) / jump) for at, start, jump in zip((row, column), field.start, field.jump, strict=True)
    ]
    found = [min(max(place, 0), size - 1) for place, size in zip(places, sizes, strict=True)]
    return found[0], found[1]


def sees(layer: LayerInfo) -> str:
    """How far one place can see, in a few words."""
    if not layer.field.boxed:
        return "sees all of it" if layer.field.known else "field not known"
    size = f"{layer.field.size[0]} × {layer.field.size[1]}"
    if layer.field.local:
        return f"{size} + sum" if look.shape() == "tall" else f"sees {size} + sum"  # all of it has no room there
    return f"sees {size}"


def shrunk(first: LayerInfo, last: LayerInfo) -> str:
    """What the maps of the last layer are beside those of the first."""
    sizes = [int(np.prod(layer.output_shape[1:])) for layer in (first, last)]
    kind = "smaller maps" if sizes[1] < sizes[0] else "larger maps" if sizes[1] > sizes[0] else "maps of the same size"
    return f"{kind}, and more of them" if last.output_shape[0] > first.output_shape[0] else kind
