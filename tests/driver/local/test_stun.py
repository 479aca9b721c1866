"""The local service answers STUN where its `/config` says, so that nobody asks a server elsewhere."""

import struct

import anyio
import httpx
import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from odyssey_anyio.local.service import serve
from odyssey_anyio.local.stun import COOKIE, reply_to
from odyssey_proto.model.ice import IceServer
from odyssey_proto.service.io.config import ServiceConfig

on_every_loop = pytest.mark.anyio


async def named(url: str) -> list[str]:
    """Returns the ICE servers that a service names."""
    reply = await anyio.to_thread.run_sync(lambda: httpx.get(f"{url}/config", trust_env=False))
    return [one for server in reply.json()["iceServers"] for one in server["urls"]]


@on_every_loop
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


@on_every_loop
async def test_servers_that_are_configured_are_named_instead() -> None:
    config = ServiceConfig(ice_servers=[IceServer(("stun:192.0.2.1:3478",))])
    async with serve(config) as service:
        assert await named(service.url) == ["stun:192.0.2.1:3478"]


# --- the messages, held against the parser of aioice ------------------------------------------------


def request(*attributes: bytes) -> bytes:
    body = b"".join(attributes)
    return struct.pack("!HHI", 1, len(body), COOKIE) + b"transaction!" + body


@given(st.ip_addresses(), st.integers(1, 65535), st.binary(min_size=12, max_size=12))
def test_who_asks_learns_its_own_address(host: object, port: int, transaction: bytes) -> None:
    asked = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, transaction)
    reply = reply_to(bytes(asked), str(host), port)
    assert reply is not None
    message = stun.parse_message(reply)
    assert message.message_class is stun.Class.RESPONSE
    assert message.transaction_id == transaction
    assert message.attributes["XOR-MAPPED-ADDRESS"] == (str(host), port)


def test_the_zone_of_an_address_is_left_out() -> None:
    reply = reply_to(request(), "fe80::1%eth0", 5)
    assert reply is not None
    assert stun.parse_message(reply).attributes["XOR-MAPPED-ADDRESS"] == ("fe80::1", 5)


def test_what_may_be_ignored_is() -> None:
    software = struct.pack("!HH", 0x8022, 5) + b"hello\0\0\0"
    reply = reply_to(request(software), "127.0.0.1", 1)
    assert reply is not None
    assert stun.parse_message(reply).message_class is stun.Class.RESPONSE


def test_what_must_be_understood_is_refused_by_name() -> None:
    asked = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    asked.attributes["USERNAME"] = "somebody"
    asked.attributes["PRIORITY"] = 7
    reply = reply_to(bytes(asked), "127.0.0.1", 1)
    assert reply is not None
    message = stun.parse_message(reply)
    assert message.message_class is stun.Class.ERROR
    assert message.attributes["ERROR-CODE"] == (420, "Unknown Attribute")
    assert struct.pack("!HHHH", 0x000A, 4, 0x0006, 0x0024) in reply


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"hello",
        request()[:-1],
        request() + b"\0\0\0\0",
        b"\x01\x01" + request()[2:],
        request()[:4] + bytes(4) + request()[8:],
        request(b"\x80\x22"),
        request(struct.pack("!HH", 0x8022, 9) + bytes(8)),
    ],
)
def test_what_is_no_request_is_not_answered(datagram: bytes) -> None:
    assert reply_to(datagram, "127.0.0.1", 1) is None


@given(st.binary(max_size=60), st.booleans())
def test_whatever_comes_nothing_raises(noise: bytes, shaped: bool) -> None:
    reply = reply_to(request(noise) if shaped else noise, "127.0.0.1", 1)
    assert reply is None or stun.parse_message(reply).transaction_id == b"transaction!"
