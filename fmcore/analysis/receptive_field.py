"""Receptive fields: which part of the image one place of a layer can see.

Follows the recurrences of Dumoulin and Visin, "A guide to convolution arithmetic for deep learning"
(2016): the jump multiplies by each stride and the size grows by (effective kernel - 1) x jump. Where
branches meet, the field is the smallest that holds those of all branches.

Maps that are made finer follow the same recurrences with a step below 1. Neighbouring places then read from the same
places by turns, so no single box describes them all; the smallest that holds each of them is told, as not `exact`.
"""

from fractions import Fraction
from math import ceil, log

from fmcore.header import ReceptiveField

Pair = tuple[int, int]
Reach = tuple[float, float, float]  # step, low, high: place o reads from places step x o + low to step x o + high

_SLACK = 1e-9  # of floats that stand for whole numbers


def through(
    field: ReceptiveField, kernel: Pair, stride: Pair = (1, 1), padding: Pair = (0, 0), dilation: Pair = (1, 1)
) -> ReceptiveField:
    """The field after a convolution or pooling of this geometry over maps of `field`."""
    down, across = (
        (float(stride[axis]), float(-padding[axis]), float((kernel[axis] - 1) * dilation[axis] - padding[axis]))
        for axis in (0, 1)
    )
    return reached(field, down, across)


def reached(field: ReceptiveField, down: Reach, across: Reach) -> ReceptiveField:
    """The field of places that read from places of `field` as the two axes say."""
    size, jump, start, exact = [], [], [], field.exact
    for axis, (step, low, high) in enumerate((down, across)):
        start.append(field.start[axis] + (low + high) / 2 * field.jump[axis])
        size.append(ceil(field.size[axis] + (high - low) * field.jump[axis] - _SLACK))
        jump.append(field.jump[axis] * step)
        exact = exact and all(float(number).is_integer() for number in (step, low, high))
    exact = exact or (field.whole and field.exact)  # who sees everything goes on seeing it
    where = {"size": (size[0], size[1]), "jump": (jump[0], jump[1]), "start": (start[0], start[1])}
    return field.model_copy(update={**where, "exact": exact})


def joined(one: ReceptiveField, other: ReceptiveField, even: tuple[float, float] | None = None) -> ReceptiveField:
    """The field of a place that sees what `one` and `other` see, as after an addition or a concatenation.

    Where the two step over the image at different widths, no one box describes all places: it is not known. Places lie
    where those of a field do that has a box, or whose step is the likest to `even`: one that spans the image evenly.
    """
    whole = (one.whole and one.exact) or (other.whole and other.exact)
    if one.boxed != other.boxed and whole:  # one has seen everything and may be the same at all places
        boxed = one if one.boxed else other
        return boxed.model_copy(update={"whole": True, "exact": True, "local": False})
    if any(abs(a - b) > _SLACK * a for a, b in zip(one.jump, other.jump, strict=True)):
        likest = min(one, other, key=lambda field: _oddness(field, even))
        return likest.model_copy(update={"whole": True, "exact": whole, "local": False})
    low = [min(f.start[axis] - f.size[axis] / 2 for f in (one, other)) for axis in (0, 1)]
    high = [max(f.start[axis] + f.size[axis] / 2 for f in (one, other)) for axis in (0, 1)]
    return ReceptiveField(
        size=(ceil(high[0] - low[0] - _SLACK), ceil(high[1] - low[1] - _SLACK)),
        jump=one.jump,
        start=((low[0] + high[0]) / 2, (low[1] + high[1]) / 2),
        whole=one.whole or other.whole,
        exact=whole or (one.exact and other.exact),
        local=whole and one.boxed and other.boxed,
    )


def _oddness(field: ReceptiveField, even: tuple[float, float] | None) -> tuple[bool, float, list[int]]:
    """Orders fields by how little they say of where places lie: one without a box, a step unlike `even`, small."""
    off = sum(abs(log(step / wanted)) for step, wanted in zip(field.jump, even or field.jump, strict=True))
    return not field.boxed, round(off, 6), [-side for side in field.size]


def shared(field: ReceptiveField) -> ReceptiveField:
    """The field of a place of `field` that also depends on numbers which all places of the maps share."""
    return field.model_copy(update={"whole": True, "exact": True, "local": field.boxed})


# -- what places are read from -------------------------------------------------------------------


def transposed(kernel: int, stride: int, padding: int, dilation: int) -> Reach:
    """Of a transposed convolution: places i with i x stride + k x dilation = o + padding for some k of the kernel."""
    return 1 / stride, (padding - (kernel - 1) * dilation) / stride, padding / stride


def pooled_to(entered: int, left: int) -> Reach:
    """Of adaptive pooling: windows from floor(o x entered / left) to below ceil((o + 1) x entered / left)."""
    step = Fraction(entered, left)
    uneven = Fraction(step.denominator - 1, step.denominator)
    return float(step), float(-uneven), float(step - 1 + uneven)


def interpolated(entered: int, left: int, mode: str, corners: bool) -> Reach | None:
    """Of an interpolation from `entered` to `left` places along an axis; None where its mode is not known."""
    if mode not in ("nearest", "nearest-exact", "bilinear", "bicubic"):
        return None
    if entered == 1:  # all are read from the one place, and lie evenly over what it stands for
        middle = (1 / left - 1) / 2
        return 1 / left, middle, middle
    nearest = mode.startswith("nearest")
    step = Fraction(entered - 1, max(left - 1, 1)) if corners else Fraction(entered, left)
    offset = Fraction(0) if corners or mode == "nearest" else step / 2 if nearest else (step - 1) / 2
    low, high = [], []  # of what is read about step x o + offset
    for place in range(step.denominator):  # from there on it repeats
        rest = (step * place + offset) % 1
        blends = rest > 0 and not nearest  # else the place below is read alone
        more = 1 if blends and mode == "bicubic" else 0
        low.append(-rest - more)
        high.append(1 - rest + more if blends else -rest)
    return float(step), float(offset + min(low)), float(offset + max(high))
