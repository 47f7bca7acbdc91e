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

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fmcore.analysis.foreground import foreground

Floats = NDArray[np.floating]

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


def classical_maps(images: Floats) -> NDArray[np.float32]:
    """The maps of `images` (B, C, H, W), 0..1, grey or RGB: (B, len(NAMES), H, W), none negative, all at most about 1.

    The silhouette is `foreground`. The maps take 56 bytes a pixel, and 200 while they are worked out.
    """
    channels = images.shape[1]
    light = np.einsum("bchw,c->bhw", images, LUMINANCE if channels == 3 else (1.0,), dtype=np.float64)
    down, across = _slope(light, 1), _slope(light, 2)
    drawn = (*_edges(down, across), _corners(down, across), _blobs(light), _contrast(light), light, 1 - light)
    maps = np.empty((len(images), len(NAMES), *images.shape[2:]), np.float32)
    for k, one in enumerate((*drawn, foreground(images))):
        maps[:, k] = one
    return np.maximum(maps, 0, out=maps)


def _slope(light: Floats, axis: int) -> Floats:
    """Scharr's derivative of `light` (B, H, W) along `axis`: change in brightness per pixel."""
    change = ndimage.correlate1d(light, (-0.5, 0, 0.5), axis=axis, mode="reflect")
    slope: Floats = ndimage.correlate1d(change, (3 / 16, 10 / 16, 3 / 16), axis=3 - axis, mode="reflect")
    return slope


def _edges(down: Floats, across: Floats) -> list[Floats]:
    """Horizontal, vertical, rising and falling edges, each (B, H, W), each with one side the brighter, then the other.

    No angle is worked out: across^2 - down^2 = m^2 cos 2t and 2 across down = m^2 sin 2t.
    """
    upright, slanted = across**2 - down**2, 2 * across * down
    parts = ((-upright, down < 0), (upright, across < 0), (slanted, down < 0), (-slanted, down < 0))
    edges = (np.sqrt(np.maximum(part, 0)) for part, _ in parts)
    return [np.where(side, edge, 0) for edge, (_, first) in zip(edges, parts, strict=True) for side in (first, ~first)]


def _corners(down: Floats, across: Floats) -> Floats:
    """Root of the smaller eigenvalue (B, H, W) of the structure tensor [[a, b], [b, c]]."""
    a, b, c = (_smooth(product, WINDOW) for product in (down**2, down * across, across**2))
    smaller = (a + c) / 2 - np.hypot((a - c) / 2, b)
    root: Floats = np.sqrt(np.maximum(smaller, 0))
    return root


def _blobs(light: Floats) -> Floats:
    """The largest answer (B, H, W) of the scale-normalised Laplacians, by differences so that a flat image has none."""
    answers = []
    for scale in SCALES:
        smooth = _smooth(light, scale)
        curvature = sum(ndimage.correlate1d(smooth, (1, -2, 1), axis=axis, mode="reflect") for axis in (1, 2))
        answers.append(scale**2 * np.abs(curvature))
    largest: Floats = np.max(answers, axis=0)
    return largest


def _contrast(light: Floats) -> Floats:
    """Standard deviation (B, H, W) of the brightness around each pixel."""
    mean, square = (ndimage.uniform_filter(x, (1, CONTRAST_SIDE, CONTRAST_SIDE)) for x in (light, light**2))
    deviation: Floats = np.sqrt(np.maximum(square - mean**2, 0))
    return deviation


def _smooth(x: Floats, sigma: float) -> Floats:
    smooth: Floats = ndimage.gaussian_filter(x, (0, sigma, sigma), mode="reflect")
    return smooth
