"""
The one task in which everything of a client lives, from its first need to its end.

It belongs to the loop, not to the task that happened to need it first: calls come from any task,
under any cancel scope, and none of them takes it along when it is cancelled.

Around what it runs stand three scopes, from the outside in:

- that of the main task, which trio cancels when the run ends;
- `_shield`, which keeps that off, so that the session can be given back. When the loop ends, on either
  backend, it gets a deadline, and nothing outlives that;
- that of `_group`: the handlers, the trace, the frames, the media engine, and a task for each request,
  each download and each socket. It is cancelled when nothing is left to be said.

There are three ways to the end.
The application disconnects: `Disconnect` goes to the core like any other command, and when that has its
end, the handlers have their time; then the client closes, unless calls still go on or a session was begun
meanwhile.
Or the application closes the client, which ends every pending call first.
Or the loop ends, and then nobody waits.
All three lead to `_stop`: the inbox is closed, the loop that runs the core returns once all input has
been handled, and what was opened is closed in the opposite order.
Each step has a bound of its own, so the end comes although a foreign transport or a handler hangs; only code
that swallows every cancellation can keep a loop from ending, as it can without this library.
"""

import logging
from collections.abc import Callable
from typing import Any

import anyio
from anyio.abc import TaskGroup
from attrs import frozen

from odyssey_anyio.aio.machine_loop import run_machine
from odyssey_anyio.aio.tasks import calling, spawn, start
from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_anyio.downloads.sink import Sink
from odyssey_anyio.errors.safe_text import class_and_way
from odyssey_anyio.events.dispatcher import HANDLER_CALL, Callbacks, DeliveryQueue
from odyssey_anyio.events.event_stream import EventPublisher
from odyssey_anyio.events.handlers import ConnectHandlers
from odyssey_anyio.media.audio_frame import AudioFrame
from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.media.frame_reader import Frames
from odyssey_anyio.media.link_figures import LinkFigures
from odyssey_anyio.net.transports import Exchanges, MediaEngine, Sockets
from odyssey_anyio.runtime.client_loop import ClientLoop
from odyssey_anyio.runtime.core import Core
from odyssey_anyio.runtime.downloads import Downloads
from odyssey_anyio.runtime.frame_handler import FrameHandler
from odyssey_anyio.runtime.media import LazyEngine
from odyssey_anyio.runtime.media_handlers import Media, MediaHandlers
from odyssey_anyio.runtime.network import Network
from odyssey_anyio.runtime.pending_calls import CLOSED, PendingCalls
from odyssey_anyio.runtime.recovery_log import log_recovery
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.model.events import ConnectionStatus, StatusChanged, StreamStarted
from odyssey_proto.seam.commands import Disconnect, Download
from odyssey_proto.seam.outputs import (
    CancelFetch,
    CancelRequest,
    ClientOutput,
    CloseSocket,
    Completed,
    DropSocket,
    Failed,
    Fetch,
    Happened,
    OpenSocket,
    PingSocket,
    Preconnect,
    Progressed,
    Request,
    SendText,
    ShowPeer,
    StoreBody,
)

logger: logging.Logger = logging.getLogger("odyssey.client")

CLOSING_SECONDS = 1.0
"""How long closing a transport may take, which takes no time when all is well."""

_BROKE = Failure(
    FailureKind.CLOSED_LOCALLY,
    "internal error in the client: the log odyssey.client has details",
    code="internal",
)

ENDING_SECONDS = 0.01
"""How often a caller of another loop looks whether a client that closes has ended."""


@frozen
class Transports:
    """What makes the transports of one supervisor, which closes what it made."""

    exchanges: Callable[[], Exchanges]
    sockets: Callable[[], Sockets]
    media: Callable[[], MediaEngine]


class Supervisor:
    """
    Runs a core, its transports and the application's handlers until the application leaves.

    `patience` bounds disconnecting, and how long handlers may still run after it, in seconds.
    """

    def __init__(
        self,
        core: Core[Any],
        transports: Transports,
        callbacks: Callbacks,
        publisher: EventPublisher,
        frames: Frames[VideoFrame],
        audio: Frames[AudioFrame],
        patience: float,
        *,
        debug: bool = False,
    ) -> None:
        self.core = core
        self.loop: ClientLoop = ClientLoop(HANDLER_CALL)
        self._transports = transports
        self._callbacks = callbacks
        self._publisher = publisher
        self._readable = Media(frames, audio)
        self._patience = patience
        self._deliveries = DeliveryQueue(callbacks, core.tracer.now)
        self.calls: PendingCalls = PendingCalls(
            core, self._deliveries, callbacks.handlers, self._adopt, debug=debug
        )
        self._downloads = Downloads()
        self._network: Network
        self._media: LazyEngine
        self._group: TaskGroup
        self._shield = anyio.CancelScope(shield=True)
        self._closing = False
        self._disconnecting_in_time = False
        self._handlers_deadline: float | None = None
        self._media_handlers = MediaHandlers(callbacks, self._readable)
        self._failure_unsaved = False
        self._failed = Wakeup()
        self._ended = anyio.Event()
        self._loop_ends = anyio.Event()
        self._task = spawn(self._main, "odyssey client", on_shutdown=self._loop_ends.set)

    def __repr__(self) -> str:
        return f"<Supervisor {len(self.calls)} calls waiting{'' if self.open else ', ending'}>"

    # --- the callers' side ----------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether it takes commands."""
        return not self.calls.inbox.closed and not self._closing

    @property
    def over(self) -> bool:
        """Whether nothing is left of it, or nothing can be, because its loop was closed under it."""
        return self._ended.is_set() or self.loop.closed

    def check_reader(self) -> None:
        """Raises `OdysseyConnectionError` where events and frames cannot be read: in another loop."""
        if not self.over:
            self.loop.check_reader()

    @property
    def usable(self) -> bool:
        """Whether callers of other loops may have something done by it: its loop goes on."""
        return self.open and not self._disconnecting_in_time

    @property
    def link(self) -> LinkFigures | None:
        """How the video has come lately; only while it is connected."""
        return self._media.link

    @property
    def inside(self) -> bool:
        """Whether one of its own handlers is calling."""
        return self._callbacks.inside

    async def download(self, what: Download, sink: Sink, on_progress: Callable[[Any], object] | None) -> None:
        """Downloads a file into a sink, which is open and is not used any more afterwards."""
        call = self.calls.put(what)
        async with self._downloads.into(call.command, sink):
            await self.calls.wait(call, on_progress)

    async def disconnect(self) -> None:
        """
        Disconnects, and closes with that, unless somebody goes on using it.

        Once begun it goes on, even if the caller is cancelled.
        A handler that calls it is not waited for: it returns when the core has disconnected.
        """
        handlers_done = anyio.Event()
        disconnect = self.calls.put(Disconnect(), on_return=lambda: self._finish(handlers_done))
        await disconnect.returned()
        if not self.inside:
            await handlers_done.wait()
            if not self.open:
                await self._ended.wait()

    async def close(self) -> None:
        """Ends every pending call, disconnects, and closes."""
        if not self._closing:
            self.calls.close()
            self.close_soon()
        if not self.inside:
            await self._ended.wait()

    def close_soon(self) -> None:
        """Disconnects and closes as soon as that is possible; nobody waits for it."""
        if self.open:
            self.calls.put(Disconnect(), on_return=self._stop)
            self._closing = True

    async def closed(self) -> None:
        """Waits until nothing is left of it; in any loop, which learns if this one stands still."""
        if self.loop.here:
            await self._ended.wait()
        await self.loop.wait(lambda: self.over, ENDING_SECONDS)

    # --- its life -------------------------------------------------------------------------------

    async def _main(self) -> None:
        failure = CLOSED
        try:
            async with anyio.create_task_group() as outer:
                start(outer, self._watch_loop, name="odyssey loop watch")
                with self._shield:
                    await self._open_transports()
                outer.cancel_scope.cancel()
        except Exception as error:  # noqa: BLE001  whatever it is, callers must not wait for ever
            failure = _BROKE
            logger.error("the client broke: %s", class_and_way(error))
        finally:
            self._stop()
            self._deliveries.abandon()
            self.calls.fail_all(failure)
            self._publisher.close()
            self._readable.close()
            self._ended.set()

    async def _watch_loop(self) -> None:
        """Notices that the loop ends: asyncio says so, and trio cancels this task."""
        try:
            await self._loop_ends.wait()
        finally:
            self._disconnect_in_time()

    async def _open_transports(self) -> None:
        exchanges = self._transports.exchanges()
        try:
            sockets = self._transports.sockets()
            await self._run(exchanges, sockets)
        except Exception:
            self.core.tracer.broke()
            raise
        finally:
            async with calling(exchanges):
                with anyio.move_on_after(CLOSING_SECONDS, shield=True):
                    await exchanges.aclose()
            await self.core.tracer.save()

    async def _run(self, exchanges: Exchanges, sockets: Sockets) -> None:
        deliver = self.calls.inbox.put
        self._group = anyio.create_task_group()
        self._network = Network(self._group, exchanges, sockets, self.calls.deliver)
        self._downloads.begin(self._group, exchanges, deliver)
        video, audio = self._readable.video, self._readable.audio
        self._media = LazyEngine(self._group, self._transports.media, video, audio, deliver)
        try:
            async with self._group:
                start(self._group, self._deliveries.run, name="odyssey handlers")
                start(self._group, self._save_traces, name="odyssey trace")
                await run_machine(self.calls, self.calls.inbox, self._carry_out, self.core.clock)
                self._deliveries.close()
                self._media_handlers.end()
                self._readable.close()
                with self._time_for_handlers():
                    await self._deliveries.idle()
                    await self._media_handlers.ended()
                self._group.cancel_scope.cancel()
        finally:
            with anyio.move_on_after(CLOSING_SECONDS, shield=True):
                await self._media.aclose()

    async def _show_frames(self, handler: FrameHandler[Any]) -> None:
        async with calling(self._media):
            await handler.run()

    async def _save_traces(self) -> None:
        """Saves the trace whenever something failed, and once for all that fails meanwhile."""
        while True:
            await self._failed.until(lambda: self._failure_unsaved)
            self._failure_unsaved = False
            await self.core.tracer.save()

    def _adopt(self, handlers: ConnectHandlers) -> None:
        """A connect was accepted: media will be needed soon, and handlers have their time anew."""
        self._handlers_deadline = None
        self._media.warm()
        self._deliveries.adopt(handlers)
        for handler in self._media_handlers.adopt(handlers):
            start(self._group, self._show_frames, handler, name="odyssey frames")

    def _carry_out(self, output: ClientOutput) -> None:
        if self.core.tracer.failed(output):
            self._failure_unsaved = True
            self._failed.set()
        match output:
            case Happened(event):
                if isinstance(event, StreamStarted):
                    self._readable.video.begin_stream()
                elif isinstance(event, StatusChanged) and event.status is ConnectionStatus.RECONNECTING:
                    # What is asked for in the same step goes out on a fresh connection already.
                    self._network.close_idle()
                log_recovery(event)
                self._publisher.put(event)
                self._deliveries.put(event)
            case Progressed():
                self.calls.report(output)
            case Completed() | Failed():
                self.calls.finish(output)
            case Fetch() | StoreBody() | CancelFetch():
                self._downloads.carry_out(output)
            case Preconnect():
                # A session is to come.
                self._media.prepare()
                self._network.carry_out(output)
            case Request() | CancelRequest():
                self._network.carry_out(output)
            case OpenSocket() | SendText() | PingSocket() | CloseSocket() | DropSocket():
                self._network.carry_out(output)
            case ShowPeer(peer):
                self._media.show(peer)
            case _:
                self._media.order(output)

    # --- its end --------------------------------------------------------------------------------

    def _finish(self, handlers_done: anyio.Event) -> None:
        """The core has disconnected: closes when the handlers have run, unless it is in use by then."""
        if self.open:
            start(self._group, self._finish_in_turn, handlers_done, name="odyssey end")
        else:
            handlers_done.set()

    async def _finish_in_turn(self, handlers_done: anyio.Event) -> None:
        try:
            with self._time_for_handlers():
                await self._deliveries.idle()
        finally:
            # Whoever closes the client meanwhile ends this task, and not the wait for it.
            handlers_done.set()
        while self.open and self.calls:
            await self.calls.none_left()
        if self.core.at_rest:
            self._stop()
        else:
            # A session was begun meanwhile, and its handlers will have a time of their own.
            self._handlers_deadline = None

    def _time_for_handlers(self) -> anyio.CancelScope:
        """Returns the time that handlers have once the core has disconnected: one for all who wait."""
        if self._handlers_deadline is None:
            self._handlers_deadline = anyio.current_time() + self._patience
        return anyio.CancelScope(deadline=self._handlers_deadline)

    def _disconnect_in_time(self) -> None:
        """The loop ends: disconnects, and closes in bounded time."""
        if not self.calls.inbox.closed and not self._disconnecting_in_time:
            self._disconnecting_in_time = True
            self._shield.deadline = anyio.current_time() + self._patience + CLOSING_SECONDS
            self.calls.put(Disconnect(), on_return=self._finish_for_others)

    def _finish_for_others(self) -> None:
        """The loop ends, and with it all callers in it; those of other loops have the same time."""
        if self.open:
            start(self._group, self._stop_when_unused, name="odyssey end")
        else:
            self._stop()

    async def _stop_when_unused(self) -> None:
        await self.calls.none_left()
        self._stop()

    def _stop(self) -> None:
        """Takes nothing more; what was taken is still handled."""
        self.calls.inbox.close()
