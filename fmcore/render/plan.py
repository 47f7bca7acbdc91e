"""Decide what has to be rendered, and say why. Pure but for reading sources and the cache."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from fmcore.lesson.brief import Brief
from fmcore.lesson.plan import SceneEntry
from fmcore.render.cache import Segment, SegmentStore, key_of
from fmcore.render.catalogue import SceneRef, find_scene, source_files
from fmcore.render.spec import RenderSpec

_DRAWN_WITH = ("manim", "av", "pycairo", "manimpango", "pillow", "matplotlib", "typst", "numpy")
_WORDS = {
    "scene": "another scene stood here",
    "source": "its source changed",
    "options": "its options changed",
    "bundle": "its bundle changed",
    "other": "the bundle it is compared with changed",
    "spec": "another quality",
    "versions": "other versions of the libraries",
}


@dataclass(frozen=True)
class SegmentPlan:
    """One scene to be shown: what it is made from, and whether that was rendered already."""

    ref: SceneRef
    brief: Brief
    inputs: Mapping[str, str]
    key: str
    segment: Segment | None  # what is fresh already
    reason: str

    @property
    def fresh(self) -> bool:
        return self.segment is not None

    def __str__(self) -> str:
        return f"{self.ref.name} {'fresh' if self.fresh else 'stale'}: {self.reason}"


def plan_segments(
    entries: tuple[SceneEntry, ...],
    bundles: Mapping[str, tuple[Path, str]],
    spec: RenderSpec,
    store: SegmentStore,
    before: Mapping[int, Mapping[str, str]],
) -> list[SegmentPlan]:
    """Plan every entry. `bundles` gives path and digest by name, `before` the inputs of the last run by position."""
    plans = []
    for position, entry in enumerate(entries):
        ref = find_scene(entry.scene)
        path, digest = bundles[entry.bundle] if entry.bundle else (None, "none")
        other, other_digest = bundles[entry.other] if entry.other else (None, "none")
        inputs = {
            "scene": ref.name,
            "source": _source_digest(ref),
            "options": json.dumps(entry.options, sort_keys=True),
            "bundle": digest,
            "other": other_digest,
            "spec": spec.model_dump_json(),
            "versions": json.dumps(_versions(), sort_keys=True),
        }
        key = key_of(inputs)
        segment = store.find(key)
        reason = "nothing changed" if segment else _why(inputs, before.get(position), store.video(key))
        brief = Brief(bundle=path, other=other, options=entry.options)
        plans.append(SegmentPlan(ref, brief, inputs, key, segment, reason))
    return plans


def _why(inputs: Mapping[str, str], before: Mapping[str, str] | None, video: Path) -> str:
    if before is None:
        return "not rendered yet"
    changed = [_WORDS[name] for name in inputs if inputs[name] != before.get(name)]
    if changed:
        return " and ".join(changed)
    return "its rendered file is damaged" if video.exists() else "its rendered file is missing"


def _source_digest(ref: SceneRef) -> str:
    digest = hashlib.sha256()
    for path in source_files(ref):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for path in sorted(Path(__file__).parent.glob("*.py")):  # how frames are painted and encoded
        if path.stem in ("camera", "encoder", "quicker", "renderer", "worker"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in _DRAWN_WITH}}
