"""A network, its images and its layers as records of the page's contract `web/src/contract.ts`."""

from collections.abc import Mapping, Sequence
from typing import Any

from fmcore.analysis.graph import reads_of
from fmcore.header import ORIGINAL
from fmcore.page.about import about, probe_name
from fmcore.page.economies import Economy
from fmcore.page.pieces import Held, classes, history_epochs, history_probes, picture_size
from fmcore.page.source import Source

Fields = dict[str, Any]


def model(source: Source, layers: Sequence[Held], economy: Economy) -> Fields:
    """One network without the range that all share, and without its arrays."""
    header = source.bundle.header
    reads = reads_of(header.layers)
    history = header.training.history if header.training.epochs else ()
    recorded = any(f"{layer.study.name}/activation_history" in header.arrays for layer in layers)
    earlier = history_probes(source, economy) if recorded else []
    return {
        "name": source.name,
        "about": about(source.bundle),
        "input": header.model.input_shape,
        "classes": header.classes,
        "probes": [_probe(source, p, economy) for p in range(len(source.probes))],
        "layers": [_layer(source, layer, reads) for layer in layers],
        "epochs": [{"number": row.epoch, "accuracy": row.test_accuracy} for row in history],
        "historyEpochs": history_epochs(source.bundle) if earlier else [],
        "historyProbes": earlier,
    }


def _probe(source: Source, p: int, economy: Economy) -> Fields:
    probe = source.bundle.header.probes[source.probes[p]]
    return {
        "name": probe_name(source, p),
        "label": probe.label,
        "predicted": probe.predicted,
        "box": _box(source, p, economy),
    }


def _box(source: Source, p: int, economy: Economy) -> tuple[float, float, float, float] | None:
    """Where the network's input lies, in pixels of the picture as the page holds it."""
    number = source.probes[p]
    probe, name = source.bundle.header.probes[number], ORIGINAL.format(number)
    if probe.box is None or name not in source.bundle.header.arrays:
        return None
    recorded = source.bundle.info(name).shape[1:]
    down, across = (new / old for new, old in zip(picture_size(source.bundle, number, economy), recorded, strict=True))
    top, left, bottom, right = probe.box
    return top * down, left * across, bottom * down, right * across


def _layer(source: Source, layer: Held, reads: Mapping[str, Sequence[str]]) -> Fields:
    """Ranges are those of the page's images; channels that it does not hold have no labels and no badges."""
    info, study = layer.study.info, layer.study
    return {
        "name": info.name,
        "type": info.type,
        "shape": info.output_shape,
        "kernel": info.kernel,
        "stride": info.stride,
        "padding": info.padding,
        "dilation": info.dilation,
        "groups": info.groups,
        "paddingMode": info.padding_mode,
        "normalisation": info.normalisation,
        "nonlinearity": info.nonlinearity,
        "input": layer.input,
        "reads": reads[info.name],
        "field": {
            "size": info.field.size,
            "jump": info.field.jump,
            "start": info.field.start,
            "whole": info.field.whole,
            "exact": info.field.exact,
            "local": info.field.local,
        },
        "channels": layer.channels,
        "representatives": layer.representatives,
        "weighted": layer.weighted,
        "activation": layer.rule,
        "preactivation": layer.preactivation,
        "sum": layer.sum,
        "ranges": {
            "activation": [study.ranges["activation"][probe] for probe in source.probes],
            "preactivation": [study.ranges["preactivation"][probe] for probe in source.probes if layer.preactivation],
        },
        "labels": [study.labels[channel] for channel in layer.channels],
        "badges": [badge for badge in study.badges if badge["channel"] in set(layer.channels)],
        "diagnosis": study.diagnosis,
        "classes": classes(source.bundle, study.name),
    }
