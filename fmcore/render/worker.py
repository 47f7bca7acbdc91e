"""Render one scene in this process: manim draws, Cairo paints the images, one encoder writes the segment.

manim's configuration belongs to the process, so a process renders one scene at a time.
"""

import importlib
import importlib.util
import inspect
import os
import random
import shutil
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

from manim import Camera, Scene, config, logger
from pydantic import BaseModel, ConfigDict
from tqdm import tqdm

from fmcore.errors import FmcoreError, RenderError
from fmcore.lesson.brief import Brief, Performance
from fmcore.render.camera import CairoImages
from fmcore.render.encoder import SegmentEncoder
from fmcore.render.quicker import quicken
from fmcore.render.renderer import Encoder, SegmentRenderer, SegmentWriter
from fmcore.render.run import OnFrames
from fmcore.render.spec import FRAME_HEIGHT, RenderSpec

quicken()


class SegmentJob(BaseModel):
    """What a worker needs to know to render one scene to `target`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scene: str  # class name
    path: Path
    module: str | None
    brief: Brief
    spec: RenderSpec
    target: Path

    def run(self, on_frames: OnFrames) -> "SegmentResult":
        """Render it."""
        return render_segment(self, on_frames)


class SegmentResult(BaseModel):
    """What a rendered segment shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frames: int
    performance: Performance


def render_segment(job: SegmentJob, on_frames: OnFrames) -> SegmentResult:
    """Render `job.scene` from first to last frame and write `job.target`.

    Raises:
        FmcoreError: the scene failed; the sentence says where.
    """
    encoder = SegmentEncoder(job.target, job.spec)
    scene = play(job, encoder, SegmentRenderer, on_frames)
    return SegmentResult(frames=encoder.frames, performance=_performance(scene, job, encoder.frames))


def play(job: SegmentJob, encoder: Encoder, renderer: "type[SegmentRenderer]", on_frames: OnFrames) -> Any:
    """Play `job.scene` through `renderer` into `encoder`, which is aborted if that fails; return the scene.

    Raises:
        FmcoreError: the scene failed; the sentence says where.
    """
    media = Path(tempfile.mkdtemp(prefix="fmcore-"))  # its own: manim's text cache is not safe to share
    try:
        _configure(job.spec, media)
        with _neighbours_of(job.path) if job.module is None else nullcontext():
            scene = _make(load_scene(job), job, encoder, renderer, on_frames)
            scene.render()
        if not encoder.frames:
            raise RenderError(f"{job.scene} plays nothing, so there is no film of it; call self.play or self.wait.")
        return scene
    except FmcoreError:
        raise
    except SystemExit as error:
        raise RenderError(f"{job.scene} left by exit({error.code!r}); let `construct` return instead.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise RenderError(f"{job.scene} could not be written ({reason}); free some space and run again.") from None
    except Exception as error:
        raise RenderError(f"{job.scene} failed with {_where(error, job.path)}.") from error
    finally:
        if not encoder.finished:
            encoder.abort()
        shutil.rmtree(media, ignore_errors=True)


def load_scene(job: SegmentJob) -> type[Scene]:
    """Import the class of `job`."""
    module = _load_file(job.path) if job.module is None else importlib.import_module(job.module)
    scene_class = getattr(module, job.scene, None)
    if not (inspect.isclass(scene_class) and issubclass(scene_class, Scene)):
        raise RenderError(f"'{job.scene}' in '{job.path.name}' is no manim Scene; name a class derived from Scene.")
    return scene_class


def _load_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"fmcore_scene_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def _neighbours_of(path: Path) -> Iterator[None]:
    """Let a lone file import its neighbours, as under plain manim, and forget them afterwards.

    Another scene's file in this process may have neighbours of the same names.
    """
    before = set(sys.modules)
    sys.path.insert(0, str(path.parent))
    try:
        yield
    finally:
        sys.path.remove(str(path.parent))
        for name in set(sys.modules) - before:
            head = path.parent / name.partition(".")[0]
            if head.with_suffix(".py").is_file() or head.is_dir():
                del sys.modules[name]


def _configure(spec: RenderSpec, media: Path) -> None:
    """Say everything that a `manim.cfg` of the current folder could otherwise change."""
    logger.setLevel("ERROR")
    config.pixel_width, config.pixel_height = spec.width, spec.height
    config.frame_rate = spec.fps
    config.frame_height = FRAME_HEIGHT
    config.frame_width = FRAME_HEIGHT * spec.width / spec.height
    config.media_dir = str(media)
    config.disable_caching = True
    config.progress_bar = "none"
    config.background_color = "#000000"
    config.seed = 0
    random.seed(0)
    tqdm.set_lock(threading.RLock())  # its own is a semaphore that a worker killed by Ctrl-C would leave behind


def _make(
    scene_class: type[Scene],
    job: SegmentJob,
    encoder: Encoder,
    renderer: "type[SegmentRenderer]",
    on_frames: OnFrames,
) -> Any:
    base = _camera_of(scene_class)
    camera = type(f"Cairo{base.__name__}", (CairoImages, base), {})
    made = renderer(lambda settings: SegmentWriter(settings, encoder), camera, on_frames)
    scene: Any = scene_class(renderer=made)
    if hasattr(scene, "performance"):
        scene.brief = job.brief.model_copy(update={"theme": job.spec.theme})
    return scene


def _camera_of(scene_class: type[Scene]) -> Any:
    """The default `camera_class` of the nearest `__init__` that names one; subclasses often pass **kwargs on."""
    for parent in scene_class.__mro__:
        if "__init__" in vars(parent):
            own = inspect.signature(vars(parent)["__init__"]).parameters.get("camera_class")
            if own is not None and inspect.isclass(own.default):
                return own.default
    return Camera


def _performance(scene: Any, job: SegmentJob, frames: int) -> Performance:
    if not hasattr(scene, "performance"):
        return Performance(title=job.scene)
    shown: Performance = scene.performance()
    if shown.beats[-1].end != frames:
        raise RenderError(f"{job.scene} has {frames} frames where its script says {shown.beats[-1].end}.")
    return shown


def _where(error: Exception, path: Path) -> str:
    """`ValueError: text (file.py, line 12)`: the innermost line of the scene's own file, if it is there."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename) == path]
    last = (own or frames)[-1]
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text} ({Path(last.filename).name}, line {last.lineno})"


def quiet_process() -> None:
    """Keep a worker from writing to the terminal, which belongs to the parent's progress bars."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
