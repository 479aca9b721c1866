"""Watching a broadcast: one connection, made for watching and nothing else."""

import os
import ssl
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Never, Self

from attrs import evolve

from odyssey_anyio.aio.machine_loop import Clock
from odyssey_anyio.aio.owner_loop import LoopLostError
from odyssey_anyio.aio.tasks import checkpoint
from odyssey_anyio.api import arguments
from odyssey_anyio.errors.classes import OdysseyAttributeError, OdysseyError
from odyssey_anyio.errors.mapping import checked
from odyssey_anyio.events.dispatcher import Callbacks
from odyssey_anyio.events.event_stream import MAX_QUEUE, EventPublisher, EventStream
from odyssey_anyio.events.handlers import (
    AudioFrameCallback,
    ConnectHandlers,
    DisconnectedCallback,
    VideoFrameCallback,
)
from odyssey_anyio.media.audio_frame import AudioFrame
from odyssey_anyio.media.delivery import AUDIO_POLICY, FrameAccount, Newest, Policy
from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.media.frame_reader import FrameReader, Frames
from odyssey_anyio.recorder.video_recorder import VideoRecorder
from odyssey_anyio.runtime import default_transports as defaults
from odyssey_anyio.runtime.core import Core
from odyssey_anyio.runtime.supervisor import Supervisor, Transports
from odyssey_anyio.tracing.policy import TracePolicy, policy_of
from odyssey_anyio.tracing.session_trace import Recorded, SessionTrace
from odyssey_anyio.tracing.tracer import Tracer
from odyssey_proto.client.spectator import Spectator
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.config import IcePolicy, Timeouts
from odyssey_proto.model.events import ConnectionStatus, Disconnected, Event
from odyssey_proto.seam.commands import Connect
from odyssey_proto.seam.settings import SpectatorSettings

_WITH_AUDIO = "a spectator that receives audio: use connect_to_stream(..., audio=True)"


class SpectatorConnection(Recorded):
    """
    A broadcast that is being watched; `connect_to_stream` makes it.

    As an async context manager it disconnects however the block ends; otherwise call `disconnect`.
    """

    def __init__(
        self,
        settings: SpectatorSettings,
        transports: Transports,
        handlers: ConnectHandlers,
        traces: TracePolicy,
        *,
        debug: bool = False,
    ) -> None:
        clock = Clock()
        settings = evolve(settings, wall=clock.wall)
        self._handlers = handlers
        self._receives_audio = settings.audio
        self._publisher = EventPublisher()
        self._frames = Frames[VideoFrame](lambda: self.trace, lambda: self._supervisor.check_reader())
        self._audio = Frames[AudioFrame](lambda: self.trace, lambda: self._supervisor.check_reader())
        self._publisher.add(self)
        self._snapshot = partial(SessionTrace, Spectator, traces.redaction)
        self._core = Core(Spectator(settings), clock, Tracer(settings, traces, self._snapshot))
        self._supervisor = Supervisor(
            self._core,
            transports,
            Callbacks(),
            self._publisher,
            self._frames,
            self._audio,
            settings.timeouts.leave,
            debug=debug,
        )

    def __repr__(self) -> str:
        return f"<SpectatorConnection {self._core.client.state.value}>"

    async def connect(self) -> None:
        """Begins to watch; `connect_to_stream` has done it, and raises the same."""
        try:
            await self._supervisor.calls.call(Connect(), self._handlers)
        except OdysseyError:
            await self.disconnect()
            raise
        except BaseException:
            # A caller that was cancelled is released at once; the core disconnects without it.
            self._supervisor.close_soon()
            raise

    async def disconnect(self) -> None:
        """Ends the connection to the media server, in any state, and again; nothing is raised."""
        supervisor = self._supervisor
        if supervisor.over:
            await checkpoint()
        elif supervisor.open:
            with suppress(LoopLostError):
                await supervisor.loop.do(supervisor.disconnect)
        elif not supervisor.inside:
            await supervisor.closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    @property
    def is_connected(self) -> bool:
        """Whether video can come."""
        return not self._supervisor.over and self._core.client.status is ConnectionStatus.CONNECTED

    @property
    def peer_connection(self) -> Never:
        """
        Not to be had: the peer connection lives in a thread of its own, and nothing else may touch it.

        Raises `OdysseyAttributeError`, which is an `AttributeError` too and names what to use instead.
        """
        raise OdysseyAttributeError(
            "the peer connection of a spectator lives in a thread of its own: use account for what became of"
            " its frames, events() for what happens, and trace for everything that was said"
        )

    @property
    def account(self) -> FrameAccount:
        """What became of the frames."""
        return self._frames.account

    @property
    def latest_frame(self) -> VideoFrame | None:
        """The newest frame, which stays when the broadcast is over; any thread may ask."""
        return self._frames.latest

    @property
    def trace(self) -> SessionTrace | None:
        """The trace until now."""
        return self._snapshot(self._core.tracer.buffer)

    def put(self, event: Event) -> None:
        """Takes an event: with `Disconnected` the frames end, and everything that was kept for them."""
        if isinstance(event, Disconnected):
            self._frames.close()
            self._audio.close()
            self._supervisor.close_soon()

    def close(self) -> None:
        """No more events will come."""

    def frames(self, policy: Policy | None = None) -> FrameReader[VideoFrame]:
        """
        Returns the frames from now on, the newest first unless `policy` says otherwise.

        They end with the connection; `events` says why.
        """
        self._supervisor.check_reader()
        reader = self._frames.read(arguments.policy_or_none(policy, "policy") or Newest())
        if not self.is_connected:
            reader.close()
        return reader

    def audio(self, policy: Policy | None = None) -> FrameReader[AudioFrame]:
        """
        Returns the sound from now on, as `Odyssey.audio` does; it ends with the connection.

        Two seconds of it wait unless `policy` says otherwise.
        Raises `OdysseyValueError` unless `connect_to_stream` was called with `audio=True`.
        """
        arguments.check_audio(self._receives_audio, "audio()", _WITH_AUDIO)
        self._supervisor.check_reader()
        reader = self._audio.read(arguments.policy_or_none(policy, "policy") or AUDIO_POLICY)
        if not self.is_connected:
            reader.close()
        return reader

    def record(self, path: str | os.PathLike[str]) -> VideoRecorder:
        """
        Returns a recorder for `async with`, which writes what is watched to the file `path`.

        It is that of `Odyssey.record`, with sound after `connect_to_stream(..., audio=True)`; when the
        broadcast is over, the end of the block finishes the file.
        Raises `OdysseyValueError` unless the name ends in `.mp4`, `.webm` or `.mkv`.

        Example:
            ```python
            async with spectator.record("broadcast.webm") as recorder:
                await anyio.sleep(10)
            ```
        """
        self._supervisor.check_reader()
        return VideoRecorder(path, self._frames.record, sound=self._receives_audio)

    def events(self, size: int = MAX_QUEUE) -> EventStream:
        """
        Returns every event from now on; up to `size` may wait unread, then the oldest are dropped.

        The failure of `Disconnected` has the code `broadcast.ended` when the host ended the stream.
        """
        self._supervisor.check_reader()
        reader = EventStream(size, self._supervisor.check_reader)
        self._publisher.add(reader)
        if not self.is_connected:
            reader.close()
        return reader


async def connect_to_stream(
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

    Example:
        ```python
        async with await connect_to_stream(info.webrtc_url, info.spectator_token) as spectator:
            frame = await anext(spectator.frames())
        ```
    """
    tls = arguments.ssl_context(ssl_context)
    network = defaults.NetworkTransports(tls)
    own = Transports(network.exchanges, network.sockets, defaults.media)
    make = partial(
        SpectatorSettings,
        webrtc_url=arguments.text(webrtc_url, "webrtc_url"),
        token=Secret(arguments.text(spectator_token, "spectator_token")),
        timeouts=arguments.setting(timeouts, Timeouts, "timeouts"),
        ice=arguments.setting(ice, IcePolicy, "ice"),
        audio=audio,
    )
    handlers = ConnectHandlers(
        on_disconnected=on_disconnected,
        on_video_frame=on_video_frame,
        frame_policy=frame_policy,
        on_audio_frame=on_audio_frame,
        audio_policy=audio_policy,
    )
    spectator = SpectatorConnection(
        checked(make),
        arguments.setting(transports or own, Transports, "transports"),
        arguments.checked_handlers(handlers, audio, _WITH_AUDIO),
        policy_of(arguments.setting(traces, TracePolicy, "traces")),
        debug=debug,
    )
    await spectator.connect()
    return spectator
