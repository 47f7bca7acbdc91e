"""How often a network is right, beside what one answer to every image would get: an honest word about a weak one."""

from collections.abc import Callable, Mapping
from typing import Any

from manim import DOWN, VGroup

from fmcore.analysis.answers import score
from fmcore.analysis.saying import counted, percent
from fmcore.bundle import Bundle
from scenes import look
from scenes.parts.answer_bar import AnswerBar


def weak_facts(bundle: Bundle, claim: Callable[..., object], first: bool = False) -> Mapping[str, object]:
    """What to say of a network that is `weak`, as facts; `weak` is empty where it is not, or where nobody knows.

    `claim` measures, as a scene's own does. `first` is for the scene that tells it before all others, which may remind
    of it later: so that nobody hears the same words twice.
    """
    found = score(bundle)
    if found is None or not found.is_weak:
        return {"weak": ""}
    images, name = counted(found.images, "test image"), bundle.class_name(found.commonest)
    right = claim("share of right answers", "test_predicted", words=percent)
    blind = claim("share of the commonest", "test_label", words=percent)
    facts: dict[str, object] = {"right": right, "blind": blind, "tests": images, "commonest": name}
    if found.only is not None:
        start, end = (
            ("This network has but one answer: ", " Such a network is weak.")
            if first
            else ("This network is weak: ", "")
        )
        said = f"{start}it answers “{bundle.class_name(found.only)}” to each of {images}"
        return facts | {
            "weak": claim(
                "share of the commonest",
                "test_predicted",
                words=f"{said}, so its answers tell nothing apart.{end}",
                at_least=1.0,
            )
        }
    return facts | {
        "weak": claim(
            "share of right answers",
            "test_predicted",
            words=lambda share: (
                f"{f'Of {images} this network gets' if first else f'This network is weak: of {images} it gets'}"
                f" {percent(share)} right."
                f" Saying “{name}” every time would get {blind}.{' So it is weak.' * first}"
            ),
            at_most=found.least,
        )
    }


class ScoreBars(VGroup):
    """The share of right answers above that of naming the commonest class every time; `told` are the weak facts."""

    def __init__(self, told: Mapping[str, Any], width: float) -> None:
        right, blind = told["right"], told["blind"]  # claims
        super().__init__(
            AnswerBar("right answers", right.value, right.words, width, look.ACCENT),
            AnswerBar(f"always “{told['commonest']}”", blind.value, blind.words, width, look.SECOND),
        )
        self.arrange(DOWN, buff=(2 if look.shape() == "tall" else 3) * look.GAP)
