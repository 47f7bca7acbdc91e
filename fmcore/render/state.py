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
    parts: list[bytes] = []
    for mobject in _everything(scene):
        for member in mobject.get_family():
            painted = vars(member)
            arrays, plain = [member.points], [type(member).__name__]
            for name in _PAINTED:
                value = painted.get(name)
                if value is None or isinstance(member, ImageMobjectFromCamera):  # which shows what was drawn
                    continue
                if isinstance(value, np.ndarray):
                    arrays.append(value)
                else:
                    plain.append(f"{name}={value}")
            parts.append(";".join([*plain, *(f"{one.dtype.char}{one.shape}" for one in arrays)]).encode())
            parts.extend(one.tobytes() for one in arrays)
    shared: Any = np.random.get_state()
    parts += [repr((random.getstate(), shared[2:])).encode(), shared[1].tobytes()]
    return hashlib.blake2b(b"".join(parts), digest_size=12).hexdigest()


def _everything(scene: Scene) -> list[Mobject]:
    """The mobjects on the scene, and those that a moving or turning camera is made of."""
    camera = scene.renderer.camera
    trackers = camera.get_value_trackers() if hasattr(camera, "get_value_trackers") else []
    frame = [camera.frame] if isinstance(getattr(camera, "frame", None), Mobject) else []
    return [*scene.mobjects, *scene.foreground_mobjects, *frame, *trackers]
