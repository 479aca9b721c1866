"""One try at finding candidates: an aiortc connection that gathers, and can be given up at any moment."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextvars import ContextVar, copy_context
from typing import Any

from odyssey_anyio.media.aiortc_internals import begun_close
from odyssey_anyio.media.handshakes import repeat_flights
from odyssey_anyio.media.ice_internals import gather_otherwise
from odyssey_anyio.media.loopback import loopback_addresses
from odyssey_anyio.media.servers import ServerSearch

logger: logging.Logger = logging.getLogger("odyssey.media")

POLL_SECONDS = 0.01
"""How often a gathering that is given up is looked at."""

_OWNER: ContextVar["Gathering | None"] = ContextVar("gathering", default=None)

_QUESTIONS = {"ask_server", "server_reflexive_candidate", "relayed_candidate"}
"""The tasks that wait for a STUN or TURN server; without them a gathering ends by itself."""

_STEPS = _QUESTIONS | {"gather", "get_component_candidates"}
"""All tasks of a gathering; one that fails leaves the others of its connection running."""


class Gathering:
    """
    A connection that is asked for its candidates.

    aioice keeps what it opened so far in the middle of its work, so a gathering that is simply cancelled,
    and a connection that is closed while it gathers, both leave sockets open.
    So its questions to servers are taken away, it runs to its end, and the connection is closed then.
    """

    def __init__(self, pc: Any, search: ServerSearch) -> None:
        self.pc = pc
        self._search = search
        self._work: asyncio.Task[None] | None = None

    def begin(self, transport: Any) -> None:
        """Begins to gather for a transport of ICE of the connection, before there is a description."""
        gather_otherwise(self.pc, loopback_addresses, self._search)
        self._start(transport.iceGatherer.gather())

    async def begun(self) -> None:
        """Waits until what was begun is done, if anything was; raises what aiortc raises."""
        if self._work is not None:
            await asyncio.wait([self._work])
            self._work.result()

    async def gather(self, description: Any) -> str | None:
        """
        Returns the description with candidates, or nothing if there are none.

        Whatever aiortc raises is raised.
        """
        gather_otherwise(self.pc, loopback_addresses, self._search)
        repeat_flights(self.pc)
        self._start(self.pc.setLocalDescription(description))
        await self.begun()
        sdp: str = self.pc.localDescription.sdp
        return sdp if "a=candidate:" in sdp else None

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        context = copy_context()
        context.run(_OWNER.set, self)
        self._work = asyncio.get_running_loop().create_task(work, context=context)

    async def aclose(self) -> None:
        """Ends the gathering if it still goes on, and closes the connection; never raises."""
        self.pc.remove_all_listeners()
        work = self._work
        while steps := self._steps():
            for task in steps:
                if _name(task) in _QUESTIONS:
                    task.cancel()
            await asyncio.wait(steps, timeout=POLL_SECONDS)
        if work is not None:
            await asyncio.wait([work])
            if not work.cancelled() and (error := work.exception()) is not None:
                logger.debug("gathering failed", exc_info=error)
        await self._close()

    async def _close(self) -> None:
        """
        Closes the connection, whatever became of its tasks.

        At its end an application's loop cancels the tasks in it, also those that aiortc's close waits
        for: then that ends half way, and any other close would wait for it for ever.
        """
        closing = begun_close(self.pc) or asyncio.ensure_future(self.pc.close())
        await asyncio.gather(closing, return_exceptions=True)
        if closing.cancelled() or closing.exception() is not None:
            logger.debug("closing a peer went half way: %r", closing)
            for stop in self._stops():
                await asyncio.gather(stop(), return_exceptions=True)

    def _stops(self) -> Iterator[Callable[[], Coroutine[Any, Any, None]]]:
        """Returns what a close stops, in its order; it does no harm a second time."""
        transceivers, sctp = self.pc.getTransceivers(), self.pc.sctp
        yield from (transceiver.stop for transceiver in transceivers)
        transports = [transceiver.receiver.transport for transceiver in transceivers]
        if sctp is not None:
            yield sctp.stop
            transports.append(sctp.transport)
        for transport in transports:
            yield transport.stop
            yield transport.transport.stop

    def _steps(self) -> list[asyncio.Task[Any]]:
        mine = [task for task in asyncio.all_tasks() if task.get_context().get(_OWNER) is self]
        return [task for task in mine if task is self._work or _name(task) in _STEPS]


def _name(task: asyncio.Task[Any]) -> str:
    return getattr(task.get_coro(), "__name__", "")
