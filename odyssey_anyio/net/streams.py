"""TCP and TLS connections, and what their exceptions mean."""

import errno
import os
import socket
import ssl
from collections.abc import Iterator

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

from odyssey_anyio.net.tcp import connect_tcp
from odyssey_anyio.net.transports import ExchangeError
from odyssey_proto.kernel.failures import LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.url import Address
from odyssey_proto.seam.inputs import TransportError, TransportErrorKind
from odyssey_proto.wire.http1 import ClosedEarlyError, TooLargeError
from odyssey_proto.wire.proxy import Proxy, ProxyError, Tunnel, proxy_for

CONNECT_SECONDS = 15.0
"""How long the way to an open connection may take; the core has shorter deadlines."""

MAX_READ_BYTES = 64 * 1024
"""How much is read at once."""

MAX_SEND_BYTES = 64 * 1024
"""How much is sent at once: a piece that has a deadline of its own."""

SEND_SECONDS = 20.0
"""How long the other side may take for a piece; over TCP it takes nothing once it has stopped reading."""

BROKEN_STREAM = (anyio.BrokenResourceError, anyio.ClosedResourceError)
"""What a stream raises once the other side has closed it."""

# The first that fits counts, so subclasses stand before what they inherit from.
_KINDS: tuple[tuple[type[BaseException], TransportErrorKind], ...] = (
    (TooLargeError, TransportErrorKind.TOO_LARGE),
    (ClosedEarlyError, TransportErrorKind.CLOSED),
    (RemoteProtocolError, TransportErrorKind.MALFORMED),
    (LocalProtocolError, TransportErrorKind.INVALID),
    (ssl.SSLCertVerificationError, TransportErrorKind.CERTIFICATE),
    (ssl.SSLError, TransportErrorKind.TLS),
    (socket.gaierror, TransportErrorKind.UNRESOLVED),
    (UnicodeError, TransportErrorKind.UNRESOLVED),
    (ConnectionRefusedError, TransportErrorKind.REFUSED),
    (ConnectionResetError, TransportErrorKind.CLOSED),
    (BrokenPipeError, TransportErrorKind.CLOSED),
    (anyio.EndOfStream, TransportErrorKind.CLOSED),
    (anyio.BrokenResourceError, TransportErrorKind.CLOSED),
    (anyio.ClosedResourceError, TransportErrorKind.CLOSED),
    (TimeoutError, TransportErrorKind.SILENT),
)

_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})


class Dialer:
    """
    Opens connections, by way of a proxy if the environment says so (wire/proxy.py).

    Certificates are checked against the system's store, or that of SSL_CERT_FILE, unless `tls` is given.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._process = os.getpid()

    async def dial(self, address: Address) -> ByteStream:
        """Opens a connection; raises `ExchangeError`."""
        if os.getpid() != self._process:
            raise ExchangeError(TransportError(TransportErrorKind.CLOSED, "in a forked child"))
        try:
            with anyio.fail_after(CONNECT_SECONDS):
                proxy = proxy_for(address, os.environ)
                stream = await self._direct(address) if proxy is None else await self._tunnel(proxy, address)
                return await self._wrapped(stream, address.host) if address.tls else stream
        except Exception as error:
            raise ExchangeError(transport_error(error)) from error

    async def _direct(self, address: Address | Proxy) -> ByteStream:
        return await connect_tcp(address.host, address.port)

    async def _tunnel(self, proxy: Proxy, address: Address) -> ByteStream:
        try:
            stream = await self._direct(proxy)
        except Exception as error:
            # By its own kind it would be blamed on the host behind the proxy.
            raise ProxyError(f"the proxy {proxy.address} is not there", passing=True) from error
        tunnel = Tunnel(proxy, address)
        try:
            if proxy.tls:
                stream = await self._wrapped(stream, proxy.host)
            await stream.send(tunnel.request())
            while not tunnel.receive(await receive(stream)):
                pass
        except (OSError, anyio.EndOfStream, *BROKEN_STREAM) as error:
            await abort(stream)
            raise ProxyError(f"the connection to the proxy {proxy.address} broke", passing=True) from error
        except BaseException:
            await abort(stream)
            raise
        return stream

    async def _wrapped(self, stream: ByteStream, host: str) -> ByteStream:
        try:
            # The store is read when it is first needed: that takes some milliseconds.
            self._tls = self._tls or ssl.create_default_context()
            return await TLSStream.wrap(
                stream, hostname=host, ssl_context=self._tls, standard_compatible=False
            )
        except ssl.SSLCertVerificationError as error:
            await abort(stream)
            why = TransportError(TransportErrorKind.CERTIFICATE, f"{host}: {error.verify_message}")
            raise ExchangeError(why) from error
        except BaseException:
            await abort(stream)
            raise


async def abort(stream: ByteStream) -> None:
    """Closes a connection without ceremony, also when the caller is cancelled."""
    with anyio.CancelScope(shield=True):
        await anyio.aclose_forcefully(stream)


async def send(stream: ByteStream, data: bytes) -> None:
    """Sends bytes; raises `TimeoutError` if the other side stops taking them, and what the stream raises."""
    for start in range(0, len(data), MAX_SEND_BYTES):
        with anyio.fail_after(SEND_SECONDS):
            await stream.send(data[start : start + MAX_SEND_BYTES])


async def receive(stream: ByteStream, max_bytes: int = MAX_READ_BYTES) -> bytes:
    """Returns the next bytes, none at the end; raises what the stream raises otherwise."""
    try:
        return await stream.receive(max_bytes)
    except anyio.EndOfStream:
        return b""


def transport_error(error: BaseException) -> TransportError:
    """Returns what an exception means, by its class or the class of what caused it."""
    if isinstance(error, ExchangeError):
        return error.error
    if isinstance(error, ProxyError):
        kind = TransportErrorKind.UNREACHABLE if error.passing else TransportErrorKind.PROXY
        return TransportError(kind, str(error))
    for one in _causes(error):
        if isinstance(one, ExchangeError):
            return one.error
        for raised, kind in _KINDS:
            if isinstance(one, raised):
                return TransportError(kind, _words(one))
        if isinstance(one, OSError) and one.errno in _UNREACHABLE:
            return TransportError(TransportErrorKind.UNREACHABLE, os.strerror(one.errno))
    if isinstance(error, OSError):
        return TransportError(TransportErrorKind.UNREACHABLE, os.strerror(error.errno) if error.errno else "")
    return TransportError(TransportErrorKind.INTERNAL, type(error).__name__)


def _words(error: BaseException) -> str:
    """
    Returns what an exception says that its kind does not.

    Only words of ours or of the operating system: those of other libraries may repeat what a server sent.
    """
    match error:
        case TooLargeError():
            return str(error)
        case ssl.SSLError(reason=str(reason)):
            return reason.replace("_", " ").lower()
        case _:
            return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Returns an exception and everything behind it, the deepest first."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _causes(one)
    behind = error.__cause__ or error.__context__
    if behind is not None:
        yield from _causes(behind)
    yield error
