"""An arrow between two things with words above it, where they fit."""

import numpy as np
from manim import UP, VGroup

from scenes import look
from scenes.parts.marks import arrow
from scenes.parts.text import label


class LabelledArrow(VGroup):
    """A level arrow from `start` to `end`; `words` stand above it where it is long enough."""

    def __init__(self, start: np.ndarray, end: np.ndarray, words: str) -> None:
        line = arrow(start, end)
        note = label(words, look.SMALL, look.MUTED).next_to(line, UP, buff=look.NEAR)
        super().__init__(line, *([note] if note.width < line.width else []))
