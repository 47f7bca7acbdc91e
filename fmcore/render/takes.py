"""From plans to pictures: play the scenes that nobody knows yet, cut them, render the segments that are missing.

What fails is reported and the rest is kept, so that the next run goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from fmcore.errors import FmcoreError, InputError, PlanError, RenderError
from fmcore.lesson.brief import Performance
from fmcore.lesson.record import SceneRecord
from fmcore.render.cache import Cuts, Store, Take
from fmcore.render.cuts import Sketch, bounds, targets
from fmcore.render.plan import VOICE, ScenePlan, SegmentPlan, pictures_key, with_take
from fmcore.render.run import Crew, Outcome
from fmcore.reporter import Reporter

if TYPE_CHECKING:  # manim is imported when there is something to play, not before
    from fmcore.render.sketch import SketchJob
    from fmcore.render.worker import SegmentJob, SegmentResult

_STORYBOARDS = "Storyboards"  # a task to be told of
OVER = "over"  # no state of a scene: nothing may be played after its last frame

Part = tuple[ScenePlan, SegmentPlan]


@dataclass(frozen=True)
class Footage:
    """The pictures of one scene: its segments in order, and what playing it has shown."""

    plan: ScenePlan
    performance: Performance
    frames: int
    segments: tuple[str, ...]


class Shoot:
    """One run over the scenes of a lesson. `rendered` names scenes, `left_out` has keys of their plans."""

    def __init__(self, plans: Sequence[ScenePlan], store: Store, report: Reporter) -> None:
        self.plans = {plan.key: plan for plan in plans}  # a scene that is shown twice is rendered once
        self._errors: dict[str, tuple[str, FmcoreError]] = {}  # name and what went wrong, by key, too
        self.left_out: dict[str, FmcoreError] = {}
        self.rendered: list[str] = []
        self._store, self._report = store, report
        self._given_up: set[str] = set()  # keys: of a scene that is shown twice, one may fail

    @property
    def fresh(self) -> bool:
        return all(plan.fresh for plan in self.plans.values())

    @property
    def failed(self) -> dict[str, FmcoreError]:
        """What went wrong, by scene; one that is shown of two networks may fail twice."""
        found: dict[str, FmcoreError] = {}
        for name, error in self._errors.values():
            again = sum(other.partition(" (")[0] == name for other in found)
            found[f"{name} ({again + 1})" if again else name] = error
        return found

    def sketch(self, crew: Crew, paces: Mapping[str, tuple[int, ...]]) -> None:
        """Play what nobody knows yet, undrawn; `paces` gives the beats' ends in an earlier film by key."""
        unknown = [plan for plan in self.plans.values() if plan.take is None]
        jobs = [sketch_job(plan, self._store, paces.get(plan.key, ())) for plan in unknown]
        found: dict[str, Take] = {}

        def on_outcome(outcome: Outcome[Sketch]) -> None:
            plan = unknown[outcome.number]
            self._report.progress(_STORYBOARDS, next(played), len(jobs), "scenes")
            played_to = outcome.result or outcome.error
            if played_to is not None and (printed := played_to.printed.rstrip()):
                self._report.say(f"{plan.ref.name} prints:\n{printed}")
            if outcome.result is None:
                self._give_up(plan, outcome.error)
                return
            found[plan.key] = Take(
                scene=plan.ref.name,
                inputs=dict(plan.inputs),
                sketch=outcome.result,
                pictures=pictures_key(plan.inputs, outcome.result),
            )

        if jobs:
            played = count(1)
            self._report.progress(_STORYBOARDS, 0, len(jobs), "scenes")
            crew.run(jobs, lambda number, done, total: None, on_outcome)
            self._report.finish(_STORYBOARDS, f"{len(found)} of {len(jobs)} scenes played")
        for key, cuts in self._cut(found, crew.count).items():
            self._store.keep_cuts(found[key].pictures, cuts)
            self._store.keep_take(key, found[key])
            plan = self.plans[key] = with_take(self.plans[key], found[key], cuts, self._store)
            if plan.fresh:
                self._report.say(f"{plan.ref.name}: its pictures are as they were.")

    def turn_to(self, plans: Sequence[ScenePlan]) -> None:
        """Go on with `plans`, as some of those before were left out."""
        self.plans = {plan.key: self.plans.get(plan.key, plan) for plan in plans}

    def render(self, crew: Crew) -> None:
        """Render the segments that are missing, the longest first."""
        while jobs := sorted(self._missing(), key=lambda one: -_cost(*one)):
            self._render_all(crew, jobs)

    def footage(self, plan: ScenePlan) -> Footage | None:
        """The pictures of `plan`, if all are there."""
        now = self.plans[plan.key]
        if now.take is None or not now.fresh:
            return None
        sketch = now.take.sketch
        self._store.touch(now.take.pictures)
        return Footage(now, sketch.performance, sketch.frames, tuple(one.name for one in now.segments))

    # -- inside ----------------------------------------------------------------------------------

    def _render_all(self, crew: Crew, jobs: Sequence[Part]) -> None:
        labels = [_label(*one) for one in jobs]

        def on_progress(number: int, done: int, total: int | None) -> None:
            self._report.progress(labels[number], done, total, "frames")

        def on_outcome(outcome: Outcome[SegmentResult]) -> None:
            self._settle(*jobs[outcome.number], labels[outcome.number], outcome.result, outcome.error)

        self._report.expect(len(jobs), sum(part.end - part.start for _, part in jobs), "frames")
        crew.run([_segment_job(*one, self._store) for one in jobs], on_progress, on_outcome)

    def _cut(self, takes: Mapping[str, Take], workers: int) -> dict[str, Cuts]:
        """Where the pictures of `takes` are cut: as they were, or anew where nothing of them is there."""
        anew = {key: take for key, take in takes.items() if not self._is_there(take)}
        wanted = targets([take.sketch for take in anew.values()], workers)
        new = {
            key: Cuts(bounds=bounds(take.sketch, most)) for (key, take), most in zip(anew.items(), wanted, strict=True)
        }
        kept = {key: cuts for key, take in takes.items() if (cuts := self._store.cuts(take.pictures)) is not None}
        return {**kept, **new}

    def _is_there(self, take: Take) -> bool:
        cuts = self._store.cuts(take.pictures)
        return cuts is not None and any(self._store.folder.glob(f"{take.pictures}-*.mp4"))

    def _missing(self) -> list[Part]:
        return [
            (plan, one)
            for plan in self.plans.values()
            if plan.key not in self._given_up
            for one in plan.segments
            if not one.fresh
        ]

    def _settle(
        self, plan: ScenePlan, part: SegmentPlan, label: str, result: SegmentResult | None, error: FmcoreError | None
    ) -> None:
        from fmcore.render.worker import Diverged

        plan = self.plans[plan.key]
        assert plan.take is not None
        if part not in plan.segments:  # one of the pieces that did not fit together
            self._store.video(part.name).unlink(missing_ok=True)
            self._report.finish(label, "not needed, since the scene is rendered as a whole")
            return
        if isinstance(error, Diverged) and not plan.whole:
            self._report.finish(label, f"{error.message} It is rendered as a whole instead.")
            cuts = Cuts(bounds=(0, plan.take.sketch.frames), whole=True)
            self._store.keep_cuts(plan.take.pictures, cuts)
            self.plans[plan.key] = with_take(plan, plan.take, cuts, self._store)
            return
        if result is None:
            self._give_up(plan, error, label)
            return
        take = plan.take
        if result.performance is not None and result.frames != take.sketch.frames:  # no two runs are the same
            sketch = take.sketch.model_copy(update={"frames": result.frames, "performance": result.performance})
            take = take.model_copy(update={"sketch": sketch})
            self._store.keep_take(plan.key, take)
        segment = self._store.keep_segment(part.name, result.frames, result.seconds)
        done = tuple(replace(one, segment=segment) if one.name == part.name else one for one in plan.segments)
        self.plans[plan.key] = replace(plan, take=take, segments=done)
        if plan.ref.name not in self.rendered:
            self.rendered.append(plan.ref.name)
        self._report.finish(label, f"{result.frames:,} frames")

    def _give_up(self, plan: ScenePlan, error: FmcoreError | None, label: str | None = None) -> None:
        self._given_up.add(plan.key)
        if plan.optional and isinstance(error, InputError) and not isinstance(error, PlanError):
            self.left_out[plan.key] = error
            self._report.finish(label or plan.ref.name, f"left out. {error.message}")
            return
        error = error or RenderError("failed")
        self._errors[plan.key] = plan.ref.name, error
        self._report.finish(label or plan.ref.name, error.message, ok=False)


def paces_of(plans: Sequence[ScenePlan], before: Mapping[int, SceneRecord]) -> dict[str, tuple[int, ...]]:
    """The ends of beats that scenes had in the last film, by key, where their pictures may be as they were."""
    same = ("scene", "source", "options", "spec")
    return {
        plan.key: tuple(beat.end - before[position].start for beat in before[position].beats)
        for position, plan in enumerate(plans)
        if position in before
        and all(before[position].inputs.get(name) == plan.inputs[name] for name in same)
        and VOICE
        not in {*before[position].inputs, *plan.inputs}  # a film waits for its own recordings, and for no others
    }


def sketch_job(plan: ScenePlan, store: Store, pace: tuple[int, ...] = ()) -> SketchJob:
    """Play the scene to its end, undrawn."""
    from fmcore.render.sketch import SketchJob

    return SketchJob(segment=_job(plan, store, pace))


def _job(plan: ScenePlan, store: Store, pace: tuple[int, ...], **more: object) -> SegmentJob:
    from fmcore.render.worker import SegmentJob

    return SegmentJob(
        scene=plan.ref.name,
        path=plan.ref.path,
        module=plan.ref.module,
        brief=plan.brief.model_copy(update={"pace": pace}),
        spec=plan.spec,
        target=store.folder / "none.mp4",
    ).model_copy(update=more)


def _segment_job(plan: ScenePlan, part: SegmentPlan, store: Store) -> SegmentJob:
    assert plan.take is not None
    sketch = plan.take.sketch
    pace = tuple(beat.end for beat in sketch.performance.beats)
    target = store.video(part.name)
    if len(plan.segments) == 1:
        return _job(plan, store, pace, target=target)
    states = {play.start: play.state for play in reversed(sketch.plays)} | {sketch.frames: OVER}
    return _job(
        plan,
        store,
        pace,
        target=target,
        start=part.start,
        end=part.end,
        states=(states.get(part.start), states.get(part.end)),
    )


def _cost(plan: ScenePlan, part: SegmentPlan) -> float:
    assert plan.take is not None
    plays = plan.take.sketch.plays
    return sum(play.cost_s for play in plays if part.start <= play.start < part.end)


def _label(plan: ScenePlan, part: SegmentPlan) -> str:
    if len(plan.segments) == 1:
        return plan.ref.name
    return f"{plan.ref.name} {plan.segments.index(part) + 1}/{len(plan.segments)}"
