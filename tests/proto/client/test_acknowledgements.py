"""Which interact an acknowledgement belongs to, and what one costs that is late or lost."""

from odyssey_proto.kernel.failures import FailureKind
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.messages import stream
from odyssey_proto.testing.by_hand import ClientByHand
from odyssey_proto.testing.situations import streaming
from odyssey_proto.testing.transcript import IssuedCommand


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
