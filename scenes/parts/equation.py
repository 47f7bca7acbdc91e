"""The formula of a feature map, which grows with what is told of it."""

import re
from typing import Self

from manim import RIGHT, Line, ManimColor, MathTypst, VGroup, VMobject

from scenes import look
from scenes.parts.text import Label, baseline, capitals, in_language

_SIZE = 40.0  # manim's font size


class Equation(MathTypst):
    """feature map_k = φ(W_k * x + b_k), of which only what is made is seen, quietly, until its parts are lit.

    Its parts are `map`, `phi`, `weights`, `slides`, `input` and `bias`; one without a nonlinearity has no `phi`, one
    without a bias no `bias`. Where a normalisation N comes before φ, it has a `norm`.
    """

    def __init__(self, has_phi: bool = True, has_bias: bool = True, has_norm: bool = False) -> None:
        inner = "{{ W_k : weights }} {{ * : slides }} {{ x : input }}" + (" {{ + b_k : bias }}" if has_bias else "")
        inner = "{{ N : norm }} lr(( " + inner + " ))" if has_norm else inner
        outer = "{{ phi.alt : phi }} lr(( " + inner + " ))" if has_phi else inner
        name = re.sub(r'["\\{}]', "", in_language("feature map"))  # they mean something to Typst, or to manim
        super().__init__(f'{{{{ "{name}"_k : map }}}} = ' + outer, font_size=_SIZE, color=look.MUTED)
        parts = {"bias": has_bias, "norm": has_norm, "phi": has_phi}
        self.names = ("input", "weights", "slides", *(name for name, has in parts.items() if has), "map")
        self._around = self._signs()
        for name in self.names[:-1]:
            self.part(name).set_opacity(0)

    def fill(self, region: look.Region) -> Self:
        """Move into the middle of `region`, as wide as it allows, up to the size that belongs to the frame."""
        self.scale(min(region.width / self.width, _SIZE / self.font_size))
        self.move_to(region.centre)
        return self

    def part(self, name: str) -> VGroup:
        """What is written of part `name`: a function's letter with its brackets, the map's name with its "="."""
        return VGroup(*self.select(name), *(self[at] for at in self._around.get(name, ())))

    def lit(self, *names: str, color: ManimColor | None = None) -> Self:
        """Show these parts in a colour, `look.TEXT` unless another is given: `equation.animate.lit("input")`."""
        for name in names:
            if name in self.names:
                self.part(name).set_fill(color or look.TEXT, opacity=1)
        return self

    def beside(self, name: str, text: Label) -> VGroup:
        """A copy of part `name` to the right of a line of text, with its letters as high as capitals there."""
        copy = self.part(name).copy()
        copy.scale(capitals(text) / _letter(self.part("weights")).height)
        copy.next_to(text, RIGHT, buff=look.NEAR)
        return copy.shift([0, baseline(text) - _letter(copy).get_bottom()[1], 0])

    def line_below(self, name: str) -> Line:
        """A line below part `name`, for light to run along: beside a letter it would look like a bracket."""
        part = self.select(name)
        below = self.get_bottom()[1] - look.NEAR / 2
        return Line([part.get_left()[0], below, 0], [part.get_right()[0], below, 0])

    def _signs(self) -> dict[str, list[int]]:
        """Which submobjects belong to a part although its label does not hold them: "=" and brackets."""
        labelled = {id(letter) for name in self.names for letter in self.select(name)}
        equals, *brackets = [at for at, sign in enumerate(self) if id(sign) not in labelled]
        functions = [name for name in ("phi", "norm") if name in self.names]  # the outer one first
        return {"map": [equals]} | {name: [brackets[at], brackets[-1 - at]] for at, name in enumerate(functions)}


def _letter(part: VGroup) -> VMobject:
    """The letter of a part without its index, which hangs lower."""
    return max(part.family_members_with_points(), key=lambda member: float(member.height))
