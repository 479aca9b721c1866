"""What clients of one key tell each other: the next begins with the token and the map of the one before."""

import pickle
from functools import partial
from typing import Any

import anyio
import pytest

import odyssey.sync
from odyssey import Odyssey, OdysseyValueError, SharedAccess
from odyssey_anyio.api.shared_access import Sharing
from odyssey_anyio.local.service import serve
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.access import RegionMap, ServiceAccess
from odyssey_proto.model.address import Region
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.seam.outputs import Request
from odyssey_proto.seam.settings import Settings
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Refuse
from odyssey_proto.trace import format
from odyssey_proto.trace.values import Step

pytestmark = pytest.mark.anyio


def asked(trace: Any) -> list[str]:
    """Returns the paths of the requests of a trace."""
    outputs = [output for step in trace.raw.steps for output in step.outputs]
    return ["/" + each.request.url.split("/", 3)[3] for each in outputs if isinstance(each, Request)]


async def test_the_next_client_begins_with_what_the_one_before_has_learned() -> None:
    async with serve() as region:
        config = ServiceConfig(regions=[Region("here", f"{region.url}/ping")])
        async with serve(config) as service:
            shared = SharedAccess()
            assert repr(shared) == "<SharedAccess>"
            async with Odyssey("ody_test", api_url=service.url, shared=shared) as first:
                await first.prepare()
                assert asked(first.trace) == ["/auth/token", "/regions", "/ping"]
            assert repr(shared) == "<SharedAccess token regions>"
            async with Odyssey("ody_test", api_url=service.url, shared=shared) as second:
                await second.prepare()
                assert asked(second.trace) == []
                await second.connect()
                assert second.is_connected
                assert second.trace is not None
                # What it began with is in its trace, and the token is none of what is saved.
                known = second.trace.raw.header.settings.known
                saved = await anyio.to_thread.run_sync(second.trace.redacted)
                assert saved.header.settings.known is not None
                assert known is not None
                assert known.token is not None
                assert known.token.reveal() not in "".join(format.lines(saved))


async def test_one_client_may_run_in_another_thread() -> None:
    async with serve() as service:
        shared = SharedAccess()
        async with Odyssey("ody_test", api_url=service.url, shared=shared) as first:
            await first.list_simulations()

        def beside() -> list[str]:
            with odyssey.sync.Odyssey("ody_test", api_url=service.url, shared=shared) as second:
                second.list_simulations()
                return asked(second.trace)

        assert await anyio.to_thread.run_sync(beside) == ["/simulation-jobs"]


async def test_a_token_that_is_refused_is_got_anew_and_shared() -> None:
    refused = Refuse("/simulation-jobs", HttpReply(401))
    async with serve(ServiceConfig(faults=[refused])) as service:
        shared = SharedAccess()
        async with Odyssey("ody_test", api_url=service.url, shared=shared) as first:
            await first.list_simulations()
            assert asked(first.trace).count("/auth/token") == 2
        async with Odyssey("ody_test", api_url=service.url, shared=shared) as second:
            await second.list_simulations()
            assert asked(second.trace).count("/auth/token") == 0


async def test_what_is_newer_is_kept_and_a_token_that_is_gone_is_shared_no_more() -> None:
    async with Odyssey("ody_one", api_url="http://127.0.0.1:9", shared=(shared := SharedAccess())):
        settings = Settings(api_url="http://127.0.0.1:9", api_key=Secret("ody_one"))
        has = [ServiceAccess()] * 2
        sharing = [Sharing(shared, settings) for _ in has]
        for number, each in enumerate(sharing):
            assert each.begin(settings).known == ServiceAccess()
            each.look_on(partial(has.__getitem__, number))

        def learns(number: int, access: ServiceAccess) -> ServiceAccess | None:
            has[number] = access
            sharing[number].stepped(Step(Instant(0), Wake()))
            return Sharing(shared, settings).begin(settings).known

        new = ServiceAccess(Secret("new"), 20, RegionMap((), None, 20))
        assert learns(0, new) == new
        # What the other has got before that is older, and what it lost is not what is shared.
        assert learns(1, ServiceAccess(Secret("old"), 10, RegionMap((), None, 10))) == new
        assert learns(1, ServiceAccess(None, 0, RegionMap((), None, 10))) == new
        assert learns(0, ServiceAccess(None, 0, new.regions)) == ServiceAccess(None, 0, new.regions)


async def test_it_belongs_to_one_key_at_one_address() -> None:
    shared = SharedAccess()
    Odyssey("ody_one", api_url="http://127.0.0.1:9", shared=shared)
    for key, url in (("ody_two", "http://127.0.0.1:9"), ("ody_one", "http://127.0.0.1:10")):
        with pytest.raises(OdysseyValueError, match="clients of another API key or address"):
            Odyssey(key, api_url=url, shared=shared)
    with pytest.raises(OdysseyValueError, match="shared must be SharedAccess or None, not dict"):
        Odyssey("ody_one", shared={})
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(shared)


async def test_a_client_that_is_refused_for_something_else_takes_no_part() -> None:
    shared = SharedAccess()
    with pytest.raises(OdysseyValueError, match="telemetry"):
        Odyssey("ody_one", shared=shared, telemetry=object())  # type: ignore[arg-type]  # what is tested
    Odyssey("ody_two", shared=shared)
