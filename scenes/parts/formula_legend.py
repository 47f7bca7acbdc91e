"""What the letters of the formula of a feature map stand for."""

from collections.abc import Sequence

from manim import DOWN, LEFT, RIGHT, ManimColor, VGroup

from scenes import look
from scenes.parts.text import label

_WORDS = {
    "input": "x  the input",
    "weights": "W  weights of filter k",
    "slides": "∗  slide, multiply, add",
    "bias": "b  its bias",
    "norm": "N  normalised",
}
_SHORT = {
    "input": "x  input",
    "weights": "W  weights of k",
    "slides": "∗  multiply, add",
    "bias": "b  bias",
    "norm": "N  norm",
}
_BETWEEN = 0.2  # texts of one line
_NARROW = (("input", "bias"), ("weights",), ("slides",), ("norm", "phi"))  # more lines have no room there


class FormulaLegend(VGroup):
    """A line for each of the parts `names` of an `Equation`, in its colours; in narrow frames two may share one.

    `rows` are the names of the parts that each line tells of. `phi` is what the nonlinearity is called.
    """

    def __init__(self, names: Sequence[str], phi: str, width: float) -> None:
        words = {**(_SHORT if look.shape() == "tall" else _WORDS), "phi": f"φ  {phi}"}
        colours = {"input": look.SECOND, "weights": look.ACCENT}
        table = [(name,) for name in words] if look.shape() == "wide" else _NARROW
        shown = (tuple(name for name in row if name in names) for row in table)
        self.rows = [row for row in shown if row]
        super().__init__(*(_line([(words[name], colours.get(name)) for name in row], width) for row in self.rows))
        self.arrange(DOWN, buff=look.LEADING, aligned_edge=LEFT)


def _line(parts: Sequence[tuple[str, ManimColor | None]], width: float) -> VGroup:
    """Texts in their colours, beside each other; where they are too wide, each gives up the same share."""
    texts = [label(text, look.SMALL, colour) for text, colour in parts]
    share = (width - _BETWEEN * (len(texts) - 1)) / sum(text.width for text in texts)
    if share < 1:
        texts = [
            label(said, look.SMALL, colour, width=share * text.width)
            for (said, colour), text in zip(parts, texts, strict=True)
        ]
    return VGroup(*texts).arrange(RIGHT, buff=_BETWEEN)
