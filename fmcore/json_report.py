"""What was measured of one bundle or of two, as JSON for programs: layers, channels, probes and images count from 0."""

import json
from dataclasses import asdict
from math import isfinite
from typing import Any

import numpy as np

from fmcore.analysis.compare import Comparison
from fmcore.analysis.diagnostics import diagnose_all
from fmcore.analysis.hierarchy import hierarchy
from fmcore.analysis.meaning import meanings
from fmcore.bundle import Bundle

CHANNEL_STATISTICS = (
    "mean", "std", "maximum", "fired", "active", "sparseness", "foreground", "foreground_fired", "outline",
)  # fmt: skip


def bundle_json(bundle: Bundle) -> str:
    """All that `fmcore inspect` says of a bundle in tables, and the statistics of every channel."""
    told = bundle.header.model_dump(exclude={"arrays"})
    told |= {
        "file": str(bundle.path),
        "digest": bundle.digest,
        "test_accuracy": bundle.header.test_accuracy,
        "hierarchy": [asdict(stage) for stage in hierarchy(bundle)],
        "diagnosis": [asdict(found) for found in diagnose_all(bundle)],
        "channels": {name: channels for name in bundle.layer_names if (channels := _channels(bundle, name))},
    }
    return _written(told)


def comparison_json(one: Bundle, other: Bundle, found: Comparison) -> str:
    """All that `fmcore compare` says of two bundles in tables."""
    networks = [
        {"file": str(bundle.path), "digest": bundle.digest, "model": bundle.header.model.name}
        for bundle in (one, other)
    ]
    return _written({"one": networks[0], "other": networks[1], **asdict(found)})


def _channels(bundle: Bundle, layer: str) -> list[dict[str, Any]]:
    """The statistics of every channel of `layer`; nothing of one that was not measured."""
    held = bundle.header.arrays
    columns = {part: bundle.array(f"{layer}/{part}") for part in CHANNEL_STATISTICS if f"{layer}/{part}" in held}
    shown = [asdict(meaning) for meaning in meanings(bundle, layer)] if f"{layer}/meaning" in held else None
    count = bundle.layer(layer).output_shape[0] if columns else 0
    return [
        {part: values[channel] for part, values in columns.items()} | ({"meaning": shown[channel]} if shown else {})
        for channel in range(count)
    ]


def _written(told: dict[str, Any]) -> str:
    return json.dumps(_plain(told), indent=2, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    """`value` of what JSON knows; numbers keep the digits of their own precision, and infinity is null."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return [_plain(one) for one in value]
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(str(value)) if isfinite(value) else None
    return value
