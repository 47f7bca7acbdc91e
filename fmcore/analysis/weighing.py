"""How the maps of a layer add up to a Grad-CAM map: each times its weight, some for the class and some against it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.alignment import aligned
from fmcore.analysis.attribution import Ablation, ablations, brightest_is_decisive
from fmcore.analysis.cases import COUNTS
from fmcore.analysis.specimens import object_mask
from fmcore.bundle import Bundle

Floats = NDArray[np.floating]

_TOLD = 0.05  # of what the strongest adds: a channel that takes away less than this is no example of one


@dataclass(frozen=True)
class Weighing:
    """The channels of one layer for one probe, and what Grad-CAM multiplies them with for one class."""

    weights: Floats  # (C,), negative where more of the channel lowers the score of the class
    activation: Floats  # (C, H, W)

    @classmethod
    def of(cls, bundle: Bundle, layer: str, probe: int, slot: int) -> Self | None:
        """For the class that stands at `slot` of `gradcam_classes`; None in bundles of before weights were kept.

        Raises:
            BundleError: there is no such layer, probe or slot.
        """
        if f"{layer}/gradcam_weight" not in bundle.header.arrays:
            return None
        weights = bundle.part(f"{layer}/gradcam_weight", probe, slot)
        return cls(weights, bundle.part(f"{layer}/activation", probe))

    @property
    def added(self) -> NDArray[np.float64]:
        """What each channel adds to the class, over all places (C,); negative where it takes away."""
        total: NDArray[np.float64] = self.weights * self.activation.sum((1, 2), dtype=np.float64)
        return total

    def weighted(self, *channels: int) -> NDArray[np.float64]:
        """The maps of `channels`, each times its weight, added up (H, W)."""
        chosen = list(channels)
        total: NDArray[np.float64] = np.einsum(
            "c,chw->hw", self.weights[chosen].astype(np.float64), self.activation[chosen].astype(np.float64)
        )
        return total

    def examples(self, count: int) -> list[int]:
        """Up to `count` channels to show: those that add or take away most, among them the one that takes away most.

        The last of them is that one, where it takes away enough to be told; else all add. None that does neither.
        """
        added = self.added
        order = [int(channel) for channel in np.argsort(-np.abs(added), kind="stable") if added[channel]]
        least = int(added.argmin())
        against = [least] if count > 1 and added[least] < -_TOLD * np.abs(added).max() else []
        return [*[channel for channel in order if channel not in against][: count - len(against)], *against]


def added_to_class(bundle: Bundle, layer: str, probe: int, slot: int, channel: int) -> float:
    """What one channel adds to a class over all places; negative where it takes away, 0 where no weights were kept."""
    found = Weighing.of(bundle, layer, probe, slot)
    return 0.0 if found is None else float(found.added[channel])


def error_of_sum(bundle: Bundle, layer: str, probe: int, slot: int) -> float:
    """By how much the weighted maps, added up, miss the recorded Grad-CAM map, as a share of its largest magnitude.

    1 where no weights were kept.
    """
    found, recorded = Weighing.of(bundle, layer, probe, slot), bundle.part(f"{layer}/gradcam", probe, slot)
    if found is None:
        return 1.0
    missed = np.abs(found.weighted(*range(len(found.weights))) - recorded).max()
    return float(missed / max(float(np.abs(recorded).max()), 1e-30))


def by_both_tests(bundle: Bundle, layer: str, probe: int, slot: int) -> tuple[Ablation, Ablation] | None:
    """The channel that adds most to a class by Grad-CAM, and the one whose loss costs the answer most, if they differ.

    None where weights or ablations are missing, where the first was not set to zero, and where no channel is needed.
    """
    found = Weighing.of(bundle, layer, probe, slot)
    if found is None or f"{layer}/ablation" not in bundle.header.arrays:
        return None
    needed = brightest_is_decisive(bundle, layer, probe).decisive
    most = int(found.added.argmax())
    first = next((one for one in ablations(bundle, layer, probe) if one.channel == most), needed)
    return None if first == needed or needed.change > -COUNTS or found.added.max() <= 0 else (first, needed)


def support_off_the_object(bundle: Bundle, layer: str, probe: int, slot: int) -> float:
    """What share of the support for a class comes from places whose pixels do not show the object.

    0 where there is no support, or no object is told apart from the ground.
    """
    support = np.maximum(bundle.part(f"{layer}/gradcam", probe, slot), 0).astype(np.float64)  # (h, w)
    mask = object_mask(bundle, probe)  # (H, W)
    if not mask.any() or not support.any():
        return 0.0
    on_object = aligned(mask, bundle.layer(layer).field, support.shape)
    return float((support * (1 - on_object)).sum() / support.sum())
