"""What playing a scene costs, and where it is cut into segments: between plays, into parts of about equal cost."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from pydantic import BaseModel, ConfigDict, Field

from fmcore.lesson.brief import Performance

_SHARE = 3  # segments a worker, so that the last ones end at about the same time
_START_TIMES = 8  # a segment is worth its start, which plays all that lies before, if it costs so many times as much


class Play(BaseModel):
    """One animation or wait: its frames [start, start + frames), its likely cost, and the scene's state before it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: int = Field(ge=0)
    frames: int = Field(ge=0)
    cost_s: float = Field(ge=0)
    state: str


class Sketch(BaseModel):
    """What a scene is, undrawn. `reads` and `files` are the parts of bundles and the files that it read, by digest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frames: int = Field(gt=0)
    plays: tuple[Play, ...] = Field(min_length=1)
    reads: dict[str, str]
    files: dict[str, str]
    performance: Performance
    seconds: float = Field(ge=0)  # of processor time for the sketch itself


def targets(sketches: Sequence[Sketch], workers: int) -> list[float]:
    """How many seconds a segment of each scene should cost when all are to be rendered by `workers`."""
    total = sum(cost(one) for one in sketches)
    return [max(total / (_SHARE * workers), _START_TIMES * one.seconds) for one in sketches]


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
