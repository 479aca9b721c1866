"""STUN and TURN servers, each asked by itself: a real one, and what may be wrong with one."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from house.turn_server import TURNSERVER, USER, WORD, Turn, free_port, relaying

from odyssey import diagnose
from odyssey_anyio.local.service import serve
from odyssey_anyio.media import server_probes
from odyssey_anyio.media.server_probes import ask_each
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.ice import IceConfig, IceServer
from odyssey_proto.service.io.config import ServiceConfig

pytestmark = pytest.mark.anyio

WITHIN = 5.0
needs_turnserver = pytest.mark.skipif(
    TURNSERVER is None, reason="there is no turnserver here (Debian's coturn)"
)


@pytest.fixture(scope="module")
def turn(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Turn]:
    with relaying(tmp_path_factory.mktemp("turn"), authority) as turn:
        yield turn


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trusts the authority of the server, as `SSL_CERT_FILE` says."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def named(*urls: str, word: str = WORD) -> tuple[IceServer, ...]:
    return (IceServer(urls, Secret(USER), Secret(word)),)


async def problems(*urls: str, word: str = WORD, within: float = WITHIN) -> list[str]:
    """Returns what is wrong with each server."""
    return [each.problem for each in await ask_each(IceConfig(named(*urls, word=word)), within)]


@needs_turnserver
@pytest.mark.usefixtures("trusted")
async def test_a_relay_by_each_transport_is_given_back(turn: Turn) -> None:
    urls = [turn.url(transport) for transport in ("udp", "tcp", "tls")]
    assert await problems(f"stun:127.0.0.1:{turn.port}", *urls) == [""] * 4


@needs_turnserver
async def test_wrong_credentials_and_a_certificate_that_is_not_trusted(turn: Turn) -> None:
    found = await problems(turn.url("udp"), turn.url("tcp"), turn.url("tls"), word="canary-wrong")
    assert found[:2] == ["401 Unauthorized"] * 2
    assert found[2].startswith("the certificate is not trusted: ")


async def test_servers_that_are_not_there() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        urls = (f"stun:127.0.0.1:{port}", f"turn:127.0.0.1:{port}", "turn:nobody.invalid?transport=tcp")
        found = await problems(*urls, f"turn:127.0.0.1:{free_port()}?transport=tcp", within=2)
    assert found == ["no answer", "no answer", "the host name is unknown", "the connection was refused"]


async def test_a_look_up_that_hangs_takes_no_other_answer_away(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up, over = socket.getaddrinfo, threading.Event()

    def slow(host: Any, *arguments: Any, **named: Any) -> Any:
        if host == "slow.test":
            over.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return look_up(host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(server_probes, "ENDING_SECONDS", 0.05)
    try:
        found = await problems(
            "turn:slow.test?transport=tcp", f"turn:127.0.0.1:{free_port()}?transport=tcp", within=2
        )
    finally:
        over.set()
    assert found == ["no answer", "the connection was refused"]


async def test_nobody_to_ask() -> None:
    assert await ask_each(IceConfig(), WITHIN) == []


@needs_turnserver
async def test_a_diagnosis_with_credentials_that_are_refused(turn: Turn) -> None:
    servers = named(turn.url("udp"), word="canary-wrong")
    async with serve(ServiceConfig(ice_servers=servers)) as service:
        found = await diagnose("ody_key", api_url=service.url, stream=False)
    assert (found.ok, found["TURN over UDP"].state) == (True, "warning"), str(found)
    assert found.verdict.endswith("TURN over UDP: 1 server asked, none gives a relay: 401 Unauthorized.")
    assert "credentials" in found["TURN over UDP"].advice
    assert "canary" not in f"{found}{found.to_dict()}"
