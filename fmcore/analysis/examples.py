"""One example each of what feature maps make visible: a fault among channels, and what leaving one out changes."""

from dataclasses import dataclass

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


def left_out(bundle: Bundle, layer: str, probe: int) -> tuple[int, int | None]:
    """The brightest channel of `layer` that was set to zero, and its row of `<layer>/ablation`.

    Where none was, the brightest of all and None.
    """
    top = bundle.part(f"{layer}/activation", probe).max((1, 2))  # (C,)
    if f"{layer}/ablation" not in bundle.header.arrays:
        return int(top.argmax()), None
    tried = bundle.part(f"{layer}/ablated", probe)  # (A,)
    row = int(top[tried].argmax())
    return int(tried[row]), row
