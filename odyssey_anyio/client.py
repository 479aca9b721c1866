"""The public API: one object; callbacks for programs that know them, iterators and blocks for new ones."""

import os
import ssl
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Self

from attrs import evolve

from odyssey_anyio.aio.machine_loop import Clock
from odyssey_anyio.aio.owner_loop import LoopLostError
from odyssey_anyio.aio.tasks import checkpoint, loop_runs
from odyssey_anyio.api import arguments
from odyssey_anyio.api.clips import ClipCalls
from odyssey_anyio.api.credentials import CredentialCalls
from odyssey_anyio.api.preparation import PreparationCalls
from odyssey_anyio.api.session_limit import SessionLimit, SessionPlace
from odyssey_anyio.api.shared_access import SharedAccess, Sharing
from odyssey_anyio.api.simulations import SimulationCalls
from odyssey_anyio.api.statistics import Statistics
from odyssey_anyio.errors.mapping import error_of
from odyssey_anyio.events.dispatcher import Callbacks
from odyssey_anyio.events.event_stream import EventPublisher
from odyssey_anyio.events.handlers import (
    AudioFrameCallback,
    BroadcastReadyCallback,
    ConnectedCallback,
    ConnectHandlers,
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
from odyssey_anyio.media.frame_reader import Frames
from odyssey_anyio.net.transports import Exchanges, MediaEngine, Sockets
from odyssey_anyio.runtime import default_transports as defaults
from odyssey_anyio.runtime.core import Core
from odyssey_anyio.runtime.supervisor import Supervisor, Transports
from odyssey_anyio.tracing.policy import TracePolicy, policy_of
from odyssey_anyio.tracing.session_trace import SessionTrace
from odyssey_anyio.tracing.telemetry import Observer, Telemetry, observing
from odyssey_anyio.tracing.times import Times
from odyssey_anyio.tracing.tracer import Tracer
from odyssey_proto.client.client import Client
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.model.config import AdvancedConfig, IcePolicy, Limits, ReconnectPolicy, Timeouts
from odyssey_proto.model.credentials import StreamerCapabilities
from odyssey_proto.model.events import ConnectionStatus
from odyssey_proto.seam.commands import Connect, What


class Odyssey(PreparationCalls, CredentialCalls, SimulationCalls, ClipCalls):
    """
    A client of the Odyssey service: one session at a time, and the calls that need none.

    The key and the address come from ODYSSEY_API_KEY and ODYSSEY_API_URL unless they are given.
    One object may be used from several tasks, and may connect again after it has disconnected.
    As an async context manager it disconnects however the block ends; otherwise call `disconnect`.

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

    Example:
        ```python
        async with Odyssey(reconnect=ReconnectPolicy()) as client:
            await client.connect()
            async with client.stream("A cat") as stream:
                frame = await anext(stream.frames())
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
    ) -> None:
        self._beginning = threading.Lock()
        self._core: Core[Client] | None = None
        self._supervisor: Supervisor | None = None
        self._settings = arguments.settings(
            api_key,
            api_url,
            advanced,
            timeouts=timeouts,
            ice=ice,
            limits=limits,
            reconnect=reconnect,
            audio=audio,
        )
        self._debug = debug
        self._telemetry = arguments.offering(telemetry, "telemetry", "observe")
        tls = arguments.ssl_context(ssl_context)
        own = defaults.NetworkTransports(tls)
        self._transports = Transports(
            arguments.function(exchanges, own.exchanges, "exchanges"),
            arguments.function(sockets, own.sockets, "sockets"),
            arguments.function(media, defaults.media, "media"),
        )
        self._traces = policy_of(arguments.setting(traces, TracePolicy, "traces"))
        self._snapshot = partial(SessionTrace, Client, self._traces.redaction)
        self._times = Times()
        self._callbacks = Callbacks()
        self._publisher = EventPublisher()
        self._frames = Frames(lambda: self.trace, self._check_reader)
        self._audio = Frames(lambda: self.trace, self._check_reader)
        self._place = SessionPlace(
            arguments.offering(limit, "limit", "acquire", "release"),
            self._publisher,
            lambda: self._present is not None and self._present.has_session,
        )
        # The last: a client that is refused for something else takes no part in it.
        self._sharing = None if shared is None else Sharing(shared, self._settings)

    def __repr__(self) -> str:
        session = self.current_session_id
        return f"<Odyssey {self.current_status.value}{f' session={session}' if session else ''}>"

    # --- the connection -------------------------------------------------------------------------

    async def connect(
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
            await client.connect(on_video_frame=lambda frame: print(frame.width, frame.height))
            ```
        """
        handlers = ConnectHandlers(
            on_connected,
            on_disconnected,
            on_video_frame,
            on_stream_started,
            on_stream_ended,
            on_interact_acknowledged,
            on_broadcast_ready,
            on_stream_error,
            on_error,
            on_status_change,
            frame_policy,
            on_audio_frame,
            audio_policy,
        )
        given = self._checked_handlers(handlers)
        async with self._place.taken():
            await self._do(Connect(), given)

    async def disconnect(self) -> None:
        """
        Gives the session back to the service, and ends everything that belongs to this client.

        It may be called in any state, also while another task connects: that call then fails.
        Once begun it goes on in bounded time, even if the caller is cancelled.
        Nothing is raised, unless another thread calls while the client's loop stands still for 30 seconds:
        that is an `OdysseyConnectionError` with the code `state.loop_blocked`.
        """
        supervisor = self._supervisor
        if self._core is None or not loop_runs():
            self._end_readers()
            await checkpoint()
        elif supervisor is None or supervisor.over or supervisor.open:
            await self._with(Supervisor.disconnect)
        elif not supervisor.inside:
            await supervisor.closed()

    async def aclose(self) -> None:
        """Does what `disconnect` does, raises what that raises, and ends the calls of other tasks as well."""
        supervisor = self._supervisor
        if supervisor is None or supervisor.over:
            self._end_readers()
            await checkpoint()
        else:
            with suppress(LoopLostError):
                await supervisor.loop.do(supervisor.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # --- what happens ---------------------------------------------------------------------------

    def statistics(self) -> Statistics:
        """
        Returns what the client has done until now.

        Example:
            ```python
            seen = client.statistics()
            print(seen.frames.received, seen.frames.dropped, seen.link)
            ```
        """
        return Statistics(
            status=self.current_status,
            session_id=self.current_session_id,
            frames=self._frames.account,
            audio=self._audio.account,
            link=self._supervisor.link if self._supervisor is not None and self.is_connected else None,
            first_frame=self._times.first_frame,
            round_trip=self._times.round_trip,
            handler_errors=self._callbacks.errors,
            events_dropped=self._callbacks.dropped,
            recoveries=self._publisher.recoveries,
        )

    @property
    def trace(self) -> SessionTrace | None:
        """The trace of the present session, or of the one before; `None` before the first."""
        return self._snapshot(self._core.tracer.buffer) if self._core is not None else None

    @property
    def is_connected(self) -> bool:
        """Whether streams may start."""
        return self.current_status is ConnectionStatus.CONNECTED

    @property
    def current_status(self) -> ConnectionStatus:
        """Where the connection stands."""
        if self._core is None:
            return ConnectionStatus.DISCONNECTED
        status = self._core.client.status
        # A loop that was closed under the client took its connection along.
        lost = self._present is None and status is not ConnectionStatus.FAILED
        return ConnectionStatus.DISCONNECTED if lost else status

    @property
    def current_session_id(self) -> str | None:
        """The service's name for the session."""
        return self._present.session_id if self._present is not None else None

    @property
    def last_applied_prompt(self) -> str | None:
        """The prompt that the picture shows, as the service worded it; `None` without a connection."""
        return self._present.last_applied_prompt if self._present is not None else None

    @property
    def capabilities(self) -> StreamerCapabilities | None:
        """What the session's streamer can do."""
        return self._present.capabilities if self._present is not None else None

    # --- its work -------------------------------------------------------------------------------

    @property
    def _present(self) -> Client | None:
        over = self._supervisor is None or self._supervisor.over
        return None if over or self._core is None else self._core.client

    async def _do(self, what: What, handlers: ConnectHandlers | None = None) -> Any:
        return await self._with(lambda supervisor: supervisor.calls.call(what, handlers))

    async def _with[T](self, work: Callable[[Supervisor], Coroutine[Any, Any, T]]) -> T:
        while (supervisor := await self._at_work()).loop.elsewhere:
            try:
                return await supervisor.loop.do(partial(_unless_closing, supervisor, work))
            except LoopLostError:
                # Its loop ended before anything was done: what comes after it does that.
                await supervisor.closed()
        return await work(supervisor)

    async def _at_work(self) -> Supervisor:
        """Returns the supervisor, whatever loop it is in; begins in this one if there is none."""
        while True:
            with self._beginning:
                supervisor = self._supervisor
                if supervisor is None or supervisor.over:
                    return self._begin()
            if supervisor.usable or (supervisor.open and supervisor.loop.here):
                return supervisor
            if supervisor.inside:
                raise error_of(
                    Failure(FailureKind.STATE, "this client is being closed", code="state.closing")
                )
            await supervisor.closed()

    def _check_reader(self) -> None:
        if self._supervisor is not None:
            self._supervisor.check_reader()

    def _begin(self) -> Supervisor:
        if self._core is None or not self._core.at_rest or self._core.tracer.full:
            self._core = self._fresh_core()
        self._supervisor = Supervisor(
            self._core,
            self._transports,
            self._callbacks,
            self._publisher,
            self._frames,
            self._audio,
            self._settings.timeouts.leave,
            debug=self._debug,
        )
        return self._supervisor

    def _fresh_core(self) -> Core[Client]:
        clock = Clock()
        settings = evolve(self._settings, seed=os.urandom(16), wall=clock.wall)
        if self._sharing is not None:
            settings = self._sharing.begin(settings)
        client = Client(settings)
        observers: list[Observer] = [self._times, self._place]
        if self._telemetry is not None:
            observers += observing(self._telemetry, clock.wall, lambda: self._frames.account)
        if self._sharing is not None:
            self._sharing.look_on(lambda: client.access)
            observers.append(self._sharing)
        return Core(client, clock, Tracer(settings, self._traces, self._snapshot, observers))


async def _unless_closing[T](
    supervisor: Supervisor, work: Callable[[Supervisor], Coroutine[Any, Any, T]]
) -> T:
    if not supervisor.usable:
        raise LoopLostError(begun=False)
    return await work(supervisor)
