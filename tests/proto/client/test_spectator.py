"""A spectator: from the offer to the picture, and every way out, in virtual time."""

from typing import Any

import pytest
from attrs import evolve

from odyssey_proto.client.spectator import BROADCAST_ENDED, Spectator, SpectatorState
from odyssey_proto.kernel.failures import FailureKind, LocalProtocolError, Phase
from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.stream import FROM_STREAMER
from odyssey_proto.model import events as e
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Abandon, Command, CommandId, Connect, Disconnect, StartStream
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import MediaKind, PeerState, SdpKind, TransportError, TransportErrorKind
from odyssey_proto.seam.settings import SpectatorSettings
from odyssey_proto.testing.spectator_by_hand import (
    ANSWER_REPLY,
    CONFIG_REPLY,
    CONNECTED,
    OFFERED,
    PEER,
    SDP,
    SETTINGS,
    SpectatorByHand,
    SpectatorSituation,
    spectator_reached,
)


def test_from_the_offer_to_the_picture() -> None:
    world = spectator_reached(SpectatorSituation.CONFIGURING)
    assert world.request.url == "https://media.example/config"
    (made, offer) = world.reply(CONFIG_REPLY)
    assert made.ice.servers[0].urls == ("stun:stun.example",)
    assert offer == o.MakeOffer(PEER)
    world.step(OFFERED)
    request = world.request
    assert (request.url, request.content()) == ("https://media.example/live/s/whep", SDP.encode())
    assert request.parameter("token").reveal() == "to/ken"
    assert world.reply(ANSWER_REPLY) == [o.SetRemote(PEER, SdpKind.ANSWER, SDP)]
    outputs = world.media(*CONNECTED)
    assert outputs[-1] == o.AskKeyframe(PEER)
    assert world.the(Connect).result is None
    assert world.events == [e.StatusChanged(S.CONNECTING), e.StatusChanged(S.CONNECTED), e.Connected("")]
    world.finish()
    assert world.events[3:] == [e.StatusChanged(S.DISCONNECTED), e.Disconnected(None)]


def test_sound_is_asked_for_where_it_is_wanted() -> None:
    world = SpectatorByHand(evolve(SETTINGS, audio=True))
    world.connect()
    (made, _) = world.reply(CONFIG_REPLY)
    assert made.audio
    world.finish()


def test_the_media_server_learns_of_the_end() -> None:
    world = spectator_reached(SpectatorSituation.WATCHING)
    left = world.disconnect()
    request = world.request
    assert (request.method, request.url) == ("DELETE", "https://media.example/live/s/whep/r1")
    assert left.pending
    again = world.disconnect()
    world.reply(HttpReply(200))
    assert (left.result, again.result) == (None, None)
    assert world.spectator.state is SpectatorState.GONE
    world.finish()


def test_a_media_server_that_says_nothing_is_left_in_time() -> None:
    world = spectator_reached(SpectatorSituation.WATCHING)
    left = world.disconnect()
    world.wait(seconds(2.9))
    assert left.pending
    world.wait(seconds(0.2))
    assert left.result is None
    assert world.requests == {}


def test_a_goodbye_that_does_not_arrive_is_the_end_all_the_same() -> None:
    world = spectator_reached(SpectatorSituation.WATCHING)
    world.disconnect()
    world.fail_request()
    assert world.spectator.state is SpectatorState.GONE


@pytest.mark.parametrize("situation", list(SpectatorSituation)[1:])
@pytest.mark.parametrize("way", ["disconnect", "abandon"])
def test_it_may_leave_at_any_moment(situation: SpectatorSituation, way: str) -> None:
    world = spectator_reached(situation)
    world.give(Disconnect() if way == "disconnect" else Abandon(CommandId(1)))
    if situation is not SpectatorSituation.WATCHING:
        why = FailureKind.CLOSED_LOCALLY if way == "disconnect" else FailureKind.ABANDONED
        assert world.the(Connect).failure.kind is why
    world.finish()
    assert world.spectator.status is S.DISCONNECTED


@pytest.mark.parametrize(
    "end", [i.PeerStateChanged(PEER, PeerState.CLOSED), i.TrackDown(PEER, MediaKind.VIDEO)]
)
def test_a_media_server_that_went_silent_first_did_not_end_the_broadcast(end: Any) -> None:
    world = spectator_reached(SpectatorSituation.WATCHING)
    world.step(i.MediaSeen(PEER, 1))
    world.wait(seconds(4))
    world.step(end)
    assert world.spectator.status is S.FAILED
    (lost,) = [event.failure for event in world.events if isinstance(event, e.Disconnected)]
    assert (lost.kind, lost.code) == (FailureKind.MEDIA_FAILED, "media.lost")
    world.finish()


def test_a_caller_that_waits_for_the_end_may_be_cancelled() -> None:
    world = spectator_reached(SpectatorSituation.WATCHING)
    left = world.disconnect()
    asked = world.abandon(left)
    assert asked.result is None
    assert left.failure.kind is FailureKind.ABANDONED
    world.give(Abandon(CommandId(99)))


def test_without_ice_servers_it_goes_on_and_says_so() -> None:
    for way in ("break", "refuse", "silence"):
        world = spectator_reached(SpectatorSituation.CONFIGURING)
        if way == "break":
            world.fail_request()
        elif way == "refuse":
            world.reply(HttpReply(500))
        else:
            world.wait(seconds(5))
        assert world.spectator.state is SpectatorState.NEGOTIATING
        complaint = world.events[-1]
        assert (complaint.fatal, complaint.failure.phase) == (False, Phase.SPECTATE)
        world.finish()


@pytest.mark.parametrize(
    ("situation", "missing"),
    [
        (SpectatorSituation.OFFERING, ("local description",)),
        (SpectatorSituation.POSTING, ("answer",)),
        (SpectatorSituation.CONNECTING, ("peer connection", "video track")),
    ],
)
def test_what_never_comes_is_named(situation: SpectatorSituation, missing: tuple[str, ...]) -> None:
    world = spectator_reached(situation)
    world.wait(seconds(30))
    failure = world.the(Connect).failure
    assert (failure.kind, failure.missing) == (FailureKind.TIMED_OUT, missing)
    world.finish()


@pytest.mark.parametrize(
    "notice", [i.PeerStateChanged(PEER, PeerState.CLOSED), i.TrackDown(PEER, MediaKind.VIDEO)]
)
def test_the_end_of_the_broadcast_is_no_failure(notice: Any) -> None:
    world = spectator_reached(SpectatorSituation.WATCHING)
    world.step(notice)
    assert world.events[-2] == e.StatusChanged(S.DISCONNECTED)
    assert world.events[-1].failure.code == BROADCAST_ENDED
    request = world.request
    assert request.method == "DELETE"
    world.finish()


@pytest.mark.parametrize(
    ("notice", "code"),
    [
        (i.PeerStateChanged(PEER, PeerState.FAILED), "media.failed"),
        (i.PeerFailed(PEER, TransportError(TransportErrorKind.INTERNAL)), "network.internal"),
        (i.PeerFailed(PEER, TransportError(TransportErrorKind.TLS)), "media.dtls"),
    ],
)
def test_a_connection_that_breaks_is_a_failure(notice: Any, code: str) -> None:
    world = spectator_reached(SpectatorSituation.WATCHING)
    world.step(notice)
    status, error, gone = world.events[-3:]
    assert status.status is S.FAILED
    assert (error.fatal, error.failure.code, gone.failure.code) == (True, code, code)
    world.finish()


def test_a_connection_that_closes_before_the_picture_is_a_failure() -> None:
    world = spectator_reached(SpectatorSituation.CONNECTING)
    world.step(i.PeerStateChanged(PEER, PeerState.CLOSED))
    assert world.the(Connect).failure.code == "media.closed"
    world.finish()


def test_why_there_is_no_relay_is_a_part_of_the_error() -> None:
    world = spectator_reached(SpectatorSituation.CONNECTING)
    world.step(evolve(OFFERED, no_relay="turn:turn.example: 401 Unauthorized"))
    world.wait(seconds(60))
    failure = world.the(Connect).failure
    assert failure.message.endswith("; no TURN server gave a relay: turn:turn.example: 401 Unauthorized")
    world.finish()


def test_an_interruption_may_heal() -> None:
    world = spectator_reached(SpectatorSituation.WATCHING)
    world.step(i.PeerStateChanged(PEER, PeerState.DISCONNECTED))
    world.step(i.MediaSeen(PEER, 5))
    assert world.spectator.status is S.RECONNECTING
    world.wait(seconds(2))
    world.step(i.PeerStateChanged(PEER, PeerState.CONNECTED))
    assert world.spectator.status is S.CONNECTED
    world.wait(seconds(60))
    assert world.spectator.state is SpectatorState.WATCHING
    world.step(i.PeerStateChanged(PEER, PeerState.DISCONNECTED))
    world.wait(seconds(15))
    assert world.events[-1].failure.code == "media.interrupted"
    world.finish()


@pytest.mark.parametrize(
    "report",
    [
        i.ChannelUp(PEER, FROM_STREAMER, 1000),
        i.ChannelText(PEER, FROM_STREAMER, "{}"),
        i.TrackUp(PEER, MediaKind.AUDIO),
        i.TrackDown(PEER, MediaKind.AUDIO),
        i.LocalDescription(PEER, SdpKind.ANSWER, SDP),
        OFFERED,
        i.TrackDown(i.PeerId(9), MediaKind.VIDEO),
        i.SocketText(i.SocketId(1), "{}"),
        i.FetchEnded(i.FetchId(1)),
    ],
)
@pytest.mark.parametrize("situation", [SpectatorSituation.CONNECTING, SpectatorSituation.WATCHING])
def test_what_does_not_concern_a_spectator_is_nothing(situation: SpectatorSituation, report: Any) -> None:
    world = spectator_reached(situation)
    assert world.step(report) == []
    world.finish()


def test_a_connection_that_is_there_before_the_answer_is_used_with_it() -> None:
    world = spectator_reached(SpectatorSituation.POSTING)
    world.step(i.TrackUp(PEER, MediaKind.VIDEO))
    world.step(i.PeerStateChanged(PEER, PeerState.CONNECTED))
    assert world.spectator.state is SpectatorState.NEGOTIATING
    assert world.reply(ANSWER_REPLY)[-1] == o.AskKeyframe(PEER)
    world.finish()


def test_a_freeze_is_reported() -> None:
    world = spectator_reached(SpectatorSituation.WATCHING)
    world.wait(seconds(3))
    assert world.events[-1] == e.FramesStalled(0)
    world.step(i.MediaSeen(PEER, 7))
    assert world.events[-1] == e.FramesResumed(7)
    world.finish()


def test_what_it_cannot_do_is_refused_and_changes_nothing() -> None:
    world = SpectatorByHand()
    for what in (StartStream("A cat"), Connect()):
        if isinstance(what, Connect):
            world.connect()
        with pytest.raises(LocalProtocolError):
            world.give(what)
    assert world.spectator.state is SpectatorState.PREPARING
    world.finish()


def test_an_address_that_is_none_is_refused_at_once() -> None:
    spectator = Spectator(SpectatorSettings(webrtc_url="nowhere at all", token=Secret("t")))
    with pytest.raises(LocalProtocolError):
        spectator.step(Instant(0), Command(CommandId(1), Connect()))
    assert spectator.state is SpectatorState.IDLE


def test_leaving_before_or_after_everything_is_done_at_once() -> None:
    world = SpectatorByHand()
    assert world.disconnect().result is None
    assert repr(world.spectator) == "<Spectator idle>"
    late = spectator_reached(SpectatorSituation.WATCHING)
    late.finish()
    assert late.disconnect().result is None
    late.step(i.PeerStateChanged(PEER, PeerState.FAILED))
    late.step(i.Replied(1, CONFIG_REPLY))  # type: ignore[arg-type]  # a name of its own


def test_nothing_secret_is_shown() -> None:
    assert "to/ken" not in repr(SETTINGS) + repr(spectator_reached(SpectatorSituation.POSTING).requests)


def test_a_channel_that_nobody_asked_for_is_reported() -> None:
    world = spectator_reached(SpectatorSituation.WATCHING)
    world.media(i.ChannelDown(PEER, "strange"))
    assert (world.events[-1].failure.code, world.events[-1].fatal) == ("channel.unknown", False)
    world.finish()
