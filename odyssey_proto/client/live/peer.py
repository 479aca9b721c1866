"""
One end of a WebRTC peer connection, from the first description to its loss.

The connection is made and run by a media engine; this is what decides about it.

**Readiness is a set, not a sequence.** The engine reports the connection, the track and each channel
when it learns of them, and their order differs from engine to engine and from run to run.
So each of them is only noted, and after each it is asked what is still `missing`; the same question
names in an error what never came.

**Candidates overtake the offer.** They are separate messages, and a server may send them first; these are
kept until there is a peer to add them to.

**Three ways to be lost**, because they mean different things to the owner (see `Loss`).
`disconnected` means that packets have stopped to come, which often heals by itself: it is reported, and
becomes a loss only after the `silence` that the application allows.
`failed` and `closed` are final at once.

**`PeerLost` drops nothing.** The owner answers it by telling the other side, over another connection, that it
leaves, and calls `drop` when that is said; if media were torn down first, the other side would see an
unexplained end.

After `PeerLost` or `drop` nothing comes any more, whatever the engine still reports.
"""

from typing import Literal, assert_never

from odyssey_proto.client.live import notices
from odyssey_proto.client.live.peer_outputs import (
    DescriptionReady,
    FramesCounted,
    Loss,
    NegotiationState,
    PeerInterrupted,
    PeerLost,
    PeerOutput,
    PeerReady,
    PeerRestored,
    RelaysFailed,
    StreamerText,
)
from odyssey_proto.client.live.peer_role import PeerRole
from odyssey_proto.client.rest.transport_failures import broken
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, FailureKind, RemoteProtocolError, invalid, refused
from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after
from odyssey_proto.kernel.server_words import server_words
from odyssey_proto.kernel.text import one_line
from odyssey_proto.messages.answers import accept_answer
from odyssey_proto.messages.offers import AcceptedOffer, accept_offer
from odyssey_proto.messages.sdp import check_candidate
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.model.ice import IceCandidate, IceConfig
from odyssey_proto.seam.inputs import (
    ChannelDown,
    ChannelText,
    ChannelUnreadable,
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
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import (
    AddCandidate,
    AskKeyframe,
    ChannelSend,
    DropPeer,
    Happened,
    MakeAnswer,
    MakeOffer,
    MakePeer,
    SetRemote,
)

MAX_CANDIDATES = 128
"""The most candidates of one peer that are taken; a server has a few dozen at the very most."""

MAX_LABEL = 64
"""How much of the label of a data channel is repeated, in characters."""


class Peer:
    """
    Negotiates one peer connection and watches what becomes of it.

    `take_offer` begins it in a session; `make_offer`, and then `take_answer`, for a spectator.
    """

    def __init__(self, peer: PeerId, role: PeerRole, silence: Span) -> None:
        self.peer = peer
        self.state: NegotiationState = NegotiationState.NEW
        self._role = role
        self._silence = silence
        self._interrupted = False
        self.made: bool = False
        """Whether the engine was asked for it."""
        self.connected: bool = False
        """Whether it ever was, perhaps without video or channels yet."""
        self._video = False
        self._channels: dict[str, int] = {}
        self._early: list[IceCandidate | None] = []
        self._offer: AcceptedOffer | None = None
        self._own_offer = ""
        self._further: AcceptedOffer | None = None
        self._renegotiating = False
        self._candidates = 0
        self._timers: Timers[Literal[ClientTimer.PEER_LOSS]] = Timers()

    @property
    def missing(self) -> tuple[str, ...]:
        """What has not come yet, in the words of the error that names it."""
        match self.state:
            case NegotiationState.NEW:
                return (self._role.begins_with,)
            case NegotiationState.DESCRIBING:
                return ("local description",)
            case NegotiationState.OFFERED:
                return ("answer",)
            case _:
                parts = {"peer connection": self.connected, "video track": self._video}
                parts |= {f"data channel {label}": label in self._channels for label in self._role.channels}
                return tuple(name for name, there in parts.items() if not there)

    # --- negotiating ----------------------------------------------------------------------------

    def prepare(self, ice: IceConfig) -> list[MakePeer]:
        """Makes the peer before it is known what the other side offers."""
        if self.made:
            return []
        self.made = True
        return [MakePeer(self.peer, ice, channels=self._role.channels, audio=self._role.audio)]

    def take_offer(self, sdp: str, ice: IceConfig) -> list[PeerOutput]:
        """Makes the peer for an offer of the other side, and has it answered."""
        offer = accept_offer(sdp, channels=bool(self._role.channels))
        if isinstance(offer, Failure):
            return self._lose(offer)
        self.state = NegotiationState.DESCRIBING
        return [*self.prepare(ice), *self._answer(offer)]

    def take_further_offer(self, sdp: str) -> list[PeerOutput] | None:
        """
        Has a further offer answered on this connection; `None` if it is of another peer.

        While an answer is being made the newest offer waits; the candidates that come now are for it.
        """
        before = None if self.state is NegotiationState.LOST else self._offer
        further = None if before is None else before.follow(sdp)
        if not isinstance(further, AcceptedOffer):
            return None
        self._further = further
        self._early.clear()
        self._candidates = 0
        return [] if self._describing else self._renegotiate()

    def make_offer(self, ice: IceConfig) -> list[PeerOutput]:
        """Makes the peer and has it offer to receive what its role receives."""
        self.state = NegotiationState.DESCRIBING
        return [*self.prepare(ice), MakeOffer(self.peer)]

    def take_answer(self, sdp: str) -> list[PeerOutput]:
        """Takes the answer to our offer."""
        try:
            answer = accept_answer(self._own_offer, sdp)
        except RemoteProtocolError as error:
            text = f"malformed answer: {error}"
            return self._lose(Failure(FailureKind.MALFORMED, text, code="answer.malformed"))
        self.state = NegotiationState.CONNECTING
        outputs: list[PeerOutput] = [SetRemote(self.peer, SdpKind.ANSWER, answer.text), *self._check()]
        if answer.left_out:
            names = ", ".join(answer.left_out)
            outputs.append(_ignored(f"ignored in the answer: malformed lines {names}", "answer.ignored"))
        return outputs

    def add_candidate(self, candidate: IceCandidate) -> list[PeerOutput]:
        """Takes one of the other side's candidates, also before its offer."""
        try:
            checked = check_candidate(candidate)
        except RemoteProtocolError as error:
            # It is left out; the others may do.
            return [_ignored(f"malformed ICE candidate: {error}", "candidate.malformed")]
        if self.state is NegotiationState.LOST or self._candidates == MAX_CANDIDATES:
            return []
        self._candidates += 1
        if self.state is not NegotiationState.NEW and self._further is None:
            return self._candidate(checked)
        self._early.append(checked)
        return []

    def _renegotiate(self) -> list[PeerOutput]:
        offer, self._further = self._further, None
        self._renegotiating = offer is not None
        return [] if offer is None else self._answer(offer)

    def _answer(self, offer: AcceptedOffer) -> list[PeerOutput]:
        """Has an offer answered."""
        self._offer = offer
        outputs: list[PeerOutput] = [SetRemote(self.peer, SdpKind.OFFER, offer.sdp), MakeAnswer(self.peer)]
        if offer.ignored:
            outputs.append(_ignored(f"ignored in the offer: {offer.ignored}", "offer.ignored"))
        for candidate in self._early:
            outputs += self._candidate(candidate)
        self._early.clear()
        return outputs

    def _candidate(self, candidate: IceCandidate | None) -> list[PeerOutput]:
        if candidate is not None and self._offer is not None:
            candidate = self._offer.candidate(candidate)
            if candidate is None:
                # It is for a section that is refused.
                return []
        return [AddCandidate(self.peer, candidate)]

    # --- using ----------------------------------------------------------------------------------

    def fits(self, text: str) -> bool:
        """Returns whether a text can be sent to the streamer now: its channel is open and large enough."""
        return len(text.encode()) <= self._channels.get(TO_STREAMER, -1)

    def send(self, text: str) -> ChannelSend:
        """Returns the order to send a text to the streamer; raises `LocalProtocolError` unless it `fits`."""
        limit = self._channels.get(TO_STREAMER)
        if limit is None:
            raise refused("the data channel to the streamer is not open", "state.stream")
        size = len(text.encode())
        if size > limit:
            text = f"a message of {size} bytes is over the data channel's limit of {limit} bytes"
            raise invalid(text, "message.too_large")
        return ChannelSend(self.peer, TO_STREAMER, text)

    def request_keyframe(self) -> list[AskKeyframe]:
        """Has the sender asked for a keyframe, if there is a sender."""
        return [AskKeyframe(self.peer)] if self.state is NegotiationState.READY else []

    def drop(self) -> list[DropPeer]:
        """Closes the peer connection, if there is one."""
        self._retire()
        made, self.made = self.made, False
        return [DropPeer(self.peer)] if made else []

    # --- what the engine reports ----------------------------------------------------------------

    def on_media(self, now: Instant, inp: MediaInput) -> list[PeerOutput]:
        """Takes a report of the media engine about this peer."""
        if self.state is NegotiationState.LOST or not self.made:
            return []
        match inp:
            case LocalDescription(_, kind, sdp, no_relay) if kind is self._role.describes:
                return [*self._relays_failed(server_words(no_relay)), *self._described(sdp)]
            case PeerStateChanged(_, state):
                return self._state_changed(now, state)
            case TrackUp(_, MediaKind.VIDEO):
                self._video = True
                return self._check()
            case TrackDown(_, MediaKind.VIDEO):
                return self._end("the video track ended", "media.track_ended", Loss.CLOSED)
            case ChannelUp(_, label, max_message) if label in self._role.channels:
                self._channels[label] = max_message
                return self._check()
            case ChannelDown(_, label) if label in self._role.channels:
                return self._end(f"the data channel {label} closed", "media.channel_closed", Loss.CLOSED)
            case ChannelText(_, label, text) if label == FROM_STREAMER and label in self._role.channels:
                return [StreamerText(text)]
            case ChannelUnreadable(_, label, size) if label in self._role.channels:
                text = f"malformed message on {label}: {size} bytes that are no text, or too long a one"
                return [_ignored(text, "stream.malformed")]
            case ChannelDown(_, label):
                text = f"the data channel {one_line(label, MAX_LABEL)} was closed: nobody knows it"
                return [_ignored(text, "channel.unknown")]
            case MediaSeen(_, received, undecoded, limited_by):
                return [FramesCounted(received, undecoded, limited_by)]
            case PeerFailed(_, error) if error.kind is TransportErrorKind.TLS:
                text = "a path for media was found, but the DTLS handshake on it failed"
                return self._end(text, "media.dtls", Loss.FAILED)
            case PeerFailed(_, error):
                return self._lose(broken(error, "the media connection failed"))
            case _:
                return []

    def wake(self, now: Instant) -> list[PeerOutput]:
        """Gives up a connection that was interrupted and has not recovered."""
        if self._timers.due(now) is None:
            return []
        text = "the media connection was interrupted and did not recover"
        return self._lose(Failure(FailureKind.MEDIA_FAILED, text, code="media.interrupted"))

    @property
    def deadline(self) -> Deadline | None:
        """The end of the grace of an interrupted connection."""
        return self._timers.deadline

    @property
    def _describing(self) -> bool:
        """Whether the engine makes a description."""
        return self._renegotiating or self.state is NegotiationState.DESCRIBING

    def _relays_failed(self, reasons: str) -> list[PeerOutput]:
        return [RelaysFailed(reasons), notices.no_relay(reasons)] if reasons and not self.connected else []

    def _described(self, sdp: str) -> list[PeerOutput]:
        if not self._describing:
            return []
        sdp = sdp if self._offer is None else self._offer.answer(sdp)
        if self.state is NegotiationState.DESCRIBING:
            offered = self._role.describes is SdpKind.OFFER
            self.state = NegotiationState.OFFERED if offered else NegotiationState.CONNECTING
            self._own_offer = sdp if offered else ""
        # Where a further offer waits, nobody waits for the answer to the one before.
        outdated = self._further is not None
        answered: list[PeerOutput] = [] if outdated else [DescriptionReady(sdp)]
        return [*answered, *self._renegotiate(), *self._check()]

    def _state_changed(self, now: Instant, state: PeerState) -> list[PeerOutput]:
        match state:
            case PeerState.CONNECTED:
                self._timers.stop(ClientTimer.PEER_LOSS)
                self.connected = True
                restored, self._interrupted = self._interrupted, False
                return [PeerRestored()] if restored else self._check()
            case PeerState.DISCONNECTED if self._interrupted:
                # The silence began when it was first reported.
                return []
            case PeerState.DISCONNECTED:
                self._timers.set(ClientTimer.PEER_LOSS, after(now, self._silence))
                self._interrupted = self.state is NegotiationState.READY
                return [PeerInterrupted()] if self._interrupted else []
            case PeerState.FAILED:
                return self._end("the media connection failed", "media.failed", Loss.FAILED)
            case PeerState.CLOSED:
                text = f"the {self._role.remote} closed the media connection"
                return self._end(text, "media.closed", Loss.CLOSED)
            case PeerState.NEW | PeerState.CONNECTING:
                return []
            case _:
                assert_never(state)

    def _check(self) -> list[PeerOutput]:
        if self.state is not NegotiationState.CONNECTING or self.missing:
            return []
        self.state = NegotiationState.READY
        return [PeerReady()]

    def _end(self, text: str, code: str, loss: Loss) -> list[PeerOutput]:
        return self._lose(Failure(FailureKind.MEDIA_FAILED, text, code=code, missing=self.missing), loss)

    def _lose(self, failure: Failure, loss: Loss = Loss.BROKEN) -> list[PeerOutput]:
        self._retire()
        return [PeerLost(failure, loss)]

    def _retire(self) -> None:
        self.state = NegotiationState.LOST
        self._channels.clear()
        self._timers.clear()


def _ignored(text: str, code: str) -> Happened:
    """Returns the announcement of something that the other side sent and that we do without."""
    return notices.warning(Failure(FailureKind.MALFORMED, text, code=code))
