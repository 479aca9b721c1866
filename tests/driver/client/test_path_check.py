"""A silent peer, for an application: what a transport can tell of the WebSocket, and what is made of that."""

from collections.abc import Callable

import anyio
import pytest
from inmemory import World
from inmemory.transports import Exchanges, Sockets

from odyssey import ConnectionStatus, Odyssey, ReconnectPolicy
from odyssey_proto.client.live.path_check import GRACE_TIME
from odyssey_proto.seam.inputs import PeerState, SocketId

pytestmark = pytest.mark.anyio

CONFIG = "/config"


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(30):
        while not condition():
            await anyio.sleep(0.001)


async def test_a_ping_that_is_not_answered_costs_the_session(
    make: Callable[..., Odyssey], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinged: list[SocketId] = []
    closed: list[int] = []
    monkeypatch.setattr(Sockets, "ping", lambda self, socket: pinged.append(socket), raising=False)
    monkeypatch.setattr(
        Exchanges, "close_idle", lambda self: closed.append(world.asked[CONFIG]), raising=False
    )
    async with make(reconnect=ReconnectPolicy()) as client:
        await client.connect()
        assert world.engine is not None
        asked = world.asked[CONFIG]
        world.engine.move(PeerState.DISCONNECTED)
        await until(lambda: client.statistics().recoveries == 1)
        assert client.current_status is ConnectionStatus.CONNECTED
    assert len(pinged) == 1
    assert closed[0] == asked, "no kept connection answers for a new one"


@pytest.mark.parametrize("ping", [None, OSError("broken")], ids=["is not known", "fails"])
async def test_where_nobody_can_ask_nothing_is_concluded(
    make: Callable[..., Odyssey], world: World, monkeypatch: pytest.MonkeyPatch, ping: Exception | None
) -> None:
    def broken(self: Sockets, socket: SocketId) -> None:
        assert ping is not None
        raise ping

    if ping is not None:
        monkeypatch.setattr(Sockets, "ping", broken, raising=False)
    async with make(reconnect=ReconnectPolicy()) as client:
        await client.connect()
        assert world.engine is not None
        asked = world.asked[CONFIG]
        world.engine.move(PeerState.DISCONNECTED)
        await until(lambda: world.asked[CONFIG] > asked)
        await anyio.sleep(1.5 * GRACE_TIME / 1_000_000)
        assert client.current_status is ConnectionStatus.RECONNECTING
        world.engine.move(PeerState.CONNECTED)
        await until(lambda: client.current_status is ConnectionStatus.CONNECTED)
        assert client.statistics().recoveries == 0
