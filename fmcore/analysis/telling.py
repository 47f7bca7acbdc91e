"""Which channel of a layer shows best what a filter and a nonlinearity do."""

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.border import strongest_inside
from fmcore.analysis.correlation import correlations

Floats = NDArray[np.floating]

_CLOSE = 0.05  # of a map's largest value


def telling(activation: Floats, image: Floats | None = None) -> int:
    """The channel of `activation` (C, H, W) that shows best what a filter and a nonlinearity do.

    Largest spatial standard deviation times 4 z (1 - z), where z is the share of places set to zero: much
    varies in it, and neither everything nor nothing is cut off; times 1 - r², where r is its correlation with the
    brightness of `image` (C', H', W'), since a map that repeats the image shows no filter at work; divided by the root
    of how many places come close to the largest value, since a map that is strongest in half of its places has no
    strongest place to show. Where that is zero for all, the standard deviation alone decides. Channels whose strongest
    place lies inside come first: at the border, a window meets zeros that are no part of the image.
    """
    maps = activation.reshape(len(activation), -1).astype(np.float64)
    zero, spread, most = (maps <= 0).mean(1), maps.std(1), maps.max(1, keepdims=True)
    alike = 0.0 if image is None else correlations(activation[None], image.mean(0)[None, None])[:, 0]  # (C,)
    score = spread * 4 * zero * (1 - zero) * (1 - alike**2) / np.sqrt((maps >= most - _CLOSE * np.abs(most)).sum(1))
    score = score if score.any() else spread
    inside = np.where(strongest_inside(activation), score, 0.0)
    return int((inside if inside.any() else score).argmax())
