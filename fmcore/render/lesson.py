"""Make a lesson: bundles, then segments, then the joined film with everything beside it.

What was made before and is still what is wanted is used again; what fails is reported, and the rest is kept,
so the next run goes on from there.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fmcore.bundle import Bundle
from fmcore.cores import cores
from fmcore.errors import FmcoreError, InputError, PlanError, failure_of
from fmcore.files import require_writable
from fmcore.fonts import letters_without_a_font, sentence_about
from fmcore.lesson.brief import Performance
from fmcore.lesson.plan import LessonPlan, SceneEntry
from fmcore.lesson.record import SceneRecord, read_record
from fmcore.lesson.voice import Voice, plain
from fmcore.lesson.words import Words
from fmcore.prepare import Wanted, look, make_all
from fmcore.render.alone import alone, making
from fmcore.render.cache import Store
from fmcore.render.catalogue import find_scene
from fmcore.render.films import (
    FILM_NAME,
    films_apart,
    is_complete,
    names_apart,
    one_film,
    record_of,
    require_lesson,
    require_places,
    what_is_replaced,
)
from fmcore.render.plan import ScenePlan, plan_scenes
from fmcore.render.run import Crew, Workers
from fmcore.render.sources import Sources
from fmcore.render.spec import RenderSpec
from fmcore.render.takes import Footage, Shoot, paces_of
from fmcore.reporter import Reporter


@dataclass(frozen=True)
class Wish:
    """Where and how a plan shall become films.

    `folder` receives the lesson, or one film a scene where `apart`, called after the scene and `networks`; bundles and
    the cache lie in `output`. `scheduler` is the address of a Dask scheduler, or the file that it has written.
    """

    spec: RenderSpec
    output: Path
    folder: Path
    apart: bool = False
    networks: str = ""  # such as "-resnet18"; nothing for the usual ones
    data_dir: Path | None = None
    jobs: int | None = None
    scheduler: str | None = None
    words: Words | None = None  # in which language, English without
    voice: Voice | None = None  # who tells it; it is only read without

    @property
    def workers(self) -> int:
        return self.jobs or cores()

    def crew(self) -> AbstractContextManager[Crew]:
        """Whoever plays and renders: processes of this machine, or those that a Dask scheduler has."""
        if self.scheduler is not None:
            from fmcore.render.cluster import Cluster

            found: AbstractContextManager[Crew] = Cluster(self.scheduler)
            return found
        return Workers(self.workers)


@dataclass
class Made:
    """What came of it: the files, the scenes rendered anew, and what failed, by scene."""

    films: list[Path] = field(default_factory=list)
    rendered: list[str] = field(default_factory=list)
    failed: dict[str, FmcoreError] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)  # optional scenes
    bundles_made: list[Path] = field(default_factory=list)
    frames: int = 0
    joined: bool = False  # anew, from segments that may all have been there
    untranslated: int = 0  # texts, of the page beside a lesson, too, that are in English all the same
    spoken: int = 0  # sentences that the voice says
    unspoken: int = 0  # and those that it does not

    @property
    def unchanged(self) -> bool:
        return not (self.rendered or self.failed or self.bundles_made)


def make_lesson(plan: LessonPlan, wish: Wish, report: Reporter) -> Made:
    """Make what `wish` says of `plan`.

    Raises:
        FmcoreError: a bundle could not be made, or a folder cannot be written. Scenes that fail do not raise:
            they are named in the result.
    """
    require_writable(wish.output, "The output folder", folder=True)
    require_writable(wish.folder, "The output folder", folder=True)
    if wish.apart:
        scenes = (find_scene(entry.scene).name for entry in plan.scenes)
        require_places(wish.folder, names_apart(scenes, wish.spec, wish.words, wish.networks))
    else:
        require_lesson(wish.folder)
        if replaced := what_is_replaced(wish.folder, plan.title, wish.spec, wish.words):
            report.say(f"Attention: {replaced}")
    made = Made()
    _tell_of_unused(plan, wish, report)
    plan = _with_what_is_read(plan, wish)  # what cannot be found is said before anything is trained for it
    wanted = {name: look(recipe, wish.output / "bundles") for name, recipe in _used(plan).items()}
    _require_bundles(plan.scenes)
    bundles = _make_bundles(wanted, wish, report, made, partial(_check_options, plan.scenes))
    _tell_of_letters(plan, bundles, report)

    store = Store(wish.output / "cache")
    store.folder.mkdir(parents=True, exist_ok=True)
    of_folder = hashlib.sha256(str(wish.folder.resolve()).encode()).hexdigest()[:16]
    with alone(store.folder / f".{of_folder}.lock", f"writing '{wish.folder}'", report):
        footage, left_out = _shoot(partial(_planned, plan, bundles, wish, store), store, wish, report, made)
        if left_out:
            plan = _without(left_out, plan)
        texts = [text for one in footage for text in one.performance.texts]
        if wish.apart:
            made.films = films_apart(footage, store, wish.spec, wish.folder, wish.words, wish.voice, wish.networks)
        elif not made.failed:
            made.films = [wish.folder / FILM_NAME]
            record = record_of(plan, footage, bundles, wish.spec, wish.words, wish.voice)
            if not (made.unchanged and is_complete(wish.folder, record)):
                report.say(f"Joining {len(footage)} scenes ...")
                paths = {name: path for name, (path, _) in bundles.items()}
                one_film(record, footage, store, wish.spec, wish.folder, paths, report, wish.voice)
                made.joined = True
            texts = [text for scene in record.scenes for text in scene.texts]
            texts += read_record(wish.folder).page_texts
        made.frames = sum(one.frames for one in footage)
        if wish.words is not None:
            made.untranslated = wish.words.lacking(texts)
        made.spoken, made.unspoken = heard(wish.voice, [one.performance for one in footage])
    return made


def heard(voice: Voice | None, scenes: Sequence[Performance]) -> tuple[int, int]:
    """How many sentences of `scenes` the voice says, and how many not; none at all without a voice."""
    said = {plain(beat.say) for one in scenes for beat in one.beats} if voice is not None else set()
    spoken = sum(one in voice.recordings for one in said) if voice is not None else 0
    return spoken, len(said) - spoken


@dataclass(frozen=True)
class Outlook:
    """What making a lesson would do: `stale` bundles first, and then, if there are none, what `scenes` need."""

    stale: Sequence[Wanted]
    scenes: Sequence[ScenePlan]


def look_ahead(plan: LessonPlan, wish: Wish, report: Reporter) -> Outlook:
    """See what `make_lesson` would have to do. Scenes that nobody has played yet are played, undrawn.

    Raises:
        FmcoreError: a scene fails, or something it is made from cannot be read.
    """
    _tell_of_unused(plan, wish, report)
    plan = _with_what_is_read(plan, wish)
    wanted = {name: look(recipe, wish.output / "bundles") for name, recipe in _used(plan).items()}
    _require_bundles(plan.scenes)
    if stale := [one for one in wanted.values() if one.digest is None]:
        _check_options(plan.scenes)
        return Outlook(stale, [])
    store = Store(wish.output / "cache")
    require_writable(store.folder, "The output folder", folder=True)
    bundles = {name: (one.path, one.digest or "") for name, one in wanted.items()}
    planning = partial(_planned, plan, bundles, wish, store)
    first = planning({})
    planned = first[0]
    shoot = Shoot(planned, store, report)
    if any(one.take is None for one in planned):
        with wish.crew() as crew:
            planned, _ = _sketched(shoot, crew, first, planning)
    if shoot.failed:
        raise failure_of(shoot.failed, "mend that and ask again")
    return Outlook([], [shoot.plans[one.key] for one in planned])


def _with_what_is_read(plan: LessonPlan, wish: Wish) -> LessonPlan:
    """`plan` without the bundles of scenes that read none: any scene of manim's can stand in a plan."""
    sources = Sources(wish.output / "cache")
    plain = {"bundle": None, "other": None}
    scenes = [
        one if sources.reads_bundles(find_scene(one.scene)) else one.model_copy(update=plain) for one in plan.scenes
    ]
    return plan.model_copy(update={"scenes": tuple(scenes)})


def _used(plan: LessonPlan) -> dict[str, Any]:
    """The recipes that a scene reads; two of the same path would overwrite each other."""
    used = {name for entry in plan.scenes for name in (entry.bundle, entry.other) if name}
    return {name: recipe for name, recipe in plan.bundles.items() if name in used}


def _tell_of_unused(plan: LessonPlan, wish: Wish, report: Reporter) -> None:
    """Say which bundles of a lesson no scene names. Single scenes bring those of the whole lesson along."""
    unused = [name for name in plan.bundles if name not in _used(plan)]
    if unused and len(unused) < len(plan.bundles) and not wish.apart:  # where scenes read none, one stands there anyway
        names = " and ".join(f"'{name}'" for name in unused)
        report.say(f"Attention: no scene of the plan uses bundle {names}, so it is left out; name it, or remove it.")


def bundles_of(plan: LessonPlan, wish: Wish, report: Reporter) -> dict[str, Path]:
    """The bundles that the scenes of `plan` read, by name; those that are missing are made."""
    wanted = {name: look(recipe, wish.output / "bundles") for name, recipe in _used(plan).items()}
    return {name: path for name, (path, _) in _make_bundles(wanted, wish, report, Made()).items()}


def _check_options(entries: Sequence[SceneEntry]) -> None:
    """See that scenes understand their options, and that those in files of their own can be imported.

    Raises:
        FmcoreError: one does not, or cannot.
    """
    refs = [find_scene(entry.scene) for entry in entries]
    doubtful = [(ref, one.options) for ref, one in zip(refs, entries, strict=True) if one.options or ref.module is None]
    if doubtful:
        from fmcore.render.scene_options import check_options

        for ref, options in doubtful:
            check_options(ref, options)


def _require_bundles(entries: Sequence[SceneEntry]) -> None:
    """See that every scene that shows a network says which one; those that are only manim's show none.

    Raises:
        PlanError: one does not.
    """
    for entry in entries:
        if entry.bundle is None:
            from fmcore.render.scene_options import reads_a_bundle

            if reads_a_bundle(ref := find_scene(entry.scene)):
                how = "say which one with bundle = ... in its entry"
                raise PlanError(f"{ref.name} shows a network, and the plan has several; {how}.")


def _tell_of_letters(plan: LessonPlan, bundles: Mapping[str, tuple[Path, str]], report: Reporter) -> None:
    """Say so if names of classes or the title cannot be written."""
    texts = [plan.title, *(str(value) for entry in plan.scenes for value in entry.options.values())]
    for path, _ in bundles.values():
        with Bundle.open(path) as bundle:
            texts += [bundle.header.model.name, *bundle.header.classes]
    if missing := letters_without_a_font(texts):
        report.say(f"Attention: {sentence_about(missing)}")


def _make_bundles(
    wanted: Mapping[str, Wanted],
    wish: Wish,
    report: Reporter,
    made: Made,
    check: Callable[[], object] | None = None,
) -> dict[str, tuple[Path, str]]:
    """Path and digest of every bundle by name. `check` may object while they are made.

    What another run is making is waited for, and then looked at again.
    """
    claimed: dict[Path, str] = {}
    for name, one in wanted.items():
        other = claimed.setdefault(one.path, name)
        if dict(wanted[other].made_from) != dict(one.made_from):
            raise PlanError(
                f"Bundles '{other}' and '{name}' of the plan differ and would both be '{one.path.name}';"
                " record one of them with `fmcore record --output` and name it by `file`."
            )
    with ExitStack() as locks:
        for path in sorted({one.path for one in wanted.values() if one.digest is None}):  # so that no two wait in turn
            require_writable(path, "The bundle")
            locks.enter_context(making(path, report))
        now = {name: one if one.digest else look(one.recipe, one.path.parent) for name, one in wanted.items()}
        stale = [one for one in now.values() if one.digest is None]
        for one in stale:
            report.say(f"Bundle {one.path.stem}: {one.reason}, so it is trained and recorded now.")
        made.bundles_made = [one.path for one in stale]
        digests = make_all(stale, wish.data_dir, report, wish.workers, check)
    return {name: (one.path, one.digest or digests[one.path]) for name, one in now.items()}


def _scenes_before(wish: Wish, plan: LessonPlan) -> dict[int, SceneRecord]:
    """The scenes of the last run by their position in `plan`; nothing where no record can be read.

    A scene that was left out then has none, and those after it stand one place further on in the plan.
    """
    try:
        scenes = read_record(wish.folder).scenes
    except InputError:
        return {}
    found: dict[int, SceneRecord] = {}
    missing = 0
    for position, entry in enumerate(plan.scenes):
        before = scenes[position - missing] if position - missing < len(scenes) else None
        if entry.optional and before is not None and before.scene != find_scene(entry.scene).name:
            missing += 1
        elif before is not None:
            found[position] = before
    return found


LeftOut = Mapping[int, FmcoreError]  # scenes by their position in the plan: there may be several of one name
Planned = tuple[list[ScenePlan], dict[int, SceneRecord]]  # the scenes, and those of the last run by position
Planning = Callable[[LeftOut], Planned]  # without the scenes that are left out


def _without(left_out: LeftOut, plan: LessonPlan) -> LessonPlan:
    """`plan` with the scenes that are shown.

    Raises:
        FmcoreError: none is.
    """
    scenes = tuple(entry for position, entry in enumerate(plan.scenes) if position not in left_out)
    if not scenes:
        raise next(iter(left_out.values()))
    return plan.model_copy(update={"scenes": scenes})


def _planned(
    plan: LessonPlan,
    bundles: Mapping[str, tuple[Path, str]],
    wish: Wish,
    store: Store,
    left_out: LeftOut,
) -> Planned:
    """What the scenes of `plan` need, but for those that are left out."""
    shown = _without(left_out, plan) if left_out else plan
    before = _scenes_before(wish, shown)
    inputs = {position: scene.inputs for position, scene in before.items()}
    return plan_scenes(shown.scenes, bundles, wish.spec, store, inputs, wish.words, wish.voice), before


def _sketched(shoot: Shoot, crew: Crew, first: Planned, planning: Planning) -> tuple[list[ScenePlan], LeftOut]:
    """Play what nobody knows yet. Where scenes are left out, others come first in their part, or turn to a network."""
    planned, before = first
    shoot.sketch(crew, paces_of(planned, before))
    keys = [one.key for one in planned]
    left_out = {place: shoot.left_out[key] for place, key in enumerate(keys) if key in shoot.left_out}
    if left_out:
        planned, before = planning(left_out)
        shoot.turn_to(planned)
        shoot.sketch(crew, paces_of(planned, before))
    return planned, left_out


def _shoot(
    planning: Planning,
    store: Store,
    wish: Wish,
    report: Reporter,
    made: Made,
) -> tuple[list[Footage], LeftOut]:
    """The pictures of every scene that did not fail, in order; what is missing is played and rendered."""
    first = planning({})
    planned = first[0]
    left_out: LeftOut = {}
    shoot = Shoot(planned, store, report)
    if not shoot.fresh:
        for plan in shoot.plans.values():
            if not plan.fresh:
                report.say(f"{plan}")
        try:
            with wish.crew() as crew:
                planned, left_out = _sketched(shoot, crew, first, planning)
                made.left_out = [first[0][place].ref.name for place in left_out]
                shoot.render(crew)
        finally:
            store.tidy()
            made.failed, made.rendered = shoot.failed, shoot.rendered
    return [footage for plan in planned if (footage := shoot.footage(plan)) is not None], left_out
