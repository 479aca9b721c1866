"""What goes in and out of the service's machine: the client's seam seen from the other side."""

from typing import Protocol

from attrs import field, frozen

from odyssey_proto.kernel.machine import Instant, Machine, Span
from odyssey_proto.kernel.secret import Secret, sized
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import MediaInput, PeerId, SocketClosed, SocketId, SocketText, Wake
from odyssey_proto.seam.outputs import CloseSocket, DropSocket, MediaOutput, SendText
from odyssey_proto.service.io.film import Film, Scene


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
class Show:
    """Show a scene on a peer's video from now on; `None`: the idle picture."""

    peer: PeerId
    scene: Scene | None


@frozen
class Render:
    """Draw a film and keep its files; `Rendered` or `RenderFailed` follows."""

    film: Film


@frozen
class Discard:
    """Throw the files of a film away, or stop drawing it."""

    stream_id: str


@frozen
class SendFile:
    """Answer a request with a part of a file; the reply's own body is empty."""

    exchange: ExchangeId
    reply: HttpReply
    stream_id: str
    name: str
    start: int
    length: int


@frozen
class FetchScript:
    """Load the script of a job; `ScriptFetched` follows."""

    job_id: str
    url: Secret


@frozen
class Rendered:
    """A film was drawn."""

    stream_id: str
    sizes: tuple[tuple[str, int], ...]
    """Each file's name and length in bytes."""


@frozen
class RenderFailed:
    """A film could not be drawn."""

    stream_id: str


@frozen
class ScriptFetched:
    """What was found at a script's address; `None`: nothing came."""

    job_id: str
    body: bytes | None = field(repr=sized)


@frozen
class Mirror:
    """Show on a peer, which is made next, what another shows."""

    peer: PeerId
    of: PeerId


@frozen
class Pace:
    """Send no frame for a while, then so many in a span, and go on so; none at all if `frames` is 0."""

    peer: PeerId
    still: Span
    frames: int
    span: Span


@frozen
class HangUp:
    """Close the connection of a request without an answer."""

    exchange: ExchangeId


@frozen
class Noted:
    """Something worth a line in the service's log."""

    what: str


type FilmInput = Rendered | RenderFailed | ScriptFetched
type FilmOutput = Render | Discard | SendFile | FetchScript

type ServiceInput = (
    Wake | Asked | AskerGone | SocketAsked | SocketText | SocketClosed | MediaInput | FilmInput
)
type SocketAnswer = AcceptSocket | RefuseSocket | SendText | CloseSocket | DropSocket
type PictureOutput = Show | Mirror | Pace
type ServiceOutput = Answer | HangUp | SocketAnswer | MediaOutput | PictureOutput | FilmOutput | Noted


class ServiceMachine(Machine[ServiceInput, ServiceOutput], Protocol):
    """What answers as a service: a machine that can also be asked how much of a request it would take."""

    def max_body(self, now: Instant, head: HttpRequest) -> int:
        """
        Returns the most bytes that a request of this head may have as its body; changes nothing.

        Raises `RemoteProtocolError` with the status to refuse it with.
        """
        ...
