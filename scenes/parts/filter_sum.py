"""Two filters multiplied out: each weight of the second adds a copy of the first, until they are one."""

import numpy as np
from manim import DOWN, Animation, Group, linear

from fmcore.analysis.collapse import Collapse, copies
from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.cells import Cells
from scenes.parts.marks import values_frame
from scenes.parts.picture import Drawn
from scenes.parts.picture_row import PictureRow
from scenes.parts.text import label, number

_GAP = 0.3
_ROOM_FOR_WEIGHT = 0.45  # units, below the copy


class FilterSum(Group):
    """The second filter, a copy of the first times one of its weights, and the sum of all copies so far.

    A weight is `cell` large, alike in all three; copies and sum share a scale. Of filters with many slices, one is
    shown. In a tall frame, the sum stands below. `show` goes to a step, from 0; in the last, the sum is the one filter.
    """

    def __init__(self, found: Collapse, cell: float) -> None:
        at = found.shown_slice
        self.steps = list(copies(found.first, found.second, found.stride))
        self._values = [step.values[at] for step in self.steps]
        self._totals = [step.total[at] for step in self.steps]
        shared = ColourScale.signed(np.concatenate([part.ravel() for part in (*self._values, *self._totals)]))
        stacked = look.shape() == "tall"
        names = ("2nd filter", "copy of 1st" if stacked else "copy of 1st filter", "sum of copies")
        values = (found.second, found.first[at], found.one[at])
        scales = (ColourScale.signed(found.second), shared, shared)
        self.second, self.copied, self.sum = (
            Cells(part, scale, cell * max(part.shape), name, source=Drawn("filters added up"), live=True)
            for part, scale, name in zip(values, scales, names, strict=True)
        )
        parts = [self.second, self.copied, self.sum]
        row = PictureRow(parts[:2], ["→"], _GAP) if stacked else PictureRow(parts, ["→", "→"], _GAP)
        self.signs = row.signs
        if stacked:
            self.sum.next_to(row, DOWN, buff=_ROOM_FOR_WEIGHT)
        self.mark = self.second.mark(0, 0)
        self.frame = values_frame(self.sum.picture, 0, 0, *found.first.shape[1:])
        self._weights = [label(f"× {number(step.weight)}", look.SMALL) for step in self.steps]
        self.weight = self._weights[0].copy()
        super().__init__(*parts, self.signs, self.mark, self.frame, self.weight)
        self._shown = -1
        self.show(0)

    @property
    def but_the_sum(self) -> Group:
        """All but the block of the sum."""
        return Group(self.second, self.copied, *self.sum.words, self.signs, self.mark, self.frame, self.weight)

    def show(self, step: int) -> None:
        """Show the copy that weight number `step` adds, where it goes, and the sum with it."""
        if step == self._shown:
            return
        self._shown, now = step, self.steps[step]
        self.copied.repaint(self._values[step])
        self.sum.repaint(self._totals[step])
        self.mark.move_to(self.second.mark(*now.place))
        (top, left), (rows, columns) = now.shift, self._values[step].shape
        self.frame.move_to(values_frame(self.sum.picture, top, left, top + rows, left + columns))
        self.weight.become(self._weights[step]).next_to(self.copied.block, DOWN, buff=look.NEAR)


class AddUp(Animation):
    """All steps of a `FilterSum`, one after the other."""

    def __init__(self, filters: FilterSum, run_time: float) -> None:
        self._filters = filters
        super().__init__(filters, run_time=run_time, rate_func=linear)

    def interpolate_mobject(self, alpha: float) -> None:
        count = len(self._filters.steps)
        self._filters.show(min(int(alpha * count), count - 1))
