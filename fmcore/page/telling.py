"""Sentences that the tour, the questions and the notes of a page share: each says what was measured, or nothing."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from fmcore.analysis.attribution import SEEN, moves
from fmcore.analysis.channels import strongest
from fmcore.analysis.convolution import Place
from fmcore.analysis.flattering import reach
from fmcore.analysis.naming import CUTTING
from fmcore.analysis.saying import counted, listed, percent
from fmcore.analysis.worked import WorkedMap
from fmcore.header import LayerInfo
from fmcore.page.phrases import (
    layer_words,
    number,
    opened,
    pattern,
    phi_words,
    place_words,
    size_words,
    span,
)
from fmcore.page.subject import Silencing, Subject, Sum

_FEW = 3  # layers that a sentence names

# -- one number, one map -------------------------------------------------------------------------


def kept_of(map_: WorkedMap, at: Place) -> str:
    """What becomes of the sum at a place."""
    phi, sum_ = phi_words(map_.layer), Sum.of(map_, at)
    result = sum_.write(sum_.result)
    if map_.stage == "sum":
        return f"Normalised{f' and sent through {phi}' * bool(phi)}, it becomes {result}."
    if not phi:
        return "That is what the map holds."
    if map_.layer.nonlinearity not in CUTTING:
        return f"{phi} turns that into {result}."
    if at.value > 0:
        return f"{phi} lets what is above zero pass, so the map holds {result}."
    return f"{phi} makes zero of what is not above it, so the map holds {result}."


def source_words(map_: WorkedMap) -> str:
    """What one slice of a filter reads."""
    return "colour channel" if map_.reads_image else "map"


def share_cut(subject: Subject, layer: LayerInfo, channel: int) -> str:
    """What share of a map its nonlinearity made zero; "" of one that cuts nothing off."""
    if layer.nonlinearity not in CUTTING:
        return ""
    zero = float((subject.map(layer, channel) <= 0).mean())
    if zero == 0:
        return f"In this map nothing lies below zero, so {phi_words(layer)} takes nothing away."
    return f"{phi_words(layer)} makes {percent(zero)} of the places zero."


def seen_from(subject: Subject, layer: LayerInfo, row: int, column: int) -> str:
    """Which rows and columns of the image one place of a layer sees; "" where that is all of it, or not known."""
    if not layer.field.boxed:
        return ""
    height, width = subject.bundle.header.model.input_shape[1:]
    top, left, bottom, right = layer.field.box(row, column)
    if top <= 0 and left <= 0 and bottom >= height and right >= width:
        return ""
    return f"{span('row', max(top, 0), min(bottom, height))} and {span('column', max(left, 0), min(right, width))}"


def field_words(subject: Subject, layer: LayerInfo) -> str:
    """How much of the image one place sees; "" where nobody knows."""
    field = layer.field
    if not field.boxed:
        return "the whole image" if field.known else ""
    size = subject.bundle.header.model.input_shape[1:]
    more = all(seen > side for seen, side in zip(field.size, size, strict=True))
    return f"{size_words(field.size)} pixels" + ", more than the image has" * more


def fields_told(subject: Subject, shallow: LayerInfo, deep: LayerInfo) -> str:
    """A sentence on how much of the image one place of each sees; "" where nobody knows."""
    one, other = (field_words(subject, layer) for layer in (shallow, deep))
    if not (one and other):
        return ""
    rest = ", and the rest summed up" * (shallow.field.local or deep.field.local)
    return f"A place of {layer_words(shallow.name)} sees {one}, one of {layer_words(deep.name)} {other}{rest}."


def where_lit(subject: Subject, layer: LayerInfo, channel: int) -> str:
    """Where a channel responds most to the image, and how much."""
    values = subject.map(layer, channel)
    if not np.ptp(values) > 0:
        return f"channel {channel + 1} is {number(float(values.flat[0]))} everywhere"
    spot = strongest(values)
    return f"channel {channel + 1} is strongest ({number(spot.value)}) in {place_words(spot.row, spot.column)}"


# -- many maps -----------------------------------------------------------------------------------


def what_lights(subject: Subject, layer: LayerInfo) -> tuple[int, int, str]:
    """Two channels of a layer that has several, and what was measured of them."""
    found, named = subject.meanings(layer), subject.named(layer)
    shown = subject.view.representatives(layer.name) + subject.view.channels(layer.name)
    measures = subject.bundle.header.measures
    if found is None or measures is None or not named:
        one, other = list(dict.fromkeys(shown))[:2]
        here = opened(f"{where_lit(subject, layer, one)}; {where_lit(subject, layer, other)}.")
        if found is None or measures is None:
            return one, other, here
        tried = f"Over {counted(measures.meaning_images, 'image')}, no channel shown here goes closely with any of"
        return one, other, f"{here} {tried} {len(measures.meaning)} known patterns."
    one, over = named[0], f"over {counted(measures.meaning_images, 'image')}"
    first = f"Measured {over}, channel {one + 1} goes with {pattern(found[one].label)}"
    score = f"(correlation {found[one].score:.2f})"
    other_name = next((c for c in named if found[c].label != found[one].label), None)
    if other_name is not None:
        second = f"channel {other_name + 1} with {pattern(found[other_name].label)} ({found[other_name].score:.2f})"
        return one, other_name, f"{first} {score}, {second}."
    unnamed = next((c for c in shown if c not in named), None)
    if unnamed is not None:
        return one, unnamed, f"{first} {score}, channel {unnamed + 1} closely with none of the patterns tried."
    return one, named[1], f"{first} {score}, and so does channel {named[1] + 1} ({found[named[1]].score:.2f})."


def misled(subject: Subject) -> tuple[LayerInfo, int, int, float, float] | None:
    """A layer with a strong and a weak channel that own scales make look alike, and how far each reaches."""
    shown: Sequence[LayerInfo] = [layer for layer in subject.shown if layer.type != "pooling"] or subject.shown
    for layer in shown:
        if (pair := subject.flattered(layer)) is not None:
            strong, weak = (float(top) for top in reach(subject.maps(layer, pair)))
            return layer, *pair, strong, weak
    return None


def reads_words(subject: Subject, layer: LayerInfo) -> str:
    """A sentence on where a layer's input comes from."""
    name, source = layer_words(layer.name), layer.input.removesuffix("/activation")
    if layer.input in ("probes", "input"):
        return f"{name} reads the image itself."
    if source != layer.input and source in subject.bundle.layer_names:
        count = subject.bundle.layer(source).output_shape[0]
        maps = f"the {count:,} maps" if count > 1 else "the only map"
        return f"{name} does not read the image but {maps} of {layer_words(source)}."
    if 1 < len(layer.reads) <= _FEW and "" not in layer.reads:
        return f"{name} is built from the maps of {listed([layer_words(one) for one in layer.reads])}."
    return f"{name} is built from what the layers before it make."


# -- what the answer rests on --------------------------------------------------------------------


def without(subject: Subject, found: Silencing, named: bool) -> str:
    """What the brightest channel and the most decisive one mean to the answer.

    `named` says whether the layer and the answer have been named just before.
    """
    bright, decisive = found.decision.brightest, found.decision.decisive
    of = "" if named else f" of {layer_words(found.layer.name)}"
    whose = "its probability" if named else f"the probability of {subject.at(found.image).answer}"
    start = f"Without channel {bright.channel + 1}{of}, the brightest, {whose} {moves(bright.change)}"
    seen = decisive.change <= -SEEN and moves(decisive.change) != moves(bright.change)
    if decisive.channel == bright.channel or not seen:
        more = " more" if bright.change <= -SEEN else ""
        return f"{start}, and no other channel that was tried lowers it{more}."
    return f"{start}; without channel {decisive.channel + 1} it {moves(decisive.change)}."


def fault_words(subject: Subject) -> str:
    """One sentence on dead channels or copies that were found; "" where none were, or nobody measured."""
    diagnoses = [found for layer in subject.layers if (found := subject.diagnosis(layer)) is not None]
    worst = max(diagnoses, key=lambda one: len(one.dead), default=None)
    if worst is not None and worst.dead:
        verb = "is" if len(worst.dead) == 1 else "are"
        return (
            f"In {layer_words(worst.layer)}, {len(worst.dead)} of {counted(worst.channels, 'channel')} {verb} dead:"
            f" zero on {'the only image' if worst.images == 1 else f'all {worst.images:,} images'}."
        )
    copied = max(diagnoses, key=lambda one: len(one.redundant), default=None)
    if copied is not None and copied.redundant:
        members = len(list(chain.from_iterable(group.channels for group in copied.redundant)))
        return (
            f"In {layer_words(copied.layer)}, {members} of {counted(copied.channels, 'channel')} repeat another,"
            f" measured over {counted(copied.images, 'image')}."
        )
    return ""
