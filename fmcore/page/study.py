"""What is worked out of a layer once, whatever the page has room for: ranges, which channels tell most, faults, names.

The activation is left out of the page where its pre-activation gives it exactly, which is tried on every value.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fmcore.analysis.border import border_of, inside
from fmcore.analysis.channels import representatives
from fmcore.bundle import Array, Bundle
from fmcore.errors import BundleError
from fmcore.header import LayerInfo
from fmcore.page.evidence import Badge, Label, faults, labels
from fmcore.page.source import Source

SHOWN_FIRST = 8
RANKED = 64  # channels that are put into an order; pages that cannot hold all hold at most so many

Range = tuple[float, float]  # (smallest, largest)
Stage = Literal["activation", "preactivation"]
Rule = Literal["stored", "relu", "relu6", "same"]

_RULES: Mapping[Rule, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, np.float32(0)),
    "relu6": lambda x: np.clip(x, np.float32(0), np.float32(6)),
    "same": lambda x: x,
}


@dataclass(frozen=True)
class Study:
    """One layer of one network."""

    info: LayerInfo
    ranked: tuple[int, ...]  # up to `RANKED` channels, the most telling first
    rule: Rule  # how the activation comes from the pre-activation
    ranges: Mapping[Stage, Mapping[int, Range]]  # over the whole layer, by number of the image in the bundle
    labels: list[Label | None]  # by channel
    badges: list[Badge]
    diagnosis: list[str]

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def preactivation(self) -> bool:
        return bool(self.ranges["preactivation"])


def study(source: Source) -> list[Study]:
    """Every layer of `source`, in the order in which they ran.

    Raises:
        BundleError: the activation of a layer is missing.
    """
    return [_layer(source, layer) for layer in source.bundle.header.layers]


def _layer(source: Source, layer: LayerInfo) -> Study:
    bundle = source.bundle
    activation = bundle.array(f"{layer.name}/activation")  # (P, C, H, W)
    if activation.shape[1:] != layer.output_shape:
        raise BundleError(
            f"The activation of {layer.name} in '{bundle.path.name}' has shape {activation.shape[1:]} where its header"
            f" says {layer.output_shape}; write the bundle again with `fmcore record`."
        )
    before = _preactivation(bundle, layer.name)
    badges, diagnosis = faults(bundle, layer)
    border = border_of(layer, bundle.header.model.input_shape)
    return Study(
        info=layer,
        ranked=tuple(representatives(inside(activation[source.probes[source.default]], border), RANKED)),
        rule="stored" if before is None else rule_of(before, activation, layer.nonlinearity),
        ranges={
            "activation": _ranges(activation, source.probes),
            "preactivation": {} if before is None else _ranges(before, source.probes),
        },
        labels=labels(bundle, layer.name),
        badges=badges,
        diagnosis=diagnosis,
    )


def _preactivation(bundle: Bundle, layer: str) -> Array | None:
    name = f"{layer}/preactivation"
    return bundle.array(name) if name in bundle.header.arrays else None


def rule_of(before: Array, after: Array, nonlinearity: str = "") -> Rule:
    """The rule that turns every value of `before` into exactly that of `after`; "stored" where none does."""
    wanted = "same" if nonlinearity == "none" else nonlinearity
    rules = sorted(_RULES.items(), key=lambda row: row[0] != wanted)  # the one that the header names first
    return next((name for name, rule in rules if np.array_equal(rule(before), after)), "stored")


def _ranges(maps: Array, probes: Sequence[int]) -> dict[int, Range]:
    """The smallest and the largest of `maps` (P, C, H, W) for each of `probes`."""
    return {probe: (float(maps[probe].min()), float(maps[probe].max())) for probe in probes}


def shared_range(studies: Sequence[Study], stage: Stage) -> Range:
    """From zero to, or where a value is negative symmetric about zero with, the largest of all layers and images.

    The rule is that of `fmcore.colour.ColourScale.of`.
    """
    found = [one for layer in studies for one in layer.ranges[stage].values()]
    low, high = min((low for low, _ in found), default=0.0), max((high for _, high in found), default=0.0)
    reach = max(-low, high)
    return (-reach, reach) if low < 0 else (0.0, max(high, 0.0))
