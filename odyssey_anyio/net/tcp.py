"""
TCP connections, to whichever address of a host answers first (Happy Eyeballs, RFC 8305).

`anyio.connect_tcp` does the same, but starts a task of asyncio for each address, also for a single one.
Such a task is cancelled when the loop ends, which is just when disconnecting may need a connection; and
cancelled before its first step, it is reported as a coroutine that was never awaited.
Here such tasks are tasks of a client.

A packet that begins a connection may be lost, and systems send it again after a second (RFC 6298 section 2).
So one that has not answered is tried twice more beside the first try, after 0.25 s and 0.5 s more, as if it
were another address; a server that is farther than 0.25 s away sees two or three connections, and uses one.
"""

import errno
import socket
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from itertools import chain, cycle, islice, zip_longest
from os import strerror
from typing import Any

import anyio
import anyio.to_thread
from anyio.abc import SocketStream
from anyio.lowlevel import RunVar

from odyssey_anyio.aio.tasks import start
from odyssey_anyio.net.own_sockets import adopt
from odyssey_anyio.net.unread import read_on_demand

CONNECTION_ATTEMPT_DELAY = 0.25
"""
How long an address is waited for before the next is tried beside it, in seconds (RFC 8305 section 5).

Once all have been tried, twice as long.
"""

MAX_ATTEMPTS = 3
"""How many tries there are, unless there are more addresses; one that answered with an error gets no more."""

MAX_LOOK_UPS = 20
"""How many names are looked up at once; one that is abandoned counts until the resolver has answered."""

_LOOK_UPS: RunVar[anyio.CapacityLimiter | None] = RunVar("odyssey look-ups of names")

_THIN: int | None = getattr(socket, "TCP_THIN_LINEAR_TIMEOUTS", None)
"""An option of Linux."""

type Address = tuple[socket.AddressFamily, tuple[str | int, ...]]
"""A family, and an address as sockets of it take one."""

_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR})


async def connect_tcp(host: str, port: int) -> SocketStream:
    """
    Opens a connection.

    Raises `OSError`: what looking up the name raised, or what the first address to fail failed with.
    """
    addresses = await look_up(host, port)
    connected = await _race(addresses)
    try:
        adopt(connected)
        stream = await SocketStream.from_socket(connected)
    except BaseException:
        connected.close()
        raise
    read_on_demand(stream)
    return stream


async def look_up(host: str, port: int) -> list[Address]:
    """
    Returns the addresses to try, in order: IPv6 and IPv4 by turns (RFC 8305 section 4).

    One that is cancelled returns at once; its thread ends when the resolver answers.
    `loop.getaddrinfo` would use the executor of the loop, whose end waits for its threads.
    Raises what `socket.getaddrinfo` raises.
    """
    try:
        literal = ip_address(host)
    except ValueError:
        # As bytes, a name that is none is unknown to the resolver; as text, it would raise UnicodeError.
        ask = partial(socket.getaddrinfo, host.encode(), port, type=socket.SOCK_STREAM)
        found: list[Any] = await anyio.to_thread.run_sync(ask, abandon_on_cancel=True, limiter=_look_ups())
    else:
        return [(socket.AF_INET if literal.version == 4 else socket.AF_INET6, (host, port))]
    six: list[Address] = []
    four: list[Address] = []
    for family, _, _, _, address in found:
        # Python that was built without IPv6 gives such addresses as numbers and bytes.
        if isinstance(address[0], str):
            (six if family == socket.AF_INET6 else four).append((family, address))
    if not (six or four):
        raise OSError(errno.EADDRNOTAVAIL, strerror(errno.EADDRNOTAVAIL))
    return [each for each in chain.from_iterable(zip_longest(six, four)) if each is not None]


def _look_ups() -> anyio.CapacityLimiter:
    """Returns the limiter of this loop: what hangs in a resolver takes no thread of other work."""
    limiter = _LOOK_UPS.get(None)
    if limiter is None:
        _LOOK_UPS.set(limiter := anyio.CapacityLimiter(MAX_LOOK_UPS))
    return limiter


async def _race(addresses: list[Address]) -> socket.socket:
    """Tries one address after another, the next when one has failed or takes long; the first wins."""
    connected: list[socket.socket] = []
    errors: dict[Address, OSError] = {}

    async def attempt(address: Address, failed: anyio.Event) -> None:
        try:
            connected.append(await _connect(address))
        except OSError as error:
            errors.setdefault(address, error)
            failed.set()
        else:
            group.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as group:
            for number, address in enumerate(islice(cycle(addresses), max(MAX_ATTEMPTS, len(addresses)))):
                if address in errors:
                    continue
                failed = anyio.Event()
                start(group, attempt, address, failed, name=f"odyssey connection attempt {number}")
                again = number // len(addresses)
                with anyio.move_on_after(CONNECTION_ATTEMPT_DELAY * 2**again):
                    await failed.wait()
        if not connected:
            raise next(iter(errors.values()))
        return connected.pop(0)
    finally:
        # Those that came in just behind the first, and all if this task was cancelled.
        for late in connected:
            late.close()


def repeat_steadily(stream: socket.socket) -> None:
    """
    Has what is lost sent again at steady intervals at first, where the system can do that.

    The pauses would double from 0.2 s on, for the sake of transfers of many packets; what is said here takes
    a few, with a pause after each (tcp-thin in the documentation of Linux).
    """
    if _THIN is not None:
        with suppress(OSError):
            stream.setsockopt(socket.IPPROTO_TCP, _THIN, 1)


async def _connect(address: Address) -> socket.socket:
    family, peer = address
    connecting = socket.socket(family, socket.SOCK_STREAM)
    try:
        connecting.setblocking(False)
        repeat_steadily(connecting)
        error = connecting.connect_ex(peer)
        if error in _UNDER_WAY:
            await anyio.wait_writable(connecting)
            error = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, strerror(error))
    except BaseException:
        connecting.close()
        raise
    return connecting
