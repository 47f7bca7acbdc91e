"""How probable an answer is with all channels, and with one of them set to zero: as bars of one length."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from manim import DOWN, RIGHT, Animation, VGroup

from fmcore.analysis.saying import percent
from scenes import look
from scenes.parts.answer_bar import AnswerBar
from scenes.parts.text import label


@dataclass(frozen=True)
class Left:
    """What is left of the probability of `answer` without channel `name`: it was `before`; and what is answered then.

    Probabilities lie in 0..1. What is answered is "" where that is not known.
    """

    name: str
    before: float
    after: float
    then: str


class WithoutBar(AnswerBar):
    """The probability of an answer without a channel, called `name`, and below it what is answered `then`.

    Not in a tall frame: there is no room for that line, and above the bar it would pass for what is so probable.
    """

    def __init__(self, name: str, probability: float, then: str, width: float) -> None:
        own_line = _is_narrow(name, probability, width)
        super().__init__(name, probability, percent(probability), width, look.ACCENT, own_line)
        self.called = name
        if then and look.shape() != "tall":
            said = label(then, look.SMALL, look.TEXT, width=width)
            self.add(said.next_to(self, DOWN, buff=look.NEAR).align_to(self, RIGHT))

    def grows_from(self, probability: float) -> tuple[AnswerBar, list[Animation]]:
        """A bar in the same place for what was probable before, and what makes that this one.

        When that is done, the first is to be taken away and this one to be added.
        """
        width = self.frame.width
        own_line = _is_narrow(self.called, probability, width)
        before = AnswerBar(self.called, probability, percent(probability), width, look.ACCENT, own_line)
        before.shift(self.frame.get_center() - before.frame.get_center())
        return before, before.turns_into(self)


class WithoutBars(VGroup):
    """A bar for the probability of `answer` `with_all` channels (0..1), and one for what is `left` without each."""

    def __init__(self, answer: str, with_all: float, left: Sequence[Left], width: float) -> None:
        name = f"“{answer}”, all channels" if look.shape() == "wide" else f"“{answer}”"
        own_line = _is_narrow(name, with_all, width)
        super().__init__(AnswerBar(name, with_all, percent(with_all), width, look.SECOND, own_line))
        for one in left:
            self.add(WithoutBar(f"without {one.name}", one.after, one.then, width))
        self.arrange(DOWN, buff=2 * look.GAP)


def _is_narrow(name: str, probability: float, width: float) -> bool:
    """Whether a bar's name would be cut beside its figure, which has a line of its own then."""
    return label(name, look.SMALLEST).width + 2 * look.NEAR + label(percent(probability), look.LABEL).width > width


def without_it(left: Left) -> Callable[[float], WithoutBar]:
    """What makes the bar, of a width, of the probability that is `left` without the channel that it stands by."""
    return partial(WithoutBar, "without it", left.after, left.then)


def ablation_rooms(room: look.Region) -> tuple[look.Region, look.Region, look.Region]:
    """Regions for the maps, for the bars, and for the scale, which stands below the `room` of the maps.

    In a wide frame all bars stand beside the maps. In others each map has its own, so the bars' region holds that of
    all channels alone.
    """
    body = look.body()
    foot = look.Region(body.left, body.right, body.bottom, room.bottom - look.GAP)
    if look.shape() == "tall":
        (bars, maps), scale = room.rows(0.6, 3.2), foot
    elif look.shape() == "square":
        maps, (scale, bars) = room, foot.columns(1, 1)
    else:
        maps, bars = room.columns(1.0, 0.8)
        scale = look.Region(maps.left, maps.right, foot.bottom, foot.top)
    return maps, bars, scale
