"""Which images to look at when asking what an answer rests on: a telling right answer, and a wrong one.

Support for a class is what its Grad-CAM map holds above zero, added up over the places.
"""

from dataclasses import dataclass

from fmcore.analysis.attribution import ClassMap, brightest_is_decisive, class_map
from fmcore.bundle import Array, Bundle
from fmcore.header import LayerInfo, explained, rightly_answered

COUNTS = 0.01  # of a probability: a change from which on a channel counts, or counts more than another
MORE = 1.05  # times: support larger by this is called more


@dataclass(frozen=True)
class Case:
    """One image with the Grad-CAM maps of its answer and of a rival class."""

    name: str  # what its facts begin with
    probe: int
    image: Array  # (C, H, W)
    maps: tuple[ClassMap, ClassMap]  # of the answer and of its rival
    slots: tuple[int, int]  # where they stand in the second axis of the array

    @property
    def goes_with_support(self) -> bool:
        """Whether the answer has clearly more support than its rival."""
        answer, rival = self.maps
        return answer.supported and answer.support >= MORE * rival.support

    @property
    def goes_against_support(self) -> bool:
        """Whether the rival has clearly more support than the answer."""
        answer, rival = self.maps
        return rival.supported and rival.support >= MORE * answer.support


def case_of(bundle: Bundle, layer: str, probe: int, name: str = "") -> Case:
    """The answer for `probe` and its rival: the true class where it is another and has a map, else the next likeliest.

    Raises:
        InputError: no map was recorded for the answer.
    """
    shown = [int(index) for index in bundle.part("gradcam_classes", probe)]
    said = bundle.header.probes[probe]
    others = [index for index in shown if index != said.predicted]
    classes = said.predicted, said.label if said.label in others else others[0]
    answer, rival = (class_map(bundle, layer, probe, index) for index in classes)
    slots = shown.index(answer.index), shown.index(rival.index)
    return Case(name, probe, bundle.part("probes", probe), (answer, rival), slots)


def explained_layer(bundle: Bundle, *parts: str) -> LayerInfo | None:
    """The layer in which answers are explained, of those with `parts` such as "ablation"."""
    arrays = bundle.header.arrays
    return explained(layer for layer in bundle.header.layers if all(f"{layer.name}/{part}" in arrays for part in parts))


def comparable(bundle: Bundle) -> list[int]:
    """The probes that are answered rightly; all of them where none is known to be."""
    return rightly_answered(bundle.header.probes)


def misleading(bundle: Bundle, layer: str, supported: bool = False) -> int:
    """The probe in which brightness misleads most about what the answer rests on.

    That is where the loss of the decisive channel costs the answer most beyond the loss of the brightest. Among those
    answered rightly if there are any, and where they are to be `supported`, of these among those whose answer has more
    support than its rival: a first example shows the rule. The default probe where it misleads in none.
    """
    right = comparable(bundle)
    if supported and f"{layer}/gradcam" in bundle.header.arrays and bundle.info("gradcam_classes").shape[1] > 1:
        right = [p for p in right if case_of(bundle, layer, p).goes_with_support] or right

    def gap(p: int) -> tuple[float, bool]:
        return brightest_is_decisive(bundle, layer, p).beyond_the_brightest, p == bundle.default_probe

    return max(right, key=gap)


def doubtful(bundle: Bundle, layer: str, but: int) -> int:
    """The probe that is answered wrongly and least surely; where no answer is known to be wrong, the least sure one.

    Another than `but` as far as there is one, and one whose answer has support in `layer`: else nothing could be seen.
    """
    probes = bundle.header.probes
    others = [p for p in range(len(probes)) if p != but] or [but]
    wrong = [p for p in others if probes[p].label not in (None, probes[p].predicted)]
    tried = wrong or others
    tried = [p for p in tried if case_of(bundle, layer, p).maps[0].supported] or tried
    return min(tried, key=lambda p: (probes[p].probability, p))


def needed_beyond(bundle: Bundle, layer: str, probe: int) -> int | None:
    """The channel of `layer` that the answer needs by `COUNTS` more than its brightest; None where there is none.

    It needs a channel if it falls by `COUNTS` without it: that it rises without the brightest is not enough.
    """
    found = brightest_is_decisive(bundle, layer, probe)
    needed = min(found.beyond_the_brightest, -found.decisive.change) >= COUNTS
    return found.decisive.channel if needed else None


def misled(bundle: Bundle, layer: str, probe: int) -> tuple[int, int | None]:
    """A probe whose answer needs another channel than the brightest, and that channel; `probe` and None if none does.

    `probe` itself if it is one, else the one that misleads most, and at last one that is answered wrongly.
    """
    for tried in (probe, misleading(bundle, layer), *range(len(bundle.header.probes))):
        if (needed := needed_beyond(bundle, layer, tried)) is not None:
            return tried, needed
    return probe, None


def needing_another(bundle: Bundle, layer: str) -> int:
    """For how many of the probes the answer needs another channel of `layer` by `COUNTS` more than its brightest."""
    return sum(needed_beyond(bundle, layer, probe) is not None for probe in range(len(bundle.header.probes)))


def needing_none(bundle: Bundle, layer: str) -> int:
    """For how many of the probes the answer loses less than `COUNTS` without any single channel of `layer`."""
    known = range(len(bundle.header.probes))
    return sum(brightest_is_decisive(bundle, layer, probe).decisive.change > -COUNTS for probe in known)


def answered_with_less(bundle: Bundle, layer: str) -> int:
    """How many of the probes got an answer that has clearly less support in `layer` than its rival."""
    return sum(case_of(bundle, layer, probe).goes_against_support for probe in range(len(bundle.header.probes)))
