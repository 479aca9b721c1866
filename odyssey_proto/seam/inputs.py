"""What comes in from outside: replies, socket texts, reports of the media engine, the passing of time."""

from enum import Enum, unique
from typing import NewType

from attrs import field, frozen

from odyssey_proto.kernel.secret import sized
from odyssey_proto.model.quality import LimitingFactor
from odyssey_proto.seam.http import ExchangeId, HttpReply

SocketId = NewType("SocketId", int)
"""Names one WebSocket; never used twice in one run."""

PeerId = NewType("PeerId", int)
"""Names one WebRTC peer connection; never used twice in one run."""


FetchId = NewType("FetchId", int)
"""Names one try to load a file; never used twice in one run."""


@frozen
class Wake:
    """The deadline passed, or nothing in particular."""


@unique
class TransportErrorKind(Enum):
    """How something outside broke."""

    UNRESOLVED = "unresolved"
    """The host name is unknown."""
    REFUSED = "refused"
    """Nobody listens there."""
    UNREACHABLE = "unreachable"
    """There is no route to the host."""
    NO_RELAY = "no_relay"
    """Only relays are allowed, and no TURN server gave one."""
    TLS = "tls"
    """The handshake failed."""
    CERTIFICATE = "certificate"
    """The certificate of the other side does not hold: `detail` says whose, and why."""
    PROXY = "proxy"
    """The proxy on the way refused, or cannot be one: `detail` says which, and why."""
    CLOSED = "closed"
    """The connection ended too early."""
    MALFORMED = "malformed"
    """What arrived breaks the protocol."""
    TOO_LARGE = "too_large"
    """What arrived, or was to be sent, is over a limit."""
    SILENT = "silent"
    """Nothing arrived for too long."""
    INVALID = "invalid"
    """We were given something unusable, such as a malformed ICE server address."""
    INTERNAL = "internal"
    """A library failed in a way it does not document."""


@frozen
class TransportError:
    """How something outside broke, with the words of the library that found out."""

    kind: TransportErrorKind
    detail: str = field(default="", eq=False, repr=False)


# --- HTTP -------------------------------------------------------------------------------------


@frozen
class Replied:
    """The reply to a request arrived, whatever its status."""

    exchange: ExchangeId
    reply: HttpReply


@frozen
class ExchangeFailed:
    """No reply will come."""

    exchange: ExchangeId
    error: TransportError


# --- downloads --------------------------------------------------------------------------------


@frozen
class FetchOpened:
    """The server began to answer a `Fetch`; the body waits until it is decided about."""

    fetch: FetchId
    head: HttpReply
    """Status and header fields."""


@frozen
class FetchedBytes:
    """
    So many further bytes of the body came and were stored.

    A download reports at least once a second while bytes come, and at most once for each MiB or second.
    """

    fetch: FetchId
    count: int


@frozen
class FetchEnded:
    """The whole body came and was stored."""

    fetch: FetchId


@frozen
class FetchFailed:
    """No more will come of a `Fetch`, because it broke or was cancelled; what came before is stored."""

    fetch: FetchId
    error: TransportError


# --- WebSocket --------------------------------------------------------------------------------


@frozen
class SocketOpened:
    """The WebSocket handshake succeeded."""

    socket: SocketId


@frozen
class SocketRefused:
    """The server answered the WebSocket handshake with an ordinary reply."""

    socket: SocketId
    reply: HttpReply


@frozen
class SocketText:
    """One whole text message arrived (a binary message counts as one, with U+FFFD for what is no UTF-8)."""

    socket: SocketId
    text: str = field(repr=sized)


@frozen
class SocketAnswered:
    """The other side has answered a `PingSocket`, or nobody could ask it."""

    socket: SocketId


ABNORMAL_CLOSURE = 1006
"""The close code of a connection that broke (RFC 6455 section 7.4.1)."""

GOING_AWAY = 1001
"""The close code of a server that goes down (RFC 6455 section 7.4.1)."""


@frozen
class SocketClosed:
    """
    The WebSocket is gone; nothing more will come of it.

    `code` is the close code that the other side sent, 1005 if it sent none, or `ABNORMAL_CLOSURE`;
    then `error` says what broke the connection.
    """

    socket: SocketId
    code: int
    reason: str = ""
    error: TransportError | None = None


# --- media ------------------------------------------------------------------------------------


@unique
class SdpKind(Enum):
    """The two kinds of session description in use."""

    OFFER = "offer"
    ANSWER = "answer"


@unique
class PeerState(Enum):
    """The state of a peer connection, in the words of WebRTC (RTCPeerConnectionState)."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    FAILED = "failed"
    CLOSED = "closed"


@unique
class MediaKind(Enum):
    """What a track carries."""

    VIDEO = "video"
    AUDIO = "audio"


@frozen
class LocalDescription:
    """The engine made the local description that was ordered, candidates included."""

    peer: PeerId
    kind: SdpKind
    sdp: str = field(repr=sized)
    no_relay: str = ""
    """Why no TURN server gave a relay, each with its reason; nothing if one did, or none was to be asked."""


@frozen
class PeerStateChanged:
    """The peer connection changed its state."""

    peer: PeerId
    state: PeerState


@frozen
class TrackUp:
    """The other side sends a track."""

    peer: PeerId
    kind: MediaKind


@frozen
class TrackDown:
    """A track ended."""

    peer: PeerId
    kind: MediaKind


@frozen
class ChannelUp:
    """A data channel is open; messages up to `max_message` bytes may be sent on it."""

    peer: PeerId
    label: str
    max_message: int


@frozen
class ChannelText:
    """One whole message arrived on a data channel (binary ones that hold UTF-8 count as text)."""

    peer: PeerId
    label: str
    text: str = field(repr=sized)


@frozen
class ChannelUnreadable:
    """A message of this size arrived on a data channel that is no text, or larger than a text may be."""

    peer: PeerId
    label: str
    size: int


@frozen
class ChannelDown:
    """A data channel closed; one that the peer was not made for is closed as soon as it opens."""

    peer: PeerId
    label: str


@frozen
class MediaSeen:
    """How many video frames have arrived since the peer was made; at most once a second."""

    peer: PeerId
    received: int
    """Those that were decoded."""
    undecoded: int = 0
    """Those that were not."""
    limited_by: LimitingFactor | None = None
    """What limits the video now; `None` if nothing does, or that is not known."""


@frozen
class PeerFailed:
    """The engine could not do what was ordered, or the peer connection is beyond repair."""

    peer: PeerId
    error: TransportError


type HttpInput = Replied | ExchangeFailed
type FetchInput = FetchOpened | FetchedBytes | FetchEnded | FetchFailed
type SocketInput = SocketOpened | SocketRefused | SocketText | SocketAnswered | SocketClosed
type MediaInput = (
    LocalDescription
    | PeerStateChanged
    | TrackUp
    | TrackDown
    | ChannelUp
    | ChannelText
    | ChannelUnreadable
    | ChannelDown
    | MediaSeen
    | PeerFailed
)
type NetworkInput = Wake | HttpInput | FetchInput | SocketInput | MediaInput
"""Everything a client hears from outside; the user's commands come beside it."""
