"""A session through a real TURN server: relays only, over UDP and TCP, and what goes wrong with them."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme
from house.turn_server import TURNSERVER, USER, WORD, Turn, free_port, relaying

from odyssey import IcePolicy, Odyssey, OdysseyConnectionError
from odyssey_anyio.local.service import serve
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.ice import IceServer
from odyssey_proto.service.io.config import ServiceConfig

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(TURNSERVER is None, reason="there is no turnserver here (Debian's coturn)"),
]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def turn(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Turn]:
    with relaying(tmp_path_factory.mktemp("turn"), authority) as turn:
        yield turn


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trusts the authority of the server, as `SSL_CERT_FILE` says."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


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


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.usefixtures("trusted")
async def test_relays_only(turn: Turn, transport: str) -> None:
    before = turn.logged("ALLOCATE processed, success")
    with anyio.fail_after(30):
        assert await watched((server(turn.url(transport)),), relay_only=True, gather_timeout=60) == 10
    assert turn.logged("ALLOCATE processed, success") > before


@pytest.mark.usefixtures("trusted")
async def test_servers_are_asked_side_by_side(turn: Turn) -> None:
    """Those that are dead come first, and asking each of them would take longer than all of this may."""
    dead = [server(f"turn:127.0.0.1:{free_port()}?transport=udp") for _ in range(4)]
    with anyio.fail_after(30):
        assert await watched((*dead, server(turn.url("tls"))), relay_only=True, gather_timeout=60) == 10


async def test_where_direct_connections_are_allowed_a_bad_relay_is_no_hindrance(turn: Turn) -> None:
    with anyio.fail_after(30):
        assert await watched((server(turn.url(), "wrong"),)) == 10


async def refused(servers: tuple[IceServer, ...]) -> OdysseyConnectionError:
    """Returns the error of a connect that may use relays only."""
    async with (
        serve(ServiceConfig(ice_servers=servers)) as service,
        Odyssey(
            "ody_test", api_url=service.url, ice=IcePolicy(relay_only=True, gather_timeout=4.0)
        ) as client,
    ):
        with anyio.fail_after(20), pytest.raises(OdysseyConnectionError) as caught:
            await client.connect()
    assert caught.value.code == "network.no_relay"
    assert caught.value.phase == "negotiate"
    return caught.value


async def test_relays_only_and_none_to_be_had_says_why_of_each_server(
    turn: Turn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    dead = f"turn:127.0.0.1:{free_port()}?transport=tcp"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        silent = f"turn:127.0.0.1:{deaf.getsockname()[1]}?transport=udp"
        reasons = {
            turn.url(): "401 Unauthorized",
            turn.url("tls"): "the certificate is not trusted: ",
            dead: "the connection was refused",
            silent: "no answer",
        }
        error = await refused(tuple(server(url, "canary-wrong-word") for url in reasons))
    for url, reason in reasons.items():
        assert f"{url}: {reason}" in str(error)
    assert "canary" not in caplog.text + str(error) + repr(error)


async def test_relays_only_and_no_server_is_an_error() -> None:
    assert "no TURN server gave one" in str(await refused(()))
