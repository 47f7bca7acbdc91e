"""Play a scene for a stretch of its frames only: what lies before is skipped, what lies behind is never played.

Skipping must leave the scene as drawing would have. A play of pure animations, without updaters, goes straight to its
end; any other is stepped through frame by frame, undrawn.
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from manim import (
    Add,
    Animation,
    AnimationGroup,
    DrawBorderThenFill,
    LaggedStart,
    Rotating,
    Scene,
    Transform,
    Wait,
)
from manim.animation.creation import ShowPartial
from numpy.typing import NDArray

from fmcore.render.patience import Patience
from fmcore.render.renderer import SegmentRenderer

# What these do at a moment depends on that moment alone: their classes set everything anew from copies made at the
# start. Subclasses outside manim count only where they say `pure = True`.
_PURE = (Add, DrawBorderThenFill, Rotating, ShowPartial, Transform, Wait)
_PURE_GROUPS = (AnimationGroup, LaggedStart)


@dataclass(frozen=True)
class Window:
    """The frames [start, end) of a scene that are drawn. Both lie between plays."""

    start: int = 0
    end: int = sys.maxsize


NOTHING = Window(start=sys.maxsize)  # every play is gone through, none is drawn


class WindowClosed(BaseException):
    """The last frame that was wanted is drawn. No error, so that a scene's `except Exception` does not hold it."""


class NoEncoder:
    """Takes the place of an encoder where nothing is drawn."""

    frames, finished = 0, False

    def write(self, pixels: NDArray[np.uint8], repeat: int = 1) -> None: ...

    def finish(self) -> None:
        self.finished = True

    def abort(self) -> None: ...


class WindowRenderer(SegmentRenderer):
    """Draws and encodes the plays of `window`; `frame` counts the frames of the scene that have passed."""

    window = Window()
    frame = 0
    patience: Patience | None = None
    _drawing = True

    def play(self, scene: Scene, *args: Any, **kwargs: Any) -> None:
        self.skip_animations = self._original_skipping_status
        self.update_skipping_status()
        self.before_play(scene)
        if self.frame >= self.window.end:
            raise WindowClosed
        self._drawing = self.frame >= self.window.start
        scene.compile_animation_data(*args, **kwargs)
        if self.skip_animations:
            self.time += scene.duration
        scene.begin_animations()
        self.after_begin(scene)
        self.static_image = None
        if self._drawing and not self.skip_animations:
            self.save_static_frame_data(scene, scene.static_mobjects)
        if scene.is_current_animation_frozen_frame():
            if self._drawing and not self.skip_animations:
                self.update_frame(scene, mobjects=scene.moving_mobjects)
            self.freeze_current_frame(scene.duration)
        elif self._drawing or self.skip_animations or not is_pure(scene):
            scene.play_internal()
        else:
            self._leap(scene)
        self.num_plays += 1

    def before_play(self, scene: Scene) -> None:
        """Called between plays, before the next is begun."""

    def after_begin(self, scene: Scene) -> None:
        """Called when what moves and what stands is known, before the first frame of a play."""

    def render(self, scene: Scene, time: float, moving_mobjects: Any = None) -> None:
        if self._drawing and not self.skip_animations:
            super().render(scene, time, moving_mobjects)
        else:
            self.add_frame(self.camera.pixel_array)

    def freeze_current_frame(self, duration: float) -> None:
        self.add_frame(self.camera.pixel_array, num_frames=int(duration / (1 / self.camera.frame_rate)))

    def add_frame(self, frame: NDArray[np.uint8], num_frames: int = 1) -> None:
        if self.skip_animations:
            return
        self.frame += num_frames
        if self.patience is not None:
            self.patience.renew(self.frame / self.camera.frame_rate)
        if self._drawing:
            super().add_frame(frame, num_frames)
        else:
            self.time += num_frames * (1 / self.camera.frame_rate)  # in the same steps, so that no rounding differs

    def _leap(self, scene: Scene) -> None:
        """To the end of a pure play, as `Scene.play_internal` ends it."""
        frames = len(np.arange(0, scene.duration, 1 / self.camera.frame_rate))
        for _ in range(frames):
            self.add_frame(self.camera.pixel_array)
        for animation in scene.animations:
            animation.finish()
            animation.clean_up_from_scene(scene)
        scene.update_mobjects(0)


def is_pure(scene: Scene) -> bool:
    """Whether the end of the play that has begun is the same without the frames before it."""
    if scene.updaters or scene.stop_condition is not None:
        return False
    if type(scene).update_to_time is not Scene.update_to_time or type(scene).play_internal is not Scene.play_internal:
        return False
    if any(mobject.updaters for mobject in scene.get_mobject_family_members()):
        return False
    return all(_is_pure(animation) for animation in scene.animations)


def _is_pure(animation: Animation) -> bool:
    kind = type(animation)
    if not getattr(animation.rate_func, "__module__", "").startswith("manim."):
        return False  # it may count its calls
    if isinstance(animation, AnimationGroup):
        return kind in _PURE_GROUPS and all(_is_pure(one) for one in animation.animations)
    own = vars(kind).get("pure", False)
    if not own and not (isinstance(animation, _PURE) and kind.__module__.startswith("manim.")):
        return False
    return not any(mobject is not None and mobject.get_family_updaters() for mobject in animation.get_all_mobjects())
