"""The server's end of connections, against clients that do as they please."""

import json
import re
import socket
import struct
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import anyio
import anyio.to_thread
import pytest
from anyio.abc import SocketAttribute

from odyssey import Odyssey
from odyssey_anyio.local import listener
from odyssey_anyio.local.listener import Listener, ListenerInput
from odyssey_anyio.local.service import LocalService, serve
from odyssey_anyio.net import streams
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.service.io.access import AccessPolicy
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Silent
from odyssey_proto.service.io.seam import Answer, Asked
from odyssey_proto.wire.http1 import MAX_BODY_BYTES

pytestmark = pytest.mark.anyio

ASK = b"POST /auth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 22\r\n\r\n"
KEY = b'{"api_key": "ody_key"}'
RESET = struct.pack("ii", 1, 0)
"""Lingering for no time: closing sends a reset (socket(7))."""


@pytest.mark.parametrize("reset", [True, False])
async def test_who_goes_away_while_waiting_takes_nobody_along(reset: bool) -> None:
    async with serve(ServiceConfig(faults=(Silent("/auth/token", times=1),))) as service:

        def ask_and_go() -> None:
            with socket.create_connection((service.host, service.port)) as connection:
                connection.sendall(ASK + KEY)
                connection.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    connection.recv(1)
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

        await anyio.to_thread.run_sync(ask_and_go)
        async with Odyssey("ody_key", api_url=service.url) as client:
            assert (await client.list_stream_recordings()).recordings == []


async def exchanged(service: LocalService, *pieces: bytes) -> bytes:
    """Sends pieces, and returns all that comes until the service closes the connection."""
    received = b""
    async with await anyio.connect_tcp(service.host, service.port) as stream:
        try:
            for piece in pieces:
                await stream.send(piece)
            while True:
                received += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return received


@pytest.mark.parametrize(
    "request_", [b"GET /regions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"junk\r\n\r\n"]
)
async def test_each_reply_has_its_time(request_: bytes) -> None:
    async with serve() as service:
        reply = await exchanged(service, request_)
    [said] = re.findall(rb"\r\ndate: (.*)\r\n", reply, re.IGNORECASE)
    assert abs(datetime.now(UTC) - parsedate_to_datetime(said.decode())) < timedelta(minutes=1)


@pytest.mark.parametrize("before", [b"", ASK + KEY])
async def test_a_slow_head_has_the_time_of_a_request_and_not_that_of_an_idle_connection(
    before: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "REQUEST_SECONDS", 0.2)
    monkeypatch.setattr(listener, "KEEP_ALIVE_SECONDS", 3600.0)
    async with serve() as service:
        reply = await exchanged(service, before, b"GET /regions HTTP/1.1\r\n")
    assert reply.count(b"HTTP/1.1") == bool(before)


async def test_a_request_has_its_time_however_long_its_connection_was_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener, "REQUEST_SECONDS", 20.0)
    async with serve() as service, await anyio.connect_tcp(service.host, service.port) as stream:
        await anyio.sleep(0.05)
        monkeypatch.setattr(listener, "KEEP_ALIVE_SECONDS", 0.0)
        for piece in (b"GET /ping HTTP/1.1\r\n", b"Host: localhost\r\n\r\n"):
            await stream.send(piece)
            await anyio.sleep(0.05)
        assert (await stream.receive()).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("path", "token"), [("/auth/token", ""), ("/simulation-jobs", ""), ("/simulation-jobs", "made-up")]
)
async def test_much_is_refused_before_it_is_read_from_anybody_unknown(path: str, token: str) -> None:
    said = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    head = f"{said}Content-Length: {64 * 1024 * 1024}\r\n\r\n".encode()
    async with serve() as service:
        reply = await exchanged(service, head, *[b" " * 65536] * 16)
    assert reply.startswith(b"HTTP/1.1 413")


async def test_the_requests_that_may_bring_much_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "MAX_LARGE_BODIES", 1)
    asking = "POST /simulation-jobs HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    async with serve() as service, Odyssey("ody_key", api_url=service.url) as client:
        await client.list_simulations()
        token = await known(service)
        head = f"{asking}Authorization: Bearer {token}\r\nContent-Length: 2\r\n\r\n".encode()
        async with await anyio.connect_tcp(service.host, service.port) as first:
            await first.send(head)
            assert (await first.receive()).startswith(b"HTTP/1.1 100")
            async with await anyio.connect_tcp(service.host, service.port) as second:
                await second.send(head)
                with anyio.move_on_after(0.2) as waited:
                    await second.receive()
                assert waited.cancelled_caught
                await first.send(b"{}")
                assert (await first.receive()).startswith(b"HTTP/1.1 4")
                assert (await second.receive()).startswith(b"HTTP/1.1 100")


async def known(service: LocalService) -> str:
    """Returns an access token."""
    reply = await exchanged(service, ASK.replace(b"Host", b"Connection: close\r\nHost") + KEY)
    return str(json.loads(reply.partition(b"\r\n\r\n")[2])["access_token"])


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("evil.example", "", 403),
        ("localhost", "https://evil.example", 403),
        ("localhost", "null", 403),
        ("localhost", "http://localhost:3000", 200),
        ("my.example:80", "https://my.example", 200),
    ],
)
@pytest.mark.parametrize("upgrade", [False, True])
async def test_foreign_hosts_and_pages_are_refused(
    host: str, origin: str, status: int, upgrade: bool
) -> None:
    fields = [f"Host: {host}", "Connection: close"]
    if origin:
        fields.append(f"Origin: {origin}")
    if upgrade:
        fields[1:2] = ["Connection: Upgrade", "Upgrade: websocket"]
        # With no session of that name.
        status = 403 if status == 403 else 401
    path = "/client/x" if upgrade else "/ping"
    request = "\r\n".join([f"GET {path} HTTP/1.1", *fields, "", ""]).encode()
    access = AccessPolicy(hosts=["my.example"], origins=["https://my.example"])
    async with serve(ServiceConfig(access=access)) as service:
        reply = await exchanged(service, request)
    assert reply.startswith(f"HTTP/1.1 {status}".encode())
    assert (b"access-control-allow-origin" in reply) is (status != 403)


async def test_a_service_is_called_by_the_name_that_it_listens_at() -> None:
    async with serve(host="localhost") as service, Odyssey("ody_key", api_url=service.url) as client:
        assert service.url == f"http://localhost:{service.port}"
        assert (await client.list_stream_recordings()).recordings == []


@pytest.mark.parametrize("host", ["nowhere.invalid", "x" * 70 + ".invalid", "192.0.2.1"])
async def test_an_address_that_cannot_be_had_is_an_os_error_in_words(host: str) -> None:
    with pytest.raises(OSError, match=r"is unknown|Cannot assign") as caught:
        async with serve(host=host):
            pass
    assert not isinstance(caught.value, socket.gaierror)


async def test_a_client_that_never_reads_its_reply_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SEND_SECONDS", 0.2)

    def answer(inp: ListenerInput) -> None:
        assert isinstance(inp, Asked)
        serving.carry_out(Answer(inp.exchange, HttpReply(200, body=b"x" * 20_000_000)))

    serving = Listener(answer, lambda head: MAX_BODY_BYTES)
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as accepting:
        port = accepting.extra(SocketAttribute.local_port)
        async with anyio.create_task_group() as group:
            group.start_soon(serving.serve, accepting)
            async with await anyio.connect_tcp("127.0.0.1", port) as client:
                await client.send(ASK + KEY)
                await client.receive(1)
                with anyio.fail_after(20):
                    await serving.flush()
            group.cancel_scope.cancel()
