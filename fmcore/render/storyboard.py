"""Play a scene without filming it: beats, figures, claims and what stands in the frame, in well under a second.

Every frame is stepped through as in a film, so that times agree. The last frame of every beat is drawn where stills
are wanted; a film can be written on the way.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmcore.errors import RenderError
from fmcore.lesson.storyboard import Storyboard, StoryFrame
from fmcore.render.encoder import SegmentEncoder
from fmcore.render.run import OnFrames
from fmcore.render.spec import FRAME_HEIGHT
from fmcore.render.stepping import NOTHING, NoEncoder, WindowRenderer
from fmcore.render.worker import SegmentJob, play


@dataclass(frozen=True)
class Played:
    """A scene that was played: its storyboard, and the stills (H, W, 3) of its beats by cue."""

    board: Storyboard
    scene: Any
    stills: dict[str, NDArray[np.uint8]]


class _Undrawn(WindowRenderer):
    """A renderer that draws nothing."""

    window = NOTHING


class _Stills(WindowRenderer):
    """Draws the scene as it stands whenever a beat ends."""

    def init_scene(self, scene: Any, *args: Any) -> None:
        super().init_scene(scene, *args)
        self.stills: dict[str, NDArray[np.uint8]] = {}
        scene.on_beat = self._draw

    def _draw(self, cue: str) -> None:
        self.camera.reset()
        self.camera.capture_mobjects(self._scene.mobjects)
        self.stills[cue] = self.camera.pixel_array[..., :3].copy()


class _UndrawnStills(_Stills):
    window = NOTHING


def storyboard(
    job: SegmentJob, stills: bool = False, film: bool = False, on_frames: OnFrames = lambda done, total: None
) -> Played:
    """Play `job.scene`; write `job.target` only where `film` is wanted, whose stills come with it.

    Raises:
        RenderError: it is no LessonScene, or it fails.
    """
    if film:
        scene = play(job, SegmentEncoder(job.target, job.spec), _Stills, on_frames)
    else:
        scene = play(job, NoEncoder(), _UndrawnStills if stills else _Undrawn, on_frames)
    story: list[StoryFrame] | None = getattr(scene, "story", None)
    if story is None:
        raise RenderError(f"{job.scene} has no beats, so there is no storyboard of it; derive it from LessonScene.")
    board = Storyboard(
        scene=job.scene,
        fps=job.spec.fps,
        aspect=job.spec.aspect,
        theme=job.spec.theme.name,
        caption_top=0.5 - scene.caption_top / FRAME_HEIGHT,
        frames=tuple(story),
        performance=scene.performance(),
    )
    return Played(board, scene, getattr(scene.renderer, "stills", {}))
