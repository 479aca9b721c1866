"""
TCP with a round trip, on loopback: bytes arrive half a round trip later, in their order.

The kernel of loopback accepts at once, so the handshake is added here: nothing that a client sends arrives
before a round trip and a half have passed since it connected, as if it had waited for the handshake.
An end travels like bytes do.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable


class DelayedTcp:
    """Stands in the place of another port of this machine, which is `round_trip` seconds away."""

    def __init__(self, port: int, round_trip: float) -> None:
        self.port = port
        self.round_trip = round_trip
        self.connections: int = 0
        """How many were opened."""

    def accept(self) -> asyncio.Protocol:
        """Returns what serves one connection."""
        self.connections += 1
        return _ClientEnd(self)


class _End(asyncio.Protocol):
    """One end of a connection; what it receives arrives at the transport of the other end, later."""

    def __init__(self, delay: float, begins: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._delay = delay
        self._begins = begins
        self._travelling: deque[tuple[float, bytes]] = deque()
        self._target: asyncio.Transport | None = None

    def data_received(self, data: bytes) -> None:
        self._send(data)

    def eof_received(self) -> bool:
        self._send(b"")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._send(b"")

    def leads_to(self, target: asyncio.Transport) -> None:
        """What has arrived and what will arrive goes there."""
        self._target = target
        self._arrive()

    def _send(self, data: bytes) -> None:
        self._travelling.append((max(self._loop.time(), self._begins) + self._delay, data))
        if len(self._travelling) == 1:
            self._arrive()

    def _arrive(self) -> None:
        if self._target is None:
            return
        while self._travelling:
            at, data = self._travelling[0]
            if at > self._loop.time():
                self._loop.call_at(at, self._arrive)
                return
            self._travelling.popleft()
            if data:
                self._target.write(data)
            else:
                self._target.close()


class _ClientEnd(_End):
    def __init__(self, network: DelayedTcp) -> None:
        super().__init__(network.round_trip / 2, asyncio.get_running_loop().time() + network.round_trip)
        self._network = network

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._opening = self._loop.create_task(self._open(transport))

    async def _open(self, back: asyncio.BaseTransport) -> None:
        there = _End(self._delay, self._begins)
        try:
            target, _ = await self._loop.create_connection(lambda: there, "127.0.0.1", self._network.port)
        except OSError:
            back.close()
            return
        there.leads_to(back)  # type: ignore[arg-type]  # a transport of a stream, as both are
        self.leads_to(target)


async def listening(accept: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None = None) -> int:
    """Listens on a free port of loopback until the loop ends; returns the port."""
    server = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", 0, ssl=tls)
    _servers.append(server)
    port: int = server.sockets[0].getsockname()[1]
    return port


_servers: list[asyncio.Server] = []
"""Kept, because a server that nobody holds is closed."""
