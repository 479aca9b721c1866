"""Every limit of an account, wherever it arises: from the local service, by the class of its code."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import odyssey
from odyssey import Odyssey, OdysseyStreamError, OdysseyUsageError
from odyssey_anyio.local.service import serve
from odyssey_proto.kernel.failures import UsageCode
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Moment
from odyssey_proto.service.io.usage_faults import DETAILS, LIMITS, PORTAL, fail_stream, refuse

pytestmark = pytest.mark.anyio

CLASSES: dict[UsageCode, type[OdysseyUsageError]] = {
    UsageCode.MONTHLY_LIMIT_REACHED: odyssey.MonthlyLimitReachedError,
    UsageCode.CONCURRENT_LIMIT_REACHED: odyssey.ConcurrentLimitReachedError,
    UsageCode.STREAM_DURATION_EXCEEDED: odyssey.StreamDurationExceededError,
    UsageCode.ACCOUNT_SUSPENDED: odyssey.AccountSuspendedError,
    UsageCode.RATE_LIMITED: odyssey.RateLimitError,
}
SCRIPT = [{"timestamp_ms": 0, "start": {"prompt": "a"}}, {"timestamp_ms": 900, "end": {}}]

CALLS: dict[str, Callable[[Odyssey], Awaitable[Any]]] = {
    "/auth/token": lambda client: client.connect(),
    "/sessions/request": lambda client: client.connect(),
    "/sessions/token": lambda client: client.create_client_credentials(),
    "/simulation-jobs": lambda client: client.simulate(SCRIPT),
    "/simulation-jobs/j": lambda client: client.get_simulate_status("j"),
    "/recordings/r": lambda client: client.get_recording("r"),
    "/stream-recordings": lambda client: client.list_stream_recordings(),
}


@pytest.mark.parametrize("path", CALLS)
async def test_a_call(path: str) -> None:
    forms = [{"status": 429}, {"status": 429, "bare": True}, {"status": 403}, {"status": 402, "bare": True}]
    wanted = [(code, form) for code in UsageCode for form in forms]
    # A wait that is longer than the call may take is not waited for; a shorter one is tried again.
    faults = [refuse(path, code, retry_after="40", **form) for code, form in wanted]
    async with (
        serve(ServiceConfig(faults=faults, capacity=100)) as service,
        Odyssey("ody_test", api_url=service.url) as client,
    ):
        for code, form in wanted:
            with pytest.raises(OdysseyUsageError) as caught:
                await CALLS[path](client)
            error = caught.value
            assert type(error) is CLASSES[code]
            assert (error.code, error.status) == (code.value, form["status"])
            assert (error.action, error.action_url) == ("See your plan", PORTAL)
            assert error.details == DETAILS[code]
            assert error.retry_after == 40
            assert str(error) == f"{code.value.replace('_', ' ').lower()}!"


async def steer(client: Odyssey) -> None:
    await client.start_stream("a")
    await client.interact("b")


@pytest.mark.parametrize("at", [Moment.START, Moment.UPDATE])
async def test_a_stream(at: Moment) -> None:
    faults = [fail_stream(reason, at) for reason in LIMITS]
    async with (
        serve(ServiceConfig(faults=faults)) as service,
        Odyssey("ody_test", api_url=service.url) as client,
    ):
        await client.connect()
        for code in LIMITS.values():
            with pytest.raises(CLASSES[code]) as caught:
                await steer(client)
            assert isinstance(caught.value, OdysseyStreamError)
            assert caught.value.code == code.value
            assert caught.value.detail == f"{code.value.replace('_', ' ').lower()}!"
            await client.end_stream()


async def test_a_wait_that_is_asked_for_is_kept_where_a_retry_is_safe() -> None:
    faults = [refuse("/auth/token", UsageCode.RATE_LIMITED, retry_after="0", times=2)]
    async with (
        serve(ServiceConfig(faults=faults)) as service,
        Odyssey("ody_test", api_url=service.url) as client,
    ):
        await client.connect()
        assert client.is_connected
