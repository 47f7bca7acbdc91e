"""What pooling does: a window of a map, the largest of its numbers, and the smaller map where only this one stays."""

from typing import Self

from manim import DOWN, RIGHT, UP, Animation, Create, FadeIn, Group, ReplacementTransform
from numpy import floating, unravel_index
from numpy.typing import NDArray

from fmcore.analysis.pooling import PoolingStep
from fmcore.bundle import Bundle
from fmcore.colour import ColourScale
from scenes import look
from scenes.parts.cells import Cells, digit_size
from scenes.parts.feature_map import FeatureMap
from scenes.parts.layer_name import layer_name
from scenes.parts.marks import values_frame
from scenes.parts.picture import ArraySource

_CELLS = 0.75  # of the first map's size


class PoolingPicture(Group):
    """`before` (H, W) and `after` (H', W') the pooling of `step`, with a window of `before` as numbers between them.

    `size` is the height of `before`; both maps are to scale, in the same colours. `probe` is the number of the image.
    """

    def __init__(
        self,
        step: PoolingStep,
        before: NDArray[floating],
        after: NDArray[floating],
        probe: int,
        size: float,
    ) -> None:
        self.step, scale = step, ColourScale.of(before, "shared")
        share = max(after.shape[0] / before.shape[0], 0.3)
        self.before, self.after = (
            FeatureMap(
                values,
                scale,
                height,
                f"{layer_name(layer.name)}, channel {step.channel + 1}",
                ArraySource(f"{layer.name}/activation", (probe, step.channel)),
            )
            for values, layer, height in ((before, step.source, size), (after, step.layer, share * size))
        )
        window = before[step.window]
        side = _CELLS * size
        self.cells = Cells(window, scale, side, digits=digit_size([window], side / max(window.shape)))
        self.largest = unravel_index(int(window.argmax()), window.shape)
        super().__init__(self.before, self.cells, self.after)
        tall = look.shape() == "tall"
        row = Group(self.before, self.after) if tall else self
        row.arrange(RIGHT, buff=2 * look.GAP if tall else 4 * look.GAP)
        level = self.before.picture.get_y()
        if tall:
            self.cells.next_to(row, DOWN, buff=2 * look.GAP)
        else:
            self.cells.shift((level - self.cells.block.get_y()) * UP)
        self.after.shift((level - self.after.picture.get_y()) * UP)

    @classmethod
    def of(cls, bundle: Bundle, step: PoolingStep, probe: int, size: float) -> Self:
        before, after = (
            bundle.part(f"{layer.name}/activation", probe, step.channel) for layer in (step.source, step.layer)
        )
        return cls(step, before, after, probe, size)

    def moves(self) -> list[list[Animation]]:
        """The window is framed, grows to numbers, the largest is framed, and it alone goes into the smaller map."""
        step = self.step
        (height, width), row, column = step.layer.kernel, step.row, step.column
        picture = self.before.picture
        window = values_frame(picture, step.top, step.left, step.top + height, step.left + width)
        largest = self.cells.mark(int(self.largest[0]), int(self.largest[1]))
        there = values_frame(self.after.picture, row, column, row + 1, column + 1)
        share = window.width / self.cells.width
        self.marks = Group(window, largest, there)
        return [
            [Create(window)],
            [FadeIn(self.cells, target_position=window.get_center(), scale=share)],
            [Create(largest)],
            [FadeIn(self.after)],
            [ReplacementTransform(largest.copy(), there)],
        ]
