"""A connect over real sockets and real WebRTC, cancelled at every step that the core takes on its way."""

import anyio
import anyio.lowlevel
import pytest

from odyssey import ConnectionStatus, Odyssey
from odyssey_anyio.local.service import serve
from odyssey_proto.service.io.config import ServiceConfig

pytestmark = pytest.mark.anyio

WITHIN = 60.0
"""More than all of it takes, in seconds."""


def steps(client: Odyssey) -> int:
    return 0 if client.trace is None else len(client.trace)


async def test_a_connect_cancelled_at_every_step_leaves_nothing() -> None:
    interrupted = finished = step = 0
    # With one place only, a session that is not given back keeps the next connect in the queue.
    async with serve(ServiceConfig(capacity=1)) as service:
        with anyio.fail_after(WITHIN):
            while finished < 2:
                client = Odyssey("ody_test", api_url=service.url)
                async with anyio.create_task_group() as group:
                    group.start_soon(client.connect)
                    while steps(client) < step and not client.is_connected:
                        await anyio.lowlevel.checkpoint()
                    if client.is_connected:
                        finished += 1
                    else:
                        interrupted += 1
                    group.cancel_scope.cancel()
                await client.aclose()
                assert client.current_status is ConnectionStatus.DISCONNECTED
                step += 1
            async with Odyssey("ody_test", api_url=service.url) as last:
                await last.connect()
                assert last.is_connected
    assert interrupted > 10
