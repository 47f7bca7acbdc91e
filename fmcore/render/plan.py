"""Decide what has to be played and what has to be rendered, and say why. Pure but for reading sources and the cache."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from fmcore.lesson.brief import Brief
from fmcore.lesson.plan import SceneEntry, turns
from fmcore.lesson.voice import Voice
from fmcore.lesson.words import Words
from fmcore.render.cache import Cuts, Segment, Store, Take, key_of, segment_name
from fmcore.render.catalogue import OURS, SceneRef, find_scene
from fmcore.render.cuts import Sketch
from fmcore.render.sources import Sources
from fmcore.render.spec import RenderSpec

DRAWN_WITH = ("manim", "av", "pycairo", "manimpango", "pillow", "matplotlib", "typst", "numpy")
VOICE = "voice"  # among the inputs of a scene that is told by a voice
_WORDS = {
    "scene": "another scene stood here",
    "source": "its source changed",
    "narration": "its narration changed",
    "words": "its translation changed",
    VOICE: "its voice changed",
    "network": "another network stood before it",
    "several": "the lesson began or ceased to show several networks",
    "part": "it belongs to another part of the lesson",
    "begins": "its part of the lesson begins elsewhere",
    "options": "its options changed",
    "bundle": "its bundle changed",
    "other": "the bundle it is compared with changed",
    "names": "the file of a bundle has another name",
    "spec": "another quality",
    "place": "another folder's scene stood here",
    "cwd": "it is rendered from another folder",
    "versions": "other versions of the libraries",
}
_SEEN = ("scene", "source", "options", "spec", "versions")  # what pictures depend on, besides what the scene reads


@dataclass(frozen=True)
class SegmentPlan:
    """A stretch of a scene's frames [start, end), and its film if that is there."""

    name: str
    start: int
    end: int
    segment: Segment | None
    reason: str

    @property
    def fresh(self) -> bool:
        return self.segment is not None

    def __str__(self) -> str:
        return f"frames {self.start:,} to {self.end:,}, {'fresh' if self.fresh else 'stale'}: {self.reason}"


@dataclass(frozen=True)
class ScenePlan:
    """One scene to be shown: what it is made from, and what is known of it and there of it already.

    Without a `take` it has to be played first; then its segments are known.
    """

    ref: SceneRef
    brief: Brief
    spec: RenderSpec
    inputs: Mapping[str, str]
    key: str
    reason: str
    optional: bool = False  # left out where its network has nothing for it
    take: Take | None = None
    whole: bool = False
    segments: tuple[SegmentPlan, ...] = ()

    @property
    def fresh(self) -> bool:
        return self.take is not None and all(one.fresh for one in self.segments)

    def __str__(self) -> str:
        return f"{self.ref.name} {'fresh' if self.fresh else 'stale'}: {self.reason}"


def plan_scenes(
    entries: tuple[SceneEntry, ...],
    bundles: Mapping[str, tuple[Path, str]],
    spec: RenderSpec,
    store: Store,
    before: Mapping[int, Mapping[str, str]],
    words: Words | None = None,
    voice: Voice | None = None,
) -> list[ScenePlan]:
    """Plan every entry. `bundles` gives path and digest by name, `before` the inputs of the last run by position."""
    plans = []
    sources = Sources(store.folder)
    versions = json.dumps(_versions(), sort_keys=True)
    lengths = voice.lengths if voice is not None else {}
    for position, (entry, turn) in enumerate(zip(entries, turns(entries), strict=True)):
        ref = find_scene(entry.scene)
        path, digest = bundles[entry.bundle] if entry.bundle else (None, "none")
        other, other_digest = bundles[entry.other] if entry.other else (None, "none")
        source, narration = sources.digests(ref)
        inputs = {
            "scene": ref.name,
            "source": source,
            "narration": narration,
            **({} if words is None else {"words": key_of(words.model_dump(mode="json"))}),
            **({} if voice is None else {VOICE: key_of(lengths)}),
            **{name: str(value) for name, value in turn._asdict().items() if value},
            "options": json.dumps(entry.options, sort_keys=True),
            "bundle": digest,
            "other": other_digest,
            "spec": spec.model_dump_json(),
            "versions": versions,
        }
        if (ref.module or "").partition(".")[0] not in OURS:  # it may read what lies beside it
            inputs |= {"place": str(ref.path.resolve().parent), "cwd": str(Path.cwd())}
        names = (path.stem, other.stem) if path is not None and other is not None else None
        if names is not None:
            inputs["names"] = json.dumps(names)
        key = key_of(inputs)
        brief = Brief(
            bundle=path,
            other=other,
            names=names,
            **turn._asdict(),
            options=entry.options,
            words=words,
            voice=lengths,
        )
        plan = ScenePlan(ref, brief, spec, inputs, key, _why(inputs, before.get(position)), entry.optional)
        take = store.take(key)
        cuts = store.cuts(take.pictures) if take is not None else None
        plans.append(plan if take is None or cuts is None else with_take(plan, take, cuts, store))
    sources.keep()
    return plans


def pictures_key(inputs: Mapping[str, str], sketch: Sketch) -> str:
    """The name of a scene's pictures: equal for takes that look alike, whatever is said over them.

    They depend on the code that paints them, on the parts of bundles that were read, and, for all that comes from a
    bundle's header, on how the scene looked between any two plays and on what each play began with.
    """
    seen = {name: inputs[name] for name in _SEEN}
    place = inputs.get("place")
    files = {os.path.relpath(name, place) if place else name: digest for name, digest in sketch.files.items()}
    seen["reads"] = json.dumps(sketch.reads, sort_keys=True)
    seen["files"] = json.dumps(files, sort_keys=True)
    seen["states"] = json.dumps([(play.start, play.state, play.begun) for play in sketch.plays])
    seen["frames"] = str(sketch.frames)
    return key_of(seen)


def with_take(plan: ScenePlan, take: Take, cuts: Cuts, store: Store) -> ScenePlan:
    """`plan`, now that its take and its cuts are known, with the segments that are there."""
    segments = []
    for start, end in cuts.stretches:
        name = segment_name(take.pictures, start, end)
        segment = store.segment(name)
        why = "nothing changed" if segment else _missing(store, name, plan.reason)
        segments.append(SegmentPlan(name, start, end, segment, why))
    stale = next((one.reason for one in segments if not one.fresh), "nothing changed")
    return replace(plan, take=take, whole=cuts.whole, segments=tuple(segments), reason=stale)


def _missing(store: Store, name: str, why: str) -> str:
    if store.video(name).exists() and store.record(name) is not None:
        return "its rendered file is damaged"
    return "its rendered file is missing" if why == "nothing changed" else why


def _why(inputs: Mapping[str, str], before: Mapping[str, str] | None) -> str:
    if before is None:
        return "not rendered yet as it is now"
    both = {**inputs, **before}
    changed = [_WORDS.get(name, "another release") for name in both if inputs.get(name) != before.get(name)]
    return " and ".join(changed) if changed else "nothing changed"


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in DRAWN_WITH}}
