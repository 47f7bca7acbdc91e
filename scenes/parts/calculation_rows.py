"""Two filters and the one they come to, as rows whose pictures stand below each other, as large as the frame allows."""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, log

from manim import RIGHT, Group, Mobject

from fmcore.analysis.collapse import Collapse
from scenes import look
from scenes.parts.about_results import AboutResults
from scenes.parts.filter_calculation import FilterCalculation, How, calculation_rooms

_LESS, _SMALLEST = 0.95, 0.3  # the next size to be tried, and the last
_MUCH = 1.3  # times as large, to be worth another row

Rows = dict[How, FilterCalculation]


@dataclass(frozen=True)
class CalculationRows:
    """All `rows` at one size, and what is said `about` their results.

    Two filters stay while the other row changes. Where both steps have too little room in a row, they stand `apart`:
    the first step is a row of its own, which comes before.
    """

    rows: Rows
    about: AboutResults
    apart: bool

    @classmethod
    def of(cls, found: Collapse, image: Callable[[float], Mobject], which: str) -> "CalculationRows":
        """The calculations of `found`, which start from `image(size)`; `which` says what channel it is."""
        upper, lower, side = calculation_rooms()
        made: dict[bool, tuple[float, Rows]] = {}
        for apart in (False, True) if look.shape() == "wide" else (True,):
            changing, lasting = (upper, lower) if apart else (lower, upper)
            rooms: dict[How, look.Region] = {"between": changing, "two": lasting, "one": changing, "first": changing}

            def lined_up(size: float, apart: bool = apart, rooms: Mapping[How, look.Region] = rooms) -> Rows:
                return _lined_up({how: FilterCalculation(found, how, image(size), size, apart) for how in rooms}, rooms)

            made[apart] = _largest(lined_up, rooms)
        apart = False not in made or made[True][0] > _MUCH * made[False][0]
        size, rows = made[apart]
        about = AboutResults(found, size, which, side)
        if look.shape() == "wide":  # rows and what is beside them, in the middle
            both = Group(*rows.values(), about)
            both.shift((look.body().centre[0] - both.get_x()) * RIGHT)
        return cls(rows, about, apart)


def _largest(make: Callable[[float], Rows], rooms: Mapping[How, look.Region]) -> tuple[float, Rows]:
    """The largest size at which all fit, and the rows of that size."""
    largest = min(room.height for room in rooms.values())
    width = min(room.width for room in rooms.values())
    sizes = [largest * _LESS**step for step in range(max(1, ceil(log(_SMALLEST / largest, _LESS)) + 1))]
    made: dict[int, Rows] = {}

    def fits(step: int) -> bool:
        rows = made[step] = make(sizes[step])
        return bool(Group(*rows.values()).width <= width) and all(
            rows[how].height <= room.height for how, room in rooms.items()
        )

    step = bisect_left(range(len(sizes) - 1), True, key=fits)  # the last of all is taken as it is
    return sizes[step], made.get(step) or make(sizes[step])


def _lined_up(rows: Rows, rooms: Mapping[How, look.Region]) -> Rows:
    """The rows in their rooms, the pictures of each below those of the widest."""
    for how, row in rows.items():
        row.move_to(rooms[how].centre)
    widest = max(rows.values(), key=lambda row: float(row.width))
    for row in rows.values():
        row.under(widest)
    both = Group(*rows.values())
    both.shift((rooms["two"].centre[0] - both.get_x()) * RIGHT)
    return rows
