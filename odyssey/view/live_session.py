"""One client as a page sees it: what may be done, how it stands, and what has become of it."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from attrs import asdict, define

from odyssey import Event, Odyssey, OdysseyError, SessionTrace, VideoRecorder
from odyssey.view.pictures import Pictures
from odyssey.view.words import in_words, loss, problem
from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_proto.kernel.failures import FailureKind
from odyssey_proto.model import events
from odyssey_proto.trace.format import lines

MAX_PROMPTS = 100
MAX_HAPPENINGS = 50

TROUBLES = (events.StreamFailed, events.ErrorHappened, events.FramesStalled, events.Reconnecting)
"""What is no news but a problem."""

RECORDING_FORMAT = ".mp4"
"""It plays nearly everywhere, on telephones too (docs/how-to/record.md)."""


@define
class Prompt:
    """A prompt that was given, and what became of it."""

    text: str
    starts: bool
    """Whether it began a stream, or steered one."""
    applied: str | None = None
    """As the service worded it, if it said so."""
    milliseconds: int | None = None
    """How long the answer took."""
    error: str | None = None


class LiveSession:
    """
    What the page's buttons do; `folder` takes the recordings.

    It belongs to one loop; each call raises the `OdysseyError` that the client's own raises.
    """

    def __init__(self, client: Odyssey, folder: Path) -> None:
        self.pictures: Pictures = Pictures()
        self.changed: Wakeup = Wakeup()
        """Set whenever the state is another."""
        self._client = client
        self._folder = folder
        self._streaming = False
        self._problem: dict[str, str] | None = None
        self._prompts: deque[Prompt] = deque(maxlen=MAX_PROMPTS)
        self._happenings: deque[dict[str, str]] = deque(maxlen=MAX_HAPPENINGS)
        self._recorder: VideoRecorder | None = None
        self._recordings: dict[str, VideoRecorder] = {}

    def __repr__(self) -> str:
        return f"<LiveSession {self._client.current_status.value}{' streaming' if self._streaming else ''}>"

    async def run(self) -> None:
        """Follows what happens until it is cancelled; a recording is finished then."""
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self.pictures.follow, self._client)
                while True:
                    # They end whenever the client disconnects.
                    async for event in self._client.events():
                        self._take(event)
                        self.changed.set()
        finally:
            await self.stop_recording()

    # --- what the buttons do --------------------------------------------------------------------

    async def connect(self) -> None:
        """Opens a session; an open one is kept."""
        self._problem = None
        self.changed.set()
        try:
            await self._client.connect()
        except OdysseyError as error:
            if error.failure.kind is not FailureKind.CLOSED_LOCALLY:
                self._problem = problem(error.failure)
            raise
        finally:
            self.changed.set()

    async def disconnect(self) -> None:
        """Gives the session back; a call that is still on its way fails."""
        await self._client.disconnect()
        self._streaming = False
        self.changed.set()

    async def start(self, prompt: str, portrait: bool, image: str | None) -> None:
        """Starts a stream, in a new session if there is none; `image` is a data URL."""
        if not self._client.is_connected:
            await self.connect()
        with self._answered(Prompt(prompt, starts=True)):
            await self._client.start_stream(prompt, portrait, image)

    async def interact(self, prompt: str) -> None:
        """Steers the stream."""
        with self._answered(Prompt(prompt, starts=False)) as given:
            given.applied = await self._client.interact(prompt)

    async def end(self) -> None:
        """Ends the stream."""
        await self._client.end_stream()

    async def record(self) -> None:
        """Begins a recording, unless one is on its way."""
        if self._recorder is None:
            name = f"odyssey-{datetime.now():%Y%m%d-%H%M%S}-{len(self._recordings) + 1}{RECORDING_FORMAT}"
            recorder = self._client.record(self._folder / name)
            self._recorder = recorder
            try:
                await recorder.__aenter__()
            except BaseException:
                self._recorder = None
                raise
            self.changed.set()

    async def stop_recording(self) -> None:
        """Finishes the recording, if there is one."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            try:
                await recorder.__aexit__(None, None, None)
            finally:
                if recorder.why_empty is None:
                    self._recordings[recorder.path.name] = recorder
                else:
                    self._say("problem", f"nothing was recorded: {recorder.why_empty}")
                self.changed.set()

    async def trace(self) -> bytes | None:
        """Returns the trace of the present session, or of the one before, without its secrets, as a file."""
        trace = self._client.trace
        return None if trace is None else await anyio.to_thread.run_sync(_exported, trace)

    def recording(self, name: str) -> Path | None:
        """Returns where a recording is that was finished."""
        recorder = self._recordings.get(name)
        return None if recorder is None else recorder.path

    # --- how it stands --------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Returns what the page shows, but for the figures that change all the time."""
        return {
            "status": self._client.current_status.value,
            "streaming": self._streaming,
            "problem": self._problem,
            "prompts": [asdict(each) for each in self._prompts],
            "happenings": list(self._happenings),
            "recording": self._recorder is not None,
            "recordings": [
                {"name": name, "seconds": round(each.seconds, 1), "frames": each.frames}
                for name, each in self._recordings.items()
            ],
            "trace": self._client.trace is not None,
        }

    def figures(self) -> dict[str, Any]:
        """Returns what the client has counted, what limits the video, and the last round trip in ms."""
        seen = self._client.statistics()
        frames, limit = seen.frames, None if seen.link is None else seen.link.limiting_factor
        return {
            "limited_by": None if limit is None else limit.value,
            "received": frames.received,
            "dropped": sum(frames.dropped.values()),
            "round_trip": None if seen.round_trip is None else round(seen.round_trip * 1000),
            "recorded": None if self._recorder is None else round(self._recorder.seconds, 1),
        }

    # --- what happens ---------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        match event:
            case events.StreamStarted(_, applied):
                self._streaming = True
                if applied is not None and self._prompts:
                    self._prompts[-1].applied = applied
            case events.StreamEnded():
                self._streaming = False
            case events.StreamFailed(ends=ends) if ends is not False:
                self._streaming = False
            case events.Disconnected(failure):
                self._streaming = False
                self._problem = None if failure is None else loss(failure)
            case _:
                pass
        text = in_words(event)
        if text is not None:
            self._say("problem" if isinstance(event, TROUBLES) else "news", text)

    def _say(self, kind: str, text: str) -> None:
        # A failed connect is a status and an error, which say the same.
        if not self._happenings or self._happenings[-1]["text"] != text:
            self._happenings.append({"at": f"{datetime.now():%H:%M:%S}", "kind": kind, "text": text})

    @contextmanager
    def _answered(self, given: Prompt) -> Iterator[Prompt]:
        """Keeps a prompt, and notes how long its answer takes, or which error that is."""
        self._prompts.append(given)
        self.changed.set()
        began = time.monotonic()
        try:
            yield given
        except OdysseyError as error:
            given.error = str(error)
            raise
        finally:
            given.milliseconds = round((time.monotonic() - began) * 1000)
            self.changed.set()


def _exported(trace: SessionTrace) -> bytes:
    return "".join(f"{line}\n" for line in lines(trace.redacted())).encode()
