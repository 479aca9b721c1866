"""What is seen of a stream while it runs: at a terminal a line that changes, elsewhere a line a second."""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import asdict, frozen

from odyssey import Odyssey
from odyssey.cli.output import Output
from odyssey.inspect.transcript import printable

RATE_SECONDS = 2.0
"""Over how long frames a second are counted."""

TERMINAL_INTERVAL_SECONDS = 0.1
"""How often the line changes at a terminal."""

PLAIN_INTERVAL_SECONDS = 1.0
"""How often there is a line elsewhere."""


@frozen
class Snapshot:
    """How a stream goes at one moment."""

    status: str
    seconds: float
    """Since the stream began."""
    received: int
    delivered: int
    dropped: int
    fps: float
    """Frames received in a second, lately."""
    age: float | None
    """Seconds since the newest frame came; `None` before the first."""

    def __str__(self) -> str:
        age = "none yet" if self.age is None else f"{self.age:.1f} s old"
        return (
            f"{self.status}  {self.seconds:6.1f} s  {self.received} frames  {self.fps:4.1f} fps  "
            f"{self.dropped} dropped  newest {age}"
        )


class Meter:
    """Measures a stream from the account of its client."""

    def __init__(self, client: Odyssey, now: Callable[[], float]) -> None:
        self._client = client
        self._now = now
        self._began = now()
        self._before = client.statistics().frames
        self._newest: float | None = None
        self._counts: deque[tuple[float, int]] = deque([(self._began, 0)])

    def frame_came(self) -> None:
        """A frame came."""
        self._newest = self._now()

    def read(self) -> Snapshot:
        """Returns how the stream goes now."""
        now, frames = self._now(), self._client.statistics().frames
        received = frames.received - self._before.received
        self._counts.append((now, received))
        while self._counts[0][0] < now - RATE_SECONDS:
            self._counts.popleft()
        since, count = self._counts[0]
        return Snapshot(
            status=self._client.current_status.value,
            seconds=round(now - self._began, 3),
            received=received,
            delivered=frames.delivered - self._before.delivered,
            dropped=sum(frames.dropped.values()) - sum(self._before.dropped.values()),
            fps=round((received - count) / max(now - since, 0.001), 1),
            age=None if self._newest is None else round(now - self._newest, 3),
        )


class StreamScreen:
    """Prints sentences and snapshots; `live` is rich's display where there is a terminal."""

    def __init__(self, output: Output, live: Any = None) -> None:
        self._output = output
        self._live = live

    @property
    def live(self) -> bool:
        """Whether there is a line that changes, in which the prompt is shown as it is typed."""
        return self._live is not None

    @property
    def interval(self) -> float:
        """How often to show a snapshot, in seconds."""
        return PLAIN_INTERVAL_SECONDS if self._live is None else TERMINAL_INTERVAL_SECONDS

    def say(self, text: str) -> None:
        """Prints a sentence, above the line that changes."""
        if self._live is None:
            self._output.say(printable(text))
        else:
            from rich.text import Text

            self._live.console.print(Text(printable(text)))

    def event(self, kind: str, **values: Any) -> None:
        """Prints what happened for programs."""
        self._output.record(event=kind, **values)

    def show(self, snapshot: Snapshot, typed: str = "") -> None:
        """Shows how it goes, and the prompt that is being typed."""
        self.event("progress", **asdict(snapshot))
        if self._live is None:
            self._output.say(str(snapshot))
        else:
            from rich.text import Text

            cursor = Text.assemble((f"{snapshot}\n", "bold"), ("> ", "cyan"), printable(typed), ("█", "dim"))
            self._live.update(cursor, refresh=True)


@contextmanager
def stream_screen(output: Output) -> Iterator[StreamScreen]:
    """Shows a stream for the length of the block."""
    if output.json or not sys.stdout.isatty():
        yield StreamScreen(output)
        return
    from rich.live import Live

    from odyssey.cli.console import Console

    with Live(console=Console(highlight=False), auto_refresh=False, transient=True) as live:
        yield StreamScreen(output, live)
