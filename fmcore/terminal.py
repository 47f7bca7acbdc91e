"""Live progress bars, drawn by the parent process alone."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Bars:
    """A reporter with one bar a task."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[note]:<22}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True, highlight=False),
        )
        self._ids: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
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
