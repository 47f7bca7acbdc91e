"""What the words of a page say of two networks: a pair of partners to look at, and how often the answers agree."""

from dataclasses import dataclass

import numpy as np

from fmcore.analysis.compare import MATCHED, Counterpart, Pair
from fmcore.analysis.counterparts import compared
from fmcore.analysis.rounding import rounded_likeness
from fmcore.analysis.saying import counted, percent
from fmcore.page.phrases import layer_words, quoted
from fmcore.page.subject import Subject
from fmcore.page.view import Patch

_SAME = 0.9  # a correlation from which on two channels are said to respond alike


@dataclass(frozen=True)
class Compared:
    """Two networks in sentences, and the state that shows what they say."""

    partners: str
    answers: str
    images: int  # that layers and channels were compared over
    state: Patch


def compared_on(subject: Subject, other: Subject | None) -> Compared | None:
    """The networks of two subjects of one page; None where there is one, or no layer of both is on the page.

    Raises:
        InputError: the two were not measured on the same images.
    """
    if other is None:
        return None
    found = compared(subject.bundle, other.bundle)
    shown = [layer.name for layer in subject.shown], [layer.name for layer in other.shown]
    layers = [pair for pair in found.counterparts if pair.layer in shown[0] and pair.other in shown[1]]
    if not layers:
        return None
    both = next((layer for layer in layers if _pairs(subject, other, layer)), layers[0])
    pairs = _pairs(subject, other, both)
    names = quoted(str(subject.view.model["name"])), quoted(str(other.view.model["name"]))
    called = [f"{layer_words(layer)} of {name}" for layer, name in zip((both.layer, both.other), names, strict=True)]
    count = subject.bundle.layer(both.layer).output_shape[0]
    matched, over = len(both.matching.pairs), f"over {counted(found.images, 'test image')}"
    some = f"{matched} of {counted(count, 'channel')} of {called[0]} find a partner in {called[1]}"
    partners = f"{some}, which means a correlation of {MATCHED} or more {over}."
    channel = None
    if pairs:
        best, channel, r = pairs[0], pairs[0].one, float(rounded_likeness(pairs[0].correlation))
        alike = "respond nearly alike" if best.correlation >= _SAME else "are the most alike on this page"
        partners += f" Channel {best.one + 1} of one and {best.other + 1} of the other {alike}, at {r:.2f}."
    answers = ""
    if found.agreement is not None:
        images = counted(found.agreement.images, "test image")
        answers = f"On {percent(found.agreement.share)} of {images} both give the same answer."
    return Compared(partners, answers, found.images, subject.view.state(subject.image, both.layer, channel))


def _pairs(subject: Subject, other: Subject, layer: Counterpart) -> list[Pair]:
    """The partners that the page holds both of, the likest first; those that the image lights come before the rest."""
    mine, theirs = subject.view.channels(layer.layer), other.view.channels(layer.other)
    pairs = [pair for pair in layer.matching.pairs if pair.one in mine and pair.other in theirs]
    info = subject.bundle.layer(layer.layer)
    return sorted(pairs, key=lambda pair: (not np.ptp(subject.map(info, pair.one)) > 0, -pair.correlation))
