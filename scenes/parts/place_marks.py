"""One place of a map and what it sees: a frame on the image and a frame around the map's strongest value."""

from manim import VGroup

from fmcore.analysis.channels import strongest
from fmcore.header import ReceptiveField
from scenes.parts.marks import field_frame, values_frame
from scenes.parts.picture import Picture


def place_marks(image: Picture, feature_map: Picture, field: ReceptiveField) -> VGroup:
    """What the strongest place of `feature_map` sees of `image`, and a frame that leaves its value free."""
    spot = strongest(feature_map.values)
    rows, columns = feature_map.grid
    top, left = max(spot.row - 1, 0), max(spot.column - 1, 0)
    bottom, right = min(spot.row + 2, rows), min(spot.column + 2, columns)
    return VGroup(field_frame(image, field, spot.row, spot.column), values_frame(feature_map, top, left, bottom, right))
