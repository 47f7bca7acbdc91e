"""Which map of a layer looks least like the image that it was made from."""

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.channels import representatives
from fmcore.analysis.correlation import correlations

Floats = NDArray[np.floating]

_CANDIDATES = 8


def least_like(activation: Floats, image: Floats) -> int:
    """Of the most telling channels of `activation` (C, H, W), the one that correlates least with `image` (C', H', W').

    Sign does not count: a map that is dark where the image is bright looks like it too. Sizes may differ.
    """
    tried = [channel for channel in representatives(activation, _CANDIDATES) if np.ptp(activation[channel]) > 0]
    if not tried:
        return 0
    return tried[int(resemblance(activation[tried], image).argmin())]


def resemblance(maps: Floats, image: Floats) -> Floats:
    """How much each of `maps` (N, H, W) looks like `image` (C', H', W'): |correlation| (N,); 0 for a flat one."""
    return np.abs(correlations(maps[None], image.mean(0, keepdims=True)[None]))[:, 0]
