"""How many of all: a name and a count above a bar, with what counts and what follows from it."""

from manim import DOWN, LEFT, RIGHT, ManimColor, VGroup

from scenes import look
from scenes.parts.answer_bar import AnswerBar
from scenes.parts.text import paragraph


class Tally(VGroup):
    """`name` and `told` above a bar filled by `share` (0..1); `rule` says what was counted, `advice` what to do.

    They stand beside the bar in a wide frame, else below it; `width` is that of all.
    """

    def __init__(
        self, name: str, share: float, told: str, rule: str, advice: str, width: float, color: ManimColor
    ) -> None:
        beside = look.shape() == "wide"
        length = 0.48 * width if beside else width
        room = width - length - 4 * look.GAP if beside else width
        self.bar = AnswerBar(name, share, told, length, color)
        words = VGroup(
            paragraph(advice, look.STATEMENT if beside else look.LABEL, width=room, most=1),
            paragraph(rule, look.SMALL, look.MUTED, width=room, most=2),
        ).arrange(DOWN, buff=look.NEAR, aligned_edge=LEFT)
        if beside:
            words.next_to(self.bar, RIGHT, buff=4 * look.GAP)
        else:
            words.next_to(self.bar, DOWN, buff=1.5 * look.NEAR, aligned_edge=LEFT)
        super().__init__(self.bar, words)
