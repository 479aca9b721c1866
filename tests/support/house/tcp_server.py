"""A server that does just what a test says, on the test's own loop."""

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener

from odyssey_anyio.net.unread import read_on_demand

type Handler = Callable[[ByteStream, int], Awaitable[None]]
"""Takes a connection and its number, from 0."""


@asynccontextmanager
async def scripted(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serves with a handler for the length of the block; returns the port."""
    count = 0

    async def serve(stream: ByteStream) -> None:
        nonlocal count
        number, count = count, count + 1
        read_on_demand(stream)
        try:
            await handler(stream, number)
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, ssl.SSLError):
            pass
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(stream)

    plain = await anyio.create_tcp_listener(local_host="127.0.0.1")
    # What the system keeps for a server that does not read can be more than the longest request of a test.
    plain.extra(SocketAttribute.raw_socket).setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    port = plain.extra(SocketAttribute.local_port)
    listener = plain if tls is None else TLSListener(plain, tls, standard_compatible=False)
    async with plain, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        yield port
        group.cancel_scope.cancel()
