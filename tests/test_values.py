"""Every public value and every error travels: copied, pickled, and named by a code that stays."""

import copy
import enum
import inspect
import json
import pickle
import typing
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

import odyssey
from odyssey_proto.kernel.introspection import Value, fields_of, has_fields
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.messages.token import sign

TOKEN = sign({"session_id": "s-1"}, b"key")
URL = "https://files.example/v.mp4?sig=1"
FAILURE = odyssey.Failure(
    odyssey.FailureKind.TIMED_OUT,
    "it took too long",
    phase=odyssey.Phase.START,
    retry_after=seconds(1),
    detail="theirs",
    cause=odyssey.Failure(odyssey.FailureKind.UNREACHABLE, "no way"),
)
INFO = odyssey.BroadcastInfo(None, "https://watch.example", "token")
JOB = odyssey.SimulationJobDetail(
    "j-1",
    odyssey.SimulationJobStatus.COMPLETED,
    "normal",
    "2026-01-01T00:00:00Z",
    streams=[odyssey.SimulationStream("s-1", URL, URL, None, None, 240, 12.0, 1)],
)
BRIEF = odyssey.SimulationJobInfo("j-1", odyssey.SimulationJobStatus.UNKNOWN, "normal", "now")
LINE = odyssey.StreamRecordingInfo("s-1", 704, 1280, "2026-01-01T00:00:00Z")
EVENT = odyssey.RecordedEvent(1.5, odyssey.RecordedKind.INTERACT, "Pet it", "{}")
ACCOUNT = odyssey.FrameAccount(3, 1, 0, {"replaced": 2})
FIRST = odyssey.FirstFrameTimes(0.1, 0.2, 0.3, 0.4)
LINK = odyssey.LinkFigures(10.0, 20.0, 0.01, 0.0, 0.1)

CHECK = odyssey.Check(odyssey.CheckName.TCP, odyssey.CheckState.OK, "open", 0.1, facts={"port": 443})

VALUES: tuple[Any, ...] = (
    odyssey.AdvancedConfig(max_retries=1),
    odyssey.Bounded(3),
    INFO,
    odyssey.BroadcastReady(INFO),
    odyssey.ClientConfig(api_key="ody_k"),
    odyssey.ClientCredentials("wss://s.example", TOKEN, 60, odyssey.StreamerCapabilities(True)),
    odyssey.Connected("s-1"),
    CHECK,
    odyssey.Diagnosis((CHECK,)),
    odyssey.Disconnected(FAILURE),
    odyssey.DownloadProgress(1, 2),
    odyssey.End(at=3),
    odyssey.ErrorHappened(FAILURE, True),
    odyssey.EventLog((EVENT,), 1),
    odyssey.EveryNth(2),
    FAILURE,
    FIRST,
    ACCOUNT,
    odyssey.FramesResumed(7),
    odyssey.FramesStalled(7),
    odyssey.QualityChanged(odyssey.LimitingFactor.LOSS),
    odyssey.IcePolicy(relay_only=True),
    odyssey.Interact("Pet it", at=2),
    odyssey.InteractAcknowledged("Pet it"),
    odyssey.LimitApproaching(odyssey.DurationLimit.STREAM, 15.0),
    odyssey.Limits(stream=None),
    odyssey.Lossless(9),
    odyssey.Newest(),
    EVENT,
    odyssey.ReconnectPolicy(per_loss=3),
    odyssey.Reconnecting(FAILURE, 1, 0.5),
    odyssey.Renewed("s-2", "st-2"),
    odyssey.Restored("s-2", "st-2", 1, 3.5, ("Pet it",)),
    odyssey.Recording("s-1", URL, URL, URL, URL, 240, 12.0),
    odyssey.Redaction(),
    JOB,
    BRIEF,
    odyssey.SimulationJobsList([BRIEF], 1, 20, 0),
    JOB.streams[0],
    odyssey.Start("A cat"),
    odyssey.Statistics(
        odyssey.ConnectionStatus.CONNECTED, "s-1", ACCOUNT, ACCOUNT, LINK, FIRST, 0.1, 0, 0, 0
    ),
    odyssey.StatusChanged(odyssey.ConnectionStatus.FAILED, "words"),
    odyssey.StreamEnded(),
    odyssey.StreamFailed("reason", "words", FAILURE),
    LINE,
    LINK,
    odyssey.StreamRecordingsList([LINE], 1, 50, 0),
    odyssey.StreamStarted("s-1", "A cat!"),
    odyssey.StreamerCapabilities(True),
    odyssey.Timeouts(call=3),
    odyssey.TracePolicy(),
    odyssey.UsageLimit("RATE_LIMITED", "Slow down", "Wait", None, (("retry_after_seconds", 3),)),
)

WAYS = pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],
    ids=["copy", "deepcopy", "pickle"],
)

CLASSES = [value for name in odyssey.__all__ if inspect.isclass(value := getattr(odyssey, name))]
ERRORS = [value for value in CLASSES if issubclass(value, Exception)]

CODES = {
    "OdysseyError": "malformed",
    "OdysseyAuthError": "auth_refused",
    "OdysseyConnectionError": "unreachable",
    "OdysseyTimeoutError": "timed_out",
    "OdysseyRequestError": "bad_request",
    "OdysseyValueError": "invalid",
    "OdysseyStreamError": "stream_refused",
    "OdysseyStreamConnectionError": "unreachable",
    "OdysseyStreamTimeoutError": "timed_out",
    "OdysseyStreamValueError": "invalid",
    "OdysseySimulationError": "job_failed",
    "SimulationFailedError": "job_failed",
    "SimulationCancelledError": "job_cancelled",
    "SimulationTimeoutError": "timed_out",
    "OdysseyTraceError": "state",
    "OdysseyAttributeError": "state",
    "OdysseyFileError": "invalid",
    "OdysseyTypeError": "invalid",
    "MonthlyLimitReachedError": "MONTHLY_LIMIT_REACHED",
    "ConcurrentLimitReachedError": "CONCURRENT_LIMIT_REACHED",
    "StreamDurationExceededError": "STREAM_DURATION_EXCEEDED",
    "AccountSuspendedError": "ACCOUNT_SUSPENDED",
    "RateLimitError": "RATE_LIMITED",
    "OdysseyUsageError": "UNKNOWN",
    "OdysseyStreamUsageError": "UNKNOWN",
    "StreamMonthlyLimitReachedError": "MONTHLY_LIMIT_REACHED",
    "StreamConcurrentLimitReachedError": "CONCURRENT_LIMIT_REACHED",
    "StreamTimeLimitError": "STREAM_DURATION_EXCEEDED",
    "StreamAccountSuspendedError": "ACCOUNT_SUSPENDED",
    "StreamRateLimitError": "RATE_LIMITED",
}
"""What a class says by itself, until a failure says more."""


def test_every_public_value_is_in_the_table() -> None:
    kinds = {kind.__name__ for kind in CLASSES if has_fields(kind)}
    elsewhere = {"VideoFrame", "AudioFrame", "OdysseyEventHandlers"}
    assert kinds - elsewhere == {type(each).__name__ for each in VALUES}


AS_JSON = [value for value in VALUES if isinstance(value, Value)]
"""Those that have the usual form; credentials are handed on in theirs, and a diagnosis has its own."""


def test_every_value_has_a_dict() -> None:
    others = [value for value in VALUES if not isinstance(value, Value)]
    assert {type(value).__name__ for value in others} == {
        "Check",
        "ClientCredentials",
        "Diagnosis",
        "StreamerCapabilities",
    }
    assert all(json.dumps(value.to_dict()) for value in others)


@pytest.mark.parametrize("value", AS_JSON, ids=lambda value: type(value).__name__)
def test_a_value_is_json_with_every_field_and_no_secret(value: Any) -> None:
    form = value.to_dict()
    assert json.loads(value.to_json()) == form
    names = [field.name for field in fields_of(type(value))]
    assert list(form) == ["type", *names]
    assert form["type"] == type(value).__name__
    for secret in (URL, TOKEN, f'"{INFO.spectator_token}"', "ody_k"):
        assert secret not in value.to_json()
    for name in names:
        content = getattr(value, name)
        if isinstance(content, enum.Enum):
            assert form[name] == content.value
        elif isinstance(content, str | int | float | None) and form[name] != "***":
            assert form[name] == (content / 1_000_000 if name == "retry_after" and content else content)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_shows_itself_in_a_notebook_without_a_secret(value: Any) -> None:
    shown = value._repr_html_() if isinstance(value, Value | odyssey.Diagnosis) else repr(value)
    assert type(value).__name__ in shown
    for secret in (URL, TOKEN, f">{INFO.spectator_token}<", "ody_k"):
        assert secret not in shown


def test_secrets_are_in_a_dict_when_they_are_asked_for() -> None:
    assert JOB.streams[0].to_dict(secrets=True)["video_url"] == URL
    assert JOB.to_dict(secrets=True)["streams"][0]["video_url"] == URL
    assert JOB.to_dict()["streams"][0]["video_url"] == "***"
    assert JOB.streams[0].to_dict()["thumbnail_url"] is None, "there is none"


def test_a_time_is_in_seconds() -> None:
    spans = {
        (type(value).__name__, each.name)
        for value in AS_JSON
        if attrs.has(type(value))
        for each in attrs.fields(type(value))
        if each.type is Span or Span in typing.get_args(each.type)
    }
    assert spans == {("Failure", "retry_after")}, "each of them is marked"
    assert FAILURE.to_dict()["retry_after"] == 1.0
    assert FAILURE.to_dict()["cause"]["retry_after"] is None


def test_a_frame_is_json_without_its_pixels() -> None:
    frame = odyssey.VideoFrame(np.ones((2, 3, 3), np.uint8), 3, 2, 40)
    assert frame.to_dict() == {"type": "VideoFrame", "width": 3, "height": 2, "timestamp_ms": 40}


def test_a_stretch_of_sound_is_json_without_its_samples() -> None:
    frame = odyssey.AudioFrame(np.zeros((960, 2), np.int16), 48_000, 40)
    assert frame.to_dict() == {"type": "AudioFrame", "sample_rate": 48_000, "timestamp_ms": 40}


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_is_json(kind: type[odyssey.OdysseyError]) -> None:
    error = kind("what happened", FAILURE)
    error.__cause__ = odyssey.OdysseyConnectionError("why", FAILURE.cause)
    if isinstance(error, odyssey.OdysseySimulationError):
        assert error.to_dict()["job"] is None
        error.job = JOB
    form = error.to_dict()
    assert json.loads(error.to_json()) == form
    assert (form["type"], form["message"], form["code"]) == (kind.__name__, "what happened", error.code)
    assert (form["retryable"], form["retry_after"], form["phase"]) == (True, 1.0, "start")
    assert form["hint"] == error.hint
    assert form["cause"]["code"] == "unreachable"
    assert form["cause"]["cause"] is None
    assert URL not in error.to_json()


def test_the_numbers_of_a_limit_are_in_its_json() -> None:
    error = odyssey.RateLimitError(message="Slow down", action="Wait", details={"retry_after_seconds": 3})
    form = error.to_dict()
    assert (form["action"], form["details"]) == ("Wait", {"retry_after_seconds": 3})


def prompts_of(value: Any) -> list[str]:
    """Returns the names of the fields that hold a prompt."""
    return [field.name for field in fields_of(type(value)) if field.name in ("prompt", "applied_prompt")]


@pytest.mark.parametrize("value", [*filter(prompts_of, VALUES)], ids=lambda value: type(value).__name__)
def test_no_value_shows_a_prompt(value: Any) -> None:
    assert "canary" not in repr(attrs.evolve(value, **dict.fromkeys(prompts_of(value), "a canary")))


@WAYS
@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_survives(value: Any, again: Callable[[Any], Any]) -> None:
    twin = again(value)
    assert type(twin) is type(value)
    assert twin == value
    assert repr(twin) == repr(value)


@pytest.mark.parametrize("kind", [odyssey.EveryNth, odyssey.Bounded, odyssey.Lossless])
@pytest.mark.parametrize("amount", [0, 2.5, "8", None, True])
def test_a_policy_checks_itself(kind: Any, amount: Any) -> None:
    with pytest.raises(ValueError, match="must be a whole number of 1 or more"):
        kind(amount)


@WAYS
def test_the_counts_of_a_client_survive_and_stay_as_they_are(again: Callable[[Any], Any]) -> None:
    account: Any = odyssey.Odyssey("ody_k").statistics().frames
    for each in (account, again(account)):
        assert each == odyssey.FrameAccount(0, 0, 0, {})
        with pytest.raises(TypeError):
            each.dropped["replaced"] = 1


@WAYS
@pytest.mark.parametrize(
    "kind", [kind for kind in CLASSES if issubclass(kind, enum.Enum)], ids=lambda kind: kind.__name__
)
def test_a_member_survives_as_itself(kind: type[enum.Enum], again: Callable[[Any], Any]) -> None:
    assert all(again(member) is member for member in kind)


@WAYS
def test_a_frame_survives(again: Callable[[Any], Any]) -> None:
    frame = odyssey.VideoFrame(np.ones((2, 3, 3), np.uint8), 3, 2, 40)
    twin = again(frame)
    assert (twin.width, twin.height, twin.timestamp_ms) == (3, 2, 40)
    assert (twin.data == frame.data).all()


@WAYS
@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_survives_with_all_that_it_knows(
    kind: type[odyssey.OdysseyError], again: Callable[[Any], Any]
) -> None:
    error = kind("what happened", FAILURE)
    error.__cause__ = odyssey.OdysseyConnectionError("why", FAILURE.cause)
    if isinstance(error, odyssey.OdysseySimulationError):
        error.job = JOB
    twin = again(error)
    assert type(twin) is kind
    assert (str(twin), twin.failure, twin.code, twin.detail) == (str(error), FAILURE, error.code, "theirs")
    assert (twin.phase, twin.retry_after, twin.retryable) == ("start", 1.0, True)
    assert type(twin.__cause__) is odyssey.OdysseyConnectionError
    assert twin.__cause__.failure == FAILURE.cause
    assert getattr(twin, "job", JOB) == JOB


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_has_its_code(kind: type[odyssey.OdysseyError]) -> None:
    name = kind.__name__
    assert kind("x").code == CODES[name]
    assert kind("x", odyssey.Failure(odyssey.FailureKind.STATE, "x", code="a.code")).code == "a.code"


@pytest.mark.parametrize("why", odyssey.FailureKind)
def test_a_code_is_a_word_for_programs(why: odyssey.FailureKind) -> None:
    assert odyssey.Failure(why, "x").name == why.value
    assert why.value.isascii()
    assert why.value.replace("_", "").isalpha()
