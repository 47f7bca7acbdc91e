"""Two real filters after each other as a row: image ∗ filter + bias = map ∗ filter = map, or in one step."""

from typing import Literal

import numpy as np
from manim import Mobject
from numpy.typing import NDArray

from fmcore.analysis.collapse import Collapse
from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.feature_map import FeatureMap, Lines, SaysFlat
from scenes.parts.filter_slice import FilterSlice
from scenes.parts.picture import ArraySource, Drawn, Source
from scenes.parts.picture_row import PictureRow

_FILTER = 0.55  # of a map's height
_GAPS = {"wide": 0.32, "square": look.NEAR, "tall": look.NEAR}

How = Literal["first", "two", "one", "between"]


class FilterCalculation(PictureRow):
    """The calculation of `found` with `two` filters, the `one` they come to, or two with φ `between` them.

    It starts from `image`, what the first filter reads. Where a frame has no room for two steps in a row, they stand
    `apart`: two start from the map that the first filter made, and this `first` step is a row of its own. Maps are
    `size` high; results share one scale.
    """

    def __init__(self, found: Collapse, how: How, image: Mobject, size: float, apart: bool) -> None:
        results = results_scale(found)
        lines: Lines = "two" if look.shape() == "tall" else "fit"  # else shapes would leave no room for the maps
        says_flat: SaysFlat = "beside" if look.shape() == "wide" else "below"  # five stand in a row
        cell = _FILTER * size / max(found.second.shape)  # of a filter's weight, alike in all three
        slice_, worked = found.shown_slice, Drawn("what filters make when they are worked out")
        if how == "one":
            one = _filter(found.one, slice_, cell, size, "one filter", worked)
            result = FeatureMap(found.once, results, size, "one filter", worked, says_flat=says_flat, lines=lines)
            super().__init__([image, one, result], ["∗", "+ c =" if found.bias else "="], _GAPS[look.shape()])
            return
        values, name, array, made, about, sign = (
            (found.after, "after φ", found.after_array, found.between, "with φ", "+ b, φ →" if found.bias else "φ →")
            if how == "between"
            else (
                found.before,
                "before norm" if found.without_norm else "before φ",
                found.before_array,
                found.two,
                "two filters",
                "+ b =" if found.bias else "=",
            )
        )
        weights = (
            ArraySource(f"{found.layer}/weight", (found.place[1], slice_)),
            ArraySource(f"{found.partner}/weight", (found.filter, found.slice)),
        )
        scale = ColourScale.signed(np.stack([found.before, found.after]), "shared")
        before = ArraySource(array, found.place) if array else worked
        items = [
            image,
            _filter(found.first, slice_, cell, size, "1st filter", weights[0] if found.recorded[0] else worked),
            FeatureMap(values, scale, size, name, before, says_flat=says_flat, lines=lines),
            _filter(found.second[None], 0, cell, size, "2nd filter", weights[1] if found.recorded[1] else worked),
            FeatureMap(made, results, size, about, worked, says_flat=says_flat, lines=lines),
        ]
        first = 2 if apart and how != "first" else 0
        last = 3 if how == "first" else 5
        super().__init__(items[first:last], ["∗", sign, "∗", "="][first : last - 1], _GAPS[look.shape()])

    @property
    def result(self) -> FeatureMap:
        found: FeatureMap = self.items[-1]
        return found


def results_scale(found: Collapse) -> ColourScale:
    """The scale of all that a second filter makes, and of what φ changes in it."""
    change = found.between - found.two
    return ColourScale.signed(np.stack([found.two, found.once, found.between, change]), "shared")


def calculation_rooms() -> tuple[look.Region, look.Region, look.Region]:
    """Regions of two calculations below each other, and of what is said of both: in a wide frame, beside them."""
    if look.shape() == "wide":
        rows, both = look.body().columns(10.4, 2.4)
        upper, lower = rows.rows(1.0, 1.0)
    else:
        upper, lower, both = look.body().rows(1.0, 1.0, 0.25)
    return upper, lower, both


def _filter(
    weights: NDArray[np.floating], slice_: int, cell: float, most: float, name: str, source: Source
) -> FilterSlice:
    """One slice of `weights` (C, kH, kW), its values `cell` large where that leaves it no larger than a map."""
    count = len(weights)
    note = f"1 of {count}{' slices' * (look.shape() != 'tall')}" if count > 1 else ""
    size = min(most, cell * max(weights.shape[1:]))
    return FilterSlice(weights[slice_], size, "" if look.shape() == "tall" else name, note, source)
