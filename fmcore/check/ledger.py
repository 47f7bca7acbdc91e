"""No picture stands outside the ledger: each is of an array and can be read back, or says what it is instead."""

from collections.abc import Iterator, Sequence

from fmcore.check.findings import Finding, found
from fmcore.check.maps import name_of
from fmcore.lesson.brief import Figure
from fmcore.lesson.storyboard import Box, Storyboard

_SMALLEST = 0.02  # of the frame: the side of a picture of which something can be read back


def ledger_findings(board: Storyboard) -> Iterator[Finding]:
    """The pictures that no film can prove, since they are of no array, see-through, or always under something else."""
    for frame in board.frames:
        for item in frame.items:
            if item.lacks == "array":
                message = (
                    "A picture is of no array of the bundle, so nobody can prove it; draw it as a `Picture` of an"
                    " `ArraySource`, or say with `Drawn` what it is instead."
                )
            elif item.lacks == "opacity":
                message = (
                    f"The picture of {item.name} is see-through, so it cannot be read back; let it be opaque when its"
                    " beat ends."
                )
            else:
                continue
            yield found(board, "picture without a source", message, frame.beat, (item.name,), item.box)
    yield from _covered(board.performance.figures, board)


def _covered(figures: Sequence[Figure], board: Storyboard) -> Iterator[Finding]:
    """The pictures that are never seen but under something that is no picture of an array: of a stack all are true."""
    seen: set[str] = set()
    never: dict[str, Figure] = {}
    for number, figure in enumerate(figures):
        key = f"{name_of(figure)} {figure.other}"
        above = (one for one in figures[number + 1 :] if one.beat == figure.beat)
        if min(figure.box[3] - figure.box[1], figure.box[2] - figure.box[0]) < _SMALLEST:
            continue  # its own frame covers it
        if figure.covered and not any(_overlap(figure.box, one.box) for one in above):
            never.setdefault(key, figure)
        else:
            seen.add(key)
    for key, figure in never.items():
        if key not in seen:
            message = (
                f"The picture of {name_of(figure)} lies under something else in every beat that shows it, so that it"
                " cannot be read back; move it, or what covers it."
            )
            yield found(board, "picture covered", message, figure.beat, (figure.array,), figure.box)


def _overlap(a: Box, b: Box) -> bool:
    return all(min(a[i + 2], b[i + 2]) - max(a[i], b[i]) > 0 for i in (0, 1))
