"""Live progress bars, drawn by the parent process alone."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_ROOMY, _NARROW = (28, 28, 22), (20, 20, 20)  # characters of name, bar and note
_TIMES = 18  # characters of the times behind them, and of the gaps


class Bars:
    """A reporter with one bar a task."""

    def __init__(self) -> None:
        console = Console(stderr=True, highlight=False)
        name, bar, note = _ROOMY if console.width >= sum(_ROOMY) + _TIMES else _NARROW
        self._bars = Progress(
            TextColumn(f"{{task.description:<{name}}}"),
            BarColumn(bar_width=bar),
            TextColumn(f"{{task.fields[note]:<{note}}}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._ids: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:  # what nobody finished is over all the same; after an error it shows how far it came
            for task in self._ids.values():
                self._bars.remove_task(task)
        self._bars.stop()

    def say(self, text: str) -> None:
        self._bars.console.print(escape(text))

    def progress(self, task: str, done: int, total: int | None, unit: str) -> None:
        note = f"{done:,} / {total:,} {unit}" if total else f"{done:,} {unit}" if done else unit
        if task not in self._ids:
            self._ids[task] = self._bars.add_task(escape(task), total=total, note=note)
        self._bars.update(self._ids[task], completed=done, total=total, note=note)

    def finish(self, task: str, text: str, ok: bool = True) -> None:
        if task in self._ids:
            self._bars.remove_task(self._ids.pop(task))
        mark = "[green]✓[/]" if ok else "[red]✗[/]"
        self._bars.console.print(f"{mark} {escape(task)}: {escape(text)}")
