"""The arithmetic of one place of one convolution: patch x kernel + bias = pre-activation.

A CNN layer computes a cross-correlation: the kernel is not flipped.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Place:
    """What went into the value at `row`, `column` of one feature map."""

    row: int
    column: int
    patch: Floats  # (C_in, kH, kW), zeros where the padding is
    products: Floats  # (C_in, kH, kW), patch x filter
    bias: float
    value: float  # products.sum() + bias, the pre-activation


def patch_at(
    image: Floats, row: int, column: int, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> Floats:
    """The patch (C_in, kH, kW) of `image` (C_in, H, W) that the output place (row, column) looks at."""
    (kh, kw), (sh, sw), (ph, pw) = kernel, stride, padding
    padded = np.pad(image, ((0, 0), (ph, ph), (pw, pw)))
    patch: Floats = padded[:, row * sh : row * sh + kh, column * sw : column * sw + kw]
    return patch


def place(
    image: Floats,
    weights: Floats,
    bias: float,
    row: int,
    column: int,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
) -> Place:
    """Work out one value from `image` (C_in, H, W) and one filter `weights` (C_in, kH, kW)."""
    kernel = (weights.shape[1], weights.shape[2])
    patch = patch_at(image, row, column, kernel, stride, padding)
    products = patch * weights
    return Place(row, column, patch, products, bias, float(products.sum(dtype=np.float64) + bias))
