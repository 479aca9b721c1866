"""The server's end of connections, against clients that do as they please."""

import socket
import struct

import anyio
import anyio.to_thread
import pytest

from odyssey import Odyssey
from odyssey_anyio.local.service import serve
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Silent

pytestmark = pytest.mark.anyio

ASK = b"POST /auth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n"
KEY = b'{"api_key": "ody_key"}'
RESET = struct.pack("ii", 1, 0)
"""Lingering for no time: closing sends a reset (socket(7))."""


@pytest.mark.parametrize("reset", [True, False])
async def test_who_goes_away_while_waiting_takes_nobody_along(reset: bool) -> None:
    async with serve(ServiceConfig(faults=(Silent("/auth/token", times=1),))) as service:

        def ask_and_go() -> None:
            with socket.create_connection(("127.0.0.1", service.port)) as connection:
                connection.sendall(ASK + KEY)
                connection.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    connection.recv(1)
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

        await anyio.to_thread.run_sync(ask_and_go)
        async with Odyssey("ody_key", api_url=service.url) as client:
            assert (await client.list_stream_recordings()).recordings == ()
