"""What a heat map's cells cost: the same two seconds of film with a map of 7 x 7 and of 224 x 224 values.

    python benchmarks/heat_map.py [quality]

One is rendered after the other, several times in turn, in one process; printed is the ratio of medians.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from fmcore.lesson.brief import Brief
from fmcore.render.spec import quality
from fmcore.render.worker import SegmentJob, render_segment

ROUNDS = 5
SCENE = """
import numpy as np
from manim import RIGHT, FadeIn, Scene

from fmcore.colour import ColourScale
from scenes.parts.feature_map import FeatureMap


class HeatMap(Scene):
    side = {side}

    def construct(self):
        values = np.random.default_rng(0).random((self.side, self.side))
        heat = FeatureMap(values, ColourScale.strength(values), 3.5, "heat map")
        self.play(FadeIn(heat), run_time=0.5)
        self.play(heat.animate.shift(RIGHT * 3), run_time=1)
        self.wait(0.5)
"""


def main() -> None:
    spec = quality(sys.argv[1] if len(sys.argv) > 1 else "hd")
    seconds: dict[int, list[float]] = {7: [], 224: []}
    with tempfile.TemporaryDirectory() as scratch:
        for round_ in range(ROUNDS + 1):  # the first warms up
            for side, taken in seconds.items():
                path = Path(scratch, f"heat_map_{side}.py")
                path.write_text(SCENE.format(side=side))
                target = Path(scratch, f"{side}.mp4")
                job = SegmentJob(scene="HeatMap", path=path, module=None, brief=Brief(), spec=spec, target=target)
                start = time.perf_counter()
                render_segment(job, lambda done, total: None)
                if round_:
                    taken.append(time.perf_counter() - start)
    small, large = (median(taken) for taken in seconds.values())
    ratio = np.round(large / small, 2)
    print(f"{spec.quality}: 7 x 7 in {small:.2f} s, 224 x 224 in {large:.2f} s: {ratio} times (bar: 1.3)")


if __name__ == "__main__":
    main()
