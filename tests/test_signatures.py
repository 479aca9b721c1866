"""The signatures of the public API: every name, parameter, order and default of docs/protocol.md#methods."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import odyssey

HANDLERS = (
    "on_connected=None, on_disconnected=None, on_video_frame=None, on_stream_started=None, "
    "on_stream_ended=None, on_interact_acknowledged=None, on_broadcast_ready=None, on_stream_error=None, "
    "on_error=None, on_status_change=None"
)

METHODS = {
    "connect": HANDLERS,
    "create_client_credentials": "",
    "connect_with_credentials": f"credentials, {HANDLERS}",
    "start_stream": (
        "prompt='', portrait=True, image=None, image_path=None, bypass_prompt_expansion=None, broadcast=False"
    ),
    "interact": "prompt",
    "end_stream": "",
    "get_recording": "stream_id",
    "list_stream_recordings": "limit=None, offset=None",
    "simulate": "script=None, *, scripts=None, script_url=None, portrait=True, bypass_prompt_expansion=None",
    "get_simulate_status": "job_id",
    "list_simulations": "*, status=None, active=None, limit=None, offset=None",
    "cancel_simulation": "job_id",
    "disconnect": "",
}

PROPERTIES = ("is_connected", "current_status", "current_session_id", "last_applied_prompt")


def signature(source: str) -> inspect.Signature:
    """Returns the signature that a parameter list describes."""
    space: dict[str, Any] = {}
    exec(f"def documented({source}): ...", space)
    return inspect.signature(space["documented"])


def fits(ours: inspect.Signature, documented: inspect.Signature) -> bool:
    """Tells whether every documented call means the same to ours, which may take more by keyword."""
    mine = [each for each in ours.parameters.values() if each.name != "self"]
    positional = [each.name for each in mine if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    wanted = list(documented.parameters.values())
    in_order = [each.name for each in wanted if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    known = {each.name: each for each in mine}
    return (
        positional[: len(in_order)] == in_order
        and all(each.name in known and known[each.name].default == each.default for each in wanted)
        and all(each.default is not inspect.Parameter.empty for each in mine[len(wanted) :])
    )


@pytest.mark.parametrize("name", METHODS)
def test_a_method_takes_what_is_documented(name: str) -> None:
    method: Callable[..., Any] = getattr(odyssey.Odyssey, name)
    assert inspect.iscoroutinefunction(method)
    assert fits(inspect.signature(method), signature(METHODS[name])), inspect.signature(method)


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_property_is_one(name: str) -> None:
    assert isinstance(inspect.getattr_static(odyssey.Odyssey, name), property)


def test_the_constructor_takes_what_is_documented() -> None:
    documented = signature("api_key='', *, api_url=None, debug=False, advanced=None, enable_telemetry=True")
    ours = inspect.signature(odyssey.Odyssey)
    assert next(iter(ours.parameters)) == "api_key"
    assert set(documented.parameters) <= set(ours.parameters)
    for name, each in documented.parameters.items():
        assert ours.parameters[name].default == each.default
        assert name == "api_key" or ours.parameters[name].kind is each.kind
    assert all(each.default is not inspect.Parameter.empty for each in ours.parameters.values())


@pytest.mark.parametrize("bad", [{"api_key": 7}, {"api_key": None, "nonsense": 1}, {"unknown": True}])
def test_the_constructor_refuses_what_it_does_not_know(bad: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        odyssey.Odyssey(**bad)


def test_connect_to_stream_takes_what_is_documented() -> None:
    documented = "webrtc_url, spectator_token, on_video_frame=None, on_disconnected=None, debug=False"
    assert inspect.iscoroutinefunction(odyssey.connect_to_stream)
    assert fits(inspect.signature(odyssey.connect_to_stream), signature(documented))


def test_the_tree_of_errors() -> None:
    assert issubclass(odyssey.OdysseyError, Exception)
    for kind in ("Auth", "Connection", "Stream", "Usage"):
        assert issubclass(getattr(odyssey, f"Odyssey{kind}Error"), odyssey.OdysseyError)
    for limit in (
        odyssey.MonthlyLimitReachedError,
        odyssey.ConcurrentLimitReachedError,
        odyssey.StreamDurationExceededError,
        odyssey.AccountSuspendedError,
        odyssey.RateLimitError,
    ):
        assert issubclass(limit, odyssey.OdysseyUsageError)
