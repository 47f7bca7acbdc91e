"""One example each: of a fault that feature maps make visible, and of a channel that looks like a reason."""

from dataclasses import dataclass

from fmcore.analysis.attribution import by_brightness
from fmcore.analysis.diagnostics import diagnose_all
from fmcore.analysis.specimens import most_found, specimens
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
    """The fault that a network shows best: dead channels before copies, in the layer with most to find."""
    found = most_found(bundle, diagnose_all(bundle))
    if found is None:
        layer = bundle.convolutions[0].name
        maps = bundle.part(f"{layer}/activation", probe)  # (C, H, W)
        return Fault("here", layer, int((maps > 0).mean((1, 2)).argmin()), telling(maps, bundle.part("probes", probe)))
    chosen = specimens(bundle, found, probe)
    if chosen.pair and not found.dead and not found.constant:
        return Fault("alike", found.layer, *chosen.pair)
    return Fault("silent", found.layer, chosen.silent, chosen.healthy)


def brightest_tried(bundle: Bundle, layer: str, probe: int) -> int:
    """The channel of `layer` with the largest sum of those that were set to zero; of all, where none was."""
    if f"{layer}/ablation" in bundle.header.arrays:
        return by_brightness(bundle, layer, probe)[0].channel
    return int(bundle.part(f"{layer}/activation", probe).sum((1, 2)).argmax())
