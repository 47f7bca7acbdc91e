"""How probable an answer is with all channels, and with one of them set to zero."""

from collections.abc import Mapping

from manim import DOWN, VGroup

from scenes import look
from scenes.parts.answer_bar import AnswerBar
from scenes.parts.text import percent


class WithoutBars(VGroup):
    """A bar for the probability (0..1) `with_all` channels, and one for that `without` each of those named."""

    def __init__(self, with_all: float, without: Mapping[str, float], width: float) -> None:
        super().__init__(AnswerBar("with all channels", with_all, percent(with_all), width, look.SECOND))
        for name, left in without.items():
            self.add(AnswerBar(f"without {name}", left, percent(left), width, look.ACCENT))
        self.arrange(DOWN, buff=2 * look.GAP)
