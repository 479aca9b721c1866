"""
The one task in which everything of a client lives, from its first need to its end.

It belongs to the loop, not to the task that happened to need it first: calls come from any task,
under any cancel scope, and none of them takes it along when it is cancelled.
It ends when the application leaves, or with the loop; then it still says goodbye, in bounded time.
"""

import logging
import traceback
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
from anyio.abc import TaskGroup
from attrs import frozen

from odyssey_anyio.aio.machine_loop import run_machine
from odyssey_anyio.aio.tasks import calling, current_loop, gone, spawn, start
from odyssey_anyio.events.dispatcher import Callbacks, DeliveryQueue
from odyssey_anyio.events.event_stream import Feed
from odyssey_anyio.events.handlers import OdysseyEventHandlers
from odyssey_anyio.media.delivery import Newest
from odyssey_anyio.media.frame_reader import Frames
from odyssey_anyio.net.transports import Exchanges, MediaEngine, Sockets
from odyssey_anyio.runtime.http_lease import HttpLeases
from odyssey_anyio.runtime.media import LazyEngine
from odyssey_anyio.runtime.network import Network
from odyssey_anyio.runtime.pending_calls import CLOSED, Core, PendingCalls
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.seam.commands import Disconnect, What
from odyssey_proto.seam.outputs import (
    CancelRequest,
    ClientOutput,
    CloseSocket,
    Completed,
    DropSocket,
    Failed,
    Happened,
    OpenSocket,
    Request,
    SendText,
)

logger = logging.getLogger("odyssey.client")

GRACE = 1.0
"""How long closing may take that takes no time when all is well, in seconds."""

_BROKE = Failure(
    FailureKind.CLOSED_LOCALLY,
    "internal error in the client: the log odyssey.client has details",
    code="internal",
)


@frozen
class Transports:
    """What makes the transports of one supervisor, which closes what it made."""

    exchanges: Callable[[], Exchanges]
    sockets: Callable[[], Sockets]
    media: Callable[[], MediaEngine]


class Supervisor:
    """
    Runs a core, its transports and the application's handlers until the application leaves.

    `patience` bounds the goodbye, and how long handlers may still run after it, in seconds.
    """

    def __init__(
        self,
        core: Core[Any],
        transports: Transports,
        callbacks: Callbacks,
        feed: Feed,
        frames: Frames,
        patience: float,
        *,
        debug: bool = False,
    ) -> None:
        self.core = core
        self.home = current_loop()
        self._transports = transports
        self._callbacks = callbacks
        self._feed = feed
        self._frames = frames
        self._patience = patience
        self._deliveries = DeliveryQueue(callbacks, core.tracer.now)
        self._calls = PendingCalls(core, self._deliveries, callbacks.handlers, self._adopt, debug=debug)
        self._network: Network
        self._media: LazyEngine
        self._group: TaskGroup
        self._shield = anyio.CancelScope(shield=True)
        self._closing = False
        self._hurried = False
        self._parts_at: float | None = None
        self._shown: anyio.Event | None = None
        self._unsaved = anyio.Event()
        self._ended = anyio.Event()
        self._leases = HttpLeases(CLOSED)
        self._loop_ends = anyio.Event()
        self._task = spawn(self._main, "odyssey client", on_shutdown=self._loop_ends.set)

    def __repr__(self) -> str:
        return f"<Supervisor {len(self._calls)} calls waiting{'' if self.open else ', ending'}>"

    # --- the callers' side ----------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether it takes commands."""
        return not self._calls.inbox.closed and not self._closing

    @property
    def over(self) -> bool:
        """Whether nothing is left of it, or nothing can be, because its loop was closed under it."""
        return self._ended.is_set() or gone(self.home)

    @property
    def inside(self) -> bool:
        """Whether one of its own handlers is calling."""
        return self._callbacks.inside

    async def call(self, what: What, handlers: OdysseyEventHandlers | None = None) -> Any:
        """Carries out a command and returns its result, or raises its error."""
        return await self._calls.call(what, handlers)

    async def leave(self) -> None:
        """
        Leaves, and ends with that, unless somebody goes on using it.

        Once begun it goes on, even if the caller is cancelled.
        A handler that calls it is not waited for: it returns when the goodbye is said.
        """
        left = anyio.Event()
        _, goodbye = self._calls.put(Disconnect(), then=lambda: self._part(left))
        await goodbye.over()
        if not self.inside:
            await left.wait()
            if not self.open:
                await self._ended.wait()

    async def close(self) -> None:
        """Ends every call that waits, leaves, and ends."""
        if not self._closing:
            self._calls.end_all(CLOSED)
            self.end()
        if not self.inside:
            await self._ended.wait()

    def lend(self) -> AbstractAsyncContextManager[Exchanges]:
        """Lends the HTTP transport for the length of a block, which ends when the client closes."""
        return self._leases.lend()

    def end(self) -> None:
        """Leaves and ends as soon as that is possible; nobody waits for it."""
        if self.open:
            self._calls.put(Disconnect(), then=self._stop)
            self._closing = True

    async def ended(self) -> None:
        """Waits until nothing is left of it."""
        await self._ended.wait()

    # --- its life -------------------------------------------------------------------------------

    async def _main(self) -> None:
        failure = CLOSED
        try:
            async with anyio.create_task_group() as outer:
                start(outer, self._watch, name="odyssey loop watch")
                with self._shield:
                    await self._live()
                outer.cancel_scope.cancel()
        except Exception as error:  # noqa: BLE001  whatever it is, callers must not wait for ever
            failure = _BROKE
            _report(error)
        finally:
            self._stop()
            self._deliveries.abandon()
            self._calls.end_all(failure)
            self._leases.stop()
            self._feed.close()
            self._frames.close()
            self._ended.set()

    async def _watch(self) -> None:
        """Notices that the loop ends: asyncio's is told of, that of trio cancels this task."""
        try:
            await self._loop_ends.wait()
        finally:
            self._hurry()

    async def _live(self) -> None:
        exchanges = self._transports.exchanges()
        try:
            sockets = self._transports.sockets()
            self._leases.begin(exchanges)
            await self._work(exchanges, sockets)
        except Exception:
            self.core.tracer.broke()
            raise
        finally:
            await self._leases.end()
            with calling(exchanges), anyio.move_on_after(GRACE, shield=True):
                await exchanges.aclose()
            await self.core.tracer.save()

    async def _work(self, exchanges: Exchanges, sockets: Sockets) -> None:
        deliver = self._calls.inbox.put
        self._group = anyio.create_task_group()
        self._network = Network(self._group, exchanges, sockets, deliver)
        self._media = LazyEngine(self._group, self._transports.media, self._frames, deliver)
        try:
            async with self._group:
                start(self._group, self._deliveries.run, name="odyssey handlers")
                start(self._group, self._save, name="odyssey trace")
                await run_machine(self._calls, self._calls.inbox, self._carry_out, self.core.clock)
                self._deliveries.close()
                self._frames.close()
                with self._parting():
                    await self._deliveries.rest()
                    if self._shown is not None:
                        await self._shown.wait()
                self._group.cancel_scope.cancel()
        finally:
            with anyio.move_on_after(GRACE, shield=True):
                await self._media.aclose()

    async def _show(self, done: anyio.Event) -> None:
        """Shows the newest frame to its handler: a slow one misses frames and holds up nothing else."""
        try:
            async for frame in self._frames.read(Newest()):
                await self._callbacks.call(self._callbacks.handlers.on_video_frame, frame)
        finally:
            done.set()

    async def _save(self) -> None:
        """Saves the recording whenever something failed, and once for all that fails meanwhile."""
        while True:
            await self._unsaved.wait()
            self._unsaved = anyio.Event()
            await self.core.tracer.save()

    def _adopt(self, handlers: OdysseyEventHandlers) -> None:
        """A connect was accepted: media will be needed soon, and handlers get their time anew."""
        self._parts_at = None
        self._media.warm()
        self._deliveries.adopt(handlers)
        if handlers.on_video_frame is not None and self._shown is None:
            self._shown = anyio.Event()
            start(self._group, self._show, self._shown, name="odyssey frames")

    def _carry_out(self, output: ClientOutput) -> None:
        if self.core.tracer.failed(output):
            self._unsaved.set()
        match output:
            case Happened(event):
                self._feed.put(event)
                self._deliveries.happened(event)
            case Completed() | Failed():
                self._calls.tell(output)
            case Request() | CancelRequest() | OpenSocket() | SendText() | CloseSocket() | DropSocket():
                self._network.carry_out(output)
            case _:
                self._media.order(output)

    # --- its end --------------------------------------------------------------------------------

    def _part(self, left: anyio.Event) -> None:
        """Ends when the handlers have run, unless it is in use again by then."""
        if self.open:
            start(self._group, self._rest, left, name="odyssey rest")
        else:
            left.set()

    async def _rest(self, left: anyio.Event) -> None:
        try:
            with self._parting():
                await self._deliveries.rest()
        finally:
            # Whoever closes the client meanwhile ends this task, and not the wait for it.
            left.set()
        # The calls and downloads that go on have their end first, unless a session is begun meanwhile.
        while self.open and (self._calls or self._leases):
            await self._calls.quiet()
            await self._leases.quiet()
        if self.core.at_rest:
            self._stop()
        else:
            self._parts_at = None

    def _parting(self) -> anyio.CancelScope:
        """Returns the time that handlers have after a goodbye: one for all, however many wait for it."""
        if self._parts_at is None:
            self._parts_at = anyio.current_time() + self._patience
        return anyio.CancelScope(deadline=self._parts_at)

    def _hurry(self) -> None:
        """The loop ends: says goodbye, in bounded time."""
        if not self._calls.inbox.closed and not self._hurried:
            self._hurried = True
            self._shield.deadline = anyio.current_time() + self._patience + GRACE
            self._calls.put(Disconnect(), then=self._stop)

    def _stop(self) -> None:
        """Takes nothing more; what was taken is still handled."""
        self._calls.inbox.close()


def _report(error: BaseException) -> None:
    """Logs where the client broke; the exception's own words may repeat a secret."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    way = "".join(traceback.format_tb(error.__traceback__))
    logger.error("the client broke: %s\n%s", type(error).__name__, way)
