"""Tables for a terminal: compact, with nothing cut off, and the middle of long ones left out."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fmcore.choices import windows

Item = TypeVar("Item")

MISSING = "–"
_WORD = 10  # characters


def console(at_least: int = 0) -> Console:
    """A terminal that prints names as they are, with no markup of their own, `at_least` so many characters wide."""
    made = Console(highlight=False, markup=False, emoji=False)
    made.width = max(made.width, at_least)
    return made


def table(*columns: str, firm: bool = False) -> Table:
    """An empty table; a column whose name ends with ">" stands at the right.

    Where it is `firm`, those at the right keep their width and the others hold a word.
    """
    made = Table(box=None, header_style="bold", pad_edge=False)
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
    made: Table, items: Sequence[Item], cells: Callable[[Item], Iterable[str]], longest: int | None = None
) -> Table:
    """Add the row `cells` of every item; of many, the first, the middle and the last, and how many lie between."""
    reached = 0
    for part in windows(len(items)) if longest is None else windows(len(items), longest):
        if part.start > reached:
            made.add_row(f"({part.start - reached:,} more)")
        for number in part:
            made.add_row(*cells(items[number]))
        reached = part.stop
    return made


def section(out: Console, title: str, *body: Table | str) -> None:
    """Print a headed part of a report: tables and sentences."""
    out.print()
    out.print(title, style="bold underline")
    for part in body:
        out.print(part)


def figure(value: float | None, form: str = ".2f") -> str:
    return MISSING if value is None else format(value, form)
