"""A network as a chain of boxes, from the image through its layers to the answer, some of them marked as stops."""

from collections.abc import Sequence

from manim import DOWN, LEFT, Group, ManimColor, Rectangle, RoundedRectangle, VGroup

from fmcore.analysis.graph import IMAGE, reads_of
from fmcore.analysis.naming import called
from fmcore.header import LayerInfo
from scenes import look
from scenes.parts.chain_links import Routes
from scenes.parts.text import label, line_height, shortened

_ACROSS = {"wide": 10, "square": 5, "tall": 4}  # boxes side by side
_FEWEST = 3
_ROWS = {"wide": 2, "square": 3, "tall": 4}
_LONGEST = 14  # letters of a line of a name: boxes need be no wider
_HEIGHT = 0.55
_HIGH = 0.64  # where a name takes two lines
_MARGINS = {"wide": 0.15, "square": 0.15, "tall": 0.08}  # of the text in a box
_GAPS = {"wide": (0.3, 0.25), "square": (0.2, 0.3), "tall": (0.2, 0.3)}  # between columns, between rows


class LayerChain(Group):
    """The `layers` in reading order, as many as there is room for in `width`, with dots in the place of the others.

    Arrows lead to each from what it reads, and to the answer from the layers called `answer`, by default the last.
    `stops` are the names of those that are always among them. `boxes` has a box for each name that is shown, `every`
    all of them, with `image` and `answer` at the ends.
    """

    def __init__(
        self, layers: Sequence[LayerInfo], stops: Sequence[str], width: float, answer: Sequence[str] = ()
    ) -> None:
        kinds = {layer.name: layer.type for layer in layers}
        gap, between = _GAPS[look.shape()]
        rows_of_names = ["image", *(row for name in kinds for row in _rows(name))]
        longest = max(label(shortened(row, _LONGEST), look.SMALL, as_is=True).width for row in rows_of_names)
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
                own = _name(name) == name  # and no word of ours beside it
                self.boxes[name] = _box(_name(name), colours[kinds[name]], side, self._height, as_is=own)
                every.append(self.boxes[name])
        ends_early = (len(every) + 1) % across > 0  # so that a longer word has room to its right
        every.append(_box("answer", look.TEXT, side, self._height, side + gap if ends_early else side))
        self.image, self.answer = every[0], every[-1]
        self._layers = layers
        routes = Routes.of(_edges(layers, answer or [layers[-1].name], kept), across)
        places = VGroup(RoundedRectangle(width=side, height=self._height, corner_radius=0.1) for _ in every)
        buff = (gap, between + routes.widening)
        places.arrange_in_grid(cols=min(across, len(every)), buff=buff, cell_alignment=LEFT)
        for box, place in zip(every, places, strict=True):
            box.move_to(place).align_to(place if box.width > side else box, LEFT)
        self.links = routes.drawn(places, between)
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
    return layer if layer.isalpha() else called(layer)


def _rows(layer: str) -> tuple[str, ...]:
    """The same in the lines that it may take."""
    name = _name(layer)
    return _halves(name) if len(name) > _LONGEST and "." in name else (name,)


def _box(name: str, color: ManimColor, width: float, height: float, most: float = 0.0, as_is: bool = False) -> VGroup:
    """A box `width` wide, or up to `most` where its name is longer; one with dots may take two lines."""
    margin = _MARGINS[look.shape()]
    rows = _halves(name) if _is_long(name, width) else (name,)
    text = VGroup(*(label(row, look.SMALL, look.TEXT, width=max(width, most) - margin, as_is=as_is) for row in rows))
    text.arrange(DOWN, buff=look.LEADING / 2)
    width = max(width, text.width + margin)
    frame = RoundedRectangle(width=width, height=height, corner_radius=0.1, stroke_width=look.STROKE, color=color)
    return VGroup(frame, text.move_to(frame))


def _is_long(name: str, width: float) -> bool:
    """Whether `name` would be cut on one line of a box, and has a dot at which it can be broken."""
    return "." in name and "…" in label(name, look.SMALL, width=width - _MARGINS[look.shape()], as_is=True).text


def _halves(name: str) -> tuple[str, str]:
    """`name` broken behind the dot that is nearest to its middle."""
    dots = [place for place, letter in enumerate(name) if letter == "."]
    at = min(dots, key=lambda place: abs(place + 1 - len(name) / 2)) + 1
    return name[:at], name[at:]


def _edges(layers: Sequence[LayerInfo], answer: Sequence[str], kept: Sequence[str | None]) -> set[tuple[int, int]]:
    """Which boxes read which, by number: 0 is the image, then come the `kept` names and dots, last the answer."""
    box, number = {IMAGE: 0}, 0
    for layer in layers:  # one that is not shown belongs to the dots in its place
        if layer.name in kept:
            number = kept.index(layer.name) + 1
        elif number == 0 or kept[number - 1] is not None:
            number += 1
        box[layer.name] = number
    reads = [(box[layer], sources) for layer, sources in reads_of(layers).items()]
    every = {(box[source], target) for target, sources in [*reads, (len(kept) + 1, answer)] for source in sources}
    return {(source, target) for source, target in every if source < target}


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
