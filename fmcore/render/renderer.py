"""manim's renderer and file writer, cut down to one way: a frame is drawn, encoded and drawn over."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from manim import Camera, Scene
from manim.renderer.cairo_renderer import CairoRenderer
from manim.scene.scene_file_writer import SceneFileWriter
from numpy.typing import NDArray

from fmcore.render.run import OnFrames


class Encoder(Protocol):
    """What takes the frames of a scene; `finished` once `finish` has been called."""

    frames: int
    finished: bool

    def write(self, pixels: NDArray[np.uint8], repeat: int = 1) -> None: ...

    def finish(self) -> None: ...

    def abort(self) -> None: ...


class SegmentRenderer(CairoRenderer):  # type: ignore[misc, unused-ignore]
    """manim's renderer, which hands each frame to the encoder without copying it."""

    def __init__(self, writer: Callable[[Any], SceneFileWriter], camera: type[Camera], on_frames: OnFrames) -> None:
        super().__init__(file_writer_class=writer, camera_class=camera)
        self._on_frames = on_frames

    def init_scene(self, scene: Scene, *args: Any) -> None:
        super().init_scene(scene, *args)
        self._scene = scene

    def render(self, scene: Scene, time: float, moving_mobjects: Any = None) -> None:
        self.update_frame(scene, moving_mobjects)
        self.add_frame(self.camera.pixel_array)  # encoded before the next frame is drawn into it

    def add_frame(self, frame: NDArray[np.uint8], num_frames: int = 1) -> None:
        super().add_frame(frame, num_frames)
        timeline = getattr(self._scene, "timeline", None)
        self._on_frames(self.file_writer.encoder.frames, timeline[-1].end if timeline else None)


class SegmentWriter(SceneFileWriter):  # type: ignore[misc, unused-ignore]
    """manim's file writer with every way to a file but one taken out: one encoder for the whole scene."""

    def __init__(self, settings: Any, encoder: Encoder) -> None:
        super().__init__(settings)
        self.encoder = encoder

    def begin_animation(self, allow_write: bool = False, **_: Any) -> None:
        pass

    def end_animation(self, allow_write: bool = False) -> None:
        pass

    def write_frame(self, pixels: NDArray[np.uint8], *, repeat: int = 1) -> None:
        self.encoder.write(pixels, repeat)

    def finish(self) -> None:
        self.encoder.finish()

    def save_image(self, pixels: NDArray[np.uint8]) -> None:
        pass

    def abort_encode_jobs(self, reraise_encoder_failures: bool = False) -> None:
        pass  # whoever plays the scene knows whether it failed or was only long enough
