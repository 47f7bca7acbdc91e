"""fmcore beside plain manim: the table of what rendering costs, as ratios measured in one run.

    python benchmarks/rendering.py [--bundles renders/bundles] [--scenes NAME ...] [--examples 12] [--write]

Whole processes with cold caches at 1920x1080 and 60 fps. By default two scenes of the lesson stand for all, because
manim needs minutes for each; `--scenes all` takes most of an hour. The examples are those that manim publishes in its
own documentation strings, as far as they need no LaTeX. `--write` puts the figures into docs/benchmarks.json, where
those of parts that were not measured stay as they are, and their chart into docs/images/benchmarks.png.
"""

import argparse
import ast
import inspect
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import av
import cluster
import encoder as presets
import manim
import numpy as np

from fmcore.lesson.brief import Brief
from fmcore.lesson.plan import builtin_plan
from fmcore.prepare import bundle_path
from fmcore.render.catalogue import find_scene
from fmcore.render.spec import quality
from fmcore.render.worker import SegmentJob

HERE = Path(__file__).parent.parent
SPEC = quality("hd")
OFF = 24
PARTS = ["lesson", "fidelity", "examples", "unchanged", "machines"]
NEEDS_MORE = (  # LaTeX, or files that come with the documentation only
    r"\bTex|MathTex|Matrix|\.svg|\.png|OpenGL|NumberLine|get_axis_labels|add_coordinates|BulletedList|Table|Decimal"
    r"|Integer|Variable|Code\(|SVGMobject|get_graph_label|LabeledDot|Title|include_numbers|label|LinearTransf|nxgraph"
)


@dataclass(frozen=True)
class Row:
    """One line of the table: `figure` against `bar`, which is met from below where `at_most`."""

    measure: str
    figure: float
    bar: float
    at_most: bool
    note: str = ""

    @property
    def met(self) -> bool:
        return self.figure <= self.bar if self.at_most else self.figure >= self.bar

    def __str__(self) -> str:
        bar = f"{'≤' if self.at_most else '≥'} {self.bar:g}"
        return f"{self.measure:<58} {self.figure:>9.3g}  {bar:<6} {'met' if self.met else 'MISSED':<7} {self.note}"


@dataclass(frozen=True)
class Cost:
    """What a program took: seconds of the clock and of processors, and its largest process in MB."""

    wall: float
    cpu: float
    peak_mb: float


def run(*command: str | Path, cwd: Path) -> Cost:
    """Run it to its end, alone; all that it starts counts as its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    log, report = cwd / "run.log", cwd / "cost.json"
    measured = [sys.executable, HERE / "benchmarks" / "cost.py", report, *command]
    with log.open("w") as out:
        ended = subprocess.run([str(part) for part in measured], cwd=cwd, env=environment, stdout=out, stderr=out)
    if ended.returncode:
        raise SystemExit(f"{command[0]} failed:\n{log.read_text()[-3000:]}")
    return Cost(**json.loads(report.read_text()))


def program(name: str) -> Path:
    return Path(sys.executable).with_name(name)


def by_manim(file: Path, names: list[str], folder: Path, cwd: Path) -> Cost:
    size = ("-r", f"{SPEC.width},{SPEC.height}", "--fps", str(SPEC.fps))
    quiet = ("--disable_caching", "--progress_bar", "none", "-v", "ERROR")
    return run(program("manim"), "render", *size, *quiet, "--media_dir", folder, file, *names, cwd=cwd)


def by_fmcore(names: list[str], folder: Path, *options: str, cwd: Path) -> Cost:
    return run(program("fmcore"), "render", *names, "--quality", "hd", "--output", folder, "--quiet", *options, cwd=cwd)


def films_of_manim(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.glob("videos/*/*/*.mp4")}


# -- what is measured ----------------------------------------------------------------------------


def lesson_rows(names: list[str], bundles: Path, scratch: Path) -> Iterator[Row]:
    """The lesson's scenes by both, and ours beside the encoder alone.

    Ours are rendered before manim's and again after them, into caches of their own: over the hour that manim takes, a
    shared machine may become half as fast. The mean of both counts.
    """
    cwd = scratch / "place"  # plain manim finds its settings and its bundles from here
    (cwd / "renders").mkdir(parents=True)
    (cwd / "manim.cfg").write_text((HERE / "manim.cfg").read_text())
    (cwd / "renders" / "bundles").symlink_to(bundles.resolve())
    ours = [_ours(names, cwd / "before", cwd)]
    stock = 0.0
    for name in names:
        cost = by_manim(_file_of(name, bundles.resolve(), scratch), [name], scratch / "manim", cwd)
        print(f"  manim render {name}: {cost.wall:.1f} s, processor {cost.cpu:.1f} s", flush=True)
        stock += cost.wall
    ours.append(_ours(names, cwd / "after", cwd))
    wall, cpu = (sum(getattr(one, what) for one in ours) / len(ours) for what in ("wall", "cpu"))
    yield Row("lesson: manim render over fmcore render", stock / wall, 8, False, ", ".join(names))
    spent = sum(encoding_alone(cwd / "after" / f"{name}.mp4") for name in names)
    yield Row("lesson: processor time over that of x264 alone", cpu / spent, 2.5, True)
    yield Row("peak memory of a worker at hd, MB", max(one.peak_mb for one in ours), 600, True)


def _ours(names: list[str], output: Path, cwd: Path) -> Cost:
    """What `fmcore render` takes, with the bundles there and nothing else."""
    output.mkdir()
    (output / "bundles").symlink_to((cwd / "renders" / "bundles").resolve())
    cost = by_fmcore(names, output, cwd=cwd)
    print(f"  fmcore render {' '.join(names)}: {cost.wall:.1f} s, processor {cost.cpu:.1f} s", flush=True)
    return cost


def _file_of(name: str, bundles: Path, scratch: Path) -> Path:
    """The file for plain manim, which does not know the plan: two bundles for a scene can only be named in one."""
    ref = find_scene(name)
    plan = builtin_plan()
    entry = next((one for one in plan.scenes if one.scene == name), None)
    if entry is None or entry.other is None:
        return ref.path
    first, second = (str(bundle_path(plan.bundles[recipe], bundles)) for recipe in (entry.bundle, entry.other))
    file = scratch / f"{name}.py"
    file.write_text(
        "from pathlib import Path\n\nfrom fmcore.lesson.brief import Brief\n"
        f"from {ref.module} import {name} as Shown\n\n\n"
        f"class {name}(Shown):\n    brief = Brief(bundle=Path({first!r}), other=Path({second!r}))\n"
    )
    return file


def encoding_alone(film: Path) -> float:
    """Processor seconds of bare x264, one thread, for the frames of `film` at its preset."""
    params = ":".join(filter(None, ["threads=1", SPEC.params]))
    options = {"preset": SPEC.preset, "crf": str(SPEC.crf), "tune": "animation", "x264-params": params}
    spent = 0.0
    with av.open(str(film)) as source, av.open(os.devnull, "w", format="mp4") as target:
        stream = target.add_stream("libx264", rate=SPEC.fps, options=options)
        stream.width, stream.height, stream.pix_fmt = SPEC.width, SPEC.height, "yuv420p"
        for frame in source.decode(video=0):
            frame.pict_type = 0
            start = time.process_time()
            stream.encode(frame)
            spent += time.process_time() - start
        start = time.process_time()
        stream.encode()
        spent += time.process_time() - start
    return spent


def fidelity_rows(bundles: Path, scratch: Path, count: int = 120) -> Iterator[Row]:
    """Decoded frames beside those drawn, at our settings and at manim's."""
    file = scratch / "plain.py"
    file.write_text(presets.PLAIN)
    scene = find_scene("ActivationHeatmap")
    brief = Brief(bundle=bundles / "tutorial-garments.safetensors")
    common = {"spec": SPEC, "target": scratch / "film.mp4"}
    for job in (
        SegmentJob(scene="Plain", path=file, module=None, brief=Brief(), **common),
        SegmentJob(scene=scene.name, path=scene.path, module=scene.module, brief=brief, **common),
    ):
        pictures = presets.draw(job, scratch, count)
        found = []
        for setting in (presets.PUBLISH, presets.SETTINGS[0]):
            presets.encode(scratch / "film.mp4", pictures, setting, SPEC.fps)
            found.append(presets.fidelity(scratch / "film.mp4", pictures))
        (mean, off), (stock_mean, stock_off) = found
        note = f"{mean:.3f} and {off:.0f} pixels a frame; manim {stock_mean:.3f} and {stock_off:.0f}"
        what = "a lesson's scene" if job.module else "a plain scene"
        yield Row(f"{what}: mean difference to lossless over manim's", mean / stock_mean, 1, True, note)
        yield Row(f"{what}: pixels off by over {OFF} over manim's", (off + 1) / (stock_off + 1), 1, True)


def example_rows(count: int, scratch: Path) -> Iterator[Row]:
    """Scenes that manim publishes, by both; and whether they show the same."""
    examples = published_examples()
    step = max(1, len(examples) // count)
    chosen = dict(list(examples.items())[::step][:count])
    file = scratch / "examples.py"
    code = "\n\n".join(chosen.values())
    names = sorted(set(re.findall(r"\b\w+\b", code)) & set(dir(manim)))
    file.write_text(f"from manim import {', '.join(names)}\n\n{code}")
    stock = by_manim(file, list(chosen), scratch / "manim", scratch)
    ours = by_fmcore([f"{file}:{name}" for name in chosen], scratch / "fmcore", cwd=scratch)
    print(f"  {len(chosen)} examples: manim {stock.wall:.1f} s, fmcore {ours.wall:.1f} s", flush=True)
    yield Row(
        "manim's examples: manim render over fmcore render", stock.wall / ours.wall, 2.5, False, ", ".join(chosen)
    )
    films = films_of_manim(scratch / "manim")
    worst, which = 0.0, ""
    for name in chosen:
        difference = mean_difference(films[name], scratch / "fmcore" / f"{name}.mp4")
        if difference > worst:
            worst, which = difference, name
    yield Row("manim's examples: largest mean difference of a film", worst, 1.5, True, which)


def mean_difference(one: Path, other: Path) -> float:
    """Mean absolute difference over red, green and blue; infinite where they are not of one length."""
    total, count = 0.0, 0
    with av.open(str(one)) as first, av.open(str(other)) as second:
        frames, others = first.decode(video=0), second.decode(video=0)
        for number, (frame, again) in enumerate(zip(frames, others, strict=False)):
            if number % 10 == 0:
                shown = frame.to_ndarray(format="rgb24").astype(np.int16)
                total += float(np.abs(shown - again.to_ndarray(format="rgb24")).mean())
                count += 1
        if first.streams.video[0].frames != second.streams.video[0].frames:
            return float("inf")
    return total / max(1, count)


def published_examples() -> dict[str, str]:
    """The scenes in manim's documentation strings that move and need nothing but manim, by name."""
    found: dict[str, str] = {}
    folder = Path(inspect.getfile(manim)).parent
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.Module) and "opengl" not in path.name:
                found.update(_examples_in(ast.get_docstring(node) or ""))
    return found


def _examples_in(text: str) -> Iterator[tuple[str, str]]:
    directive = r"^( *)\.\. manim:: *(\w+)\n((?:\1 +:.*\n)*)\s*\n((?:(?:\1 +.*)?\n?)*)"
    for match in re.finditer(directive, text, re.M):
        name, options, code = match[2], match[3], textwrap.dedent(match[4])
        moves = "self.play" in code and "save_last_frame" not in options
        if moves and not re.search(NEEDS_MORE, code):
            try:
                ast.parse(code)
            except SyntaxError:
                continue
            yield name, code


def unchanged_row(bundles: Path, scratch: Path) -> Row:
    """The whole lesson again with nothing changed."""
    output = scratch / "again"
    output.mkdir()
    (output / "bundles").symlink_to(bundles.resolve())
    command = (program("fmcore"), "lesson", "--quality", "smoke", "--output", output, "--quiet")
    run(*command, cwd=scratch)
    return Row("nothing changed: fmcore lesson, s", min(run(*command, cwd=scratch).wall for _ in range(3)), 1.5, True)


def machine_rows(scratch: Path) -> Iterator[Row]:
    """Two workers of a Dask cluster beside one, where Dask is installed."""
    found = cluster.dask(cluster.Studio(scratch, cluster.SCENES, SPEC), 2)
    if found is not None:
        note = f"{', '.join(cluster.SCENES)}; two processes that only count: {found[1]:.2f}"
        yield Row("two Dask workers over one", found[0], cluster.BAR, False, note)


# -- the table -----------------------------------------------------------------------------------


def write(rows: list[Row]) -> None:
    """The figures as JSON, and as a chart: each as a share of its bar."""
    import matplotlib.pyplot as plt

    path = HERE / "docs" / "benchmarks.json"
    found = json.loads(path.read_text())["rows"] if path.exists() else []
    before = [Row(**{name: value for name, value in row.items() if name != "met"}) for row in found]
    rows = list(({row.measure: row for row in before} | {row.measure: row for row in rows}).values())
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "manim": manim.__version__}
    content = {"machine": machine, "rows": [{**asdict(row), "met": row.met} for row in rows]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    figure, axes = plt.subplots(figsize=(8, 0.42 * len(rows) + 1), layout="constrained")
    shares = [row.bar / row.figure if row.at_most else row.figure / row.bar for row in rows]
    places = range(len(rows))
    axes.barh(places, shares, color=["#2a9d8f" if row.met else "#e76f51" for row in rows])
    axes.axvline(1, color="black", linewidth=1)
    for at, row, share in zip(places, rows, shares, strict=True):
        axes.text(share, at, f" {row.figure:.3g}", va="center")
    axes.set_yticks(places, [row.measure for row in rows])
    axes.set_xlim(0, 1.1 * max(shares) + 0.1)
    axes.set_xlabel("times as good as its bar, the line")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "docs" / "images" / "benchmarks.png", dpi=110)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--bundles", type=Path, default=Path("renders/bundles"))
    options.add_argument("--scenes", nargs="+", default=["ActivationHeatmap", "TrainingCurves"])
    options.add_argument("--examples", type=int, default=12)
    options.add_argument("--only", nargs="+", default=PARTS)
    options.add_argument("--write", action="store_true")
    given = options.parse_args()
    names = [entry.scene for entry in builtin_plan().scenes] if given.scenes == ["all"] else given.scenes
    rows: list[Row] = []
    for part in given.only:
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            if part == "lesson":
                rows += lesson_rows(names, given.bundles, scratch)
            elif part == "fidelity":
                rows += fidelity_rows(given.bundles, scratch)
            elif part == "machines":
                rows += machine_rows(scratch)
            elif part == "examples":
                rows += example_rows(given.examples, scratch)
            else:
                rows.append(unchanged_row(given.bundles, scratch))
    for row in rows:
        print(row)
    if given.write:
        write(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
