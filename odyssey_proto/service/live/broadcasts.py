"""Broadcasts and who watches them, by WHEP (docs/protocol.md#broadcast; RFC 9725 for what the two share)."""

import hmac
from collections.abc import Iterator
from urllib.parse import unquote

from attrs import define, field

from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.machine import Deadline, Instant, after, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.endpoint import path_of
from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.messages.stream import BroadcastReady
from odyssey_proto.messages.whep import WHEP_LEAVE, WHEP_OFFER, WhepAnswer
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import (
    LocalDescription,
    MediaInput,
    PeerFailed,
    PeerId,
    PeerState,
    PeerStateChanged,
    SdpKind,
)
from odyssey_proto.seam.outputs import DropPeer, MakeAnswer, MakePeer, SetRemote
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.seam import Answer, Asked, Mirror, Noted, ServiceOutput, Show
from odyssey_proto.service.io.timers import ServiceTimer
from odyssey_proto.service.rest.replies import Refused, preflight, refused, shared

PATH = "/live/"
WHEP = "/whep"

TOKEN_LENGTH = 40
RESOURCE_LENGTH = 24

CONNECT = seconds(30)
"""How long a spectator may take to connect, and a lost one to come back."""


@define
class _Viewer:
    peer: PeerId
    resource: str
    waiting: ExchangeId | None
    """Who waits for the answer; `None` once it was given."""
    until: Instant | None
    """When it counts as lost; `None` while it is connected."""


@define
class _Broadcast:
    host: PeerId
    token: Secret
    viewers: list[_Viewer] = field(factory=list)


class Broadcasts:
    """The streams that spectators can watch, from `open` to the end of the stream."""

    def __init__(self, config: ServiceConfig, entropy: Entropy, peers: Iterator[int]) -> None:
        self._config = config
        self._entropy = entropy
        self._peers = peers
        self._live: dict[str, _Broadcast] = {}

    def __repr__(self) -> str:
        return f"<Broadcasts {len(self._live)} live, {len(self._viewers())} viewers>"

    def open(self, stream_id: str, host: PeerId, authority: str) -> BroadcastReady:
        """Lets spectators watch a stream; returns the message for its host."""
        token = Secret(self._entropy.word(TOKEN_LENGTH))
        self._live[stream_id] = _Broadcast(host, token)
        return BroadcastReady(f"http://{authority}{PATH}{stream_id}", token)

    def sees(self, output: ServiceOutput) -> list[ServiceOutput]:
        """Takes note of what a streamer does: a broadcast ends with its stream."""
        match output:
            case Show(peer, scene):
                showing = None if scene is None else scene.stream_id
            case DropPeer(peer):
                showing = None
            case _:
                return []
        over = [name for name, live in self._live.items() if live.host == peer and name != showing]
        return [one for name in over for one in self._close(name)]

    # --- spectators -----------------------------------------------------------------------------

    def serves(self, request: HttpRequest) -> bool:
        """Tells whether a request is a spectator's."""
        return path_of(request).startswith(PATH)

    def ask(self, now: Instant, asked: Asked) -> list[ServiceOutput]:
        """Answers a spectator's request; an offer, once its answer is made."""
        request = asked.request
        try:
            if request.method == "OPTIONS":
                return [_answer(asked.exchange, preflight())]
            if WHEP_LEAVE.matches(request):
                return self._leave(asked)
            if not path_of(request).endswith(WHEP):
                raise refused(405 if "/whep/" in path_of(request) else 404, "Not Found")
            if not WHEP_OFFER.matches(request):
                raise refused(405, "Method Not Allowed")
            return self._watch(now, asked)
        except Refused as refusal:
            return [_answer(asked.exchange, refusal.reply)]

    def gone(self, exchange: ExchangeId) -> list[ServiceOutput]:
        """Whoever offered left before the answer."""
        found = [(name, viewer) for name, viewer in self._viewers() if viewer.waiting == exchange]
        return [one for name, viewer in found for one in self._drop(name, viewer)]

    def on_media(self, now: Instant, inp: MediaInput) -> list[ServiceOutput]:
        """Takes what the media engine reports of a spectator."""
        for name, viewer in self._viewers():
            if viewer.peer == inp.peer:
                return self._on_viewer(now, name, viewer, inp)
        return []

    def wake(self, now: Instant) -> list[ServiceOutput]:
        """Gives up the spectators that are lost."""
        lost = [(name, one) for name, one in self._viewers() if one.until is not None and one.until <= now]
        return [output for name, viewer in lost for output in self._drop(name, viewer)]

    @property
    def deadline(self) -> Deadline | None:
        """When the next spectator counts as lost."""
        times = [viewer.until for _, viewer in self._viewers() if viewer.until is not None]
        return Deadline(min(times), ServiceTimer.VIEWER_LOST) if times else None

    def _watch(self, now: Instant, asked: Asked) -> list[ServiceOutput]:
        stream_id = unquote(path_of(asked.request)).removeprefix(PATH).removesuffix(WHEP)
        broadcast = self._live.get(stream_id)
        if broadcast is None:
            raise refused(404, "No such stream")
        try:
            offer = WHEP_OFFER.decode_request(asked.request)
        except RemoteProtocolError as error:
            raise refused(400, f"The offer is unusable: {error}") from None
        if not hmac.compare_digest(
            offer.token.reveal().encode(errors="replace"), broadcast.token.reveal().encode()
        ):
            raise refused(401, "Invalid spectator token")
        if len(broadcast.viewers) >= self._config.viewers:
            raise refused(503, "Too many spectators")
        peer = PeerId(next(self._peers))
        resource = self._entropy.word(RESOURCE_LENGTH)
        broadcast.viewers.append(_Viewer(peer, resource, asked.exchange, after(now, CONNECT)))
        return [
            Mirror(peer, broadcast.host),
            MakePeer(peer, self._config.ice, sends=True, audio=self._config.audio),
            SetRemote(peer, SdpKind.OFFER, offer.sdp),
            MakeAnswer(peer),
            Noted(f"stream {stream_id}: a spectator comes"),
        ]

    def _leave(self, asked: Asked) -> list[ServiceOutput]:
        stream_id, _, resource = unquote(path_of(asked.request)).removeprefix(PATH).partition("/whep/")
        for name, viewer in self._viewers():
            if (name, viewer.resource) == (stream_id, resource):
                return [_answer(asked.exchange, WHEP_LEAVE.encode_reply(None)), *self._drop(name, viewer)]
        raise refused(404, "No such spectator")

    def _on_viewer(self, now: Instant, name: str, viewer: _Viewer, inp: MediaInput) -> list[ServiceOutput]:
        match inp:
            case LocalDescription(_, SdpKind.ANSWER, sdp) if viewer.waiting is not None:
                exchange, viewer.waiting = viewer.waiting, None
                location = f"{PATH}{name}{WHEP}/{viewer.resource}"
                return [_answer(exchange, WHEP_OFFER.encode_reply(WhepAnswer(sdp, location)))]
            case PeerStateChanged(_, PeerState.CONNECTED):
                viewer.until = None
                return []
            case PeerStateChanged(_, PeerState.DISCONNECTED):
                viewer.until = after(now, CONNECT)
                return []
            case PeerStateChanged(_, PeerState.FAILED | PeerState.CLOSED) | PeerFailed():
                return self._drop(name, viewer)
            case _:
                return []

    def _drop(self, name: str, viewer: _Viewer) -> list[ServiceOutput]:
        self._live[name].viewers.remove(viewer)
        outputs: list[ServiceOutput] = [DropPeer(viewer.peer), Noted(f"stream {name}: a spectator is gone")]
        if viewer.waiting is not None:
            outputs.append(_answer(viewer.waiting, detail_reply(400, "The offer could not be answered")))
        return outputs

    def _close(self, name: str) -> list[ServiceOutput]:
        viewers = list(self._live[name].viewers)
        outputs = [one for viewer in viewers for one in self._drop(name, viewer)]
        del self._live[name]
        return outputs

    def _viewers(self) -> list[tuple[str, _Viewer]]:
        return [(name, viewer) for name, live in self._live.items() for viewer in live.viewers]


def _answer(exchange: ExchangeId, reply: HttpReply) -> Answer:
    return Answer(exchange, shared(reply))
