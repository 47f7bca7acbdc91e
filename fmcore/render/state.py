"""What a scene looks like between two plays, and what a play begins with, as digests: equal ones paint equal frames.

Two processes that play the same scene agree here at every play, unless the scene reads a clock, random numbers that
nobody seeded, or other things of its machine.
"""

import hashlib
import random
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from manim import Animation, AnimationGroup, ImageMobjectFromCamera, Mobject, Scene

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
    shared: Any = np.random.get_state()
    random_state = [repr((random.getstate(), shared[2:])).encode(), shared[1].tobytes()]
    return _digest([*_painted(_everything(scene)), *random_state])


def animations_digest(animations: Iterable[Animation] | None) -> str:
    """A digest of a play's animations as it begins: what may appear in them and be gone before the next play.

    Those of a succession have not begun all, so manim cannot be asked for their mobjects.
    """
    every = list(_flat(animations or ()))
    kinds = [f"{type(one).__name__} {one.run_time}".encode() for one in every]
    parts = (part for one in every for part in vars(one).values() if isinstance(part, Mobject))
    return _digest([*kinds, *_painted(parts)])


def _flat(animations: Iterable[Animation]) -> Iterator[Animation]:
    for one in animations:
        if isinstance(one, AnimationGroup):
            yield from _flat(one.animations)
        else:
            yield one


def _painted(mobjects: Iterable[Mobject]) -> Iterator[bytes]:
    """All that mobjects and their parts are painted from."""
    for mobject in mobjects:
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
            yield ";".join([*plain, *(f"{one.dtype.char}{one.shape}" for one in arrays)]).encode()
            yield from (one.tobytes() for one in arrays)


def _digest(parts: Iterable[bytes]) -> str:
    return hashlib.blake2b(b"".join(parts), digest_size=12).hexdigest()


def _everything(scene: Scene) -> list[Mobject]:
    """The mobjects on the scene, and those that a moving or turning camera is made of."""
    camera = scene.renderer.camera
    trackers = camera.get_value_trackers() if hasattr(camera, "get_value_trackers") else []
    frame = [camera.frame] if isinstance(getattr(camera, "frame", None), Mobject) else []
    return [*scene.mobjects, *scene.foreground_mobjects, *frame, *trackers]
