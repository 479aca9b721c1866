"""What was recorded: the calls, all pages of the list, and handles on the files of one recording."""

import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path
from typing import Any

import anyio.to_thread

from odyssey_anyio.api.arguments import identifier, period
from odyssey_anyio.api.pages import Pages, Part
from odyssey_anyio.api.rest import Carry, RestCalls
from odyssey_anyio.downloads.partial_file import PartialFile
from odyssey_anyio.downloads.sink import MemorySink, Sink
from odyssey_anyio.errors.mapping import Calling, checked, refused
from odyssey_proto.kernel.introspection import html_table
from odyssey_proto.messages.events_file import decode
from odyssey_proto.messages.recordings import GET_RECORDING, LIST_STREAM_RECORDINGS, MAX_PAGE_ITEMS, Page
from odyssey_proto.model.address import is_plain_segment
from odyssey_proto.model.recordings import (
    DownloadProgress,
    EventLog,
    Recording,
    RecordingFile,
    StreamRecordingInfo,
    StreamRecordingsList,
)
from odyssey_proto.seam.commands import Call, Download, WaitForRecording

RECORDING_TIMEOUT = 600.0
"""How long to wait for a recording unless the caller says otherwise, in seconds."""

RECORDING_POLL_INTERVAL = 2.0
"""How often to look for a recording, in seconds."""

DOWNLOAD_TIMEOUT = 3600.0
"""How long a download may take unless the caller says otherwise, in seconds."""


class RecordingCalls(RestCalls):
    """The calls about recordings."""

    async def get_recording(self, stream_id: str) -> Recording:
        """
        Returns where the files of the stream `stream_id` are; the addresses are good for about an hour.

        Raises `OdysseyRequestError` if there is no such recording, otherwise `OdysseyError`.
        """
        recording: Recording = await self._do(Call(GET_RECORDING.name, identifier(stream_id, "stream_id")))
        return recording

    async def list_stream_recordings(
        self, limit: int | None = None, offset: int | None = None
    ) -> StreamRecordingsList:
        """
        Returns one page of the account's recordings, the most recent first.

        `limit` is the most on a page, `offset` how many are left out before it.
        Raises `OdysseyError`; `OdysseyValueError`, before anything is sent, for numbers that make no sense.
        """
        page = checked(lambda: Page(limit, offset))
        found: StreamRecordingsList = await self._do(Call(LIST_STREAM_RECORDINGS.name, page))
        return found

    def recording(self, stream_id: str) -> "StreamRecording":
        """
        Returns a handle on the recording of the stream `stream_id`; nothing is sent.

        Example:
            ```python
            path = await client.recording(stream_id).download("cat.mp4")
            ```
        """
        name = identifier(stream_id, "stream_id")
        return StreamRecording(name, lambda: self.get_recording(name), self._with, self._traced)

    def recordings(self, page: int = MAX_PAGE_ITEMS) -> Pages[StreamRecordingInfo]:
        """
        Returns all the account's recordings, the most recent first, `page` at a time.

        Example:
            ```python
            async for line in client.recordings():
                print(line.stream_id, line.duration_seconds)
            ```
        """
        checked(lambda: Page(page))

        async def load(offset: int) -> Part[StreamRecordingInfo]:
            found = await self.list_stream_recordings(page, offset)
            return Part(found.recordings, found.total)

        return Pages(load, lambda line: line.stream_id)


class StreamRecording:
    """The recording of one stream, by its id."""

    def __init__(
        self,
        stream_id: str,
        get: Callable[[], Awaitable[Recording]],
        with_: Carry[Any],
        traced: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.stream_id = stream_id
        """The service's name for the stream."""
        self._get = get
        self._with = with_
        self._traced = traced

    def __repr__(self) -> str:
        return f"<StreamRecording {self.stream_id!r}>"

    def _repr_html_(self) -> str:
        """Shows in a notebook which recording this is."""
        return html_table({"type": "StreamRecording", "stream_id": self.stream_id})

    async def get(self) -> Recording:
        """Returns where its files are now; raises what `Odyssey.get_recording` raises."""
        return await self._get()

    async def wait(
        self, timeout: float | None = RECORDING_TIMEOUT, *, every: float = RECORDING_POLL_INTERVAL
    ) -> Recording:
        """
        Waits until the recording is ready: its video is there; returns it then.

        A stream that still runs has none yet, and one that has just ended may be unknown for a while:
        that it is not found is final after a minute only.

        `timeout` and `every` are in seconds; without a timeout it waits for as long as it takes.
        Raises `OdysseyTimeoutError` (code `timeout.recording`), and what `get` raises, if that fails again
        and again.
        The wire: docs/protocol.md#recordings.

        Example:
            ```python
            recording = await client.recording(stream.stream_id).wait(timeout=120)
            print(recording.duration_seconds)
            ```
        """
        within = None if timeout is None else period(timeout, "timeout")
        command = WaitForRecording(self.stream_id, period(every, "every"), within)
        recording: Recording = await self._with(lambda supervisor: supervisor.calls.call(command))
        return recording

    async def download(
        self,
        path: str | os.PathLike[str],
        file: RecordingFile | str = RecordingFile.VIDEO,
        *,
        timeout: float = DOWNLOAD_TIMEOUT,
        on_progress: Callable[[DownloadProgress], object] | None = None,
    ) -> Path:
        """
        Loads one of its files to `path`, and returns that; what is there already is replaced.

        In a folder it is named after the stream, by a name that is safe there.
        `file` says which: the video unless something else is asked for.

        The whole file appears at once; until then its bytes stand beside it (`NAME.part`), and a
        later download goes on from there if the server says that it is still the same file.
        `timeout` is in seconds, and also ends an `on_progress` that still runs then.
        `on_progress` may be a coroutine function, and what it raises ends the download; while it runs
        the download goes on.
        The server of the files never sees the access token.
        Raises `OdysseyError`; if the file cannot be written, `OdysseyFileError`, which is an `OSError` too.

        Example:
            ```python
            path = await client.recording(stream_id).download("cat.mp4")
            ```
        """
        kind, target = _kind(file), _path(path)
        partial = PartialFile(target, f"{self.stream_id}/{kind}", _name(self.stream_id, kind))
        await self._load(kind, partial, timeout, on_progress)
        return partial.path

    async def read(self, file: RecordingFile | str, *, timeout: float = DOWNLOAD_TIMEOUT) -> bytes:
        """
        Returns one of the small files, `file`: the thumbnail or the events; `timeout` is in seconds.

        Raises `OdysseyError`; `OdysseyValueError` for one that may be too large for memory.
        """
        kind = _kind(file)
        if kind in (RecordingFile.VIDEO, RecordingFile.PREVIEW):
            raise refused(f"a {kind} may be too large for memory: download it", Calling.REST)
        memory = MemorySink()
        await self._load(kind, memory, timeout)
        return bytes(memory.data)

    async def events(self, *, timeout: float = DOWNLOAD_TIMEOUT) -> EventLog:
        """
        Returns what happened in the stream; `odyssey_proto.trace.timeline` joins it with our own trace.

        `timeout` is in seconds.
        Raises `OdysseyError`.
        """
        data = await self.read(RecordingFile.EVENTS, timeout=timeout)
        return await anyio.to_thread.run_sync(decode, data)

    async def _load(
        self,
        kind: RecordingFile,
        sink: Sink,
        timeout: float,
        on_progress: Callable[[DownloadProgress], object] | None = None,
    ) -> None:
        within = period(timeout, "timeout")
        with self._traced():
            try:
                stored, version = await anyio.to_thread.run_sync(sink.open)
                command = Download(self.stream_id, kind, within, stored, version)
                await self._with(lambda supervisor: supervisor.download(command, sink, on_progress))
                await anyio.to_thread.run_sync(sink.finish)
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(sink.close)


def _kind(file: RecordingFile | str) -> RecordingFile:
    try:
        return RecordingFile(file)
    except ValueError:
        raise refused(f"file must be one of {', '.join(RecordingFile)}", Calling.REST) from None


_ENDINGS = {
    RecordingFile.VIDEO: ".mp4",
    RecordingFile.PREVIEW: "-preview.mp4",
    RecordingFile.THUMBNAIL: ".jpg",
    RecordingFile.EVENTS: "-events.jsonl",
}

MAX_NAME_CHARS = 128
"""The longest id that names a file as it is, in characters; file systems take 255 bytes."""


def _name(stream_id: str, kind: RecordingFile) -> str:
    """Returns the name of a file in a folder: one plain segment, neither hidden nor too long."""
    hidden = stream_id.startswith((".", "-"))
    plain = is_plain_segment(stream_id) and not hidden and len(stream_id) <= MAX_NAME_CHARS
    stem = stream_id if plain else f"stream-{sha256(stream_id.encode()).hexdigest()[:32]}"
    return stem + _ENDINGS[kind]


def _path(path: str | os.PathLike[str]) -> Path:
    try:
        target = Path(path)
    except TypeError:
        raise refused(f"path must be a path, not {type(path).__name__}", Calling.REST) from None
    if not os.fspath(path) or "\0" in str(target):
        raise refused("path is empty or not usable", Calling.REST, "download.path")
    return target
