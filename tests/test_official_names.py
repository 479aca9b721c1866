"""What programs for the official client import and construct."""

import importlib
import inspect
import subprocess
import sys

import pytest

import odyssey

HOMES = {
    "odyssey.exceptions": """
        OdysseyError OdysseyAuthError OdysseyConnectionError OdysseyStreamError OdysseyUsageError
        MonthlyLimitReachedError ConcurrentLimitReachedError StreamDurationExceededError
        AccountSuspendedError RateLimitError
    """,
    "odyssey.types": """
        VideoFrame ConnectionStatus Recording StreamRecordingInfo StreamRecordingsList BroadcastInfo
        StreamerCapabilities ClientCredentials SimulationJobStatus SimulationStream SimulationJobInfo
        SimulationJobDetail SimulationJobsList OdysseyEventHandlers VideoFrameCallback ConnectedCallback
        DisconnectedCallback StreamStartedCallback StreamEndedCallback StreamErrorCallback
        InteractAcknowledgedCallback BroadcastReadyCallback ErrorCallback StatusChangeCallback
    """,
    "odyssey.config": "ClientConfig AdvancedConfig",
    "odyssey.client": "Odyssey",
}


@pytest.mark.parametrize("home", HOMES)
def test_a_module_has_the_documented_names(home: str) -> None:
    module = importlib.import_module(home)
    for name in HOMES[home].split():
        assert getattr(module, name) is getattr(odyssey, name)


def test_a_module_is_there_once_the_package_is_imported() -> None:
    uses = "; ".join(f"{home}.{names.split()[0]}" for home, names in HOMES.items())
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import odyssey; {uses}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


LIMITS = ["MonthlyLimitReachedError", "ConcurrentLimitReachedError", "StreamDurationExceededError"]
LIMITS += ["AccountSuspendedError", "RateLimitError", "OdysseyUsageError"]


@pytest.mark.parametrize("name", LIMITS)
def test_a_usage_error_is_made_by_name(name: str) -> None:
    kind: type[odyssey.OdysseyUsageError] = getattr(odyssey, name)
    error = kind(code="CODE", message="Slow down", action="Wait", action_url="https://a/", details={"n": 3})
    assert (error.code, error.action, error.action_url, error.details) == (
        "CODE",
        "Wait",
        "https://a/",
        {"n": 3},
    )
    assert (str(error), error.args, error.hint) == ("Slow down", ("Slow down",), "Wait https://a/")
    assert error.failure.kind is odyssey.FailureKind.USAGE_LIMIT
    plain = kind("Slow down")
    assert (plain.action, plain.action_url, plain.details) == ("", None, {})


def test_a_rate_limit_that_is_made_says_when_to_come_back() -> None:
    error = odyssey.RateLimitError(message="Slow down", details={"retry_after_seconds": 3})
    assert (error.code, error.retryable, error.retry_after) == ("RATE_LIMITED", True, 3.0)


def test_a_peer_connection_says_what_to_use_instead() -> None:
    of_spectator = inspect.getattr_static(odyssey.SpectatorConnection, "peer_connection")
    with pytest.raises(odyssey.OdysseyAttributeError, match="account") as caught:
        of_spectator.fget(None)
    assert isinstance(caught.value, AttributeError)


@pytest.mark.parametrize("given", [None, ""])
def test_no_key_counts_as_none_given(given: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODYSSEY_API_KEY", "ody_environment")
    assert odyssey.Odyssey(api_key=given)._settings.api_key.reveal() == "ody_environment"


def test_a_key_of_another_class_is_an_error_of_both_kinds() -> None:
    with pytest.raises(odyssey.OdysseyTypeError, match="must be a string, not int") as caught:
        odyssey.Odyssey(7)  # type: ignore[arg-type]  # that is the test
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, odyssey.OdysseyError)
