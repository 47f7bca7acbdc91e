"""One layer of a bundle, channel by channel, as a table for a terminal."""

from collections.abc import Callable, Mapping

from rich.table import Table

from fmcore.analysis.attribution import ablations
from fmcore.analysis.diagnostics import Diagnosis, diagnose
from fmcore.analysis.foreground import lit_with_objects
from fmcore.analysis.learning import movements
from fmcore.analysis.meaning import meanings
from fmcore.analysis.saying import listed
from fmcore.bundle import Array, Bundle
from fmcore.choices import doubts, images, numbered, probe_number, probe_title, size
from fmcore.findings import answers, faults
from fmcore.header import LayerInfo
from fmcore.tables import MISSING, console, facts, section, table

_WIDTH = 80  # characters: on a narrower terminal lines wrap rather than numbers are lost
_ROOMY = 100  # characters, from which on columns stand well apart
_PARTS = ("mean", "std", "maximum", "fired", "active", "foreground")


def describe_layer(bundle: Bundle, name: str, probe: int | str | None = None, wanted: str | None = None) -> None:
    """Print a row for every channel of the layer `name`, and what it does for one probe and the class `wanted`.

    Raises:
        BundleError: there is no such layer.
        InputError: there is no such probe or class.
    """
    layer, probe = bundle.layer(name), probe_number(bundle, probe)
    answer = answers(bundle, name, probe, wanted)
    out = console(_WIDTH)
    out.print(_facts(bundle, layer))
    if f"{name}/mean" in bundle.header.arrays:
        found = diagnose(bundle, name)
        made = _channels(bundle, name, probe, found, 2 if out.width >= _ROOMY else 1)
        section(out, "Channels", made, *_captions(bundle, name, probe))
        section(out, "Diagnostics", *faults(found), *doubts(found.images))
    else:
        section(out, "Channels", "Nothing was measured here: only convolutions and blocks have statistics.")
    if answer:
        section(out, f"Attribution, {probe_title(bundle, probe)}", *answer)


def _facts(bundle: Bundle, layer: LayerInfo) -> Table:
    c, h, w = layer.output_shape
    rows = [("layer", f"{layer.name}, {layer.type}"), ("maps", f"{h} × {w} × {c} (H × W × C)")]
    if layer.type != "block":
        rows.append(("kernel", f"{size(layer.kernel)}, stride {size(layer.stride)}, padding {size(layer.padding)}"))
    if layer.dilation != (1, 1) or layer.groups > 1:
        rows.append(("filters", f"dilation {size(layer.dilation)}, {layer.groups} groups"))
    rows += [(what, how) for what, how in _after(layer) if how != "none"]
    image = size((bundle.header.model.input_shape[1], bundle.header.model.input_shape[2]))
    seen = f"{size(layer.field.size)} pixels of {image}" + ", and the rest summed up" * layer.field.local
    if not layer.field.boxed:
        seen = "the whole image" if layer.field.known else "what it sees cannot be told"
    rows.append(("each place sees", seen))
    if layer.input or layer.reads:
        rows.append(("reads", layer.input or listed([name or "the image" for name in layer.reads])))
    return facts(rows)


def _after(layer: LayerInfo) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("normalisation", layer.normalisation), ("nonlinearity", layer.nonlinearity)


# -- channels ------------------------------------------------------------------------------------


def _channels(bundle: Bundle, name: str, probe: int, diagnosis: Diagnosis, gap: int) -> Table:
    arrays = bundle.header.arrays
    found: dict[str, Array] = {
        part: bundle.array(f"{name}/{part}") for part in _PARTS if f"{name}/{part}" in arrays
    }  # (C,) each
    named = meanings(bundle, name) if f"{name}/meaning" in arrays else None
    moved = movements(bundle, name).distance[-1] if _learned(bundle, name) else None
    words = _words(diagnosis)
    still = {*diagnosis.dead, *diagnosis.constant}
    lost = {a.channel: a.change for a in ablations(bundle, name, probe)} if f"{name}/ablation" in arrays else {}
    columns: dict[str, Callable[[int], str]] = {
        "ch>": lambda c: str(c + 1),
        "mean>": lambda c: _value(found, "mean", c, ".2g"),
        "std>": lambda c: _value(found, "std", c, ".2g"),
        "max>": lambda c: _value(found, "maximum", c, ".3g"),
        "fires>": lambda c: _share(found, "fired", c),
        "active>": lambda c: _share(found, "active", c),
    }
    if named is not None:
        columns["shows"] = lambda c: MISSING if c in still else f"{named[c].label} {named[c].score:.2f}"
    if "foreground" in found and diagnosis.foreground_images:  # of no activation no share lies anywhere
        lit = lit_with_objects(bundle, name)
        columns["object>"] = lambda c: f"{found['foreground'][c]:.0%}" if lit[c] else MISSING
    if words:
        columns["diagnosis"] = lambda c: words.get(c, "")
    if moved is not None:
        columns["moved>"] = lambda c: f"{moved[c]:.2f}"
    if lost:
        columns["without>"] = lambda c: f"{round(100 * lost[c], 1) + 0.0:+.1f}" if c in lost else MISSING
    made = table(*columns, firm=True, gap=gap)
    for channel in range(bundle.layer(name).output_shape[0]):
        made.add_row(*(cell(channel) for cell in columns.values()))
    return made


def _value(found: Mapping[str, Array], part: str, channel: int, form: str) -> str:
    if part not in found:
        return MISSING
    value = float(found[part][channel])
    text = format(value, form)
    return text if "e" not in text else f"{value:.0f}" if 1 <= abs(value) < 1e5 else f"{value:.0e}"


def _share(found: Mapping[str, Array], part: str, channel: int) -> str:
    return _value(found, part, channel, ".1%").replace("100.0%", "100%")


def _learned(bundle: Bundle, name: str) -> bool:
    history = f"{name}/weight_history"
    return history in bundle.header.arrays and bundle.info(history).shape[0] > 1


def _words(diagnosis: Diagnosis) -> dict[int, str]:
    """What is wrong with each channel that has a fault, in a word or two."""
    found: dict[int, list[str]] = {}
    for channels, word in (
        (diagnosis.dead, "dead"),
        (diagnosis.constant, "constant"),
        (diagnosis.nearly_dead, "nearly dead"),
    ):
        for channel in channels:
            found.setdefault(channel, []).append(word)
    for group in diagnosis.redundant:
        for channel in group.channels:
            others = [other for other in group.channels if other != channel]
            found.setdefault(channel, []).append(f"repeats {numbered(others, 3)}")
    for watcher in diagnosis.background:
        found.setdefault(watcher.channel, []).append("background")
    return {channel: "; ".join(words) for channel, words in found.items()}


def _captions(bundle: Bundle, name: str, probe: int) -> list[str]:
    measures = bundle.header.measures
    said = []
    if measures is not None:
        said.append(
            f"Over {images(measures.images)}: mean, deviation and largest activation; fires: share of images with"
            " anything above zero; active: share of places; object: share of its activation that lies on the object."
        )
    if f"{name}/ablation" in bundle.header.arrays:
        predicted = bundle.class_name(bundle.header.probes[probe].predicted)
        said.append(
            f"Without: by how many points the probability of '{predicted}' changes when the channel is set to zero,"
            f" for {probe_title(bundle, probe)}; {MISSING} where that was not tried."
        )
    return said
