"""Images beside each other, each with its name and how far a channel answers to it."""

from collections.abc import Sequence

from manim import DOWN, RIGHT, UP, Group

from fmcore.bundle import Bundle
from scenes import look
from scenes.parts.feature_map import InputImage
from scenes.parts.text import label

_APART = {"wide": 0.5, "square": 0.3, "tall": 0.2}


class LitImages(Group):
    """`probes` of `bundle`, `size` high each, with what is `told` of each below it, all on one level, in `width`."""

    def __init__(self, bundle: Bundle, probes: Sequence[int], told: Sequence[str], size: float, width: float) -> None:
        super().__init__()
        apart = _APART[look.shape()]
        each = (width + apart) / len(probes) - apart
        for probe, text in zip(probes, told, strict=True):
            truth = bundle.truth(probe)
            image = InputImage(bundle.part("probes", probe), size, "", probe)
            note = label(text, look.SMALL, look.ACCENT, width=each).next_to(image.shape_label, DOWN, buff=look.LEADING)
            name = label(f"“{truth}”" if truth else "", look.SMALL, width=each).next_to(
                image.border, UP, buff=look.NEAR
            )
            self.add(Group(image, note, name))
        self.arrange(RIGHT, buff=apart)
        for shown in self:
            shown.shift((self[0][0].picture.get_y() - shown[0].picture.get_y()) * UP)

    @property
    def pictures(self) -> list:
        return [shown[0].picture for shown in self]
