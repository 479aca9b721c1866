"""Events and statuses: closed, comparable, fit to travel."""

import pickle
from typing import get_args

import pytest

from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.model import events
from odyssey_proto.model.events import BroadcastInfo, ConnectionStatus
from odyssey_proto.model.quality import LimitingFactor

FAILURE = Failure(FailureKind.CLOSED_BY_PEER, "the server closed the signaling connection")
SAMPLES = [
    events.StatusChanged(ConnectionStatus.CONNECTING, "joining"),
    events.Connected("s-1"),
    events.Disconnected(FAILURE),
    events.StreamStarted("st-1", "A cat"),
    events.InteractAcknowledged("Pet the cat"),
    events.StreamEnded(),
    events.StreamFailed("lease_denied", "No lease", FAILURE),
    events.BroadcastReady(BroadcastInfo(None, "http://m", "canary")),
    events.FramesStalled(41),
    events.FramesResumed(42),
    events.QualityChanged(LimitingFactor.BANDWIDTH),
    events.LimitApproaching(events.DurationLimit.STREAM, 15.0),
    events.Reconnecting(FAILURE, 1, 0.5),
    events.Restored("s-2", "st-2", 1, 3.5, ("canary",)),
    events.Renewed("s-2", None),
    events.ErrorHappened(FAILURE, fatal=True),
]


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: type(event).__name__)
def test_an_event_can_travel(event: events.Event) -> None:
    assert pickle.loads(pickle.dumps(event)) == event
    assert type(event) in get_args(events.Event.__value__)
    assert "canary" not in repr(event)


def test_statuses_are_the_documented_words() -> None:
    words = {"authenticating", "connecting", "reconnecting", "connected", "disconnected", "failed"}
    assert {str(status) for status in ConnectionStatus} == words
