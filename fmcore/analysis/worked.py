"""One feature map and all that made it: input, filter, bias, and three places at which its numbers are worked out."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.convolution import Place, arithmetic, patch_at
from fmcore.analysis.rounding import FEWEST, decimals_of_sum
from fmcore.bundle import Bundle
from fmcore.header import LayerInfo

Floats = NDArray[np.floating]

_FEW = 3  # slices of a filter that can be looked at one by one: those of a colour image
_COUNTS = 0.25  # of the most that products make anywhere: with less, a number shows little of its filter
_NEARLY = 0.05  # of the range of what is looked for: a place that comes so close serves as well
_TRIED = 50  # places that come closest
_SAME = 1e-5  # by which what a network computes may miss its bias
_GLOWS = 0.05  # of the largest value: what is above it is seen as a glow
_MUCH = 0.2  # of the places


@dataclass(frozen=True)
class WorkedMap:
    """Channel `channel` of convolution `layer`, for one probe.

    Raises:
        InputError: the layer is no convolution.
        BundleError: the bundle does not hold what went into it, or something else came out of it.
    """

    bundle: Bundle
    layer: LayerInfo
    channel: int
    probe: int

    def at(self, row: int, column: int) -> Place:
        """What went into the value at (row, column)."""
        return arithmetic(self.bundle, self.layer.name, self.channel, row, column, self.probe)

    # -- arrays ----------------------------------------------------------------------------------

    @cached_property
    def values(self) -> Floats:
        """The feature map (H, W)."""
        return self.bundle.part(f"{self.layer.name}/activation", self.probe, self.channel)

    @property
    def stage(self) -> str:
        """What patch, filter and bias make: the `sum` before a normalisation other than batch norm, or else the
        `preactivation`."""
        return "sum" if f"{self.layer.name}/sum" in self.bundle.header.arrays else "preactivation"

    @cached_property
    def sums(self) -> Floats:
        """What patches, filter and bias make, (H, W)."""
        return self.bundle.part(f"{self.layer.name}/{self.stage}", self.probe, self.channel)

    @cached_property
    def inputs(self) -> slice:
        """The channels of the layer's input that the filter reads."""
        return self.at(0, 0).inputs

    @cached_property
    def source(self) -> Floats:
        """What the filter reads, (C_in, H_in, W_in)."""
        self.at(0, 0)  # says in a sentence what is missing
        return self.bundle.part(self.layer.input, self.probe)[self.inputs]

    @cached_property
    def weights(self) -> Floats:
        """The filter (C_in, kH, kW), scaled as a normalisation by fixed numbers scales what it makes."""
        return self.bundle.part(f"{self.layer.name}/weight", self.channel) * self.at(0, 0).scale

    @property
    def is_scaled(self) -> bool:
        """Whether a normalisation by fixed numbers is a part of `weights` and of the bias."""
        return self.stage != "sum" and f"{self.layer.name}/scale" in self.bundle.header.arrays

    @property
    def scaled_by(self) -> str:
        """What does: "batch_norm", or "affine" for numbers of the network's own, as a frozen one is; "" for nothing."""
        return self.layer.normalisation if self.is_scaled else ""

    @property
    def has_bias(self) -> bool:
        parts = ("bias",) if self.stage == "sum" else ("bias", "shift")
        return any(f"{self.layer.name}/{part}" in self.bundle.header.arrays for part in parts)

    @property
    def reads_image(self) -> bool:
        """Whether it reads the image rather than maps."""
        return self.layer.input in ("probes", "input")

    # -- places ----------------------------------------------------------------------------------

    @cached_property
    def overhangs(self) -> NDArray[np.bool_]:
        """At which places (H, W) the window reaches beyond the input."""
        axes = []
        for axis, places in enumerate(self.layer.output_shape[1:]):
            first = np.arange(places) * self.layer.stride[axis] - self.layer.padding[axis]
            last = first + (self.layer.kernel[axis] - 1) * self.layer.dilation[axis]
            axes.append((first < 0) | (last >= self.source.shape[axis + 1]))
        return np.asarray(axes[0][:, None] | axes[1][None, :])

    @cached_property
    def high(self) -> Place:
        """Where the map is highest before φ, or nearly, of the places with the window wholly on the input, if any.

        One that the bias alone has made shows little: where the products hardly count there, it is the place above zero
        at which they count most.
        """
        within, products = self._within, np.abs(self.sums - self.at(0, 0).added)
        above = within & (self.sums > 0)
        among = above if above.any() else within
        row, column = np.unravel_index(int(np.where(within, self.sums, -np.inf).argmax()), within.shape)
        counts = products[row, column] >= _COUNTS * products[among].max()
        return self._largest(self.sums, within) if counts else self._largest(products, among)

    @cached_property
    def low(self) -> Place:
        """Where it is lowest, or nearly, likewise."""
        return self._largest(-self.sums, self._within, self.slice)

    @cached_property
    def third(self) -> Place:
        """The highest where the window hangs over and sees something, or else the median above zero; or nearly so."""
        if self.overhangs.any():
            seen = self.sums - self.at(0, 0).added
            seen = seen if (seen[self.overhangs] > 0).any() else -seen
            return self._largest(seen, self.overhangs, self.slice)
        above = self.sums[self.sums > 0] if (self.sums > 0).any() else self.sums
        middle = np.sort(above, axis=None)[above.size // 2]
        return self._largest(-np.abs(self.sums - middle), self._within, self.slice)

    @property
    def places(self) -> tuple[Place, Place, Place]:
        return self.high, self.low, self.third

    def under(self, row: int, column: int) -> tuple[int, int]:
        """The row and column of the input that lie under the middle of the window at (row, column)."""
        layer, found = self.layer, []
        for axis, place in enumerate((row, column)):
            middle = (layer.kernel[axis] - 1) * layer.dilation[axis] // 2
            at = place * layer.stride[axis] - layer.padding[axis] + middle
            found.append(min(max(at, 0), self.source.shape[axis + 1] - 1))
        return found[0], found[1]

    @cached_property
    def slice(self) -> int:
        """The input channel, of those it reads, that counts most at the highest place."""
        return int(np.abs(self.high.products.sum((1, 2))).argmax())

    @property
    def told_apart(self) -> list[int]:
        """The slices that are shown and named one by one: `slice`, and the others where there are few."""
        count = len(self.weights)
        return [self.slice, *(n for n in range(count) if n != self.slice and count <= _FEW)]

    def ground(self) -> tuple[int, int] | None:
        """A place whose window lies inside and sees only zeros while the map is above zero there, as by its bias alone.

        Row and column from 0, near a quarter of the way in; None unless a good part of the map is like that, and seen.
        """
        bias = self.at(0, 0).added
        alone = (np.abs(self.sums - bias) <= _SAME) & (self.values > _GLOWS * self.values.max()) & self._within
        if alone.mean() < _MUCH:
            return None
        rows, columns = np.nonzero(alone)
        height, width = alone.shape
        for number in np.argsort(np.hypot(rows - height / 4, columns - width / 4), kind="stable")[:_TRIED]:
            row, column = int(rows[number]), int(columns[number])
            if not self.at(row, column).patch.any():
                return row, column
        return None

    def patch(self, row: int, column: int) -> Floats:
        """What slice `slice` of the filter meets at (row, column), (kH, kW)."""
        layer, shown = self.layer, self.source[self.slice : self.slice + 1]
        geometry = (layer.kernel, layer.stride, layer.padding, layer.dilation, layer.padding_mode)
        return np.asarray(patch_at(shown, row, column, *geometry)[0])

    @property
    def _within(self) -> NDArray[np.bool_]:
        return ~self.overhangs if not self.overhangs.all() else np.ones_like(self.overhangs)

    def _largest(self, score: Floats, among: NDArray[np.bool_], shown: int | None = None) -> Place:
        """The place with the largest score, or one that is nearly as good and whose numbers add up as hundredths.

        Of many slices, one is `shown`: that which counts most at the place itself, where nothing is said.
        """
        scores = np.where(among, score, -np.inf).ravel()
        order = np.argsort(-scores, kind="stable")[:_TRIED]
        least = scores[order[0]] - _NEARLY * float(np.ptp(score[among]))
        places = (self.at(*divmod(int(n), among.shape[1])) for n in order if scores[n] >= least)
        first = next(places)
        return next((at for at in (first, *places) if self._adds_up(at, shown)), first)

    def _adds_up(self, at: Place, shown: int | None) -> bool:
        """Whether what is written of a place adds up when it is rounded to hundredths."""
        slices = at.scale * at.products.sum((1, 2))
        if len(slices) > _FEW:
            first = float(slices[np.abs(slices).argmax() if shown is None else shown])
            slices = np.array([first, slices.sum() - first])
        terms = [*map(float, slices), *[at.added] * self.has_bias]
        return decimals_of_sum(terms, at.value) == FEWEST
