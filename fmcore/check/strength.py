"""Colour intensity means strength: what is asked of colour tables and of the ranges that they span."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from fmcore.check.maps import Shown
from fmcore.colour import GREY, luminance, table

_FALLS = 0.5  # L* by which a table may fall and still count as rising: less cannot be seen
_RISES = 20.0  # L* that a table has to rise from its zero to its end
_ROUNDING = 1e-5  # of the range, by which its ends may be off
_CUT = 0.01  # of the range, by which values may lie outside
_MISSED = 1e-4  # of its end, by which a scale may miss the largest value: sums are rounded
_CENTRE = 128  # where a signed table has its zero


@cache
def lightness(name: str) -> NDArray[np.float64]:
    """CIE L* of the colours of table `name`, 0 to 100, (256,).

    Raises:
        KeyError: there is no such table.
    """
    relative = luminance(table(name))
    return np.where(relative > 216 / 24389, 116 * np.cbrt(relative) - 16, relative * 24389 / 27)


def why_not_strength(shown: Shown) -> str:
    """Why colours of a figure do not mean strength, as the end of a sentence; "" where they do."""
    figure = shown.figure
    if figure.colours == "rgb":
        return "" if shown.is_image else "has the colours of an image and is none"
    try:
        steps = lightness(figure.colours)
    except KeyError:
        return f"has the colour table '{figure.colours}', which does not exist"
    if shown.is_image:
        return "" if figure.colours == GREY else f"is an image and has the colours '{figure.colours}' instead of grey"
    return _why_not_the_table(figure.colours, steps, figure.low, figure.high) or _why_cut(shown) or _why_dark(shown)


def _why_not_the_table(name: str, steps: NDArray[np.float64], low: float, high: float) -> str:
    if low == high == 0:
        return ""  # all of it is zero and has one colour
    reach = max(high - low, 1e-30)
    if low < 0:
        if abs(low + high) > _ROUNDING * reach:
            return f"spans {low:.3g} to {high:.3g}, so that the middle of its colours is not zero"
        if not (_rises(steps[_CENTRE:]) and _rises(steps[_CENTRE - 1 :: -1])):
            return f"holds negative values and its colours '{name}' do not get lighter from the middle to both ends"
        return ""
    if low > _ROUNDING * reach:
        return f"begins at {low:.3g}, so that the darkest colour is not zero"
    return "" if _rises(steps) else f"has colours '{name}' that do not get lighter from zero on"


def _rises(steps: NDArray[np.float64]) -> bool:
    fall = float((np.maximum.accumulate(steps) - steps).max())
    return fall <= _FALLS and float(steps[-1] - steps[0]) >= _RISES


def _why_cut(shown: Shown) -> str:
    figure, values = shown.figure, shown.values
    spare = _CUT * (figure.high - figure.low)
    above, below = float(values.max()), float(values.min())
    if above > figure.high + spare:
        return f"reaches {above:.3g} and its colours end at {figure.high:.3g}"
    if below < figure.low - spare and not figure.array.endswith("/gradcam"):  # of Grad-CAM the positive part is shown
        return f"goes down to {below:.3g} and its colours begin at {figure.low:.3g}"
    return ""


def _why_dark(shown: Shown) -> str:
    """A scale of one map ends at what that reaches, and one of a layer at what any of its maps does."""
    figure = shown.figure
    end = max(abs(figure.low), abs(figure.high))
    if figure.scale == "per_map":
        reach, of_what = _reach(shown.values, figure.low), "the map"
        if not _meets(end, reach):
            return _unlike(of_what, reach, end)
    elif figure.scale == "per_layer" and figure.times is None:
        reach = 0.0
        for length in range(len(figure.index) - 1, -1, -1):  # of the image's maps, or of those of all images
            reach = _reach(np.asarray(shown.bundle.part(figure.array, *figure.index[:length]), np.float64), figure.low)
            if _meets(end, reach):
                return ""
        return _unlike("the layer", reach, end)
    return ""


def _reach(values: NDArray[np.floating], low: float) -> float:
    return float(np.abs(values).max(initial=0)) if low < 0 else max(0.0, float(values.max(initial=0)))


def _meets(end: float, reach: float) -> bool:
    return abs(end - reach) <= _MISSED * max(end, reach)


def _unlike(of_what: str, reach: float, end: float) -> str:
    return f"is said to have the scale of {of_what}, which reaches {reach:.3g}, and its colours end at {end:.3g}"
