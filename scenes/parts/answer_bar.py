"""An answer of a network and how sure it is: who says what, above a bar as long as the probability."""

from manim import DOWN, LEFT, RIGHT, UP, Animation, FadeIn, FadeOut, ManimColor, Rectangle, Transform, VGroup

from scenes import look
from scenes.parts.motion import coming, leaving
from scenes.parts.text import label

_HEIGHT = 0.22


class AnswerBar(VGroup):
    """`answer` above a bar `width` wide, filled in `color` up to `probability` (0..1), which `told` says in words.

    The words stand beside the answer, or below the bar where it is to have a line of its own.
    """

    def __init__(
        self, answer: str, probability: float, told: str, width: float, color: ManimColor, own_line: bool = False
    ) -> None:
        self.frame = frame = Rectangle(width=width, height=_HEIGHT, stroke_width=look.STROKE, color=look.LINE)
        self.bar = Rectangle(width=max(probability * width, 0.01), height=_HEIGHT, stroke_width=0)
        self.bar.set_fill(color, opacity=1).align_to(frame, LEFT)
        self.percentage = label(told, look.LABEL, color)
        room = width if own_line else width - self.percentage.width - 2 * look.NEAR
        self.answer = label(answer, look.LABEL, look.TEXT, width=room)
        self.answer.next_to(frame, UP, buff=look.NEAR).align_to(frame, LEFT)
        if own_line:
            self.percentage.next_to(frame, DOWN, buff=look.NEAR).align_to(frame, LEFT)
        else:
            self.percentage.next_to(frame, UP, buff=look.NEAR).align_to(frame, RIGHT).align_to(self.answer, DOWN)
        super().__init__(self.bar, frame, self.answer, self.percentage)

    def turns_into(self, other: "AnswerBar") -> list[Animation]:
        """The bar grows or shrinks to that of `other`, whose frame and answer are the same, and the words change.

        When that is done, this one is to be taken away and `other` to be added.
        """
        gone = FadeOut(*self.submobjects[3:], rate_func=leaving)
        return [Transform(self.bar, other.bar.copy()), gone, FadeIn(*other.submobjects[3:], rate_func=coming)]
