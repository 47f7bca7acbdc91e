"""One example each: of a fault that feature maps make visible, and of a channel that looks like a reason."""

from dataclasses import dataclass

from fmcore.analysis.attribution import by_brightness, light
from fmcore.analysis.diagnostics import diagnose_all
from fmcore.analysis.specimens import most_alike, most_found, specimens
from fmcore.analysis.telling import telling
from fmcore.bundle import Bundle


@dataclass(frozen=True)
class Fault:
    """What to show of a layer's faults; channels count from 0.

    `kind` is "silent": `one` is dead, or answers most rarely, and `other` is sound; "alike": the two are copies, or the
    most alike; or "here": without statistics over many images, `one` is the least lit of the image and `other` clear.
    """

    kind: str
    layer: str
    one: int
    other: int


def fault(bundle: Bundle, probe: int) -> Fault:
    """The fault that a network shows best: dead channels before copies, in the layer with most to find.

    Only layers that have such a fault are asked. Where none has, it is the two channels most alike of any layer, for
    that is said of the whole network; and where none were compared, the one that is above zero on the fewest images.
    """
    every = diagnose_all(bundle)
    if not every:
        layer = bundle.convolutions[0].name
        maps = bundle.part(f"{layer}/activation", probe)  # (C, H, W)
        return Fault("here", layer, int((maps > 0).mean((1, 2)).argmin()), telling(maps, bundle.part("probes", probe)))
    at_fault = [one for one in every if one.dead or one.constant or one.redundant]
    found = most_found(bundle, at_fault)
    if found is None:
        alike = [(pair, one.layer) for one in every if (pair := most_alike(bundle, one)) is not None]
        if alike:
            (one, other, _), layer = max(alike, key=lambda known: known[0][2])
            return Fault("alike", layer, one, other)
        found = min(every, key=lambda one: float(bundle.array(f"{one.layer}/fired").min()))
    chosen = specimens(bundle, found, probe)
    if chosen.pair and not found.dead and not found.constant:
        return Fault("alike", found.layer, *chosen.pair)
    return Fault("silent", found.layer, chosen.silent, chosen.healthy)


def dead_in_all(bundle: Bundle) -> int:
    """How many channels of all layers have one value everywhere, on all images."""
    return sum(len(one.dead) + len(one.constant) for one in diagnose_all(bundle))


def likest_in_all(bundle: Bundle) -> float:
    """The largest correlation of two channels of one layer, in any layer; 0 where none were compared."""
    return max((pair[2] for one in diagnose_all(bundle) if (pair := most_alike(bundle, one)) is not None), default=0.0)


def brightest_tried(bundle: Bundle, layer: str, probe: int) -> int:
    """The brightest channel of `layer`, by `light`, of those that were set to zero; of all, where none was."""
    if f"{layer}/ablation" in bundle.header.arrays:
        return by_brightness(bundle, layer, probe)[0].channel
    return int(light(bundle.part(f"{layer}/activation", probe)).argmax())
