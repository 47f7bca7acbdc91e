"""One place of a map and what it sees: a frame on the image and a frame around the map's strongest value."""

from manim import VGroup

from fmcore.analysis.channels import strongest
from fmcore.header import ReceptiveField
from scenes.parts.marks import field_frame, values_frame
from scenes.parts.picture import Picture

_FINE = 14  # places a side


def place_marks(image: Picture, feature_map: Picture, field: ReceptiveField) -> VGroup:
    """What the strongest place of `feature_map` sees of `image`, and a frame that leaves its value free."""
    spot = strongest(feature_map.values)
    rows, columns = feature_map.grid
    spare = 1 if min(rows, columns) >= _FINE else 0  # a single value of a fine map would vanish under its frame
    top, left = max(spot.row - spare, 0), max(spot.column - spare, 0)
    bottom, right = min(spot.row + spare + 1, rows), min(spot.column + spare + 1, columns)
    return VGroup(field_frame(image, field, spot.row, spot.column), values_frame(feature_map, top, left, bottom, right))
