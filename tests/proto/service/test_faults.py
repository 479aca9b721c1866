"""Each fault strikes at its place, so many times."""

from typing import Any

import pytest

from odyssey_proto.messages import signaling
from odyssey_proto.messages.stream import (
    InteractiveStreamEnd,
    InteractiveStreamError,
    InteractiveStreamStart,
    StreamEnded,
    StreamStarted,
    Update,
    UpdateAcknowledged,
)
from odyssey_proto.seam.inputs import ChannelText, ChannelUp, LocalDescription, SdpKind
from odyssey_proto.seam.outputs import ChannelSend, DropPeer, DropSocket, MakeOffer, MakePeer, SendText
from odyssey_proto.service.io.faults import (
    Close,
    Cut,
    DropMedia,
    FailStream,
    Faults,
    Garble,
    Late,
    Moment,
    NoOffer,
    OfferAgain,
    Refuse,
    RefuseSocket,
    SignalError,
    Slow,
    Swallow,
    WithoutChannel,
    WithoutVideo,
)
from odyssey_proto.service.io.seam import AcceptSocket, Show
from tests.proto.service.service_by_hand import (
    FROM_STREAMER,
    SDP,
    TO_STREAMER,
    Host,
    ServiceByHand,
    closes,
    signaled,
    streamed,
)

START = InteractiveStreamStart("A cat")
REQUESTS = {Moment.START: START, Moment.UPDATE: Update("Pet it"), Moment.END: InteractiveStreamEnd()}


def outputs_at(guest: ServiceByHand, at: Moment) -> list[Any]:
    """Goes through a whole session up to a moment, and returns what comes of it."""
    host = guest.joined()
    if at is Moment.OPEN:
        return host.began
    host.notices(LocalDescription(host.peer, SdpKind.OFFER, SDP))
    outputs = host.signals(signaling.Answer(SDP))
    if at is Moment.ANSWER:
        return outputs
    host.notices(ChannelUp(host.peer, TO_STREAMER, 65536))
    outputs = host.notices(ChannelUp(host.peer, FROM_STREAMER, 65536))
    if at is Moment.READY:
        return outputs
    outputs = []
    for moment, request in REQUESTS.items():
        if guest.peers:
            outputs = host.streams(request)
        if moment is at:
            break
    return outputs


def test_faults_are_counted() -> None:
    faults = Faults((Close(Moment.START, 1), Close(Moment.START, 2, times=2), Close(Moment.END, 3)))
    assert repr(faults) == "<Faults 3 of 3 left>"
    codes = []
    while (struck := faults.strike(Close, at=Moment.START)) is not None:
        codes.append(struck.code)
    assert codes == [1, 2, 2]
    assert faults.strike(Refuse, path="/") is None
    assert repr(faults) == "<Faults 1 of 3 left>"


def test_a_refused_handshake_leaves_the_session_for_the_next() -> None:
    guest = ServiceByHand(faults=[RefuseSocket(503)])
    guest.enter()
    name = guest.grant()["session_id"]
    token = guest.token(name)
    assert guest.knock(name, token)[1][0].reply.status == 503
    assert isinstance(guest.knock(name, token)[1][0], AcceptSocket)


@pytest.mark.parametrize("at", Moment)
def test_closes(at: Moment) -> None:
    guest = ServiceByHand(faults=[Close(at, 1011, "gone")])
    assert closes(outputs_at(guest, at)) == [(1011, "gone")]
    guest.finish()


@pytest.mark.parametrize("at", Moment)
def test_cuts(at: Moment) -> None:
    guest = ServiceByHand(faults=[Cut(at)])
    outputs = outputs_at(guest, at)
    assert [output for output in outputs if isinstance(output, DropSocket)]
    guest.finish()


@pytest.mark.parametrize("at", Moment)
def test_signaling_errors(at: Moment) -> None:
    guest = ServiceByHand(faults=[SignalError(at, "streamer_disconnected")])
    outputs = outputs_at(guest, at)
    assert signaled(outputs) == [signaling.SignalingError("streamer_disconnected")]
    assert closes(outputs) == []
    guest.finish()


@pytest.mark.parametrize("at", Moment)
def test_garbled_texts(at: Moment) -> None:
    guest = ServiceByHand(faults=[Garble(at, "nonsense")])
    outputs = outputs_at(guest, at)
    early = at in (Moment.OPEN, Moment.ANSWER)
    sends = [output for output in outputs if isinstance(output, SendText if early else ChannelSend)]
    assert sends[0].text == "nonsense"
    guest.finish()


@pytest.mark.parametrize("at", [Moment.ANSWER, Moment.READY, Moment.START, Moment.UPDATE, Moment.END])
def test_dropped_media(at: Moment) -> None:
    guest = ServiceByHand(faults=[DropMedia(at)])
    outputs = outputs_at(guest, at)
    assert [output for output in outputs if isinstance(output, DropPeer)]
    assert closes(outputs) == []
    assert guest.peers == set()
    guest.finish()


def test_a_start_without_media_is_noted() -> None:
    guest = ServiceByHand(faults=[DropMedia(Moment.READY)])
    host = guest.ready()
    assert host.signals(START)[0].what.endswith("there is no peer connection")
    host.signals('{"type": "ice_candidate", "candidate": ""}')


@pytest.mark.parametrize("at", REQUESTS)
def test_swallowed_replies(at: Moment) -> None:
    guest = ServiceByHand(faults=[Swallow(at)])
    outputs = outputs_at(guest, at)
    assert streamed(outputs) == []
    assert [output for output in outputs if isinstance(output, Show)]
    guest.finish()


def test_after_a_swallowed_start_the_stream_is_there() -> None:
    host = ServiceByHand(faults=[Swallow(Moment.START)]).ready()
    host.streams(START)
    assert isinstance(streamed(host.streams(START))[0], InteractiveStreamError)
    assert isinstance(streamed(host.streams(Update("Pet it")))[0], InteractiveStreamError)
    assert streamed(host.streams(InteractiveStreamEnd())) == [StreamEnded()]


def test_after_a_swallowed_end_the_end_may_be_asked_again() -> None:
    host = ServiceByHand(faults=[Swallow(Moment.END, times=1)]).ready()
    host.streams(START)
    assert streamed(host.streams(InteractiveStreamEnd())) == []
    assert isinstance(streamed(host.streams(START))[0], InteractiveStreamError)
    assert streamed(host.streams(InteractiveStreamEnd())) == [StreamEnded()]
    assert isinstance(streamed(host.streams(START))[0], StreamStarted)


@pytest.mark.parametrize("at", REQUESTS)
def test_late_replies(at: Moment) -> None:
    guest = ServiceByHand(faults=[Late(at, 3)])
    outputs = outputs_at(guest, at)
    assert streamed(outputs) == []
    assert [output for output in outputs if isinstance(output, Show)]
    assert guest.wait(2.9) == []
    assert len(streamed(guest.wait(0.1))) == 1
    guest.finish()


def test_what_is_said_after_a_late_reply_waits_for_it() -> None:
    guest = ServiceByHand(faults=[Late(Moment.UPDATE, 3)])
    host = guest.ready()
    host.streams(START)
    for request in (Update("Pet it"), Update("Feed it"), InteractiveStreamEnd()):
        assert streamed(host.streams(request)) == []
    kinds = [type(message) for message in streamed(guest.wait(3))]
    assert kinds == [UpdateAcknowledged, UpdateAcknowledged, StreamEnded]
    assert isinstance(streamed(host.streams(START))[0], StreamStarted)


def test_a_late_reply_waits_for_the_channel_too() -> None:
    guest = ServiceByHand(faults=[Late(Moment.START, 3)])
    host = guest.joined()
    host.notices(LocalDescription(host.peer, SdpKind.OFFER, SDP))
    host.signals(START)
    assert guest.wait(4) == []
    assert len(streamed(host.notices(ChannelUp(host.peer, FROM_STREAMER, 65536)))) == 1


def test_every_reply_may_take_its_usual_time() -> None:
    guest = ServiceByHand(reply_seconds=0.5)
    host = guest.ready()
    for request, reply in ((START, StreamStarted), (Update("Pet it"), UpdateAcknowledged)):
        assert streamed(host.streams(request)) == []
        assert guest.wait(0.4) == []
        assert [type(message) for message in streamed(guest.wait(0.1))] == [reply]
    assert streamed(host.streams(InteractiveStreamEnd())) == [StreamEnded()]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "1"])
def test_delays_are_lengths_of_time(seconds: Any) -> None:
    with pytest.raises(ValueError, match="seconds"):
        Late(Moment.START, seconds)
    with pytest.raises(ValueError, match="seconds"):
        Slow("/config", seconds)


@pytest.mark.parametrize("at", REQUESTS)
def test_failed_requests(at: Moment) -> None:
    guest = ServiceByHand(faults=[FailStream(at, "quota_exceeded", "no hours left")])
    outputs = outputs_at(guest, at)
    assert streamed(outputs) == [InteractiveStreamError("quota_exceeded", "no hours left")]
    guest.finish()


def test_a_stream_goes_on_after_a_failed_update() -> None:
    host = ServiceByHand(faults=[FailStream(Moment.UPDATE, "unlucky")]).ready()
    host.streams(START)
    host.streams(Update("Pet it"))
    assert isinstance(streamed(host.streams(START))[0], InteractiveStreamError)
    assert isinstance(streamed(host.streams(Update("Pet it")))[0], UpdateAcknowledged)


def test_no_offer() -> None:
    guest = ServiceByHand(faults=[NoOffer()])
    host = guest.joined()
    assert not guest.peers
    assert host.signals('{"type": "ice_candidate", "candidate": ""}') == []
    assert closes(guest.wait(60)) == [(4001, "client_idle")]
    guest.finish()


def test_a_second_offer_makes_a_second_peer() -> None:
    guest = ServiceByHand(faults=[OfferAgain()])
    host = guest.joined()
    first = host.peer
    host.notices(LocalDescription(first, SdpKind.OFFER, SDP))
    outputs = host.signals(signaling.Answer(SDP))
    assert [type(output) for output in outputs] == [DropPeer, MakePeer, MakeOffer]
    assert host.peer != first
    host.negotiate()
    assert isinstance(streamed(host.streams(START))[0], StreamStarted)
    assert host.notices(ChannelText(first, TO_STREAMER, "{")) == []


def test_media_may_go_before_the_answer_comes() -> None:
    guest = ServiceByHand(faults=[DropMedia(Moment.START)])
    host = guest.joined()
    host.notices(LocalDescription(host.peer, SdpKind.OFFER, SDP))
    host.signals(START)
    assert host.signals(signaling.Answer(SDP)) == []


def test_a_missing_channel() -> None:
    guest = ServiceByHand(faults=[WithoutChannel(FROM_STREAMER)])
    host = guest.joined()
    assert made(host).channels == (TO_STREAMER,)


def test_missing_video() -> None:
    host = ServiceByHand(faults=[WithoutVideo()]).joined()
    assert not made(host).sends


def made(host: Host) -> MakePeer:
    return next(output for output in host.began if isinstance(output, MakePeer))
