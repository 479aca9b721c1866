"""TCP and TLS connections, and what their exceptions mean."""

import errno
import socket
import ssl
from collections.abc import Iterator

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

from odyssey_anyio.net.transports import ExchangeBroke
from odyssey_proto.kernel.errors import LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.url import Address
from odyssey_proto.seam.inputs import Breakage, Broke
from odyssey_proto.wire.http1 import ClosedEarlyError, TooLargeError

CONNECT = 15.0
"""How long the way to an open connection may take, in seconds; the core has shorter deadlines."""

CHUNK = 64 * 1024
"""The most bytes that are read at once."""

# The first that fits counts, so subclasses stand before what they inherit from.
_MEANING: tuple[tuple[type[BaseException], Broke], ...] = (
    (TooLargeError, Broke.TOO_LARGE),
    (ClosedEarlyError, Broke.CLOSED),
    (RemoteProtocolError, Broke.MALFORMED),
    (LocalProtocolError, Broke.INVALID),
    (ssl.SSLError, Broke.TLS),
    (socket.gaierror, Broke.UNRESOLVED),
    (UnicodeError, Broke.UNRESOLVED),
    (ConnectionRefusedError, Broke.REFUSED),
    (ConnectionResetError, Broke.CLOSED),
    (BrokenPipeError, Broke.CLOSED),
    (anyio.EndOfStream, Broke.CLOSED),
    (anyio.BrokenResourceError, Broke.CLOSED),
    (anyio.ClosedResourceError, Broke.CLOSED),
    (TimeoutError, Broke.SILENT),
)

_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})


def tls_context() -> ssl.SSLContext:
    """Returns a context that checks certificates against the system's store."""
    return ssl.create_default_context()


async def connect(address: Address, tls: ssl.SSLContext) -> ByteStream:
    """Opens a connection; raises `ExchangeBroke`."""
    try:
        with anyio.fail_after(CONNECT):
            stream = await _tcp(address)
            if not address.tls:
                return stream
            try:
                return await TLSStream.wrap(
                    stream, hostname=address.host, ssl_context=tls, standard_compatible=False
                )
            except BaseException:
                await anyio.aclose_forcefully(stream)
                raise
    except Exception as error:
        raise ExchangeBroke(meaning(error)) from error


async def _tcp(address: Address) -> ByteStream:
    try:
        return await anyio.connect_tcp(address.host, address.port)
    except ValueError:
        # The tries of anyio are tasks of their own; where the end of the loop has cancelled them all,
        # there is no error to tell of, and making a group of none is one.
        return await anyio.connect_tcp(address.host, address.port)


async def cut(stream: ByteStream) -> None:
    """Closes a connection without ceremony, also when the caller is cancelled."""
    with anyio.CancelScope(shield=True):
        await anyio.aclose_forcefully(stream)


async def receive(stream: ByteStream) -> bytes:
    """Returns the next bytes, none at the end; raises what the stream raises otherwise."""
    try:
        return await stream.receive(CHUNK)
    except anyio.EndOfStream:
        return b""


def meaning(error: BaseException) -> Breakage:
    """Returns what an exception means, by its class or the class of what caused it."""
    for one in _causes(error):
        if isinstance(one, ExchangeBroke):
            return one.why
        for kind, how in _MEANING:
            if isinstance(one, kind):
                return Breakage(how, type(one).__name__)
        if isinstance(one, OSError) and one.errno in _UNREACHABLE:
            return Breakage(Broke.UNREACHABLE, type(one).__name__)
    if isinstance(error, OSError):
        return Breakage(Broke.UNREACHABLE, type(error).__name__)
    return Breakage(Broke.INTERNAL, type(error).__name__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Returns an exception and everything behind it, the deepest first."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _causes(one)
    behind = error.__cause__ or error.__context__
    if behind is not None:
        yield from _causes(behind)
    yield error
