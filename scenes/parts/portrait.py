"""One image alone, large, with how probable its likeliest classes are."""

from collections.abc import Sequence

import numpy as np
from manim import DOWN, Group, VGroup
from numpy.typing import NDArray

from scenes import look
from scenes.parts.answer_bar import AnswerBar
from scenes.parts.feature_map import InputImage
from scenes.parts.fitting import fit


class Portrait(Group):
    """Image (C, H, W) of `probe` as large as it fits `room`, beside it, or below in a tall frame, a bar an answer.

    `answers` are names with probabilities and those in words, the first of them being the network's own. `name` stands
    above the image.
    """

    def __init__(
        self,
        image: NDArray[np.floating],
        probe: int,
        answers: Sequence[tuple[str, float, str]],
        room: look.Region,
        name: str = "",
    ) -> None:
        tall = look.shape() == "tall"
        left, right = room.rows(1.5, 1.0) if tall else room.columns(1.0, 1.0)
        called = name or ("" if tall else "input image")
        self.image = fit(lambda size: InputImage(image, size, called, probe), left, most=4.0)
        colours = [look.ACCENT] + [look.SECOND] * (len(answers) - 1)
        self.bars = VGroup(
            *(AnswerBar(*answer, right.width, colour) for answer, colour in zip(answers, colours, strict=True))
        )
        self.bars.arrange(DOWN, buff=(2 if tall else 3) * look.GAP).move_to(right.centre)
        super().__init__(self.image, self.bars)
