"""How probable an answer is with all channels, and with one of them set to zero: as bars of one length."""

from collections.abc import Callable, Mapping
from functools import partial

from manim import DOWN, VGroup

from fmcore.analysis.saying import percent
from scenes import look
from scenes.parts.answer_bar import AnswerBar


class WithoutBars(VGroup):
    """A bar for the probability (0..1) `with_all` channels, and one for that `without` each of those named."""

    def __init__(self, with_all: float, without: Mapping[str, float], width: float) -> None:
        name = "all channels" if look.shape() == "tall" else "with all channels"
        super().__init__(AnswerBar(name, with_all, percent(with_all), width, look.SECOND))
        for name, left in without.items():
            self.add(AnswerBar(f"without {name}", left, percent(left), width, look.ACCENT))
        self.arrange(DOWN, buff=2 * look.GAP)


def without_it(left: float) -> Callable[[float], AnswerBar]:
    """What makes the bar, of a width, of the probability that is `left` without the channel that it stands by."""
    return partial(AnswerBar, "without it", left, percent(left), color=look.ACCENT)


def ablation_rooms(room: look.Region) -> tuple[look.Region, look.Region, look.Region]:
    """Regions for the maps, for the bars, and for the scale, which stands below the `room` of the maps.

    In a wide frame all bars stand beside the maps. In others each map has its own, so the bars' region holds that of
    all channels alone.
    """
    body = look.body()
    foot = look.Region(body.left, body.right, body.bottom, room.bottom - look.GAP)
    if look.shape() == "tall":
        bars, maps, scale = body.rows(0.6, 3.2, 0.55)
    elif look.shape() == "square":
        maps, (scale, bars) = room, foot.columns(1, 1)
    else:
        maps, bars = room.columns(1.0, 0.8)
        scale = look.Region(maps.left, maps.right, foot.bottom, foot.top)
    return maps, bars, scale
