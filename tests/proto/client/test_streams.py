"""Streams: start, interact, end, and everything the streamer may say about them."""

from typing import Any

import pytest
from core.gauntlet import Gauntlet, begun
from core.material import READY
from core.session import (
    PEER,
    last,
    live,
    outcome,
    says,
    sent,
    signaled,
    told,
    wait,
)

from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.failures import FailureKind, Phase
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import stream
from odyssey_proto.messages.stream import FROM_STREAMER
from odyssey_proto.model import events as e
from odyssey_proto.model.status import ConnectionStatus as S
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import (
    Abandon,
    Command,
    CommandId,
    EndStream,
    Interact,
    StartStream,
)


def test_a_stream_from_start_to_end() -> None:
    world = live()
    assert outcome(world, 2) == "stream-1"
    assert world.client.last_applied_prompt == "A fine cat"
    world.command(Interact("Pet the cat"))
    says(world, stream.UpdateAcknowledged("A petted cat"))
    assert outcome(world, 3) == "A petted cat"
    assert world.client.last_applied_prompt == "A petted cat"
    world.command(EndStream())
    says(world, stream.StreamEnded())
    assert outcome(world, 4) is None
    assert [type(event) for event in told(world)[-3:]] == [
        e.StreamStarted,
        e.InteractAcknowledged,
        e.StreamEnded,
    ]
    world.command(StartStream("A dog"))
    says(world, stream.StreamStarted("stream-2"))
    assert outcome(world, 5) == "stream-2"
    world.finish()


def test_each_interact_gets_its_own_acknowledgement() -> None:
    world = live()
    for text in ("one", "two", "three"):
        world.command(Interact(text))
    for text in ("ONE", "TWO", "THREE"):
        says(world, stream.UpdateAcknowledged(text))
    assert [outcome(world, command) for command in (3, 4, 5)] == ["ONE", "TWO", "THREE"]


def test_a_late_acknowledgement_is_not_taken_for_the_next() -> None:
    world = live()
    world.command(Interact("one"))
    wait(world, 30)
    assert outcome(world, 3).kind is FailureKind.TIMED_OUT
    world.command(Interact("two"))
    says(world, stream.UpdateAcknowledged("ONE"))
    assert outcome(world, 4) is ...
    says(world, stream.UpdateAcknowledged("TWO"))
    assert outcome(world, 4) == "TWO"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (stream.StreamEnded(), FailureKind.STREAM_ENDED),
        (stream.InteractiveStreamError("moderation_failed", "no"), FailureKind.STREAM_REFUSED),
        (stream.InteractiveStreamError("session_timeout", "over"), FailureKind.USAGE_LIMIT),
    ],
)
def test_the_end_of_a_stream_finishes_everyone_who_waits(message: Any, why: FailureKind) -> None:
    world = live()
    world.command(Interact("one"))
    world.command(EndStream())
    says(world, message)
    assert outcome(world, 3).kind is why
    assert outcome(world, 4) is not ...


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (stream.StreamEnded(), FailureKind.STREAM_ENDED),
        (stream.InteractiveStreamError("moderation_failed", "no"), FailureKind.STREAM_REFUSED),
        (stream.InteractiveStreamError("quota_exceeded", "over"), FailureKind.USAGE_LIMIT),
    ],
)
def test_the_end_of_a_stream_that_starts_ends_its_start(message: Any, why: FailureKind) -> None:
    world = begun(READY)
    world.command(StartStream("A cat"))
    says(world, message)
    assert outcome(world, 2).kind is why
    world.command(StartStream("A dog"))
    says(world, stream.StreamStarted("stream-2"))
    assert outcome(world, 3) == "stream-2"
    world.finish()


@pytest.mark.parametrize(
    ("what", "phase", "patience"),
    [(Interact("x"), Phase.INTERACT, 30), (EndStream(), Phase.END, 15)],
)
def test_a_silent_streamer_is_not_waited_for_for_ever(what: Any, phase: Phase, patience: float) -> None:
    world = live()
    world.command(what)
    wait(world, patience)
    assert (outcome(world, 3).kind, outcome(world, 3).phase) == (FailureKind.TIMED_OUT, phase)
    world.finish()


def test_a_start_that_nobody_waits_for_is_taken_back() -> None:
    world = begun(READY)
    world.command(StartStream("A cat"))
    wait(world, 60)
    assert outcome(world, 2).phase is Phase.START
    assert sent(world)[-1] == stream.InteractiveStreamEnd()
    world.command(StartStream("A dog"))
    assert outcome(world, 3) is ..., "it waits until the last stream has ended"
    says(world, stream.StreamStarted("stream-1"))
    says(world, stream.StreamEnded())
    says(world, stream.StreamStarted("stream-2"))
    assert outcome(world, 3) == "stream-2"
    world.finish()


def test_a_start_whose_caller_never_heard_of_it_is_taken_back() -> None:
    world = live()
    world.command(Abandon(CommandId(2)))
    assert sent(world)[-1] == stream.InteractiveStreamEnd()
    world.command(Abandon(CommandId(2)))
    assert sent(world).count(stream.InteractiveStreamEnd()) == 1
    says(world, stream.StreamEnded())
    world.finish()


def test_an_end_that_is_on_its_way_is_not_asked_for_again() -> None:
    world = live()
    world.command(EndStream())
    world.command(EndStream())
    assert sent(world).count(stream.InteractiveStreamEnd()) == 1
    says(world, stream.StreamEnded())
    assert (outcome(world, 3), outcome(world, 4)) == (None, None)
    world.command(StartStream())
    says(world, stream.StreamStarted("stream-2"))
    assert outcome(world, 5) == "stream-2"
    world.finish()


@pytest.mark.parametrize("late", [True, False])
def test_an_end_that_had_to_be_asked_for_twice_ends_no_other_stream(late: bool) -> None:
    world = live()
    world.command(EndStream())
    wait(world, 15)
    world.command(EndStream())
    assert sent(world).count(stream.InteractiveStreamEnd()) == 2
    says(world, stream.StreamEnded())
    assert outcome(world, 4) is None
    world.command(StartStream())
    if late:
        says(world, stream.StreamEnded())
    assert outcome(world, 5) is ...
    says(world, stream.StreamStarted("stream-2"))
    assert outcome(world, 5) == "stream-2"
    says(world, stream.StreamEnded())
    assert told(world)[-1] == e.StreamEnded()
    world.finish()


def test_a_start_that_is_overtaken_by_its_end_is_taken_back_again() -> None:
    world = begun(READY)
    world.command(StartStream("A cat", image="R0lGODlh"))
    world.command(Abandon(CommandId(2)))
    said = [message for message in sent(world) if message == stream.InteractiveStreamEnd()]
    says(world, stream.StreamEnded())
    says(world, stream.StreamStarted("stream-1"))
    assert [message for message in sent(world) if message == stream.InteractiveStreamEnd()] == [
        *said,
        said[0],
    ]
    says(world, stream.StreamEnded())
    world.command(StartStream("A dog"))
    says(world, stream.StreamStarted("stream-2"))
    assert outcome(world, 4) == "stream-2"
    world.finish()


def test_a_held_start_may_be_abandoned_or_expire() -> None:
    world = live()
    world.command(EndStream())
    world.command(StartStream("next"))
    world.command(Abandon(CommandId(4)))
    assert outcome(world, 4).kind is FailureKind.ABANDONED
    world.command(StartStream("later"))
    wait(world, 60)
    assert outcome(world, 6).missing == ("end of the last stream",)
    world.finish()


def test_what_the_state_forbids_is_refused_at_once() -> None:
    world = begun(READY)
    for what, words in (
        (Interact("x"), "no stream is running"),
        (StartStream("x"), None),
        (StartStream("y"), "already starting"),
    ):
        if words is None:
            world.command(what)
            continue
        with pytest.raises(LocalProtocolError, match=words):
            world.step(Command(CommandId(99), what))
    says(world, stream.StreamStarted("s"))
    with pytest.raises(LocalProtocolError, match="already running"):
        world.step(Command(CommandId(99), StartStream("z")))


def test_ending_without_a_stream_is_no_error() -> None:
    world = begun(READY)
    world.command(EndStream())
    assert outcome(world, 2) is None
    assert sent(world) == []


def test_after_an_error_in_a_live_stream_everything_is_worth_a_try() -> None:
    world = live()
    world.command(Interact("bad words"))
    says(world, stream.InteractiveStreamError("moderation_failed", "no"))
    world.command(Interact("good words"))
    says(world, stream.UpdateAcknowledged("Good words"))
    assert outcome(world, 4) == "Good words"


def test_the_size_of_a_message_is_tested_at_the_byte() -> None:
    world = live()
    room = 200 - len(stream.encode(stream.Update("")).encode())
    world.command(Interact("x" * room))
    world.command(Interact("é" * (room // 2)))
    assert sent(world)[-2:] == [stream.Update("x" * room), stream.Update("é" * (room // 2))]
    with pytest.raises(LocalProtocolError, match="201 bytes") as caught:
        world.step(Command(CommandId(9), Interact("x" * (room + 1))))
    assert caught.value.failure.kind is FailureKind.INVALID
    with pytest.raises(LocalProtocolError, match="bytes"):
        world.step(Command(CommandId(9), Interact("é" * (room // 2 + 1))))


def test_a_start_that_the_channel_cannot_take_goes_over_signaling() -> None:
    world = begun(READY)
    world.command(StartStream("x" * 300))
    assert signaled(world)[-1].prompt == "x" * 300
    assert sent(world) == []


def test_a_start_with_an_image_always_goes_over_signaling() -> None:
    world = begun(READY)
    world.command(StartStream("x", image="data:image/png;base64,AA"))
    assert signaled(world)[-1].image == "data:image/png;base64,AA"
    says(world, stream.StreamStarted("stream-1"))
    assert outcome(world, 2) == "stream-1"


GIVE_UP = Abandon(CommandId(3))


def failing(reason: str) -> stream.InteractiveStreamError:
    return stream.InteractiveStreamError(reason, "words")


@pytest.mark.parametrize(
    ("commands", "seconds_later", "reason", "ends", "answered"),
    [
        pytest.param([], 0, "model_crashed", None, False, id="by itself, nothing known"),
        pytest.param([], 0, "session_timeout", True, False, id="by itself, a limit"),
        pytest.param([], 0, "broadcast_error", False, False, id="by itself, for spectators only"),
        pytest.param([Interact("x")], 0, "moderation_failed", False, True, id="a prompt waits"),
        pytest.param([Interact("x")], 0, "quota_exceeded", True, True, id="a prompt waits, a limit"),
        pytest.param([Interact("x")] * 2, 0, "model_crashed", False, True, id="two prompts wait"),
        pytest.param([Interact("x")], 30, "moderation_failed", None, False, id="late, after a timeout"),
        pytest.param(
            [Interact("x"), Abandon(CommandId(3))], 0, "moderation_failed", None, False, id="given up"
        ),
        pytest.param([EndStream()], 0, "model_crashed", True, True, id="an end waits"),
        pytest.param([EndStream()], 15, "model_crashed", True, False, id="late, after an end"),
        pytest.param(
            [EndStream(), StartStream("y")], 0, "model_crashed", True, True, id="a start is deferred"
        ),
    ],
)
def test_a_stream_error_tells_what_is_known(
    commands: list[Any], seconds_later: float, reason: str, ends: bool | None, answered: bool
) -> None:
    world = live()
    for what in commands:
        world.command(what)
    wait(world, seconds_later)
    says(world, failing(reason))
    (failed,) = (event for event in told(world) if isinstance(event, e.StreamFailed))
    assert (failed.ends, failed.answered) == (ends, answered)
    raised = [out.failure for out in last(world) if isinstance(out, o.Failed)]
    assert bool(raised) == answered
    assert all(failure.code == failed.failure.code for failure in raised)
    world.finish()


@pytest.mark.parametrize(
    ("seconds_later", "answered"),
    [pytest.param(0, True, id="it waits"), pytest.param(60, False, id="its time is over")],
)
def test_an_error_while_a_stream_starts_ends_it(seconds_later: float, answered: bool) -> None:
    world = begun(READY)
    world.command(StartStream("A cat"))
    wait(world, seconds_later)
    says(world, failing("lease_denied"))
    (failed,) = (event for event in told(world) if isinstance(event, e.StreamFailed))
    assert (failed.ends, failed.answered) == (True, answered)
    world.finish()


def test_an_error_after_an_error_is_judged_by_itself() -> None:
    world = live()
    says(world, failing("model_crashed"))
    world.command(Interact("x"))
    says(world, failing("moderation_failed"))
    says(world, failing("model_crashed"))
    failed = [(event.ends, event.answered) for event in told(world) if isinstance(event, e.StreamFailed)]
    assert failed == [(None, False), (False, True), (None, False)]
    world.finish()


def test_broadcast_facts_are_told_and_its_secret_is_hidden() -> None:
    world = live()
    says(world, stream.BroadcastReady("https://w.example/live/1", Secret("spectator"), None))
    ready = told(world)[-1]
    assert ready.info.spectator_token == "spectator"
    assert "spectator'" not in repr(ready)
    says(world, stream.BroadcastReady("https://w.example/live/1", None, None))
    assert told(world)[-1].reason == "broadcast_error"
    assert (told(world)[-1].ends, told(world)[-1].answered) == (False, False)
    assert "spectator_token" in told(world)[-1].message


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"type": "stream_started"}', '{"type": "stream_started", "stream_id": 7}']
)
def test_a_malformed_stream_message_is_told_and_survived(text: str) -> None:
    world = live()
    world.step(i.ChannelText(PEER, FROM_STREAMER, text))
    assert told(world)[-1].failure.code == "stream.malformed"
    assert world.client.status is S.CONNECTED


@pytest.mark.parametrize("reason", ["no\nway", "session_timeout"])
def test_a_stream_error_is_told_on_one_line(reason: str) -> None:
    world = live()
    says(world, stream.InteractiveStreamError(reason, "that was\r\n\x1btoo much"))
    failed = told(world)[-1]
    assert (failed.reason, failed.message) == (" ".join(reason.split()), "that was �too much")
    assert failed.failure.detail == failed.message
    says(world, stream.InteractiveStreamError("\n", "\n"))
    assert (told(world)[-1].reason, told(world)[-1].message) == ("unknown", "the stream failed")
    world.finish()


def test_a_freeze_is_told_once_and_its_end_too() -> None:
    world = live()
    world.step(i.MediaSeen(PEER, 24))
    wait(world, 30)
    assert [event for event in told(world) if isinstance(event, e.FramesStalled)] == [e.FramesStalled(24)]
    assert o.AskKeyframe(PEER) in [out for _, _, outs in world.steps for out in outs]
    world.step(i.MediaSeen(PEER, 48))
    assert told(world)[-1] == e.FramesResumed(48)
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
def test_after_an_error_a_freeze_is_told_if_the_stream_goes_on(reasons: list[str], stalls: int) -> None:
    world = live()
    for reason in reasons:
        if reason == "moderation_failed":
            world.command(Interact("x"))
        says(world, failing(reason))
    wait(world, 10)
    assert [type(event) for event in told(world)].count(e.FramesStalled) == stalls
    world.command(Interact("y"))
    says(world, stream.UpdateAcknowledged("Y"))
    wait(world, 10)
    assert [type(event) for event in told(world)].count(e.FramesStalled) == 1, "it lives after all"
    world.finish()


def test_a_start_whose_caller_never_heard_of_it_is_taken_back_after_an_error_too() -> None:
    world = live()
    says(world, failing("model_crashed"))
    world.command(Abandon(CommandId(2)))
    assert sent(world)[-1] == stream.InteractiveStreamEnd()
    world.finish()


# --- lost acknowledgements ------------------------------------------------------------------------


def interacts(world: Gauntlet, command: int, *, lost: bool = False) -> Any:
    """Sends a prompt that is acknowledged at once, or never; returns what has come of it after its time."""
    world.command(Interact(f"prompt {command}"))
    if not lost:
        says(world, stream.UpdateAcknowledged(f"PROMPT {command}"))
    wait(world, 30)
    return outcome(world, command)


def test_a_lost_acknowledgement_costs_the_next_command_at_most() -> None:
    world = live()
    assert interacts(world, 3, lost=True).kind is FailureKind.TIMED_OUT
    assert interacts(world, 4).kind is FailureKind.TIMED_OUT, "its reply might have been the other's"
    assert [interacts(world, command) for command in (5, 6, 7)] == ["PROMPT 5", "PROMPT 6", "PROMPT 7"]
    world.finish()


def test_two_lost_acknowledgements_are_made_up_for_too() -> None:
    world = live()
    for command in (3, 4):
        assert interacts(world, command, lost=True).kind is FailureKind.TIMED_OUT
    assert interacts(world, 5).kind is FailureKind.TIMED_OUT
    assert interacts(world, 6) == "PROMPT 6"
    world.finish()


def test_a_lost_acknowledgement_is_forgotten_when_as_much_time_again_has_passed() -> None:
    world = live()
    assert interacts(world, 3, lost=True).kind is FailureKind.TIMED_OUT
    wait(world, 29.9)
    world.command(Interact("in doubt"))
    says(world, stream.UpdateAcknowledged("whose?"))
    assert outcome(world, 4) is ...
    says(world, stream.UpdateAcknowledged("IN DOUBT"))
    assert interacts(world, 5, lost=True).kind is FailureKind.TIMED_OUT
    wait(world, 30)
    assert interacts(world, 6) == "PROMPT 6"
    world.finish()


def test_acknowledgements_that_come_late_go_to_nobody_else() -> None:
    world = live()
    assert interacts(world, 3, lost=True).kind is FailureKind.TIMED_OUT
    world.command(Interact("two"))
    says(world, stream.UpdateAcknowledged("ONE"))
    says(world, stream.UpdateAcknowledged("TWO"))
    assert outcome(world, 4) == "TWO"
    assert interacts(world, 5, lost=True).kind is FailureKind.TIMED_OUT
    world.command(Interact("four"))
    says(world, stream.UpdateAcknowledged("THREE"))
    assert outcome(world, 6) is ..., "what was made up for is not made up for again"
    says(world, stream.UpdateAcknowledged("FOUR"))
    assert outcome(world, 6) == "FOUR"
    world.finish()


def test_the_acknowledgement_of_a_command_that_was_given_up_is_nobody_elses() -> None:
    world = live()
    world.command(Interact("one"))
    world.command(Abandon(CommandId(3)))
    world.command(Interact("two"))
    says(world, stream.UpdateAcknowledged("ONE"))
    wait(world, 30)
    assert outcome(world, 5).kind is FailureKind.TIMED_OUT
    world.command(Interact("three"))
    says(world, stream.UpdateAcknowledged("TWO"))
    says(world, stream.UpdateAcknowledged("THREE"))
    assert outcome(world, 6) == "THREE"
    world.finish()
