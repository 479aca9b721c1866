"""What an error of the stream says, by what was under way, and what goes on after it."""

from collections.abc import Callable

import pytest

from odyssey_proto.kernel.machine import seconds
from odyssey_proto.messages import stream
from odyssey_proto.model import events as e
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import StartStream
from odyssey_proto.testing.by_hand import ClientByHand
from odyssey_proto.testing.situations import connected, streaming


def test_after_an_error_in_a_live_stream_everything_is_worth_a_try() -> None:
    world = streaming()
    world.interact("bad words")
    world.streamer_says(stream.InteractiveStreamError("moderation_failed", "no"))
    prompt = world.interact("good words")
    world.streamer_says(stream.UpdateAcknowledged("Good words"))
    assert prompt.result == "Good words"


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
