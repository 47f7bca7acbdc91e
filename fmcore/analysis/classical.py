"""Classical maps of an image, to compare feature maps with: what is known to lie at each pixel.

Edges are named by how the boundary runs: a horizontal edge has another brightness above than below, and a rising
diagonal edge runs from bottom left to top right. A channel behind a rectifier answers to
one side being the brighter only, so every orientation has two maps.

The luminance is that of ITU-R BT.601. The gradient is that of Scharr, "Optimale Operatoren in der digitalen
Bildverarbeitung" (2000), in brightness per pixel, of magnitude m and angle t. An orientation's map is
m sqrt(max(0, cos 2(t - t_k))), with the double angle of Granlund, "In search of a general picture processing operator"
(1978): an edge that runs exactly one way leaves the other three maps dark, one that runs between two lights both.
Corners are the root of the smaller eigenvalue of the structure tensor (Shi and Tomasi, "Good features to track",
1994), so that they grow with contrast as edges do. Blobs are the scale-normalised Laplacian of Gaussian, regardless of
sign, at the scale where it is largest (Lindeberg, "Feature detection with automatic scale selection", 1998). Beyond
its border an image goes on as its mirror image, so that the border is no edge.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fmcore.analysis.foreground import foreground

Floats = NDArray[np.floating]
Taps = tuple[float, ...]  # of a filter along one axis

NAMES: tuple[str, ...] = (
    "horizontal edges, bright above",
    "horizontal edges, bright below",
    "vertical edges, bright left",
    "vertical edges, bright right",
    "rising diagonal edges, bright above",
    "rising diagonal edges, bright below",
    "falling diagonal edges, bright above",
    "falling diagonal edges, bright below",
    "corners",
    "blobs",
    "local contrast",
    "brightness",
    "darkness",
    "silhouette",
)

LUMINANCE = (0.299, 0.587, 0.114)
WINDOW = 1.0  # standard deviation in pixels of the Gaussian that the structure tensor is averaged with
SCALES = (1.0, 2.0)  # standard deviations in pixels; a disc of sqrt(2) times that radius answers most
CONTRAST_SIDE = 5  # side in pixels of the square whose standard deviation is the local contrast
_TOGETHER = 2**14  # pixels, so that what is worked out stays in the cache of a core
_SHORT = 64  # pixels: lines up to this length are filtered by a matrix


def classical_maps(images: Floats) -> NDArray[np.float32]:
    """The maps of `images` (B, C, H, W), 0..1, grey or RGB: (B, len(NAMES), H, W), none negative, all at most about 1.

    The silhouette is `foreground`. The maps take 56 bytes a pixel, and one image 200 while it is worked on.
    """
    batch, channels, height, width = images.shape
    maps = np.empty((batch, len(NAMES), height, width), np.float32)
    together = max(1, _TOGETHER // (height * width))
    for rows in (slice(start, start + together) for start in range(0, batch, together)):
        light = np.einsum("bchw,c->bhw", images[rows], LUMINANCE if channels == 3 else (1.0,), dtype=np.float64)
        down, across = _slopes(light)
        contrast, darkness = _contrast(light), np.maximum(1 - light, 0)
        drawn = (*_edges(down, across), _corners(down, across), _blobs(light), contrast, light, darkness)
        for k, one in enumerate(drawn):
            maps[rows, k] = one
    maps[:, NAMES.index("silhouette")] = foreground(images)
    return maps


def _slopes(light: Floats) -> tuple[Floats, Floats]:
    """Scharr's derivatives of `light` (B, H, W), down and across: change in brightness per pixel."""
    change, mean = (-0.5, 0, 0.5), (3 / 16, 10 / 16, 3 / 16)
    return _filtered(light, change, mean), _filtered(light, mean, change)


def _edges(down: Floats, across: Floats) -> list[Floats]:
    """Horizontal, vertical, rising and falling edges, each (B, H, W), each with one side the brighter, then the other.

    No angle is worked out: across^2 - down^2 = m^2 cos 2t and 2 across down = m^2 sin 2t.
    """
    upright, slanted = across**2 - down**2, 2 * across * down
    parts = ((-upright, down < 0), (upright, across < 0), (slanted, down < 0), (-slanted, down < 0))
    edges: list[Floats] = []
    for part, first in parts:
        edge = np.sqrt(np.maximum(part, 0))
        edges.append(np.where(first, edge, 0))
        edges.append(edge - edges[-1])
    return edges


def _corners(down: Floats, across: Floats) -> Floats:
    """Root of the smaller eigenvalue (B, H, W) of the structure tensor [[a, b], [b, c]]."""
    window = _gaussian(WINDOW)
    a, b, c = (_filtered(product, window, window) for product in (down**2, down * across, across**2))
    smaller = (a + c) / 2 - np.sqrt(((a - c) / 2) ** 2 + b**2)
    root: Floats = np.sqrt(np.maximum(smaller, 0))
    return root


def _blobs(light: Floats) -> Floats:
    """The largest answer (B, H, W) of the scale-normalised Laplacians, by differences so that a flat image has none."""
    answers = []
    for scale in SCALES:
        smooth = _gaussian(scale)
        curved = tuple(np.convolve(smooth, (1, -2, 1)))
        curvature = _filtered(light, curved, smooth) + _filtered(light, smooth, curved)
        answers.append(scale**2 * np.abs(curvature))
    largest: Floats = np.max(answers, axis=0)
    return largest


def _contrast(light: Floats) -> Floats:
    """Standard deviation (B, H, W) of the brightness around each pixel."""
    square = (1 / CONTRAST_SIDE,) * CONTRAST_SIDE
    mean, mean_square = (_filtered(x, square, square) for x in (light, light**2))
    deviation: Floats = np.sqrt(np.maximum(mean_square - mean**2, 0))
    return deviation


def _gaussian(sigma: float) -> Taps:
    reach = round(4 * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return tuple(weights / weights.sum())


def _filtered(images: Floats, down: Taps, across: Taps) -> Floats:
    """`images` (B, H, W), correlated with `down` along H and with `across` along W.

    Short lines by a product of matrices, which takes a third of the time there.
    """
    height, width = images.shape[1:]
    images = _matrix(height, down) @ images if height <= _SHORT else _correlated(images, down, 1)
    return images @ _matrix(width, across).T if width <= _SHORT else _correlated(images, across, 2)


def _correlated(images: Floats, taps: Taps, axis: int) -> Floats:
    result: Floats = ndimage.correlate1d(images, taps, axis=axis, mode="reflect")
    return result


@cache
def _matrix(length: int, taps: Taps) -> Floats:
    """What correlating a line of `length` with `taps` takes of each pixel: (length, length)."""
    return _correlated(np.eye(length), taps, 0)
