"""What goes out: requests, socket texts, media orders; results and events for the application."""

from typing import Any

from attrs import field, frozen

from odyssey_proto.kernel.failures import Failure
from odyssey_proto.kernel.secret import Secret, sized
from odyssey_proto.model.events import Event
from odyssey_proto.model.ice import IceCandidate, IceConfig
from odyssey_proto.model.recordings import FileVersion
from odyssey_proto.seam.commands import Command, CommandId
from odyssey_proto.seam.http import ExchangeId, Headers, HttpRequest, Query
from odyssey_proto.seam.inputs import FetchId, NetworkInput, PeerId, SdpKind, SocketId

SOCKET_LIMIT = 256 * 1024
"""The largest message that a client takes on its WebSocket, in bytes: no offer is longer."""

# --- HTTP -------------------------------------------------------------------------------------


@frozen
class Request:
    """Send a request; exactly one `Replied` or `ExchangeFailed` answers, unless it is cancelled."""

    exchange: ExchangeId
    request: HttpRequest


@frozen
class CancelRequest:
    """Give up on a request; nothing more may come of it."""

    exchange: ExchangeId


@frozen
class Preconnect:
    """
    Have connections to the host of an address open before they are needed; nothing answers.

    It is a hint: whoever carries it out may do less, and nothing depends on it but time.
    """

    url: str
    connections: int = 1
    """How many are to be open and unused, those included that are."""


# --- downloads --------------------------------------------------------------------------------


@frozen
class Fetch:
    """
    Ask for a file, with these header fields and no others of ours.

    `FetchOpened` or `FetchFailed` answers; in the end there is exactly one `FetchEnded` or `FetchFailed`.
    """

    fetch: FetchId
    command: CommandId
    """The `Download` that the bytes are for."""
    signed_url: Secret
    headers: Headers = field(repr=False)
    accepts: int
    """The largest body, in bytes."""


@frozen
class StoreBody:
    """
    Store the body of an opened `Fetch` as it comes, behind what is stored already.

    With a version the file begins anew, and that is what it will hold.
    """

    fetch: FetchId
    restart: FileVersion | None


@frozen
class CancelFetch:
    """Break off; what has come by then is stored and counted, and `FetchFailed` answers."""

    fetch: FetchId


# --- WebSocket --------------------------------------------------------------------------------


@frozen
class OpenSocket:
    """Open a WebSocket; `SocketOpened`, `SocketRefused` or `SocketClosed` answers."""

    socket: SocketId
    url: str
    query: Query = field(default=(), repr=False)
    accepts: int = SOCKET_LIMIT


@frozen
class SendText:
    """Send one text message."""

    socket: SocketId
    text: str = field(repr=sized)


@frozen
class PingSocket:
    """
    Send a ping (RFC 6455 section 5.5.2); `SocketAnswered` tells of the pong, and nothing comes without one.

    A driver that cannot send one, or only behind a message that is being sent, steps `SocketAnswered` itself:
    without it the session counts as lost.
    """

    socket: SocketId


@frozen
class CloseSocket:
    """Send what is queued, then close with the closing handshake; `SocketClosed` answers."""

    socket: SocketId
    code: int = 1000
    reason: str = ""


@frozen
class DropSocket:
    """Cut the connection at once; nothing more may come of it."""

    socket: SocketId


# --- media ------------------------------------------------------------------------------------


@frozen
class MakePeer:
    """
    Make a peer connection.

    `channels` are its data channels, which the side that offers opens; a further one is closed when the
    other side opens it.
    `sends` tells whether it sends or receives: one video, the first that is offered.
    `audio` tells whether it does the same with one audio; otherwise none is received, whatever is offered.
    `spare` tells that its frames are for nobody until `ShowPeer`; otherwise readers get them at once.
    """

    peer: PeerId
    ice: IceConfig
    sends: bool = False
    channels: tuple[str, ...] = ()
    spare: bool = False
    audio: bool = False


@frozen
class SetRemote:
    """Take the other side's description."""

    peer: PeerId
    kind: SdpKind
    sdp: str = field(repr=sized)


@frozen
class MakeAnswer:
    """Answer the offer that was set; `LocalDescription` follows."""

    peer: PeerId


@frozen
class MakeOffer:
    """Offer: to send video if the peer sends, otherwise to receive it; `LocalDescription` follows."""

    peer: PeerId


@frozen
class AddCandidate:
    """Take one more of the other side's candidates; `None` says that there are no more."""

    peer: PeerId
    candidate: IceCandidate | None


@frozen
class ChannelSend:
    """Send one text message on a data channel that is open."""

    peer: PeerId
    label: str
    text: str = field(repr=sized)


@frozen
class AskKeyframe:
    """Ask the sender of the video for a keyframe (RTCP PLI, RFC 4585 section 6.3.1)."""

    peer: PeerId


@frozen
class DropPeer:
    """Close the peer connection; nothing more may come of it."""

    peer: PeerId


# --- the application --------------------------------------------------------------------------


@frozen
class ShowPeer:
    """From now on readers get the frames of this peer, and no more of the one before."""

    peer: PeerId


@frozen
class Happened:
    """Something the application may want to know."""

    event: Event


@frozen
class Progressed:
    """A command goes on: `progress` is a value that its kind of command reports meanwhile."""

    command: CommandId
    progress: Any


@frozen
class Completed:
    """A command succeeded."""

    command: CommandId
    result: Any = field(default=None, repr=sized)


@frozen
class Failed:
    """A command failed."""

    command: CommandId
    failure: Failure


type HttpOutput = Request | CancelRequest | Preconnect
type FetchOutput = Fetch | StoreBody | CancelFetch
type SocketOutput = OpenSocket | SendText | PingSocket | CloseSocket | DropSocket
type MediaOutput = (
    MakePeer | SetRemote | MakeAnswer | MakeOffer | AddCandidate | ChannelSend | AskKeyframe | DropPeer
)
type AppOutput = ShowPeer | Happened | Progressed | Completed | Failed
type ClientOutput = HttpOutput | FetchOutput | SocketOutput | MediaOutput | AppOutput
"""Everything a client may want done."""

type ClientInput = NetworkInput | Command
"""The other side of the seam: everything that a client takes."""
