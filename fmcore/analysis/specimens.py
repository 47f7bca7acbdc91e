"""One channel to show for every fault that `diagnose` knows, and a healthy one beside it.

Where a layer has no such fault, the channel that comes nearest to it stands there, so that a fault's absence can be
shown as well.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.alignment import aligned
from fmcore.analysis.diagnostics import BACKGROUND, REDUNDANT, Diagnosis, pairs
from fmcore.analysis.foreground import foreground, lit_with_objects
from fmcore.analysis.telling import telling
from fmcore.bundle import Array, Bundle

FINE = 7  # places a side from which on a map shows what it is lit by
COARSE = 3  # places a side: of still smaller maps there is next to nothing to show
_MOSTLY = 0.5  # findings a channel: a layer with more has mostly faulty channels, and whatever its maps, is shown


@dataclass(frozen=True)
class Specimens:
    """Channels to show of one layer, from 0."""

    healthy: int  # nothing was found about it, and it is lit by the object; if all have faults, that which fires most
    silent: int  # dead, else nearly dead, else the one that fires on the fewest images
    pair: tuple[int, int] | None  # of copies, else the two most alike; None where nothing was compared
    outside: (
        int | None
    )  # lit by the background, else most outside the object; None where none is lit or no object found


def faulty(diagnosis: Diagnosis) -> frozenset[int]:
    """The channels about which anything was found."""
    watching = (found.channel for found in diagnosis.background)
    copies = (channel for group in diagnosis.redundant for channel in group.channels)
    return frozenset([*diagnosis.dead, *diagnosis.constant, *diagnosis.nearly_dead, *copies, *watching])


def share_found(diagnosis: Diagnosis) -> float:
    """Findings a channel: how much there is to show of a layer, whatever its width."""
    copies = sum(len(group.channels) for group in diagnosis.redundant)
    found = len(diagnosis.dead) + len(diagnosis.constant) + len(diagnosis.nearly_dead) + copies
    return (found + len(diagnosis.background)) / diagnosis.channels


def kinds_found(diagnosis: Diagnosis) -> int:
    """How many kinds of faults were found: channels that do nothing, copies, watchers of the background."""
    still = bool(diagnosis.dead or diagnosis.constant or diagnosis.nearly_dead)
    return still + bool(diagnosis.redundant) + bool(diagnosis.background)


def most_found(bundle: Bundle, diagnoses: Iterable[Diagnosis]) -> Diagnosis | None:
    """The diagnosis with most to show, among layers with maps of 7 × 7 places or more where there are any.

    A layer of which most channels have faults is shown before others, with smaller maps, too: no film may pass over it.
    Else it is the one with most kinds of faults, and of those the one with most findings a channel: the first of
    equals, the last of all where nothing was found in any. None where there are no diagnoses.
    """
    known = list(diagnoses)
    side = {one.layer: min(bundle.layer(one.layer).output_shape[1:]) for one in known}
    fine = [one for one in known if side[one.layer] >= FINE]
    candidates = [one for one in known if one in fine or (_is_mostly_faulty(one) and side[one.layer] >= COARSE)]
    candidates = candidates if fine else known
    if not any(map(share_found, candidates)):
        return candidates[-1] if candidates else None
    return max(candidates, key=lambda one: (_is_mostly_faulty(one), kinds_found(one), share_found(one)))


def _is_mostly_faulty(diagnosis: Diagnosis) -> bool:
    return share_found(diagnosis) > _MOSTLY


def specimens(bundle: Bundle, diagnosis: Diagnosis, probe: int) -> Specimens:
    """Choose what to show of `diagnosis` so that it can be seen on the image of `probe`."""
    layer = diagnosis.layer
    maps = bundle.part(f"{layer}/activation", probe)  # (C, H, W)
    fired = bundle.array(f"{layer}/fired")
    light = np.maximum(maps, 0).sum((1, 2), dtype=np.float64)  # (C,), on this image
    silent = _silent(diagnosis, fired)
    sound = [channel for channel in range(len(maps)) if channel not in faulty(diagnosis)]
    sound = [channel for channel in sound if channel != silent] or sound  # the quietest is no example of a healthy one
    sound = _on_the_object(bundle, diagnosis, maps, probe, sound)
    healthy = sound[telling(maps[sound])] if sound else _most_fired(fired, silent)
    return Specimens(
        healthy,
        silent,
        _pair(bundle, diagnosis, light),
        _outside(bundle, diagnosis, maps, probe),
    )


def subject_for(bundle: Bundle, diagnosis: Diagnosis, default: int) -> int:
    """The probe on whose image what is said of `diagnosis` can be seen: `default` wherever that shows it.

    It shows an object where any probe does. And where a channel watches the background, most of its light lies there on
    this image, too, and its brightest place; where that is so of no image, the one is taken in which most lies there.
    """
    known = [p for p in range(len(bundle.header.probes)) if object_mask(bundle, p).any()]
    if default not in known:
        default = known[0] if known else default
    if not known or not diagnosis.background:
        return default

    def seen(probe: int) -> tuple[bool, float, float]:
        maps = bundle.part(f"{diagnosis.layer}/activation", probe)  # (C, H, W)
        chosen = _outside(bundle, diagnosis, maps, probe)
        assert chosen is not None  # there are channels that watch the background
        lit, off = np.maximum(maps[chosen], 0).astype(np.float64), _off_the_object(bundle, diagnosis, maps, probe)
        share = float((lit * off).sum() / lit.sum()) if lit.any() else 0.0
        return share >= BACKGROUND and bool(off.flat[lit.argmax()] > 0.5), share, float(lit.sum())

    return default if seen(default)[0] else max(known, key=seen)


def _off_the_object(bundle: Bundle, diagnosis: Diagnosis, maps: Array, probe: int) -> NDArray[np.floating]:
    """The share (H, W) of every place of the layer's `maps` (C, H, W) that does not lie on the object."""
    grid = (maps.shape[1], maps.shape[2])
    off: NDArray[np.floating] = 1 - aligned(object_mask(bundle, probe), bundle.layer(diagnosis.layer).field, grid)
    return off


def _on_the_object(bundle: Bundle, diagnosis: Diagnosis, maps: Array, probe: int, sound: list[int]) -> list[int]:
    """Those of the `sound` channels that nobody would take for watchers of the background, if there are any.

    On this image, a place on the object has no less of their light than one off it on average; and over many images, no
    less of it lies on the object than with most of the others.
    """
    if len(sound) < 2 or not diagnosis.foreground_images:
        return sound
    shares = bundle.array(f"{diagnosis.layer}/foreground")  # (C,)
    middle = float(np.median(shares[sound]))
    mask, lit = object_mask(bundle, probe), np.maximum(maps, 0).astype(np.float64)  # (C, H, W)
    grid = (maps.shape[1], maps.shape[2])
    on_object = aligned(mask, bundle.layer(diagnosis.layer).field, grid) if mask.any() else np.ones(grid)  # (H, W)
    there = (lit * on_object).sum((1, 2)) >= on_object.mean() * lit.sum((1, 2))  # (C,)
    return [channel for channel in sound if there[channel] and shares[channel] >= middle] or sound


def _most_fired(fired: Array, silent: int) -> int:
    """The channel that fires on most images, the `silent` one only where there is no other."""
    return max(range(len(fired)), key=lambda c: (c != silent, float(fired[c]), -c))


def object_mask(bundle: Bundle, probe: int) -> NDArray[np.bool_]:
    """Which pixels (H, W) of a probe show the object; none where it cannot be told apart."""
    mask: NDArray[np.bool_] = foreground(bundle.part("probes", probe)[None])[0]
    return mask


def _silent(diagnosis: Diagnosis, fired: Array) -> int:
    still = diagnosis.dead or diagnosis.constant
    return still[0] if still else min(diagnosis.nearly_dead or range(len(fired)), key=lambda c: (float(fired[c]), c))


def _pair(bundle: Bundle, diagnosis: Diagnosis, light: NDArray[np.float64]) -> tuple[int, int] | None:
    """The copies most alike, of those lit on this image if any are; where there are none, the channels most alike."""
    if (compared := pairs(bundle, diagnosis.layer)) is None:
        return None
    one, other, correlation = compared
    moving = ~np.isin(np.arange(diagnosis.channels), [*diagnosis.dead, *diagnosis.constant])  # (C,)
    kept = moving[one] & moving[other]
    if not kept.any():
        return None
    one, other, correlation = one[kept], other[kept], correlation[kept]
    copies = np.isin(np.arange(diagnosis.channels), [c for group in diagnosis.redundant for c in group.channels])
    found = (correlation >= REDUNDANT) & copies[one] & copies[other]
    seen = found & (light[one] > 0) & (light[other] > 0)
    candidates = seen if seen.any() else found if found.any() else np.ones(len(one), bool)
    best = int(np.where(candidates, correlation, -np.inf).argmax())
    return int(one[best]), int(other[best])


def _outside(bundle: Bundle, diagnosis: Diagnosis, maps: Array, probe: int) -> int | None:
    """Of the channels lit by the background the one that is lit most there on this image."""
    lit = lit_with_objects(bundle, diagnosis.layer)
    if not diagnosis.foreground_images or not lit.any():
        return None
    if not diagnosis.background:
        return int(np.where(lit, bundle.array(f"{diagnosis.layer}/foreground"), 2).argmin())
    off = _off_the_object(bundle, diagnosis, maps, probe)
    return max(
        (found.channel for found in diagnosis.background),
        key=lambda c: float((np.maximum(maps[c], 0) * off).sum(dtype=np.float64)),
    )


def most_alike(bundle: Bundle, diagnosis: Diagnosis) -> tuple[int, int, float] | None:
    """The two channels of the layer that vary and correlate most, and how much; None where none were compared."""
    if (compared := pairs(bundle, diagnosis.layer)) is None:
        return None
    one, other, correlation = compared
    moving = ~np.isin(np.arange(diagnosis.channels), [*diagnosis.dead, *diagnosis.constant])  # (C,)
    kept = np.flatnonzero(moving[one] & moving[other])
    if not len(kept):
        return None
    best = kept[correlation[kept].argmax()]
    return int(one[best]), int(other[best]), float(correlation[best])
