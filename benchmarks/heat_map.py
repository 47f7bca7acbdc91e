"""What a heat map's cells cost: the same two seconds of film with a map of 7 x 7 and of 224 x 224 values.

    python benchmarks/heat_map.py [quality]

The maps are a convolution's over a sheet of drawn garments, as it is and pooled to 7 x 7: one picture, finer and
coarser. White noise, which no filter makes and no encoder can foretell, is told beside it as the worst case. One film
is rendered after the other, several times in turn, in one process; printed are the ratios of medians.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from fmcore.data.garments import draw_garments
from fmcore.lesson.brief import Brief
from fmcore.render.spec import RenderSpec, quality
from fmcore.render.worker import SegmentJob, render_segment

ROUNDS = 5
BAR = 1.3
SIDES = (7, 224)
SCENE = """
import numpy as np
from manim import RIGHT, FadeIn, Scene

from fmcore.colour import ColourScale
from scenes.parts.feature_map import FeatureMap


class HeatMap(Scene):
    def construct(self):
        values = np.load({values!r})
        heat = FeatureMap(values, ColourScale.strength(values), 3.5, "heat map")
        self.play(FadeIn(heat), run_time=0.5)
        self.play(heat.animate.shift(RIGHT * 3), run_time=1)
        self.wait(0.5)
"""


def main() -> None:
    spec = quality(sys.argv[1] if len(sys.argv) > 1 else "hd")
    sheet = feature_map()
    pooled = F.adaptive_avg_pool2d(torch.from_numpy(sheet)[None], SIDES[0])[0].numpy()
    noise = np.random.default_rng(0)
    contents = {
        "a network's map": dict(zip(SIDES, (pooled, sheet), strict=True)),
        "white noise": {side: noise.random((side, side), np.float32) for side in SIDES},
    }
    seconds: dict[tuple[str, int], list[float]] = {(name, side): [] for name in contents for side in SIDES}
    with tempfile.TemporaryDirectory() as scratch:
        for round_ in range(ROUNDS + 1):  # the first warms up
            for (name, side), taken in seconds.items():
                took = rendered(contents[name][side], Path(scratch), spec)
                if round_:
                    taken.append(took)
    for name in contents:
        small, large = (median(seconds[name, side]) for side in SIDES)
        print(f"{name}, {spec.quality}: 7 x 7 in {small:.2f} s, 224 x 224 in {large:.2f} s: {large / small:.2f} times")
    print(f"bar, for a network's map: {BAR}")


def feature_map() -> NDArray[np.float32]:
    """(224, 224): a filter of 3 x 3, nonlinearity included, over 8 x 8 garments on one sheet."""
    images, _ = draw_garments(64, seed=0)
    sheet = images.reshape(8, 8, 28, 28).transpose(0, 2, 1, 3).reshape(1, 1, 224, 224) / 255
    weight = torch.randn(1, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    found: NDArray[np.float32] = F.relu(F.conv2d(torch.from_numpy(sheet).float(), weight, padding=1))[0, 0].numpy()
    return found


def rendered(values: NDArray[np.float32], folder: Path, spec: RenderSpec) -> float:
    """Seconds that a film of the map takes."""
    np.save(folder / "values.npy", values)
    path = folder / "heat_map.py"
    path.write_text(SCENE.format(values=str(folder / "values.npy")))
    job = SegmentJob(scene="HeatMap", path=path, module=None, brief=Brief(), spec=spec, target=folder / "film.mp4")
    start = time.perf_counter()
    render_segment(job, lambda done, total: None)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
