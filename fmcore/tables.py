"""Tables for a terminal: compact, with nothing cut off, and the middle of long ones left out."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from fmcore.choices import windows

Item = TypeVar("Item")

MISSING = "–"
_WORD = 10  # characters
_COMMANDS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class Name:
    """A name of a layer or a file, which a narrow column breaks behind dots, dashes and the like."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._parts = re.findall(r"[^./_ -]*[./_ -]+|[^./_ -]+", text)

    def __rich_measure__(self, out: Console, options: ConsoleOptions) -> Measurement:
        longest = max(map(cell_len, self._parts), default=0)
        return Measurement(longest, cell_len(self._text)).with_maximum(options.max_width)

    def __rich_console__(self, out: Console, options: ConsoleOptions) -> RenderResult:
        lines = [""]
        for part in self._parts:
            for piece in chop_cells(part, options.max_width):
                if cell_len(lines[-1] + piece) > options.max_width:
                    lines.append("")
                lines[-1] += piece
        yield Text("\n".join(lines), no_wrap=True)


class _Harmless(Console):
    """A terminal that nothing printed can command: a bundle comes from anywhere, and a name in it may hold ESC."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=_COMMANDS.sub("�", segment.text))


def console(at_least: int = 0, stderr: bool = False) -> Console:
    """A terminal that prints names as they are, with no markup of their own, `at_least` so many characters wide."""
    made = _Harmless(highlight=False, markup=False, emoji=False, stderr=stderr)
    made.width = max(made.width, at_least)
    return made


def table(*columns: str, firm: bool = False, gap: int = 2) -> Table:
    """An empty table; a column whose name ends with ">" stands at the right.

    Where it is `firm`, those at the right keep their width and the others hold a word.
    """
    made = Table(
        box=None, header_style="bold", pad_edge=False, padding=(0, gap, 0, 0), caption_style="", caption_justify="left"
    )
    for column in columns:
        right = column.endswith(">")
        name = column.removesuffix(">")
        made.add_column(
            name,
            overflow="fold",
            justify="right" if right else "left",
            no_wrap=firm and right,
            min_width=_WORD if firm and not right else None,
        )
    return made


def facts(rows: Iterable[tuple[str, str | Text]]) -> Table:
    """A name and a text a row."""
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, text in rows:
        made.add_row(name, text)
    return made


def fill(
    made: Table, items: Sequence[Item], cells: Callable[[Item], Iterable[str | Name]], every: bool = False
) -> Table:
    """Add the row `cells` of every item; of many, unless `every` one is wanted, some, and how many lie between."""
    reached = 0
    for part in [range(len(items))] if every else windows(len(items)):
        if part.start > reached:
            made.add_row(f"({part.start - reached:,} more)")
        for number in part:
            made.add_row(*cells(items[number]))
        reached = part.stop
    shown = len(items) if every else sum(map(len, windows(len(items))))
    if shown < len(items):
        made.caption = f"{shown} of {len(items):,} are shown; `--all` lists them."
    return made


def section(out: Console, title: str, *body: Table | str) -> None:
    """Print a headed part of a report: tables and sentences."""
    out.print()
    out.print(title, style="bold underline")
    for part in body:
        out.print(part)


def figure(value: float | None, form: str = ".2f") -> str:
    return MISSING if value is None else format(value, form)
