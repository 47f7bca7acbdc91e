"""The pixel proof: what a film shows, read back from its stored planes, is what the bundle holds.

Where a value's square is large enough, every value is read back through its colour table, from the pixels that lie
wholly inside its square. Smaller squares are compared area by area: the mean colour that the values should give over
4 × 4 pixels, with the mean that the film has there. Of pictures smaller than 4 × 4 areas nothing can be said.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from fmcore.bundle import Bundle
from fmcore.check.findings import Finding, found
from fmcore.check.maps import name_of, values_of
from fmcore.check.places import Flags, Place
from fmcore.check.planes import Floats, Planes, as_stored, codes, frames_at
from fmcore.colour import ColourScale
from fmcore.errors import BundleError
from fmcore.lesson.brief import Figure
from fmcore.lesson.storyboard import Storyboard

RULE = "picture is not the array"
CLEAR, CLEAR_SIGNED = 2.0, 3.0  # pixels a value from which values are read one by one; the sign lies in the chroma
LEAST_CORRELATION, LEAST_BY_AREA, LEAST_OF_HUE = 0.99, 0.95, 0.8
MOST_ERROR, MOST_ERROR_FLAT = 0.03, 0.015  # mean absolute error as a share of the range
MOST_GAIN = 0.1  # by which the slope of what is seen over what should be seen may miss 1
FEWEST_VALUES, FEWEST_AREAS = 0.5, 16  # the share of values, or the number of areas, that must be seen
FAINT = 2.0  # 8-bit codes of standard deviation; with less, a picture is judged by its error alone, as a flat one
ROUNDED = 0.5  # codes that rounding may take from a picture's contrast: of few steps of its table, that is much
NOISE = 1.5  # codes that an encoder may add: at three pixels a value 1.0 to 1.3 were found, most in chroma
RGB = "rgb"  # instead of a colour table, where an image's three channels are shown as they are
_FINEST = 0.4  # the share of the values' spread in hue that areas must hold: chroma has a quarter of the pixels
_CHROMA_SHARE = 0.3  # weight of chroma beside luma where a colour is looked up
_MONOTONE = 1.0  # codes by which the luma of a table may fall and still tell the value

Outcome = Literal["value by value", "area by area", "too small", "wrong"]


class Proof(BaseModel):
    """How one picture of the ledger compares with its array; `why` says what is wrong with it.

    `pixels` is the size of a value's square, the smaller of height and width. `correlation` and `gain`, the slope
    of what is seen over what should be seen, are missing where the picture is flat or nearly so; `error` is the mean
    absolute error as a share of the range.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    figure: Figure
    outcome: Outcome
    pixels: float = 0.0
    correlation: float | None = None
    gain: float | None = None
    error: float | None = None
    why: str = ""


def prove(
    film: Path, figures: Iterable[Figure], bundle: Bundle, other: Bundle | None = None, start: int = 0
) -> list[Proof]:
    """Compare every picture of `figures` that nothing covers with its array, in the order of their frames.

    `start` is the frame of `film` at which the scene of the figures begins.
    """
    wanted: dict[int, list[Figure]] = {}
    for figure in figures:
        if not figure.covered:
            wanted.setdefault(start + figure.frame, []).append(figure)
    proofs = []
    for number, planes in frames_at(film, list(wanted)):
        for figure in wanted.pop(number):
            source = other if figure.other and other is not None else bundle
            proofs.append(_prove(planes, figure, source))
    for number in sorted(wanted):
        why = f"the film has no frame {number}"
        proofs += [Proof(figure=figure, outcome="wrong", why=why) for figure in wanted[number]]
    return proofs


def proof_findings(board: Storyboard, proofs: Iterable[Proof]) -> Iterator[Finding]:
    """The pictures that are not what they are said to be."""
    for proof in proofs:
        figure = proof.figure
        if proof.outcome == "wrong":
            message = (
                f"The picture of {name_of(figure)} is not the array: {proof.why};"
                " draw the array and index that the ledger names, on its scale and in its box."
            )
            yield found(board, RULE, message, figure.beat, (figure.array,), figure.box)


def _prove(planes: Planes, figure: Figure, bundle: Bundle) -> Proof:
    def wrong(why: str) -> Proof:
        return Proof(figure=figure, outcome="wrong", why=why)

    try:
        values = values_of(figure, bundle)
        if figure.colours != RGB:
            codes(figure.colours)
    except BundleError as error:
        return wrong(error.message.rstrip("."))
    except KeyError:
        return wrong(f"there is no colour table '{figure.colours}'")
    axes = 3 if figure.colours == RGB else 2
    if values.ndim != axes:
        return wrong(f"it has {values.ndim} axes where its picture has {axes}")
    rows, columns = values.shape[-2:]
    place = Place.of(figure.box, planes.size, (rows, columns), figure.crossed)
    if place is None:
        return wrong("its box lies partly outside the frame")
    return _Comparison(planes, figure, values, place).proof()


def least_correlation(spread: float) -> float:
    """What a picture read value by value must reach whose colours have a standard deviation of `spread` codes.

    That is `LEAST_CORRELATION`; less only for one so faint that the encoder's noise alone leaves less.
    """
    return min(LEAST_CORRELATION, spread / float(np.hypot(spread, NOISE)))


def most_gain(spread: float) -> float:
    """By how much the contrast of a picture may be off whose colours have a standard deviation of `spread` codes.

    That is `MOST_GAIN`; more only for one of so few steps that half a code changes its contrast by more.
    """
    return max(MOST_GAIN, ROUNDED / spread)


# -- comparing -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pair:
    """What is seen, NaN where nothing is, and what should be seen, and the range that errors are a share of."""

    seen: Floats
    wanted: Floats
    reach: float

    @property
    def known(self) -> Flags:
        return ~np.isnan(self.seen)

    @property
    def error(self) -> float:
        return float(np.abs(self.seen - self.wanted)[self.known].mean()) / self.reach

    @property
    def correlation(self) -> float:
        seen, wanted = self._centred
        norm = float(np.sqrt((seen**2).sum() * (wanted**2).sum()))
        return float((seen * wanted).sum()) / norm if norm else 0.0

    @property
    def gain(self) -> float:
        seen, wanted = self._centred
        return float((seen * wanted).sum()) / (float((wanted**2).sum()) or 1.0)

    @property
    def spread(self) -> float:
        """Standard deviation of what should be seen."""
        return float(self.wanted[self.known].std())

    @property
    def is_flat(self) -> bool:
        """Whether all that can be seen should look alike: the one value that is lit may lie at a border."""
        return bool(np.ptp(self.wanted[self.known]) == 0)

    def fits_better(self, another: Floats) -> bool:
        """Whether what is seen is far nearer to `another` than to what should be seen."""
        missed, missed_then = (((self.seen - it)[self.known] ** 2).mean() for it in (self.wanted, another))
        return bool(missed_then < missed / 2)

    @property
    def _centred(self) -> tuple[Floats, Floats]:
        seen, wanted = self.seen[self.known], self.wanted[self.known]
        return seen - seen.mean(), wanted - wanted.mean()


@dataclass(frozen=True)
class _Comparison:
    """One picture of the ledger beside its array."""

    planes: Planes
    figure: Figure
    values: Floats  # (rows, columns), or (3, rows, columns) of an RGB image
    place: Place

    def proof(self) -> Proof:
        areas, pair = self._luma_of_areas(self.values), None
        if self.place.pixels >= self._clear:
            pair = self._read()
        if pair is None or pair.known.mean() < FEWEST_VALUES:
            if areas.known.sum() < FEWEST_AREAS:
                return Proof(figure=self.figure, outcome="too small", pixels=self.place.pixels)
            pair = None
        how: Outcome = "area by area" if pair is None else "value by value"
        if self._is_faint or (pair or areas).is_flat:
            return self._judged_by_error(how)
        why = (
            self._why_wrong(pair, self._clipped, least_correlation(self._spread), self._spread)
            if pair
            else self._why_wrong_areas(areas)
        )
        hue = self._hue_of_areas() if self._is_hued and not (pair or why) else None
        if hue and hue.spread >= FAINT and hue.correlation < LEAST_OF_HUE:
            if hue.correlation > 0 and hue.spread < _FINEST * self._spread_of_hues:  # too fine for the chroma to tell
                return Proof(figure=self.figure, outcome="too small", pixels=self.place.pixels)
            why = f"its hues correlate with it by {hue.correlation:.2f} where {LEAST_OF_HUE:.2f} is asked for"
        judged = pair or areas
        return Proof(
            figure=self.figure, outcome="wrong" if why else how, pixels=self.place.pixels,
            correlation=judged.correlation, gain=judged.gain, error=judged.error, why=why,
        )  # fmt: skip

    def _why_wrong(self, pair: _Pair, expected: Callable[[Floats], Floats], least: float, spread: float) -> str:
        """What speaks against `pair`, if anything does; `expected` says what should be seen of other values.

        `spread` is the standard deviation in codes of the colours that it compares.
        """
        if any(pair.fits_better(expected(moved)) for moved in _moved(self.values)):
            return "it is shifted by one value"
        if pair.correlation < least:
            return f"what is seen correlates with it by {pair.correlation:.3f} where {least:.2f} is asked for"
        if abs(pair.gain - 1) > most_gain(spread):
            return f"its differences are seen {pair.gain:.2f} times as large as they are"
        return _missed(pair)

    # -- value by value ----------------------------------------------------------------------------

    def _read(self) -> _Pair:
        """The values read back through the colour table, and those of the array."""
        figure, table = self.figure, codes(self.figure.colours)
        luma = self.place.of_values(self.planes.luma)
        if self._is_hued:
            distance = (luma[..., None] - table[:, 0]) ** 2  # (rows, columns, 256)
            for plane, known in ((self.planes.blue, table[:, 1]), (self.planes.red, table[:, 2])):
                distance += _CHROMA_SHARE * (self.place.of_values(plane, grain=2)[..., None] - known) ** 2
            unknown = np.isnan(distance[..., 0])
            share = np.where(unknown, np.nan, np.where(unknown[..., None], 0, distance).argmin(-1) / 255)
        else:
            share = np.interp(luma, np.maximum.accumulate(table[:, 0]), np.linspace(0, 1, 256))
        reach = figure.high - figure.low
        return _Pair(figure.low + share * reach, self._clipped(self.values), reach)

    def _clipped(self, values: Floats) -> Floats:
        return np.clip(values, self.figure.low, self.figure.high)

    # -- area by area ------------------------------------------------------------------------------

    def _why_wrong_areas(self, luma: _Pair) -> str:
        if luma.spread < FAINT:  # what varies is finer than areas, which tell how bright it is on the whole
            return _missed(luma)
        return self._why_wrong(luma, lambda values: self._luma_of_areas(values).wanted, LEAST_BY_AREA, luma.spread)

    def _luma_of_areas(self, values: Floats) -> _Pair:
        """The mean luma of every area: seen, and as `values` should give it."""
        wanted = self.place.over_areas(self._colours(values)[..., 0])
        return _Pair(self.place.of_areas(self.planes.luma), wanted, self._reach)

    def _hue_of_areas(self) -> _Pair:
        """The mean red less blue chroma of every area, which tells what luma does not: a sign, or a colour in RGB."""
        colours = self._colours(self.values)
        wanted = self.place.over_areas(colours[..., 2] - colours[..., 1])
        return _Pair(self.place.of_areas(self.planes.red - self.planes.blue, grain=2), wanted, self._reach)

    @property
    def _spread_of_hues(self) -> float:
        """Standard deviation in 8-bit codes of the values' own hues; of narrow stripes, areas hold little of it."""
        _, blue, red = np.moveaxis(self._colours(self.values), -1, 0)
        return float((red - blue).std())

    # -- flat ones ---------------------------------------------------------------------------------

    @property
    def _is_faint(self) -> bool:
        return self._spread < FAINT

    @property
    def _spread(self) -> float:
        """Standard deviation in 8-bit codes of the colours that it should have."""
        luma, blue, red = np.moveaxis(self._colours(self.values), -1, 0)
        return max(float(luma.std()), float((red - blue).std()) if self._is_hued else 0.0)

    def _judged_by_error(self, how: Outcome) -> Proof:
        """Of a flat picture there is no correlation: how far the colours of its values or areas are off."""
        errors = []
        stored = [(self.planes.luma, 1), (self.planes.blue, 2), (self.planes.red, 2)]
        for number, (plane, grain) in enumerate(stored if self._is_hued else stored[:1]):
            wanted = self._colours(self.values)[..., number]
            if how == "value by value":
                pair = _Pair(self.place.of_values(plane, grain), wanted, self._reach)
            else:
                pair = _Pair(self.place.of_areas(plane, grain), self.place.over_areas(wanted), self._reach)
            errors.append(pair.error)
        error = max(errors)
        why = (
            f"it is flat and what is seen misses it by {error:.1%} where under {MOST_ERROR_FLAT:.1%} is asked for"
            if error >= MOST_ERROR_FLAT
            else ""
        )
        outcome: Outcome = "wrong" if why else how
        return Proof(figure=self.figure, outcome=outcome, pixels=self.place.pixels, error=error, why=why)

    # -- colours -----------------------------------------------------------------------------------

    @property
    def _is_rgb(self) -> bool:
        return self.figure.colours == RGB

    @property
    def _is_hued(self) -> bool:
        """Whether luma alone does not tell the value."""
        luma = codes(self.figure.colours)[:, 0] if not self._is_rgb else np.zeros(1)
        return self._is_rgb or bool((np.maximum.accumulate(luma) - luma).max() > _MONOTONE)

    @property
    def _clear(self) -> float:
        """Pixels a value from which values are read one by one."""
        return inf if self._is_rgb else CLEAR_SIGNED if self._is_hued else CLEAR

    def _colours(self, values: Floats) -> Floats:
        """The colours that `values` should have: luma, blue and red chroma, (rows, columns, 3)."""
        figure = self.figure
        if self._is_rgb:
            return as_stored(np.round(np.clip(np.moveaxis(values, 0, -1), 0, 1) * 255))
        scale = ColourScale(figure.low, figure.high, figure.scale, figure.colours)
        return as_stored(scale.colours(values))

    @property
    def _reach(self) -> float:
        """The range of the luma that the colours have."""
        return 219.0 if self._is_rgb else float(np.ptp(codes(self.figure.colours)[:, 0]))


def _missed(pair: _Pair) -> str:
    """That what is seen is too far from what is wanted, if it is."""
    if pair.error < MOST_ERROR:
        return ""
    return f"what is seen misses it by {pair.error:.1%} of the scale where under {MOST_ERROR:.0%} is asked for"


def _moved(values: Floats) -> Iterator[Floats]:
    """`values` (..., rows, columns) one place further in each of the eight directions; the border is repeated."""
    rows, columns = values.shape[-2:]
    padded = np.pad(values, [(0, 0)] * (values.ndim - 2) + [(1, 1)] * 2, mode="edge")
    for down in range(3):
        for across in range(3):
            if (down, across) != (1, 1):
                yield padded[..., down : down + rows, across : across + columns]
