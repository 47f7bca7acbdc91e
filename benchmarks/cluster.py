"""Two Dask workers against one, on scenes of the lesson; and what `fmcore simulate` says of it beforehand.

    python benchmarks/cluster.py [--quality hd] [--rounds 1] [--scenes FeatureMapDemo ...]

Dask is set up as docs/guides/machines.md says, one cluster after the other: even one that only waits takes some of a
core. Its workers are warm: they have played every scene before the clock starts. Beside each round stands what
two processes that only count get done in the time of one, which is what the machine's two cores are worth just then: on
a shared host often less than two. What is simulated for one and two workers of this machine, from what one worker took,
is printed beside what they take, both from nothing.
"""

import argparse
import logging
import multiprocessing
import os
import statistics
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from fmcore.lesson.plan import BundleRecipe, LessonPlan, SceneEntry
from fmcore.prepare import look, make_all
from fmcore.render.cache import Store, file_digest
from fmcore.render.plan import ScenePlan, plan_scenes
from fmcore.render.run import Crew, Workers
from fmcore.render.simulate import rows_of
from fmcore.render.spec import RenderSpec, quality
from fmcore.render.takes import Shoot, sketch_job
from fmcore.reporter import Silent

BAR = 1.8
AS_IN_THE_GUIDE = {"distributed.worker.profile.enabled": False, "distributed.admin.tick.interval": "1s"}
SCENES = ["FeatureMapDemo", "ActivationHeatmap", "Nonlinearity"]


class Studio:
    """Scenes on a bundle that is trained for one epoch; every run renders them into a cache of its own."""

    def __init__(self, folder: Path, scenes: list[str], spec: RenderSpec) -> None:
        self._folder, self._spec, self._runs = folder, spec, 0
        recipe = BundleRecipe(model="tutorial", epochs=1)
        self._plan = LessonPlan(
            title="Benchmark",
            bundles={"b": recipe},
            scenes=tuple(SceneEntry(scene=name, bundle="b") for name in scenes),
        )
        wanted = look(recipe, folder)
        make_all([wanted], None, Silent(), 1)
        self._bundle = wanted.path

    def plans(self, store: Store) -> list[ScenePlan]:
        store.folder.mkdir(exist_ok=True)
        return plan_scenes(self._plan.scenes, {"b": (self._bundle, file_digest(self._bundle))}, self._spec, store, {})

    def seconds(self, crew: AbstractContextManager[Crew], warm: bool = False) -> tuple[float, Store]:
        """How long `crew` takes for all scenes, its start included unless it is `warm`; and where they are."""
        self._runs += 1
        store = Store(self._folder / str(self._runs))
        began = time.perf_counter()
        with crew as opened:
            began = time.perf_counter() if warm else began
            shoot = Shoot(self.plans(store), store, Silent())
            shoot.sketch(opened, {})
            shoot.render(opened)
            assert not shoot.failed, shoot.failed
            return time.perf_counter() - began, store


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quality", default="hd")
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--scenes", nargs="+", default=SCENES)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        studio = Studio(Path(scratch), given.scenes, quality(given.quality))
        dask(studio, given.rounds)
        simulated(studio)


def counting_s(steps: int) -> float:
    """Seconds that counting takes."""
    began = time.perf_counter()
    for _ in range(steps):
        pass
    return time.perf_counter() - began


def cores_worth(pool: Any, steps: int = 20_000_000) -> float:
    """How many times the work of one process two get done, when they only count."""
    alone_s = pool.apply(counting_s, (steps,))
    return sum(alone_s / both_s for both_s in pool.map(counting_s, [steps] * 2, chunksize=1))


def dask(studio: Studio, rounds: int) -> tuple[float, float] | None:
    """How many times as fast two warm workers are as one, and what two cores were worth meanwhile."""
    try:
        from dask import config
        from distributed import LocalCluster
    except ModuleNotFoundError:
        print("Dask is not installed; run `pip install 'fmcore[cluster]'`.")
        return None
    from fmcore.render.cluster import Cluster

    logging.getLogger("distributed").setLevel(logging.ERROR)  # manim lets all loggers speak
    os.environ["DASK_LOGGING__DISTRIBUTED"] = "error"  # and in the workers too
    found: dict[int, list[float]] = {1: [], 2: []}
    worth: list[float] = []
    with multiprocessing.get_context("spawn").Pool(2) as pool, config.set(AS_IN_THE_GUIDE):
        for _ in range(rounds):
            for count, taken in found.items():
                worth.append(cores_worth(pool))
                with LocalCluster(
                    n_workers=count, threads_per_worker=1, dashboard_address=":0", silence_logs=40
                ) as cluster:
                    warm_up(studio, cluster.scheduler_address, count)
                    taken.append(studio.seconds(Cluster(cluster.scheduler_address), warm=True)[0])
                print(f"{count} Dask workers: {taken[-1]:.1f} s", flush=True)
    ratio = statistics.median(one / two for one, two in zip(*found.values(), strict=True))
    both = statistics.median(worth)
    print(f"two over one: {ratio:.2f} times; bar {BAR}: {'met' if ratio >= BAR else 'missed'}")
    print(f"two processes that only count did {both:.2f} times the work of one meanwhile")
    return ratio, both


def warm_up(studio: Studio, address: str, count: int) -> None:
    """Let every worker play a scene."""
    from fmcore.render.cluster import Cluster

    with Cluster(address) as crew:
        store = Store(Path(tempfile.gettempdir(), "none"))
        jobs = [sketch_job(plan, store) for plan in studio.plans(store)] * count
        crew.run(jobs, lambda *told: None, lambda outcome: None)


def simulated(studio: Studio) -> None:
    one_s, store = studio.seconds(Workers(1))
    two_s, _ = studio.seconds(Workers(2))
    rows = rows_of(studio.plans(store), (1, 2))
    for row, wall_s in zip(rows, (one_s, two_s), strict=True):
        error = row.wall_s / wall_s - 1
        print(f"{row.workers} workers of this machine: {wall_s:.1f} s, simulated {row.wall_s:.1f} s ({error:+.0%})")
    print(f"two over one: {one_s / two_s:.2f} times, simulated {rows[1].speedup:.2f}")


if __name__ == "__main__":
    main()
