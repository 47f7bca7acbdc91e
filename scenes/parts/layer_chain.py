"""A network as a chain of boxes, from the image through its layers to the answer, some of them marked as stops."""

from collections.abc import Sequence

import numpy as np
from manim import DOWN, LEFT, Arrow, Group, ManimColor, Rectangle, RoundedRectangle, VGroup

from fmcore.header import LayerInfo
from scenes import look
from scenes.parts.layer_name import layer_name
from scenes.parts.text import label

_ACROSS = {"wide": 10, "square": 5, "tall": 4}  # boxes side by side
_FEWEST = 3
_ROWS = {"wide": 2, "square": 3, "tall": 4}
_LONGEST = 14  # letters of a name
_HEIGHT, _MARGIN = 0.55, 0.15


class LayerChain(Group):
    """The `layers` in reading order, as many as there is room for in `width`, with dots in the place of the others.

    No arrow leads to one that is known to read something else than what stands before it, as in a branch.
    `stops` are the names of those that are always among them. `boxes` has a box for each name that is shown, `every`
    all of them, with `image` and `answer` at the ends.
    """

    def __init__(self, layers: Sequence[LayerInfo], stops: Sequence[str], width: float) -> None:
        kinds = {layer.name: layer.type for layer in layers}
        gap = 0.3 if look.shape() == "wide" else 0.12
        longest = max(label(layer_name(name, _LONGEST), look.SMALL).width for name in kinds)
        across = max(_FEWEST, min(_ACROSS[look.shape()], int((width + gap) / (longest + _MARGIN + gap))))
        rows = 1 if across == _ACROSS["wide"] else _ROWS[look.shape()]
        kept = _kept([layer.name for layer in layers], stops, across * rows - 2)
        side = (width - (across - 1) * gap) / across
        self.boxes: dict[str, VGroup] = {}
        colours = {"convolution": look.SECOND, "block": look.SECOND, "pooling": look.MUTED}
        every = [_box("image", look.TEXT, side)]
        for name in kept:
            if name is None:
                every.append(VGroup(label("…", look.LABEL, look.MUTED)))
            else:
                self.boxes[name] = _box(layer_name(name, _LONGEST), colours[kinds[name]], side)
                every.append(self.boxes[name])
        every.append(_box("answer", look.TEXT, side))
        self.image, self.answer = every[0], every[-1]
        self._layers, self.links = layers, VGroup()
        places = VGroup(RoundedRectangle(width=side, height=_HEIGHT, corner_radius=0.1) for _ in every)
        places.arrange_in_grid(cols=min(across, len(every)), buff=(gap, look.GAP), cell_alignment=LEFT)
        for number, (box, place) in enumerate(zip(every, places, strict=True)):
            box.move_to(place)
            before, here = ([None, *kept, None][at] for at in (number - 1, number))
            apart = number < len(every) - 1 and _reads_another(layers, here, before)
            if number and not apart and abs(places[number - 1].get_y() - place.get_y()) < 1e-6:
                self.links.add(_link(places[number - 1].get_right(), place.get_left()))
        self.every = Group(*every)
        super().__init__(self.every, self.links)

    def sizes(self) -> VGroup:
        """Below every box how large its maps are: a sheet, to scale with the others, and its height × width.

        Nothing where boxes stand in several rows.
        """
        made = VGroup()
        if self.every[0].get_y() - self.every[-1].get_y() > _HEIGHT / 2:
            return made
        shown = [layer for layer in self._layers if layer.name in self.boxes]
        largest = max(max(layer.output_shape[1:]) for layer in shown)
        for layer in shown:
            box, (rows, columns) = self.boxes[layer.name], layer.output_shape[1:]
            words = label(f"{rows} × {columns}", look.SMALL, look.MUTED, width=1.25 * box.width)
            words.next_to(box, DOWN, buff=look.NEAR)
            share = box.width / largest
            sheet = Rectangle(width=max(columns * share, 0.03), height=max(rows * share, 0.03))
            sheet.set_stroke(look.LINE, look.STROKE).next_to(words, DOWN, buff=2 * look.NEAR)
            made.add(VGroup(words, sheet))
        return made

    def stop(self, name: str) -> VGroup:
        """A frame that marks the box called `name`."""
        frame: VGroup = self.boxes[name][0].copy()
        return frame.set_stroke(look.ACCENT, 2.5 * look.STROKE)


def _box(name: str, color: ManimColor, width: float) -> VGroup:
    frame = RoundedRectangle(width=width, height=_HEIGHT, corner_radius=0.1, stroke_width=look.STROKE, color=color)
    return VGroup(
        frame,
        label(name, look.SMALL, look.TEXT, width=width - (0.04 if look.shape() == "tall" else _MARGIN)).move_to(frame),
    )


def _reads_another(layers: Sequence[LayerInfo], name: str | None, before: str | None) -> bool:
    """Whether the layer called `name` is known to read the image, or a layer, that is not the one `before` it."""
    layer = next((one for one in layers if one.name == name), None)
    if layer is None or layer.type != "convolution" or (before is None and name != layers[0].name):
        return False  # behind dots, anything may stand
    source = layer.input.rpartition("/")[0]
    known = {one.name for one in layers}
    return (source if source in known else None if layer.input in ("probes", "input") else before) != before


def _link(start: np.ndarray, end: np.ndarray) -> Arrow:
    return Arrow(
        start, end, buff=0.02, stroke_width=3, color=look.MUTED, tip_length=0.08, max_tip_length_to_length_ratio=0.5
    )


def _kept(names: Sequence[str], stops: Sequence[str], most: int) -> list[str | None]:
    """Up to `most` of `names` in their order, `stops` among them; None, which counts too, where some are left out."""
    if len(names) <= most:
        return list(names)
    chosen = set(stops)
    best = _with_dots(names, chosen)
    for name in names:  # from the front on, while they fit
        if len(more := _with_dots(names, chosen | {name})) <= most:
            chosen, best = chosen | {name}, more
    return best


def _with_dots(names: Sequence[str], chosen: set[str]) -> list[str | None]:
    shown: list[str | None] = []
    for name in names:
        if name in chosen:
            shown.append(name)
        elif not shown or shown[-1] is not None:
            shown.append(None)
    return shown
