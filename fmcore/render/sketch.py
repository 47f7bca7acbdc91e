"""Play a scene without drawing it, to learn where it can be cut, what each part costs and what it depends on.

For any manim scene; takes a second or so. A LessonScene's storyboard is this and what stands in its beats.
"""

import io
import os
import sys
import sysconfig
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import Any

from manim import Scene, VMobject, config
from manim.mobject.types.image_mobject import AbstractImageMobject
from pydantic import BaseModel, ConfigDict

from fmcore.errors import FmcoreError
from fmcore.render.cache import path_digest
from fmcore.render.catalogue import OURS, package_folder
from fmcore.render.cuts import Play, Sketch
from fmcore.render.run import OnFrames
from fmcore.render.state import animations_digest, state_digest
from fmcore.render.stepping import NOTHING, NoEncoder, WindowRenderer
from fmcore.render.worker import SegmentJob, performance_of, play

_HD_PIXELS = 1920 * 1080
_MOST_PRINTED = 20_000  # characters
# Seconds on one core of 2024, fitted to our lesson and to plain scenes; only their proportions matter for cuts.
_ENCODE_S, _CONVERT_S, _CURVE_S, _IMAGE_S = 2.5e-3, 3e-3, 2.5e-6, 3e-4


class SketchRenderer(WindowRenderer):
    """Draws nothing and keeps a list of plays."""

    window = NOTHING

    def init_scene(self, scene: Any, *args: Any) -> None:
        super().init_scene(scene, *args)
        self.starts: list[tuple[int, str]] = []
        self.begun: list[str] = []
        self.costs: list[tuple[float, float]] = []  # (once, a frame)

    def before_play(self, scene: Scene) -> None:
        self.starts.append((self.frame, state_digest(scene)))

    def after_begin(self, scene: Scene) -> None:
        self.begun.append(animations_digest(scene.animations))
        pixels = self.camera.pixel_width * self.camera.pixel_height / _HD_PIXELS
        still = _CONVERT_S * pixels + _weight(scene.mobjects)
        if scene.is_current_animation_frozen_frame():
            self.costs.append((still, _ENCODE_S * pixels))
        else:
            moving = _weight(scene.moving_mobjects or scene.mobjects)
            self.costs.append((still, (_ENCODE_S + _CONVERT_S) * pixels + moving))

    def plays(self) -> tuple[Play, ...]:
        """Every play, now that the scene is over."""
        ends = [start for start, _ in self.starts[1:]] + [self.frame]
        return tuple(
            Play(start=start, frames=end - start, cost_s=once + (end - start) * each, state=state, begun=begun)
            for (start, state), end, (once, each), begun in zip(self.starts, ends, self.costs, self.begun, strict=True)
        )


class SketchJob(BaseModel):
    """A scene to be sketched in a worker."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segment: SegmentJob

    def run(self, on_frames: OnFrames) -> Sketch:
        """Sketch it."""
        return sketch(self.segment)


def sketch(job: SegmentJob) -> Sketch:
    """Play `job.scene` from first to last frame, undrawn.

    Raises:
        FmcoreError: the scene failed; the sentence says where.
    """
    began = time.process_time()
    printed = _Printed()
    try:
        with redirect_stdout(printed), _opened(_own_folders(job)) as opened:
            scene = play(job, NoEncoder(), SketchRenderer, lambda done, total: None)
    except FmcoreError as error:
        error.printed = printed.getvalue()
        raise
    renderer = scene.renderer
    bundles = {name: one for name in ("bundle", "other") if (one := getattr(scene, name, None)) is not None}
    performance = performance_of(scene, job, renderer.frame)
    told_apart = [*(one.path for one in bundles.values()), *(one.file for one in performance.sounds)]
    apart = {os.path.realpath(path) for path in told_apart}
    files = [path for path in sorted(opened) if os.path.realpath(path) not in apart]  # links may lead in a circle
    return Sketch(
        frames=renderer.frame,
        plays=renderer.plays(),
        reads={f"{role}:{name}": digest for role, one in bundles.items() for name, digest in one.reads.items()},
        files={str(path): path_digest(path) for path in files},
        performance=performance,
        seconds=time.process_time() - began,
        printed=printed.getvalue(),
    )


class _Printed(io.StringIO):
    """What a scene prints, the first of it where that is much."""

    def write(self, text: str) -> int:
        super().write(text[: max(0, _MOST_PRINTED - self.tell())])
        return len(text)


def _weight(mobjects: list[Any]) -> float:
    """Seconds that it may take to draw these once."""
    curves = images = 0
    for mobject in mobjects:
        for member in mobject.get_family():
            if isinstance(member, VMobject):
                curves += len(member.points) // 4
            elif isinstance(member, AbstractImageMobject):
                images += 1
    return curves * _CURVE_S + images * _IMAGE_S


# -- which files a scene reads -------------------------------------------------------------------

_heard: set[Path] | None = None
_hearing = False
_elsewhere: tuple[str, ...] = ()
_own: tuple[str, ...] = ()
_OF_NAMES = ("os.listdir", "os.scandir")
_TELLS_OF_CODE = (warnings.__file__, traceback.__file__)  # these show a line of it to nobody who sees the film


@contextmanager
def _opened(own: Iterable[Path]) -> Iterator[set[Path]]:
    """The files outside of Python, its packages and the system that are opened for reading in the block.

    Those, too, that are not there, and folders whose names are read: what comes there later is another thing to show.
    Those below the folders `own` are among them, wherever these lie.
    """
    global _elsewhere, _heard, _hearing, _own
    if not _hearing:
        sys.addaudithook(_hear)  # for good: Python takes none back
        _hearing = True
    _elsewhere, _own = _known_folders(), _prefixes(own)
    found: set[Path] = set()
    _heard = found
    try:
        yield found
    finally:
        _heard = None


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _heard is None or event not in ("open", *_OF_NAMES):
        return
    path, mode, flags = arguments if event == "open" else (arguments[0] or ".", "r", 0)
    if not isinstance(path, str | bytes | os.PathLike) or (flags or 0) & (os.O_WRONLY | os.O_RDWR):
        return
    if isinstance(mode, str) and "r" not in mode:
        return
    name = os.path.normpath(Path.cwd() / os.fsdecode(path))
    if mode is None and not Path(name).is_file():  # by `os.open`, maybe in a folder that nobody tells of, to remove it
        return
    elsewhere = (*_elsewhere, *_prefixes([config.media_dir]))  # where manim keeps what it makes
    if _nearest(name, elsewhere) > _nearest(name, _own) or name.endswith(".pyc"):
        return
    if not ((name.endswith(".py") or event in _OF_NAMES) and _is_run()):  # what is imported is followed by its syntax
        _heard.add(Path(name))


def _is_run() -> bool:
    """Whether a file of Python that is being opened is to be run, and not to be shown."""
    frame: FrameType | None = sys._getframe(2)  # of who opens it
    if frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
        return True
    while frame is not None and frame.f_code.co_filename not in _TELLS_OF_CODE:
        frame = frame.f_back
    return frame is not None


def _nearest(name: str, folders: tuple[str, ...]) -> int:
    """How long the name of the innermost of `folders` is that a file lies in; -1 where it lies in none."""
    return max((len(folder) for folder in folders if f"{name}{os.sep}".startswith(folder)), default=-1)


def _known_folders() -> tuple[str, ...]:
    """Where files lie whose versions are known, or that no scene is made from."""
    ours = [folder for name in OURS if (folder := package_folder(name))]
    system = ["/usr", "/etc", "/proc", "/sys", "/dev", "/var/cache", "/System", "/Library"]
    home = Path.home().glob(".*")  # settings and caches
    python = [sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()]
    return _prefixes([*python, tempfile.gettempdir(), *ours, *system, *home])


def _own_folders(job: SegmentJob) -> list[Path]:
    """Where the files of whoever wrote a scene lie, even inside of a folder that is known: here, and beside it."""
    top = (job.module or "").partition(".")[0]
    if top in OURS:
        return [Path.cwd()]
    root = package_folder(top) if top else job.path.parent
    return [Path.cwd(), root] if root and (not top or (root / "__init__.py").is_file()) else [Path.cwd()]


def _prefixes(folders: Iterable[str | Path]) -> tuple[str, ...]:
    return tuple(os.path.normpath(Path.cwd() / folder).rstrip(os.sep) + os.sep for folder in folders)
