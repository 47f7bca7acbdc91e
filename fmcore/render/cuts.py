"""What playing a scene costs, and where it is cut into segments: between plays, into parts of about equal cost."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from heapq import heapify, heapreplace
from itertools import accumulate, pairwise

from pydantic import BaseModel, ConfigDict, Field

from fmcore.lesson.brief import Performance

_SHARES = range(1, 9)  # segments a worker that are tried
_STARTS = (1, 2, 4, 8)  # how many times its start, which plays all that lies before, a segment costs at least, likewise
_DOUBT = 0.2  # of what a sketch says that drawing costs: the longest segment may end so much later


class Play(BaseModel):
    """One animation or wait: its frames [start, start + frames), its likely cost, and the scene's state before it.

    `begun` is what its animations begin with, by digest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: int = Field(ge=0)
    frames: int = Field(ge=0)
    cost_s: float = Field(ge=0)
    state: str
    begun: str = ""


class Sketch(BaseModel):
    """What a scene is, undrawn. `reads` and `files` are the parts of bundles and the files that it read, by digest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frames: int = Field(gt=0)
    plays: tuple[Play, ...] = Field(min_length=1)
    reads: dict[str, str]
    files: dict[str, str]
    performance: Performance
    seconds: float = Field(ge=0)  # of processor time for the sketch itself
    printed: str = Field("", exclude=True)  # by the scene, for whoever wrote it; told once and not kept


def targets(sketches: Sequence[Sketch], workers: int) -> list[float]:
    """How many seconds a segment of each scene should cost so that `workers` have rendered all of them soonest.

    Few segments leave workers without one at the end, many are begun too often: several numbers are tried on paper.
    """
    if not sketches:
        return []
    total = sum(cost(one) for one in sketches)
    tried = (
        [max(total / (share * workers), starts * one.seconds) for one in sketches]
        for share in _SHARES
        for starts in _STARTS
    )

    def expected_s(wanted: Sequence[float]) -> float:
        lengths = [length for one, target_s in zip(sketches, wanted, strict=True) for length in _lengths(one, target_s)]
        lengths.sort(reverse=True)
        return makespan(lengths, workers) + _DOUBT * lengths[0]

    return min(tried, key=expected_s)


def makespan(seconds: Iterable[float], workers: int) -> float:
    """How long `workers` take for jobs of these lengths, each taking the next when it is free."""
    free = [0.0] * workers
    heapify(free)
    for length in seconds:
        heapreplace(free, free[0] + length)
    return max(free)


def start_s(sketch: Sketch, frame: int) -> float:
    """Seconds until `frame` is reached, by playing undrawn what lies before."""
    return sketch.seconds * frame / sketch.frames


def _lengths(sketch: Sketch, target_s: float) -> list[float]:
    """What each segment would cost, its start included, at this target."""
    starts = [play.start for play in sketch.plays]
    spent = [0.0, *accumulate(play.cost_s for play in sketch.plays)]
    return [
        start_s(sketch, start) + spent[bisect_left(starts, end)] - spent[bisect_left(starts, start)]
        for start, end in pairwise(bounds(sketch, target_s))
    ]


def cost(sketch: Sketch) -> float:
    """Seconds of processor time that rendering the whole scene may take."""
    return sum(play.cost_s for play in sketch.plays)


def bounds(sketch: Sketch, target_s: float) -> tuple[int, ...]:
    """Frames at which segments begin, and the end of the last; at the ends of beats where the scene has beats."""
    spent = [0.0, *accumulate(play.cost_s for play in sketch.plays)]
    count = max(1, round(spent[-1] / target_s)) if target_s > 0 else 1
    beats = {beat.end for beat in sketch.performance.beats}
    places = [
        (before, play.start)
        for before, play in zip(spent, sketch.plays, strict=False)
        if 0 < play.start < sketch.frames and (not beats or play.start in beats)
    ]
    costs = [before for before, _ in places]
    chosen = {0, sketch.frames}
    for number in range(1, count):
        wanted = number * spent[-1] / count
        at = bisect_left(costs, wanted)
        if near := places[max(0, at - 1) : at + 1]:
            chosen.add(min(near, key=lambda place: abs(place[0] - wanted))[1])
    return tuple(sorted(chosen))
