"""Where everything stands while a convolution is worked out, and while it runs over the whole input."""

from dataclasses import dataclass
from typing import Self

from scenes import look
from scenes.look import Region


@dataclass(frozen=True)
class ConvolutionRooms:
    """Regions of the body: the input, its feature map, the formula, three blocks of numbers, and words or a sum."""

    input: Region
    map: Region
    formula: Region
    blocks: Region
    words: Region

    @classmethod
    def close(cls, stacked: bool, named: bool) -> Self:
        """With most room for the numbers of one place; `stacked` ones take a column, `named` sums two lines."""
        body = look.body()
        if look.shape() == "wide":
            formula, middle, words = body.rows(0.55, 3.3, 0.7)
            image, blocks, map_ = middle.columns(2.15, 8.55, 2.15, gap=0.2)
        elif look.shape() == "square":
            above, blocks = body.rows(2.1, 2.5, gap=0.15) if named else body.rows(1.9, 2.7, gap=0.15)
            image, map_, right = above.columns(1.95, 2.0, 3.35, gap=0.15)
            formula, words = right.rows(0.5, 1.35)
        elif stacked:
            shares = (0.38, 3.13, 1.14) if named else (0.4, 3.7, 0.55)
            formula, middle, words = body.rows(*shares, gap=0.05)
            pictures, blocks = middle.columns(1.74, 2.24, gap=0.07)
            image, map_ = pictures.rows(1, 1, gap=0.1)
        else:
            shares = (0.42, 1.7, 1.4, 1.15) if named else (0.42, 1.9, 1.5, 0.75)
            formula, pictures, blocks, words = body.rows(*shares, gap=0.06)
            image, map_ = pictures.columns(1, 1, gap=0.1)
        return cls(image, map_, formula, blocks, words)

    @classmethod
    def far(cls) -> Self:
        """With most room for the input and the map."""
        formula, rest = look.body().rows(0.5, 4.2, gap=0.1)
        if look.shape() == "wide":
            image, middle, map_ = rest.columns(3.4, 3.8, 4.9, gap=0.35)
            blocks, words = middle.rows(1, 1)
        elif look.shape() == "square":
            pictures, below = rest.rows(2.7, 1.35)
            image, map_ = pictures.columns(3.0, 3.7)
            blocks, words = below.columns(3.0, 3.6)
        else:
            map_, below = rest.rows(2.3, 1.8, gap=0.1)
            image, right = below.columns(1.8, 2.15, gap=0.1)
            blocks, words = right.rows(0.75, 1.1, gap=0.1)
        return cls(image, map_, formula, blocks, words)
