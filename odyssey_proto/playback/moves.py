"""What a recorded session consists of, seen from the server: moves of the client and of the server."""

from attrs import field, frozen

from odyssey_proto.kernel.machine import Instant, Span
from odyssey_proto.playback.content import Content
from odyssey_proto.seam.http import ExchangeId, HttpReply
from odyssey_proto.seam.inputs import PeerId, SocketId

HTTP = "HTTP"
SIGNALING = "signaling"
CHANNEL = "data channel"

JOIN = "open"
LEAVE = "close"


@frozen
class MessageKey:
    """Where the client did something, and what kind of thing: of a key, one follows the other."""

    transport: str
    """`HTTP`, `SIGNALING` or `CHANNEL`."""
    kind: str
    """A method and path, the type of a message, `JOIN` with a path, or `LEAVE`."""

    def __str__(self) -> str:
        return f"{self.transport}: {self.kind}"


@frozen
class ClientMove:
    """The client does something."""

    at: Instant
    key: MessageKey
    content: Content
    name: int
    """Its exchange, socket or peer in the trace."""


@frozen
class Reply:
    """A request is answered; `None`: the connection breaks before that."""

    at: Instant
    exchange: ExchangeId
    reply: HttpReply | None
    media: bool = False
    """Whether it is a session description, which a peer of this time has to make."""


@frozen
class CompleteHandshake:
    """The handshake of a WebSocket is completed, or refused."""

    at: Instant
    socket: SocketId
    refusal: HttpReply | None = None


@frozen
class SendOnSocket:
    """Something is said on a WebSocket."""

    at: Instant
    socket: SocketId
    text: str = field(repr=False)


@frozen
class Offer:
    """A peer is offered; the description is made anew."""

    at: Instant
    socket: SocketId
    peer: PeerId | None
    """The client's name for it; `None`: it made none."""
    channels: tuple[str, ...]
    sends: bool


@frozen
class SendOnChannel:
    """Something is said on a data channel."""

    at: Instant
    peer: PeerId
    label: str
    text: str = field(repr=False)


@frozen
class Frames:
    """No frame is sent for a while, then so many in a span; none at all if `frames` is 0."""

    at: Instant
    peer: PeerId
    still: Span
    frames: int
    span: Span


@frozen
class LosePeer:
    """The peer connection is dropped."""

    at: Instant
    peer: PeerId


@frozen
class Close:
    """The WebSocket is closed; without a code that can be sent, its connection breaks."""

    at: Instant
    socket: SocketId
    code: int | None
    reason: str = ""


type ServerMove = Reply | CompleteHandshake | SendOnSocket | Offer | SendOnChannel | Frames | LosePeer | Close
"""What the server does."""

type Move = ClientMove | ServerMove
