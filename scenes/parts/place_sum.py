"""The sum behind one number of a feature map: its terms by name, rounded so that they add up on screen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fmcore.analysis.convolution import Place
from fmcore.analysis.naming import phi_name
from fmcore.analysis.rounding import decimals_of_sum, product_agrees
from fmcore.analysis.worked import WorkedMap
from scenes.parts.filter_picture import COLOURS
from scenes.parts.text import number
from scenes.parts.working import Term

_IN_CELLS = 2  # decimals
_DECIMALS = 3  # where no rounding adds up, and "≈" is written


@dataclass(frozen=True)
class PlaceSum:
    """`summands` (name and value) make `total`, which `outcome`, such as "ReLU", turns into `result`.

    The first `slices` summands are products. Without an outcome the total is the number in the map.
    """

    summands: tuple[tuple[str, float], ...]
    slices: int
    total: float
    outcome: str
    result: float

    @classmethod
    def of(cls, map_: WorkedMap, at: Place) -> "PlaceSum":
        """The sum at a place: the slices that are told apart, all others, the bias."""
        slices = at.products.sum((1, 2)) * at.scale
        summands = [(slice_name(map_, number), float(slices[number])) for number in map_.told_apart]
        if (rest := len(slices) - len(summands)) > 0:
            summands.append((f"{rest} others", float(slices.sum()) - summands[0][1]))
        products = len(summands)
        if map_.has_bias:
            summands.append(("bias", at.added))
        normalised, phi = map_.stage == "sum", phi_name(map_.layer)
        outcome = f"norm, {phi}" if normalised and phi else "normalised" if normalised else phi
        return cls(tuple(summands), products, at.value, outcome, float(map_.values[at.row, at.column]))

    @property
    def decimals(self) -> int | None:
        """So many that the rounded summands add up; None where there is no such number."""
        return decimals_of_sum([value for _, value in self.summands], self.total)

    def write(self, value: float) -> str:
        """`value` with the decimals of this sum."""
        return _written(value, self.decimals or _DECIMALS)

    @property
    def terms(self) -> list[Term]:
        """The working, from the first summand to the number in the map."""
        texts = [(name, self.write(value)) for name, value in self.summands]
        terms = [Term("−" if text.startswith("−") else "+", text.lstrip("−"), name) for name, text in texts]
        terms[0] = Term("", texts[0][1], texts[0][0])
        if len(terms) > 1:
            terms.append(Term("=" if self.decimals else "≈", self.write(self.total), "sum"))
        if self.outcome:
            terms.append(Term("→", self.write(self.result), self.outcome))
        return terms


def product_in_words(value: float, weight: float) -> str:
    """Such as `0.73 × 0.26 = 0.19`, with the digits of cells, or `≈` where these alone do not give that product."""
    one, other, product = (_written(number, _IN_CELLS) for number in (value, weight, value * weight))
    return f"{one} × {other} {'=' if product_agrees(value, weight, _IN_CELLS) else '≈'} {product}"


def signs_in_words(map_: WorkedMap, at: Place) -> str:
    """What the products at a place do to the sum, of those in the slice that is shown; "" where all are zero or less.

    No colours are named where red may be a colour of the image.
    """
    products, plain = at.products[map_.slice], in_colours(map_)
    if products.max() <= 0:
        return ""
    start = f"{'Those above zero' if plain else 'Red products'} push the sum up"
    if products.min() < 0:
        return f"{start}, {'those below' if plain else 'blue ones'} pull it down."
    return f"{start}; {'one below' if plain else 'a blue one'} would pull it down."


def in_colours(map_: WorkedMap) -> bool:
    """Whether the slices of the filter read red, green and blue."""
    return map_.reads_image and len(map_.source) == 3


def slice_name(map_: WorkedMap, number: int) -> str:
    """What slice `number` of the filter reads: a colour, or a channel; an only one makes all products."""
    if len(map_.weights) == 1:
        return "products"
    if in_colours(map_):
        return COLOURS[number]
    return f"channel {map_.inputs.start + number + 1}"


def _written(value: float, decimals: int) -> str:
    """With exactly as many decimals, a true minus sign and no negative zero."""
    text = f"{value:.{decimals}f}"
    return (text if float(text) else text.lstrip("-")).replace("-", "−")


def shifted_in_words(map_: WorkedMap, claim: Callable[..., Any]) -> Any:
    """That pixels were normalised before they went in, with what became of the one under the highest place."""
    if map_.layer.input != "input":
        return ""
    row, column = map_.under(map_.high.row, map_.high.column)
    pixel = float(map_.bundle.part("probes", map_.probe, map_.slice, row, column))
    return claim(
        "value", "input", map_.probe, map_.slice, row, column,
        words=lambda v: f" They were normalised on the way in: in the middle, {number(pixel)} became {number(v)}.",
    )  # fmt: skip


def bias_in_words(map_: WorkedMap, said: str) -> str:
    """What is added to the products, which is `said`, and where it comes from."""
    if not map_.is_scaled:
        return f"Add the bias, one number of the filter's own, {said}."
    norm = "batch norm" if map_.scaled_by == "batch_norm" else "a fixed norm"
    if f"{map_.layer.name}/bias" in map_.bundle.header.arrays:
        return f"Add the bias, {said}. It and the weights are those that {norm} makes of the filter's own."
    return f"Add the bias, {said}. It comes from {norm}, which scales the weights, too."
