"""Two media engines that find each other, without any media: opaque descriptions and facts."""

from functools import cache
from hashlib import sha256
from typing import assert_never

from attrs import define, field

from odyssey_proto.conversations import Side
from odyssey_proto.seam.inputs import (
    ChannelDown,
    ChannelText,
    ChannelUp,
    LocalDescription,
    MediaInput,
    MediaKind,
    MediaSeen,
    PeerId,
    PeerState,
    PeerStateChanged,
    SdpKind,
    TrackUp,
)
from odyssey_proto.seam.outputs import (
    AddCandidate,
    AskKeyframe,
    ChannelSend,
    DropPeer,
    MakeAnswer,
    MakeOffer,
    MakePeer,
    MediaOutput,
    SetRemote,
)

MAX_MESSAGE = 65536

type Owner = Side | int
"""Whose media engine it is: that of a side, or of one client of several, by its number."""

type Delivery = tuple[Owner, MediaInput]
"""Whose media engine reports something, and what."""


@define
class _End:
    side: Owner
    peer: PeerId
    name: str
    sends: bool
    channels: tuple[str, ...]
    remote: str | None = None
    open: list[str] = field(factory=list)


class FakeMedia:
    """
    Stands in for both media engines.

    A description names the peer that made it; once each end has the other's, they are connected:
    states, tracks and data channels follow.
    """

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self._ends: dict[tuple[Owner, PeerId], _End] = {}
        self._max_message = max_message
        self.sent: int = 0

    def order(self, side: Owner, order: MediaOutput) -> list[Delivery]:
        """Takes one side's order and returns the inputs that come of it."""
        if isinstance(order, MakePeer):
            owner = side.value if isinstance(side, Side) else f"{Side.CLIENT.value} {side}"
            name = f"{owner}/{order.peer}"
            self._ends[side, order.peer] = _End(side, order.peer, name, order.sends, order.channels)
            return []
        end = self._ends.get((side, order.peer))
        if end is None:
            return []
        match order:
            case MakeOffer(peer):
                return [(side, LocalDescription(peer, SdpKind.OFFER, describe(end.name)))]
            case MakeAnswer(peer):
                return [(side, LocalDescription(peer, SdpKind.ANSWER, describe(end.name)))]
            case SetRemote(_, kind, sdp):
                return self._remote(end, kind, sdp)
            case ChannelSend(_, label, text):
                other = self._other(end)
                if other is None or label not in other.open:
                    return []
                return [(other.side, ChannelText(other.peer, label, text))]
            case DropPeer():
                return self._drop(end)
            case AddCandidate() | AskKeyframe():
                return []
            case _:
                assert_never(order)

    def frames(self, count: int) -> list[Delivery]:
        """Lets so many more frames arrive on every connected peer that receives video."""
        self.sent += count
        linked = (end for end in self._ends.values() if end.open and not end.sends)
        return [(end.side, MediaSeen(end.peer, self.sent)) for end in linked]

    def lose(self, state: PeerState = PeerState.FAILED, owner: Owner | None = None) -> list[Delivery]:
        """Breaks the connections of one owner, or all, so that both ends find out."""
        broken: list[_End] = []
        for end in self._ends.values():
            other = self._other(end)
            if owner is None or owner in (end.side, other.side if other is not None else None):
                broken.append(end)
        return [(end.side, PeerStateChanged(end.peer, state)) for end in broken]

    def sever(self, owner: Owner) -> list[Delivery]:
        """Lets nothing more come by the connections of one owner; both ends report silence."""
        silent = self.lose(PeerState.DISCONNECTED, owner)
        for side, notice in silent:
            self._ends[side, notice.peer].open.clear()
        return silent

    def forget(self, owner: Owner) -> None:
        """Throws away every end of an owner who is gone; nobody finds out by this."""
        self._ends = {key: end for key, end in self._ends.items() if end.side != owner}

    def _remote(self, end: _End, kind: SdpKind, sdp: str) -> list[Delivery]:
        end.remote = _name(sdp)
        tracks: list[Delivery] = [(end.side, TrackUp(end.peer, MediaKind.VIDEO))] if not end.sends else []
        return tracks + (self._link(end) if kind is SdpKind.ANSWER else [])

    def _link(self, end: _End) -> list[Delivery]:
        other = self._other(end)
        if other is None:
            return []
        # Whatever offer it was that the other end answered, the two are connected now.
        other.remote = end.name
        inputs: list[Delivery] = []
        for state in (PeerState.CONNECTING, PeerState.CONNECTED):
            inputs += [(one.side, PeerStateChanged(one.peer, state)) for one in (end, other)]
        for label in (label for label in end.channels if label in other.channels):
            for one in (end, other):
                one.open.append(label)
                inputs.append((one.side, ChannelUp(one.peer, label, self._max_message)))
        return inputs

    def _other(self, end: _End) -> _End | None:
        return next((one for one in self._ends.values() if one.name == end.remote), None)

    def _drop(self, end: _End) -> list[Delivery]:
        other = self._other(end)
        del self._ends[end.side, end.peer]
        if other is None or not other.open:
            return []
        down: list[Delivery] = [(other.side, ChannelDown(other.peer, label)) for label in other.open]
        other.open.clear()
        return [*down, (other.side, PeerStateChanged(other.peer, PeerState.CLOSED))]


@cache
def describe(name: str) -> str:
    """Returns a session description that is just enough of one, with a name in it, by which peers differ."""
    digest = sha256(name.encode()).hexdigest().upper()
    transport = (
        f"a=ice-ufrag:{digest[:8]}\r\na=ice-pwd:{digest[:24]}\r\n"
        f"a=fingerprint:sha-256 {':'.join(digest[at : at + 2] for at in range(0, 64, 2))}\r\n"
        "a=setup:actpass\r\na=rtcp-mux\r\n"
    )
    return (
        f"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns={name}\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
        "m=video 9 UDP/TLS/RTP/SAVPF 97\r\nc=IN IP4 0.0.0.0\r\n"
        f"a=mid:0\r\na=rtpmap:97 VP8/90000\r\n{transport}"
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
        f"a=mid:1\r\na=sctp-port:5000\r\n{transport}"
    )


def _name(sdp: str) -> str:
    return next((line[2:] for line in sdp.splitlines() if line.startswith("s=")), "")
