"""
WebSocket in bytes (RFC 6455), for both ends, through wsproto, with timers inside.

wsproto bounds no message, knows no time and leaves the closing to its user; this adds all three.
Compression is not offered and not accepted, so what arrives is never larger than what was sent.
"""

from collections.abc import Sequence
from enum import Enum, unique

import h11
import wsproto
from attrs import field, frozen
from wsproto import events as ws
from wsproto.connection import ConnectionState
from wsproto.frame_protocol import CloseReason
from wsproto.typing import Headers as RawHeaders
from wsproto.utilities import LocalProtocolError as LocalWsError
from wsproto.utilities import RemoteProtocolError as RemoteWsError

from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after, seconds
from odyssey_proto.kernel.secret import sized
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import ABNORMAL_CLOSURE, TransportError, TransportErrorKind

PING_INTERVAL = seconds(10)
PONG_TIMEOUT = seconds(15)
CLOSE_TIMEOUT = seconds(5)

MAX_REFUSAL_BYTES = 64 * 1024
"""How much of a refused handshake's body is kept."""

MAX_REASON_BYTES = 123
"""How long the reason in a close frame may be (RFC 6455 section 5.5)."""


@unique
class SocketTimer(Enum):
    """Why a socket wants to be woken."""

    PING = "ping"
    PONG = "pong"
    CLOSE = "close"


@frozen
class Timing:
    """
    How often the other side is asked whether it is there, and how long its answers may take.

    Only a pong answers a ping: what else arrives does not show that the other side reads.
    """

    ping_interval: Span = PING_INTERVAL
    """How long after the handshake, and after each pong, a ping is sent."""
    pong_timeout: Span = PONG_TIMEOUT
    """How long its pong may take."""
    close_timeout: Span = CLOSE_TIMEOUT
    """How long the closing handshake may take."""


TIMING = Timing()


@frozen
class Opened:
    """The handshake succeeded."""


@frozen
class Refused:
    """The handshake was answered with an ordinary reply; nothing follows."""

    reply: HttpReply


@frozen
class Text:
    """One whole message."""

    text: str = field(repr=sized)


@frozen
class Closed:
    """The conversation is over; nothing follows."""

    code: int
    reason: str = ""
    error: TransportError | None = None


@frozen
class Answered:
    """A `ping` was answered."""


type SocketEvent = Opened | Refused | Text | Answered | Closed


@frozen
class Effects:
    """What to send, then what happened."""

    data: bytes = field(default=b"", repr=sized)
    events: tuple[SocketEvent, ...] = ()


class WebSocket:
    """
    One end of one WebSocket.

    Every call gives `Effects`; after `Refused` or `Closed` the connection is to be closed, and
    `closed` is true.
    """

    def __init__(self, connection: wsproto.WSConnection, accepts: int, timing: Timing) -> None:
        self._ws = connection
        self._accepts = accepts
        self._timing = timing
        self._timers: Timers[SocketTimer] = Timers()
        self._message = bytearray()
        self._received = 0
        self._refusal: ws.RejectConnection | None = None
        self._open = False
        self._closing = False
        self._asked = False
        self.closed: bool = False

    @property
    def deadline(self) -> Deadline | None:
        """When the next ping is due, or an answer has not come in time."""
        return self._timers.deadline

    def receive(self, now: Instant, data: bytes) -> Effects:
        """Takes bytes; none means that the other side closed the connection."""
        if self.closed:
            return Effects()
        self._received += len(data)
        if not data:
            return Effects(events=(self._break(TransportErrorKind.CLOSED),))
        sent = bytearray()
        events: list[SocketEvent] = []
        try:
            self._ws.receive_data(data)
            for event in self._ws.events():
                self._take(now, event, sent, events)
                if self.closed:
                    break
        except (RemoteWsError, UnicodeError) as error:
            # wsproto decodes fields of a handshake as ASCII and lets what is none raise.
            events.append(self._break(TransportErrorKind.MALFORMED, str(error)))
        return Effects(bytes(sent), tuple(events))

    def send_text(self, now: Instant, text: str) -> Effects:
        """Sends one message; one that cannot be sent any more is swallowed, as its end is reported."""
        if not self._open or self._closing or self.closed:
            return Effects()
        return Effects(self._ws.send(ws.TextMessage(data=text)))

    def close(self, now: Instant, code: int = 1000, reason: str = "") -> Effects:
        """Begins the closing handshake; `Closed` follows when it is done or its time is over."""
        if self._closing or self.closed:
            return Effects()
        if not self._open:
            return Effects(events=(self._break(TransportErrorKind.CLOSED),))
        self._closing = True
        self._timers.clear()
        self._timers.set(SocketTimer.CLOSE, after(now, self._timing.close_timeout))
        return Effects(self._send_if_possible(ws.CloseConnection(code=code, reason=_truncated(reason))))

    def ping(self) -> Effects:
        """Asks at once, beside the pings that are sent anyway; the next pong is an answer, or none comes."""
        if not self._open or self._closing or self.closed:
            return Effects()
        self._asked = True
        return Effects(self._ws.send(ws.Ping()))

    def tick(self, now: Instant) -> Effects:
        """Carries out whatever is due."""
        match self._timers.due(now):
            case SocketTimer.PING:
                self._timers.set(SocketTimer.PONG, after(now, self._timing.pong_timeout))
                return Effects(self._ws.send(ws.Ping()))
            case SocketTimer.PONG:
                # As where large packets are lost on the way, and small ones are not (RFC 4821 section 1).
                said = f"a ping was not answered; {self._received} bytes had come until then"
                return Effects(events=(self._break(TransportErrorKind.SILENT, said),))
            case SocketTimer.CLOSE:
                return Effects(events=(self._break(TransportErrorKind.SILENT),))
            case _:
                return Effects()

    def opened(self, now: Instant) -> None:
        """Notes that the handshake succeeded."""
        self._open = True
        self._timers.set(SocketTimer.PING, after(now, self._timing.ping_interval))

    def _take(self, now: Instant, event: ws.Event, sent: bytearray, events: list[SocketEvent]) -> None:
        match event:
            case ws.AcceptConnection():
                self.opened(now)
                events.append(Opened())
            case ws.RejectConnection():
                # Its body follows always, if only as an empty piece.
                self._refusal = event
            case ws.RejectData(data=data, body_finished=finished):
                self._message += data[: MAX_REFUSAL_BYTES - len(self._message)]
                if finished:
                    events.append(self._refuse())
            case ws.TextMessage() | ws.BytesMessage():
                self._gather(event, sent, events)
            case ws.Ping():
                sent += self._send_if_possible(event.response())
            case ws.Pong() if not self._closing:
                self._timers.stop(SocketTimer.PONG)
                self._timers.set(SocketTimer.PING, after(now, self._timing.ping_interval))
                if self._asked:
                    self._asked = False
                    events.append(Answered())
            case ws.CloseConnection(code=code, reason=reason):
                if not self._closing:
                    sent += self._send_if_possible(event.response())
                # wsproto reports what it cannot read as a close, too; only a real one changes its state.
                if self._ws.state in (ConnectionState.REMOTE_CLOSING, ConnectionState.CLOSED):
                    events.append(self._end(int(code), reason or ""))
                else:
                    events.append(self._break(TransportErrorKind.MALFORMED, reason or ""))
            case _:
                pass

    def _gather(
        self, event: ws.TextMessage | ws.BytesMessage, sent: bytearray, events: list[SocketEvent]
    ) -> None:
        piece = event.data.encode() if isinstance(event, ws.TextMessage) else bytes(event.data)
        if len(self._message) + len(piece) > self._accepts:
            self._message.clear()
            sent += self._send_if_possible(ws.CloseConnection(code=CloseReason.MESSAGE_TOO_BIG))
            events.append(self._break(TransportErrorKind.TOO_LARGE))
            return
        self._message += piece
        if event.message_finished:
            # wsproto checks text; only a binary message may hold what is none (docs/protocol.md#signaling).
            events.append(Text(self._message.decode(errors="replace")))
            self._message.clear()

    def _refuse(self) -> Refused:
        assert self._refusal is not None, "wsproto gives the head first"
        headers = tuple(
            (name.decode("ascii"), value.decode("latin-1")) for name, value in self._refusal.headers
        )
        self._stop()
        return Refused(HttpReply(self._refusal.status_code, headers, bytes(self._message)))

    def _end(self, code: int, reason: str = "", error: TransportError | None = None) -> Closed:
        self._stop()
        return Closed(code, reason, error)

    def _break(self, kind: TransportErrorKind, detail: str = "") -> Closed:
        return self._end(ABNORMAL_CLOSURE, error=TransportError(kind, detail))

    def _stop(self) -> None:
        self.closed = True
        self._timers.clear()

    def _send_if_possible(self, event: ws.Event) -> bytes:
        """Sends something unless it is too late for it."""
        try:
            return self._ws.send(event)
        except LocalWsError:
            return b""


def connect(
    host: str, target: str, *, accepts: int, headers: RawHeaders | None = None, timing: Timing = TIMING
) -> tuple[WebSocket, bytes]:
    """Returns the client's end of a WebSocket and the bytes of its handshake."""
    connection = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    data = connection.send(ws.Request(host=host, target=target, extra_headers=list(headers or ())))
    return WebSocket(connection, accepts, timing), data


def accept(
    now: Instant,
    headers: Sequence[tuple[bytes, bytes]],
    target: bytes,
    *,
    accepts: int,
    timing: Timing = TIMING,
) -> tuple[WebSocket, bytes] | None:
    """
    Returns the server's end of a WebSocket and the bytes that accept its handshake.

    Returns `None` for a request that asks for one in a wrong way.
    """
    connection = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    try:
        connection.initiate_upgrade_connection(list(headers), target)
        data = connection.send(ws.AcceptConnection())
    except (RemoteWsError, LocalWsError, h11.ProtocolError, UnicodeError):
        # wsproto decodes the host as IDNA and lets what is none raise.
        return None
    socket = WebSocket(connection, accepts, timing)
    socket.opened(now)
    return socket, data


def _truncated(reason: str) -> str:
    return reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
