"""The figures of a storyboard with what they show: maps of which layers, of how many channels, beside what texts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fmcore.bundle import Bundle
from fmcore.header import ORIGINAL
from fmcore.lesson.brief import Figure
from fmcore.lesson.storyboard import Storyboard

_CHANNELS = {
    "activation",
    "preactivation",
    "sum",
    "input",
    "activation_history",
}  # of these the last index is a channel
_ORIGINAL = re.compile(re.escape(ORIGINAL).replace(re.escape("{}"), r"\d+"))  # and no layer called probes
_MAPS = _CHANNELS | {"gradcam"}


@dataclass(frozen=True)
class Shown:
    """One figure with the shape and the values of its part of the array."""

    figure: Figure
    bundle: Bundle

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the part that is shown, such as (H, W)."""
        return self.bundle.info(self.figure.array).shape[len(self.figure.index) :]

    @property
    def values(self) -> NDArray[np.floating]:
        return values_of(self.figure, self.bundle)

    @property
    def layer(self) -> str:
        """The layer that it is a map of; "" where it is no feature map."""
        layer, _, part = self.figure.array.rpartition("/")
        return layer if part in _MAPS else ""

    @property
    def channels(self) -> int:
        """How many channels the array has that the figure shows one of; 0 where its index counts no channels."""
        part, index = self.figure.array.rpartition("/")[2], self.figure.index
        one_map = bool(self.layer) and part in _CHANNELS and len(self.shape) == 2 and len(index) > 0
        return self.bundle.info(self.figure.array).shape[len(index) - 1] if one_map else 0

    @property
    def is_image(self) -> bool:
        """Whether it is a picture and no measurement, so that it is shown as it looks."""
        array = self.figure.array
        return array in ("probes", "input") or _ORIGINAL.fullmatch(array) is not None or array.endswith("/patches")


@dataclass(frozen=True)
class Scenery:
    """What stands in the frame at the end of one beat: figures and texts, in the order of drawing."""

    beat: str
    figures: tuple[Shown, ...]
    texts: tuple[str, ...]

    @property
    def sayings(self) -> Iterator[str]:
        """Every text, and every two in a row, since a sentence may be broken into lines; spaces and × made equal."""
        plain = [re.sub(r"(?<=\d) ?[x×] ?(?=\d)", " × ", " ".join(text.split())) for text in self.texts]
        yield from plain
        yield from (f"{one} {two}" for one, two in pairwise(plain))


def values_of(figure: Figure, bundle: Bundle) -> NDArray[np.float64]:
    """What the picture should show, from the bundle: (H, W), or (3, H, W) of a colour image.

    Raises:
        BundleError: the bundle has no such array or entry.
    """
    part = bundle.part(figure.array, *figure.index)
    values = np.asarray(part, np.float64)
    if values.ndim == 3 and part.dtype == np.uint8:  # bytes that are colours
        values /= 255
    return values if figure.times is None else values * float(bundle.part(figure.times[0], *figure.times[1]))


def name_of(figure: Figure) -> str:
    """Array and index, such as `conv1/activation[2][5]`, and what it is multiplied with."""
    factors = [(figure.array, figure.index), *([figure.times] if figure.times else [])]
    return " × ".join(array + "".join(f"[{number}]" for number in index) for array, index in factors)


def sceneries(board: Storyboard, bundle: Bundle, other: Bundle | None = None) -> Iterator[Scenery]:
    """The frames of `board`. A figure of an array that its bundle does not have is left out: the proof names it."""
    for frame in board.frames:
        shown = []
        for figure in board.performance.figures:
            source = other if figure.other and other is not None else bundle
            if figure.beat == frame.beat and _is_there(figure, source):
                shown.append(Shown(figure, source))
        texts = tuple(item.name for item in frame.items if item.kind == "text" and item.opacity > 0)
        yield Scenery(frame.beat, tuple(shown), texts)


def _is_there(figure: Figure, bundle: Bundle) -> bool:
    named = [(figure.array, figure.index), *([figure.times] if figure.times else [])]
    arrays = bundle.header.arrays
    return all(
        array in arrays
        and len(index) <= len(arrays[array].shape)
        and all(0 <= number < size for number, size in zip(index, arrays[array].shape, strict=False))
        for array, index in named
    )
