"""
Sessions in networks of IPv6 only, with addresses that lead nowhere, and with packets that are too large.

Bounds are those of docs/reliability.md, and generous.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from house.far_programs import CLIENT, SERVICE, Place, Service, Viewer, client_on, watching
from house.link import UDP, protocol

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.long,
    pytest.mark.parametrize("backend", ["asyncio", "trio"]),
]

SECONDS_TO_PICTURE = 10.0


@contextmanager
def streaming(backend: str, here: Place, there: Place, name: str | None = None) -> Iterator[Viewer]:
    """A client that streams from a service, which it knows by a name or else by an address."""
    service = Service(there)
    try:
        port = service.url.rpartition(":")[2]
        url = service.url if name is None else f"http://{name}:{port}"
        with watching(client_on(backend), service.link, url, here) as viewer:
            yield viewer
    finally:
        service.close()


def comes_in_time(viewer: Viewer) -> None:
    assert viewer.runs() < SECONDS_TO_PICTURE
    viewer.watch(2)
    viewer.fresh_frame()
    viewer.is_whole()


def test_a_network_of_ipv6_only(backend: str) -> None:
    with streaming(backend, Place("fd09::1"), Place("fd09::2")) as viewer:
        comes_in_time(viewer)


def test_addresses_that_lead_nowhere_come_first(backend: str, tmp_path: Path) -> None:
    """Those of IPv6 are before the one that serves (RFC 6724 section 2.1)."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\nfd09::98 far\nfd09::99 far\n10.9.0.2 far\n")
    here = Place("10.9.0.1,fd09::1", ("--hosts", str(hosts)))
    with streaming(backend, here, Place("10.9.0.2,fd09::2"), "far") as viewer:
        comes_in_time(viewer)


def test_packets_of_1280_bytes_at_most(backend: str) -> None:
    small = ("--mtu", "1280")
    with streaming(backend, Place(CLIENT.addresses, small), Place(SERVICE.addresses, small)) as viewer:
        comes_in_time(viewer)


def test_a_path_that_loses_packets_larger_than_those_of_media(backend: str) -> None:
    """As a tunnel does whose reports do not pass; streamers send 1,200 to 1,300 bytes in a packet."""
    with streaming(backend, CLIENT, SERVICE) as viewer:
        viewer.link.become(lost=lambda packet: protocol(packet) == UDP and len(packet) > 1400)
        comes_in_time(viewer)


def test_a_path_that_loses_the_packets_of_media_is_reported(backend: str) -> None:
    with streaming(backend, CLIENT, SERVICE) as viewer:
        viewer.runs()
        viewer.link.become(lost=lambda packet: protocol(packet) == UDP and len(packet) > 1000)
        stalled = viewer.until(lambda each: each["what"] == "stalled", "stall")
        # As smaller packets are among them or not.
        assert stalled["reason"] in ("no_frames", "not_decoded")
        viewer.link.become()
        viewer.fresh_frame()
        viewer.is_whole()
