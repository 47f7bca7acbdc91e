"""The three questions that a lesson asks of a feature map, and what it answers."""

from manim import DOWN, LEFT, VGroup

from scenes import look
from scenes.parts.text import label, paragraph

_ASKED = ("How is it made?", "What does it show?", "Is it the reason?")
_ANSWERED = (
    "By one filter, at every place in the same way.",
    "How strongly that filter responds, and where.",
    "Take it away and look.",
)


class Questions(VGroup):
    """The questions below each other in the middle of `room`, each a group of itself and, if `answered`, its answer."""

    def __init__(self, room: look.Region, answered: bool = False) -> None:
        wide = look.shape() == "wide"
        super().__init__()
        for place, (question, answer) in enumerate(zip(_ASKED, _ANSWERED, strict=True), start=1):
            group = VGroup(label(f"{place}. {question}", look.STATEMENT, look.ACCENT, width=room.width))
            if answered:
                group.add(paragraph(answer, look.STATEMENT, width=room.width, most=1 if wide else 3))
            self.add(group.arrange(DOWN, buff=look.NEAR, aligned_edge=LEFT))
        space = 1.5 * look.GAP if answered else 3 * look.GAP if wide else look.GAP
        self.arrange(DOWN, buff=space, aligned_edge=LEFT).move_to(room.centre)
