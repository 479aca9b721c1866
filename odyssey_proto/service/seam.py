"""What goes in and out of the service's machine: the client's seam seen from the other side."""

from attrs import field, frozen

from odyssey_proto.exchange import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.inputs import MediaInput, PeerId, SocketClosed, SocketId, SocketText, Wake
from odyssey_proto.outputs import CloseSocket, DropSocket, MediaOutput, SendText
from odyssey_proto.secret import sized


@frozen
class Asked:
    """A request arrived; exactly one `Answer` follows."""

    exchange: ExchangeId
    request: HttpRequest


@frozen
class AskerGone:
    """Whoever asked closed the connection before the answer; an answer may still be given."""

    exchange: ExchangeId


@frozen
class SocketAsked:
    """A WebSocket handshake arrived; `AcceptSocket` or `RefuseSocket` follows."""

    socket: SocketId
    request: HttpRequest


@frozen
class Answer:
    """Answer a request."""

    exchange: ExchangeId
    reply: HttpReply


@frozen
class AcceptSocket:
    """Complete the WebSocket handshake."""

    socket: SocketId


@frozen
class RefuseSocket:
    """Answer the WebSocket handshake with an ordinary reply."""

    socket: SocketId
    reply: HttpReply


@frozen
class Scene:
    """What a peer's video shows: the same scene always gives the same picture."""

    stream_id: str
    prompts: tuple[str, ...] = field(repr=sized)
    """The prompt of the start, then those of every update, oldest first."""
    portrait: bool = True
    image: str | None = field(default=None, repr=sized)
    """The background, as a data URL."""


@frozen
class Show:
    """Show a scene on a peer's video from now on; `None`: the idle picture."""

    peer: PeerId
    scene: Scene | None


@frozen
class Noted:
    """Something worth a line in the service's log."""

    what: str


type ServiceInput = Wake | Asked | AskerGone | SocketAsked | SocketText | SocketClosed | MediaInput
type ServiceOutput = (
    Answer | AcceptSocket | RefuseSocket | SendText | CloseSocket | DropSocket | MediaOutput | Show | Noted
)
