"""Addresses of version 6: the local service at ::1, and literals among ICE servers."""

import socket

import pytest

from odyssey import Odyssey
from odyssey_anyio.local.service import serve
from odyssey_anyio.media.servers import configuration, servers_of
from odyssey_proto.model.ice import IceConfig, IceServer

pytestmark = pytest.mark.anyio


def needs_ipv6() -> None:
    """Skips a test on a machine without IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"this machine has no IPv6 loopback: {error}")


async def test_a_session_with_a_service_at_the_loopback_of_version_6() -> None:
    needs_ipv6()
    async with serve(host="::1") as service:
        assert service.url.startswith("http://[::1]:")
        async with Odyssey(api_url=service.url, api_key="ody_version_6") as client:
            await client.connect()
            assert await client.start_stream("a lighthouse")
            await client.end_stream()


def test_a_literal_that_aiortc_cannot_read_is_asked_all_the_same() -> None:
    servers = (IceServer(("stun:[2001:db8::1]:3478", "stun:good.example")),)
    assert [server.host for server in servers_of(IceConfig(servers))] == ["2001:db8::1", "good.example"]
    assert [each.urls for each in configuration(IceConfig(servers)).iceServers] == ["stun:good.example"]
