"""The client; docs/mirror.py generates it from the async API."""

import os
import ssl
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from odyssey.sync.mirror import in_thread
from odyssey.sync.portal import Portal
from odyssey.sync.reader_calls import PreparationCalls, ReaderCalls
from odyssey.sync.simulation_calls import SimulationCalls
from odyssey.sync.stream_calls import ClipCalls
from odyssey_anyio.api.session_limit import SessionLimit
from odyssey_anyio.api.shared_access import SharedAccess
from odyssey_anyio.api.statistics import Statistics
from odyssey_anyio.client import Odyssey as AsyncOdyssey
from odyssey_anyio.events.handlers import (
    AudioFrameCallback,
    BroadcastReadyCallback,
    ConnectedCallback,
    DisconnectedCallback,
    ErrorCallback,
    InteractAcknowledgedCallback,
    StatusChangeCallback,
    StreamEndedCallback,
    StreamErrorCallback,
    StreamStartedCallback,
    VideoFrameCallback,
)
from odyssey_anyio.media.delivery import Policy
from odyssey_anyio.net.transports import Exchanges, MediaEngine, Sockets
from odyssey_anyio.tracing.policy import TracePolicy
from odyssey_anyio.tracing.session_trace import SessionTrace
from odyssey_anyio.tracing.telemetry import Telemetry
from odyssey_proto.model.config import AdvancedConfig, IcePolicy, Limits, ReconnectPolicy, Timeouts
from odyssey_proto.model.credentials import ClientCredentials, StreamerCapabilities
from odyssey_proto.model.events import ConnectionStatus
from odyssey_proto.trace.policy import Redaction


class CredentialCalls(ReaderCalls):
    """The calls of both sides: who reserves a session, and who joins it."""

    def connect_with_credentials(
        self,
        credentials: ClientCredentials,
        on_connected: ConnectedCallback | None = None,
        on_disconnected: DisconnectedCallback | None = None,
        on_video_frame: VideoFrameCallback | None = None,
        on_stream_started: StreamStartedCallback | None = None,
        on_stream_ended: StreamEndedCallback | None = None,
        on_interact_acknowledged: InteractAcknowledgedCallback | None = None,
        on_broadcast_ready: BroadcastReadyCallback | None = None,
        on_stream_error: StreamErrorCallback | None = None,
        on_error: ErrorCallback | None = None,
        on_status_change: StatusChangeCallback | None = None,
        *,
        frame_policy: Policy | None = None,
        on_audio_frame: AudioFrameCallback | None = None,
        audio_policy: Policy | None = None,
    ) -> None:
        """
        Opens the session that somebody with the API key reserved; otherwise like `connect`.

        `credentials` are those of `create_client_credentials`; the handlers are fields of
        `OdysseyEventHandlers`, and `frame_policy` and `audio_policy` are those of `connect`.
        Raises `OdysseyAuthError` for a token that is refused or expired, otherwise `OdysseyConnectionError`.

        Example:
            ```python
            client.connect_with_credentials(ClientCredentials.from_dict(form))
            ```
        """
        return self._portal.call(
            self._original.connect_with_credentials,
            credentials,
            in_thread(on_connected),
            in_thread(on_disconnected),
            in_thread(on_video_frame),
            in_thread(on_stream_started),
            in_thread(on_stream_ended),
            in_thread(on_interact_acknowledged),
            in_thread(on_broadcast_ready),
            in_thread(on_stream_error),
            in_thread(on_error),
            in_thread(on_status_change),
            frame_policy=frame_policy,
            on_audio_frame=in_thread(on_audio_frame),
            audio_policy=audio_policy,
        )

    def create_client_credentials(self) -> ClientCredentials:
        """
        Reserves a session for another client, which needs no API key then.

        Raises what `connect` raises.

        Example:
            ```python
            form = client.create_client_credentials().to_dict()
            ```
        """
        return self._portal.call(self._original.create_client_credentials)


class Odyssey(PreparationCalls, CredentialCalls, SimulationCalls, ClipCalls):
    """
    A client of the Odyssey service: one session at a time, and the calls that need none.

    The key and the address come from ODYSSEY_API_KEY and ODYSSEY_API_URL unless they are given.
    One object may be used from several threads, and may connect again after it has disconnected.
    As a context manager it disconnects however the block ends; otherwise call `close`.

    `timeouts` says how long to wait, `ice` by which ways media may come, `limits` how long the service
    lets a stream and a connection last, so that `LimitApproaching` can announce their end.
    `reconnect` says how a lost session is replaced; without it a loss is the end of the connection.
    `audio` says that the streamer's sound is received as well, if it offers any: see `audio()`.
    `ssl_context` checks certificates, in place of the system's store or that of SSL_CERT_FILE.
    `exchanges`, `sockets` and `media` make the transports, in place of our own; each is called once
    whenever the client starts to work.
    `limit` bounds how many sessions the clients that share it have at once: `connect` waits for a place.
    `shared` lets the clients that are given it use one access token and one region map.
    `traces` says what is kept of each session, and where; its file holds no secrets.
    `advanced` has the retries and the queue.
    `debug` logs each step of the core at level DEBUG, on standard error unless the application logs itself.
    `enable_telemetry` is accepted, and nothing is ever sent: a trace says more.
    `telemetry` is shown each step, and measures: `odyssey.telemetry.OpenTelemetry()`.
    An `api_key` of `None` counts as not given.
    An `api_url` that is no http or https address of a host, and a setting of the wrong class, raise
    `OdysseyValueError`.

    It is for programs without an event loop: calls block the thread that makes them, and may come from
    any thread; a loop in a thread of its own does the work.
    Handlers run in threads too, one after another: they may block, and call the client.
    `fail_after` bounds how long calls may take, and Ctrl-C cancels the one that it interrupts.
    `backend` says what the loop of this client runs on: `asyncio` or `trio`.
    Where an event loop runs, and in a process that was forked from that of a client in use, calls raise
    `OdysseyConnectionError`.

    Example:
        ```python
        with Odyssey(reconnect=ReconnectPolicy()) as client:
            client.connect()
            with client.stream("A cat") as stream:
                frame = next(stream.frames())
        ```
    """

    def __init__(
        self,
        api_key: str | None = "",
        *,
        api_url: str | None = None,
        debug: bool = False,
        advanced: AdvancedConfig | None = None,
        enable_telemetry: bool = True,
        timeouts: Timeouts | None = None,
        ice: IcePolicy | None = None,
        limits: Limits | None = None,
        reconnect: ReconnectPolicy | None = None,
        audio: bool = False,
        exchanges: Callable[[], Exchanges] | None = None,
        sockets: Callable[[], Sockets] | None = None,
        media: Callable[[], MediaEngine] | None = None,
        traces: TracePolicy | None = None,
        ssl_context: ssl.SSLContext | None = None,
        limit: SessionLimit | None = None,
        shared: SharedAccess | None = None,
        telemetry: Telemetry | None = None,
        backend: str = "asyncio",
    ) -> None:
        super().__init__(
            Portal(backend),
            AsyncOdyssey(
                api_key,
                api_url=api_url,
                debug=debug,
                advanced=advanced,
                enable_telemetry=enable_telemetry,
                timeouts=timeouts,
                ice=ice,
                limits=limits,
                reconnect=reconnect,
                audio=audio,
                exchanges=exchanges,
                sockets=sockets,
                media=media,
                traces=traces,
                ssl_context=ssl_context,
                limit=limit,
                shared=shared,
                telemetry=telemetry,
            ),
        )

    def connect(
        self,
        on_connected: ConnectedCallback | None = None,
        on_disconnected: DisconnectedCallback | None = None,
        on_video_frame: VideoFrameCallback | None = None,
        on_stream_started: StreamStartedCallback | None = None,
        on_stream_ended: StreamEndedCallback | None = None,
        on_interact_acknowledged: InteractAcknowledgedCallback | None = None,
        on_broadcast_ready: BroadcastReadyCallback | None = None,
        on_stream_error: StreamErrorCallback | None = None,
        on_error: ErrorCallback | None = None,
        on_status_change: StatusChangeCallback | None = None,
        *,
        frame_policy: Policy | None = None,
        on_audio_frame: AudioFrameCallback | None = None,
        audio_policy: Policy | None = None,
    ) -> None:
        """
        Opens a session; returns when video and both data channels are up.

        A client that is connected already returns at once and takes the handlers that are given; what each
        is called with, and when, stands at `OdysseyEventHandlers`.
        `frame_policy` says which frames `on_video_frame` gets while it is still busy with another: only the
        newest by default; with `Bounded(64)` up to 64 wait, so that a program that saves them gets each.
        `on_audio_frame` gets the sound of a client that was made with `audio=True`, by its `audio_policy`:
        up to two seconds wait by default.
        Raises `OdysseyAuthError`, `OdysseyConnectionError` or a class of `OdysseyUsageError`.

        Example:
            ```python
            client.connect(on_video_frame=lambda frame: print(frame.width, frame.height))
            ```
        """
        return self._portal.call(
            self._original.connect,
            in_thread(on_connected),
            in_thread(on_disconnected),
            in_thread(on_video_frame),
            in_thread(on_stream_started),
            in_thread(on_stream_ended),
            in_thread(on_interact_acknowledged),
            in_thread(on_broadcast_ready),
            in_thread(on_stream_error),
            in_thread(on_error),
            in_thread(on_status_change),
            frame_policy=frame_policy,
            on_audio_frame=in_thread(on_audio_frame),
            audio_policy=audio_policy,
        )

    def disconnect(self) -> None:
        """
        Gives the session back to the service, and ends everything that belongs to this client.

        It may be called in any state, also while another thread connects: that call then fails.
        Once begun it goes on in bounded time, even if the caller is interrupted.
        Nothing is raised, unless another thread calls while the client's loop stands still for 30 seconds:
        that is an `OdysseyConnectionError` with the code `state.loop_blocked`.
        """
        self._portal.finish(self._original.disconnect)

    def close(self) -> None:
        """
        Does what `disconnect` does, raises what that raises, and ends the calls of other threads as well.

        The client is of no use then, and neither are its readers.
        """
        try:
            self._portal.finish(self._original.aclose)
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

    def statistics(self) -> Statistics:
        """
        Returns what the client has done until now.

        Example:
            ```python
            seen = client.statistics()
            print(seen.frames.received, seen.frames.dropped, seen.link)
            ```
        """
        return self._portal.do(self._original.statistics)

    @property
    def trace(self) -> SessionTrace | None:
        """The trace of the present session, or of the one before; `None` before the first."""
        return self._original.trace

    @property
    def is_connected(self) -> bool:
        """Whether streams may start."""
        return self._original.is_connected

    @property
    def current_status(self) -> ConnectionStatus:
        """Where the connection stands."""
        return self._original.current_status

    @property
    def current_session_id(self) -> str | None:
        """The service's name for the session."""
        return self._original.current_session_id

    @property
    def last_applied_prompt(self) -> str | None:
        """The prompt that the picture shows, as the service worded it; `None` without a connection."""
        return self._original.last_applied_prompt

    @property
    def capabilities(self) -> StreamerCapabilities | None:
        """What the session's streamer can do."""
        return self._original.capabilities

    def save_trace(self, path: str | os.PathLike[str], redaction: Redaction | None = None) -> Path:
        """
        Writes the trace, without secrets, to the file `path`, which only its owner can read; returns that.

        A thread does the work, so nothing else waits for it.
        `redaction` says what else stays out; without it, the client's `traces` say so.
        Raises `OdysseyTraceError` if there is no trace, if it cannot be proved that no secret is left,
        or if the file cannot be written.
        """
        return self._portal.finish(self._original.save_trace, path, redaction)
