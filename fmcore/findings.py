"""What was measured of the layers of a bundle, as tables and sentences: one function a question."""

from collections import Counter
from dataclasses import replace

from rich.table import Table

from fmcore.analysis.attribution import brightest_is_decisive, class_map
from fmcore.analysis.diagnostics import Diagnosis, diagnose_all
from fmcore.analysis.hierarchy import Stage, hierarchy, trend
from fmcore.analysis.learning import movements
from fmcore.analysis.meaning import MIXED, THRESHOLD, meanings
from fmcore.analysis.naming import called
from fmcore.bundle import Bundle
from fmcore.choices import FIGURED, class_wanted, doubts, images, probe_title, size, spread
from fmcore.tables import MISSING, Name, figure, fill, table

_TOLD = 8  # layers whose faults are told in sentences; those of more are counted in a table
_MEANINGS = 3  # of a layer that are told apart; a long list hides what most channels show


def tell_hierarchy(bundle: Bundle, every: bool = False) -> list[Table | str]:
    """What changes from layer to layer, and how it goes with depth."""
    stages = hierarchy(bundle)
    if not stages:
        return []

    measures = bundle.header.measures
    if measures is not None and measures.images < 2:  # nothing is sparse over a single image
        stages = [replace(stage, sparseness=None) for stage in stages]

    measured = {
        "selective>": [stage.selectivity for stage in stages],
        "sparse>": [stage.sparseness for stage in stages],
        "like input>": [stage.likeness for stage in stages],
        "edges>": [stage.edges for stage in stages],
    }
    columns = {name: values for name, values in measured.items() if any(value is not None for value in values)}

    def cells(row: int) -> list[str | Name]:
        stage = stages[row]
        seen = "unknown" if stage.field is None else "all" if stage.share == 1 else size(stage.field)
        live = f"{stage.live} of {stage.channels}"
        return [Name(stage.layer), seen, figure(stage.share, ".1%"), live, *(figure(v[row]) for v in columns.values())]

    made = table("layer", "sees (px)", "of image>", "live>", *columns)
    for column in made.columns[1:4]:
        column.no_wrap = True
    means = {
        "selective>": "class selectivity 0 to 1",
        "sparse>": "sparseness over images",
        "like input>": "correlation with the input's brightness or darkness",
        "edges>": "correlation with edges of any direction",
    }
    told = f"Means over the live channels: {', '.join(means[name] for name in columns)}."
    if chance := [stage.chance for stage in stages if stage.chance is not None]:
        told += f" With labels drawn by lot, class selectivity would be at most {figure(max(chance))}."
    return [fill(made, range(len(stages)), cells, every), *([told] if columns else []), _trends(stages)]


def _trends(stages: list[Stage]) -> str:
    measured = {
        "share of the image": [stage.share for stage in stages],
        "selectivity": [stage.selectivity for stage in stages],
        "sparseness": [stage.sparseness for stage in stages],
        "likeness to the input": [stage.likeness for stage in stages],
        "edges": [stage.edges for stage in stages],
    }
    told = []
    for name, values in measured.items():
        known = sum(value is not None for value in values)
        if (found := trend(values)) is not None:
            told.append(f"{name} {found:+.2f}{f' (over {known})' * (known < len(stages))}")
    if not told:
        return "No trend is told of fewer than three layers."
    return f"Rank correlation with depth, over {len(stages)} layers: {', '.join(told)}."


def tell_diagnostics(bundle: Bundle, every: bool = False) -> list[Table | str]:
    """What is wrong with channels: sentences, or counts where there are many layers."""
    found = diagnose_all(bundle)
    if not found:
        return []
    doubt = doubts(found[0].images)
    if len(found) <= _TOLD:
        return [*(sentence for diagnosis in found for sentence in faults(diagnosis)), *doubt]

    def cells(diagnosis: Diagnosis) -> list[str | Name]:
        copies = sum(len(group.channels) for group in diagnosis.redundant)
        counts = [len(diagnosis.dead), len(diagnosis.constant), len(diagnosis.nearly_dead)]
        return [
            Name(diagnosis.layer),
            *map(str, (diagnosis.channels, *counts)),
            str(copies) if diagnosis.correlated else MISSING,
            str(len(diagnosis.background)) if diagnosis.foreground_images else MISSING,
        ]

    columns = ("layer", "channels>", "dead>", "constant>", "nearly dead>", "redundant>", "background>")
    over = doubt or [f"Over {images(found[0].images)}."]
    return [
        fill(table(*columns), found, cells, every),
        *over,
        "`--layer NAME` says which channels of a layer they are.",
    ]


def faults(diagnosis: Diagnosis) -> list[str]:
    """The sentences of `diagnosis`, with the layer as it is called in a sentence."""
    return replace(diagnosis, layer=called(diagnosis.layer)).sentences()


def tell_meaning(bundle: Bundle, every: bool = False) -> list[Table | str]:
    """How many channels of each layer carry a name, and which names."""
    measures = bundle.header.measures
    layers = [name for name in bundle.layer_names if f"{name}/meaning" in bundle.header.arrays]
    if measures is None or not layers:
        return []

    def cells(layer: str) -> list[str | Name]:
        labels = [meaning.label for meaning in meanings(bundle, layer)]
        counts = Counter(label for label in labels if label != MIXED).most_common()
        named = sum(count for _, count in counts)
        shown = counts if every or len(counts) <= _MEANINGS + 1 else counts[:_MEANINGS]
        told = [f"{count} {label}" for label, count in shown]
        if len(shown) < len(counts):
            told.append(f"{sum(count for _, count in counts[len(shown) :])} others")
        return [Name(layer), f"{named} of {len(labels)}", "; ".join(told) or MISSING]

    caption = (
        f"A channel is named after the classical map that it correlates with most, if at {THRESHOLD} or more,"
        f" over {images(measures.meaning_images)}."
    )
    made = table("layer", "named>", "how many channels show what")
    made.columns[1].no_wrap = True
    return [fill(made, layers, cells, every), caption]


def tell_learning(bundle: Bundle, every: bool = False) -> list[Table | str]:
    """How far the filters of each layer moved; nothing where they were recorded only once."""
    layers = [name for name in bundle.layer_names if f"{name}/weight_history" in bundle.header.arrays]
    if not layers or bundle.info(f"{layers[0]}/weight_history").shape[0] < 2:
        return []

    def cells(layer: str) -> list[str | Name]:
        moved = movements(bundle, layer)
        last, turned = sorted(moved.distance[-1]), sorted(moved.cosine[-1])
        middle = len(last) // 2
        chosen = (last[0], (last[middle] + last[-1 - middle]) / 2, last[-1], (turned[middle] + turned[-1 - middle]) / 2)
        return [Name(layer), *(figure(float(value)) for value in chosen)]

    epochs = bundle.info(f"{layers[0]}/weight_history").shape[0] - 1
    caption = (
        f"How far filters moved in {epochs} epoch{'' if epochs == 1 else 's'}, in units of the length that they"
        " started with; cosine is that of start and end."
    )
    return [fill(table("layer", "least>", "median>", "most>", "median cosine>"), layers, cells, every), caption]


def tell_attribution(bundle: Bundle, probe: int, wanted: str | None) -> tuple[str, list[Table | str]]:
    """Title and sentences of what the answer to one probe rests on."""
    layers = [name for name in bundle.layer_names if f"{name}/gradcam" in bundle.header.arrays]
    chosen = spread(layers, FIGURED)
    said: list[Table | str] = [sentence for layer in chosen for sentence in answers(bundle, layer, probe, wanted)]
    if len(chosen) < len(layers):
        said.append(f"{len(chosen)} of {len(layers)} layers, spread over the depth; `--layer NAME` tells of any other.")
    return f"Attribution, {probe_title(bundle, probe)}", said


def answers(bundle: Bundle, layer: str, probe: int, wanted: str | None) -> list[str]:
    """What the answer to one probe rests on in one layer: which places support the class, which channels it needs."""
    said, name = [], called(layer)
    if f"{layer}/gradcam" in bundle.header.arrays:
        said.append(replace(class_map(bundle, layer, probe, class_wanted(bundle, wanted)), layer=name).sentence)
    if f"{layer}/ablation" in bundle.header.arrays:
        verdict = brightest_is_decisive(bundle, layer, probe).sentence
        said.append(verdict.replace(f" of {layer} is", f" of {name} is", 1))
    return said
