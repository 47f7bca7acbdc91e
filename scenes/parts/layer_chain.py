"""A network as a chain of boxes, from the image through its layers to the answer, some of them marked as stops."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from manim import DOWN, LEFT, Arrow, Group, Line, ManimColor, Mobject, Rectangle, RoundedRectangle, VGroup

from fmcore.header import LayerInfo
from scenes import look
from scenes.parts.layer_name import layer_name
from scenes.parts.text import label, line_height

_ACROSS = {"wide": 10, "square": 5, "tall": 4}  # boxes side by side
_FEWEST = 3
_ROWS = {"wide": 2, "square": 3, "tall": 4}
_LONGEST = 14  # letters of a name
_HEIGHT = 0.55
_HIGH = 0.64  # where a name takes two lines
_MARGINS = {"wide": 0.15, "square": 0.15, "tall": 0.08}  # of the text in a box
_GAPS = {"wide": (0.3, 0.25), "square": (0.2, 0.3), "tall": (0.2, 0.3)}  # between columns, between rows


class LayerChain(Group):
    """The `layers` in reading order, as many as there is room for in `width`, with dots in the place of the others.

    No arrow leads to one that is known to read something else than what stands before it, as in a branch.
    `stops` are the names of those that are always among them. `boxes` has a box for each name that is shown, `every`
    all of them, with `image` and `answer` at the ends.
    """

    def __init__(self, layers: Sequence[LayerInfo], stops: Sequence[str], width: float) -> None:
        kinds = {layer.name: layer.type for layer in layers}
        gap, between = _GAPS[look.shape()]
        longest = max(label(name, look.SMALL).width for name in ("image", *map(_name, kinds)))
        margin = _MARGINS[look.shape()]
        across = max(_FEWEST, min(_ACROSS[look.shape()], int((width + gap) / (longest + margin + gap))))
        rows = 1 if across == _ACROSS["wide"] else _ROWS[look.shape()]
        kept = _kept([layer.name for layer in layers], stops, across * rows - 2)
        side = (width - (across - 1) * gap) / across
        self._height = _HIGH if any(_is_long(_name(name), side) for name in kept if name) else _HEIGHT
        self.boxes: dict[str, VGroup] = {}
        colours = {"convolution": look.SECOND, "block": look.SECOND, "pooling": look.MUTED}
        every = [_box("image", look.TEXT, side, self._height)]
        for name in kept:
            if name is None:
                every.append(VGroup(label("…", look.LABEL, look.MUTED)))
            else:
                self.boxes[name] = _box(_name(name), colours[kinds[name]], side, self._height)
                every.append(self.boxes[name])
        ends_early = (len(every) + 1) % across > 0  # so that a longer word has room to its right
        every.append(_box("answer", look.TEXT, side, self._height, side + gap if ends_early else side))
        self.image, self.answer = every[0], every[-1]
        self._layers, self.links = layers, VGroup()
        places = VGroup(RoundedRectangle(width=side, height=self._height, corner_radius=0.1) for _ in every)
        places.arrange_in_grid(cols=min(across, len(every)), buff=(gap, between), cell_alignment=LEFT)
        for number, (box, place) in enumerate(zip(every, places, strict=True)):
            box.move_to(place).align_to(place if box.width > side else box, LEFT)
            before, here = ([None, *kept, None][at] for at in (number - 1, number))
            apart = number < len(every) - 1 and _reads_another(layers, here, before)
            if number and not apart:
                self.links.add((_turn if number % across == 0 else _link)(places[number - 1], place))
        self.every = Group(*every)
        super().__init__(self.every, self.links)

    def sizes(self, bottom: float) -> VGroup:
        """Below every box how large its maps are: a sheet, to scale with the others, and its height × width.

        None reaches below `bottom`. Nothing where boxes stand in several rows.
        """
        made = VGroup()
        if self.every[0].get_y() - self.every[-1].get_y() > self._height / 2:
            return made
        shown = [layer for layer in self._layers if layer.name in self.boxes]
        largest = max(max(layer.output_shape[1:]) for layer in shown)
        highest = max(layer.output_shape[1] for layer in shown)
        room = self.every.get_bottom()[1] - 3 * look.NEAR - line_height(look.SMALL) - bottom
        for layer in shown:
            box, (rows, columns) = self.boxes[layer.name], layer.output_shape[1:]
            words = label(f"{rows} × {columns}", look.SMALL, look.MUTED, width=1.25 * box.width)
            words.next_to(box, DOWN, buff=look.NEAR)
            share = min(box.width / largest, room / highest)
            sheet = Rectangle(width=max(columns * share, 0.03), height=max(rows * share, 0.03))
            sheet.set_stroke(look.LINE, look.STROKE).next_to(words, DOWN, buff=2 * look.NEAR)
            made.add(VGroup(words, sheet))
        return made

    def stop(self, name: str) -> VGroup:
        """A frame that marks the box called `name`."""
        frame: VGroup = self.boxes[name][0].copy()
        return frame.set_stroke(look.ACCENT, 2.5 * look.STROKE)


def _name(layer: str) -> str:
    """What stands in the box of a layer: in no sentence, so that a word may stand alone."""
    return layer if layer.isalpha() and len(layer) <= _LONGEST else layer_name(layer, _LONGEST)


def _box(name: str, color: ManimColor, width: float, height: float, most: float = 0.0) -> VGroup:
    """A box `width` wide, or up to `most` where its name is longer; one with dots may take two lines."""
    margin = _MARGINS[look.shape()]
    rows = _halves(name) if _is_long(name, width) else (name,)
    text = VGroup(*(label(row, look.SMALL, look.TEXT, width=max(width, most) - margin) for row in rows))
    text.arrange(DOWN, buff=look.LEADING / 2)
    width = max(width, text.width + margin)
    frame = RoundedRectangle(width=width, height=height, corner_radius=0.1, stroke_width=look.STROKE, color=color)
    return VGroup(frame, text.move_to(frame))


def _is_long(name: str, width: float) -> bool:
    """Whether `name` would be cut on one line of a box, and has a dot at which it can be broken."""
    return "." in name and "…" in label(name, look.SMALL, width=width - _MARGINS[look.shape()]).text


def _halves(name: str) -> tuple[str, str]:
    """`name` broken behind the dot that is nearest to its middle."""
    dots = [place for place, letter in enumerate(name) if letter == "."]
    at = min(dots, key=lambda place: abs(place + 1 - len(name) / 2)) + 1
    return name[:at], name[at:]


def _reads_another(layers: Sequence[LayerInfo], name: str | None, before: str | None) -> bool:
    """Whether the layer called `name` is known to read the image, or a layer, that is not the one `before` it."""
    layer = next((one for one in layers if one.name == name), None)
    if layer is None or layer.type != "convolution" or (before is None and name != layers[0].name):
        return False  # behind dots, anything may stand
    source = layer.input.rpartition("/")[0]
    known = {one.name for one in layers}
    return (source if source in known else None if layer.input in ("probes", "input") else before) != before


def _link(before: Mobject, after: Mobject) -> Arrow:
    return _tipped(before.get_right(), after.get_left())


def _turn(before: Mobject, after: Mobject) -> VGroup:
    """From the end of a row back to the start of the next one, as a line of text goes on."""
    (x, low, _), (start, high, _) = before.get_bottom(), after.get_top()
    middle = (low + high) / 2
    corners = [np.array([*point, 0.0]) for point in ((x, low), (x, middle), (start, middle))]
    lines = [Line(*pair, stroke_width=3, color=look.MUTED) for pair in pairwise(corners)]
    return VGroup(*lines, _tipped(corners[-1], after.get_top()))


def _tipped(start: np.ndarray, end: np.ndarray) -> Arrow:
    return Arrow(
        start, end, buff=0.02, stroke_width=3, color=look.MUTED, tip_length=0.08, max_tip_length_to_length_ratio=0.6
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
