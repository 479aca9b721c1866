"""The tree of errors: which failure becomes which class, and what every error can do."""

import copy
import pickle

import pytest

import odyssey
from odyssey_anyio.errors.classes import OdysseyError
from odyssey_anyio.errors.mapping import Calling, error_of
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase, UsageCode, UsageLimit
from odyssey_proto.kernel.machine import seconds


def limit(code: str = UsageCode.RATE_LIMITED) -> UsageLimit:
    return UsageLimit(code, "Too\nfast", "Wait", "https://portal", (("retry_after_seconds", 3),))


def failure(why: FailureKind) -> Failure:
    usage = limit() if why is FailureKind.USAGE_LIMIT else None
    return Failure(
        why,
        "it broke",
        code="a.code",
        phase=Phase.START,
        status=418,
        missing=("video track",),
        usage=usage,
        retry_after=seconds(1.5),
        detail="theirs",
    )


EVERY = pytest.mark.parametrize(
    ("why", "calling"), [(why, calling) for why in FailureKind for calling in Calling], ids=str
)


@EVERY
def test_every_failure_has_its_error(why: FailureKind, calling: Calling) -> None:
    error = error_of(failure(why), calling)
    assert isinstance(error, OdysseyError)
    assert type(error).__module__ == "odyssey"
    assert getattr(odyssey, type(error).__name__) is type(error)
    assert error.failure == failure(why)
    assert (error.phase, error.status, error.missing) == ("start", 418, ("video track",))
    assert (error.retry_after, error.detail) == (1.5, "theirs")
    assert error.retryable == failure(why).retryable
    assert "\n" not in str(error)
    assert isinstance(error, odyssey.OdysseyStreamError) or calling is not Calling.STREAM


@EVERY
def test_every_error_survives_being_copied(why: FailureKind, calling: Calling) -> None:
    error = error_of(failure(why), calling)
    error.add_note("seen")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is type(error)
        assert (other.args, other.failure, str(other)) == (error.args, error.failure, str(error))
        assert other.failure.detail == "theirs"
        assert other.__notes__ == error.__notes__
        assert other.__notes__[-1] == "seen"


@pytest.mark.parametrize("name", [name for name in odyssey.__all__ if name.endswith("Error")])
def test_every_error_can_be_made_by_hand(name: str) -> None:
    kind = getattr(odyssey, name)
    error = kind("one\n line")
    assert (str(error), error.args) == ("one line", ("one\n line",))
    assert error.failure.text == "one\n line"
    assert repr(error).startswith(f"{name}('one line', code=")
    assert str(kind()) == ""


@pytest.mark.parametrize(
    ("why", "calling", "builtin"),
    [
        (FailureKind.AUTH_REFUSED, Calling.CONNECTION, ValueError),
        (FailureKind.NOT_FOUND, Calling.REST, ValueError),
        (FailureKind.NOT_FOUND, Calling.REST, ConnectionError),
        (FailureKind.BAD_REQUEST, Calling.REST, ValueError),
        (FailureKind.SERVER_BROKE, Calling.REST, ConnectionError),
        (FailureKind.INVALID, Calling.REST, ValueError),
        (FailureKind.INVALID, Calling.STREAM, ValueError),
        (FailureKind.UNREACHABLE, Calling.STREAM, ConnectionError),
        (FailureKind.TIMED_OUT, Calling.CONNECTION, TimeoutError),
        (FailureKind.TIMED_OUT, Calling.STREAM, TimeoutError),
    ],
)
def test_the_builtin_that_the_official_client_raises(
    why: FailureKind, calling: Calling, builtin: type[Exception]
) -> None:
    assert isinstance(error_of(failure(why), calling), builtin)


@pytest.mark.parametrize("why", [FailureKind.MALFORMED, FailureKind.SERVER_BROKE, FailureKind.BAD_REQUEST])
def test_a_bad_reply_is_no_authentication_error(why: FailureKind) -> None:
    words = Failure(why, "401 403 invalid key", status=500)
    for calling in Calling:
        assert not isinstance(error_of(words, calling), odyssey.OdysseyAuthError)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (UsageCode.MONTHLY_LIMIT_REACHED, odyssey.MonthlyLimitReachedError),
        (UsageCode.CONCURRENT_LIMIT_REACHED, odyssey.ConcurrentLimitReachedError),
        (UsageCode.STREAM_DURATION_EXCEEDED, odyssey.StreamDurationExceededError),
        (UsageCode.ACCOUNT_SUSPENDED, odyssey.AccountSuspendedError),
        (UsageCode.RATE_LIMITED, odyssey.RateLimitError),
        ("SOMETHING_NEW", odyssey.OdysseyUsageError),
    ],
)
@pytest.mark.parametrize("calling", Calling)
def test_a_limit_has_the_class_of_its_code(
    code: str, kind: type[odyssey.OdysseyUsageError], calling: Calling
) -> None:
    error = error_of(Failure(FailureKind.USAGE_LIMIT, "too fast", usage=limit(code)), calling)
    assert isinstance(error, kind)
    assert isinstance(error, odyssey.OdysseyStreamError) == (calling is Calling.STREAM)
    assert (error.code, error.action, error.action_url) == (code, "Wait", "https://portal")
    assert error.details == {"retry_after_seconds": 3}
    assert error.args == ("Too\nfast",)
    assert (str(error), error.hint) == ("Too fast", "Wait https://portal")


def test_a_limit_made_by_hand_is_empty() -> None:
    error = odyssey.OdysseyUsageError("no more")
    assert (error.code, error.action, error.action_url, error.details) == ("UNKNOWN", "", None, {})


def test_a_cause_is_chained() -> None:
    outer = Failure(FailureKind.UNREACHABLE, "gave up", cause=Failure(FailureKind.TIMED_OUT, "no answer"))
    assert isinstance(error_of(outer).__cause__, odyssey.OdysseyTimeoutError)


@pytest.mark.parametrize(
    ("seen", "hint"),
    [
        (Failure(FailureKind.TIMED_OUT, "", phase=Phase.NEGOTIATE), "Timeouts(negotiate=…)"),
        (Failure(FailureKind.AUTH_REFUSED, "", code="auth.no_key"), "ODYSSEY_API_KEY"),
        (Failure(FailureKind.AUTH_REFUSED, "", code="auth.other"), "Check the API key"),
        (Failure(FailureKind.AUTH_REFUSED, "", phase=Phase.SIGNAL), "not the API key"),
        (Failure(FailureKind.STATE, "", code="state.not_connected"), "connect()"),
    ],
)
def test_a_hint_says_what_may_help(seen: Failure, hint: str) -> None:
    said = error_of(seen).hint
    assert said is not None
    assert hint in said


def test_there_may_be_no_hint() -> None:
    assert error_of(Failure(FailureKind.MALFORMED, "odd")).hint is None
