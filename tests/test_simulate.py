"""What a lesson would take on other numbers of workers, on paper: checked by hand, and against what must hold."""

from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from fmcore.errors import InputError
from fmcore.lesson.brief import Brief, Performance
from fmcore.render.cache import Cuts, Segment, Store, Take
from fmcore.render.catalogue import SceneRef
from fmcore.render.cuts import Play, Sketch
from fmcore.render.plan import ScenePlan, with_take
from fmcore.render.simulate import WORKERS, Costs, Scene, makespan, rows_of, scenes_of, simulate, table_of
from fmcore.render.spec import quality

FREE = Costs(start_s=0, join_frame_s=0)


def sketch(plays: int = 10, cost_s: float = 1.0, seconds: float = 0.0) -> Sketch:
    """Plays of ten frames that cost the same."""
    return Sketch(
        frames=10 * plays,
        plays=tuple(Play(start=10 * n, frames=10, cost_s=cost_s, state=f"{n}") for n in range(plays)),
        reads={},
        files={},
        performance=Performance(title="Made up"),
        seconds=seconds,
    )


def scene(name: str = "Made", plays: int = 10, seconds: float = 0.0, whole: bool = False) -> Scene:
    made = sketch(plays, seconds=seconds)
    return Scene(name, made, tuple(play.cost_s for play in made.plays), whole)


def plan(
    folder: Path, name: str, made: Sketch | None, bounds: tuple[int, ...], measured: dict[int, float]
) -> ScenePlan:
    """A planned scene, cut at `bounds`, whose segments from the frames in `measured` on have taken so many seconds."""
    store = Store(folder)
    bundle = folder / "b.safetensors"
    bundle.write_bytes(bytes(1000))
    ref, brief = SceneRef(name, folder / "film.py", None, name, ""), Brief(bundle=bundle)
    bare = ScenePlan(ref, brief, quality("smoke"), {}, name, "")
    if made is None:
        return bare
    pictures = f"{name:0>32}".encode().hex()[-32:]
    for start, end in Cuts(bounds=bounds).stretches:
        if start in measured:
            store.video(f"{pictures}-{start}-{end}").write_bytes(b"film")
            store.keep_segment(f"{pictures}-{start}-{end}", end - start, measured[start])
    take = Take(scene=name, inputs={}, sketch=made, pictures=pictures)
    return with_take(bare, take, Cuts(bounds=bounds), store)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30), st.integers(1, 40))
def test_whoever_is_free_takes_the_next(seconds: list[float], workers: int) -> None:
    free = [0.0] * workers
    for length in seconds:
        first = free.index(min(free))
        free[first] += length
    found = makespan(seconds, workers)
    assert found == pytest.approx(max(free))
    assert max(max(seconds), sum(seconds) / workers) <= found * (1 + 1e-9)
    assert found <= (sum(seconds) / workers + max(seconds)) * (1 + 1e-9)  # Graham, 1966


def test_work_that_divides_is_shared_until_nothing_is_left_to_cut() -> None:
    rows = simulate([scene()], WORKERS, FREE)
    assert [row.workers for row in rows] == list(WORKERS)
    assert [row.wall_s for row in rows[:4]] == [10, 5, 3, 2]  # ten plays of a second: no more than ten segments
    assert rows[0].segments < rows[1].segments == rows[-1].segments == 10
    assert rows[-1].wall_s == 1 and rows[-1].speedup == 10 and rows[-1].efficiency == pytest.approx(10 / 256)
    assert rows[0].limit == "drawing" and rows[-1].limit.startswith("the longest segment, Made ")


def test_a_segment_costs_the_way_to_it() -> None:
    one, two, many = simulate([scene(seconds=0.5)], [1, 2, 256], FREE)
    assert one.segments <= 3 and one.wall_s < 11  # few, so that little is passed by again
    assert two.segments % 2 == 0 and two.speedup > 1.8  # the same for both
    assert many.segments == 10 and many.wall_s == pytest.approx(0.5 + 1 + 0.5 * 90 / 100)  # the last passes by the rest
    (row,) = simulate([scene(plays=8, seconds=1.0, whole=True)], [4], FREE)
    assert row.segments == 1 and row.wall_s == 9 and row.limit == "the longest segment, Made, 8.0 s"


def test_what_is_not_drawing_is_named() -> None:
    costs = Costs(bundle_bytes=10**8, here=2, start_s=0, join_frame_s=0)
    near, far = simulate([scene()], [2, 20], costs)
    assert near.wall_s == 5 and near.limit != "the way of the bundles"
    assert far.wall_s == 1 + 20 and far.limit == "the way of the bundles"
    assert simulate([scene()], [20], Costs(10**8, 1e9, 2, 0, 0))[0].wall_s == 1 + 2
    assert simulate([scene()], [8], Costs(start_s=60))[0].limit == "the start of the workers"
    assert simulate([scene()], [8], Costs(join_frame_s=1))[0].limit == "joining"
    assert simulate([scene(plays=2, seconds=9, whole=True)] * 2, [2], FREE)[0].limit == "sketches"


def test_measured_seconds_count_and_set_the_pace_for_the_rest(tmp_path: Path) -> None:
    known = plan(tmp_path, "Known", sketch(seconds=1), (0, 40, 100), {0: 8.0, 40: 18.4})
    half = plan(tmp_path, "Half", sketch(), (0, 50, 100), {})
    first, second = scenes_of([known, half])
    assert first.seconds == pytest.approx((2,) * 4 + (3,) * 6)  # of 18.4 s, 0.4 were the way to frame 40
    assert second.seconds == pytest.approx((2.6,) * 10)  # 26 s where 10 were expected
    assert scenes_of([half])[0].seconds == (1,) * 10  # nothing was measured: as expected
    (row,) = rows_of([known, half, known], [1], here=1)
    assert row.wall_s == pytest.approx(2.0 + 1 + 26 + 26 + 200 * 1.5e-4, rel=0.1)  # the same scene twice is made once
    (far,) = rows_of([known, half], [1000], bytes_a_second=1e4, here=1)
    assert far.limit == "the way of the bundles" and far.wall_s > 1000 * 1000 / 1e4  # one bundle for both
    with pytest.raises(InputError, match="Nothing is known of Never yet; run `fmcore lesson` first"):
        rows_of([known, plan(tmp_path, "Never", None, (), {})])
    assert isinstance(known.segments[0].segment, Segment)


def test_the_table_says_it_all() -> None:
    out = StringIO()
    Console(width=120, file=out).print(table_of(simulate([scene()], [1, 16], Costs(start_s=60))))
    lines = out.getvalue().splitlines()
    assert lines[1].split() == ["1", "5", "1:10", "1.0", "100%", "the", "start", "of", "the", "workers"]
    assert lines[2].split()[:5] == ["16", "10", "1:01", "1.1", "7%"]
