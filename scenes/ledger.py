"""Read off the mobjects of a scene what stands in the frame: pictures of arrays, texts and shapes, with their boxes."""

from collections.abc import Iterator, Sequence

from manim import ImageMobject, MathTypst, Mobject, Rectangle, VMobject, config

from fmcore.lesson.brief import Figure
from fmcore.lesson.script import TimedBeat
from fmcore.lesson.storyboard import Box, Item
from scenes.parts.outlines import capital_share
from scenes.parts.picture import Picture
from scenes.parts.text import Label

_UNITS_A_STROKE = 0.01  # manim's stroke widths are hundredths of a unit
_MOST = 0.5  # of a picture that may lie under other things, and be proved all the same


def read_figures(mobjects: Sequence[Mobject], beat: TimedBeat) -> Iterator[Figure]:
    """The pictures of arrays that are fully visible at the end of `beat`."""
    family = _visible(mobjects)
    boxes = [box_of(member) for member in family]
    for number, member in enumerate(family):
        if not isinstance(member, Picture) or member.source is None or member.get_pixel_array()[..., 3].min() < 255:
            continue
        box = boxes[number]
        later = list(zip(family[number + 1 :], boxes[number + 1 :], strict=True))
        crossed = [edge for other, at in later if not isinstance(other, ImageMobject) for edge in _painted(other, at)]
        crossed = [edge for edge in crossed if _overlap(box, edge)]
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
            or sum(_common(box, edge) for edge in crossed) > _MOST * _area(box),
            crossed=tuple(crossed),
            other=member.source.other,
            times=member.source.times,
        )


def read_items(mobjects: Sequence[Mobject]) -> Iterator[Item]:
    """Everything visible, in the order of drawing; a formula counts as one text."""
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
        elif isinstance(member, MathTypst):
            yield Item(kind="text", name="formula", box=box)
        elif isinstance(member, ImageMobject):
            source = member.source if isinstance(member, Picture) else None
            yield Item(kind="picture", name=source.array if source else "picture", box=box)
        else:
            yield Item(kind="shape", name=type(member).__name__, box=box)


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
    """The members of all families that paint something; where `formulas` is true, a formula stands for its letters."""
    found: list[Mobject] = []

    def walk(mobject: Mobject) -> None:
        if formulas and isinstance(mobject, MathTypst):
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
    return all(low < high for low, high in ((max(a[i], b[i]), min(a[i + 2], b[i + 2])) for i in (0, 1)))


def _common(a: Box, b: Box) -> float:
    sides = [min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1)]
    return max(0.0, sides[0]) * max(0.0, sides[1])


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
