"""manim's renderer and file writer, cut down to one way: a frame is drawn, encoded and drawn over."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from manim import Mobject, Scene
from manim.renderer.cairo_renderer import CairoRenderer
from manim.scene.scene_file_writer import SceneFileWriter
from manim.utils.iterables import list_update
from numpy.typing import NDArray

from fmcore.lesson.brief import Sound
from fmcore.render.camera import CairoImages
from fmcore.render.encoder import SegmentEncoder
from fmcore.render.frames import Boxes
from fmcore.render.run import OnFrames
from fmcore.render.sound import sound_in

_NOTHING: Boxes = np.zeros((0, 4), int)
_MANY = 100  # boxes that cost more to look into than the whole frame


class Encoder(Protocol):
    """What takes the frames of a scene; `finished` once `finish` has been called."""

    frames: int
    finished: bool

    def write(self, pixels: NDArray[np.uint8], repeat: int = 1) -> None: ...

    def finish(self) -> None: ...

    def abort(self) -> None: ...


class SegmentRenderer(CairoRenderer):  # type: ignore[misc, unused-ignore]
    """manim's renderer, which hands each frame to the encoder without copying it."""

    def __init__(
        self, writer: Callable[[Any], SceneFileWriter], camera: type[CairoImages], on_frames: OnFrames
    ) -> None:
        super().__init__(file_writer_class=writer, camera_class=camera)
        self._on_frames = on_frames
        self._areas: Boxes | None = None  # where the frame may differ from the last one that was encoded

    def init_scene(self, scene: Scene, *args: Any) -> None:
        super().init_scene(scene, *args)
        self._scene = scene

    def update_frame(
        self,
        scene: Scene,
        mobjects: Iterable[Mobject] | None = None,
        include_submobjects: bool = True,
        ignore_skipping: bool = True,
        **settings: Any,
    ) -> None:
        if self.skip_animations and not ignore_skipping:
            return
        background = self.camera.background if self.static_image is None else self.static_image
        shown = mobjects or list_update(scene.mobjects, scene.foreground_mobjects)
        areas = self.camera.repaint(background, shown, include_submobjects=include_submobjects, **settings)
        known = areas is not None and self._areas is not None and len(self._areas) < _MANY
        self._areas = np.concatenate([self._areas, areas]) if known else None

    def render(self, scene: Scene, time: float, moving_mobjects: Any = None) -> None:
        self.update_frame(scene, moving_mobjects)
        self.add_frame(self.camera.pixel_array)  # encoded before the next frame is drawn into it

    def add_frame(self, frame: NDArray[np.uint8], num_frames: int = 1) -> None:
        if not self.skip_animations:
            own = frame is self.camera.pixel_array
            self.file_writer.areas = self._areas if own and self.camera.repainted else None
            self._areas = _NOTHING if own else None
        super().add_frame(frame, num_frames)
        timeline = getattr(self._scene, "timeline", None)
        self._on_frames(self.file_writer.encoder.frames, timeline[-1].end if timeline else None)


class SegmentWriter(SceneFileWriter):  # type: ignore[misc, unused-ignore]
    """manim's file writer with every way to a file but one taken out: one encoder for the whole scene."""

    def __init__(self, settings: Any, encoder: Encoder) -> None:
        super().__init__(settings)
        self.encoder = encoder
        self.areas: Boxes | None = None  # outside of which the next frame is like the last; None: nobody knows
        self.sounds: list[Sound] = []

    def add_sound(
        self,
        sound_file: str | Path,
        time: float | None = None,
        gain: float | None = None,
        gain_to_background: float | None = None,
    ) -> None:
        """Note that a file is heard from second `time` on; gains are in decibels. It is mixed when films are joined.

        Raises:
            ValueError: there is no such file, there is no sound in it, or it would begin before the scene.
        """
        sound = sound_in(sound_file, self.settings.assets_dir, time or 0.0)
        gains = {"gain_db": gain or 0.0, "background_db": gain_to_background or 0.0}
        self.sounds.append(sound.model_copy(update=gains))

    def add_audio_segment(self, *_: Any, **__: Any) -> None:
        raise ValueError("sounds are taken from files here; write it to one and call self.add_sound")

    def begin_animation(self, allow_write: bool = False, **_: Any) -> None:
        pass

    def end_animation(self, allow_write: bool = False) -> None:
        pass

    def write_frame(self, pixels: NDArray[np.uint8], *, repeat: int = 1) -> None:
        if isinstance(self.encoder, SegmentEncoder):
            self.encoder.write(pixels, repeat, self.areas)
        else:
            self.encoder.write(pixels, repeat)

    def finish(self) -> None:
        self.encoder.finish()

    def save_image(self, pixels: NDArray[np.uint8]) -> None:
        pass

    def abort_encode_jobs(self, reraise_encoder_failures: bool = False) -> None:
        pass  # whoever plays the scene knows whether it failed or was only long enough
