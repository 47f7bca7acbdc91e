"""Questions on what was measured: strength, change in training, what an answer needs, dead channels, likeness.

Every function looks for something to ask about on the page and returns None where there is nothing, or where the right
option would not clearly be the right one.
"""

from collections.abc import Sequence

import numpy as np

from fmcore.analysis.attribution import Ablation, ablations, light, moves
from fmcore.analysis.border import border_of
from fmcore.analysis.flattering import reach, reaches_up, strongest_of
from fmcore.analysis.meaning import MIXED
from fmcore.analysis.saying import counted, listed, percent
from fmcore.header import LayerInfo
from fmcore.page.asked import MARGIN, Asked
from fmcore.page.phrases import layer_words, number, pattern
from fmcore.page.subject import Subject

_TELLING = 0.02  # of a probability: a change that is worth asking about
_CLEARLY = 0.01  # of a probability: the decisive change exceeds the others at least by so much
_FIRES = 0.05  # share of images: a channel that fires on so many is not dead by any measure
_ENOUGH = 30  # images: what fewer say of a channel may be chance
_APART = 0.15  # of a correlation: the right pattern exceeds the others at least by so much


def which_is_strongest(subject: Subject) -> Asked | None:
    """The map that is brightest on one scale, and others that a scale of their own may make look as bright."""
    layers = [layer for layer in subject.shown if layer.type != "pooling"] or subject.shown
    for layer in layers:
        channels = subject.view.channels(layer.name)
        maps = subject.maps(layer, channels)
        if not reaches_up(maps).all():
            continue
        tops = dict(zip(channels, map(float, reach(maps)), strict=True))
        border = border_of(layer, subject.bundle.header.model.input_shape)
        strong = channels[strongest_of(maps, range(len(channels)), border)]
        first = subject.flattered(layer)
        order = [*([first[1]] if first else []), *subject.view.representatives(layer.name), *channels]
        weaker = [c for c in dict.fromkeys(order) if 0 < tops[c] * (1 + MARGIN) <= tops[strong]]
        if len(weaker) < 2:
            continue
        weaker = weaker[:3]
        reaches = listed([f"channel {channel + 1} {number(tops[channel])}" for channel in sorted(weaker)])
        return Asked(
            f"For image {subject.image + 1}, on one colour scale for all of {layer_words(layer.name)}, which of these"
            " maps gets the strongest colour?",
            _channel(strong),
            _channels(weaker),
            f"Channel {strong + 1} reaches {number(tops[strong])}, {reaches}. On scales of their own, all of them would"
            " reach the end of the colour bar.",
            subject.view.state(subject.image, layer.name, strong, weaker[0]),
        )
    return None


def which_changed_most(subject: Subject) -> Asked | None:
    """The layer whose filters training moved farthest."""
    far: dict[str, float] = {}  # by what the layers are called
    layers: dict[str, LayerInfo] = {}
    for layer in subject.shown:
        movement = subject.movement(layer)
        if movement is not None and layers.setdefault(layer_words(layer.name), layer) is layer:
            far[layer_words(layer.name)] = float(movement.distance[-1].mean())
    if not far:
        return None
    most = max(far, key=lambda name: far[name])
    others = [name for name in far if far[name] * (1 + MARGIN) <= far[most]][:3]
    if not others:
        return None
    told = listed([f"those of {name} by {number(far[name])}" for name in others])
    return Asked(
        "In which of these layers did training change the filters most, in proportion to what they were before?",
        most,
        [*others, *(["in both alike"] if len(others) == 1 else [])],
        f"On average, the filters of {most} moved by {number(far[most])} times their length at the start, {told}.",
        subject.view.state(subject.image, layers[most].name, epoch=0),
    )


def which_is_needed(subject: Subject) -> Asked | None:
    """The channel whose loss changes the answer most, which need not be the brightest."""
    found = subject.silencing
    if found is None:
        return None
    tried = [subject, subject.at(found.image), *map(subject.at, subject.view.images)]
    for one in tried:
        if one.view.map_of(found.layer.name, one.image) and (asked := _needed(one, found.layer)) is not None:
            return asked
    return None


def _needed(subject: Subject, layer: LayerInfo) -> Asked | None:
    held = subject.view.channels(layer.name)
    known = [one for one in ablations(subject.bundle, layer.name, subject.probe) if one.channel in held]
    if not known or abs(known[0].change) < _TELLING:
        return None
    most = known[0]
    margin = max(_CLEARLY, MARGIN * abs(most.change))
    rest = [one for one in known[1:] if abs(one.change) <= abs(most.change) - margin]
    if len(rest) < 2:
        return None
    shines = {one.channel: float(light(subject.map(layer, one.channel))) for one in known}
    brightest = max(shines, key=lambda channel: (shines[channel], -channel))
    bright = [one for one in rest if one.channel == brightest]
    others = [one for one in rest if one.channel != brightest]
    wrong = [*bright, *others[:: max(1, len(others) // 3)]][:3]
    return Asked(
        f"For image {subject.image + 1} the answer is {subject.answer}. Which of these channels of"
        f" {layer_words(layer.name)}, set to zero, changes its probability most?",
        _channel(most.channel),
        _channels([one.channel for one in wrong]),
        " ".join(_changes(one) for one in (most, *wrong))
        + (f" Channel {brightest + 1} is the brightest." if bright else ""),
        subject.view.state(subject.image, layer.name, most.channel, brightest),
    )


def _changes(one: Ablation) -> str:
    return f"Without channel {one.channel + 1} it {moves(one.change)}."


def which_is_dead(subject: Subject) -> Asked | None:
    """A channel that is zero on all images, beside others that are dark on this one."""
    for layer in subject.shown:
        found = subject.diagnosis(layer)
        if found is None or found.images < _ENOUGH:
            continue
        held, fired = subject.view.channels(layer.name), subject.bundle.array(f"{layer.name}/fired")
        dead = [channel for channel in found.dead if channel in held]
        alive = [channel for channel in held if fired[channel] >= _FIRES]
        if not dead or len(alive) < 2:
            continue
        tops = dict(zip(alive, reach(subject.maps(layer, alive)), strict=True))
        dark = sorted(alive, key=lambda channel: (tops[channel], channel))[:3]
        black = " though it is black here, too," if tops[dark[0]] == 0 else ""
        over = counted(found.images, "image")
        return Asked(
            f"Which of these channels of {layer_words(layer.name)} is dead, zero on every one of {over}?",
            _channel(dead[0]),
            _channels(dark),
            f"Channel {dead[0] + 1} was never above zero. Channel {dark[0] + 1},{black or ' for one,'} is above zero"
            f" somewhere on {percent(float(fired[dark[0]]))} of the images: one image cannot tell.",
            subject.view.state(subject.image, layer.name, dead[0], dark[0]),
        )
    return None


def what_it_resembles(subject: Subject) -> Asked | None:
    """The known pattern that a channel goes with, as far as that was measured."""
    measures = subject.bundle.header.measures
    if measures is None or measures.meaning_images < _ENOUGH:
        return None
    for layer in subject.shown:
        for channel in subject.named(layer):
            scores = subject.bundle.array(f"{layer.name}/meaning")[channel]
            best = float(scores.max())
            order = [int(number) for number in np.argsort(-scores, kind="stable")]
            others = [number for number in order if scores[number] <= best - _APART][:3]
            label = (subject.meanings(layer) or {})[channel].label
            if label == MIXED or len(others) < 2:
                continue
            next_best = f"{pattern(measures.meaning[others[0]])} with {scores[others[0]]:.2f}".replace("-", "−")
            return Asked(
                f"Over {counted(measures.meaning_images, 'image')}, which of these patterns does channel {channel + 1}"
                f" of {layer_words(layer.name)} go with most?",
                pattern(label),
                [pattern(measures.meaning[number]) for number in others],
                f"Their correlation is {best:.2f}; of the others here, {next_best} comes next. That says what it"
                " resembles, not why the network needs it.",
                subject.view.state(subject.image, layer.name, channel),
            )
    return None


def _channel(channel: int) -> str:
    return f"channel {channel + 1}"


def _channels(channels: Sequence[int]) -> list[str]:
    return [_channel(channel) for channel in channels]
