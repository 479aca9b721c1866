"""A stream as a block: started on the way in, ended on every way out."""

import os
from types import TracebackType
from typing import Protocol, Self
from weakref import WeakSet

import anyio.lowlevel

from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_anyio.api import arguments
from odyssey_anyio.errors.classes import OdysseyError
from odyssey_anyio.errors.mapping import Calling, error_of
from odyssey_anyio.events.event_stream import EventPublisher
from odyssey_anyio.images import ImageInput
from odyssey_anyio.media.delivery import Newest, Policy
from odyssey_anyio.media.encoded_sinks import EncodedReader
from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.media.frame_reader import FrameReader, Frames
from odyssey_anyio.recorder.video_recorder import VideoRecorder
from odyssey_anyio.runtime.client_loop import FORKED
from odyssey_anyio.tracing.session_trace import SessionTrace
from odyssey_proto.kernel.failures import Failure
from odyssey_proto.kernel.introspection import html_table
from odyssey_proto.model import events
from odyssey_proto.model.events import Event


class Controls(Protocol):
    """What a block needs of a client."""

    @property
    def trace(self) -> SessionTrace | None:
        """The trace of the session until now."""
        ...

    async def start_stream(
        self,
        prompt: str,
        portrait: bool | None,
        image: ImageInput | None,
        *,
        bypass_prompt_expansion: bool | None,
        broadcast: bool,
    ) -> str:
        """Starts a stream and returns its id."""
        ...

    async def interact(self, prompt: str) -> str:
        """Steers the stream."""
        ...

    async def end_stream(self) -> None:
        """Ends the stream."""
        ...


class LiveStream:
    """
    One stream, for `async with`.

    It may end by itself; then the frames end as well, and the end of the block has nothing left to do.
    With an error the frames end as well, unless it did not end the stream (`StreamFailed.ends` is `False`):
    one that answers a prompt is raised by `interact` and ends no frames.
    If it is not known whether the stream goes on, it is ended at the end of the block.
    A stream that a `ReconnectPolicy` starts again in another session is the same to this block, and so are
    its frames.
    """

    def __init__(
        self,
        client: Controls,
        publisher: EventPublisher,
        frames: Frames[VideoFrame],
        prompt: str,
        portrait: bool | None,
        image: ImageInput | None,
        bypass_prompt_expansion: bool | None,
        broadcast: bool,
        sound: bool,
    ) -> None:
        self._client = client
        self._publisher = publisher
        self._frames = frames
        self._wanted = (prompt, portrait, image)
        self._bypass = bypass_prompt_expansion
        self._broadcast = broadcast
        self._sound = sound
        self._readers: WeakSet[FrameReader[VideoFrame]] = WeakSet()
        self._recorders: WeakSet[EncodedReader] = WeakSet()
        self._over = True
        self._owes_end = False
        self._failure: Failure | None = None
        self._ended = Wakeup()
        self._last_frame: VideoFrame | None = None
        self.stream_id: str = ""
        """The service's name for the stream, also that of its recording; another one after a recovery."""

    def __repr__(self) -> str:
        return f"<LiveStream {self.stream_id or 'not started'}{' over' if self._over else ''}>"

    def _repr_html_(self) -> str:
        """Shows in a notebook which stream this is, and whether it goes on."""
        return html_table({"type": "LiveStream", "stream_id": self.stream_id, "over": self.over})

    async def __aenter__(self) -> Self:
        self._publisher.add(self)
        try:
            self.stream_id = await self._client.start_stream(
                *self._wanted, bypass_prompt_expansion=self._bypass, broadcast=self._broadcast
            )
        except BaseException:
            self._publisher.remove(self)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.end()
        except OdysseyError as failed:
            # What went wrong before is what the application has to know; in a forked child nothing did.
            if error is None and self._failure is None and failed.code != FORKED:
                raise
        finally:
            self._publisher.remove(self)
            self._end(None)

    @property
    def over(self) -> bool:
        """Whether the stream has ended, or failed."""
        return self._over

    @property
    def last_frame(self) -> VideoFrame | None:
        """
        The newest frame of the stream, and the last one when it is over; `None` before the first.

        Any thread may ask, and nothing is waited for.
        A stream may begin with it.

        Example:
            ```python
            async with client.stream("A cat walks to the door") as first:
                await anyio.sleep(5)
            async with client.stream("It goes out", image=first.last_frame) as second:
                await anyio.sleep(5)
            ```
        """
        return self._last_frame if self._over else self._frames.latest

    async def ended(self) -> None:
        """
        Waits until the stream is over, by itself or by `end`.

        Raises what `frames` raises if it failed.
        """
        await self._ended.until(lambda: self._over)
        await anyio.lowlevel.checkpoint()
        self._finish()

    def frames(self, policy: Policy | None = None) -> FrameReader[VideoFrame]:
        """
        Returns the frames of the stream from now on, the newest first unless `policy` says otherwise.

        They end with the stream; if it failed, the iteration raises why.

        Example:
            ```python
            async with client.stream("A cat") as stream:
                async for frame in stream.frames():
                    window.show(frame.bgr)
            ```
        """
        reader = self._frames.read(arguments.policy_or_none(policy, "policy") or Newest(), self._finish)
        self._readers.add(reader)
        if self._over:
            reader.close()
        return reader

    def record(self, path: str | os.PathLike[str]) -> VideoRecorder:
        """
        Returns a recorder for `async with`, which writes the stream to `path` (docs/how-to/record.md).

        It takes nothing more when the stream ends; the end of its own block finishes the file.
        Raises `OdysseyValueError` unless the name ends in `.mp4`, `.webm` or `.mkv`.
        """
        return VideoRecorder(path, self._record, sound=self._sound)

    def _record(self, recorder: EncodedReader) -> None:
        self._recorders.add(recorder)
        if self._over:
            recorder.close()
        else:
            self._frames.record(recorder)

    async def interact(self, prompt: str) -> str:
        """
        Steers the stream by `prompt`; returns it as it was applied. Raises `OdysseyStreamError`.

        Example:
            ```python
            applied = await stream.interact("Pet the cat")
            ```
        """
        return await self._client.interact(prompt)

    async def end(self) -> None:
        """Ends the stream before the block does; one that has ended stays so. Raises `OdysseyStreamError`."""
        if self._owes_end:
            await self._client.end_stream()

    def put(self, event: Event) -> None:
        """Takes an event, which may be about the stream."""
        match event:
            case events.StreamStarted(stream_id):
                self.stream_id = stream_id
                self._over = False
                self._owes_end = True
            case events.StreamEnded():
                self._owes_end = False
                self._end(None)
            case events.StreamFailed(failure=failure, ends=ends) if ends is not False:
                # One that may go on is ended on the way out, because nobody sees it any more.
                self._owes_end = self._owes_end and not ends
                self._end(failure)
            case events.Disconnected(failure):
                self._owes_end = False
                self._end(failure)
            case _:
                pass

    def close(self) -> None:
        """No more events will come."""
        self._owes_end = False
        self._end(None)

    def _end(self, failure: Failure | None) -> None:
        if not self._over:
            self._last_frame = self._frames.latest
            self._over = True
            self._failure = failure
            self._ended.set()
        for reader in list(self._readers):
            reader.close()
        for recorder in list(self._recorders):
            recorder.close()

    def _finish(self) -> None:
        if self._failure is not None:
            error = error_of(self._failure, Calling.STREAM)
            error.trace = self._client.trace
            raise error
