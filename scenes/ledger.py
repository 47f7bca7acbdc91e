"""Read off the mobjects of a scene what stands in the frame: pictures of arrays, texts and shapes, with their boxes."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
from manim import (
    DecimalNumber,
    ImageMobject,
    MarkupText,
    Mobject,
    Rectangle,
    SingleStringMathTex,
    Text,
    Typst,
    VMobject,
    config,
)

from fmcore.lesson.brief import Figure
from fmcore.lesson.script import TimedBeat
from fmcore.lesson.storyboard import Box, Item
from scenes.parts.outlines import capital_share
from scenes.parts.picture import Picture
from scenes.parts.text import Label

_TINY = 1e-6  # of the frame
_UNITS_A_STROKE = 0.01  # manim's stroke widths are hundredths of a unit
_WRITTEN = (Typst, Text, MarkupText, SingleStringMathTex, DecimalNumber)
_HIGH = re.compile(r"[^\Wa-z_]|[bdfhijklt]")  # letters as high as capitals, or nearly
_LOWEST = 0.65  # of a capital: a letter without a stroke upwards
_MADE = 0.9  # of a picture that may be missing, for the rest of it to be looked at
_MOST = 0.5  # of a picture that may lie under other things, and be proved all the same


def read_figures(mobjects: Sequence[Mobject], beat: TimedBeat) -> Iterator[Figure]:
    """The pictures of arrays that are fully visible at the end of `beat`."""
    family = _visible(mobjects)
    boxes = [box_of(member) for member in family]
    for number, member in enumerate(family):
        if (
            not isinstance(member, Picture)
            or member.source is None
            or (open_ := _unmade(member, boxes[number])) is None
        ):
            continue
        box = boxes[number]
        later = list(zip(family[number + 1 :], boxes[number + 1 :], strict=True))
        crossed = [edge for other, at in later if not isinstance(other, ImageMobject) for edge in _painted(other, at)]
        crossed = [*(edge for edge in crossed if _overlap(box, edge)), *open_]
        yield Figure(
            beat=beat.cue,
            frame=beat.end - 1,
            array=member.source.array,
            index=member.source.index,
            box=box,
            low=member.scale_of_colour.low,
            high=member.scale_of_colour.high,
            scale=member.scale_of_colour.kind,
            colours="rgb" if member.values.ndim == 3 else member.scale_of_colour.table_name,
            covered=any(isinstance(other, ImageMobject) and _overlap(box, at) for other, at in later)
            or sum(_common(box, edge) for edge in crossed[: len(crossed) - len(open_)]) > _MOST * _area(box),
            crossed=tuple(crossed),
            other=member.source.other,
            times=member.source.times,
        )


def read_items(mobjects: Sequence[Mobject]) -> Iterator[Item]:
    """Everything visible, in the order of drawing; a formula or a text of manim's counts as one text."""
    for member in _visible(mobjects, formulas=True):
        box = box_of(member)
        if isinstance(member, Label):
            height = box[3] - box[1]
            yield Item(
                kind="text",
                name=member.said,
                drawn=member.text if member.text != member.said else None,
                box=box,
                capital=height * capital_share(member.bold),
                colour=member.get_fill_color().to_hex()[:7],
                opacity=member.get_fill_opacity(),
                cut=member.cut and member.whole,
            )
        elif isinstance(member, _WRITTEN):
            yield _written(member, box)
        elif isinstance(member, ImageMobject):
            source = member.source if isinstance(member, Picture) else None
            what = _drawn_as(member) if source is None else ""
            lacks = "array" if not (source or what) else "opacity" if source and _is_see_through(member) else ""
            name = source.array if source else what or "picture"
            yield Item(kind="picture", name=name, box=box, lacks=lacks, what=what)
        else:
            filled = float(member.get_fill_opacity()) if isinstance(member, VMobject) else 0.0
            yield Item(kind="shape", name=type(member).__name__, box=box, filled=filled)


def _written(member: VMobject, box: Box) -> Item:
    """A formula, or a text as manim sets it; its colour where it has but one.

    The letters are shapes, and their capitals are taken to be as high as the highest of them, or as of one without
    descenders and capitals. Of a formula that may be a small one, too.
    """
    letters = [one for one in member.get_family() if len(one.points) and _paints(one)]
    said = str(getattr(member, "original_text", "") or getattr(member, "number", ""))
    highest = max(float(np.ptp(one.points[:, 1])) for one in letters) / config.frame_height
    colours = {one.get_fill_color().to_hex()[:7] for one in letters if one.get_fill_opacity() > 0}
    is_low = not _HIGH.search(said)
    return Item(
        kind="text",
        name=said or "formula",
        box=box,
        capital=highest / _LOWEST if is_low else highest,
        colour=colours.pop() if len(colours) == 1 else None,
        opacity=max(float(max(one.get_fill_opacity(), one.get_stroke_opacity())) for one in letters),
    )


def _drawn_as(member: ImageMobject) -> str:
    """What a picture of no array is: what it says, or a scale, which shows all colours from its lowest to its highest.

    A scale is told by its values and by its colours.
    """
    if not isinstance(member, Picture):
        return ""
    if member.drawn or min(member.values.shape) != 1 or member.values.ndim != 2:
        return member.drawn
    scale, values = member.scale_of_colour, member.values.ravel()
    steps = np.linspace(scale.low, scale.high, values.size)
    is_ramp = any(np.allclose(values, ends) for ends in (steps, steps[::-1]))
    same = np.array_equal(member.pixel_array[..., :3], scale.colours(member.values))
    return "a scale" if is_ramp and same else ""


def _unmade(picture: Picture, box: Box) -> list[Box] | None:
    """Boxes of what is not there yet of a `picture`, while its numbers are worked out; None where it tells nothing.

    That is where it is see-through, or few of its values are there.
    """
    gone = picture.get_pixel_array()[..., 3] == 0
    if _is_see_through(picture) or gone.mean() > _MADE:
        return None
    rows, columns = gone.shape
    left, top, right, bottom = box
    across, down = (right - left) / columns, (bottom - top) / rows
    boxes: list[Box] = []
    open_: dict[tuple[int, int], int] = {}  # the row in which a run of missing values begins
    for row in range(rows + 1):
        edges = np.flatnonzero(np.diff(np.r_[0, gone[row] if row < rows else np.zeros(columns), 0]))
        runs = {(int(first), int(end)) for first, end in edges.reshape(-1, 2)}
        for first, end in set(open_) - runs:
            above = open_.pop((first, end))
            boxes.append((left + first * across, top + above * down, left + end * across, top + row * down))
        open_ = {run: open_.get(run, row) for run in runs}
    return boxes


def _is_see_through(picture: ImageMobject) -> bool:
    opacity = picture.get_pixel_array()[..., 3]
    return bool(((opacity > 0) & (opacity < 255)).any())


def box_of(mobject: Mobject) -> Box:
    """The box of `mobject` with its family, as shares of the frame."""
    points = mobject.get_all_points()[:, :2]
    (left, bottom), (right, top) = points.min(0), points.max(0)
    width, height = config.frame_width, config.frame_height
    return (
        float(left / width + 0.5),
        float(0.5 - top / height),
        float(right / width + 0.5),
        float(0.5 - bottom / height),
    )


def _visible(mobjects: Sequence[Mobject], formulas: bool = False) -> list[Mobject]:
    """The members of all families that paint something; where `formulas` is true, one stands for its letters."""
    found: list[Mobject] = []

    def walk(mobject: Mobject) -> None:
        if formulas and isinstance(mobject, _WRITTEN):
            if any(_paints(letter) for letter in mobject.get_family()):
                found.append(mobject)
            return
        if len(mobject.points) and _paints(mobject):
            found.append(mobject)
        for child in mobject.submobjects:
            walk(child)

    for mobject in mobjects:
        walk(mobject)
    return found


def _paints(member: Mobject) -> bool:
    if isinstance(member, ImageMobject):
        return bool(member.get_pixel_array()[..., 3].max() > 0)
    if isinstance(member, VMobject) and len(member.points):
        return bool(
            member.get_fill_opacity() > 0 or (member.get_stroke_opacity() > 0 and member.get_stroke_width() > 0)
        )
    return False


def _painted(member: Mobject, box: Box) -> Iterator[Box]:
    """Where `member` puts paint: an empty rectangle along its four edges, anything else in all of its box.

    A stroke reaches beyond the box, half of its width; the box of a line is nothing but that.
    """
    left, top, right, bottom = box
    reach = _UNITS_A_STROKE * float(member.get_stroke_width()) / 2 if member.get_stroke_opacity() > 0 else 0.0
    across, down = reach / config.frame_width, reach / config.frame_height
    if not isinstance(member, Rectangle) or member.get_fill_opacity() > 0:
        yield left - across, top - down, right + across, bottom + down
        return
    yield left - across, top - down, right + across, top + down
    yield left - across, bottom - down, right + across, bottom + down
    yield left - across, top - down, left + across, bottom + down
    yield right - across, top - down, right + across, bottom + down


def _overlap(a: Box, b: Box) -> bool:
    """Whether there is something that both cover; the last digits of numbers may differ."""
    return all(high - low > _TINY for low, high in ((max(a[i], b[i]), min(a[i + 2], b[i + 2])) for i in (0, 1)))


def _common(a: Box, b: Box) -> float:
    sides = [min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1)]
    return max(0.0, sides[0]) * max(0.0, sides[1])


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
