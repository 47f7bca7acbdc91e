"""The notes of a page: background, formulas, what maps are good for and how they mislead, with a bundle's numbers."""

from typing import Any

from fmcore.analysis.hierarchy import hierarchy
from fmcore.analysis.history import weights_are
from fmcore.analysis.meaning import THRESHOLD
from fmcore.analysis.naming import CUTTING
from fmcore.analysis.saying import counted, listed, percent
from fmcore.header import LayerInfo
from fmcore.page.comparing import Compared
from fmcore.page.phrases import layer_words, number, opened, pattern, phi_words, shape_words, size_words
from fmcore.page.subject import Subject
from fmcore.page.telling import (
    fault_words,
    fields_told,
    misled,
    reads_words,
    seen_from,
    what_lights,
    where_lit,
    without,
)

Block = dict[str, Any]

_LISTED = 8  # layers whose sizes are listed; of a deeper network, the first and the last ones


def notes(subject: Subject, compared: Compared | None) -> list[Block]:
    """The notes, in the order in which they are read."""
    return [
        *_background(subject, compared),
        *_formulas(subject),
        *_pros(subject),
        *_cons(subject),
        *_example(subject),
        *_mistake(subject),
        *_measured(subject, compared),
    ]


def _heading(text: str, level: int = 2) -> Block:
    return {"kind": "heading", "text": text, "level": level}


def _paragraph(*sentences: str) -> Block:
    return {"kind": "paragraph", "text": " ".join(filter(None, sentences))}


def _formula(text: str) -> Block:
    return {"kind": "formula", "text": text}


def _list(*items: str) -> Block:
    return {"kind": "list", "items": [item for item in items if item]}


def _ends(subject: Subject) -> tuple[LayerInfo | None, LayerInfo | None]:
    return subject.shallow, subject.deep


# -- background and formulas ---------------------------------------------------------------------


def _background(subject: Subject, compared: Compared | None) -> list[Block]:
    first, last = _ends(subject)
    random = weights_are(subject.bundle.header) == "random"
    weights = "Here they are random, for nobody has trained this network. " * random
    many = ""
    if first is not None and first.type == "convolution":
        filters = f"{counted(first.output_shape[0], 'filter')} of {size_words(first.kernel)}"
        many = f"Here {layer_words(first.name)} has {filters}, so every image gives it"
        many += f" {counted(first.output_shape[0], 'map')} of {size_words(first.output_shape[1:])}."
    deeper = ""
    if first is not None and last is not None:
        deeper = f"{fields_told(subject, first, last)} {reads_words(subject, last)}".strip()
    return [
        _heading("Background"),
        _paragraph(
            "A filter is a small block of weights. A convolutional layer lays it on every part of its input in turn"
            " and writes down how well what lies there fits. The grid of these responses is a feature map, also called"
            " an activation map: it says how strongly the filter responds, and where.",
            f"Training finds the weights, nobody draws them. {weights}A filter is the same for every image, while each"
            " image gives it another map.",
            many,
        ),
        _paragraph(
            "Channels light up in different places because their filters look for different things. A shallow layer"
            " can only respond to what fits into a few pixels: an edge, a change of contrast, a bit of texture. Every"
            " layer after it builds on earlier maps, so it can respond to contours, corners and parts, and in the end"
            " to whole regions of an object. Deep maps usually look little like the picture.",
            deeper,
        ),
        _paragraph("While you use the page, notice three things:"),
        _list(
            "Choose a map: the overlay lays it over the image. Which part of the object does the channel respond to?",
            "Change the layer: how many places does a map have, and how much of the image does each of them see?",
            "Compare two channels: where one is bright and the other dark, they respond to different things.",
        ),
        *(
            [_paragraph("This page compares two networks.", compared.partners, compared.answers)]
            if compared is not None
            else []
        ),
    ]


def _formulas(subject: Subject) -> list[Block]:
    first, last = _ends(subject)
    bias = first is not None and any(
        f"{first.name}/{part}" in subject.bundle.header.arrays for part in ("bias", "shift")
    )
    phi = phi_words(first) if first is not None else ""
    without = f", which {layer_words(first.name)} does without" if first is not None else ""
    random = weights_are(subject.bundle.header) == "random"
    rule = " It makes zero of whatever is not above zero." if first and first.nonlinearity in CUTTING else ""
    return [
        _heading("Important formulas"),
        _formula(f"feature mapₖ = φ(Wₖ * x{' + bₖ' * bool(bias)})"),
        _list(
            "k: the number of the filter, and of the channel that it makes",
            "x: what the layer reads, the image or the maps of an earlier layer",
            "Wₖ: filter k, one kernel of weights for every channel of x that it reads",
            "*: lay the filter on every part of x, multiply value by weight and add up. The filter is not flipped, so"
            " strictly this is a cross-correlation; in deep learning it is called convolution.",
            "bₖ: the bias, one number that is added at every place" if bias else "",
            f"φ: the nonlinearity, here {phi}.{rule}" if phi else f"φ: the nonlinearity{without}",
        ),
        *_sum(subject),
        _formula("mapsₗ = φ(Wₗ * mapsₗ₋₁)"),
        _paragraph(
            "l: the number of the layer, counted from the image. Only the first layer reads pixels; every other one"
            f" reads maps and makes new{'' if random else ', more abstract'} ones of them. Pooling or a shortcut may"
            " stand in between.",
            reads_words(subject, last) if last is not None else "",
        ),
        _formula("H × W × C"),
        _paragraph(
            "H: height, the rows of a map. W: width, its columns. C: channels, one map for each filter. All the maps"
            " of a layer are one block of H times W times C numbers."
        ),
        _list(*(f"{layer_words(layer.name)}: {shape_words(layer.output_shape)}" for layer in _some(subject))),
    ]


def _sum(subject: Subject) -> list[Block]:
    """The sum behind one place, in symbols."""
    layer = subject.worked.layer if subject.worked is not None else None
    if layer is None:
        return []
    s, p, d = layer.stride, layer.padding, layer.dilation
    plain = d == (1, 1)
    steps = "u − p" if plain else "d·u − p"
    across = "v − p" if plain else "d·v − p"
    here = [
        f"s = {s[0]}" if s[0] == s[1] else f"s = {s[0]} down and {s[1]} across",
        f"p = {p[0]}" if p[0] == p[1] else f"p = {p[0]} down and {p[1]} across",
    ]
    here += [] if plain else [f"d = {d[0]}" if d[0] == d[1] else f"d = {d[0]} down and {d[1]} across"]
    bias = " + bₖ" * bool(subject.worked and subject.worked.has_bias and subject.worked.stage != "sum")
    return [
        _formula(f"(Wₖ * x)(i, j) = Σ Wₖ(c, u, v) · x(c, s·i + {steps}, s·j + {across})"),
        _paragraph(
            "i, j: row and column of the map. c: a channel of x. u, v: row and column of the kernel; all count from 0"
            " here. Σ: the sum over all c, u and v. s: the stride, how far the filter moves from place to place. p: the"
            " padding, how far it hangs over the border at the start."
            + ("" if plain else " d: the dilation, how far apart the values lie that it reads.")
            + f" In {layer_words(layer.name)}, {listed(here)}."
            + (" Adding bₖ gives the pre-activation, and φ makes the activation of it." if bias else "")
        ),
    ]


def _some(subject: Subject) -> list[LayerInfo]:
    layers = subject.layers
    if len(layers) <= _LISTED:
        return layers
    return [*layers[: _LISTED // 2], *layers[-_LISTED // 2 :]]


# -- pros and cons -------------------------------------------------------------------------------


def _pros(subject: Subject) -> list[Block]:
    first, last = _ends(subject)
    order = ""
    if first is not None and last is not None and first.output_shape[1:] != last.output_shape[1:]:
        order = (
            f" Here {layer_words(first.name)} makes {shape_words(first.output_shape)} and {layer_words(last.name)}"
            f" {shape_words(last.output_shape)}."
        )
    faults = fault_words(subject)
    they = "In a trained network they" if weights_are(subject.bundle.header) == "random" else "They"
    return [
        _heading("Pros"),
        _list(
            "They open the network: one sees where each filter responds, and how strongly.",
            f"{they} show the way from simple local patterns to broader, more abstract ones, layer by layer.{order}",
            "They help to find faults: channels that are dead, that repeat another, or that respond to the background"
            f" rather than the object.{f' {faults}' * bool(faults)}",
            "Laid over the image, a map ties numbers inside the network to something that one can see.",
        ),
    ]


def _cons(subject: Subject) -> list[Block]:
    last, found, scaled = subject.deep, subject.silencing, misled(subject)
    coarse = ""
    if last is not None:
        coarse = f" A map of {layer_words(last.name)} has {size_words(last.output_shape[1:])} numbers and need not look"
        coarse += " like anything."
    colours = ""
    if scaled is not None:
        layer, strong, weak, top, low = scaled
        colours = (
            f" On a scale of its own, channel {weak + 1} of {layer_words(layer.name)} looks as strong as channel"
            f" {strong + 1}; it reaches {number(low)}, the other {number(top)}."
        )
    every = sum(layer.output_shape[0] for layer in subject.bundle.convolutions)
    together = f" The convolutions recorded here have {counted(every, 'channel')} in all." if every > 1 else ""
    return [
        _heading("Cons (what to watch out for)"),
        _list(
            f"Deep maps are hard to read.{coarse}",
            "A bright map need not be what the answer rests on."
            + (f" {without(subject, found, False)}" if found is not None else ""),
            f"A colour scale can hide differences, or make them up.{colours} Read the colour bar first.",
            f"It is easy to read too much into one map: the network uses all of them together.{together}",
            "A name such as “vertical edges” says what a map resembles, not what the network needs it for.",
        ),
    ]


# -- example and mistakes ------------------------------------------------------------------------


def _example(subject: Subject) -> list[Block]:
    first, last = _ends(subject)
    if first is None:
        return []
    truth = subject.truth
    shows = f"an image labelled {truth}" if truth is not None else "an image that nobody labelled"
    wrong = ", which is wrong" if truth is not None and not subject.right else ""
    told = [
        f"Take image {subject.image + 1} of this page, {shows}. The network answers {subject.answer}, with"
        f" {percent(subject.probability)} probability{wrong}."
    ]
    if len(subject.view.channels(first.name)) > 1:
        one, other, said = what_lights(subject, first)
        told.append(f"Two channels of {layer_words(first.name)}: {said[:1].lower() + said[1:]}")
        if subject.named(first):
            told.append(opened(f"{where_lit(subject, first, one)}; {where_lit(subject, first, other)}."))
    else:
        told.append(f"In {layer_words(first.name)}, {where_lit(subject, first, subject.channel)}.")
    if last is not None:
        channel = subject.clearest(last)
        values = subject.map(last, channel)
        row, column = divmod(int(values.argmax()), values.shape[1])
        flat = values.max() == values.min()
        seen = "" if flat else seen_from(subject, last, row, column)
        ending = f", a place that sees {seen}" if seen else ""
        told.append(f"In {layer_words(last.name)}, {where_lit(subject, last, channel)}{ending}.")
    told.append("The network does not keep a copy of the image: it keeps many responses to different parts of it.")
    return [_heading("Quick example"), _paragraph(*told)]


def _mistake(subject: Subject) -> list[Block]:
    first, last = _ends(subject)
    source = "Only the first layer of a network filters the image; the others filter maps."
    if first is not None and last is not None and first.input in ("probes", "input"):
        source = (
            f"For {layer_words(first.name)} that is close; for deeper layers it is wrong. {reads_words(subject, last)}"
        )
    return [
        _heading("Common mistake"),
        _paragraph(
            "“A feature map is just the filtered image.”",
            source,
            "Every number of a map adds up many numbers, each times a weight, so the map is something new.",
        ),
        _paragraph(
            "“This bright overlay is why the network answers as it does.” It is one response among many. Grad-CAM says"
            " which regions speak for an answer, and setting a channel to zero says whether the answer needs it;"
            " neither follows from how bright a map is."
        ),
    ]


# -- how it was measured -------------------------------------------------------------------------


def _measured(subject: Subject, compared: Compared | None) -> list[Block]:
    header, arrays = subject.bundle.header, subject.bundle.header.arrays
    measures = header.measures
    told = ["Values at single places, and what is strongest, belong to one image: the one named beside them."]
    if header.layers_run_again:
        again = listed([layer_words(name) for name in header.layers_run_again], most=5)
        told.append(f"The maps of {again} are those of a first run: for one image the network runs that several times.")
    if header.test_accuracy is not None and header.dataset.test_count:
        told.append(
            f"The network answers {percent(header.test_accuracy)} of {counted(header.dataset.test_count, 'test image')}"
            " rightly."
        )
    if measures is not None and hierarchy(subject.bundle):
        told.append(f"Dead and repeated channels were looked for in {counted(measures.images, 'image')}.")
    if measures is not None and any(name.endswith("/meaning") for name in arrays):
        names = listed([pattern(name) for name in (measures.meaning[0], measures.meaning[-1])])
        told.append(
            f"For names, each channel was correlated with {counted(len(measures.meaning), 'known pattern')}, such as"
            f" {names}, over {counted(measures.meaning_images, 'image')}; it bears a name where the correlation is"
            f" {THRESHOLD} or more, and is called mixed otherwise."
        )
    if measures is not None and any(name.endswith("/foreground") for name in arrays):
        told.append(
            f"Object and background were told apart in {counted(measures.foreground_images, 'image')}, by a rule that"
            " may err."
        )
    if any(name.endswith("/ablation") for name in arrays):
        told.append(
            "What a channel means to an answer was tried by setting all of its values to zero, one channel at a time."
        )
    if any(name.endswith("/weight_history") for name in arrays):
        told.append("Filters were kept after every epoch; epoch 0 is before training.")
    if compared is not None:
        told.append(
            f"The two networks were compared over {counted(compared.images, 'test image')} that both bundles hold."
        )
    return [_heading("How the numbers were measured"), _paragraph(*told)]
