"""Why a scene is rendered again, and why not."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from films import TINY

from fmcore.errors import InputError
from fmcore.lesson.brief import Performance
from fmcore.lesson.plan import SceneEntry, Turn
from fmcore.render.cache import Cuts, Store, Take
from fmcore.render.cuts import Play, Sketch
from fmcore.render.plan import _WORDS, ScenePlan, pictures_key, plan_scenes, with_take
from fmcore.render.spec import RenderSpec

FILM = """import shapes
class Film(shapes.Base):
    script = Script.of(Beat(cue="a", say="One."), Beat(cue="b", say="Two {x}."))
    def construct(self):
        pass
class Other(shapes.Base):
    pass
"""
PLAYS = (Play(start=0, frames=6, cost_s=1, state="a"), Play(start=6, frames=4, cost_s=1, state="b"))
SKETCH = Sketch(
    frames=10, plays=PLAYS, reads={"bundle:x": "1"}, files={}, performance=Performance(title="Film"), seconds=0.1
)


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
    def store(self) -> Store:
        return Store(self.folder / "cache")

    def plan(self) -> ScenePlan:
        entry = SceneEntry(scene=f"{self.folder / 'film.py'}:{self.scene}", bundle="b", options=self.options)
        bundles = {"b": (self.folder / "b.safetensors", self.digest)}
        return plan_scenes((entry,), bundles, self.spec, self.store, self.before)[0]

    def play(self, sketch: Sketch = SKETCH) -> ScenePlan:
        """Plan, with what playing the scene would find out."""
        plan = self.plan()
        take = Take(scene="Film", inputs=dict(plan.inputs), sketch=sketch, pictures=pictures_key(plan.inputs, sketch))
        cuts = Cuts(bounds=(0, 6, 10))
        self.store.keep_take(plan.key, take)
        self.store.keep_cuts(take.pictures, cuts)
        return with_take(plan, take, cuts, self.store)


@pytest.fixture
def situation(tmp_path: Path) -> Situation:
    """A scene that was rendered in two segments, so that its plan is fresh."""
    (tmp_path / "film.py").write_text(FILM)
    (tmp_path / "shapes.py").write_text("x = 1\n")
    (tmp_path / "cache").mkdir()
    found = Situation(tmp_path)
    first = found.plan()
    assert (first.take, first.fresh, str(first)) == (None, False, "Film stale: not rendered yet as it is now")
    for segment in found.play().segments:
        assert (segment.fresh, segment.reason) == (False, "not rendered yet as it is now")
        found.store.video(segment.name).write_bytes(b"film")
        found.store.keep_segment(segment.name, segment.end - segment.start, 0.5)
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
    (lambda now: (now.folder / "film.py").write_text(FILM + "# more\n"), "Film fresh: nothing changed"),
    (lambda now: (now.folder / "film.py").write_text(FILM + "more = 1\n"), "Film stale: its source changed"),
    (lambda now: (now.folder / "film.py").write_text(FILM.replace("One", "1")), "Film stale: its narration changed"),
    (lambda now: (now.folder / "shapes.py").write_text("x = 2\n"), "Film stale: its source changed"),
    (lambda now: setattr(now, "scene", "Other"), "Other stale: another scene stood here"),
    (
        lambda now: (now.options.update(probe=1), setattr(now, "digest", "b" * 64)),
        "Film stale: its options changed and its bundle changed",
    ),
    (damage, "Film stale: its rendered file is damaged"),
    (lambda now: next((now.folder / "cache").glob("*.mp4")).unlink(), "Film stale: its rendered file is missing"),
    (lambda now: (now.folder / "cache" / "sources.json").write_text("{}"), "Film fresh: nothing changed"),
]


@pytest.mark.parametrize(("change", "sentence"), CHANGES, ids=[sentence for _, sentence in CHANGES])
def test_the_reason_is_said(change: Callable[[Situation], object], sentence: str, situation: Situation) -> None:
    change(situation)
    found = situation.plan()
    assert str(found) == sentence
    assert found.fresh == ("fresh" in sentence)


def test_every_change_has_its_own_words(situation: Situation) -> None:
    assert {*Turn._fields, *situation.plan().inputs} <= _WORDS.keys()
    assert len(set(_WORDS.values())) == len(_WORDS)


def test_a_second_network_in_the_lesson_is_the_reason_that_is_given(situation: Situation) -> None:
    bundles = {name: (situation.folder / f"{name}.safetensors", name * 64) for name in "bc"}
    one, other = (SceneEntry(scene=f"{situation.folder / 'film.py'}:Film", bundle=name) for name in bundles)
    (alone,) = plan_scenes((one,), bundles, TINY, situation.store, {})
    beside = plan_scenes((one, other), bundles, TINY, situation.store, {0: alone.inputs})[0]
    assert beside.reason == "the lesson began or ceased to show several networks"


def pictures(situation: Situation, sketch: Sketch = SKETCH) -> str:
    take = situation.play(sketch).take
    assert take is not None
    return take.pictures


def test_pictures_are_the_same_whatever_is_said_over_them(situation: Situation) -> None:
    before = pictures(situation)
    (situation.folder / "film.py").write_text('"""Why."""\n' + FILM.replace("Two", "Zwei"))
    situation.digest = "b" * 64  # of a bundle whose parts that the scene reads are as they were
    found = situation.play()
    assert found.take is not None and found.take.pictures == before
    assert str(found) == "Film fresh: nothing changed"


OTHER_PICTURES: list[dict[str, Any]] = [
    {"reads": {"bundle:x": "2"}},
    {"files": {"/a.png": "1"}},
    {"frames": 11},
    {"plays": (PLAYS[0], PLAYS[1].model_copy(update={"state": "c"}))},
    {"plays": (PLAYS[0], PLAYS[1].model_copy(update={"start": 7}))},
]


@pytest.mark.parametrize("change", OTHER_PICTURES, ids=str)
def test_pictures_are_others_where_the_scene_saw_or_showed_something_else(
    change: dict[str, Any], situation: Situation
) -> None:
    assert pictures(situation, SKETCH.model_copy(update=change)) != pictures(situation)


def test_pictures_do_not_depend_on_what_the_play_has_cost(situation: Situation) -> None:
    dear = SKETCH.model_copy(update={"seconds": 9.0, "plays": tuple(p.model_copy(update={"cost_s": 7}) for p in PLAYS)})
    assert pictures(situation, dear) == pictures(situation)


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
    (found,) = plan_scenes((entry,), {}, TINY, situation.store, {})
    assert found.brief.bundle is None and found.inputs["bundle"] == "none"
    with pytest.raises(InputError, match="There is no scene 'Gone'"):
        plan_scenes((SceneEntry(scene="Gone"),), {}, TINY, situation.store, {})
