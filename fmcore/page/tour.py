"""The tour of a page: a few steps, each of which says what to notice and leads the page there.

A step is left out where the page does not hold what it is about, and says nothing that was not measured.
"""

from typing import Any

import numpy as np

from fmcore.analysis.attribution import class_map
from fmcore.analysis.channels import strongest
from fmcore.analysis.history import starts_at_random
from fmcore.analysis.naming import CUTTING
from fmcore.analysis.saying import counted, percent
from fmcore.header import LayerInfo
from fmcore.page.comparing import Compared
from fmcore.page.phrases import SCALED, layer_words, number, phi_words, place_words, quoted, size_words
from fmcore.page.subject import Subject, Sum
from fmcore.page.telling import (
    field_words,
    fields_told,
    kept_of,
    misled,
    reads_words,
    seen_from,
    share_cut,
    source_words,
    what_lights,
    without,
)
from fmcore.page.view import Patch

Step = dict[str, Any]

_MOST = 9  # steps


def tour(subject: Subject, compared: Compared | None) -> list[Step]:
    """The steps of the tour, seven to nine of them where the page holds all that they are about."""
    begins = [_image(subject), _map(subject)]
    made = [_number(subject, False), _phi(subject)]
    follows = [
        _channels(subject),
        _scale(subject),
        _deeper(subject),
        _training(subject),
        _reason(subject),
        _comparison(compared),
    ]
    if len(list(filter(None, [*begins, *made, *follows]))) > _MOST:
        made = [_number(subject, True)]  # one step for how a number is made and what φ takes away
    return [step for step in [*begins, *made, *follows] if step is not None]


def _step(title: str, look: str, state: Patch, *sentences: str) -> Step:
    return {"title": title, "text": " ".join(filter(None, sentences)), "state": state, "look": look}


# -- one map -------------------------------------------------------------------------------------


def _image(subject: Subject) -> Step | None:
    if subject.shallow is None:
        return None
    channels, *size = subject.bundle.header.model.input_shape
    colours = {1: "", 3: " in each of three colours"}.get(channels, f" in each of {channels} channels")
    truth, verdict = subject.truth, "Nobody said what it really shows."
    if truth is not None:
        verdict = "That is right." if subject.right else f"That is wrong: it is labelled {truth}."
    return _step(
        "What goes in, and what comes out",
        "image",
        subject.view.state(subject.image, subject.shallow.name, subject.channel, overlay=False),
        f"To the network, this image is a grid of {size_words(size)} numbers{colours}.",
        f"It answers {subject.answer}, with {percent(subject.probability)} probability. {verdict}",
        "This page shows what happens in between.",
    )


def _map(subject: Subject) -> Step | None:
    layer, channel = subject.shallow, subject.channel
    if layer is None:
        return None
    values = subject.map(layer, channel)
    spot = strongest(values)
    who = f"Channel {channel + 1} of {layer_words(layer.name)} has a map of {size_words(values.shape)} numbers."
    state = subject.view.state(subject.image, layer.name, channel, scale="per_map")
    if not np.ptp(values) > 0:
        flat = f"All of them are {number(spot.value)}: this map is flat. Another channel may respond."
        return _step("A feature map", "overlay", state, who, flat)
    colours = "Bright means a strong response" if values.min() >= 0 else "Red is above zero, blue below it"
    seen = seen_from(subject, layer, spot.row, spot.column)
    return _step(
        "A feature map, laid over the image",
        "overlay",
        state,
        who,
        f"{colours}; the largest, {number(spot.value)}, stands in {place_words(spot.row, spot.column)}.",
        f"It saw {seen} of the image: the overlay shows where a channel responds." if seen else "",
    )


def _number(subject: Subject, with_phi: bool) -> Step | None:
    map_, at = subject.worked, subject.example
    if map_ is None or at is None:
        return None
    sum_, count = Sum.of(map_, at), len(at.patch)
    slices = f" of each of {counted(count, source_words(map_))}" if count > 1 else ""
    scaled = f" ({SCALED[map_.scaled_by]} included)" if map_.is_scaled else ""
    bias = ""
    if map_.has_bias:
        brings = f"the bias, {sum_.write(at.added)}, brings it to {sum_.write(at.value)}"
        bias = f"; {brings if sum_.write(at.added) != '0' else 'the bias is 0'}"
    return _step(
        "How one number is made",
        "place",
        subject.view.state(subject.image, map_.layer.name, map_.channel, scale="per_map", place=(at.row, at.column)),
        f"In {place_words(at.row, at.column)} of channel {map_.channel + 1}, the filter lies on"
        f" {size_words(map_.layer.kernel)} values{slices}.",
        f"Value times weight, added up, makes {sum_.write(at.summed)}{bias}{scaled}.",
        kept_of(map_, at),
        share_cut(subject, map_.layer, map_.channel) if with_phi else "",
    )


def _phi(subject: Subject) -> Step | None:
    bent = [one for one in subject.shown if _bends(subject, one)]
    layer = next((one for one in bent if (subject.map(one, subject.clearest(one)) <= 0).any()), next(iter(bent), None))
    if layer is None:
        return None
    channel, phi = subject.clearest(layer), phi_words(layer)
    before = subject.bundle.part(f"{layer.name}/preactivation", subject.probe, channel)
    after, below = subject.map(layer, channel), bool(before.min() < 0)
    kept = share_cut(subject, layer, channel) or (
        f"{phi} takes each number by itself; afterwards they run from {number(float(after.min()))} to"
        f" {number(float(after.max()))}."
    )
    return _step(
        f"What {phi} takes away" if layer.nonlinearity in CUTTING else f"What {phi} changes",
        "maps",
        subject.view.state(subject.image, layer.name, channel, stage="preactivation", scale="per_map"),
        f"This is channel {channel + 1} of {layer_words(layer.name)} before {phi}, its pre-activation: from"
        f" {number(float(before.min()))} to {number(float(before.max()))}{', blue below zero and red above' * below}.",
        kept,
        "Switch to the activation and see which places change." if below else "",
    )


def _bends(subject: Subject, layer: LayerInfo) -> bool:
    """Whether the page can show the layer before and after its nonlinearity."""
    return layer.nonlinearity != "none" and subject.view.before_of(layer.name, subject.image)


# -- many maps -----------------------------------------------------------------------------------


def _channels(subject: Subject) -> Step | None:
    layer = subject.shallow
    if layer is None or len(subject.view.channels(layer.name)) < 2:
        return None
    one, other, told = what_lights(subject, layer)
    kind, count = "filter" if layer.type == "convolution" else "channel", layer.output_shape[0]
    return _step(
        "One layer, many channels",
        "maps",
        subject.view.state(subject.image, layer.name, one, other),
        f"{layer_words(layer.name)} has {counted(count, kind)}, so it makes {count:,} maps of the same image.",
        told,
        "Different channels light up for different reasons." if np.ptp(subject.map(layer, one)) > 0 else "",
    )


def _scale(subject: Subject) -> Step | None:
    if (found := misled(subject)) is None:
        return None
    layer, strong, weak, top, low = found
    return _step(
        "Look at the scale first",
        "maps",
        subject.view.state(subject.image, layer.name, weak, strong, scale="per_map"),
        f"Each map has a colour scale of its own here, so channel {weak + 1} of {layer_words(layer.name)} looks as"
        f" strong as channel {strong + 1}.",
        f"But it reaches only {number(low)} where the other reaches {number(top)}.",
        "Switch to one scale for the layer, and it grows dim.",
    )


def _deeper(subject: Subject) -> Step | None:
    first, last = subject.shallow, subject.deep
    if first is None or last is None:
        return None
    (c1, *size1), (c2, *size2) = first.output_shape, last.output_shape
    names = layer_words(first.name), layer_words(last.name)
    same = "of the same size" if size1 == size2 else f"of {size_words(size1)}"
    told = field_words(subject, first) != field_words(subject, last)
    return _step(
        "Deeper: maps made of maps",
        "layers",
        subject.view.state(subject.image, last.name),
        f"{names[1]} makes {counted(c2, 'map')} of {size_words(size2)} numbers, {names[0]} {c1:,} {same}.",
        fields_told(subject, first, last) if told else "",
        reads_words(subject, last),
        "" if last.input in ("probes", "input") else "Do not expect a picture.",
    )


# -- training, reasons, another network ----------------------------------------------------------


def _training(subject: Subject) -> Step | None:
    layer = next((one for one in subject.shown if subject.view.trained(one.name)), None)
    movement = subject.movement(layer) if layer else None
    if layer is None or movement is None:
        return None
    last, far, history = subject.view.epochs[-1], movement.distance[-1], subject.bundle.header.training.history
    channel = max(subject.view.trained(layer.name), key=lambda one: (float(far[one]), -one))
    unit = "the mean length of the filters" if channel in movement.from_zero else "its own length"
    right = ""
    if len(history) > 1:
        before, after = (percent(record.test_accuracy) for record in (history[0], history[-1]))
        right = f"; right answers in the test went from {before} to {after}"
    start = "holds random numbers" if starts_at_random(subject.bundle.header) else "is what training began with"
    return _step(
        "Nobody drew these filters",
        "epoch",
        subject.view.state(subject.image, layer.name, channel, scale="per_map", epoch=0),
        f"Epoch 0 is before training: filter {channel + 1} of {layer_words(layer.name)} {start}.",
        f"{counted(last, 'epoch')} of training moved it by {number(float(far[channel]))} times {unit}{right}.",
        f"Drag the epoch from 0 to {last} and watch.",
    )


def _reason(subject: Subject) -> Step | None:
    found = subject.silencing
    layer = found.layer if found else subject.explained
    if layer is None:
        return None
    here = subject.at(found.image) if found else subject
    answer, marked = None, ""
    if subject.view.explained(layer.name, here.image):
        map_ = class_map(subject.bundle, layer.name, here.probe)
        half = f"half of it comes from {map_.half:,} of {counted(map_.signed.size, 'place')}"
        answer, found_there = map_.index, half if map_.supported else "nothing in this case"
        marked = f"Grad-CAM marks what in {layer_words(layer.name)} speaks for {quoted(map_.name)}: {found_there}."
    if found is None:
        state = subject.view.state(here.image, layer.name, of_class=answer)
        tail = "It marks regions; a bright channel alone need not matter."
        return _step("Where the answer finds support", "answers", state, marked, tail)
    bright, decisive = found.decision.brightest.channel, found.decision.decisive
    needed = decisive.channel if found.misleads else bright
    other = "Look at another image." if here.image != subject.image else ""
    return _step(
        "One bright map is not the reason" if found.misleads else "Is a bright map the reason?",
        "answers",
        subject.view.state(here.image, layer.name, needed, bright, of_class=answer),
        other,
        marked,
        without(subject, found, bool(marked)),
        "Choose any channel, and the page says what taking it away changes.",
    )


def _comparison(compared: Compared | None) -> Step | None:
    if compared is None:
        return None
    return _step("Two networks, the same images", "compare", compared.state, compared.partners, compared.answers)
