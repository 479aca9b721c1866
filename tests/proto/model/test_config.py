"""What a user can set, and what is refused (docs/protocol.md#configuration-surface)."""

import dataclasses
from typing import Any, cast

import attrs
import pytest

from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.config import AdvancedConfig, IcePolicy, Limits, ReconnectPolicy, Timeouts
from odyssey_proto.seam.settings import Settings

POSITIVE = [name for name in attrs.fields_dict(Timeouts) if name != "queue"]


def test_the_documented_defaults() -> None:
    assert AdvancedConfig() == AdvancedConfig(5, 1000, 2000, 2.0, 30)


@pytest.mark.parametrize("name", POSITIVE)
@pytest.mark.parametrize(
    "value", [0, -1, float("nan"), float("inf"), 1e300, pytest.param(10**400, id="huge"), "5", None, True]
)
def test_a_wait_must_be_a_positive_number(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a number above 0"):
        Timeouts(**{name: value})


@pytest.mark.parametrize("name", POSITIVE)
def test_a_wait_may_be_any_positive_number(name: str) -> None:
    assert getattr(Timeouts(**{name: 0.25}), name) == 0.25


def test_the_queue_may_be_left_to_the_config_or_be_nothing() -> None:
    assert Timeouts().queue is None
    assert Timeouts(queue=0).queue == 0
    with pytest.raises(ValueError, match=r"queue must be a number from 0 to 1,000,000,000"):
        Timeouts(queue=-1)


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(AdvancedConfig)])
@pytest.mark.parametrize("value", [-1, float("nan"), "5", None])
def test_retries_are_not_negative(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        AdvancedConfig(**{name: value})


@pytest.mark.parametrize("multiplier", [0.5, 1001])
def test_a_backoff_never_shrinks_and_never_leaps(multiplier: float) -> None:
    with pytest.raises(ValueError, match="retry_backoff_multiplier must be a number from 1 to 1000"):
        AdvancedConfig(retry_backoff_multiplier=multiplier)


@pytest.mark.parametrize("name", ["max_retries", "initial_retry_delay_ms", "max_retry_delay_ms"])
def test_tries_and_milliseconds_are_whole(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a whole number of 0 or more"):
        AdvancedConfig(**cast(Any, {name: 2.5}))


def test_the_documented_limits_are_announced() -> None:
    assert Limits() == Limits(stream=150, connection=3600, ahead=15)
    assert Limits(stream=None, connection=None, ahead=0).stream is None
    for name, value in (("stream", 0), ("connection", -1), ("ahead", -1), ("ahead", None), ("stream", "5")):
        with pytest.raises(ValueError, match=f"{name} must be a number"):
            Limits(**cast(Any, {name: value}))


def test_gathering_takes_some_time() -> None:
    assert IcePolicy().gather_timeout == 2
    with pytest.raises(ValueError, match="gather_timeout"):
        IcePolicy(gather_timeout=0)


@pytest.mark.parametrize(
    "wrong", [{"timeouts": 5}, {"advanced": None}, {"limits": "none"}, {"ice": Limits()}]
)
def test_settings_are_what_they_are_called(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} must be \\w+, not {type(wrong[name]).__name__}"):
        Settings(api_url="https://api.example", api_key=Secret("ody_a"), seed=b"", **wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"per_loss": -1}, {"per_session": 1.5}, {"first_delay": -1}, {"restart_stream": 1}, {"renew_before": 0}],
)
def test_a_policy_of_reconnecting_makes_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ReconnectPolicy(**wrong)
