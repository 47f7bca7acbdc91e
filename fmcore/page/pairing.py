"""Two networks side by side: which layer stands for which, which channels are partners, and where the answers part."""

from collections.abc import Mapping
from typing import TypedDict

from fmcore.analysis.compare import MATCHED, Agreement, Comparison
from fmcore.analysis.counterparts import compared, parted
from fmcore.analysis.naming import called
from fmcore.analysis.rounding import rounded_likeness
from fmcore.analysis.saying import percent
from fmcore.page.phrases import quoted
from fmcore.page.source import Source

_TOLD = 6  # layers in sentences; the page has all of them


class LayerMatch(TypedDict):
    """A layer of the first network and its counterpart in the second."""

    layer: str
    other: str
    likeness: float
    pairs: list[tuple[int, int, float]]


Channels = Mapping[str, tuple[int, ...]]  # that the page holds, by layer


def matches(one: Source, other: Source, mine: Channels, theirs: Channels) -> list[LayerMatch]:
    """Every layer of `one` that can be compared; of the pairs of channels those that the page holds both of."""
    found = compared(one.bundle, other.bundle)
    return [
        LayerMatch(
            layer=pair.layer,
            other=pair.other,
            likeness=round(pair.cka, 4),
            pairs=[
                (p.one, p.other, round(p.correlation, 4))
                for p in pair.matching.pairs
                if p.one in mine[pair.layer] and p.other in theirs[pair.other]
            ],
        )
        for pair in found.counterparts
    ]


def agreement(one: Source, other: Source) -> list[str]:
    """How the two agree, in sentences: answers, the image of the page on which they part, layers and channels."""
    found = compared(one.bundle, other.bundle)
    said = [_answers(one, other, found.agreement)] if found.agreement is not None else [found.why_not]
    if (parting := _parting(one, other)) is not None:
        said.append(parting)
    return [*said, *_layers(one, other, found)]


def _answers(one: Source, other: Source, found: Agreement) -> str:
    alike = percent(found.share, 1)
    said = f"{one.name} and {other.name} answer alike on {alike} of {found.images:,} test images"
    mine, theirs = found.accuracy
    if mine is None or theirs is None:
        return f"{said}."
    return f"{said}; {one.name} is right on {percent(mine, 1)} of them, {other.name} on {percent(theirs, 1)}."


def _parting(one: Source, other: Source) -> str | None:
    """The image of the page on which they part with most confidence."""
    pairs = list(zip(one.probes, other.probes, strict=True))
    found = parted(one.bundle, other.bundle, pairs)
    if not found:
        return None if len(pairs) == 1 else f"On the {len(pairs)} images of this page they answer alike."
    pair = max(found, key=found.__getitem__)
    said = [(s.bundle, s.bundle.header.probes[number]) for s, number in zip((one, other), pair, strict=True)]
    answers = [(quoted(bundle.class_name(probe.predicted)), percent(probe.probability)) for bundle, probe in said]
    truth = one.bundle.truth(pair[0])
    labelled = f", labelled {quoted(truth)}," if truth is not None else ""
    return (
        f"On image {pairs.index(pair) + 1}{labelled} they part: {one.name} says {answers[0][0]} ({answers[0][1]}),"
        f" {other.name} says {answers[1][0]} ({answers[1][1]})."
    )


def _layers(one: Source, other: Source, found: Comparison) -> list[str]:
    said = [
        f"{called(pair.layer)} of {one.name} and {called(pair.other)} of {other.name} are alike by {_two(pair.cka)}"
        f" (linear CKA, where 1 is alike and about 0 is not); {len(pair.matching.pairs)} of"
        f" {len(pair.matching.pairs) + len(pair.matching.unmatched_one)} channels have a partner."
        for pair in found.counterparts[:_TOLD]
    ]
    over = f"Layers and channels were compared over {found.images:,} test images that both bundles hold; channels are"
    return [*said, f"{over} partners, one to one, where they correlate at {MATCHED:g} or more."]


def _two(likeness: float) -> str:
    """Two decimals; never 1.00 of what is not quite that."""
    return f"{float(rounded_likeness(likeness)):.2f}"
