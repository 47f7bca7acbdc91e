"""One place of a map and what it sees: a frame on the image, and lines that point at the map's strongest value."""

from manim import VGroup

from fmcore.analysis.channels import strongest
from fmcore.header import ReceptiveField
from scenes.parts.marks import aim, field_frame
from scenes.parts.picture import Picture


def place_marks(image: Picture, feature_map: Picture, field: ReceptiveField) -> VGroup:
    """What the strongest place of `feature_map` sees of `image`, and lines that point at its value."""
    spot = strongest(feature_map.values)
    return VGroup(field_frame(image, field, spot.row, spot.column), aim(feature_map, spot.row, spot.column))
