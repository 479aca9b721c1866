"""The local service answers STUN where its `/config` says, so that nobody asks a server elsewhere."""

import anyio
import httpx
import pytest
from aioice import stun

from odyssey_anyio.local.service import serve
from odyssey_proto.model.ice import IceServer
from odyssey_proto.service.io.config import ServiceConfig

pytestmark = pytest.mark.anyio


async def named(url: str) -> list[str]:
    """Returns the ICE servers that a service names."""
    reply = await anyio.to_thread.run_sync(lambda: httpx.get(f"{url}/config", trust_env=False))
    return [one for server in reply.json()["iceServers"] for one in server["urls"]]


async def test_it_tells_who_asks_where_it_comes_from() -> None:
    async with serve() as service:
        (url,) = await named(service.url)
        scheme, host, port = url.split(":")
        assert (scheme, host) == ("stun", "127.0.0.1")
        async with await anyio.create_connected_udp_socket(host, int(port)) as socket:
            await socket.send(b"noise")
            request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
            await socket.send(bytes(request))
            with anyio.fail_after(10):
                reply = stun.parse_message(await socket.receive())
            here = socket.extra(anyio.abc.SocketAttribute.local_address)
    assert reply.transaction_id == request.transaction_id
    assert reply.attributes["XOR-MAPPED-ADDRESS"] == here


async def test_servers_that_are_configured_are_named_instead() -> None:
    config = ServiceConfig(ice_servers=[IceServer(("stun:192.0.2.1:3478",))])
    async with serve(config) as service:
        assert await named(service.url) == ["stun:192.0.2.1:3478"]
