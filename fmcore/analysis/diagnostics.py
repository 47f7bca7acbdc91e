"""What is wrong with the channels of a layer: dead, nearly dead, redundant or watching the background.

Read from statistics that were taken over many images, so nothing is said of a single picture. A dead channel is that
of Lu et al., "Dying ReLU and initialization" (2019), zero for every input; channels are compared by the correlation
of their activations as in Li et al., "Convergent learning: do different neural networks learn the same
representations?" (2015). Where a fault begins is this project's own choice, in the constants below.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fmcore.analysis.foreground import lit_with_objects
from fmcore.analysis.rounding import floored
from fmcore.analysis.saying import counted, listed
from fmcore.bundle import Array, Bundle
from fmcore.errors import BundleError

NEARLY_DEAD = 0.01  # share of images: a channel that fires on fewer is nearly dead
REDUNDANT = 0.95  # correlation of two channels from which on they are copies
BACKGROUND = 0.8  # share of its activation outside the object, from which on a channel may watch the background
_ENOUGH = 0.01  # share of all places: with fewer away from objects, nothing is known of how dense it is there
DENSER = 2.0  # and how many times as much of it a background place must have as an object place
_LISTED = 12  # channels or groups in a sentence


@dataclass(frozen=True)
class Group:
    """Channels that repeat each other, each linked to another by a pair; `correlation` is that of the weakest pair."""

    channels: tuple[int, ...]
    correlation: float


@dataclass(frozen=True)
class Background:
    """A channel that watches the background.

    `share` of its activation lies outside the object; a place there has `density` times as much as one on the object.
    """

    channel: int
    share: float
    density: float  # infinite where nothing lies on the object


@dataclass(frozen=True)
class Diagnosis:
    """What was found among the channels of a layer; channels count from 0 here and from 1 in sentences."""

    layer: str
    channels: int
    images: int  # the statistics were taken over
    dead: tuple[int, ...]  # zero on every image
    constant: tuple[int, ...]  # the same value, not zero, everywhere
    nearly_dead: tuple[int, ...]  # above zero somewhere, but on few images
    redundant: tuple[Group, ...]
    background: tuple[Background, ...]
    correlated: bool  # whether channels were compared, so that an empty `redundant` says something
    foreground_images: int  # in which an object was found; where there are none, an empty `background` says nothing

    def sentences(self) -> list[str]:
        """What was found in plain English, with counts and sample size; one sentence says so if that is nothing."""
        found = [
            *self._one_by_one(self.dead, "dead", f"zero on {self._everywhere}"),
            *self._one_by_one(self.constant, "constant", f"the same everywhere on {self._everywhere}"),
            *self._one_by_one(
                self.nearly_dead, "nearly dead", f"above zero on fewer than {NEARLY_DEAD:.0%} of {self.images:,} images"
            ),
            *self._redundant(),
            *self._background(),
        ]
        return [f"{self.layer}: {sentence}" for sentence in [*(found or [self._nothing()]), *self._unmeasured()]]

    def _one_by_one(self, channels: tuple[int, ...], what: str, how: str) -> list[str]:
        if not channels:
            return []
        verb = "is" if len(channels) == 1 else "are"
        return [f"{self._of_all(channels)} {verb} {what}: {_numbers(channels)} {verb} {how}."]

    def _redundant(self) -> list[str]:
        if not self.redundant:
            return []
        channels = [channel for group in self.redundant for channel in group.channels]
        groups = [
            f"Channels {_numbers(group.channels)} correlate at {floored(group.correlation):.2f} or more."
            for group in self.redundant[:_LISTED]
        ]
        more = len(self.redundant) - len(groups)
        over = f"over {counted(self.images, 'image')}"
        told = f"{self._of_all(channels)} are redundant, because they repeat each other, {over}."
        rest = f"There {'is' if more == 1 else 'are'} {counted(more, 'more such group')}."
        return [" ".join([told, *groups, *([rest] if more else [])])]

    def _background(self) -> list[str]:
        if not self.background:
            return []
        verb = "watches" if len(self.background) == 1 else "watch"
        channels = _numbers([found.channel for found in self.background])
        least = f"{floored(min(found.share for found in self.background)):.0%} of"
        share = f"{least} its activation" if len(self.background) == 1 else f"{least} their activation or more"
        return [
            f"{self._of_all(self.background)} {verb} the background, lit mostly outside the object: {channels}, with"
            f" {share} there, over {counted(self.foreground_images, 'image')} that"
            f" {'shows' if self.foreground_images == 1 else 'show'} one."
        ]

    def _nothing(self) -> str:
        faults = ["dead"]
        faults += ["redundant"] if self.correlated else []
        faults += ["watches the background"] if self.foreground_images else []
        over = f"over {counted(self.images, 'image')}"
        return f"none of its {self.channels:,} channels is {listed(faults, last=' or ')}, {over}."

    def _unmeasured(self) -> list[str]:
        notes = []
        if not self.correlated:
            notes.append("whether channels are redundant was not measured, because the layer is too wide.")
        if not self.foreground_images:
            notes.append(
                "whether channels watch the background was not measured, because no object was found in any image."
            )
        return notes

    @property
    def _everywhere(self) -> str:
        return "the one image" if self.images == 1 else f"all {self.images:,} images"

    def _of_all(self, found: Sequence[object]) -> str:
        return f"{len(found):,} of {self.channels:,} channel{'s' if self.channels > 1 else ''}"


def diagnose(bundle: Bundle, layer: str) -> Diagnosis:
    """What is wrong with the channels of `layer`.

    Dead is a channel that is zero everywhere and constant one that is the same everywhere. Nearly dead is one that
    fired on less than `NEARLY_DEAD` of the images while its mean is above zero: where a nonlinearity lets negative
    values through, rarely being positive does not mean that nothing happens, and then the mean is below zero.
    Redundant are all channels joined by pairs that correlate at `REDUNDANT` or more (of wide layers only each
    channel's nearest other is known). A channel watches the background if `BACKGROUND` of its activation lies there,
    `DENSER` times as densely as on the object, and no more densely along its outline than away from it. An even channel
    has that share there too where the object is small, and one that shows outlines is lit just outside of them.
    Those found earlier are not looked at for what comes later, except that copies may watch the background.

    Raises:
        BundleError: there is no such layer, or it has no statistics.
    """
    c = bundle.layer(layer).output_shape[0]
    measures = bundle.header.measures
    if measures is None or not bundle.has_statistics(layer):
        raise BundleError(
            f"'{bundle.path.name}' has no statistics of the channels of {layer};"
            " record it again with `fmcore record`, which measures convolutions and blocks."
        )
    mean, std, maximum, fired = (bundle.array(f"{layer}/{part}") for part in ("mean", "std", "maximum", "fired"))
    still = std == 0
    dead = still & (maximum == 0) & (mean == 0)
    nearly = ~still & (fired > 0) & (fired < NEARLY_DEAD) & (mean > 0)
    healthy = ~still & ~nearly
    compared = pairs(bundle, layer)
    masked = measures.foreground_images > 0 and f"{layer}/foreground" in bundle.header.arrays
    return Diagnosis(
        layer=layer,
        channels=c,
        images=measures.images,
        dead=_indices(dead),
        constant=_indices(still & ~dead),
        nearly_dead=_indices(nearly),
        redundant=_copies(compared, healthy) if compared is not None else (),
        background=_watchers(bundle, layer, healthy & lit_with_objects(bundle, layer)) if masked else (),
        correlated=compared is not None,
        foreground_images=measures.foreground_images if masked else 0,
    )


def diagnose_all(bundle: Bundle) -> list[Diagnosis]:
    """What is wrong with every convolution and block that has statistics, in the order in which they ran."""
    return [
        diagnose(bundle, layer.name)
        for layer in bundle.header.layers
        if layer.type != "pooling" and bundle.has_statistics(layer.name)
    ]


def pairs(bundle: Bundle, layer: str) -> tuple[Array, Array, Array] | None:
    """Pairs of channels that were compared: one, other and their correlation, (n,) each; None where none were."""
    names = bundle.header.arrays
    if f"{layer}/correlation" in names:
        matrix = bundle.array(f"{layer}/correlation")
        one, other = np.triu_indices(len(matrix), 1)
        return one, other, matrix[one, other]
    if f"{layer}/nearest" in names:
        nearest = bundle.array(f"{layer}/nearest")
        return np.arange(len(nearest)), nearest, bundle.array(f"{layer}/nearest_correlation")
    return None


def _copies(pairs: tuple[Array, Array, Array], healthy: NDArray[np.bool_]) -> tuple[Group, ...]:
    """The connected components over the `pairs` of `healthy` (C,) channels that correlate enough."""
    one, other, correlation = pairs
    linked = (correlation >= REDUNDANT) & healthy[one] & healthy[other]
    one, other, correlation = one[linked], other[linked], correlation[linked]
    links = coo_array((np.ones(len(one)), (one, other)), shape=(len(healthy), len(healthy)))
    component = connected_components(links, directed=False)[1]  # (C,)
    groups = [
        Group(_indices(component == number), float(correlation[component[one] == number].min()))
        for number in np.unique(component[one])
    ]
    return tuple(sorted(groups, key=lambda group: group.channels))


def _watchers(bundle: Bundle, layer: str, lit: NDArray[np.bool_]) -> tuple[Background, ...]:
    """Those of the `lit` (C,) channels that watch the background."""
    on_object = bundle.array(f"{layer}/foreground")
    area = float(bundle.array(f"{layer}/foreground_area")[0])  # share of all places
    if not 0 < area < 1:
        return ()
    share = 1 - on_object
    inside, outside = on_object / area, share / (1 - area)  # activation per place, in the same unit
    found = lit & (share >= BACKGROUND) & (outside >= DENSER * inside)
    if f"{layer}/outline" in bundle.header.arrays:  # bundles of earlier versions have none
        along = bundle.array(f"{layer}/outline")
        ring = float(bundle.array(f"{layer}/outline_area")[0])
        away = 1 - area - ring
        if ring > 0 and away >= _ENOUGH:
            found &= (share - along) / away >= along / ring
    return tuple(
        Background(c, float(share[c]), float(outside[c] / inside[c]) if inside[c] > 0 else inf) for c in _indices(found)
    )


def _indices(flags: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(c) for c in np.flatnonzero(flags))


def _numbers(channels: Sequence[int]) -> str:
    return listed([str(channel + 1) for channel in channels], most=_LISTED)
