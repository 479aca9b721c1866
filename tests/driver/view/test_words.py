"""Every event has words for the page, or is shown there otherwise."""

from typing import get_args

import pytest

from odyssey.view.words import in_words
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.model import events
from odyssey_proto.model.quality import LimitingFactor

LOST = Failure(FailureKind.CLOSED_BY_PEER, "the server closed the signaling connection")

SAID: list[tuple[events.Event, str | None]] = [
    (events.StatusChanged(events.ConnectionStatus.CONNECTING), "connecting"),
    (events.StatusChanged(events.ConnectionStatus.CONNECTING, "Waiting"), "Waiting"),
    (events.Connected("s"), None),
    (events.Disconnected(LOST), None),
    (events.StreamStarted("st"), "the stream has started"),
    (events.InteractAcknowledged("Pet it"), None),
    (events.StreamEnded(), "the stream has ended"),
    (events.StreamFailed("moderation_failed", "No", LOST), LOST.text),
    (events.BroadcastReady(events.BroadcastInfo(None, "http://m", "token")), None),
    (events.FramesStalled(1), "no picture comes any more"),
    (events.FramesStalled(1, events.StallReason.NOT_DECODED), "pictures come, but cannot be decoded"),
    (events.FramesResumed(1), "pictures come again"),
    (events.QualityChanged(LimitingFactor.LOSS), "what limits the video: loss"),
    (events.QualityChanged(None), "what limits the video: nothing any more"),
    (
        events.LimitApproaching(events.DurationLimit.STREAM, 15.2),
        "the stream will end in 15 s: it is nearly as long as it may be",
    ),
    (events.Reconnecting(LOST, 2, 0.5), f"connecting again, attempt 2: {LOST.text}"),
    (events.Restored("s", "st", 1, 3.25), "a new session has replaced the lost one after 3.2 s"),
    (events.Renewed("s", None), "a new session has replaced one that was near its limit of time"),
    (events.ErrorHappened(LOST, fatal=True), LOST.text),
]


@pytest.mark.parametrize(("event", "words"), SAID)
def test_an_event_in_words(event: events.Event, words: str | None) -> None:
    assert in_words(event) == words


def test_every_event_is_among_them() -> None:
    assert {type(event) for event, _ in SAID} == set(get_args(events.Event.__value__))
