"""The cache looked after: what is in it, what that was made from, and how to make it smaller."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fmcore.errors import FmcoreError, InputError, one_of
from fmcore.render.cache import Store, Take, read_files
from fmcore.render.sources import SOURCES_NAME
from fmcore.render.spec import RenderSpec

_SHOWN = 8  # parts of bundles, and files, before "and 12 more"


@dataclass(frozen=True)
class Kept:
    """The films of one scene's pictures."""

    scene: str
    look: str  # quality, shape and theme, and the language where it is not English
    pictures: str
    segments: int
    frames: int
    bytes: int
    used: str  # day and minute
    files: tuple[Path, ...]


def contents(store: Store) -> list[Kept]:
    """What is in the cache; what was used last stands first."""
    takes = {take.pictures: take for take in _takes(store)}
    films: dict[str, list[Path]] = {}
    for path in store.folder.glob("*-*-*.mp4"):
        films.setdefault(path.name.partition("-")[0], []).append(path)
    found = [(_used(store, pictures), _kept(store, pictures, paths, takes)) for pictures, paths in films.items()]
    return [kept for _, kept in sorted(found, key=lambda pair: (-pair[0], pair[1].scene))]


def explained(store: Store, name: str) -> str:
    """What the pictures called `name`, or those of the scene called so, were made from.

    Raises:
        InputError: there are none.
    """
    takes = [take for take in _takes(store) if take.scene == name or take.pictures.startswith(name)]
    if not takes:
        raise InputError(one_of("scene in the cache", name, sorted({take.scene for take in _takes(store)})))
    return "\n\n".join(_explained(store, take) for take in takes)


def prune(store: Store, most_bytes: int) -> tuple[int, int]:
    """Remove the films not used for longest until `most_bytes` are left; return the bytes removed and left.

    With none left, what is remembered of sources goes, too. What was left half-written by the dead goes in any case.

    Raises:
        FmcoreError: a lesson is being made of them.
    """
    with ExitStack() as stack:
        for path in store.folder.glob(".*.lock"):
            try:
                stack.enter_context(FileLock(path).acquire(blocking=False))
            except Timeout:
                raise FmcoreError("A lesson is being made from this cache; prune it when that has ended.") from None
        kept = contents(store)
        total, removed = sum(one.bytes for one in kept), 0
        while kept and total - removed > most_bytes:
            oldest = kept.pop()
            for path in oldest.files:
                path.unlink(missing_ok=True)
            removed += oldest.bytes
        there = {one.pictures for one in kept}
        for path in store.folder.glob("*.take.json"):
            take = store.any_take(path)
            if take is None or take.pictures not in there:
                path.unlink(missing_ok=True)
        store.tidy()
        left = total - removed
        if most_bytes == 0:
            for path in filter(_is_ours, store.folder.glob("*.json")):
                removed += path.stat().st_size
                path.unlink(missing_ok=True)
    return removed, left


def _is_ours(path: Path) -> bool:
    """Whether a file of the cache may go where no film stays: records of those that are gone, and what sources say."""
    return path.name == SOURCES_NAME or re.fullmatch(r"[0-9a-f]{32}(\.cuts|-\d+-\d+)\.json", path.name) is not None


def size_of(text: str) -> int:
    """How many bytes `500MB`, `1.5 GB`, `20kb` or `3 GiB` are.

    Raises:
        InputError: it is no size.
    """
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)\s*(?:([kmgt])(i?))?b?", text.strip().lower())
    if not found:
        raise InputError(f"'{text}' is no size; write one such as 500KB, 200 MB or 1.5GB.")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** " kmgt".index(found[2] or " "))


def size_text(count: int) -> str:
    """`12.3 MB`."""
    size, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, _ = size / 1000, units.pop(0)
    return f"{size:.0f} {units[0]}" if units[0] == "B" else f"{size:.1f} {units[0]}"


def _takes(store: Store) -> Iterator[Take]:
    for path in sorted(store.folder.glob("*.take.json"), key=os.path.getmtime):
        if (take := store.any_take(path)) is not None:
            yield take


def _kept(store: Store, pictures: str, films: list[Path], takes: dict[str, Take]) -> Kept:
    take = takes.get(pictures)
    segments = [segment for path in films if (segment := store.record(path.stem)) is not None]
    files = [*films, *(path.with_suffix(".json") for path in films), store.folder / f"{pictures}.cuts.json"]
    return Kept(
        scene=take.scene if take else "?",
        look=_look(take) if take else "?",
        pictures=pictures,
        segments=len(films),
        frames=sum(segment.frames for segment in segments),
        bytes=sum(path.stat().st_size for path in files if path.exists()),
        used=datetime.fromtimestamp(_used(store, pictures)).strftime("%Y-%m-%d %H:%M"),
        files=tuple(files),
    )


def _look(take: Take) -> str:
    spec = RenderSpec.model_construct(**json.loads(take.inputs["spec"]))  # an earlier fmcore may have written others
    theme: Any = spec.theme
    name = theme["name"] if isinstance(theme, dict) else theme
    return " ".join(filter(None, (spec.quality, spec.aspect, name, take.sketch.performance.language)))


def _used(store: Store, pictures: str) -> float:
    """When a lesson was last made with these pictures: its cuts are touched then. Tells only what to prune first."""
    try:
        return (store.folder / f"{pictures}.cuts.json").stat().st_mtime
    except OSError:
        return 0.0


def _explained(store: Store, take: Take) -> str:
    spec, options = json.loads(take.inputs["spec"]), json.loads(take.inputs["options"])
    rows = [
        f"{take.scene}, pictures {take.pictures}",
        f"  look       {_look(take)}, {spec['width']}×{spec['height']} at {spec['fps']} fps",
        f"  frames     {take.sketch.frames:,} in {len(take.sketch.plays)} plays",
        f"  source     {take.inputs['source'][:16]}  narration {take.inputs['narration'][:16]}",
        f"  options    {', '.join(f'{name} = {value}' for name, value in options.items()) or 'none'}",
        f"  arrays     {_some(sorted(take.sketch.reads))}",
    ]
    if files := sorted(str(path) for path, _ in read_files(take.sketch)):
        rows.append(f"  files      {_some(files)}")
    cuts = store.cuts(take.pictures)
    for start, end in cuts.stretches if cuts is not None else ():
        name = f"{take.pictures}-{start}-{end}"
        state = "there" if store.segment(name) else "damaged" if store.video(name).exists() else "missing"
        rows.append(f"  segment    frames {start:,} to {end:,}: {state}")
    return "\n".join(rows)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) + more) or "none"
