"""A spectator: from the offer to the picture, and every way out, in virtual time."""

from typing import Any

import pytest
from core.spectating import ANSWER, CONFIG, PEER, SDP, SETTINGS, Step, World, reached, shown

from odyssey_proto.client.spectator import BROADCAST_ENDED, Spectator, SpectatorState
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.failures import FailureKind, Phase
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.stream import FROM_STREAMER
from odyssey_proto.messages.whep import WHEP_OFFER, WhepAnswer
from odyssey_proto.model import events as e
from odyssey_proto.model.status import ConnectionStatus as S
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Abandon, Command, CommandId, Connect, Disconnect, StartStream
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import MediaKind, PeerState, SdpKind, TransportError, TransportErrorKind
from odyssey_proto.seam.redirects import MAX_REDIRECTS
from odyssey_proto.seam.settings import SpectatorSettings


def test_from_the_offer_to_the_picture() -> None:
    world = reached(Step.CONFIG)
    assert world.asked[1].url == "https://media.example/config"
    (made, offer) = world.replies(CONFIG)
    assert made.ice.servers[0].urls == ("stun:stun.example",)
    assert offer == o.MakeOffer(PEER)
    world.step(i.LocalDescription(PEER, SdpKind.OFFER, SDP))
    (request,) = world.asked.values()
    assert (request.url, request.content()) == ("https://media.example/live/s/whep", SDP.encode())
    assert request.parameter("token").reveal() == "to/ken"
    assert world.replies(ANSWER) == [o.SetRemote(PEER, SdpKind.ANSWER, SDP)]
    outputs = shown(world)
    assert outputs[-1] == o.AskKeyframe(PEER)
    assert world.ended == {1: None}
    assert world.told == [e.StatusChanged(S.CONNECTING), e.StatusChanged(S.CONNECTED), e.Connected("")]
    world.finish()
    assert world.told[3:] == [e.StatusChanged(S.DISCONNECTED), e.Disconnected(None)]


def test_the_media_server_is_told_of_the_end() -> None:
    world = reached(Step.WATCHING)
    left = world.says(Disconnect())
    (request,) = world.asked.values()
    assert (request.method, request.url) == ("DELETE", "https://media.example/live/s/whep/r1")
    assert left not in world.ended
    again = world.says(Disconnect())
    world.replies(HttpReply(200))
    assert (world.ended[left], world.ended[again]) == (None, None)
    assert world.spectator.state is SpectatorState.GONE
    world.finish()


def test_a_media_server_that_says_nothing_is_left_in_time() -> None:
    world = reached(Step.WATCHING)
    left = world.says(Disconnect())
    world.wait(2.9)
    assert left not in world.ended
    world.wait(0.2)
    assert world.ended[left] is None
    assert world.asked == {}


def test_an_offer_on_its_way_is_waited_for_and_given_back() -> None:
    world = reached(Step.POSTING)
    world.says(Disconnect())
    world.replies(ANSWER)
    (request,) = world.asked.values()
    assert request.method == "DELETE"
    world.replies(HttpReply(404))
    assert world.spectator.state is SpectatorState.GONE


@pytest.mark.parametrize("reply", [HttpReply(401), WHEP_OFFER.encode_reply(WhepAnswer(SDP))])
def test_an_offer_that_made_nothing_is_not_given_back(reply: HttpReply) -> None:
    world = reached(Step.POSTING)
    world.says(Disconnect())
    world.replies(reply)
    assert world.asked == {}
    assert world.spectator.state is SpectatorState.GONE


def test_a_goodbye_that_does_not_arrive_is_the_end_all_the_same() -> None:
    world = reached(Step.WATCHING)
    world.says(Disconnect())
    world.breaks()
    assert world.spectator.state is SpectatorState.GONE


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("way", ["disconnect", "abandon"])
def test_it_may_leave_at_any_moment(step: Step, way: str) -> None:
    world = reached(step)
    world.says(Disconnect() if way == "disconnect" else Abandon(CommandId(1)))
    if step is not Step.WATCHING:
        why = FailureKind.CLOSED_LOCALLY if way == "disconnect" else FailureKind.ABANDONED
        assert world.ended[1].kind is why
    world.finish()
    assert world.spectator.status is S.DISCONNECTED


def test_an_offer_follows_where_the_media_server_sends_it() -> None:
    world = reached(Step.POSTING)
    world.replies(HttpReply(307, (("location", "https://edge.example/a/whep?k=v"),)))
    (request,) = world.asked.values()
    assert (request.method, request.url, request.content()) == (
        "POST",
        "https://edge.example/a/whep",
        SDP.encode(),
    )
    assert [name for name, _ in request.query] == ["k"]
    world.replies(ANSWER)
    shown(world)
    world.says(Disconnect())
    (request,) = world.asked.values()
    assert (request.method, request.url) == ("DELETE", "https://edge.example/live/s/whep/r1")


def test_an_offer_is_not_sent_round_in_circles() -> None:
    world = reached(Step.POSTING)
    for _ in range(MAX_REDIRECTS + 1):
        world.replies(HttpReply(307, (("location", "/live/s/whep"),)))
    assert world.ended[1].status == 307
    world.finish()


@pytest.mark.parametrize(
    "end", [i.PeerStateChanged(PEER, PeerState.CLOSED), i.TrackDown(PEER, MediaKind.VIDEO)]
)
def test_a_media_server_that_went_silent_first_did_not_end_the_broadcast(end: Any) -> None:
    world = reached(Step.WATCHING)
    world.step(i.MediaSeen(PEER, 1))
    world.wait(4)
    world.step(end)
    assert world.spectator.status is S.FAILED
    (lost,) = [event.failure for event in world.told if isinstance(event, e.Disconnected)]
    assert (lost.kind, lost.code) == (FailureKind.MEDIA_FAILED, "media.lost")
    world.finish()


def test_a_caller_that_waits_for_the_end_may_be_cancelled() -> None:
    world = reached(Step.WATCHING)
    left = world.says(Disconnect())
    asked = world.says(Abandon(CommandId(left)))
    assert world.ended[asked] is None
    assert world.ended[left].kind is FailureKind.ABANDONED
    world.says(Abandon(CommandId(99)))


def test_without_ice_servers_it_goes_on_and_says_so() -> None:
    for way in ("break", "refuse", "silence"):
        world = reached(Step.CONFIG)
        if way == "break":
            world.breaks()
        elif way == "refuse":
            world.replies(HttpReply(500))
        else:
            world.wait(5)
        assert world.spectator.state is SpectatorState.NEGOTIATING
        complaint = world.told[-1]
        assert (complaint.fatal, complaint.failure.phase) == (False, Phase.SPECTATE)
        world.finish()


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (HttpReply(401), FailureKind.AUTH_REFUSED),
        (HttpReply(404), FailureKind.NOT_FOUND),
        (HttpReply(503), FailureKind.SERVER_BROKE),
        (HttpReply(201, (), b"no sdp"), FailureKind.MALFORMED),
        (None, FailureKind.UNREACHABLE),
    ],
)
def test_an_offer_that_is_refused(reply: HttpReply | None, why: FailureKind) -> None:
    world = reached(Step.POSTING)
    world.breaks() if reply is None else world.replies(reply)
    assert (world.ended[1].kind, world.ended[1].phase) == (why, Phase.SPECTATE)
    assert world.spectator.status is S.FAILED
    assert isinstance(world.told[-1], e.ErrorHappened)
    world.finish()


@pytest.mark.parametrize(
    ("step", "missing"),
    [
        (Step.OFFERING, ("local description",)),
        (Step.POSTING, ("answer",)),
        (Step.CONNECTING, ("peer connection", "video track")),
    ],
)
def test_what_never_comes_is_named(step: Step, missing: tuple[str, ...]) -> None:
    world = reached(step)
    world.wait(30)
    failure = world.ended[1]
    assert (failure.kind, failure.missing) == (FailureKind.TIMED_OUT, missing)
    world.finish()


@pytest.mark.parametrize(
    "notice", [i.PeerStateChanged(PEER, PeerState.CLOSED), i.TrackDown(PEER, MediaKind.VIDEO)]
)
def test_the_end_of_the_broadcast_is_no_failure(notice: Any) -> None:
    world = reached(Step.WATCHING)
    world.step(notice)
    assert world.told[-2] == e.StatusChanged(S.DISCONNECTED)
    assert world.told[-1].failure.code == BROADCAST_ENDED
    (request,) = world.asked.values()
    assert request.method == "DELETE"
    world.finish()


@pytest.mark.parametrize(
    ("notice", "code"),
    [
        (i.PeerStateChanged(PEER, PeerState.FAILED), "media.failed"),
        (i.PeerFailed(PEER, TransportError(TransportErrorKind.INTERNAL)), "network.internal"),
    ],
)
def test_a_connection_that_breaks_is_a_failure(notice: Any, code: str) -> None:
    world = reached(Step.WATCHING)
    world.step(notice)
    status, error, gone = world.told[-3:]
    assert status.status is S.FAILED
    assert (error.fatal, error.failure.code, gone.failure.code) == (True, code, code)
    world.finish()


def test_a_connection_that_closes_before_the_picture_is_a_failure() -> None:
    world = reached(Step.CONNECTING)
    world.step(i.PeerStateChanged(PEER, PeerState.CLOSED))
    assert world.ended[1].code == "media.closed"
    world.finish()


def test_an_interruption_may_heal() -> None:
    world = reached(Step.WATCHING)
    world.step(i.PeerStateChanged(PEER, PeerState.DISCONNECTED))
    world.step(i.MediaSeen(PEER, 5))
    world.wait(2)
    world.step(i.PeerStateChanged(PEER, PeerState.CONNECTED))
    world.wait(60)
    assert world.spectator.state is SpectatorState.WATCHING
    world.step(i.PeerStateChanged(PEER, PeerState.DISCONNECTED))
    world.wait(5)
    assert world.told[-1].failure.code == "media.interrupted"
    world.finish()


@pytest.mark.parametrize(
    "report",
    [
        i.ChannelUp(PEER, FROM_STREAMER, 1000),
        i.ChannelText(PEER, FROM_STREAMER, "{}"),
        i.ChannelDown(PEER, FROM_STREAMER),
        i.TrackUp(PEER, MediaKind.AUDIO),
        i.TrackDown(PEER, MediaKind.AUDIO),
        i.LocalDescription(PEER, SdpKind.ANSWER, SDP),
        i.LocalDescription(PEER, SdpKind.OFFER, SDP),
        i.TrackDown(i.PeerId(9), MediaKind.VIDEO),
        i.SocketText(i.SocketId(1), "{}"),
        i.FetchEnded(i.FetchId(1)),
    ],
)
@pytest.mark.parametrize("step", [Step.CONNECTING, Step.WATCHING])
def test_what_does_not_concern_a_spectator_is_nothing(step: Step, report: Any) -> None:
    world = reached(step)
    assert world.step(report) == []
    world.finish()


def test_a_connection_that_is_there_before_the_answer_is_used_with_it() -> None:
    world = reached(Step.POSTING)
    world.step(i.TrackUp(PEER, MediaKind.VIDEO))
    world.step(i.PeerStateChanged(PEER, PeerState.CONNECTED))
    assert world.spectator.state is SpectatorState.NEGOTIATING
    assert world.replies(ANSWER)[-1] == o.AskKeyframe(PEER)
    world.finish()


def test_a_freeze_is_told() -> None:
    world = reached(Step.WATCHING)
    world.wait(3)
    assert world.told[-1] == e.FramesStalled(0)
    world.step(i.MediaSeen(PEER, 7))
    assert world.told[-1] == e.FramesResumed(7)
    world.finish()


def test_what_it_cannot_do_is_refused_and_changes_nothing() -> None:
    world = World()
    for what in (StartStream("A cat"), Connect()):
        if isinstance(what, Connect):
            world.says(Connect())
        with pytest.raises(LocalProtocolError):
            world.step(Command(CommandId(99), what))
    assert world.spectator.state is SpectatorState.PREPARING
    world.finish()


def test_an_address_that_is_none_is_refused_at_once() -> None:
    spectator = Spectator(SpectatorSettings(webrtc_url="nowhere at all", token=Secret("t")))
    with pytest.raises(LocalProtocolError):
        spectator.step(Instant(0), Command(CommandId(1), Connect()))
    assert spectator.state is SpectatorState.IDLE


def test_leaving_before_or_after_everything_is_done_at_once() -> None:
    world = World()
    assert world.ended.get(world.says(Disconnect()), ...) is None
    assert repr(world.spectator) == "<Spectator idle>"
    late = reached(Step.WATCHING)
    late.finish()
    assert late.ended[late.says(Disconnect())] is None
    late.step(i.PeerStateChanged(PEER, PeerState.FAILED))
    late.step(i.Replied(1, CONFIG))  # type: ignore[arg-type]  # a name of its own


def test_nothing_secret_is_shown() -> None:
    assert "to/ken" not in repr(SETTINGS) + repr(reached(Step.POSTING).asked)
