"""The client's end of one signaling WebSocket: opening, keepalives, texts, the goodbye."""

from enum import Enum, unique

from attrs import frozen

from odyssey_proto.client.rest.transport_failures import broken
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.conversations import Side
from odyssey_proto.conversations.signaling import signaling_conversation
from odyssey_proto.kernel.errors import RemoteProtocolError
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Deadline, Instant, Timers, after, seconds
from odyssey_proto.kernel.one_line import one_line
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import signaling as wire
from odyssey_proto.messages.refusals import refusal
from odyssey_proto.messages.signaling import (
    MAX_REASON,
    NO_REASON,
    ClientDisconnecting,
    KeepAlive,
    SignalingError,
    SignalingMessage,
)
from odyssey_proto.seam.inputs import (
    SocketClosed,
    SocketId,
    SocketInput,
    SocketOpened,
    SocketRefused,
    SocketText,
)
from odyssey_proto.seam.outputs import CloseSocket, DropSocket, OpenSocket, SendText, SocketOutput

KEEPALIVE = seconds(10)
"""The pause before each keepalive, the first included (docs/protocol.md#messages-of-the-client)."""

GOODBYE = "Client disconnect"
"""The reason of our own close (docs/protocol.md#close-codes)."""

NORMAL = frozenset({1000, 1001})
"""The close codes of a conversation that ended as intended."""


@unique
class SocketStage(Enum):
    """Where a socket stands."""

    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"
    SHUT = "shut"


@frozen
class Heard:
    """The server said something."""

    message: SignalingMessage


@frozen
class Garbled:
    """The server said something that breaks the protocol."""

    failure: Failure


@frozen
class Shut:
    """The socket is gone; `normal` if the server ended the conversation as intended."""

    failure: Failure
    normal: bool = False
    refused: bool = False
    """Whether the server answered the handshake with a refusal that will not change by itself."""


type SignalingOutput = SocketOutput | Heard | Garbled | Shut


class Signaling:
    """
    One WebSocket to the signaling server.

    `stage` tells when it is open.

    After `Shut` nothing comes any more; a socket that we leave ends without a `Shut`.
    """

    def __init__(self, socket: SocketId) -> None:
        self.socket = socket
        self.stage = SocketStage.OPENING
        self._conversation = signaling_conversation(Side.CLIENT)
        self._timers = Timers[ClientTimer]()

    def begin(self, url: str, token: Secret) -> list[SocketOutput]:
        """Opens the socket."""
        return [OpenSocket(self.socket, url, (("token", token),))]

    def on_socket(self, now: Instant, inp: SocketInput) -> list[SignalingOutput]:
        """Takes what happened to the socket."""
        match inp:
            case SocketOpened() if self.stage is SocketStage.OPENING:
                self.stage = SocketStage.OPEN
                self._timers.set(ClientTimer.KEEPALIVE, after(now, KEEPALIVE))
                return []
            case SocketText(_, text) if self.stage is SocketStage.OPEN:
                return [self._read(text)]
            case SocketRefused(_, reply) if self.stage is SocketStage.OPENING:
                fixed = 400 <= reply.status < 500 and reply.status not in (408, 429)
                failure = refusal(reply, "signaling handshake")
                return self._shut(Shut(failure, refused=fixed))
            case SocketClosed() if self.stage is not SocketStage.SHUT:
                return self._shut(Shut(_closed(inp), normal=inp.code in NORMAL))
            case _:
                return []

    def send(self, message: SignalingMessage) -> list[SocketOutput]:
        """Says something; a socket that is not open swallows it, because its end is reported anyway."""
        if self.stage is not SocketStage.OPEN:
            return []
        self._conversation.advance(Side.CLIENT, message)
        return [SendText(self.socket, wire.encode(message))]

    def leave(self) -> list[SocketOutput]:
        """Says goodbye and closes."""
        outputs = self.send(ClientDisconnecting())
        if self.stage is SocketStage.OPEN:
            outputs.append(CloseSocket(self.socket, 1000, GOODBYE))
            self.stage = SocketStage.CLOSING
        self._timers.clear()
        return outputs

    def drop(self) -> list[SocketOutput]:
        """Cuts the connection, whatever its state."""
        gone = self.stage is SocketStage.SHUT
        self.stage = SocketStage.SHUT
        self._timers.clear()
        return [] if gone else [DropSocket(self.socket)]

    def wake(self, now: Instant) -> list[SocketOutput]:
        """Carries out whatever is due."""
        if self._timers.due(now) is None:
            return []
        self._timers.set(ClientTimer.KEEPALIVE, after(now, KEEPALIVE))
        return self.send(KeepAlive())

    @property
    def deadline(self) -> Deadline | None:
        """The next keepalive."""
        return self._timers.deadline

    def _read(self, text: str) -> SignalingOutput:
        try:
            message = wire.decode(text)
            self._conversation.advance(Side.SERVER, message)
        except RemoteProtocolError as error:
            return Garbled(Failure(FailureKind.MALFORMED, f"malformed signaling message: {error}"))
        return Heard(message)

    def _shut(self, shut: Shut) -> list[SignalingOutput]:
        self.stage = SocketStage.SHUT
        self._timers.clear()
        return [shut]


_REASONS = {
    "streamer_not_available": (FailureKind.NO_CAPACITY, "the assigned streamer is not running"),
    "streamer_disconnected": (FailureKind.CLOSED_BY_PEER, "the streamer went away"),
    "duration_limit_reached": (FailureKind.CLOSED_BY_PEER, "the connection reached its duration limit"),
}
"""What the reasons of docs/protocol.md#signaling-errors mean."""


def failure_of(error: SignalingError) -> Failure:
    """Returns what a signaling error means; its reason is kept as the code, on one short line."""
    reason = one_line(error.reason, MAX_REASON) or NO_REASON
    why, text = _REASONS.get(reason, (FailureKind.CLOSED_BY_PEER, f"the server reported {reason}"))
    return Failure(why, text, code=reason)


def _closed(inp: SocketClosed) -> Failure:
    if inp.error is not None:
        return broken(inp.error, "the signaling connection")
    said = f": {one_line(inp.reason)}" if inp.reason else ""
    return Failure(
        FailureKind.CLOSED_BY_PEER,
        f"the server closed the signaling connection with code {inp.code}{said}",
        code="signaling.closed",
        status=inp.code,
    )
