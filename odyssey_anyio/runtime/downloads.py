"""
The bytes of downloads: from the transport to where the caller wants them, and counted for the core.

What is asked for, what a reply means and when to stop is decided in the core.
Each fetch has a task, which belongs to the client; the sink belongs to the caller, who opens and
closes it.
So whatever ends a download, its caller first waits until no fetch writes any more: then what has come
is stored, and the file can be closed.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup
from attrs import define, field

from odyssey_anyio.aio.tasks import calling, start
from odyssey_anyio.downloads.sink import Sink
from odyssey_anyio.errors.mapping import Calling, error_of
from odyssey_anyio.net.transports import ExchangeError, Exchanges, Fetched
from odyssey_anyio.runtime.network import internal
from odyssey_proto.client.jobs.transfer import REPORT_INTERVAL
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.model.recordings import FileVersion
from odyssey_proto.seam.commands import CommandId
from odyssey_proto.seam.inputs import (
    FetchedBytes,
    FetchEnded,
    FetchFailed,
    FetchId,
    FetchInput,
    FetchOpened,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import CancelFetch, Fetch, FetchOutput, StoreBody

BUFFER_SIZE = 1024 * 1024
"""How many bytes are written at once, and kept in memory until then."""

_REPORT_INTERVAL = REPORT_INTERVAL / 1_000_000
"""In seconds."""

_UNSUPPORTED = Failure(
    FailureKind.STATE,
    "this client's HTTP transport cannot download files: it has no `fetch`",
    code="unsupported",
)


@define(eq=False)
class _Fetch:
    """One fetch under way."""

    scope: anyio.CancelScope = field(factory=anyio.CancelScope)
    accepted: anyio.Event = field(factory=anyio.Event)
    """Set when the core wants the body."""
    restart: FileVersion | None = None
    ended: anyio.Event = field(factory=anyio.Event)


class _Receiver:
    """The caller of one download, as its fetches see it."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.scope = anyio.CancelScope()
        """Around what the caller does meanwhile."""
        self.error: Exception | None = None
        """What the caller has to raise, because the sink or the transport is unusable."""
        self.leaving = False
        """Whether nobody waits for the file any more, so that nothing need be reported to the core."""
        self.fetches: set[_Fetch] = set()

    def fail(self, error: Exception) -> None:
        """Ends the download with an exception of the caller's, who then abandons the command."""
        self.error = self.error or error
        self.leaving = True
        self.scope.cancel()

    async def release(self) -> None:
        """Ends the fetches, and waits until they have stored what came until then."""
        self.leaving = True
        for fetch in list(self.fetches):
            fetch.scope.cancel()
        for fetch in list(self.fetches):
            await fetch.ended.wait()


class Downloads:
    """Carries out the fetches of a client's downloads."""

    def __init__(self) -> None:
        self._receivers: dict[CommandId, _Receiver] = {}
        self._fetches: dict[FetchId, _Fetch] = {}
        self._group: TaskGroup
        self._exchanges: Exchanges
        self._deliver: Callable[[FetchInput], None]

    def __repr__(self) -> str:
        return f"<Downloads {len(self._receivers)} under way, {len(self._fetches)} fetches>"

    def begin(self, group: TaskGroup, exchanges: Exchanges, deliver: Callable[[FetchInput], None]) -> None:
        """There is a transport from now on; nothing is carried out before."""
        self._group = group
        self._exchanges = exchanges
        self._deliver = deliver

    @asynccontextmanager
    async def into(self, command: CommandId, sink: Sink) -> AsyncIterator[None]:
        """
        Stores what comes for a download, for the length of a block; afterwards nothing uses the sink.

        If that cannot be done, the block is cancelled, and the reason is raised.
        """
        receiver = self._receivers[command] = _Receiver(sink)
        try:
            with receiver.scope:
                yield
        finally:
            with anyio.CancelScope(shield=True):
                await receiver.release()
            del self._receivers[command]
        if receiver.error is not None:
            raise receiver.error

    def carry_out(self, output: FetchOutput) -> None:
        """Does what is ordered, or has it done; one whose caller is gone is forgotten."""
        match output:
            case Fetch(name, command):
                receiver = self._receivers.get(command)
                if receiver is None or receiver.leaving:
                    return
                if not hasattr(self._exchanges, "fetch"):
                    # A transport may be anybody's, and from before there were downloads.
                    receiver.fail(error_of(_UNSUPPORTED, Calling.REST))
                    return
                fetch = self._fetches[name] = _Fetch()
                receiver.fetches.add(fetch)
                start(self._group, self._run, output, fetch, receiver, name=f"odyssey fetch {name}")
            case StoreBody(name, restart):
                if name in self._fetches:
                    self._fetches[name].restart = restart
                    self._fetches[name].accepted.set()
            case CancelFetch(name):
                if name in self._fetches:
                    self._fetches[name].scope.cancel()

    async def _run(self, order: Fetch, fetch: _Fetch, receiver: _Receiver) -> None:
        # What stands if nothing better comes: it was cancelled.
        end: FetchInput = FetchFailed(order.fetch, TransportError(TransportErrorKind.CLOSED))
        try:
            async with calling(self._exchanges):
                with fetch.scope:
                    end = await self._fetch(order, fetch, receiver)
        finally:
            del self._fetches[order.fetch]
            receiver.fetches.remove(fetch)
            fetch.ended.set()
            self._report(receiver, end)

    async def _fetch(self, order: Fetch, fetch: _Fetch, receiver: _Receiver) -> FetchInput:
        try:
            async with self._exchanges.fetch(order.signed_url, order.headers, order.accepts) as reply:
                self._report(receiver, FetchOpened(order.fetch, reply.head))
                await fetch.accepted.wait()
                await self._store(order.fetch, fetch.restart, reply, receiver)
            return FetchEnded(order.fetch)
        except ExchangeError as broke:
            return FetchFailed(order.fetch, broke.error)
        except Exception as error:  # noqa: BLE001  a transport may be anybody's
            return FetchFailed(order.fetch, internal(error, "a fetch"))

    async def _store(
        self, name: FetchId, restart: FileVersion | None, reply: Fetched, receiver: _Receiver
    ) -> None:
        """Stores a body as it comes, and reports how much that is: not for every piece, but steadily."""
        if restart is not None:
            await _write(receiver, receiver.sink.restart, restart)
        buffer = bytearray()

        async def flush() -> None:
            data = bytes(buffer)
            buffer.clear()
            if data:
                await _write(receiver, receiver.sink.append, data)
                self._report(receiver, FetchedBytes(name, len(data)))

        due = anyio.current_time() + _REPORT_INTERVAL
        try:
            while not receiver.leaving and (data := await reply.receive()):
                buffer += data
                if len(buffer) >= BUFFER_SIZE or anyio.current_time() >= due:
                    await flush()
                    due = anyio.current_time() + _REPORT_INTERVAL
        finally:
            # What has come is kept, whatever ended it.
            with anyio.CancelScope(shield=True):
                await flush()

    def _report(self, receiver: _Receiver, inp: FetchInput) -> None:
        if not receiver.leaving:
            self._deliver(inp)


async def _write[T](receiver: _Receiver, write: Callable[[T], None], value: T) -> None:
    """Has a sink do something in a worker thread; what it raises is for the caller of the download."""
    if receiver.error is not None:
        return
    try:
        await anyio.to_thread.run_sync(write, value)
    except Exception as error:  # noqa: BLE001  handed on to the caller, who raises it
        receiver.fail(error)
