"""What a scene looks like between two plays, as a digest: equal digests paint equal frames.

Two processes that play the same scene agree here at every play, unless the scene reads a clock, random numbers that
nobody seeded, or other things of its machine.
"""

import hashlib
import random
from typing import Any

import numpy as np
from manim import ImageMobjectFromCamera, Mobject, Scene

# What a mobject is painted from, besides its points.
_PAINTED = (
    "fill_rgbas",
    "stroke_rgbas",
    "background_stroke_rgbas",
    "stroke_width",
    "background_stroke_width",
    "cap_style",
    "joint_type",
    "sheen_factor",
    "sheen_direction",
    "shade_in_3d",
    "z_index",
    "rgbas",
    "pixel_array",
    "resampling_algorithm",
    "number",
)


def state_digest(scene: Scene) -> str:
    """A digest of everything that is on the scene, of its camera, and of the shared random generators."""
    digest = hashlib.blake2b(digest_size=12)
    for mobject in _everything(scene):
        for member in mobject.get_family():
            digest.update(type(member).__name__.encode())
            _add(digest, member.points)
            painted = vars(member)
            for name in _PAINTED:
                if name in painted and not isinstance(member, ImageMobjectFromCamera):  # that shows what was drawn
                    _add(digest, painted[name])
    digest.update(repr(random.getstate()).encode())
    for part in np.random.get_state():
        _add(digest, part)
    return digest.hexdigest()


def _everything(scene: Scene) -> list[Mobject]:
    """The mobjects on the scene, and those that a moving or turning camera is made of."""
    camera = scene.renderer.camera
    trackers = camera.get_value_trackers() if hasattr(camera, "get_value_trackers") else []
    frame = [camera.frame] if isinstance(getattr(camera, "frame", None), Mobject) else []
    return [*scene.mobjects, *scene.foreground_mobjects, *frame, *trackers]


def _add(digest: Any, value: object) -> None:
    if isinstance(value, np.ndarray):
        digest.update(str(value.shape).encode())
        digest.update(np.ascontiguousarray(value))
    else:
        digest.update(repr(value).encode())
