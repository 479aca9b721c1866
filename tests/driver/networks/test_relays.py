"""
Sessions by way of a TURN server and a proxy, in networks where there may be no other way.

Bounds are those of docs/reliability.md, and generous: they are for what waits without end.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import pytest
from house.far_programs import Relays, TurnServer, Viewer, client_on, watching
from house.link import TCP, UDP, ports, protocol
from house.turn_server import TURNSERVER, credentials_until

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(TURNSERVER is None, reason="there is no turnserver here (Debian's coturn)"),
]

long = pytest.mark.long

SECONDS_TO_PICTURE = 10.0
SECONDS_TO_REASONS = 25.0

DAY = 86_400

RELAYED = {"relay_only": True, "gather_timeout": 60}
"""A server that is busy is waited for."""

type Watch = Callable[..., AbstractContextManager[Viewer]]


@pytest.fixture(scope="module")
def relays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relays]:
    relays = Relays(tmp_path_factory.mktemp("relays"))
    yield relays
    relays.close()


@pytest.fixture(params=["asyncio", "trio"])
def watch(request: pytest.FixtureRequest, relays: Relays) -> Watch:
    """Makes a client that streams from a service of this address."""
    return partial(watching, client_on(request.param), relays.link)


def good(url: str) -> TurnServer:
    return TurnServer(url, *credentials_until(time.time() + DAY))


def is_media(packet: bytes) -> bool:
    return protocol(packet) == UDP


def comes_in_time(viewer: Viewer) -> None:
    assert viewer.runs() < SECONDS_TO_PICTURE
    viewer.watch(1)
    viewer.fresh_frame()
    viewer.is_whole()


@pytest.mark.parametrize(
    "transport", [pytest.param("udp", marks=long), "tcp", pytest.param("tls", marks=long)]
)
def test_media_take_the_relay_and_no_other_way(relays: Relays, watch: Watch, transport: str) -> None:
    url: str = getattr(relays, transport)
    seen: set[frozenset[int]] = set()
    service = relays.service(good(url))
    with watch(service, environment=relays.trusting, **RELAYED) as viewer:
        viewer.link.become(lost=lambda packet: is_media(packet) and seen.add(ports(packet)) is not None)
        comes_in_time(viewer)
    assert {relays.turn_port in each for each in seen} == ({True} if transport == "udp" else set())


@long
def test_where_udp_is_forbidden_a_relay_over_tcp_serves(relays: Relays, watch: Watch) -> None:
    service = relays.service(good(relays.udp), good(relays.tcp))
    with watch(service) as viewer:
        viewer.link.become(lost=is_media)
        comes_in_time(viewer)


@long
def test_a_proxy_and_a_relay_over_tcp_are_a_way_out(relays: Relays, watch: Watch) -> None:
    service = relays.service(good(relays.tcp), tls=True)
    ways = {relays.proxy_port, relays.turn_port}
    proxy = {"https_proxy": f"http://10.9.0.2:{relays.proxy_port}", **relays.trusting}
    with watch(service, environment=proxy) as viewer:
        viewer.link.become(lost=lambda packet: protocol(packet) != TCP or ways.isdisjoint(ports(packet)))
        comes_in_time(viewer)


@long
def test_a_dead_first_server_is_not_waited_for(relays: Relays, watch: Watch) -> None:
    dead = [good(f"turn:10.9.0.{number}:3478?transport={way}") for number, way in ((98, "udp"), (99, "tcp"))]
    with watch(relays.service(*dead, good(relays.udp)), relay_only=True) as viewer:
        comes_in_time(viewer)


@long
@pytest.mark.parametrize("relay_only", [True, False])
def test_each_server_that_gives_no_relay_has_its_reason(
    relays: Relays, watch: Watch, relay_only: bool
) -> None:
    """UDP does not pass, so that without a relay there is no way at all."""
    user, _ = credentials_until(time.time() + DAY)
    bad = {
        TurnServer(relays.tcp, user, "wrong"): "401 Unauthorized",
        good(relays.tls): "the certificate is not trusted: ",
        good(relays.udp): "no answer",
    }
    with watch(relays.service(*bad), relay_only=relay_only) as viewer:
        viewer.link.become(lost=is_media)
        text, seconds = viewer.fails()
    for server, reason in bad.items():
        assert f"{server.url}: {reason}" in text
    assert seconds < SECONDS_TO_REASONS


@long
def test_expired_credentials_are_refused_in_time(relays: Relays, watch: Watch) -> None:
    expired = TurnServer(relays.udp, *credentials_until(time.time() - DAY))
    with watch(relays.service(expired), relay_only=True) as viewer:
        text, seconds = viewer.fails()
    assert f"{relays.udp}: 401 Unauthorized" in text
    assert seconds < SECONDS_TO_REASONS


@long
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_relay_that_is_away_for_a_while_is_borne(relays: Relays, watch: Watch, transport: str) -> None:
    url: str = getattr(relays, transport)
    with watch(relays.service(good(url)), **RELAYED) as viewer:
        viewer.runs()
        viewer.link.become(lost=lambda packet: relays.turn_port in ports(packet))
        viewer.watch(5)
        viewer.link.become()
        viewer.status("connected")
        viewer.fresh_frame()
        viewer.is_whole()
