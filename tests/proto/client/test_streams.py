"""Streams: start, interact, end, and everything the streamer may say about them."""

from collections.abc import Callable
from typing import Any

import pytest

from odyssey_proto.kernel.failures import FailureKind, LocalProtocolError, Phase
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import stream
from odyssey_proto.model import events as e
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.model.quality import LimitingFactor
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import (
    EndStream,
    Interact,
    StartStream,
)
from odyssey_proto.testing.by_hand import PEER, ClientByHand
from odyssey_proto.testing.situations import connected, streaming
from odyssey_proto.testing.transcript import IssuedCommand


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


def test_each_interact_gets_its_own_acknowledgement() -> None:
    world = streaming()
    prompts = [world.interact(text) for text in ("one", "two", "three")]
    for text in ("ONE", "TWO", "THREE"):
        world.streamer_says(stream.UpdateAcknowledged(text))
    assert [prompt.result for prompt in prompts] == ["ONE", "TWO", "THREE"]


def test_a_late_acknowledgement_is_not_taken_for_the_next() -> None:
    world = streaming()
    first_prompt = world.interact("one")
    world.wait(seconds(30))
    assert first_prompt.failure.kind is FailureKind.TIMED_OUT
    second_prompt = world.interact("two")
    world.streamer_says(stream.UpdateAcknowledged("ONE"))
    assert second_prompt.pending
    world.streamer_says(stream.UpdateAcknowledged("TWO"))
    assert second_prompt.result == "TWO"


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


def test_after_an_error_in_a_live_stream_everything_is_worth_a_try() -> None:
    world = streaming()
    world.interact("bad words")
    world.streamer_says(stream.InteractiveStreamError("moderation_failed", "no"))
    prompt = world.interact("good words")
    world.streamer_says(stream.UpdateAcknowledged("Good words"))
    assert prompt.result == "Good words"


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


def failing(reason: str) -> stream.InteractiveStreamError:
    return stream.InteractiveStreamError(reason, "words")


def nothing(world: ClientByHand) -> None:
    pass


def a_prompt(world: ClientByHand) -> None:
    world.interact("x")


def two_prompts(world: ClientByHand) -> None:
    world.interact("x")
    world.interact("y")


def a_prompt_given_up(world: ClientByHand) -> None:
    world.abandon(world.interact("x"))


def an_end(world: ClientByHand) -> None:
    world.end()


def an_end_and_a_start(world: ClientByHand) -> None:
    world.end()
    world.start("y")


@pytest.mark.parametrize(
    ("waiting", "seconds_later", "reason", "ends", "answered"),
    [
        pytest.param(nothing, 0, "model_crashed", None, False, id="by itself, nothing known"),
        pytest.param(nothing, 0, "session_timeout", True, False, id="by itself, a limit"),
        pytest.param(nothing, 0, "broadcast_error", False, False, id="by itself, for spectators only"),
        pytest.param(a_prompt, 0, "moderation_failed", False, True, id="a prompt waits"),
        pytest.param(a_prompt, 0, "quota_exceeded", True, True, id="a prompt waits, a limit"),
        pytest.param(
            two_prompts,
            0,
            "model_crashed",
            False,
            True,
            id="two prompts wait",
        ),
        pytest.param(
            a_prompt,
            30,
            "moderation_failed",
            None,
            False,
            id="late, after a timeout",
        ),
        pytest.param(
            a_prompt_given_up,
            0,
            "moderation_failed",
            None,
            False,
            id="given up",
        ),
        pytest.param(an_end, 0, "model_crashed", True, True, id="an end waits"),
        pytest.param(an_end, 15, "model_crashed", True, False, id="late, after an end"),
        pytest.param(
            an_end_and_a_start,
            0,
            "model_crashed",
            True,
            True,
            id="a start is deferred",
        ),
    ],
)
def test_a_stream_error_tells_what_is_known(
    waiting: Callable[[ClientByHand], None],
    seconds_later: float,
    reason: str,
    ends: bool | None,
    answered: bool,
) -> None:
    world = streaming()
    waiting(world)
    world.wait(seconds(seconds_later))
    world.streamer_says(failing(reason))
    (failed,) = world.events_of(e.StreamFailed)
    assert (failed.ends, failed.answered) == (ends, answered)
    raised = [out.failure for out in world.last if isinstance(out, o.Failed)]
    assert bool(raised) == answered
    assert all(failure.code == failed.failure.code for failure in raised)
    world.finish()


@pytest.mark.parametrize(
    ("seconds_later", "answered"),
    [pytest.param(0, True, id="it waits"), pytest.param(60, False, id="its time is over")],
)
def test_an_error_while_a_stream_starts_ends_it(seconds_later: float, answered: bool) -> None:
    world = connected()
    world.start("A cat")
    world.wait(seconds(seconds_later))
    world.streamer_says(failing("lease_denied"))
    (failed,) = world.events_of(e.StreamFailed)
    assert (failed.ends, failed.answered) == (True, answered)
    world.finish()


def test_an_error_after_an_error_is_judged_by_itself() -> None:
    world = streaming()
    world.streamer_says(failing("model_crashed"))
    world.interact("x")
    world.streamer_says(failing("moderation_failed"))
    world.streamer_says(failing("model_crashed"))
    failed = [(event.ends, event.answered) for event in world.events if isinstance(event, e.StreamFailed)]
    assert failed == [(None, False), (False, True), (None, False)]
    world.finish()


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


@pytest.mark.parametrize("reason", ["no\nway", "session_timeout"])
def test_a_stream_error_is_reported_on_one_line(reason: str) -> None:
    world = streaming()
    world.streamer_says(stream.InteractiveStreamError(reason, "that was\r\n\x1btoo much"))
    failed = world.events[-1]
    assert (failed.reason, failed.message) == (" ".join(reason.split()), "that was �too much")
    assert failed.failure.detail == failed.message
    world.streamer_says(stream.InteractiveStreamError("\n", "\n"))
    assert (world.events[-1].reason, world.events[-1].message) == ("unknown", "the stream failed")
    world.finish()


def test_a_freeze_is_reported_once_and_its_end_too() -> None:
    world = streaming()
    world.media(i.MediaSeen(PEER, 24))
    world.wait(seconds(30))
    assert world.events_of(e.FramesStalled) == [e.FramesStalled(24)]
    assert o.AskKeyframe(PEER) in world.outputs(o.AskKeyframe)
    world.media(i.MediaSeen(PEER, 48))
    assert world.events[-1] == e.FramesResumed(48)
    world.finish()


def test_frames_that_come_and_are_not_decoded_are_a_freeze_with_a_reason_of_its_own() -> None:
    world = streaming()
    for undecoded in range(4):
        world.media(i.MediaSeen(PEER, 24, undecoded))
        world.wait(seconds(1))
    assert world.events_of(e.FramesStalled) == [e.FramesStalled(24, e.StallReason.NOT_DECODED)]
    world.media(i.MediaSeen(PEER, 25, 4))
    assert world.events[-1] == e.FramesResumed(25)
    # What was not decoded before the last good frame explains nothing.
    world.wait(seconds(3))
    assert world.events_of(e.FramesStalled)[1:] == [e.FramesStalled(25, e.StallReason.NO_FRAMES)]
    world.finish()


@pytest.mark.parametrize(
    ("reasons", "stalls"),
    [
        pytest.param([], 1, id="none"),
        pytest.param(["moderation_failed"], 1, id="a prompt was refused"),
        pytest.param(["model_crashed"], 0, id="it may have ended"),
        pytest.param(["model_crashed", "moderation_failed"], 0, id="it may have ended before"),
        pytest.param(["session_timeout"], 0, id="it has ended"),
    ],
)
def test_after_an_error_a_freeze_is_reported_if_the_stream_goes_on(reasons: list[str], stalls: int) -> None:
    world = streaming()
    for reason in reasons:
        if reason == "moderation_failed":
            world.interact("x")
        world.streamer_says(failing(reason))
    world.wait(seconds(10))
    assert [type(event) for event in world.events].count(e.FramesStalled) == stalls
    world.interact("y")
    world.streamer_says(stream.UpdateAcknowledged("Y"))
    world.wait(seconds(10))
    assert [type(event) for event in world.events].count(e.FramesStalled) == 1, "it lives after all"
    world.finish()


def test_a_start_whose_caller_never_knew_of_it_is_taken_back_after_an_error_too() -> None:
    world = streaming()
    world.streamer_says(failing("model_crashed"))
    world.abandon(world.the(StartStream))
    assert world.sent[-1] == stream.InteractiveStreamEnd()
    world.finish()


# --- lost acknowledgements ------------------------------------------------------------------------


def unacknowledged(world: ClientByHand, prompt: str) -> IssuedCommand:
    """Sends a prompt that is never acknowledged, and lets the time for that pass."""
    command = world.interact(prompt)
    world.wait(seconds(30))
    return command


def acknowledged(world: ClientByHand, prompt: str) -> IssuedCommand:
    """Sends a prompt that is acknowledged in capitals at once, and lets the time for that pass."""
    command = world.interact(prompt)
    world.streamer_says(stream.UpdateAcknowledged(prompt.upper()))
    world.wait(seconds(30))
    return command


def test_a_lost_acknowledgement_costs_the_next_command_at_most() -> None:
    world = streaming()
    assert unacknowledged(world, "one").failure.kind is FailureKind.TIMED_OUT
    second = acknowledged(world, "two")
    assert second.failure.kind is FailureKind.TIMED_OUT, "its reply might have been the other's"
    for prompt in ("three", "four", "five"):
        assert acknowledged(world, prompt).result == prompt.upper()
    world.finish()


def test_two_lost_acknowledgements_are_made_up_for_too() -> None:
    world = streaming()
    for prompt in ("one", "two"):
        assert unacknowledged(world, prompt).failure.kind is FailureKind.TIMED_OUT
    assert acknowledged(world, "three").failure.kind is FailureKind.TIMED_OUT
    assert acknowledged(world, "four").result == "FOUR"
    world.finish()


def test_a_lost_acknowledgement_is_forgotten_when_as_much_time_again_has_passed() -> None:
    world = streaming()
    assert unacknowledged(world, "one").failure.kind is FailureKind.TIMED_OUT
    world.wait(seconds(29.9))
    in_doubt = world.interact("in doubt")
    world.streamer_says(stream.UpdateAcknowledged("whose?"))
    assert in_doubt.pending
    world.streamer_says(stream.UpdateAcknowledged("IN DOUBT"))
    assert unacknowledged(world, "three").failure.kind is FailureKind.TIMED_OUT
    world.wait(seconds(30))
    assert acknowledged(world, "four").result == "FOUR"
    world.finish()


def test_acknowledgements_that_come_late_go_to_nobody_else() -> None:
    world = streaming()
    assert unacknowledged(world, "one").failure.kind is FailureKind.TIMED_OUT
    second = world.interact("two")
    world.streamer_says(stream.UpdateAcknowledged("ONE"))
    world.streamer_says(stream.UpdateAcknowledged("TWO"))
    assert second.result == "TWO"
    assert unacknowledged(world, "three").failure.kind is FailureKind.TIMED_OUT
    fourth = world.interact("four")
    world.streamer_says(stream.UpdateAcknowledged("THREE"))
    assert fourth.pending, "what was made up for is not made up for again"
    world.streamer_says(stream.UpdateAcknowledged("FOUR"))
    assert fourth.result == "FOUR"
    world.finish()


def test_the_acknowledgement_of_a_command_that_was_given_up_is_nobody_elses() -> None:
    world = streaming()
    first_prompt = world.interact("one")
    world.abandon(first_prompt)
    second_prompt = world.interact("two")
    world.streamer_says(stream.UpdateAcknowledged("ONE"))
    world.wait(seconds(30))
    assert second_prompt.failure.kind is FailureKind.TIMED_OUT
    third_prompt = world.interact("three")
    world.streamer_says(stream.UpdateAcknowledged("TWO"))
    world.streamer_says(stream.UpdateAcknowledged("THREE"))
    assert third_prompt.result == "THREE"
    world.finish()


def test_what_limits_the_video_is_announced_when_it_has_stayed_so_and_once() -> None:
    world = streaming()

    def seen(limited_by: LimitingFactor | None, wait: float) -> None:
        world.media(i.MediaSeen(PEER, len(world.steps), 0, limited_by))
        world.wait(seconds(wait))

    for factor in (None, LimitingFactor.LOSS, None, LimitingFactor.BANDWIDTH, LimitingFactor.BANDWIDTH):
        seen(factor, 1)
    assert world.events_of(e.QualityChanged) == []
    for factor in (LimitingFactor.BANDWIDTH, LimitingFactor.BANDWIDTH, None, None, None, None):
        seen(factor, 1)
    changes = [e.QualityChanged(LimitingFactor.BANDWIDTH), e.QualityChanged(None)]
    assert world.events_of(e.QualityChanged) == changes
    # Without a stream there is nothing to be said.
    world.streamer_says(stream.StreamEnded())
    for _ in range(4):
        seen(LimitingFactor.LOSS, 1)
    assert world.events_of(e.QualityChanged) == changes
    world.finish()


@pytest.mark.parametrize(
    ("judged", "announced"),
    [
        ("ljljl", "l"),
        ("ljljj", "j"),
        # It is announced until it has not been the case for so long.
        ("ljljlllljljjjjjj", "lj"),
        ("ljljljnlnlnl", "l"),
        ("lljllnnjnnn", "l-"),
        # A moment that is good begins anew.
        ("ljnljnlj", ""),
    ],
)
def test_what_alternates_is_announced_as_what_it_mostly_was(judged: str, announced: str) -> None:
    """Twice a second; nobody who reads events only is left to think that nothing limits the video."""
    world = streaming()
    factors = {"l": LimitingFactor.LOSS, "j": LimitingFactor.JITTER, "n": None, "-": None}
    for each in judged:
        for _ in range(2):
            world.media(i.MediaSeen(PEER, len(world.steps), 0, factors[each]))
            world.wait(seconds(0.25))
    assert world.events_of(e.QualityChanged) == [e.QualityChanged(factors[each]) for each in announced]
    world.finish()


def test_time_in_which_nothing_was_judged_does_not_count() -> None:
    world = streaming()
    for wait in (30, 1, 1, 0):
        assert world.events_of(e.QualityChanged) == []
        world.media(i.MediaSeen(PEER, len(world.steps), 0, LimitingFactor.LOSS))
        world.wait(seconds(wait))
    assert world.events_of(e.QualityChanged) == [e.QualityChanged(LimitingFactor.LOSS)]
    world.finish()


@pytest.mark.parametrize("how", ["the stream ends", "left", "lost"])
def test_at_the_end_nothing_limits_the_video_any_more(how: str) -> None:
    world = streaming()
    for _ in range(4):
        world.media(i.MediaSeen(PEER, len(world.steps), 0, LimitingFactor.LOSS))
        world.wait(seconds(1))
    changes = [e.QualityChanged(LimitingFactor.LOSS)]
    assert world.events_of(e.QualityChanged) == changes
    if how == "left":
        world.finish()
    elif how == "lost":
        world.socket_closes(1011)
        assert isinstance(world.events[-1], e.Disconnected), "it is announced before the end"
    else:
        world.streamer_says(stream.StreamEnded())
    changes.append(e.QualityChanged(None))
    assert world.events_of(e.QualityChanged) == changes
    world.finish()
