"""What happened on a connection, in words for the page."""

from typing import assert_never

from odyssey.diagnosis.verdicts import verdict_of
from odyssey_proto.kernel.failures import Failure
from odyssey_proto.model import events
from odyssey_proto.model.events import Event, StallReason

STALLS = {
    StallReason.NO_FRAMES: "no picture comes any more",
    StallReason.NOT_DECODED: "pictures come, but cannot be decoded",
}


def in_words(event: Event) -> str | None:
    """Returns one line about an event; `None` for one that the page shows otherwise."""
    match event:
        case events.StatusChanged(status, message):
            return message or status.value
        case events.StreamStarted():
            return "the stream has started"
        case events.StreamEnded():
            return "the stream has ended"
        case events.StreamFailed(failure=failure) | events.ErrorHappened(failure=failure):
            return failure.message
        case events.FramesStalled(reason=reason):
            return STALLS[reason]
        case events.FramesResumed():
            return "pictures come again"
        case events.QualityChanged(factor):
            now = "nothing any more" if factor is None else factor.value
            return f"what limits the video: {now}"
        case events.LimitApproaching(limit, remaining):
            return f"the {limit.value} will end in {remaining:.0f} s: it is nearly as long as it may be"
        case events.Reconnecting(cause, attempt):
            return f"connecting again, attempt {attempt}: {cause.message}"
        case events.Restored(seconds=seconds):
            return f"a new session has replaced the lost one after {seconds:.1f} s"
        case events.Renewed():
            return "a new session has replaced one that was near its limit of time"
        case events.Connected() | events.Disconnected() | events.InteractAcknowledged():
            return None
        case events.BroadcastReady():
            # No stream of the page is a broadcast.
            return None
        case _:
            assert_never(event)


def problem(failure: Failure) -> dict[str, str]:
    """Returns a failure as the page shows it: what happened, what that means, and what to do about it."""
    verdict = verdict_of(failure)
    return {
        "code": failure.name,
        "message": failure.message,
        "meaning": verdict.meaning,
        "advice": verdict.advice,
    }


def loss(failure: Failure) -> dict[str, str]:
    """Returns the same of a session that was lost, which the page can replace."""
    advice = "Connect again for a new session; if it comes back, save the trace and report it."
    return problem(failure) | {"advice": advice}
