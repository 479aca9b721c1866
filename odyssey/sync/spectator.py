"""Watching a broadcast; docs/mirror.py generates it from the async API."""

import os
import ssl
from pathlib import Path
from types import TracebackType
from typing import Self

from odyssey.sync.iterators import EventStream, FrameReader
from odyssey.sync.mirror import Mirror, in_thread
from odyssey.sync.portal import Portal
from odyssey.sync.stream import VideoRecorder
from odyssey_anyio.events.event_stream import MAX_QUEUE
from odyssey_anyio.events.handlers import AudioFrameCallback, DisconnectedCallback, VideoFrameCallback
from odyssey_anyio.media.audio_frame import AudioFrame
from odyssey_anyio.media.delivery import FrameAccount, Policy
from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.runtime.supervisor import Transports
from odyssey_anyio.spectator import SpectatorConnection as AsyncSpectatorConnection
from odyssey_anyio.spectator import connect_to_stream as async_connect_to_stream
from odyssey_anyio.tracing.policy import TracePolicy
from odyssey_anyio.tracing.session_trace import SessionTrace
from odyssey_proto.model.config import IcePolicy, Timeouts
from odyssey_proto.trace.policy import Redaction


class SpectatorConnection(Mirror[AsyncSpectatorConnection]):
    """
    A broadcast that is being watched; `connect_to_stream` makes it.

    As a context manager it disconnects however the block ends; otherwise call `disconnect`.
    """

    def disconnect(self) -> None:
        """Ends the connection to the media server, in any state, and again; nothing is raised."""
        try:
            self._portal.finish(self._original.disconnect)
        finally:
            self._portal.close()

    def __enter__(self) -> Self:
        self._portal.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._portal.finish(self._original.__aexit__, kind, error, trace)
        finally:
            self._portal.close()

    @property
    def is_connected(self) -> bool:
        """Whether video can come."""
        return self._original.is_connected

    @property
    def account(self) -> FrameAccount:
        """What became of the frames."""
        return self._portal.do(lambda: self._original.account)

    @property
    def latest_frame(self) -> VideoFrame | None:
        """The newest frame, which stays when the broadcast is over; any thread may ask."""
        return self._original.latest_frame

    @property
    def trace(self) -> SessionTrace | None:
        """The trace until now."""
        return self._original.trace

    def frames(self, policy: Policy | None = None) -> FrameReader[VideoFrame]:
        """
        Returns the frames from now on, the newest first unless `policy` says otherwise.

        They end with the connection; `events` says why.
        """
        return FrameReader[VideoFrame](self._portal, self._portal.do(self._original.frames, policy))

    def audio(self, policy: Policy | None = None) -> FrameReader[AudioFrame]:
        """
        Returns the sound from now on, as `Odyssey.audio` does; it ends with the connection.

        Two seconds of it wait unless `policy` says otherwise.
        Raises `OdysseyValueError` unless `connect_to_stream` was called with `audio=True`.
        """
        return FrameReader[AudioFrame](self._portal, self._portal.do(self._original.audio, policy))

    def record(self, path: str | os.PathLike[str]) -> VideoRecorder:
        """
        Returns a recorder for `with`, which writes what is watched to the file `path`.

        It is that of `Odyssey.record`, with sound after `connect_to_stream(..., audio=True)`; when the
        broadcast is over, the end of the block finishes the file.
        Raises `OdysseyValueError` unless the name ends in `.mp4`, `.webm` or `.mkv`.

        Example:
            ```python
            with spectator.record("broadcast.webm") as recorder:
                time.sleep(10)
            ```
        """
        return VideoRecorder(self._portal, self._portal.do(self._original.record, path))

    def events(self, size: int = MAX_QUEUE) -> EventStream:
        """
        Returns every event from now on; up to `size` may wait unread, then the oldest are dropped.

        The failure of `Disconnected` has the code `broadcast.ended` when the host ended the stream.
        """
        return EventStream(self._portal, self._portal.do(self._original.events, size))

    def save_trace(self, path: str | os.PathLike[str], redaction: Redaction | None = None) -> Path:
        """
        Writes the trace, without secrets, to the file `path`, which only its owner can read; returns that.

        A thread does the work, so nothing else waits for it.
        `redaction` says what else stays out; without it, the client's `traces` say so.
        Raises `OdysseyTraceError` if there is no trace, if it cannot be proved that no secret is left,
        or if the file cannot be written.
        """
        return self._portal.finish(self._original.save_trace, path, redaction)


def connect_to_stream(
    webrtc_url: str,
    spectator_token: str,
    on_video_frame: VideoFrameCallback | None = None,
    on_disconnected: DisconnectedCallback | None = None,
    debug: bool = False,
    *,
    timeouts: Timeouts | None = None,
    ice: IcePolicy | None = None,
    traces: TracePolicy | None = None,
    transports: Transports | None = None,
    ssl_context: ssl.SSLContext | None = None,
    frame_policy: Policy | None = None,
    audio: bool = False,
    on_audio_frame: AudioFrameCallback | None = None,
    audio_policy: Policy | None = None,
    backend: str = "asyncio",
) -> SpectatorConnection:
    """
    Watches a broadcast by what `BroadcastInfo` says of it; returns when video is there.

    `webrtc_url` and `spectator_token` are fields of `BroadcastInfo`; no API key is needed.
    `timeouts`, `ice`, `traces` and `debug` are those of `Odyssey`; `transports` replaces our own.
    `ssl_context` checks certificates, as that of `Odyssey` does.
    `frame_policy` says which frames `on_video_frame` gets, as that of `Odyssey.connect` does.
    `audio` says that the broadcast's sound is received as well, if it has any; `on_audio_frame` gets it by
    its `audio_policy`, as that of `Odyssey.connect` does.
    `on_disconnected` is called once, when a connection that came up is over, also by your own `disconnect`.
    Raises `OdysseyValueError` for an argument that makes no sense, `OdysseyAuthError` for a token that is
    refused, otherwise `OdysseyConnectionError`.

    `backend` says what the loop of this client runs on: `asyncio` or `trio`.

    Example:
        ```python
        with connect_to_stream(info.webrtc_url, info.spectator_token) as spectator:
            frame = next(spectator.frames())
        ```
    """
    portal = Portal(backend)
    try:
        return SpectatorConnection(
            portal,
            portal.call(
                async_connect_to_stream,
                webrtc_url,
                spectator_token,
                in_thread(on_video_frame),
                in_thread(on_disconnected),
                debug,
                timeouts=timeouts,
                ice=ice,
                traces=traces,
                transports=transports,
                ssl_context=ssl_context,
                frame_policy=frame_policy,
                audio=audio,
                on_audio_frame=in_thread(on_audio_frame),
                audio_policy=audio_policy,
            ),
        )
    except BaseException:
        portal.close()
        raise
