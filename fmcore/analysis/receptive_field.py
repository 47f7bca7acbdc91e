"""Receptive fields: which part of the image one place of a layer can see.

Follows the recurrences of Dumoulin and Visin, "A guide to convolution arithmetic for deep learning"
(2016): along a chain of layers the jump multiplies by each stride and the size grows by
(kernel - 1) x jump. Valid for networks without branches.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fmcore.bundle import LayerInfo


@dataclass(frozen=True)
class ReceptiveField:
    """In image pixels, (vertical, horizontal): size, step between neighbours, first centre."""

    size: tuple[int, int]
    jump: tuple[int, int]
    start: tuple[float, float]  # centre of the field of place (0, 0); pixel centres are at .5

    def box(self, row: int, column: int) -> tuple[float, float, float, float]:
        """(top, left, bottom, right) edges in pixels of the field of place (row, column).

        It may reach beyond the image, where the padding is.
        """
        centre = (self.start[0] + row * self.jump[0], self.start[1] + column * self.jump[1])
        return (
            centre[0] - self.size[0] / 2,
            centre[1] - self.size[1] / 2,
            centre[0] + self.size[0] / 2,
            centre[1] + self.size[1] / 2,
        )


def receptive_field(layers: Sequence[LayerInfo], name: str) -> ReceptiveField:
    """The receptive field of layer `name`, whose predecessors stand before it in `layers`."""
    size, jump, start = [1, 1], [1, 1], [0.5, 0.5]
    for layer in layers:
        for axis in (0, 1):
            start[axis] += ((layer.kernel[axis] - 1) / 2 - layer.padding[axis]) * jump[axis]
            size[axis] += (layer.kernel[axis] - 1) * jump[axis]
            jump[axis] *= layer.stride[axis]
        if layer.name == name:
            return ReceptiveField((size[0], size[1]), (jump[0], jump[1]), (start[0], start[1]))
    raise KeyError(name)
