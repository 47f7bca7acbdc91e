"""Where each filter started and how far training moved it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.border import border_of, inside, reaches_inside
from fmcore.analysis.evenly import evenly
from fmcore.bundle import Bundle
from fmcore.errors import BundleError

Floats = NDArray[np.floating]

CHANGED = 0.8  # a correlation with its map of before below which a map has changed clearly
_SEEN = 0.2  # of the largest magnitude in the layer: a map that reaches less is next to black beside it
_NOTHING = 1e-6  # a filter that starts this much shorter than the longest ever seen in its layer starts at zero


@dataclass(frozen=True)
class Movement:
    """The way of every filter of one layer through training, epoch 0 being before it.

    Lengths are in units of the norm that the filter started with. A filter that started at zero has no such unit and
    takes the mean of the others, or 1 where there is none; its cosine is 0.
    """

    distance: Floats  # (E + 1, C_out), |w_e - w_0| / |w_0|
    cosine: Floats  # (E + 1, C_out), of w_e and w_0: 1 where only the length changed
    path: Floats  # (C_out,), the sum of the steps from epoch to epoch; more than the last distance where it turned
    from_zero: tuple[int, ...]  # filters that started at zero
    steps: Floats  # (E, C_out), |w_e - w_(e - 1)| / |w_0|

    def share_of_way(self, epoch: int, number: int) -> float:
        """The share of its path that filter `number` went in epoch 1, 2, ...; zero where it never moved."""
        path = float(self.path[number])
        return float(self.steps[epoch - 1, number]) / path if path > 0 else 0.0


def moved(history: Floats) -> Movement:
    """How the filters of `history` (E + 1, C_out, ...) moved."""
    weights = history.reshape(*history.shape[:2], -1).astype(np.float64)  # (E + 1, C_out, D)
    norm = np.linalg.norm(weights, axis=2)
    start = norm[0]
    nothing = start <= _NOTHING * norm.max()
    typical = float(start[~nothing].mean()) if not nothing.all() else 1.0
    unit = np.where(nothing, typical, start)
    along = (weights * weights[0]).sum(2)
    both = norm * start
    defined = ~nothing & (both > 0)
    steps = np.linalg.norm(np.diff(weights, axis=0), axis=2) / unit
    return Movement(
        distance=np.linalg.norm(weights - weights[0], axis=2) / unit,
        cosine=np.clip(np.where(defined, along / np.where(defined, both, 1), 0), -1, 1),
        path=steps.sum(0),
        from_zero=tuple(int(c) for c in np.flatnonzero(nothing)),
        steps=steps,
    )


def movements(bundle: Bundle, layer: str) -> Movement:
    """How the filters of `layer` moved while the network of `bundle` was trained.

    Raises:
        BundleError: there is no such layer, or its weights were recorded only once.
    """
    bundle.layer(layer)
    name = f"{layer}/weight_history"
    if name not in bundle.header.arrays:
        raise BundleError(
            f"'{bundle.path.name}' does not hold the weights of {layer} at every epoch, so nobody can say how far its"
            " filters moved; record a network that was trained here."
        )
    return moved(bundle.array(name))


def turned_most(bundle: Bundle, layer: str, probe: int) -> int:
    """The filter of `layer` that turned most, by its cosine with the start, of those whose map changed clearly.

    Where no map did, the one whose map changed most: the lowest correlation of before and after. Maps that are flat
    before or after have none, and such as would be next to black beside the strongest after training count only where
    no other is left; so do those of which one of both would be next to black beside the other. All that is meant of
    what maps show inside, and those that reach farthest there come first, after training and then before it, too.
    Where no map of before is kept, or all are flat, the filter that turned most of all.

    Raises:
        BundleError: as `movements`.
    """
    cosine = movements(bundle, layer).cosine[-1]
    kept = [maps_before_and_after(bundle, layer, probe, channel) for channel in range(len(cosine))]
    if len(kept[0]) < 2:
        return int(cosine.argmin())
    border = border_of(bundle.layer(layer), bundle.header.model.input_shape)
    before, after = (  # (C_out, H, W) each
        np.stack([bundle.part(array, *index) for array, index in maps]) for maps in zip(*kept, strict=True)
    )
    pairs = list(zip(inside(before, border), inside(after, border), strict=True))
    alike = {c: likeness(*pair) for c, pair in enumerate(pairs) if all(np.ptp(one) > 0 for one in pair)}
    began, reach = ([float(np.abs(map_).max()) for map_ in maps] for maps in zip(*pairs, strict=True))
    after_inside, before_inside = (reaches_inside(maps, border) for maps in (after, before))
    for kind in (
        [found >= _SEEN * max(reach) for found in reach],
        [min(both) >= _SEEN * max(both) for both in zip(reach, began, strict=True)],
        after_inside,
        before_inside,
    ):
        alike = {c: found for c, found in alike.items() if kind[c]} or alike
    changed = [c for c, found in alike.items() if found < CHANGED and likeness(before[c], after[c]) < CHANGED]
    if alike:
        return min(changed, key=lambda c: float(cosine[c])) if changed else min(alike, key=lambda c: alike[c])
    return int(cosine.argmin())


def likeness(one: Floats, other: Floats) -> float:
    """The correlation of two maps (H, W), of which neither may be flat."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def likeness_to_the_first(bundle: Bundle, array: str, index: tuple[int, ...]) -> float:
    """The likeness of a map to that of the same image and channel at the first epoch; `index` begins with its own."""
    return likeness(bundle.part(array, 0, *index[1:]), bundle.part(array, *index))


def spread(distance: Floats, most: int, always: int) -> list[int]:
    """At most `most` filters from the one with the largest distance (C_out,) to that with the smallest, evenly by rank.

    They come in the order of the layer; filter `always` is among them.
    """
    order = np.argsort(-distance, kind="stable").tolist()
    return sorted(order[rank] for rank in evenly(len(order), most, order.index(always)))


def spread_epochs(last: int, most: int) -> list[int]:
    """At most `most` epochs: 0, the first, which changes most, and from there evenly to `last`."""
    first = min(1, last) if most > 2 else last
    return sorted({0, *(round(float(epoch)) for epoch in np.linspace(first, last, most - 1))})


def maps_before_and_after(bundle: Bundle, layer: str, probe: int, channel: int) -> list[tuple[str, tuple[int, ...]]]:
    """Array and index of a feature map before training and after it; of the latter alone where no other is kept."""
    kept, name = bundle.header.activation_history, f"{layer}/activation_history"
    last = len(bundle.header.training.history) - 1
    if name not in bundle.header.arrays or kept is None or probe not in kept.probes:
        return [(f"{layer}/activation", (probe, channel))]
    if (kept.epochs[0], kept.epochs[-1]) != (0, last):
        return [(f"{layer}/activation", (probe, channel))]
    place = kept.probes.index(probe)
    return [(name, (epoch, place, channel)) for epoch in (0, len(kept.epochs) - 1)]
