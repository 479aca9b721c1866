"""A session through a real TURN server: relays only, over UDP and TCP, and what goes wrong with them."""

from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from house.turn_server import TURNSERVER, USER, WORD, Turn, free_port, relaying

from odyssey import IcePolicy, Odyssey, OdysseyConnectionError, Timeouts
from odyssey_anyio.local.service import serve
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.ice import IceServer
from odyssey_proto.service.io.config import ServiceConfig

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(TURNSERVER is None, reason="there is no turnserver here (Debian's coturn)"),
]


@pytest.fixture(scope="module")
def turn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Turn]:
    with relaying(tmp_path_factory.mktemp("turn")) as turn:
        yield turn


def server(url: str, word: str = WORD) -> IceServer:
    return IceServer((url,), Secret(USER), Secret(word))


async def watched(servers: tuple[IceServer, ...], **policy: Any) -> int:
    """Connects by these servers and returns how many frames came of ten."""
    async with (
        serve(ServiceConfig(ice_servers=servers)) as service,
        Odyssey("ody_test", api_url=service.url, ice=IcePolicy(**policy)) as client,
    ):
        await client.connect()
        count = 0
        async with client.stream("A cat") as live:
            async for frame in live.frames():
                assert frame.data.shape == (frame.height, frame.width, 3)
                count += 1
                if count == 10:
                    break
        return count


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_relays_only(turn: Turn, transport: str) -> None:
    before = turn.logged("ALLOCATE processed, success")
    with anyio.fail_after(30):
        assert await watched((server(turn.url(transport)),), relay_only=True) == 10
    assert turn.logged("ALLOCATE processed, success") > before


async def test_a_dead_server_costs_its_time_and_the_next_serves(turn: Turn) -> None:
    dead = server(f"turn:127.0.0.1:{free_port()}?transport=udp")
    with anyio.fail_after(30):
        assert await watched((dead, server(turn.url())), relay_only=True, gather_timeout=0.3) == 10


async def test_where_direct_connections_are_allowed_a_bad_relay_is_no_hindrance(turn: Turn) -> None:
    with anyio.fail_after(30):
        assert await watched((server(turn.url(), "wrong"),)) == 10


@pytest.mark.parametrize("wrong", ["word", "port", "none"])
async def test_relays_only_and_none_to_be_had(
    turn: Turn, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    servers = {
        "word": (server(turn.url(), "canary-wrong-word"),),
        "port": (server(f"turn:127.0.0.1:{free_port()}?transport=udp"),),
        "none": (),
    }[wrong]
    async with (
        serve(ServiceConfig(ice_servers=servers)) as service,
        Odyssey(
            "ody_test",
            api_url=service.url,
            ice=IcePolicy(relay_only=True, gather_timeout=0.5),
            timeouts=Timeouts(negotiate=10.0),
        ) as client,
    ):
        with anyio.fail_after(20), pytest.raises(OdysseyConnectionError) as caught:
            await client.connect()
    error = caught.value
    assert error.code == "network.no_relay"
    assert "relay" in str(error)
    assert error.phase == "negotiate"
    assert "canary" not in caplog.text + str(error) + repr(error)
