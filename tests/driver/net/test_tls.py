"""Certificates: whom a client trusts, and what it says of the others."""

import datetime
import ssl
from collections.abc import Callable

import pytest
import trustme
from anyio.abc import ByteStream
from house.exchanges import OK, TOKEN, broke, head, polite
from house.tcp_server import scripted

from odyssey_anyio.net.http import HttpPool
from odyssey_proto.seam.http import HttpRequest
from odyssey_proto.seam.inputs import TransportErrorKind

pytestmark = pytest.mark.anyio


type Certified = Callable[..., ssl.SSLContext]


async def test_a_good_certificate(trusting: ssl.SSLContext, certified: Certified) -> None:
    pool = HttpPool(trusting)
    async with scripted(polite, certified("localhost")) as port:
        request = HttpRequest("GET", f"https://localhost:{port}/")
        assert [(await pool.exchange(request)).body for _ in range(3)] == [b"0"] * 3
        await pool.aclose()


async def test_a_certificate_for_an_address(trusting: ssl.SSLContext, certified: Certified) -> None:
    pool = HttpPool(trusting)
    async with scripted(polite, certified("127.0.0.1")) as port:
        assert (await pool.exchange(HttpRequest("GET", f"https://127.0.0.1:{port}/"))).body == b"0"
        await pool.aclose()


@pytest.mark.parametrize("wrong", ["name", "authority", "time", "none"])
async def test_a_bad_certificate(trusting: ssl.SSLContext, certified: Certified, wrong: str) -> None:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    contexts: dict[str, Callable[[], ssl.SSLContext | None]] = {
        "name": lambda: certified("other.example"),
        "authority": lambda: certified("localhost", by=trustme.CA()),
        "time": lambda: certified("localhost", not_before=past, not_after=past + datetime.timedelta(1)),
        "none": lambda: None,
    }
    asked = False

    async def curious(stream: ByteStream, number: int) -> None:
        nonlocal asked
        if wrong == "none":
            await stream.receive()
            await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return
        await head(stream)
        asked = True

    async with scripted(curious, contexts[wrong]()) as port:
        kind = TransportErrorKind.TLS if wrong == "none" else TransportErrorKind.CERTIFICATE
        assert await broke(HttpPool(trusting), f"https://localhost:{port}/", headers=TOKEN) is kind
    assert not asked


async def test_the_system_decides_whom_to_trust_by_default(certified: Certified) -> None:
    async with scripted(polite, certified("localhost")) as port:
        assert await broke(HttpPool(), f"https://localhost:{port}/") is TransportErrorKind.CERTIFICATE


async def test_a_server_that_is_cut_off_inside_tls(trusting: ssl.SSLContext, certified: Certified) -> None:
    async def rude(stream: ByteStream, number: int) -> None:
        await head(stream)
        await stream.send(OK[:-1])

    async with scripted(rude, certified("localhost")) as port:
        assert await broke(HttpPool(trusting), f"https://localhost:{port}/") is TransportErrorKind.CLOSED
