"""What a command prints: sentences and tables for people, or one JSON object a line for programs."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Annotated, Any

import typer
from attrs import define, frozen

from odyssey.inspect.transcript import printable
from odyssey_proto.model.recordings import DownloadProgress

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line instead of sentences.")]
"""The option of every command that has results."""


@frozen
class Output:
    """Standard output, in one of the two forms."""

    json: bool

    def say(self, text: str) -> None:
        """Prints a sentence for people; programs get none."""
        if not self.json:
            print(text, flush=True)

    def record(self, **values: Any) -> None:
        """Prints an object for programs; people get none."""
        if self.json:
            print(json.dumps(values), flush=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Prints a table for people; what stands in it may come from anywhere."""
        if self.json:
            return
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        from odyssey.cli.console import Console

        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text("–" if cell is None else printable(f"{cell}")) for cell in row))
        Console(highlight=False).print(table)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Shows that something is waited for, on standard error; only people at a terminal see it."""
        from odyssey.cli.console import Console

        console = Console(stderr=True)
        with console.status(printable(text)) if console.is_terminal and not self.json else nullcontext():
            yield

    @contextmanager
    def download(self, name: str) -> Iterator["Bar"]:
        """Shows how a download goes on, on standard error; only people at a terminal see it."""
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        from odyssey.cli.console import Console

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        console = Console(stderr=True)
        with Progress(*columns, console=console, disable=self.json or not console.is_terminal) as bars:
            task = bars.add_task(printable(name), total=None)
            yield lambda progress: bars.update(task, completed=progress.received, total=progress.total)


@define
class StatusLines:
    """The statuses of one connection as lines for people."""

    _before: str = ""

    def line(self, status: str, message: str | None) -> str:
        """Returns the words for a status, or nothing where they would only repeat the line before."""
        before, self._before = self._before, status
        if message is None:
            return "" if status == before else status
        words = f"{message[:1].lower()}{message[1:]}"
        return words if words.startswith(status) else f"{status}: {message}"


type Bar = Callable[[DownloadProgress], None]
"""Shows how far a download is."""
