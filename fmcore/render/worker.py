"""Render one scene in this process: manim draws, Cairo paints the images, one encoder writes the segment.

manim's configuration belongs to the process, so a process renders one scene at a time.
"""

import errno
import importlib
import importlib.util
import inspect
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from manim import Camera, Scene
from pydantic import BaseModel, ConfigDict

from fmcore.errors import FmcoreError, PlanError, RenderError, failed_with
from fmcore.lesson.brief import Brief, Performance
from fmcore.lesson.script import TimedBeat
from fmcore.render.camera import CairoImages
from fmcore.render.catalogue import OURS
from fmcore.render.encoder import SegmentEncoder
from fmcore.render.encoder import __file__ as encoder_file
from fmcore.render.patience import patience
from fmcore.render.process import configure, give_back_memory, own_defaults
from fmcore.render.quicker import quicken
from fmcore.render.renderer import Encoder, SegmentWriter
from fmcore.render.run import OnFrames
from fmcore.render.spec import RenderSpec
from fmcore.render.state import state_digest
from fmcore.render.stepping import Window, WindowClosed, WindowRenderer

quicken()

# From a maker of file writers, a class of cameras, and whom to tell about frames
MakeRenderer = Callable[..., WindowRenderer]


class SegmentJob(BaseModel):
    """What a worker needs to know to render a scene, or its frames [start, end), to `target`.

    `states` are those of the scene at `start` and `end`, as its sketch has found them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scene: str  # class name
    path: Path
    module: str | None
    brief: Brief
    spec: RenderSpec
    target: Path
    start: int = 0
    end: int | None = None
    states: tuple[str | None, str | None] = (None, None)

    @property
    def whole(self) -> bool:
        return self.start == 0 and self.end is None

    def run(self, on_frames: OnFrames) -> "SegmentResult":
        """Render it."""
        return render_segment(self, on_frames)


class SegmentResult(BaseModel):
    """What was rendered, in how many seconds of processor time; and what the scene shows, if all of it was played."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frames: int
    seconds: float
    performance: Performance | None


class Diverged(RenderError):
    """The scene is not what its sketch has seen: it depends on more than its source and its bundle."""


class _SegmentRenderer(WindowRenderer):
    """Draws one segment, and sees to it that the scene is the one that was cut: `expected` are states by frame."""

    expected: dict[int, str | None]

    def before_play(self, scene: Scene) -> None:
        expected = self.expected.pop(self.frame, None)
        if expected is not None and state_digest(scene) != expected:
            raise Diverged(f"{type(scene).__name__} plays otherwise every time, so it cannot be rendered in pieces.")


def segment_renderer(job: SegmentJob, *made: Any) -> WindowRenderer:
    """A renderer of the frames of `job`."""
    renderer = _SegmentRenderer(*made)
    renderer.window = Window(job.start, sys.maxsize if job.end is None else job.end)
    frames = (job.start, job.end)
    renderer.expected = {frame: state for frame, state in zip(frames, job.states, strict=True) if frame is not None}
    return renderer


def render_segment(job: SegmentJob, on_frames: OnFrames) -> SegmentResult:
    """Render the frames of `job` and write `job.target`.

    Raises:
        Diverged: the scene plays otherwise than when it was cut.
        FmcoreError: the scene failed; the sentence says where.
    """
    began = time.process_time()
    encoder = SegmentEncoder(job.target, job.spec)
    length = None if job.end is None else job.end - job.start
    scene = play(
        job,
        encoder,
        lambda *made: segment_renderer(job, *made),
        lambda done, total: on_frames(done, length or total),
    )
    if length is not None and encoder.frames != length:
        raise Diverged(f"{job.scene} has {encoder.frames} frames from {job.start:,} on where {job.end:,} was its end.")
    return SegmentResult(
        frames=encoder.frames,
        seconds=time.process_time() - began,
        performance=performance_of(scene, job, encoder.frames) if job.whole else None,
    )


def play(job: SegmentJob, encoder: Encoder, renderer: MakeRenderer, on_frames: OnFrames) -> Any:
    """Play `job.scene` through `renderer` into `encoder`, which is aborted if that fails; return the scene.

    Raises:
        FmcoreError: the scene failed; the sentence says where.
    """
    give_back_memory()
    media = Path(tempfile.mkdtemp(prefix="fmcore-"))  # its own: manim's text cache is not safe to share
    try:
        configure(job.spec, media)
        with ExitStack() as stack:
            waiting = stack.enter_context(patience(job.scene))
            stack.enter_context(own_defaults())
            stack.enter_context(own_modules(job.path, job.module))
            found = load_scene(job.scene, job.path, job.module)
            scene = _make(found, job, encoder, renderer, on_frames)
            scene.renderer.patience = waiting
            try:
                scene.render()
            except WindowClosed:
                encoder.finish()
        if not scene.renderer.frame:
            raise RenderError(f"{job.scene} plays nothing, so there is no film of it; call self.play or self.wait.")
        return scene
    except FmcoreError:
        raise
    except SystemExit as error:
        raise RenderError(f"{job.scene} left by exit({error.code!r}); let `construct` return instead.") from None
    except Exception as error:
        if isinstance(error, OSError) and _is_of_the_disk(error):
            reason = error.strerror or str(error)
            raise RenderError(f"{job.scene} could not be written ({reason}); free some space and run again.") from None
        raise failed_with(error, job.scene, job.path) from error
    finally:
        if not encoder.finished:
            encoder.abort()
        shutil.rmtree(media, ignore_errors=True)


def load_scene(name: str, path: Path, module: str | None) -> type[Scene]:
    """Import the class called `name` from the file at `path`, which is `module` if it belongs to a package."""
    source = _load_file(path) if module is None else importlib.import_module(module)
    scene_class = getattr(source, name, None)
    if not (inspect.isclass(scene_class) and issubclass(scene_class, Scene)):
        raise RenderError(f"'{name}' in '{path.name}' is no manim Scene; name a class derived from Scene.")
    return scene_class


def _load_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"fmcore_scene_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def own_modules(path: Path, module: str | None) -> Iterator[None]:
    """Import what belongs to a scene for this scene alone, and forget it afterwards.

    Beside a lone file these are its neighbours, as under plain manim: another one's may have the same names. A package
    may read files and set defaults while it is imported; each of its scenes is made from those. No bytecode is left
    beside them: a file that is saved twice within a second would pass for what it was.
    """
    top = (module or "").partition(".")[0]
    if top in OURS:
        yield
        return
    before, writes_none = set(sys.modules), sys.dont_write_bytecode
    _forget(name for name in before if top and name.partition(".")[0] == top)
    if not top:
        sys.path.insert(0, str(path.parent))
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes_none
        if top:
            _forget(name for name in sys.modules if name.partition(".")[0] == top)
        else:
            sys.path.remove(str(path.parent))
            _forget(name for name in set(sys.modules) - before if _is_beside(path, name))


def _is_beside(path: Path, name: str) -> bool:
    head = path.parent / name.partition(".")[0]
    return head.with_suffix(".py").is_file() or head.is_dir()


def _forget(names: Iterable[str]) -> None:
    for name in list(names):
        del sys.modules[name]


def _make(
    scene_class: type[Scene],
    job: SegmentJob,
    encoder: Encoder,
    renderer: MakeRenderer,
    on_frames: OnFrames,
) -> Any:
    base = _camera_of(scene_class)
    camera = type(f"Cairo{base.__name__}", (CairoImages, base), {})
    made = renderer(lambda settings: SegmentWriter(settings, encoder), camera, on_frames)
    scene: Any = scene_class(renderer=made)
    if hasattr(scene, "performance"):
        scene.brief = job.brief.model_copy(update={"theme": job.spec.theme})
    else:
        require_options(scene_class, job.brief.options)
    return scene


def require_options(scene_class: type[Scene], given: Mapping[str, object]) -> None:
    """See that a scene understands the options that a plan gives it.

    Raises:
        PlanError: it does not; a scene that is only manim's has none.
    """
    if hasattr(scene_class, "read_options"):
        scene_class.read_options(given)
    elif given:
        raise PlanError(
            f"{scene_class.__name__} is no LessonScene, so it has no options, and the plan gives it"
            f" {', '.join(given)}; leave them out."
        )


def _camera_of(scene_class: type[Scene]) -> Any:
    """The default `camera_class` of the nearest `__init__` that names one; subclasses often pass **kwargs on."""
    for parent in scene_class.__mro__:
        if "__init__" in vars(parent):
            own = inspect.signature(vars(parent)["__init__"]).parameters.get("camera_class")
            if own is not None and inspect.isclass(own.default):
                return own.default
    return Camera


def performance_of(scene: Any, job: SegmentJob, frames: int) -> Performance:
    """What playing all of `scene`, `frames` long, has shown; its beats, if it has some."""
    writer = scene.renderer.file_writer
    heard = {"sounds": tuple(writer.sounds), "subcaptions": tuple(_timed(writer.subcaptions, frames, job.spec.fps))}
    if not hasattr(scene, "performance"):
        return Performance(title=job.scene).model_copy(update=heard)
    try:
        shown: Performance = scene.performance()
    except Exception as error:
        raise failed_with(error, job.scene, job.path) from error
    if shown.beats[-1].end != frames:
        raise RenderError(f"{job.scene} has {frames} frames where its script says {shown.beats[-1].end}.")
    return shown.model_copy(update=heard)


def _timed(subcaptions: Iterable[Any], frames: int, fps: int) -> Iterator[TimedBeat]:
    """manim's subcaptions, in seconds, as they lie in a film of so many frames."""
    for one in subcaptions:
        start, end = (min(max(round(at.total_seconds() * fps), 0), frames) for at in (one.start, one.end))
        if start < end:
            yield TimedBeat(cue="subcaption", say=one.content, start=start, end=end)


def _is_of_the_disk(error: OSError) -> bool:
    """Whether the film or a temporary file could not be written, rather than a file of the scene's own be read."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO):
        return True
    return any(frame.filename == encoder_file for frame in traceback.extract_tb(error.__traceback__))


def quiet_process() -> None:
    """Keep a worker from writing to the terminal, which belongs to the parent's progress bars."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
