"""Reading what an answer rests on: Grad-CAM says which places support a class, ablation which channels it needs.

Channels count from 0 in records and from 1 in sentences, as on screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.answers import softmax
from fmcore.bundle import Bundle
from fmcore.errors import BundleError, InputError, one_of

Floats = NDArray[np.floating]

_NOTHING = 1e-6  # of the largest magnitude of a map: what is smaller supports nothing
SEEN = 0.0005  # of a probability: the least change that shows with one decimal of a percentage point


# -- places --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClassMap:
    """Grad-CAM of one layer for one probe and one class (Selvaraju et al., "Grad-CAM", 2017)."""

    layer: str
    index: int  # of the class
    name: str
    probability: float  # softmax
    signed: Floats  # (H, W), negative where a place speaks against the class

    @property
    def positive(self) -> Floats:
        """What supports the class (H, W): the map after the paper's ReLU, eq. 2."""
        return np.maximum(self.signed, 0)

    @property
    def support(self) -> float:
        """All that supports the class, added up over the places."""
        return _support(self.signed)

    @property
    def half(self) -> int:
        """The fewest places that hold half of that."""
        return places_of_half(self.signed)

    @property
    def supported(self) -> bool:
        """Whether any place supports the class."""
        return self.half > 0

    @property
    def sentence(self) -> str:
        if not self.supported:
            return f"Nothing in {self.layer} supports '{self.name}' here."
        places = f"{self.half:,} of {self.signed.size:,} places"
        return f"Half of what supports '{self.name}' in {self.layer} comes from {places}."


def _support(signed: Floats) -> float:
    return float(np.maximum(signed, 0).sum(dtype=np.float64))


def support_against(one: Floats, other: Floats) -> float:
    """All that supports one class in its signed map (H, W), as a share of what supports another in its map."""
    theirs = _support(other)
    return _support(one) / theirs if theirs > 0 else float("inf")


def strongest_half(signed: Floats) -> NDArray[np.bool_]:
    """The fewest places (H, W) of a signed map that hold half of all that supports its class, the strongest first.

    None where nothing supports it by more than rounding may leave. Of equals the first in reading order.
    """
    strength = np.maximum(signed, 0).ravel().astype(np.float64)
    order = np.argsort(-strength, kind="stable")
    held = np.cumsum(strength[order])
    half = np.zeros(strength.shape, bool)
    if strength.max() > _NOTHING * np.abs(signed).max():
        half[order[: int(np.searchsorted(held, held[-1] / 2)) + 1]] = True
    return half.reshape(signed.shape)


def places_of_half(signed: Floats) -> int:
    """How many places of a signed map (H, W) hold half of all that supports its class; none where nothing does."""
    return int(strongest_half(signed).sum())


def class_map(bundle: Bundle, layer: str, probe: int, wanted: int | str | None = None) -> ClassMap:
    """What in `layer` supports the class `wanted`, by number or name, for one probe; by default the predicted one.

    Raises:
        InputError: there is no such probe or class, or no map was recorded for it.
        BundleError: there is no such layer, or it has no maps.
    """
    _check(bundle, layer, probe, "gradcam", "Grad-CAM maps")
    shown = [int(index) for index in bundle.part("gradcam_classes", probe)]
    index = _class_index(bundle, probe, shown, wanted)
    return ClassMap(
        layer=layer,
        index=index,
        name=bundle.class_name(index),
        probability=class_probability(bundle, probe, index),
        signed=bundle.part(f"{layer}/gradcam", probe, shown.index(index)),
    )


def class_probability(bundle: Bundle, probe: int, index: int) -> float:
    """Softmax of the logits of one probe, for class `index`."""
    return float(softmax(bundle.part("logits", probe))[index])


def _class_index(bundle: Bundle, probe: int, shown: list[int], wanted: int | str | None) -> int:
    """The number of the class `wanted`, one of those `shown`."""
    classes = bundle.header.classes
    names = [classes[index] for index in shown]
    if isinstance(wanted, str):
        if wanted in names:
            return shown[names.index(wanted)]
        if wanted not in classes:
            raise InputError(one_of("class", wanted, names))
    elif wanted is not None and not 0 <= wanted < len(classes):
        raise InputError(f"There are classes 0 to {len(classes) - 1} and no {wanted}.")
    index = bundle.header.probes[probe].predicted if wanted is None else wanted
    if isinstance(index, str) or index not in shown:
        name = index if isinstance(index, str) else classes[index]
        raise InputError(
            f"For probe {probe}, '{bundle.path.name}' has no Grad-CAM map of '{name}';"
            f" choose one of: {', '.join(names)}."
        )
    return index


# -- channels ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ablation:
    """By how much the probability of the predicted class changed when `channel` was set to zero."""

    channel: int
    change: float  # negative where the class lost
    predicted: int | None = None  # the class that was predicted then, where that is known


@dataclass(frozen=True)
class Decision:
    """The brightest of the channels that were set to zero, and the one that the answer needs most."""

    brightest: Ablation
    decisive: Ablation  # the one with the largest drop
    sentence: str

    @property
    def same(self) -> bool:
        return self.brightest == self.decisive

    @property
    def beyond_the_brightest(self) -> float:
        """By how much more the probability falls without the decisive one than without the brightest."""
        return self.brightest.change - self.decisive.change


def ablations(bundle: Bundle, layer: str, probe: int) -> list[Ablation]:
    """What setting single channels of `layer` to zero did to the answer for one probe, the largest change first.

    Raises:
        InputError: there is no such probe.
        BundleError: there is no such layer, or nothing in it was set to zero.
    """
    _check(bundle, layer, probe, "ablation", "ablations")
    channels = bundle.part(f"{layer}/ablated", probe)
    changes = bundle.part(f"{layer}/ablation", probe)
    predicted = _predicted_then(bundle, layer, probe, len(channels))
    if not len(channels) == len(changes) == len(predicted):
        raise BundleError(
            f"The ablations of '{layer}' in '{bundle.path.name}' do not say of every channel what it changed; record it"
            " again."
        )
    found = [
        Ablation(int(channel), float(change), then)
        for channel, change, then in zip(channels, changes, predicted, strict=True)
    ]
    return sorted(found, key=lambda ablation: (-abs(ablation.change), ablation.channel))


def _predicted_then(bundle: Bundle, layer: str, probe: int, count: int) -> Sequence[int | None]:
    """The class predicted without each of the channels that were set to zero; None where older bundles do not say."""
    name = f"{layer}/ablation_predicted"
    if name not in bundle.header.arrays:
        return [None] * count
    classes = bundle.part(name, probe)
    if classes.min(initial=0) < 0 or classes.max(initial=0) >= len(bundle.header.classes):
        raise BundleError(
            f"Array '{name}' of '{bundle.path.name}' names classes that it does not have; record it again."
        )
    return [int(one) for one in classes]


def brightest_is_decisive(bundle: Bundle, layer: str, probe: int) -> Decision:
    """Compare the brightest channel, by `light`, with the one whose loss costs most.

    Both are among the channels that were set to zero.

    Raises:
        InputError: there is no such probe.
        BundleError: there is no such layer, or nothing in it was set to zero.
    """
    tried = by_brightness(bundle, layer, probe)
    brightest = tried[0]
    decisive = min(tried, key=lambda ablation: (ablation.change, ablation != brightest))
    name = bundle.class_name(bundle.header.probes[probe].predicted)
    return Decision(brightest, decisive, _verdict(layer, name, brightest, decisive))


def light(maps: Floats) -> NDArray[np.float64]:
    """How bright maps (..., H, W) are: what they hold above zero, added up over the places.

    What lies below zero is no light, and must not cancel any: after a ReLU there is none.
    """
    return np.asarray(np.maximum(maps, 0).sum((-2, -1), dtype=np.float64))


def lit_by_brightness(bundle: Bundle, layer: str, probe: int) -> list[Ablation]:
    """Those of `ablations` whose channel is above zero somewhere on the image, the brightest, by `light`, first.

    Raises:
        InputError: there is no such probe.
        BundleError: there is no such layer, or nothing in it was set to zero.
    """
    array = f"{layer}/activation"
    tried = by_brightness(bundle, layer, probe)
    return [one for one in tried if (bundle.part(array, probe, one.channel) > 0).any()]


def by_brightness(bundle: Bundle, layer: str, probe: int) -> list[Ablation]:
    """The same as `ablations`, from the brightest channel, by `light`, to the faintest.

    Raises:
        InputError: there is no such probe.
        BundleError: there is no such layer, or nothing in it was set to zero.
    """
    tried = ablations(bundle, layer, probe)
    found = [float(light(bundle.part(f"{layer}/activation", probe, one.channel))) for one in tried]
    return [tried[place] for place in np.argsort(-np.array(found), kind="stable")]


def place_of_the_neediest(bundle: Bundle, layer: str, probe: int) -> int:
    """Where, from 1, the channel that the answer needs most stands among those lit, the brightest first; 0 if unlit."""
    lit = lit_by_brightness(bundle, layer, probe)
    decisive = brightest_is_decisive(bundle, layer, probe).decisive
    return lit.index(decisive) + 1 if decisive in lit else 0


def in_the_way(bundle: Bundle, layer: str, probe: int) -> int:
    """Without how many lit channels, one at a time, the answer gets surer by what one decimal of a percentage shows."""
    return sum(one.change >= SEEN for one in lit_by_brightness(bundle, layer, probe))


def largest_gain(bundle: Bundle, layer: str, probe: int) -> float:
    """By how much the answer's probability (0..1) rises at most without a lit channel; 0 where it never does."""
    return max((one.change for one in lit_by_brightness(bundle, layer, probe) if one.change > 0), default=0.0)


def left_without_the_neediest(bundle: Bundle, layer: str, probe: int) -> float:
    """What is left of the answer's probability (0..1) without the channel that it needs most of those tried."""
    found = class_probability(bundle, probe, int(bundle.header.probes[probe].predicted))
    return found + min(one.change for one in ablations(bundle, layer, probe))


def _verdict(layer: str, name: str, brightest: Ablation, decisive: Ablation) -> str:
    bright = f"Channel {brightest.channel + 1} of {layer} is the brightest"
    falls = decisive.change <= -SEEN
    if falls and brightest == decisive:
        return f"{bright} and the most decisive: without it the probability of '{name}' {moves(brightest.change)}."
    start = f"{bright}; without it the probability of '{name}' {moves(brightest.change)}"
    if falls and brightest.change <= -SEEN:
        return f"{start}, without channel {decisive.channel + 1} by {_points(decisive.change)}."
    if falls:
        return f"{start}, without channel {decisive.channel + 1} it {moves(decisive.change)}."
    return f"{start}, and no channel that was tried lowers it by 0.1 points."


def moves(change: float) -> str:
    """What becomes of a probability that changes by `change`: `falls by 1.2 points`."""
    if abs(change) < SEEN:
        return "hardly changes"
    return f"{'falls' if change < 0 else 'rises'} by {_points(change)} points"


def _points(change: float) -> str:
    return f"{abs(change) * 100:.1f}"


def _check(bundle: Bundle, layer: str, probe: int, part: str, kind: str) -> None:
    bundle.layer(layer)
    count = len(bundle.header.probes)
    if not 0 <= probe < count:
        raise InputError(f"The bundle '{bundle.path.name}' has probes 0 to {count - 1} and no {probe}.")
    if f"{layer}/{part}" not in bundle.header.arrays:
        having = [name for name in bundle.layer_names if f"{name}/{part}" in bundle.header.arrays]
        instead = f"those that have are: {', '.join(having)}" if having else "write it again with `fmcore record`"
        raise BundleError(f"Layer '{layer}' of '{bundle.path.name}' has no {kind}; {instead}.")
