"""What is said of the results of two calculations: their scale, and where there is room, what φ changed in them."""

from manim import Group, Mobject

from fmcore.analysis.collapse import Collapse
from scenes import look
from scenes.parts.colour_bar import ColourBar
from scenes.parts.feature_map import FeatureMap
from scenes.parts.filter_calculation import results_scale
from scenes.parts.fitting import fit
from scenes.parts.layer_name import layer_name
from scenes.parts.picture import Drawn
from scenes.parts.text import paragraph


class AboutResults(Group):
    """The `key` to the results of `found`, and in a wide frame `change`, the map with φ, less that of two filters.

    In others the key is a line. It says `which` channel it is, too. Pictures are at most `size` high.
    """

    def __init__(self, found: Collapse, size: float, which: str, room: look.Region) -> None:
        results = results_scale(found)
        self.key: Mobject
        self.change: FeatureMap | None = None
        name = layer_name(found.layer, 24)
        if look.shape() == "wide":
            upper, lower, last = room.rows(1.0, 1.2, 0.28, gap=0.15)
            note = paragraph(f"{name}, {which}", look.SMALL, look.MUTED, width=room.width, most=2).move_to(last.centre)
            self.key = Group(fit(lambda height: ColourBar(results, height, "results"), upper, size), note)
            self.change = fit(
                lambda height: FeatureMap(
                    found.between - found.two, results, height, "difference", Drawn("a difference")
                ),
                lower,
                size,
            )
            super().__init__(self.key, self.change)
        else:
            words = f"{name}, {which}; results on one scale"
            self.key = paragraph(words, look.SMALL, look.MUTED, width=room.width, most=2).move_to(room.centre)
            super().__init__(self.key)
