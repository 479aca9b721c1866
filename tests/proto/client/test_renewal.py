"""A session near a limit of time is replaced while it runs: the picture changes over when the next shows."""

import json
from typing import Any

import pytest
from attrs import evolve

from odyssey_proto.client.client import Client
from odyssey_proto.client.live.negotiation import MAX_OFFERS
from odyssey_proto.client.recovery.successor import MAX_HELD_EVENTS
from odyssey_proto.conversations import Side
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.stream import FROM_STREAMER
from odyssey_proto.model import events as e
from odyssey_proto.model.config import AdvancedConfig, Limits, ReconnectPolicy, Timeouts
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam.commands import EndStream, Interact, StartStream
from odyssey_proto.seam.inputs import (
    ChannelText,
    LocalDescription,
    MediaSeen,
    PeerId,
    SocketClosed,
    SocketId,
    SocketText,
)
from odyssey_proto.seam.outputs import ChannelSend, DropPeer, MakePeer, ShowPeer
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.live.streamer import expanded
from odyssey_proto.service.service import Service
from odyssey_proto.testing.fake_media import describe
from odyssey_proto.testing.world import SETTINGS, World

AHEAD = 20
LIMIT = 100
POLICY = ReconnectPolicy(renew_before=AHEAD, first_delay=1, longest_delay=1)
LIMITS = Limits(stream=None, connection=LIMIT)
DUE = seconds(LIMIT - AHEAD)


def world_of(capacity: int = 2, policy: ReconnectPolicy = POLICY) -> World:
    """Returns a connected client and a service whose connections last for a hundred seconds."""
    patience = {"advanced": AdvancedConfig(queue_timeout_s=3), "timeouts": Timeouts(negotiate=3, start=3)}
    client = Client(evolve(SETTINGS, reconnect=policy, limits=LIMITS, **patience))
    config = ServiceConfig(capacity=capacity, connection_seconds=LIMIT, stream_seconds=1000)
    world = World(client, Service(config, seed=b"service"), frames_every=seconds(1))
    assert world.connect().result is None
    return world


def streaming(capacity: int = 2, policy: ReconnectPolicy = POLICY) -> World:
    """Returns one whose stream runs, just before its session is renewed."""
    world = world_of(capacity, policy)
    world.start("A cat", portrait=False)
    world.run(DUE, until=lambda: world.now > DUE)
    world.expect(*world.events)
    return world


def left(world: World) -> None:
    """Leaves; nothing may be left on either side then."""
    world.disconnect()
    world.wait(seconds(60))
    world.obligations.settled()
    assert "0 of" in repr(world.service), "no session is left behind"


def order_of(world: World, *kinds: type[Any]) -> list[Any]:
    """Returns the outputs of these classes in order, without their fields."""
    return [type(output) for step in world.steps for output in step.outputs if isinstance(output, kinds)]


def test_the_picture_changes_over_when_the_new_stream_shows() -> None:
    world = streaming()
    before = world.client.session_id
    world.wait(seconds(15))
    world.expect(e.StreamStarted, e.Renewed)
    (renewed,) = world.events_of(e.Renewed)
    assert renewed.session_id == world.client.session_id != before
    assert renewed.stream_id == world.events_of(e.StreamStarted)[-1].stream_id
    assert world.statuses[-1] is S.CONNECTED
    assert [peer.spare for peer in world.outputs(MakePeer)] == [False, True]
    assert order_of(world, ShowPeer, DropPeer) == [ShowPeer, DropPeer], "make before break"
    shown = next(step.at for step in world.steps for output in step.outputs if isinstance(output, ShowPeer))
    frames = [step.at for step in world.steps if isinstance(step.input, MediaSeen) and step.input.peer == 2]
    assert shown == frames[-1] or frames.index(shown) >= 1, "what is counted twice is of the new stream"
    left(world)


def test_no_session_is_held_twice_for_longer_than_the_exchange_needs() -> None:
    world = streaming()
    held: list[tuple[Span, int]] = []
    for _ in range(400):
        world.wait(seconds(0.1))
        held.append((Span(world.now), sum(world.obligations.sockets.values())))
    twice = [at for at, count in held if count > 1]
    assert 0 < twice[-1] - twice[0] < seconds(4)
    assert max(count for _, count in held) == 2
    left(world)


def test_a_session_is_renewed_again_and_again() -> None:
    world = streaming()
    world.wait(seconds(600))
    assert len(world.events_of(e.Renewed)) == 8
    assert world.events_of(e.Reconnecting) == []
    assert world.client.status is S.CONNECTED
    left(world)


@pytest.mark.parametrize("gap", [0.4, 0.9, 1.5])
def test_who_steers_again_and_again_is_renewed_as_well(gap: float) -> None:
    world = streaming()
    for number in range(int(15 / gap)):
        world.interact(f"prompt {number}")
        world.wait(seconds(gap))
    assert world.events_of(e.Renewed)
    assert world.events_of(e.Reconnecting) == world.events_of(e.ErrorHappened) == []
    left(world)


def test_a_streamer_that_never_stops_talking_fills_no_memory_meanwhile() -> None:
    world = streaming()
    world.run(seconds(9), until=lambda: streamer_said(world, 2))
    for _ in range(2 * MAX_HELD_EVENTS):
        world.step(ChannelText(PeerId(2), FROM_STREAMER, "nonsense"))
    world.wait(seconds(9))
    assert world.events_of(e.Renewed)
    assert len(world.events_of(e.ErrorHappened)) <= MAX_HELD_EVENTS
    left(world)


def test_a_renewal_after_an_interruption_that_passed_announces_no_status() -> None:
    world = streaming()
    before = len(world.events_of(e.StatusChanged))
    offer = signaling.encode(signaling.Offer(describe("streamer")))
    world.step(SocketText(SocketId(1), offer))
    world.wait(seconds(30))
    assert world.events_of(e.Renewed)
    statuses = [event.status for event in world.events_of(e.StatusChanged)[before:]]
    assert statuses == [S.RECONNECTING, S.CONNECTED], "and none at the exchange"
    left(world)


def test_a_session_without_a_stream_is_renewed_as_well() -> None:
    world = world_of()
    world.wait(seconds(90))
    (renewed,) = world.events_of(e.Renewed)
    assert renewed.stream_id is None
    assert world.start("A cat").result
    left(world)


def test_a_renewal_that_fails_is_tried_again_and_the_old_session_goes_on() -> None:
    world = streaming(capacity=1, policy=evolve(POLICY, per_loss=3))
    world.wait(seconds(10))
    assert world.interact("Pet the cat").result == expanded("Pet the cat")
    world.wait(seconds(5))
    refused = world.events_of(e.ErrorHappened)
    assert [(event.failure.code, event.fatal) for event in refused] == [("timeout.queue", False)] * 3
    assert world.events_of(e.Renewed) == []
    world.wait(seconds(30))
    assert restored_prompt(world) == expanded("Pet the cat"), "the limit came, and that was a loss"
    left(world)


def restored_prompt(world: World) -> str:
    """Returns the prompt of the last stream that was started again."""
    assert world.events_of(e.Restored)
    starts = [output.text for output in world.outputs(ChannelSend) if "stream_start" in output.text]
    prompt: str = json.loads(starts[-1])["prompt"]
    return prompt


REFUSED = stream.encode(stream.InteractiveStreamError("moderation_failed", "no"))
ENDED = stream.encode(stream.StreamEnded())


@pytest.mark.parametrize("lost", [SocketText, LocalDescription, ChannelText, MediaSeen])
def test_a_new_session_that_does_not_come_to_show_is_given_up(lost: type[Any]) -> None:
    world = streaming()
    before = world.client.session_id

    def rule(side: Side, inp: Any) -> Any:
        new = getattr(inp, "peer", None) not in (None, PeerId(1)) or getattr(inp, "socket", 1) != 1
        return None if side is Side.CLIENT and isinstance(inp, lost) and new else inp

    world.intercept(rule)
    world.wait(seconds(AHEAD - 1))
    errors = world.events_of(e.ErrorHappened)
    assert errors
    assert not any(event.fatal for event in errors)
    assert world.client.session_id == before
    assert world.outputs(ShowPeer) == []
    left(world)


@pytest.mark.parametrize("said", [(REFUSED,), (ENDED,)])
def test_a_new_stream_that_is_refused_or_ends_early_is_not_shown(said: tuple[str, ...]) -> None:
    world = streaming()
    before = world.client.session_id

    def rule(side: Side, inp: Any) -> Any:
        started = isinstance(inp, ChannelText) and "stream_started" in inp.text
        if side is Side.CLIENT and started and inp.peer == PeerId(2):
            return evolve(inp, text=REFUSED) if REFUSED in said else inp
        return inp

    world.intercept(rule)
    if ENDED in said:
        world.run(seconds(9), until=lambda: streamer_said(world, 2))
        world.step(ChannelText(PeerId(2), FROM_STREAMER, ENDED))
    world.run(seconds(9), until=lambda: bool(world.events_of(e.ErrorHappened)))
    (error,) = world.events_of(e.ErrorHappened)
    assert not error.fatal
    assert world.client.session_id == before
    assert world.events_of(e.StreamFailed) == world.events_of(e.StreamEnded) == []
    left(world)


def streamer_said(world: World, peer: int) -> bool:
    """Tells whether a streamer has said something."""
    return any(isinstance(step.input, ChannelText) and step.input.peer == peer for step in world.steps)


def test_the_session_may_be_lost_while_its_successor_comes_up() -> None:
    for moment in (0.01, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.5, 1.0, 1.5, 2.0):
        world = streaming()
        world.wait(seconds(moment))
        world.step(SocketClosed(SocketId(1), 1011))
        world.wait(seconds(30))
        assert world.client.status is S.CONNECTED
        assert len(world.events_of(e.Restored)) + len(world.events_of(e.Renewed)) >= 1
        shown = [output.peer for output in world.outputs(ShowPeer)]
        spare = [output.peer for output in world.outputs(MakePeer) if output.spare]
        assert shown == spare, "a peer that was made as a spare one is shown"
        left(world)


@pytest.mark.parametrize("moment", [0, 0.05, 0.1, 0.2, 0.5, 1, 1.5, 2, 2.5])
def test_what_is_asked_for_meanwhile_is_shown_in_the_new_session(moment: float) -> None:
    world = streaming()
    world.wait(seconds(moment))
    prompt = world.give(Interact("Pet the cat"))
    world.wait(seconds(20))
    assert prompt.result == expanded("Pet the cat")
    assert [event.prompt for event in world.events_of(e.InteractAcknowledged)] == [prompt.result]
    assert world.events_of(e.Renewed)
    texts = [output.text for output in world.outputs(ChannelSend) if output.peer == 2]
    said = [message.prompt for message in map(stream.decode, texts) if hasattr(message, "prompt")]
    assert "Pet the cat" in said[-1]
    left(world)


def test_a_prompt_of_which_nothing_was_left_is_not_sent_to_the_new_session() -> None:
    world = streaming()

    def rule(side: Side, inp: Any) -> Any:
        acknowledged = isinstance(inp, ChannelText) and "update_acknowledged" in inp.text
        return evolve(inp, text=stream.encode(stream.UpdateAcknowledged(" "))) if acknowledged else inp

    world.intercept(rule)
    world.run(seconds(9), until=lambda: streamer_said(world, 2))
    assert world.interact("Pet the cat").result == " "
    world.wait(seconds(9))
    assert world.events_of(e.Renewed)
    assert not [
        output for output in world.outputs(ChannelSend) if output.peer == 2 and "update" in output.text
    ]
    left(world)


@pytest.mark.parametrize("moment", [0, 0.05, 0.1, 0.2, 0.5, 1, 1.5, 2, 2.5])
def test_a_stream_that_ends_meanwhile_is_not_shown(moment: float) -> None:
    world = streaming()
    world.wait(seconds(moment))
    end = world.give(EndStream())
    world.wait(seconds(20))
    assert end.result is None
    (renewed,) = world.events_of(e.Renewed)
    ended = len(world.events_of(e.StreamEnded))
    assert renewed.stream_id is None or ended
    start = world.give(StartStream("A dog"))
    world.wait(seconds(1))
    assert start.result
    left(world)


@pytest.mark.parametrize("moment", [0, 0.05, 0.1, 0.2, 0.5, 1, 1.5, 2, 2.5])
def test_leaving_leaves_both(moment: float) -> None:
    world = streaming()
    world.wait(seconds(moment))
    left(world)


def test_a_final_loss_leaves_both() -> None:
    world = streaming()
    world.run(seconds(5), until=lambda: len(world.outputs(MakePeer)) == 2)
    for _ in range(MAX_OFFERS + 1):
        world.step(SocketText(SocketId(1), signaling.encode(signaling.Offer(describe("streamer")))))
    assert world.client.status is S.FAILED
    assert world.events_of(e.Reconnecting) == [], "what breaks the protocol is not tried again"
    left(world)


def test_a_limit_must_leave_room_for_a_renewal() -> None:
    with pytest.raises(ValueError, match=r"less than Limits\.connection, which is 100 s"):
        evolve(SETTINGS, reconnect=ReconnectPolicy(renew_before=100), limits=LIMITS)
    evolve(SETTINGS, reconnect=ReconnectPolicy(renew_before=100), limits=Limits(stream=None, connection=None))
