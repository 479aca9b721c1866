"""
Asking STUN and TURN servers for nothing but an answer, each by itself, so that one learns which are good.

A session asks them side by side and stops when one of each kind has answered (media/servers.py); here each
gets its time, and what it gives is given back.
"""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import anyio
import anyio.to_thread
from attrs import frozen

from odyssey_anyio.media.servers import UNANSWERED, Server, reason_of, servers_of
from odyssey_proto.kernel.secret import revealed
from odyssey_proto.model.ice import IceConfig

ENDING_SECONDS = 0.5
"""How long giving back an allocation may take."""


@frozen
class ServerAnswer:
    """What came of asking one server."""

    server: Server
    seconds: float
    problem: str = ""
    """Why it gave nothing, in a few words; empty if it answered as it should."""


async def ask_each(ice: IceConfig, within: float) -> list[ServerAnswer]:
    """
    Asks each server that a session with these settings would ask, all at once, for `within` seconds.

    aioice needs a loop of asyncio, so this has one of its own in a thread, whatever the caller runs on.
    Raises `ValueError` for an address that is malformed.
    """
    servers = servers_of(ice)
    if not servers:
        return []
    answers = [ServerAnswer(server, within, UNANSWERED) for server in servers]
    # A look-up of a name can hold up the end of a loop, when the answers are there.
    with anyio.move_on_after(within + 2 * ENDING_SECONDS):
        await anyio.to_thread.run_sync(lambda: asyncio.run(_all(answers, within)), abandon_on_cancel=True)
    return list(answers)


async def _all(answers: list[ServerAnswer], within: float) -> None:
    """Asks all servers, and puts each answer in its place as soon as it is there."""

    async def ask(at: int) -> None:
        answers[at] = await _ask(answers[at].server, within)

    await asyncio.gather(*map(ask, range(len(answers))))


async def _ask(server: Server, within: float) -> ServerAnswer:
    begins = time.monotonic()
    problem = ""
    try:
        async with asyncio.timeout(within):
            await (_bind(server) if server.kind == "stun" else _allocate(server))
    except Exception as error:  # noqa: BLE001  # whatever it is, it is why there is no answer
        problem = reason_of(error)
    return ServerAnswer(server, time.monotonic() - begins, problem)


async def _bind(server: Server) -> None:
    """Asks a STUN server where we come from (RFC 8489 section 2)."""
    from aioice import stun

    class Client(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
            self.transaction = stun.Transaction(request, (server.host, server.port), self)

        def send_stun(self, message: stun.Message, addr: tuple[str, int]) -> None:
            self.transport.sendto(bytes(message))

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            try:
                self.transaction.response_received(stun.parse_message(data), addr)
            except ValueError:
                return

    transport, client = await asyncio.get_running_loop().create_datagram_endpoint(
        Client, remote_addr=(server.host, server.port)
    )
    try:
        await client.transaction.run()
    finally:
        transport.close()


async def _allocate(server: Server) -> None:
    """Asks a TURN server for a relay, and gives it back (RFC 8656 section 2.2)."""
    from aioice import turn

    class Client(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.closed = asyncio.Event()

        def connection_lost(self, exc: Exception | None) -> None:
            self.closed.set()

    transport, client = await turn.create_turn_endpoint(
        Client,
        server_addr=(server.host, server.port),
        username=revealed(server.username),
        password=revealed(server.credential),
        ssl=server.tls or None,
        transport=server.transport,
    )
    transport.close()
    await _briefly(client.closed.wait())


async def _briefly(wait: Coroutine[Any, Any, Any]) -> None:
    """Waits for what may be cut off, too."""
    try:
        async with asyncio.timeout(ENDING_SECONDS):
            await wait
    except TimeoutError:
        return
