"""What the presets of x264 cost and keep: CPU, bytes and fidelity on the same frames, beside manim's own settings.

    python benchmarks/encoder.py [--quality hd] [--frames 240] [--scene NAME --bundle FILE [--other FILE] ...]

The frames are drawn once: those in the middle of a plain manim scene, and of every scene that is named. CPU is
that of the encoder alone, with frames already in YUV, one thread, as a ratio to that of the first row. Fidelity is that
of the decoded frames to those drawn: the mean absolute difference over red, green and blue, and how many pixels of a
frame are off by more than 24 in one of them.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from fmcore.lesson.brief import Brief
from fmcore.render.catalogue import find_scene
from fmcore.render.spec import RenderSpec, quality
from fmcore.render.stepping import WindowRenderer
from fmcore.render.worker import SegmentJob, play

OFF = 24
EVERY = 5  # frames, of which one is compared
PLAIN = """
from manim import BLUE, RED, RIGHT, UP, YELLOW
from manim import Circle, Create, FadeIn, NumberPlane, Scene, Square, Text, Transform, Write


class Plain(Scene):
    def construct(self):
        circle = Circle(color=BLUE, fill_opacity=0.5)
        square = Square(color=RED, fill_opacity=0.7).shift(RIGHT * 3)
        title = Text("Moving shapes").to_edge(UP)
        self.play(Create(NumberPlane()), run_time=1)
        self.play(Write(title), FadeIn(circle), run_time=1)
        self.play(Transform(circle, square), title.animate.set_color(YELLOW), run_time=1.5)
        self.wait(0.5)
"""


@dataclass(frozen=True)
class Setting:
    """One way to encode; `stock` is manim's, colours included."""

    preset: str
    crf: int
    options: tuple[tuple[str, str], ...] = (("tune", "animation"),)
    pixels: str = "yuv420p"
    stock: bool = False

    def __str__(self) -> str:
        extra = ", ".join(f"{name} {value}" for name, value in self.options)
        return f"{'manim: ' if self.stock else ''}{self.preset} crf {self.crf}" + (f", {extra}" if extra else "")


def tuned(*params: str, tune: str = "animation") -> tuple[tuple[str, str], ...]:
    return tuple((("tune", tune),) if tune else ()) + tuple((("x264-params", ":".join(params)),) if params else ())


IN_ORDER = "ref=1:weightp=0:bframes=0"  # as still frames need it
PUBLISH = Setting("ultrafast", 22, tuned(IN_ORDER, "cabac=1:8x8dct=1", tune="animation,zerolatency"))
SETTINGS = (
    Setting("medium", 23, (), stock=True),
    Setting("ultrafast", 26, tuned(IN_ORDER, tune="animation,zerolatency")),
    PUBLISH,
    *(Setting("superfast", crf, tuned(IN_ORDER, tune="animation,zerolatency")) for crf in (18, 21, 23)),
    *(Setting("ultrafast", crf) for crf in (18, 20, 23, 26)),
    Setting("ultrafast", 23, ()),
    Setting("ultrafast", 23, tuned(tune="zerolatency")),
    *(Setting("superfast", crf) for crf in (18, 20, 23)),
    Setting("superfast", 20, ()),
    Setting("superfast", 20, tuned("bframes=0")),
    *(Setting("veryfast", crf) for crf in (16, 18, 20, 23)),
    Setting("veryfast", 18, tuned("mbtree=0", "rc-lookahead=0")),
    Setting("veryfast", 18, tuned("bframes=0")),
    Setting("faster", 18),
    Setting("medium", 18),
    Setting("medium", 23),
    *(Setting(preset, 8) for preset in ("superfast", "veryfast")),
    *(Setting(preset, crf, pixels="yuv444p") for preset in ("superfast", "veryfast") for crf in (8, 12)),
)


class Collector:
    """An encoder that keeps the drawn frames (n, H, W, 4) in a file, from the `skip`-th on."""

    def __init__(self, path: Path, spec: RenderSpec, count: int, skip: int) -> None:
        self.kept = np.memmap(path, np.uint8, "w+", shape=(count, spec.height, spec.width, 4))
        self.frames, self.finished, self._skip = 0, False, skip

    @property
    def pictures(self) -> Any:
        return self.kept[: min(max(self.frames - self._skip, 0), len(self.kept))]

    def write(self, pixels: Any, repeat: int = 1) -> None:
        first, last = (min(max(at - self._skip, 0), len(self.kept)) for at in (self.frames, self.frames + repeat))
        self.kept[first:last] = pixels
        self.frames += repeat

    def finish(self) -> None:
        self.finished = True

    def abort(self) -> None: ...


def converted(pictures: Any, setting: Setting) -> Iterator[VideoFrame]:
    """`pictures` as YUV, as we convert them, or as manim lets its encoder do it."""
    reformatter = VideoReformatter()
    for at, pixels in enumerate(pictures):
        frame = VideoFrame.from_numpy_buffer(np.ascontiguousarray(pixels), format="rgba")
        ours: dict[str, Any] = (
            {} if setting.stock else {"dst_colorspace": Colorspace.ITU709, "dst_color_range": ColorRange.MPEG}
        )
        yuv = reformatter.reformat(frame, format=setting.pixels, threads=1, **ours)
        yuv.pts = at
        yield yuv


def encode(path: Path, pictures: Any, setting: Setting, fps: int) -> float:
    """Write the film and return the CPU seconds of the encoder."""
    params = dict(setting.options)
    params["x264-params"] = ":".join(filter(None, [params.get("x264-params", ""), "threads=1"]))
    options = {"preset": setting.preset, "crf": str(setting.crf), **params}
    spent = 0.0
    with av.open(str(path), "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=fps, options=options)
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = setting.pixels
        if not setting.stock:
            context = stream.codec_context
            context.color_primaries = context.color_trc = context.colorspace = context.color_range = 1
        for frame in converted(pictures, setting):
            frame.time_base = Fraction(1, fps)
            start = time.process_time()
            packets = stream.encode(frame)
            spent += time.process_time() - start
            container.mux(packets)
        start = time.process_time()
        packets = stream.encode()
        spent += time.process_time() - start
        container.mux(packets)
    return spent


def fidelity(path: Path, pictures: Any) -> tuple[float, float]:
    """Mean absolute difference, and pixels a frame that are off by more than `OFF`."""
    differences, off = [], []
    with av.open(str(path)) as container:
        for at, frame in enumerate(container.decode(video=0)):
            if at % EVERY == 0:
                shown = frame.to_ndarray(format="rgb24").astype(np.int16)
                difference = np.abs(shown - pictures[at, ..., :3])
                differences.append(difference.mean())
                off.append((difference.max(2) > OFF).sum())
    return float(np.mean(differences)), float(np.mean(off))


def draw(job: SegmentJob, folder: Path, count: int) -> Any:
    """`count` frames of the scene of `job`, from its middle on."""
    counted = Collector(folder / "counted", quality("smoke"), 1, 10**9)
    play(job.model_copy(update={"spec": quality("smoke")}), counted, WindowRenderer, lambda done, total: None)
    length = counted.frames * job.spec.fps // quality("smoke").fps
    kept = Collector(folder / "frames", job.spec, count, max(0, length // 2 - count // 2))
    play(job, kept, WindowRenderer, lambda done, total: None)
    return kept.pictures


def compare(job: SegmentJob, folder: Path, count: int) -> None:
    pictures = draw(job, folder, count)
    print(f"\n{job.scene}, {len(pictures)} frames, {job.spec.width}x{job.spec.height}, {job.spec.fps} fps")
    print("  CPU   ms/frame    KB/s   mean difference   pixels off  setting")
    first = None
    for setting in SETTINGS:
        path = folder / "film.mp4"
        spent = encode(path, pictures, setting, job.spec.fps)
        first = first or spent
        mean, off = fidelity(path, pictures)
        rate = path.stat().st_size / 1000 / (len(pictures) / job.spec.fps)
        print(
            f"{spent / first:5.2f} {1000 * spent / len(pictures):10.1f} {rate:7.0f} {mean:17.3f} {off:12.0f}  {setting}"
            + (f", {setting.pixels}" if setting.pixels != "yuv420p" else ""),
            flush=True,
        )


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quality", default="hd")
    options.add_argument("--frames", type=int, default=240)
    options.add_argument("--scene", action="append", default=[])
    options.add_argument("--bundle", type=Path)
    options.add_argument("--other", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        plain = folder / "plain.py"
        plain.write_text(PLAIN)
        common: dict[str, Any] = {"spec": quality(given.quality), "target": folder / "film.mp4"}
        compare(SegmentJob(scene="Plain", path=plain, module=None, brief=Brief(), **common), folder, given.frames)
        for name in given.scene:
            scene = find_scene(name)
            brief = Brief(bundle=given.bundle, other=given.other)
            job = SegmentJob(scene=scene.name, path=scene.path, module=scene.module, brief=brief, **common)
            compare(job, folder, given.frames)
    return 0


if __name__ == "__main__":
    sys.exit(main())
