"""The client's end of one WebRTC peer connection, from offer to loss."""

from enum import Enum, unique
from typing import assert_never

from attrs import field, frozen

from odyssey_proto.client.rest.transport_failures import broken
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.errors import RemoteProtocolError
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Deadline, Instant, Timers, after, seconds
from odyssey_proto.kernel.secret import sized
from odyssey_proto.messages.ice import check_candidate, check_sdp
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.model.ice import IceCandidate
from odyssey_proto.seam.inputs import (
    ChannelDown,
    ChannelText,
    ChannelUp,
    LocalDescription,
    MediaInput,
    MediaKind,
    MediaSeen,
    PeerFailed,
    PeerId,
    PeerState,
    PeerStateChanged,
    SdpKind,
    TrackDown,
    TrackUp,
)
from odyssey_proto.seam.outputs import (
    AddCandidate,
    ChannelSend,
    DropPeer,
    IceConfig,
    MakeAnswer,
    MakePeer,
    SetRemote,
)

MAX_CANDIDATES = 128
"""The most candidates of one peer that are taken; a server has a few dozen at the very most."""

GRACE = seconds(5)
"""How long a peer may stay `disconnected` before it counts as lost: ICE often heals by itself."""


@unique
class PeerStage(Enum):
    """Where a peer stands."""

    ABSENT = "absent"
    ANSWERING = "answering"
    CONNECTING = "connecting"
    READY = "ready"
    LOST = "lost"


@frozen
class AnswerMade:
    """The answer is ready to be sent."""

    sdp: str = field(repr=sized)


@frozen
class Ready:
    """Connected, with a video track and both data channels."""


@frozen
class Said:
    """The streamer said something on its data channel."""

    text: str = field(repr=sized)


@frozen
class Seen:
    """Video arrived: so many frames since the peer was made."""

    received: int


@frozen
class Complaint:
    """The server told something unusable that does not matter by itself."""

    failure: Failure


@frozen
class Lost:
    """
    The peer is of no more use.

    `ended_there`: the other side may have ended it on purpose; if so, signaling tells why.
    """

    failure: Failure
    ended_there: bool = False


type PeerOutput = (
    MakePeer
    | SetRemote
    | MakeAnswer
    | AddCandidate
    | ChannelSend
    | DropPeer
    | AnswerMade
    | Ready
    | Said
    | Seen
    | Complaint
    | Lost
)


class Peer:
    """
    Answers one offer and watches what becomes of it.

    Candidates that come before the offer are kept.
    After `Lost` or `drop` nothing comes any more.
    """

    def __init__(self, peer: PeerId) -> None:
        self.peer = peer
        self.stage = PeerStage.ABSENT
        self._connected = False
        self._track = False
        self._channels: dict[str, int] = {}
        self._early: list[IceCandidate | None] = []
        self._candidates = 0
        self._timers = Timers[ClientTimer]()

    @property
    def missing(self) -> tuple[str, ...]:
        """What has not come yet, in the words of the error that names it."""
        if self.stage is PeerStage.ABSENT:
            return ("offer",)
        if self.stage is PeerStage.ANSWERING:
            return ("local description",)
        parts = {
            "peer connection": self._connected,
            "video track": self._track,
            f"data channel {TO_STREAMER}": TO_STREAMER in self._channels,
            f"data channel {FROM_STREAMER}": FROM_STREAMER in self._channels,
        }
        return tuple(name for name, there in parts.items() if not there)

    @property
    def max_message(self) -> int | None:
        """The largest message for the streamer, in bytes; `None` while its channel is not open."""
        return self._channels.get(TO_STREAMER)

    def offered(self, sdp: str, ice: IceConfig) -> list[PeerOutput]:
        """Takes the offer."""
        try:
            check_sdp(sdp)
        except RemoteProtocolError as error:
            return self._lose(
                Failure(FailureKind.MALFORMED, f"malformed offer: {error}", code="offer.malformed")
            )
        self.stage = PeerStage.ANSWERING
        outputs: list[PeerOutput] = [
            MakePeer(self.peer, ice),
            SetRemote(self.peer, SdpKind.OFFER, sdp),
            MakeAnswer(self.peer),
        ]
        outputs += [AddCandidate(self.peer, candidate) for candidate in self._early]
        self._early.clear()
        return outputs

    def candidate(self, candidate: IceCandidate) -> list[PeerOutput]:
        """Takes one of the server's candidates, also before the offer."""
        try:
            checked = check_candidate(candidate)
        except RemoteProtocolError as error:
            text = f"malformed ICE candidate: {error}"
            return [Complaint(Failure(FailureKind.MALFORMED, text, code="candidate.malformed"))]
        if self.stage is PeerStage.LOST or self._candidates == MAX_CANDIDATES:
            return []
        self._candidates += 1
        if self.stage is not PeerStage.ABSENT:
            return [AddCandidate(self.peer, checked)]
        self._early.append(checked)
        return []

    def send(self, text: str) -> list[PeerOutput]:
        """Says something to the streamer; the channel must be open and the text must fit."""
        return [ChannelSend(self.peer, TO_STREAMER, text)]

    def drop(self) -> list[PeerOutput]:
        """Closes the peer connection, if there is one."""
        made = self.stage not in (PeerStage.ABSENT, PeerStage.LOST)
        self.stage = PeerStage.LOST
        self._channels.clear()
        self._timers.clear()
        return [DropPeer(self.peer)] if made else []

    def on_media(self, now: Instant, inp: MediaInput) -> list[PeerOutput]:
        """Takes what the media engine noticed."""
        if self.stage in (PeerStage.ABSENT, PeerStage.LOST):
            return []
        match inp:
            case LocalDescription(_, SdpKind.ANSWER, sdp) if self.stage is PeerStage.ANSWERING:
                self.stage = PeerStage.CONNECTING
                return [AnswerMade(sdp), *self._check()]
            case PeerStateChanged(_, state):
                return self._moved(now, state)
            case TrackUp(_, MediaKind.VIDEO):
                self._track = True
                return self._check()
            case TrackDown(_, MediaKind.VIDEO):
                return self._break("the video track ended", "media.track_ended")
            case ChannelUp(_, label, max_message):
                self._channels[label] = max_message
                return self._check()
            case ChannelDown(_, label) if label in (TO_STREAMER, FROM_STREAMER):
                return self._break(f"the data channel {label} closed", "media.channel_closed")
            case ChannelText(_, label, text) if label == FROM_STREAMER:
                return [Said(text)]
            case MediaSeen(_, received):
                return [Seen(received)]
            case PeerFailed(_, why):
                return self._lose(broken(why, "the media connection"))
            case _:
                return []

    def wake(self, now: Instant) -> list[PeerOutput]:
        """Carries out whatever is due."""
        if self._timers.due(now) is None:
            return []
        text = "the media connection was interrupted and did not recover"
        return self._lose(Failure(FailureKind.MEDIA_FAILED, text, code="media.interrupted"))

    @property
    def deadline(self) -> Deadline | None:
        """The end of the grace of an interrupted connection."""
        return self._timers.deadline

    def _moved(self, now: Instant, state: PeerState) -> list[PeerOutput]:
        match state:
            case PeerState.CONNECTED:
                self._timers.stop(ClientTimer.PEER_LOSS)
                self._connected = True
                return self._check()
            case PeerState.DISCONNECTED:
                self._timers.set(ClientTimer.PEER_LOSS, after(now, GRACE))
                return []
            case PeerState.FAILED:
                return self._break("the media connection failed", "media.failed")
            case PeerState.CLOSED:
                return self._break("the streamer closed the media connection", "media.closed")
            case PeerState.NEW | PeerState.CONNECTING:
                return []
            case _:
                assert_never(state)

    def _check(self) -> list[PeerOutput]:
        if self.stage is not PeerStage.CONNECTING or self.missing:
            return []
        self.stage = PeerStage.READY
        return [Ready()]

    def _break(self, text: str, code: str) -> list[PeerOutput]:
        failure = Failure(FailureKind.MEDIA_FAILED, text, code=code, missing=self.missing)
        return self._lose(failure, ended_there=True)

    def _lose(self, failure: Failure, *, ended_there: bool = False) -> list[PeerOutput]:
        # First what it means: the goodbye goes out before media is torn down, on this way out too.
        return [Lost(failure, ended_there), *self.drop()]
