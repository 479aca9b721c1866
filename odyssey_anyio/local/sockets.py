"""The sockets of the local service: TCP for HTTP and WebSocket, and UDP beside it for STUN."""

import errno
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from ipaddress import ip_address

import anyio
from anyio.abc import SocketListener, UDPSocket

from odyssey_anyio.media.loopback import LOOPBACK, MISSING
from odyssey_anyio.net.tcp import repeat_steadily

BACKLOG = 1024
"""How many connections may wait to be accepted."""


@asynccontextmanager
async def service_sockets(host: str | None, port: int) -> AsyncIterator[tuple[SocketListener, UDPSocket]]:
    """
    Opens both sockets at one address: that of a host, by name or literal, or that of loopback.

    `port` is that of TCP; 0 takes a free one.
    Raises `OSError` if no address of the host can be had; its `strerror` says why.
    """
    try:
        tcp, udp = _bound(LOOPBACK if host is None else await _addresses(host), port)
    except (socket.gaierror, UnicodeError) as error:
        raise OSError(errno.EADDRNOTAVAIL, f"the host name {host} is unknown") from error
    # anyio closes what it was given; this is for a cancellation before that.
    with closing(tcp), closing(udp):
        async with (
            await SocketListener.from_socket(tcp) as listener,
            await UDPSocket.from_socket(udp) as stun,
        ):
            yield listener, stun


async def _addresses(host: str) -> Sequence[str]:
    """Returns the addresses of a host; a literal is one, on whatever network the machine is."""
    try:
        return (str(ip_address(host)),)
    except ValueError:
        pass
    found = await anyio.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def _bound(addresses: Sequence[str], port: int) -> tuple[socket.socket, socket.socket]:
    """Returns the sockets at the first address that this machine has."""
    failed: list[OSError] = []
    for address in addresses:
        try:
            tcp = _socket(address, port, socket.SOCK_STREAM)
            try:
                tcp.listen(BACKLOG)
                return tcp, _socket(address, 0, socket.SOCK_DGRAM)
            except BaseException:
                tcp.close()
                raise
        except OSError as error:
            if error.errno not in MISSING:
                raise
            failed.append(error)
    raise failed[0]


def _socket(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = socket.socket(family, kind)
    try:
        bound.setblocking(False)
        if kind is socket.SOCK_STREAM:
            # Or nobody could listen here again for a minute after the end.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # What it accepts inherits this.
            repeat_steadily(bound)
        bound.bind((address, port))
    except BaseException:
        bound.close()
        raise
    return bound
