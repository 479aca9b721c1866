"""Carries out what the core wants done outside: requests and sockets, each in a task of its own."""

import logging
from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup

from odyssey_anyio.aio.tasks import calling, start
from odyssey_anyio.errors.safe_text import class_and_line
from odyssey_anyio.net.transports import ExchangeError, Exchanges, Outbox, Sockets
from odyssey_proto.seam.http import ExchangeId
from odyssey_proto.seam.inputs import (
    ABNORMAL_CLOSURE,
    ExchangeFailed,
    HttpInput,
    Replied,
    SocketAnswered,
    SocketClosed,
    SocketId,
    SocketInput,
    SocketRefused,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import (
    CancelRequest,
    CloseSocket,
    DropSocket,
    HttpOutput,
    OpenSocket,
    PingSocket,
    Preconnect,
    Request,
    SendText,
    SocketOutput,
)

logger: logging.Logger = logging.getLogger("odyssey.client")


class Network:
    """
    Carries out orders without blocking, and keeps the order of what concerns one socket.

    Whatever a transport does, each request and each socket that was not given up gets its end.
    """

    def __init__(
        self,
        group: TaskGroup,
        exchanges: Exchanges,
        sockets: Sockets,
        deliver: Callable[[HttpInput | SocketInput], None],
    ) -> None:
        self._group = group
        self._exchanges = exchanges
        self._sockets = sockets
        self._deliver = deliver
        self._requests: dict[ExchangeId, anyio.CancelScope] = {}
        self._open: dict[SocketId, tuple[Outbox, anyio.CancelScope]] = {}

    def __repr__(self) -> str:
        return f"<Network {len(self._requests)} requests, {len(self._open)} sockets>"

    def carry_out(self, output: HttpOutput | SocketOutput) -> None:
        """Does what is ordered, or has it done."""
        match output:
            case Request(exchange):
                scope = self._requests[exchange] = anyio.CancelScope()
                start(self._group, self._exchange, output, scope, name=f"odyssey request {exchange}")
            case Preconnect():
                start(self._group, self._preconnect, output, name="odyssey connections ahead")
            case CancelRequest(exchange):
                if exchange in self._requests:
                    self._requests[exchange].cancel()
            case OpenSocket(socket):
                outbox, scope = self._open[socket] = Outbox(), anyio.CancelScope()
                start(self._group, self._socket, output, outbox, scope, name=f"odyssey socket {socket}")
            case SendText(socket) | CloseSocket(socket):
                if socket in self._open:
                    self._open[socket][0].put(output)
            case PingSocket(socket):
                if socket in self._open:
                    self._ping(socket)
            case DropSocket(socket):
                if socket in self._open:
                    self._open[socket][1].cancel()

    def close_idle(self) -> None:
        """Has no connection used again that is kept: after a loss it may lead nowhere."""
        # A transport of somebody else need not know of it.
        close_idle = getattr(self._exchanges, "close_idle", None)
        if close_idle is None:
            return
        try:
            close_idle()
        except Exception as error:  # noqa: BLE001  a transport may be anybody's
            internal(error, "closing what is kept")

    async def _exchange(self, order: Request, scope: anyio.CancelScope) -> None:
        # What holds if no other result comes: the transport was cancelled, and not by us.
        result: HttpInput = ExchangeFailed(order.exchange, TransportError(TransportErrorKind.CLOSED))
        try:
            async with calling(self._exchanges):
                with scope:
                    result = await self._ask(order)
        finally:
            del self._requests[order.exchange]
            if not scope.cancel_called:
                self._deliver(result)

    async def _preconnect(self, order: Preconnect) -> None:
        # Only a hint: a transport of somebody else need not know of it.
        preconnect = getattr(self._exchanges, "preconnect", None)
        if preconnect is None:
            return
        try:
            async with calling(self._exchanges):
                await preconnect(order.url, order.connections)
        except Exception as error:  # noqa: BLE001  a transport may be anybody's
            internal(error, "connecting ahead")

    async def _ask(self, order: Request) -> HttpInput:
        try:
            return Replied(order.exchange, await self._exchanges.exchange(order.request))
        except ExchangeError as failed:
            return ExchangeFailed(order.exchange, failed.error)
        except Exception as error:  # noqa: BLE001  a transport may be anybody's
            return ExchangeFailed(order.exchange, internal(error, "an exchange"))

    def _ping(self, socket: SocketId) -> None:
        # A transport of somebody else need not know of it: then nothing may be concluded from silence.
        ping = getattr(self._sockets, "ping", None)
        try:
            if ping is not None:
                ping(socket)
                return
        except Exception as error:  # noqa: BLE001  a transport may be anybody's
            internal(error, "a ping")
        self._deliver(SocketAnswered(socket))

    async def _socket(self, order: OpenSocket, outbox: Outbox, scope: anyio.CancelScope) -> None:
        error = TransportError(TransportErrorKind.CLOSED)
        ended = False

        def deliver(inp: SocketInput) -> None:
            nonlocal ended
            if not ended and not scope.cancel_called:
                ended = isinstance(inp, SocketRefused | SocketClosed)
                self._deliver(inp)

        try:
            async with calling(self._sockets):
                with scope:
                    await self._sockets.run(order, outbox, deliver)
        except Exception as raised:  # noqa: BLE001  a transport may be anybody's
            error = internal(raised, "a socket")
        finally:
            del self._open[order.socket]
            deliver(SocketClosed(order.socket, ABNORMAL_CLOSURE, error=error))


def internal(error: Exception, what: str) -> TransportError:
    """Logs an exception that a transport should not have raised, and returns it as a transport error."""
    logger.error("%s raised %s", what, class_and_line(error))
    return TransportError(TransportErrorKind.INTERNAL, type(error).__name__)
