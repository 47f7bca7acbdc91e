"""How long a lesson would take on other numbers of workers: its scenes cut and handed out as they would be, on paper.

What a segment costs is what it has taken here, where it was rendered, and what its sketch expects where it was not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.table import Table

from fmcore.cores import cores
from fmcore.errors import InputError
from fmcore.render.cuts import Sketch, bounds, makespan, start_s, targets
from fmcore.render.plan import ScenePlan

WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
BYTES_A_SECOND = 100e6  # a network of 1 Gbit/s
_START_S = 2.0  # until a worker has imported manim
_JOIN_S = 1.5e-4  # a frame: joined, looked through for the poster, and its digest taken
_NEARLY = 1.05


@dataclass(frozen=True)
class Costs:
    """What the machines cost, beside the frames.

    Up to `here` workers are processes of this machine, to which nothing is sent. Past that, every worker gets its copy
    of `bundle_bytes` from the one machine where the lesson is made.
    """

    bundle_bytes: int = 0
    bytes_a_second: float = BYTES_A_SECOND
    here: int = 1
    start_s: float = _START_S
    join_frame_s: float = _JOIN_S


@dataclass(frozen=True)
class Scene:
    """A scene by name: its sketch, by which it is cut, and the seconds that each of its plays takes to draw.

    `whole` where it cannot be cut.
    """

    name: str
    sketch: Sketch
    seconds: tuple[float, ...]
    whole: bool = False


@dataclass(frozen=True)
class Row:
    """What so many workers would do: the whole in `wall_s`, that many times as fast as one, and what it waits for."""

    workers: int
    segments: int
    wall_s: float
    speedup: float
    limit: str

    @property
    def efficiency(self) -> float:
        """The share of the workers' time that is not spent waiting, or on what one worker would not have to do."""
        return self.speedup / self.workers


def rows_of(
    plans: Sequence[ScenePlan],
    workers: Iterable[int] = WORKERS,
    bytes_a_second: float = BYTES_A_SECOND,
    here: int | None = None,
) -> list[Row]:
    """The scenes of a lesson from nothing but their bundles, on each of `workers`.

    Raises:
        InputError: a scene was never played, so that nothing is known of it.
    """
    known = {plan.key: plan for plan in plans}
    bundles = {path.resolve() for plan in known.values() for path in (plan.brief.bundle, plan.brief.other) if path}
    costs = Costs(
        bundle_bytes=sum(path.stat().st_size for path in bundles),
        bytes_a_second=bytes_a_second,
        here=here or cores(),
    )
    return simulate(scenes_of(list(known.values())), workers, costs)


def scenes_of(plans: Sequence[ScenePlan]) -> list[Scene]:
    """What is known of the scenes: seconds that were measured, or expected at the pace of those that were.

    Raises:
        InputError: a scene was never played.
    """
    measured: list[dict[int, float]] = []  # by first frame of a play: how much longer it took than was expected
    expected = taken = 0.0
    for plan in plans:
        if plan.take is None:
            raise InputError(f"Nothing is known of {plan.ref.name} yet; run `fmcore lesson` first.")
        sketch = plan.take.sketch
        measured.append({})
        for one in plan.segments:
            plays = [play for play in sketch.plays if one.start <= play.start < one.end]
            guess = sum(play.cost_s for play in plays)
            if one.segment is not None and guess > 0:
                drawn_s = max(0.0, one.segment.seconds - start_s(sketch, one.start))
                measured[-1].update({play.start: drawn_s / guess for play in plays})
                expected, taken = expected + guess, taken + drawn_s
    pace = taken / expected if expected else 1.0
    scenes = []
    for plan, of in zip(plans, measured, strict=True):
        assert plan.take is not None
        sketch = plan.take.sketch
        seconds = tuple(play.cost_s * of.get(play.start, pace) for play in sketch.plays)
        scenes.append(Scene(plan.ref.name, sketch, seconds, plan.whole))
    return scenes


def simulate(scenes: Sequence[Scene], workers: Iterable[int], costs: Costs) -> list[Row]:
    """A row for each of `workers`."""
    one = _row(scenes, 1, costs).wall_s
    return [_row(scenes, count, costs, one) for count in workers]


def _row(scenes: Sequence[Scene], workers: int, costs: Costs, one_s: float | None = None) -> Row:
    parts = _parts(scenes, workers)
    longest_s, longest = parts[0]
    drawn_s = makespan((seconds for seconds, _ in parts), workers)
    terms = {
        "drawing": drawn_s,
        "the start of the workers": costs.start_s,
        "sketches": makespan((scene.sketch.seconds for scene in scenes), workers),
        "the way of the bundles": workers * costs.bundle_bytes / costs.bytes_a_second if workers > costs.here else 0.0,
        "joining": costs.join_frame_s * sum(scene.sketch.frames for scene in scenes),
    }
    wall_s = sum(terms.values())
    limit = max(terms, key=lambda name: terms[name])
    if limit == "drawing" and workers > 1 and drawn_s < _NEARLY * longest_s:
        limit = f"the longest segment, {longest}, {longest_s:.1f} s"
    return Row(workers, len(parts), wall_s, (one_s or wall_s) / wall_s, limit)


def _parts(scenes: Sequence[Scene], workers: int) -> list[tuple[float, str]]:
    """Seconds and name of every segment, the longest first, when the scenes are cut for so many workers."""
    found = []
    for scene, target in zip(scenes, targets([scene.sketch for scene in scenes], workers), strict=True):
        cuts = list(pairwise((0, scene.sketch.frames) if scene.whole else bounds(scene.sketch, target)))
        for number, (start, end) in enumerate(cuts, start=1):
            plays = zip(scene.sketch.plays, scene.seconds, strict=True)
            drawn_s = sum(seconds for play, seconds in plays if start <= play.start < end)
            name = scene.name if len(cuts) == 1 else f"{scene.name} {number}/{len(cuts)}"
            found.append((start_s(scene.sketch, start) + drawn_s, name))
    return sorted(found, reverse=True)


def table_of(rows: Sequence[Row]) -> Table:
    """`rows` for a terminal."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("workers", "segments", "time", "times as fast", "efficiency"):
        table.add_column(name, justify="right")
    table.add_column("limited by")
    for row in rows:
        minutes, seconds = divmod(round(row.wall_s), 60)
        time, efficiency = f"{minutes}:{seconds:02}", f"{row.efficiency:.0%}"
        table.add_row(f"{row.workers}", f"{row.segments}", time, f"{row.speedup:.1f}", efficiency, row.limit)
    return table
