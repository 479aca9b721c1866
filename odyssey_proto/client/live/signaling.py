"""The client's end of one signaling WebSocket: opening, keepalives, messages, a check of its way, closing."""

from enum import Enum, unique
from typing import Literal

from attrs import frozen

from odyssey_proto.client.live.path_check import PathCheck, PathCheckResult, PathLost
from odyssey_proto.client.rest.call_requests import CallOrder
from odyssey_proto.client.rest.transport_failures import broken
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.conversations import Side
from odyssey_proto.conversations.signaling import signaling_conversation
from odyssey_proto.kernel.failures import Failure, FailureKind, RemoteProtocolError
from odyssey_proto.kernel.machine import Deadline, Instant, Timers, after, earliest, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.kernel.server_words import server_words
from odyssey_proto.messages import signaling as wire
from odyssey_proto.messages.refusals import refusal
from odyssey_proto.messages.signaling import (
    ClientDisconnecting,
    KeepAlive,
    Offer,
    SignalingError,
    SignalingMessage,
)
from odyssey_proto.messages.stream import MAX_REASON, NO_REASON
from odyssey_proto.seam.inputs import (
    SocketAnswered,
    SocketClosed,
    SocketId,
    SocketInput,
    SocketOpened,
    SocketRefused,
    SocketText,
)
from odyssey_proto.seam.outputs import CloseSocket, DropSocket, OpenSocket, PingSocket, SendText, SocketOutput

KEEPALIVE_INTERVAL = seconds(10)
"""The pause before each keepalive, the first included (docs/protocol.md#messages-of-the-client)."""

MAX_TEXT = 64 * 1024
"""The longest message that is no offer, in characters; `SOCKET_LIMIT` bounds an offer."""

CLOSE_REASON = "Client disconnect"
"""The reason of our own close (docs/protocol.md#close-codes)."""

NORMAL_CLOSE_CODES = frozenset({1000, 1001})
"""The close codes of a connection that was closed as intended (RFC 6455 section 7.4.1)."""


@unique
class SocketState(Enum):
    """Where a socket stands."""

    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


@frozen
class MessageReceived:
    """The server sent a message."""

    message: SignalingMessage


@frozen
class MalformedMessage:
    """The server sent something that breaks the protocol."""

    failure: Failure
    offer: bool
    """Whether it says of itself that it is an offer."""


@frozen
class SocketEnded:
    """The socket is gone; `normal` if the server closed it as intended."""

    failure: Failure
    normal: bool = False


type SignalingOutput = SocketOutput | CallOrder | MessageReceived | MalformedMessage | SocketEnded


class Signaling:
    """
    One WebSocket to the signaling server.

    `state` tells when it is open.

    After `SocketEnded` nothing comes any more; a socket that we leave ends without a `SocketEnded`.
    """

    def __init__(self, socket: SocketId) -> None:
        self.socket = socket
        self._url = ""
        self.state: SocketState = SocketState.OPENING
        self._conversation = signaling_conversation(Side.CLIENT)
        self._timers: Timers[Literal[ClientTimer.KEEPALIVE]] = Timers()
        self._path = PathCheck()

    def begin(self, url: str, token: Secret) -> list[SocketOutput]:
        """Opens the socket."""
        self._url = url
        return [OpenSocket(self.socket, url, (("token", token),))]

    def on_socket(self, now: Instant, inp: SocketInput) -> list[SignalingOutput]:
        """Takes what happened to the socket."""
        match inp:
            case SocketOpened() if self.state is SocketState.OPENING:
                self.state = SocketState.OPEN
                self._timers.set(ClientTimer.KEEPALIVE, after(now, KEEPALIVE_INTERVAL))
                return []
            case SocketText(_, text) if self.state is SocketState.OPEN:
                return [*self._path.end(), self._read(text)]
            case SocketAnswered():
                return [*self._path.end()]
            case SocketRefused(_, reply) if self.state is SocketState.OPENING:
                return self._end(SocketEnded(refusal(reply, "open the signaling connection")))
            case SocketClosed() if self.state is not SocketState.CLOSED:
                return self._end(SocketEnded(self._closed(inp), normal=inp.code in NORMAL_CLOSE_CODES))
            case _:
                return []

    def send(self, message: SignalingMessage) -> list[SocketOutput]:
        """Sends a message; a socket that is not open drops it, because its end is reported anyway."""
        if self.state is not SocketState.OPEN:
            return []
        self._conversation.advance(Side.CLIENT, message)
        return [SendText(self.socket, wire.encode(message))]

    def check_path(self, base: str) -> list[SignalingOutput]:
        """Asks whether this connection, and a new one to the host of the session (a URL), lead anywhere."""
        return [PingSocket(self.socket), *self._path.begin(base)]

    def end_path_check(self) -> list[SignalingOutput]:
        """Something came from the peer: nothing more is asked."""
        return [*self._path.end()]

    def on_path_check(self, now: Instant, result: PathCheckResult) -> None:
        """Takes whether the host of the session answers on a new connection."""
        self._path.on_result(now, result)

    def leave(self) -> list[SocketOutput | CallOrder]:
        """Tells the server that the client leaves, and closes."""
        outputs: list[SocketOutput | CallOrder] = [*self._path.end(), *self.send(ClientDisconnecting())]
        if self.state is SocketState.OPEN:
            outputs.append(CloseSocket(self.socket, 1000, CLOSE_REASON))
            self.state = SocketState.CLOSING
        self._timers.clear()
        return outputs

    def drop(self) -> list[SocketOutput]:
        """Cuts the connection at once."""
        closed = self.state is SocketState.CLOSED
        self.state = SocketState.CLOSED
        self._timers.clear()
        return [] if closed else [DropSocket(self.socket)]

    def wake(self, now: Instant) -> list[SignalingOutput]:
        """Carries out whatever is due."""
        outputs: list[SignalingOutput] = []
        for output in self._path.wake(now):
            if isinstance(output, PathLost):
                # Where nothing arrives, nobody answers a goodbye either.
                return [*self.send(ClientDisconnecting()), *self.drop(), SocketEnded(output.failure)]
            outputs.append(output)
        return outputs + self._keep_alive(now)

    def _keep_alive(self, now: Instant) -> list[SocketOutput]:
        if self._timers.due(now) is None:
            return []
        self._timers.set(ClientTimer.KEEPALIVE, after(now, KEEPALIVE_INTERVAL))
        return self.send(KeepAlive())

    @property
    def deadline(self) -> Deadline | None:
        """The next keepalive, or the next step of a check."""
        return earliest(self._timers.deadline, self._path.deadline)

    def _read(self, text: str) -> SignalingOutput:
        try:
            message = wire.decode(text)
            if len(text) > MAX_TEXT and not isinstance(message, Offer):
                raise RemoteProtocolError(f"no offer, and longer than {MAX_TEXT} characters")
            self._conversation.advance(Side.SERVER, message)
        except RemoteProtocolError as error:
            failure = Failure(FailureKind.MALFORMED, f"malformed signaling message: {error}")
            return MalformedMessage(failure, wire.claims_offer(text))
        return MessageReceived(message)

    def _end(self, ended: SocketEnded) -> list[SignalingOutput]:
        self.state = SocketState.CLOSED
        self._timers.clear()
        return [*self._path.end(), ended]

    def _closed(self, inp: SocketClosed) -> Failure:
        if inp.error is not None:
            return broken(inp.error, "the signaling connection failed", self._url)
        reason = f": {server_words(inp.reason)}" if inp.reason else ""
        return Failure(
            FailureKind.CLOSED_BY_PEER,
            f"the server closed the signaling connection with code {inp.code}{reason}",
            code="signaling.closed",
            status=inp.code,
        )


_REASONS = {
    "streamer_not_available": (FailureKind.NO_CAPACITY, "the assigned streamer is not running"),
    "streamer_disconnected": (FailureKind.CLOSED_BY_PEER, "the streamer went away"),
    "duration_limit_reached": (FailureKind.CLOSED_BY_PEER, "the connection reached its duration limit"),
}
"""What the reasons of docs/protocol.md#signaling-errors mean."""


def failure_of(error: SignalingError) -> Failure:
    """Returns what a signaling error means; its reason is kept as the code, on one short line."""
    reason = server_words(error.reason, MAX_REASON) or NO_REASON
    kind, text = _REASONS.get(reason, (FailureKind.CLOSED_BY_PEER, f"the server reported {reason}"))
    return Failure(kind, text, code=reason)
