"""Limits on demand: what the service says is what the client's messages understand."""

import pytest

from odyssey_proto.kernel.failures import UsageCode
from odyssey_proto.messages import stream
from odyssey_proto.messages.refusals import refusal
from odyssey_proto.service.io.faults import Moment
from odyssey_proto.service.io.usage_faults import LIMITS, fail_stream, limit_of, refuse


@pytest.mark.parametrize("bare", [True, False])
@pytest.mark.parametrize("status", [429, 403])
@pytest.mark.parametrize("code", UsageCode)
def test_every_limit_is_understood(code: UsageCode, status: int, bare: bool) -> None:
    fault = refuse("/regions", code, status=status, bare=bare, retry_after="7", times=3)
    failure = refusal(fault.reply, "regions")
    assert (fault.path, fault.times) == ("/regions", 3)
    assert failure.usage == limit_of(code)
    assert (failure.status, failure.retry_after) == (status, 7_000_000)


def test_a_rate_limit_says_its_wait_by_itself() -> None:
    assert refusal(refuse("/", UsageCode.RATE_LIMITED).reply, "x").retry_after == 2_000_000


@pytest.mark.parametrize("reason", LIMITS)
def test_every_reason_is_a_limit(reason: str) -> None:
    fault = fail_stream(reason, Moment.UPDATE)
    assert fault.at is Moment.UPDATE
    failure = stream.stream_failure(stream.InteractiveStreamError(fault.reason, fault.message))
    assert failure.usage is not None
    assert failure.usage.code == LIMITS[reason]
