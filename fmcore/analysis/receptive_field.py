"""Receptive fields: which part of the image one place of a layer can see.

Follows the recurrences of Dumoulin and Visin, "A guide to convolution arithmetic for deep learning"
(2016): the jump multiplies by each stride and the size grows by (effective kernel - 1) x jump. Where
branches meet, the field is the smallest that holds those of all branches.
"""

from fmcore.header import ReceptiveField

Pair = tuple[int, int]


def through(
    field: ReceptiveField, kernel: Pair, stride: Pair = (1, 1), padding: Pair = (0, 0), dilation: Pair = (1, 1)
) -> ReceptiveField:
    """The field after a convolution or pooling of this geometry over maps of `field`."""
    size, jump, start = list(field.size), list(field.jump), list(field.start)
    for axis in (0, 1):
        reach = (kernel[axis] - 1) * dilation[axis]
        start[axis] += (reach / 2 - padding[axis]) * jump[axis]
        size[axis] += reach * jump[axis]
        jump[axis] *= stride[axis]
    return ReceptiveField(size=_pair(size), jump=_pair(jump), start=(start[0], start[1]), whole=field.whole)


def joined(one: ReceptiveField, other: ReceptiveField) -> ReceptiveField:
    """The field of a place that sees what `one` and `other` see, as after an addition or a concatenation.

    Where the two step over the image at different widths, no one box describes all places: it becomes the whole image.
    """
    if one.jump != other.jump:
        return max(one, other, key=lambda field: field.size).model_copy(update={"whole": True})
    low = [min(f.start[axis] - f.size[axis] / 2 for f in (one, other)) for axis in (0, 1)]
    high = [max(f.start[axis] + f.size[axis] / 2 for f in (one, other)) for axis in (0, 1)]
    return ReceptiveField(
        size=_pair([round(high[axis] - low[axis]) for axis in (0, 1)]),
        jump=one.jump,
        start=((low[0] + high[0]) / 2, (low[1] + high[1]) / 2),
        whole=one.whole or other.whole,
    )


def _pair(values: list[int]) -> Pair:
    return values[0], values[1]
