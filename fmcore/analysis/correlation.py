"""How alike feature maps are, whatever their strength and their size."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

FLAT = 1e-6  # what varies by a smaller share of its size is constant but for rounding


def correlations(x: Floats, y: Floats) -> Floats:
    """Pearson correlation (C1, C2) of the channels of `x` (N, C1, g, g) and `y` (N, C2, g, g) over images and places.

    A constant channel correlates 0 with everything. Maps on different grids are brought to the smaller one.
    """
    grid = (min(x.shape[2], y.shape[2]), min(x.shape[3], y.shape[3]))
    found: Floats = np.clip(_standardised(regridded(x, grid)) @ _standardised(regridded(y, grid)).T, -1, 1)
    return found


def regridded(maps: Floats, grid: tuple[int, int]) -> Floats:
    """`maps` (N, C, H, W) on a coarser `grid`: the mean over the area of each new cell.

    Where H or W is no multiple, a cell that lies across a border counts by the share that lies within.
    """
    if maps.shape[2:] == grid:
        return maps
    rows, columns = (_area(old, new) for old, new in zip(maps.shape[2:], grid, strict=True))
    return np.asarray(rows @ maps @ columns.T)


def _area(old: int, new: int) -> Floats:
    """The share (new, old) of each new cell of a line that each old cell covers."""
    edges = np.arange(new + 1) * (old / new)
    cells = np.arange(old)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    share: Floats = np.maximum(overlap, 0) * (new / old)
    return share


def _standardised(maps: Floats) -> Floats:
    """Every channel of `maps` (N, C, g, g) as a vector of mean 0 and norm 1 (C, N g g); 0 where it is constant."""
    values = np.asarray(maps, np.float64).transpose(1, 0, 2, 3).reshape(maps.shape[1], -1)
    varying = values - values.mean(1, keepdims=True)
    norm = np.linalg.norm(varying, axis=1)
    norm[norm <= FLAT * np.linalg.norm(values, axis=1)] = np.inf
    unit: Floats = varying / norm[:, None]
    return unit
