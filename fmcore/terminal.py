"""Live progress bars, drawn by the parent process alone."""

import sys
from types import TracebackType
from typing import Self

from rich.cells import cell_len, set_cell_size
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fmcore.reporter import Count, Tally
from fmcore.tables import console

_ROOMY = 76  # columns from which there is room for long names and for words
_NAME, _NARROW_NAME = 26, 18
_COUNT, _NARROW_COUNT = 24, 18
_BAR = 30
_FREE = 3  # columns at the end of a row: a terminal writes ^C there, which must not begin another line
_REDRAWN = 5  # times a second
_BESIDE_BARS = 6  # lines of the terminal that bars leave for what is said


class Bars:
    """A reporter with one bar a task: how far it is, its pace, and the time that is left; below them, all together."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._widest = [0, 0, 0, 0]  # columns grow with what they hold and never shrink, so that bars stay in place
        self._console = console(stderr=True)
        self._live = Live(
            console=self._console,
            get_renderable=self._table,
            refresh_per_second=_REDRAWN,
            redirect_stdout=sys.stdout.isatty(),  # what is printed goes above the bars, but not out of a pipe or file
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._live.transient = kind is None  # after an error the bars show how far it came
        self._live.stop()

    def say(self, text: str) -> None:
        self._console.print(text)

    def expect(self, tasks: int, total: int | None = None, unit: str = "") -> None:
        self._tally.expect(tasks, total, unit)

    def progress(self, task: str, done: int, total: int | None, unit: str) -> None:
        self._tally.progress(task, done, total, unit)

    def finish(self, task: str, text: str, ok: bool = True) -> None:
        self._tally.finish(task, ok)
        mark = ("✓", "green") if ok else ("✗", "red")
        self._console.print(Text.assemble(mark, f" {task}: {text}"))

    def _table(self) -> Table:
        """The bars as they are now. Of more than fit the terminal the newest are left out."""
        screen, tally = self._console, self._tally
        roomy, all_bars = screen.width >= _ROOMY, list(tally.running.items())
        bars = all_bars[: max(1, screen.height - _BESIDE_BARS)]
        together = tally.together
        if together is not None:
            hidden = f", {len(all_bars) - len(bars)} more run" if len(bars) < len(all_bars) else ""
            bars.append((f"{tally.over} of {tally.tasks} done{hidden}", together))
        most = [_NAME if roomy else _NARROW_NAME, _COUNT if roomy else _NARROW_COUNT, 9, 13 if roomy else 8]
        rows = []
        for name, count in bars:
            cells = [_short(name, most[0]), _counted(count), _rate(count.rate), _left(count.left_s, roomy)]
            cells[1] = cells[1] if cell_len(cells[1]) <= most[1] else set_cell_size(cells[1], most[1] - 1) + "…"
            self._widest = [max(a, cell_len(b)) for a, b in zip(self._widest, cells, strict=True)]
            rows.append((cells, ProgressBar(count.total, count.done, width=None, pulse=count.total is None)))
        widths = [min(pair) for pair in zip(self._widest, most, strict=True)]
        bar = min(_BAR, screen.width - sum(widths) - len(widths) - _FREE)
        table = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column(width=widths[0], no_wrap=True)
        table.add_column(width=max(1, bar))
        for width, style in zip(widths[1:], ("", "cyan", "cyan"), strict=True):
            table.add_column(width=width, no_wrap=True, justify="right", style=style)
        for (name, *numbers), drawn in rows:
            table.add_row(name, drawn, *numbers)
        return table


def _short(name: str, width: int) -> str:
    """`name` in so many columns; what gives way is the end of its first word, for the rest tells tasks apart."""
    if cell_len(name) <= width:
        return name
    first, _, rest = name.partition(" ")
    room = width - cell_len(rest) - 2
    return f"{set_cell_size(first, room)}… {rest}" if rest and room >= 4 else set_cell_size(name, width - 1) + "…"


def _counted(count: Count) -> str:
    if not count.total:
        return f"{count.done:,} {count.unit}" if count.done else count.unit
    return f"{count.done:,}/{count.total:,} {count.unit}".rstrip()


def _rate(rate: float | None) -> str:
    if rate is None:
        return ""
    return f"{rate:,.0f}/s" if rate >= 9.95 else f"{rate:.1f}/s" if rate >= 0.95 else f"{rate:.2f}/s"


def _left(left_s: float | None, in_words: bool) -> str:
    if left_s is None:
        return ""
    minutes, seconds = divmod(round(left_s), 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f"{clock} left" if in_words else clock
