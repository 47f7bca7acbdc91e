"""What a channel shows, measured: the classical map that its feature map goes with most, or "mixed".

Pearson's correlation is taken between the activation of a channel and each map of `fmcore.analysis.classical`, over
many images and all places of the layer. The channel bears the name of the map it correlates with most, if that is at
least `THRESHOLD`, and is "mixed" otherwise. Only positive correlation counts: a channel that is lit where a map is
dark does not show that map.

No distance to the second best is asked for. The maps themselves go together (on Fashion-MNIST brightness and silhouette
correlate at 0.9), so such a margin would take their names from the very channels that follow one map most closely;
which of two maps a channel follows more is certain after hundreds of thousands of places. A name therefore says what
the channel resembles most, not that it resembles nothing else. At 0.6 a third of the variation is explained
(0.6 x 0.6 = 0.36).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.classical import NAMES
from fmcore.bundle import Bundle
from fmcore.errors import BundleError

THRESHOLD = 0.6
MIXED = "mixed"


@dataclass(frozen=True)
class Meaning:
    """What a channel shows: `label` is `best`, or "mixed" where `score` is below `THRESHOLD`.

    `best` is the classical map with the largest correlation and `score` that correlation; where none is positive,
    as of a dead channel, they are "" and 0.
    """

    label: str
    score: float
    best: str


def meaning_of(scores: NDArray[np.floating], names: Sequence[str] = NAMES) -> Meaning:
    """The meaning of a channel that correlates by `scores` (K,) with the K maps called `names`; ties to the first."""
    k = int(scores.argmax())
    if scores[k] <= 0:
        return Meaning(MIXED, 0.0, "")
    return Meaning(names[k] if scores[k] >= THRESHOLD else MIXED, float(scores[k]), names[k])


def meanings(bundle: Bundle, layer: str) -> list[Meaning]:
    """The meaning of every channel of `layer`.

    Raises:
        BundleError: there is no such layer, or its channels were not compared with classical maps.
    """
    name = f"{bundle.layer(layer).name}/meaning"
    measures = bundle.header.measures
    if measures is None or name not in bundle.header.arrays:
        raise BundleError(
            f"'{bundle.path.name}' does not say what the channels of {layer} show;"
            " record it again with `fmcore record`, which measures convolutions and blocks."
        )
    return [meaning_of(scores, measures.meaning) for scores in bundle.array(name)]
