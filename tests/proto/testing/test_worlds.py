"""The words in which tests of the core are written: what they expect is held, and what they do happens."""

import pytest

from odyssey_proto.conversations import Side
from odyssey_proto.kernel.failures import FailureKind, LocalProtocolError
from odyssey_proto.kernel.machine import Span, millis, seconds
from odyssey_proto.messages.stream import UpdateAcknowledged
from odyssey_proto.model import events as e
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.model.recordings import RecordingFile
from odyssey_proto.seam.commands import Connect, Disconnect, Download
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import (
    ChannelText,
    PeerState,
    PeerStateChanged,
    SocketText,
    TransportErrorKind,
    Wake,
)
from odyssey_proto.seam.outputs import StoreBody
from odyssey_proto.testing.actions import (
    Action,
    Bring,
    EndFetch,
    ExtraWake,
    FailFetch,
    FetchBytes,
    Give,
    GoesWell,
    Jump,
    Media,
    OpenFetch,
    perform,
)
from odyssey_proto.testing.by_hand import PEER, ClientByHand
from odyssey_proto.testing.situations import Situation, reached, streaming
from odyssey_proto.testing.spectator_by_hand import SpectatorByHand
from odyssey_proto.testing.world import World

# --- transcripts ----------------------------------------------------------------------------------


def test_events_are_expected_in_order_and_all_of_them() -> None:
    world = World()
    world.expect()
    world.connect()
    session = e.Connected(world.client.session_id or "")
    world.expect(e.StatusChanged, e.StatusChanged, e.StatusChanged(S.CONNECTING), e.StatusChanged, session)
    world.expect()
    world.disconnect()
    for wrong in ((), (e.Disconnected,), (e.StatusChanged, e.Connected), (e.StatusChanged,) * 3):
        other = World()
        other.connect()
        other.expect(*map(type, other.events))
        other.disconnect()
        with pytest.raises(AssertionError):
            other.expect(*wrong)
    world.expect(e.StatusChanged(S.DISCONNECTED), e.Disconnected())


def test_a_command_says_what_became_of_it() -> None:
    world = ClientByHand()
    connect = world.connect()
    with pytest.raises(AssertionError, match="has not ended"):
        _ = connect.result
    with pytest.raises(AssertionError, match="did not fail"):
        _ = connect.failure
    world.wait(seconds(1))
    world.reply(HttpReply(403))
    assert connect.failure.kind is FailureKind.AUTH_REFUSED
    assert connect.ended_at == seconds(1)
    with pytest.raises(AssertionError, match="failed"):
        _ = connect.result
    with pytest.raises(LocalProtocolError):
        world.interact("nobody is there")
    assert [command.what for command in world.commands] == [Connect()], "what was refused was not given"


# --- what is on its way ---------------------------------------------------------------------------


def test_a_message_is_lost_as_often_as_a_test_says() -> None:
    world = World()
    world.connect()
    world.start("A cat")
    world.drop(ChannelText, times=1)
    assert world.interact("one").failure.kind is FailureKind.TIMED_OUT
    world.wait(seconds(60))
    assert world.interact("two").result.startswith("two")


def test_a_message_is_replaced_on_its_way() -> None:
    world = World()
    world.connect()
    world.start("A cat")
    acknowledged = '{"type":"update_acknowledged","prompt":"something else"}'
    world.replace(ChannelText, lambda inp: ChannelText(inp.peer, inp.label, acknowledged))
    assert world.interact("one").result == "something else"


def test_what_is_lost_to_one_side_arrives_at_the_other() -> None:
    world = World(delay=millis(1))
    world.drop(SocketText, to=Side.SERVER)
    failure = world.connect().failure
    assert failure.kind is FailureKind.TIMED_OUT
    assert any(isinstance(step.input, SocketText) for step in world.steps)
    assert not any(isinstance(step.input, SocketText) for step in world.service_steps)


# --- by hand --------------------------------------------------------------------------------------


def test_media_connects() -> None:
    world = reached(Situation.NEGOTIATING)
    world.media_connects()
    assert world.client.status is S.CONNECTED
    world.finish()


def test_a_peer_that_is_given_up_while_it_connects_hears_no_more() -> None:
    world = streaming()
    world.media(PeerStateChanged(PEER, PeerState.CLOSED))
    world.goes_well()
    assert world.streamer_says(UpdateAcknowledged("late")) == []
    world.finish()


@pytest.mark.parametrize("situation", Situation)
def test_every_situation_is_what_it_says_it_is(situation: Situation) -> None:
    world = reached(situation)
    asked = {
        Situation.AUTHENTICATING: ["/auth/token"],
        Situation.LISTING_REGIONS: ["/regions"],
        Situation.PINGING_REGIONS: ["/"],
        Situation.QUEUEING: ["/sessions/request"],
        Situation.PREPARING: ["/sessions/token", "/config"],
        Situation.HALF_PREPARED: ["/config"],
    }
    assert world.paths == asked.get(situation, [])
    assert list(world.sockets.values()) == (
        [situation.value > Situation.OPENING_SOCKET.value]
        if situation.value >= Situation.HALF_PREPARED.value
        else []
    )
    assert bool(world.peers) == (situation.value >= Situation.OPENING_SOCKET.value)
    world.finish()


def downloading() -> ClientByHand:
    world = ClientByHand()
    world.give(Download("stream-1", RecordingFile.VIDEO, seconds(60)))
    world.goes_well()
    world.goes_well()
    assert world.obligations.fetches
    return world


def test_a_download_goes_well_action_by_action() -> None:
    world = downloading()
    head = HttpReply(200, (("content-length", "10"), ("etag", '"v1"')))
    for action in (OpenFetch(0, head), FetchBytes(0, 10), EndFetch(0)):
        perform(world, action)
    assert len(world.outputs(StoreBody)) == 1
    assert world.the(Download).result is None
    world.finish()


def test_a_download_that_breaks_is_tried_again() -> None:
    world = downloading()
    perform(world, FailFetch(0, TransportErrorKind.CLOSED))
    assert not world.obligations.fetches
    assert world.the(Download).pending
    world.finish()


@pytest.mark.parametrize(
    "action",
    [
        OpenFetch(0, HttpReply(200)),
        FetchBytes(0, 1),
        EndFetch(0),
        FailFetch(0, TransportErrorKind.CLOSED),
        Media(PeerStateChanged(PEER, PeerState.FAILED)),
        Give(Disconnect()),
    ],
    ids=lambda action: type(action).__name__,
)
def test_what_is_not_possible_does_not_happen(action: Action) -> None:
    world = ClientByHand()
    perform(world, action)
    assert [step for step in world.steps if not hasattr(step.input, "what")] == []


def test_nothing_more_goes_well_when_nothing_is_under_way() -> None:
    spectator = SpectatorByHand()
    perform(spectator, GoesWell())
    assert spectator.steps == []
    perform(spectator, Bring(Wake()))
    assert [step.input for step in spectator.steps] == [Wake()]
    assert spectator.jump(Span(5)) is None
    spectator.finish()


def test_an_extra_wake_is_none_where_a_timer_is_overdue() -> None:
    world = reached(Situation.QUEUEING)
    perform(world, ExtraWake())
    assert isinstance(world.steps[-1].input, Wake)
    steps = len(world.steps)
    perform(world, Jump(seconds(3600)))
    perform(world, ExtraWake())
    assert len(world.steps) == steps, "a step would carry out what is due"
    world.finish()
