"""
Connections that are tried, one after another, until one has gathered its candidates in time.

A server that does not answer would hold up a connect for as long as aioice asks it, so each attempt has
its time, and the next one other servers.
An attempt that is given up is still busy, and closing it takes a while: that goes on beside the next.

Nothing of aiortc that was begun is cut short.
Applying a description closes the transports that it makes needless, and gathering opens sockets; both
leave what they hold behind when they are cancelled half way.
So calls run to their end, whoever waited for them, and a close in a task of its own.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from odyssey_anyio.media.gathering import Gathering
from odyssey_anyio.media.servers import choices, configuration
from odyssey_proto.model.ice import IceConfig
from odyssey_proto.seam.inputs import TransportErrorKind


class PeerError(Exception):
    """A peer cannot go on; `kind` says why."""

    def __init__(self, kind: TransportErrorKind) -> None:
        super().__init__(kind.value)
        self.kind = kind


class Attempts:
    """The attempts of one peer; `make` makes a connection from its configuration."""

    def __init__(self, ice: IceConfig, make: Callable[[Any], Any]) -> None:
        self._ice = ice
        self._make = make
        self._open: list[Gathering] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._calls: set[asyncio.Task[Any]] = set()

    async def describe(self, describe: Callable[[Any], Coroutine[Any, Any, Any]]) -> tuple[Any, str]:
        """
        Returns a connection and its description with candidates.

        `describe` is called with each connection that is tried.
        Raises `PeerError` if none has gathered any, or not in time.
        """
        relay_only = self._ice.relay_only
        for servers in choices(self._ice):
            attempt = Gathering(self._make(configuration(servers, self._ice)))
            self._open.append(attempt)
            description = await self.call(describe(attempt.pc))
            # Without servers nobody is waited for, and a busy machine only needs its time.
            seconds = self._ice.gather / 1_000_000 if servers else None
            sdp = await attempt.gather(description, seconds)
            if sdp is not None:
                return attempt.pc, sdp
            self._close(attempt)
        raise PeerError(TransportErrorKind.NO_RELAY if relay_only else TransportErrorKind.UNREACHABLE)

    async def call[T](self, call: Coroutine[Any, Any, T]) -> T:
        """Lets a call run to its end even if the peer is closed meanwhile."""
        task = asyncio.get_running_loop().create_task(call)
        self._calls.add(task)
        task.add_done_callback(self._called)
        return await asyncio.shield(task)

    async def finish_calls(self) -> None:
        """Waits for the calls that still run."""
        if self._calls:
            await asyncio.wait(self._calls)

    async def aclose(self) -> None:
        """Closes every connection."""
        while self._open:
            self._close(self._open[0])
        # Cancelling this cancels them.
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _called(self, task: asyncio.Task[Any]) -> None:
        self._calls.discard(task)
        if not task.cancelled():
            # Raised where it was waited for, unless nobody waits any more.
            task.exception()

    def _close(self, attempt: Gathering) -> None:
        self._open.remove(attempt)
        task = asyncio.get_running_loop().create_task(attempt.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
