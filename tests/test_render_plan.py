"""Why a scene is rendered again, and why not."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from films import TINY

from fmcore.errors import InputError
from fmcore.lesson.brief import Performance
from fmcore.lesson.plan import SceneEntry
from fmcore.render.cache import SegmentStore
from fmcore.render.plan import SegmentPlan, plan_segments
from fmcore.render.spec import RenderSpec

FILM = "import shapes\nclass Film(shapes.Base):\n    pass\nclass Other(shapes.Base):\n    pass\n"


@dataclass
class Situation:
    """What a lesson's first scene is made from."""

    folder: Path
    scene: str = "Film"
    options: dict[str, Any] = field(default_factory=lambda: {"layer": "conv1"})
    digest: str = "a" * 64
    spec: RenderSpec = TINY
    before: dict[int, dict[str, str]] = field(default_factory=dict)

    @property
    def store(self) -> SegmentStore:
        return SegmentStore(self.folder / "cache")

    def plan(self) -> SegmentPlan:
        entry = SceneEntry(scene=f"{self.folder / 'film.py'}:{self.scene}", bundle="b", options=self.options)
        bundles = {"b": (self.folder / "b.safetensors", self.digest)}
        return plan_segments((entry,), bundles, self.spec, self.store, self.before)[0]


@pytest.fixture
def situation(tmp_path: Path) -> Situation:
    """A scene that was rendered, so that its plan is fresh."""
    (tmp_path / "film.py").write_text(FILM)
    (tmp_path / "shapes.py").write_text("x = 1\n")
    (tmp_path / "cache").mkdir()
    found = Situation(tmp_path)
    first = found.plan()
    assert (first.fresh, str(first)) == (False, "Film stale: not rendered yet")
    found.store.video(first.key).write_bytes(b"film")
    found.store.keep(first.key, 10, Performance(title="Film"))
    found.before = {0: dict(first.inputs)}
    return found


def damage(now: Situation) -> None:
    next((now.folder / "cache").glob("*.mp4")).write_bytes(b"filn")


CHANGES: list[tuple[Callable[[Situation], object], str]] = [
    (lambda now: None, "Film fresh: nothing changed"),
    (lambda now: now.before.clear(), "Film fresh: nothing changed"),
    (lambda now: (now.folder / "unused.py").write_text("x"), "Film fresh: nothing changed"),
    (lambda now: now.options.update(layer="conv2"), "Film stale: its options changed"),
    (lambda now: now.options.update(probe=1), "Film stale: its options changed"),
    (lambda now: setattr(now, "digest", "b" * 64), "Film stale: its bundle changed"),
    (lambda now: setattr(now, "spec", TINY.model_copy(update={"fps": 10})), "Film stale: another quality"),
    (lambda now: (now.folder / "film.py").write_text(FILM + "# more\n"), "Film stale: its source changed"),
    (lambda now: (now.folder / "shapes.py").write_text("x = 2\n"), "Film stale: its source changed"),
    (lambda now: setattr(now, "scene", "Other"), "Other stale: another scene stood here"),
    (
        lambda now: (now.options.update(probe=1), setattr(now, "digest", "b" * 64)),
        "Film stale: its options changed and its bundle changed",
    ),
    (lambda now: now.before[0].update(versions="{}") or damage(now), "Film stale: other versions of the libraries"),
    (damage, "Film stale: its rendered file is damaged"),
    (lambda now: next((now.folder / "cache").glob("*.mp4")).unlink(), "Film stale: its rendered file is missing"),
    (lambda now: now.before.clear() or damage(now), "Film stale: not rendered yet"),
    (lambda now: now.before.update({0: {}}) or damage(now), "Film stale: another scene stood here and .*"),
]


@pytest.mark.parametrize(("change", "sentence"), CHANGES, ids=[sentence for _, sentence in CHANGES])
def test_the_reason_is_said(change: Callable[[Situation], object], sentence: str, situation: Situation) -> None:
    change(situation)
    found = situation.plan()
    if sentence.endswith(".*"):
        assert str(found).startswith(sentence[:-2])
    else:
        assert str(found) == sentence
    assert found.fresh == ("fresh" in sentence)
    assert (found.segment is not None) == found.fresh


def test_the_order_of_options_is_no_change_but_their_type_is(situation: Situation) -> None:
    situation.options = {"a": 1, "b": 2}
    key = situation.plan().key
    situation.options = {"b": 2, "a": 1}
    assert situation.plan().key == key
    situation.options = {"a": "1", "b": 2}
    assert situation.plan().key != key


def test_the_scene_is_told_its_bundle_and_options(situation: Situation) -> None:
    brief = situation.plan().brief
    assert (brief.bundle, brief.options) == (situation.folder / "b.safetensors", {"layer": "conv1"})


def test_a_scene_without_a_bundle_and_an_unknown_one(situation: Situation) -> None:
    entry = SceneEntry(scene=f"{situation.folder / 'film.py'}:Film")
    (found,) = plan_segments((entry,), {}, TINY, situation.store, {})
    assert found.brief.bundle is None and found.inputs["bundle"] == "none"
    with pytest.raises(InputError, match="There is no scene 'Gone'"):
        plan_segments((SceneEntry(scene="Gone"),), {}, TINY, situation.store, {})
