"""The trace of a client as what it did and what its server did, in order."""

from collections.abc import Iterator
from typing import Any

from attrs import field, frozen

from odyssey_proto.kernel.failures import Failure, RemoteProtocolError
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.messages import signaling
from odyssey_proto.messages.offers import accept_offer
from odyssey_proto.messages.whep import SDP
from odyssey_proto.playback.addresses import Addresses
from odyssey_proto.playback.content import Content, path_content, request_content
from odyssey_proto.playback.frame_pacing import frame_pacing
from odyssey_proto.playback.moves import (
    CHANNEL,
    HTTP,
    JOIN,
    LEAVE,
    SIGNALING,
    ClientMove,
    Close,
    CompleteHandshake,
    LosePeer,
    MessageKey,
    Move,
    Offer,
    Reply,
    SendOnChannel,
    SendOnSocket,
    ServerMove,
)
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import (
    ChannelDown,
    ChannelText,
    ChannelUp,
    ExchangeFailed,
    MediaSeen,
    PeerId,
    PeerState,
    PeerStateChanged,
    Replied,
    SdpKind,
    SocketClosed,
    SocketId,
    SocketOpened,
    SocketRefused,
    SocketText,
    TrackDown,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import (
    ChannelSend,
    CloseSocket,
    DropPeer,
    DropSocket,
    OpenSocket,
    Request,
    SendText,
    SetRemote,
)
from odyssey_proto.seam.settings import Settings, SpectatorSettings
from odyssey_proto.service.live.streamer_peer import CHANNELS
from odyssey_proto.trace.recorded_network import channel_kind, signaling_kind
from odyssey_proto.trace.values import Step, Trace

MIN_CLOSE_CODE, MAX_CLOSE_CODE = 3000, 4999
"""The close codes that an application may send besides 1000 (RFC 6455 section 7.4.2)."""


class UnplayableError(ValueError):
    """A trace that cannot be served; the message says why."""


@frozen
class Script:
    """What a recorded client and its server did."""

    moves: tuple[Move, ...] = field(repr=lambda moves: f"<{len(moves)} moves>")
    addresses: Addresses = field(repr=False, eq=False)
    wall: int = field(default=0, repr=False)
    """The wall-clock time at instant zero, in microseconds since 1970 (UTC)."""


def script_of(trace: Trace) -> Script:
    """Returns the script of a trace; raises `UnplayableError` for one that has none."""
    settings = trace.header.settings
    if not isinstance(settings, Settings | SpectatorSettings):
        raise UnplayableError("only the trace of a client can be served")
    if trace.cut:
        raise UnplayableError(f"the trace was full: {trace.cut} steps are missing")
    try:
        writer = _Writer(settings, trace.steps)
        return Script(tuple(writer.moves()), writer.addresses, settings.wall)
    except (ValueError, TypeError, AttributeError) as error:
        raise UnplayableError(f"no client wrote this trace: {type(error).__name__}") from None


def request_key(method: str, path: str) -> MessageKey:
    """Returns the key of a request."""
    return MessageKey(HTTP, f"{method} {path_content(path)}")


def join_key(path: str) -> MessageKey:
    """Returns the key of a WebSocket's handshake."""
    return MessageKey(SIGNALING, f"{JOIN} {path_content(path)}")


def signaling_key(text: str) -> MessageKey | None:
    """Returns the key of a message on the WebSocket; `None` for a sign of life or a candidate."""
    kind = signaling_kind(text)
    return None if kind is None else MessageKey(SIGNALING, kind)


def channel_key(text: str) -> MessageKey:
    """Returns the key of a message on the data channel."""
    return MessageKey(CHANNEL, channel_kind(text))


def said_content(text: str) -> Content:
    """Returns what is compared of a client's message."""
    try:
        answers = isinstance(signaling.decode(text), signaling.Answer)
    except RemoteProtocolError:
        answers = False
    return Content() if answers else Content(text)


class _Writer:
    def __init__(self, settings: Settings | SpectatorSettings, steps: tuple[Step, ...]) -> None:
        self._steps = steps
        asked = [output.request for output in self._outputs(Request)]
        joined = [output.url for output in self._outputs(OpenSocket)]
        api = settings.api_url if isinstance(settings, Settings) else ""
        self.addresses = Addresses(api, ((each.method, each.url) for each in asked), joined)
        self._requests: dict[ExchangeId, HttpRequest] = {}
        self._open: set[SocketId] = set()
        self._lost: set[PeerId] = set()
        taken = (output for output in self._outputs(SetRemote) if output.kind is SdpKind.OFFER)
        self._peers = {output.sdp: output.peer for output in taken}
        self._labels = {(inp.peer, inp.label) for inp in self._inputs(ChannelUp)}
        self._frames = frame_pacing(steps)

    def moves(self) -> Iterator[Move]:
        for step in self._steps:
            yield from self._server_moves(step.at, step.inp)
            for output in step.outputs:
                yield from self._client_moves(step.at, output)

    # --- what the client did --------------------------------------------------------------------

    def _client_moves(self, at: Instant, output: Any) -> Iterator[ClientMove]:
        match output:
            case Request(exchange, request):
                self._requests[exchange] = request
                key = request_key(request.method, self.addresses.path(request.url))
                yield ClientMove(at, key, request_content(request), exchange)
            case OpenSocket(socket, url):
                self._open.add(socket)
                yield ClientMove(at, join_key(self.addresses.path(url)), Content(), socket)
            case SendText(socket, text) if (said := signaling_key(text)) is not None:
                yield ClientMove(at, said, said_content(text), socket)
            case ChannelSend(peer, _, text):
                yield ClientMove(at, channel_key(text), said_content(text), peer)
            case CloseSocket(socket) | DropSocket(socket) if socket in self._open:
                self._open.discard(socket)
                yield ClientMove(at, MessageKey(SIGNALING, LEAVE), Content(), socket)
            case DropPeer(peer):
                self._lost.add(peer)
            case _:
                pass

    # --- what the server did ----------------------------------------------------------------------

    def _server_moves(self, at: Instant, inp: Any) -> Iterator[ServerMove]:
        match inp:
            case Replied(exchange, reply):
                yield Reply(at, exchange, reply, self._is_media(exchange, reply))
            case ExchangeFailed(exchange, error) if error.kind is not TransportErrorKind.SILENT:
                yield Reply(at, exchange, None)
            case SocketOpened(socket):
                yield CompleteHandshake(at, socket)
            case SocketRefused(socket, reply):
                self._open.discard(socket)
                yield CompleteHandshake(at, socket, reply)
            case SocketText(socket, text):
                yield from self._said(at, socket, text)
            case SocketClosed(socket, code, reason) if socket in self._open:
                self._open.discard(socket)
                yield Close(at, socket, _sendable(code), reason)
            case ChannelText(peer, label, text):
                yield SendOnChannel(at, peer, label, text)
            case MediaSeen():
                yield from self._frames.pop((at, inp.peer), ())
            case (
                ChannelDown(peer)
                | TrackDown(peer)
                | PeerStateChanged(peer, PeerState.FAILED | PeerState.CLOSED)
            ):
                unknown = isinstance(inp, ChannelDown) and inp.label not in CHANNELS
                if peer not in self._lost and not unknown:
                    self._lost.add(peer)
                    yield LosePeer(at, peer)
            case _:
                pass

    def _is_media(self, exchange: ExchangeId, reply: HttpReply) -> bool:
        asked = self._requests.get(exchange)
        described = reply.ok and (reply.header("content-type") or "").startswith(SDP)
        return described and asked is not None and asked.method == "POST"

    def _said(self, at: Instant, socket: SocketId, text: str) -> Iterator[ServerMove]:
        try:
            message = signaling.decode(text)
        except RemoteProtocolError:
            message = None
        match message:
            case signaling.IceCandidate():
                # The offer that is made anew holds all of them.
                return
            case signaling.Offer(sdp):
                offer = accept_offer(sdp, channels=True)
                peer = None if isinstance(offer, Failure) else self._peers.get(offer.sdp)
                yield Offer(at, socket, peer, self._channels(peer, sdp), "m=video" in sdp)
            case _:
                yield SendOnSocket(at, socket, text)

    def _channels(self, peer: PeerId | None, sdp: str) -> tuple[str, ...]:
        offered = CHANNELS if "m=application" in sdp else ()
        up = tuple(label for label in offered if (peer, label) in self._labels)
        return up or offered

    def _outputs[T](self, kind: type[T]) -> Iterator[T]:
        return (output for step in self._steps for output in step.outputs if isinstance(output, kind))

    def _inputs[T](self, kind: type[T]) -> Iterator[T]:
        return (step.inp for step in self._steps if isinstance(step.inp, kind))


def _sendable(code: int) -> int | None:
    if code == 1005:
        return 1000
    return code if code == 1000 or MIN_CLOSE_CODE <= code <= MAX_CLOSE_CODE else None
