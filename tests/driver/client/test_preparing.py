"""Preparing a connect over real sockets: what is had by then, and that it harms nobody."""

import math

import anyio
import pytest

from odyssey import Odyssey, OdysseyAuthError, OdysseyConnectionError, OdysseyTimeoutError
from odyssey_anyio.local.service import serve
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.model.address import Region
from odyssey_proto.seam.outputs import Request
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Slow

pytestmark = pytest.mark.anyio


def asked(client: Odyssey) -> list[str]:
    """Returns the paths of the requests that a client has made."""
    trace = client.trace
    assert trace is not None
    outputs = [output for step in trace.raw.steps for output in step.outputs]
    return ["/" + each.request.url.split("/", 3)[3] for each in outputs if isinstance(each, Request)]


async def test_what_was_prepared_a_connect_does_not_ask_for() -> None:
    async with serve() as region:
        config = ServiceConfig(regions=[Region("here", f"{region.url}/ping")])
        async with serve(config) as service, Odyssey("ody_test", api_url=service.url) as client:
            await client.prepare()
            assert asked(client) == ["/auth/token", "/regions", "/ping"]
            await client.connect()
            assert asked(client)[3:] == ["/sessions/request", "/sessions/token", "/config"]
            assert client.is_connected


async def test_preparing_may_be_all_that_a_client_does() -> None:
    async with serve() as service:
        async with Odyssey("ody_test", api_url=service.url) as client:
            await client.prepare()
        await client.prepare()
        await client.disconnect()


async def test_what_goes_wrong_is_said_and_a_connect_may_follow() -> None:
    config = ServiceConfig(keys=["ody_good"])
    async with serve(config) as service, Odyssey("ody_bad", api_url=service.url) as client:
        with pytest.raises(OdysseyAuthError):
            await client.prepare()
    async with Odyssey("ody_test", api_url="http://127.0.0.1:9") as client:
        with pytest.raises(OdysseyConnectionError):
            await client.prepare()


async def test_it_has_its_own_deadline() -> None:
    config = ServiceConfig(faults=[Slow("/auth/token", 5.0)])
    async with serve(config) as service, Odyssey("ody_test", api_url=service.url) as client:
        with pytest.raises(OdysseyTimeoutError):
            await client.prepare(timeout=0.05)
        with pytest.raises(ValueError, match="timeout"):
            await client.prepare(timeout=0)


async def test_who_is_cancelled_leaves_nothing() -> None:
    config = ServiceConfig(faults=[Slow("/auth/token", 5.0)])
    async with serve(config) as service, Odyssey("ody_test", api_url=service.url) as client:
        with anyio.move_on_after(0.05) as scope:
            await client.prepare()
        assert scope.cancelled_caught


def woken_for_upkeep(client: Odyssey) -> bool:
    """Tells whether a client wants to be woken to keep fresh what it prepared."""
    assert client.trace is not None
    deadline = client.trace.raw.steps[-1].deadline
    return deadline is not None and deadline.reason is ClientTimer.UPKEEP


async def test_what_is_prepared_is_kept_fresh_until_a_connect_begins() -> None:
    async with serve() as service, Odyssey("ody_test", api_url=service.url) as client:
        await client.prepare()
        assert not woken_for_upkeep(client)
        await client.prepare(keep=60)
        assert woken_for_upkeep(client)
        await client.connect()
        await client.disconnect()
        assert not woken_for_upkeep(client)


@pytest.mark.long
async def test_connections_stay_open_for_longer_than_unused_ones_do() -> None:
    async with serve() as region:
        config = ServiceConfig(regions=[Region("here", f"{region.url}/ping")])
        async with serve(config) as service, Odyssey("ody_test", api_url=service.url) as client:
            await client.prepare(keep=60)
            await anyio.sleep(22)
            assert asked(client) == ["/auth/token", "/regions", *["/ping"] * 5]
            await client.connect()
            assert asked(client)[7:] == ["/sessions/request", "/sessions/token", "/config"]


async def test_what_is_kept_fresh_ends_with_the_client() -> None:
    async with serve() as service:
        client = Odyssey("ody_test", api_url=service.url)
        await client.prepare(keep=60)
        await client.disconnect()
        assert not woken_for_upkeep(client)
        async with client:
            await client.prepare(keep=60)
        assert not woken_for_upkeep(client)
        for wrong in (-1, 1e12, math.inf):
            with pytest.raises(
                ValueError, match="keep must be a number of seconds above 0 and at most 1,000,000,000"
            ):
                await client.prepare(keep=wrong)
