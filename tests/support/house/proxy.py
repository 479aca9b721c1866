"""Things on the way: a proxy that knows CONNECT, and a front that speaks TLS for a server that does not."""

import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener
from attrs import define, field


@define
class ConnectProxy:
    """A proxy that opens tunnels, for whoever gives the right user and password if it wants any."""

    port: int
    credentials: str | None = None
    status: int = 502
    """What it answers if it cannot connect."""
    asked: list[str] = field(factory=list)
    """The targets that were asked for."""

    async def handle(self, client: ByteStream) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += await client.receive()
        lines = head.decode().split("\r\n")
        target = lines[0].split()[1]
        self.asked.append(target)
        wanted = None if self.credentials is None else b64encode(self.credentials.encode()).decode()
        if wanted is not None and f"proxy-authorization: Basic {wanted}" not in lines:
            await client.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = target.rpartition(":")
        try:
            server = await anyio.connect_tcp(host.strip("[]"), int(port))
        except OSError:
            await client.send(f"HTTP/1.1 {self.status} No\r\nContent-Length: 0\r\n\r\n".encode())
            return
        await client.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await joined(client, server)


@define
class Front:
    """Speaks TLS to clients, and plainly to a server on this machine."""

    port: int
    server: int = 0
    host: str = "127.0.0.1"

    async def handle(self, client: ByteStream) -> None:
        await joined(client, await anyio.connect_tcp(self.host, self.server))


async def joined(one: ByteStream, other: ByteStream) -> None:
    """Moves bytes both ways until either side ends."""

    async def move(source: ByteStream, target: ByteStream) -> None:
        try:
            async for data in source:
                await target.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        group.cancel_scope.cancel()

    async with one, other, anyio.create_task_group() as group:
        group.start_soon(move, one, other)
        group.start_soon(move, other, one)


@asynccontextmanager
async def listening[T: (ConnectProxy, Front)](
    make: type[T], tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[T]:
    """Runs one of these at a free port of this machine."""
    plain = await anyio.create_tcp_listener(local_host=host)
    listener = plain if tls is None else TLSListener(plain, tls, standard_compatible=False)
    made = make(plain.extra(SocketAttribute.local_port))

    async def handle(client: ByteStream) -> None:
        try:
            async with client:
                await made.handle(client)
        except (anyio.EndOfStream, anyio.BrokenResourceError, ssl.SSLError):
            return

    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, handle)
        yield made
        group.cancel_scope.cancel()
