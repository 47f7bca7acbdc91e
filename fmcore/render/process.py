"""The process that a scene is played in: one after another, none of which shall notice those before it.

manim keeps its configuration, the defaults of its classes and the shared random generators in the process.
"""

import ctypes
import gc
import random
import sys
import threading
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from manim import Animation, ChangeSpeed, Mobject, config, logger
from manim._config.utils import ManimConfig, config_file_paths
from tqdm import tqdm

from fmcore.render.spec import FRAME_HEIGHT, RenderSpec

_PATHS = ("assets_dir", "tex_template_file")  # where a scene finds its files, which are found out when it opens them
_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def configure(spec: RenderSpec, media: Path) -> None:
    """Start from manim's own settings: a `manim.cfg`, here or in the home folder, changes paths and no picture."""
    # only what differs: setting the renderer, to what it is already, looks through all classes of manim
    config.update({name: value for name, value in _untouched().items() if config[name] != value})
    logger.setLevel("ERROR")  # after `config`, whose verbosity sets it, too
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
    np.random.seed(0)  # modules that draw numbers while they are imported; scenes are seeded by manim
    ChangeSpeed.is_changing_dt = False  # left so by a scene that ended in the middle of one
    tqdm.set_lock(threading.RLock())  # its own is a semaphore that a worker killed by Ctrl-C would leave behind


@cache
def _untouched() -> ManimConfig:
    """The settings of a fresh process, all but paths as manim itself has them."""
    packaged = config_file_paths()[0]
    parser = ConfigParser()
    parser.read(packaged, encoding="utf-8")
    found = ManimConfig().digest_parser(parser)
    found.update({name: config[name] for name in _PATHS})
    return found


@contextmanager
def own_defaults() -> Iterator[None]:
    """Forget in the end what `set_default` of any class was told in the block."""
    before = {kind: vars(kind)["__init__"] for kind in _kinds() if "__init__" in vars(kind)}
    try:
        yield
    finally:
        for kind in _kinds():
            now = vars(kind).get("__init__")
            if kind in before:
                if now is not before[kind]:
                    kind.__init__ = before[kind]
            elif now is not None and now is not kind._original__init__:
                kind.__init__ = kind._original__init__


def give_back_memory() -> None:
    """Let go of the scene before, whose mobjects refer to each other in circles, and of what the allocator keeps.

    Over a lesson both add up to hundreds of megabytes. Only glibc knows how to give memory back to the system.
    """
    gc.collect()
    if _TRIM is not None:
        _TRIM(0)


def _kinds() -> Iterator[Any]:
    """Every class of mobjects and of animations that there is."""
    waiting: list[Any] = [Mobject, Animation]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting.extend(kind.__subclasses__())
