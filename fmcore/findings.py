"""What was measured of the layers of a bundle, as tables and sentences: one function a question."""

from collections import Counter
from dataclasses import replace

from rich.table import Table

from fmcore.analysis.attribution import brightest_is_decisive, class_map
from fmcore.analysis.diagnostics import Diagnosis, diagnose_all
from fmcore.analysis.hierarchy import Stage, hierarchy, trend
from fmcore.analysis.learning import movements
from fmcore.analysis.meaning import MIXED, THRESHOLD, meanings
from fmcore.bundle import Bundle
from fmcore.choices import FIGURED, LONG, class_wanted, images, probe_title, size, spread
from fmcore.tables import MISSING, figure, fill, table


def tell_hierarchy(bundle: Bundle) -> list[Table | str]:
    """What changes from layer to layer, and how it goes with depth."""
    stages = hierarchy(bundle)
    if not stages:
        return []

    measures = bundle.header.measures
    if measures is not None and measures.images < 2:  # nothing is sparse over a single image
        stages = [replace(stage, sparseness=None) for stage in stages]

    def cells(stage: Stage) -> list[str]:
        seen = "all" if stage.share == 1 else size(stage.field)
        measured = (stage.selectivity, stage.sparseness, stage.likeness, stage.edges)
        return [stage.layer, seen, f"{stage.share:.1%}", f"{stage.live} of {stage.channels}", *map(figure, measured)]

    columns = ("layer", "sees (px)", "of image>", "live>", "selective>", "sparse>", "like input>", "edges>")
    means = "Means over the live channels: class selectivity 0 to 1, sparseness over images, correlation with the"
    return [
        fill(table(*columns), stages, cells),
        f"{means} input's brightness or darkness, and with edges of any direction.",
        _trends(stages),
    ]


def _trends(stages: list[Stage]) -> str:
    found = {
        "share of the image": trend([stage.share for stage in stages]),
        "selectivity": trend([stage.selectivity for stage in stages]),
        "sparseness": trend([stage.sparseness for stage in stages]),
        "likeness to the input": trend([stage.likeness for stage in stages]),
        "edges": trend([stage.edges for stage in stages]),
    }
    told = [f"{name} {value:+.2f}" for name, value in found.items() if value is not None]
    if not told:
        return "No trend is told of fewer than three layers."
    return f"Rank correlation with depth, over {len(stages)} layers: {', '.join(told)}."


def tell_diagnostics(bundle: Bundle) -> list[Table | str]:
    """What is wrong with channels: sentences, or counts where there are many layers."""
    found = diagnose_all(bundle)
    if len(found) <= LONG:
        return [sentence for diagnosis in found for sentence in diagnosis.sentences()]

    def cells(diagnosis: Diagnosis) -> list[str]:
        copies = sum(len(group.channels) for group in diagnosis.redundant)
        counts = [len(diagnosis.dead), len(diagnosis.constant), len(diagnosis.nearly_dead)]
        return [
            diagnosis.layer,
            *map(str, (diagnosis.channels, *counts)),
            str(copies) if diagnosis.correlated else MISSING,
            str(len(diagnosis.background)) if diagnosis.foreground_images else MISSING,
        ]

    columns = ("layer", "channels>", "dead>", "constant>", "nearly dead>", "redundant>", "background>")
    over = f"Over {images(found[0].images)}; `--layer NAME` says which channels of a layer they are."
    return [fill(table(*columns), found, cells), over]


def tell_meaning(bundle: Bundle) -> list[Table | str]:
    """How many channels of each layer carry a name, and which names."""
    measures = bundle.header.measures
    layers = [name for name in bundle.layer_names if f"{name}/meaning" in bundle.header.arrays]
    if measures is None or not layers:
        return []

    def cells(layer: str) -> list[str]:
        labels = [meaning.label for meaning in meanings(bundle, layer)]
        counts = Counter(label for label in labels if label != MIXED).most_common()
        named = sum(count for _, count in counts)
        return [layer, f"{named} of {len(labels)}", "; ".join(f"{count} {label}" for label, count in counts) or MISSING]

    caption = (
        f"A channel is named after the classical map that it correlates with most, if at {THRESHOLD} or more,"
        f" over {images(measures.meaning_images)}."
    )
    return [fill(table("layer", "named>", "how many channels show what"), layers, cells), caption]


def tell_learning(bundle: Bundle) -> list[Table | str]:
    """How far the filters of each layer moved; nothing where they were recorded only once."""
    layers = [name for name in bundle.layer_names if f"{name}/weight_history" in bundle.header.arrays]
    if not layers or bundle.info(f"{layers[0]}/weight_history").shape[0] < 2:
        return []

    def cells(layer: str) -> list[str]:
        moved = movements(bundle, layer)
        last, turned = sorted(moved.distance[-1]), sorted(moved.cosine[-1])
        middle = len(last) // 2
        chosen = (last[0], (last[middle] + last[-1 - middle]) / 2, last[-1], (turned[middle] + turned[-1 - middle]) / 2)
        return [layer, *(figure(float(value)) for value in chosen)]

    epochs = bundle.info(f"{layers[0]}/weight_history").shape[0] - 1
    caption = (
        f"How far filters moved in {epochs} epoch{'' if epochs == 1 else 's'}, in units of the length that they"
        " started with; cosine is that of start and end."
    )
    return [fill(table("layer", "least>", "median>", "most>", "median cosine>"), layers, cells), caption]


def tell_attribution(bundle: Bundle, probe: int, wanted: str | None) -> tuple[str, list[Table | str]]:
    """Title and sentences of what the answer to one probe rests on."""
    names = bundle.header.arrays
    layers = [name for name in bundle.layer_names if f"{name}/gradcam" in names]
    chosen = spread(layers, FIGURED)
    said: list[Table | str] = []
    for layer in chosen:
        said.append(class_map(bundle, layer, probe, class_wanted(bundle, wanted)).sentence)
        if f"{layer}/ablation" in names:
            said.append(f"  {brightest_is_decisive(bundle, layer, probe).sentence}")
    if len(chosen) < len(layers):
        said.append(f"{len(chosen)} of {len(layers)} layers, spread over the depth; `--layer NAME` tells of any other.")
    return f"Attribution, {probe_title(bundle, probe)}", said
