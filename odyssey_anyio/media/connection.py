"""
The aiortc connection of one peer: it is made for the first description or ahead of it, and closed in the end.

Nothing of aiortc that was begun is cut short.
Applying a description closes the transports that it makes needless, and gathering opens sockets; both
leave what they hold behind when they are cancelled half way.
So calls run to their end, whoever waited for them.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from odyssey_anyio.media.gathering import Gathering
from odyssey_anyio.media.servers import ServerSearch, configuration
from odyssey_proto.model.ice import IceConfig
from odyssey_proto.seam.inputs import TransportErrorKind

logger: logging.Logger = logging.getLogger("odyssey.media")

NO_ADDRESS = "this machine has no address at which media could reach it"


class PeerError(Exception):
    """A peer cannot go on; `kind` says why."""

    def __init__(self, kind: TransportErrorKind, detail: str = "") -> None:
        super().__init__(detail or kind.value)
        self.kind = kind
        self.detail = detail


class MediaConnection:
    """The connection of one peer; `make` makes it from its configuration."""

    def __init__(self, ice: IceConfig, make: Callable[[Any], Any]) -> None:
        self._ice = ice
        self._make = make
        self._search: ServerSearch
        self._gathering: Gathering | None = None
        self._calls: set[asyncio.Task[Any]] = set()

    def begin(self, prepare: Callable[[Any], Any]) -> None:
        """
        Makes it ahead of its description, so that it gathers while that is on its way.

        `prepare` is called with the connection, and returns what will be its transport of ICE.
        Raises `ValueError` for a malformed address of a server.
        """
        gathering = self._made()
        gathering.begin(prepare(gathering.pc))

    async def describe(self, describe: Callable[[Any], Coroutine[Any, Any, Any]]) -> tuple[Any, str, str]:
        """
        Returns the connection, its description with candidates, and why there is no relay that was asked for.

        `describe` is called with the connection.
        Raises `PeerError` if there is no candidate, and `ValueError` for a malformed address of a server.
        """
        gathering = self._gathering or self._made()
        # A transport that becomes needless with the description is closed, and must have gathered before.
        await gathering.begun()
        sdp = await gathering.gather(await self.call(describe(gathering.pc)))
        if sdp is None and self._ice.relay_only:
            raise PeerError(TransportErrorKind.NO_RELAY, self._search.problems)
        if sdp is None:
            # A streamer of the local service has nobody else to say why it goes away.
            logger.warning("a peer connection broke: %s", NO_ADDRESS)
            raise PeerError(TransportErrorKind.UNREACHABLE, NO_ADDRESS)
        return gathering.pc, sdp, self._search.problems

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
        """Closes it."""
        if self._gathering is not None:
            # In a task of its own: a close that is cancelled half way leaves much behind.
            await asyncio.gather(asyncio.ensure_future(self._gathering.aclose()), return_exceptions=True)

    def _made(self) -> Gathering:
        self._search = ServerSearch(self._ice)
        self._gathering = Gathering(self._make(configuration(self._ice)), self._search)
        return self._gathering

    def _called(self, task: asyncio.Task[Any]) -> None:
        self._calls.discard(task)
        if not task.cancelled():
            # Raised where it was waited for, unless nobody waits any more.
            task.exception()
