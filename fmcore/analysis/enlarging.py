"""Enlarge a feature map to its image: every pixel takes the value of the place that it belongs to.

The other way round from `fmcore.analysis.alignment`, by the same rule: a place stands for the pixels around the centre
of its receptive field, half a step to either side.
"""

import numpy as np
from numpy.typing import NDArray

from fmcore.header import ReceptiveField

NOWHERE = -1
_CLOSE = 1e-6  # pixels: starts and steps of a third are no exact numbers


def places_of(length: int, places: int, jump: float, start: float) -> NDArray[np.intp]:
    """The place (length,) that each pixel along one axis belongs to; `NOWHERE` where none stands for it.

    That is at the border, where a layer without padding has no place.
    """
    if jump <= 0 or places == 1:  # one place for all
        return np.zeros(length, np.intp)
    centre = np.arange(length) + 0.5
    place = np.clip(np.floor((centre - start) / jump + 0.5), 0, places - 1)
    far = np.abs(centre - (start + place * jump)) > jump / 2 + _CLOSE
    return np.where(far, NOWHERE, place).astype(np.intp)


def enlarged(values: NDArray[np.floating], field: ReceptiveField, size: tuple[int, int]) -> NDArray[np.float64]:
    """The map (h, w) at every pixel of an image of `size` (H, W); NaN where no place stands for the pixel."""
    rows, columns = (places_of(size[axis], values.shape[axis], field.jump[axis], field.start[axis]) for axis in (0, 1))
    pixels: NDArray[np.float64] = values.astype(np.float64)[np.ix_(rows, columns)]
    pixels[rows == NOWHERE] = np.nan
    pixels[:, columns == NOWHERE] = np.nan
    return pixels
