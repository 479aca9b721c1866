"""Streams: start, interact and end, and who learns when one does not go well."""

from typing import Any

import pytest

from odyssey_proto.kernel.failures import FailureKind, LocalProtocolError, Phase
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import stream
from odyssey_proto.model import events as e
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam.commands import EndStream, Interact, StartStream
from odyssey_proto.testing.situations import connected, streaming


def test_a_stream_from_start_to_end() -> None:
    world = streaming()
    assert world.the(StartStream).result == "stream-1"
    assert world.client.last_applied_prompt == "A fine cat"
    prompt = world.interact("Pet the cat")
    world.streamer_says(stream.UpdateAcknowledged("A petted cat"))
    assert prompt.result == "A petted cat"
    assert world.client.last_applied_prompt == "A petted cat"
    end = world.end()
    world.streamer_says(stream.StreamEnded())
    assert end.result is None
    assert [type(event) for event in world.events[-3:]] == [
        e.StreamStarted,
        e.InteractAcknowledged,
        e.StreamEnded,
    ]
    start = world.start("A dog")
    world.streamer_says(stream.StreamStarted("stream-2"))
    assert start.result == "stream-2"
    world.finish()


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (stream.StreamEnded(), FailureKind.STREAM_ENDED),
        (stream.InteractiveStreamError("moderation_failed", "no"), FailureKind.STREAM_REFUSED),
        (stream.InteractiveStreamError("session_timeout", "over"), FailureKind.USAGE_LIMIT),
    ],
)
def test_the_end_of_a_stream_finishes_everyone_who_waits(message: Any, why: FailureKind) -> None:
    world = streaming()
    prompt = world.interact("one")
    end = world.end()
    world.streamer_says(message)
    assert prompt.failure.kind is why
    assert not end.pending


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (stream.StreamEnded(), FailureKind.STREAM_ENDED),
        (stream.InteractiveStreamError("moderation_failed", "no"), FailureKind.STREAM_REFUSED),
        (stream.InteractiveStreamError("quota_exceeded", "over"), FailureKind.USAGE_LIMIT),
    ],
)
def test_the_end_of_a_stream_that_starts_ends_its_start(message: Any, why: FailureKind) -> None:
    world = connected()
    first_start = world.start("A cat")
    world.streamer_says(message)
    assert first_start.failure.kind is why
    second_start = world.start("A dog")
    world.streamer_says(stream.StreamStarted("stream-2"))
    assert second_start.result == "stream-2"
    world.finish()


@pytest.mark.parametrize(
    ("what", "phase", "patience"),
    [(Interact("x"), Phase.INTERACT, 30), (EndStream(), Phase.END, 15)],
)
def test_a_silent_streamer_is_not_waited_for_for_ever(what: Any, phase: Phase, patience: float) -> None:
    world = streaming()
    command = world.give(what)
    world.wait(seconds(patience))
    assert (command.failure.kind, command.failure.phase) == (FailureKind.TIMED_OUT, phase)
    world.finish()


def test_a_start_that_nobody_waits_for_is_taken_back() -> None:
    world = connected()
    first_start = world.start("A cat")
    world.wait(seconds(60))
    assert first_start.failure.phase is Phase.START
    assert world.sent[-1] == stream.InteractiveStreamEnd()
    second_start = world.start("A dog")
    assert second_start.pending, "it waits until the last stream has ended"
    world.streamer_says(stream.StreamStarted("stream-1"))
    world.streamer_says(stream.StreamEnded())
    world.streamer_says(stream.StreamStarted("stream-2"))
    assert second_start.result == "stream-2"
    world.finish()


def test_a_start_whose_caller_never_knew_of_it_is_taken_back() -> None:
    world = streaming()
    world.abandon(world.the(StartStream))
    assert world.sent[-1] == stream.InteractiveStreamEnd()
    world.abandon(world.the(StartStream))
    assert world.sent.count(stream.InteractiveStreamEnd()) == 1
    world.streamer_says(stream.StreamEnded())
    world.finish()


def test_an_end_that_is_on_its_way_is_not_asked_for_again() -> None:
    world = streaming()
    first_end = world.end()
    second_end = world.end()
    assert world.sent.count(stream.InteractiveStreamEnd()) == 1
    world.streamer_says(stream.StreamEnded())
    assert (first_end.outcome, second_end.outcome) == (None, None)
    start = world.start()
    world.streamer_says(stream.StreamStarted("stream-2"))
    assert start.result == "stream-2"
    world.finish()


@pytest.mark.parametrize("late", [True, False])
def test_an_end_that_had_to_be_asked_for_twice_ends_no_other_stream(late: bool) -> None:
    world = streaming()
    world.end()
    world.wait(seconds(15))
    end = world.end()
    assert world.sent.count(stream.InteractiveStreamEnd()) == 2
    world.streamer_says(stream.StreamEnded())
    assert end.result is None
    start = world.start()
    if late:
        world.streamer_says(stream.StreamEnded())
    assert start.pending
    world.streamer_says(stream.StreamStarted("stream-2"))
    assert start.result == "stream-2"
    world.streamer_says(stream.StreamEnded())
    assert world.events[-1] == e.StreamEnded()
    world.finish()


@pytest.mark.parametrize("times", [1, 2, 5])
def test_an_end_that_comes_again_ends_no_other_stream(times: int) -> None:
    world = streaming()
    world.end()
    world.streamer_says(stream.StreamEnded())
    start = world.start()
    for _ in range(times):
        world.streamer_says(stream.StreamEnded())
    assert start.pending
    world.streamer_says(stream.StreamStarted("stream-2"))
    assert start.result == "stream-2"
    world.streamer_says(stream.StreamEnded())
    assert world.events[-1] == e.StreamEnded()
    world.finish()


def test_a_start_that_is_overtaken_by_its_end_is_taken_back_again() -> None:
    world = connected()
    first_start = world.start("A cat", image="R0lGODlh")
    world.abandon(first_start)
    said = [message for message in world.sent if message == stream.InteractiveStreamEnd()]
    world.streamer_says(stream.StreamEnded())
    world.streamer_says(stream.StreamStarted("stream-1"))
    assert [message for message in world.sent if message == stream.InteractiveStreamEnd()] == [
        *said,
        said[0],
    ]
    world.streamer_says(stream.StreamEnded())
    second_start = world.start("A dog")
    world.streamer_says(stream.StreamStarted("stream-2"))
    assert second_start.result == "stream-2"
    world.finish()


def test_a_held_start_may_be_abandoned_or_expire() -> None:
    world = streaming()
    world.end()
    first_start = world.start("next")
    world.abandon(first_start)
    assert first_start.failure.kind is FailureKind.ABANDONED
    second_start = world.start("later")
    world.wait(seconds(60))
    assert second_start.failure.missing == ("end of the last stream",)
    world.finish()


def test_what_the_state_forbids_is_refused_at_once() -> None:
    world = connected()
    for what, words in (
        (Interact("x"), "no stream is running"),
        (StartStream("x"), None),
        (StartStream("y"), "already starting"),
    ):
        if words is None:
            world.give(what)
            continue
        with pytest.raises(LocalProtocolError, match=words):
            world.give(what)
    world.streamer_says(stream.StreamStarted("s"))
    with pytest.raises(LocalProtocolError, match="already running"):
        world.give(StartStream("z"))


def test_ending_without_a_stream_is_no_error() -> None:
    world = connected()
    end = world.end()
    assert end.result is None
    assert world.sent == []


def test_the_size_of_a_message_is_tested_at_the_byte() -> None:
    world = streaming()
    room = 200 - len(stream.encode(stream.Update("")).encode())
    world.interact("x" * room)
    world.interact("é" * (room // 2))
    assert world.sent[-2:] == [stream.Update("x" * room), stream.Update("é" * (room // 2))]
    with pytest.raises(LocalProtocolError, match="201 bytes") as caught:
        world.give(Interact("x" * (room + 1)))
    assert caught.value.failure.kind is FailureKind.INVALID
    with pytest.raises(LocalProtocolError, match="bytes"):
        world.give(Interact("é" * (room // 2 + 1)))


def test_a_start_that_the_channel_cannot_take_goes_over_signaling() -> None:
    world = connected()
    world.start("x" * 300)
    assert world.signaled[-1].prompt == "x" * 300
    assert world.sent == []


def test_a_start_with_an_image_always_goes_over_signaling() -> None:
    world = connected()
    start = world.start("x", image="data:image/png;base64,AA")
    assert world.signaled[-1].image == "data:image/png;base64,AA"
    world.streamer_says(stream.StreamStarted("stream-1"))
    assert start.result == "stream-1"


def test_broadcast_facts_are_reported_and_its_secret_is_hidden() -> None:
    world = streaming()
    world.streamer_says(stream.BroadcastReady("https://w.example/live/1", Secret("spectator-7f3a"), None))
    ready = world.events[-1]
    assert ready.info.spectator_token == "spectator-7f3a"
    assert "7f3a" not in repr(ready)
    world.streamer_says(stream.BroadcastReady("https://w.example/live/1", None, None))
    assert world.events[-1].reason == "broadcast_error"
    assert (world.events[-1].ends, world.events[-1].answered) == (False, False)
    assert "spectator_token" in world.events[-1].message


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"type": "stream_started"}', '{"type": "stream_started", "stream_id": 7}']
)
def test_a_malformed_stream_message_is_reported_and_survived(text: str) -> None:
    world = streaming()
    world.streamer_says(text)
    assert world.events[-1].failure.code == "stream.malformed"
    assert world.client.status is S.CONNECTED


@pytest.mark.parametrize("stream_id", ['"../escaped"', '"a/b"', '""', "7", "null"])
def test_a_stream_whose_id_is_none_fails_its_start_and_is_taken_back(stream_id: str) -> None:
    world = connected()
    start = world.start("A cat")
    world.streamer_says(f'{{"type": "stream_started", "stream_id": {stream_id}}}')
    assert (start.failure.code, start.failure.phase) == ("stream.malformed", Phase.START)
    assert world.sent[-1] == stream.InteractiveStreamEnd()
    world.streamer_says(stream.StreamEnded())
    again = world.start("A dog")
    world.streamer_says(stream.StreamStarted("stream-2"))
    assert again.result == "stream-2"
    world.finish()


def test_an_acknowledgement_that_cannot_be_read_fails_the_prompt_that_it_answers() -> None:
    world = streaming()
    one, two = world.interact("one"), world.interact("two")
    world.streamer_says('{"type": "update_acknowledged", "prompt": 1}')
    assert (one.failure.code, one.failure.phase) == ("stream.malformed", Phase.INTERACT)
    world.streamer_says(stream.UpdateAcknowledged("TWO"))
    assert two.result == "TWO"
