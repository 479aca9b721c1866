"""
The peer connections of one session, one after another.

A further offer of the same peer is answered on the connection that there is; one of another peer makes a new
connection in its place (docs/protocol.md#messages-of-the-server).
Making one costs sockets, keys and tasks, so only one is made at a time: while an offer is being answered
the newest of those that come meanwhile waits, with its candidates, and those between are dropped.
A streamer that offers more than `MAX_OFFERS` times within a minute is out of order, and so is what it does
next: the session ends and says so.

An offer of which nothing can be made ends a session that has no other; one that has goes on with that.
"""

from collections import deque
from collections.abc import Iterable

from attrs import frozen

from odyssey_proto.client.live import notices
from odyssey_proto.client.live.peer import Peer
from odyssey_proto.client.live.peer_outputs import (
    DescriptionReady,
    Loss,
    NegotiationState,
    PeerLost,
    PeerOutput,
)
from odyssey_proto.client.live.peer_role import SESSION, SESSION_WITH_AUDIO
from odyssey_proto.client.rest.ids import IdSource
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Deadline, Instant, Span, seconds
from odyssey_proto.model.ice import IceCandidate, IceConfig
from odyssey_proto.seam.inputs import MediaInput

MAX_OFFERS = 12
"""The most offers within `OFFERS_PER` that are taken."""

OFFERS_PER: Span = seconds(60)


@frozen
class PeerReplaced:
    """There is a new peer in the place of the one before, which is gone."""


@frozen
class _Waiting:
    """An offer that waits until the one before it is answered, and the peer that collects its candidates."""

    peer: Peer
    sdp: str
    ice: IceConfig


type NegotiationOutput = PeerOutput | PeerReplaced


class Negotiation:
    """Takes the offers of one streamer; `peer` is the present peer, `audio` whether audio is received."""

    def __init__(self, ids: IdSource, silence: Span, *, audio: bool) -> None:
        self._ids = ids
        self._role = SESSION_WITH_AUDIO if audio else SESSION
        self._silence = silence
        self.peer: Peer = self._new_peer()
        self._waiting: _Waiting | None = None
        self._offers: deque[Instant] = deque(maxlen=MAX_OFFERS)

    def prepare(self, ice: IceConfig) -> list[NegotiationOutput]:
        """Has the first peer made ahead of its offer, anew if it was: it finds its candidates meanwhile."""
        if not self.peer.made:
            return [*self.peer.prepare(ice)]
        # Made for an attempt that failed: the servers of this one may be others.
        dropped, self.peer = self.peer.drop(), self._new_peer()
        return [*dropped, *self.peer.prepare(ice)]

    def take_offer(self, now: Instant, sdp: str, ice: IceConfig) -> list[NegotiationOutput]:
        """Takes an offer of the streamer."""
        if len(self._offers) == MAX_OFFERS and now < self._offers[0] + OFFERS_PER:
            text = f"the streamer sent more than {MAX_OFFERS} offers within a minute"
            return [PeerLost(Failure(FailureKind.MALFORMED, text, code="offer.too_many"), Loss.BROKEN)]
        self._offers.append(now)
        renegotiated = self.peer.take_further_offer(sdp)
        if renegotiated is not None:
            self._waiting = None
            return [*renegotiated]
        match self.peer.state:
            case NegotiationState.NEW:
                return [*self.peer.take_offer(sdp, ice)]
            case NegotiationState.DESCRIBING:
                self._waiting = _Waiting(self._new_peer(), sdp, ice)
                return []
            case _:
                return self._replace(_Waiting(self._new_peer(), sdp, ice))

    def add_candidate(self, candidate: IceCandidate) -> list[NegotiationOutput]:
        """Takes a candidate, which belongs to the newest offer."""
        peer = self.peer if self._waiting is None else self._waiting.peer
        return [*peer.add_candidate(candidate)]

    def on_media(self, now: Instant, inp: MediaInput) -> list[NegotiationOutput]:
        """Takes a report of the media engine about the present peer."""
        return self._on_peer(self.peer.on_media(now, inp))

    def wake(self, now: Instant) -> list[NegotiationOutput]:
        """Carries out whatever is due."""
        return self._on_peer(self.peer.wake(now))

    @property
    def deadline(self) -> Deadline | None:
        """That of the present peer."""
        return self.peer.deadline

    def _new_peer(self) -> Peer:
        return Peer(self._ids.peer(), self._role, self._silence)

    def _on_peer(self, lines: Iterable[PeerOutput]) -> list[NegotiationOutput]:
        outputs: list[NegotiationOutput] = []
        for line in lines:
            if self._waiting is not None and isinstance(line, DescriptionReady | PeerLost):
                # What became of the offer before matters to nobody any more.
                waiting, self._waiting = self._waiting, None
                outputs += self._replace(waiting)
                if self.peer is waiting.peer:
                    continue
            outputs.append(line)
        return outputs

    def _replace(self, offer: _Waiting) -> list[NegotiationOutput]:
        lines = offer.peer.take_offer(offer.sdp, offer.ice)
        lost = [line for line in lines if isinstance(line, PeerLost)]
        if lost and self.peer.state is not NegotiationState.LOST:
            return [notices.warning(each.failure) for each in lost]
        dropped, self.peer = self.peer.drop(), offer.peer
        return [*dropped, PeerReplaced(), *lines]
