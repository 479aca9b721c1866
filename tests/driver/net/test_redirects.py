"""Where a redirect leads, and what goes along."""

import pytest
from anyio.abc import ByteStream, SocketAttribute
from house.exchanges import OK, TOKEN, broke, get, head
from house.tcp_server import scripted

from odyssey_anyio.net import http
from odyssey_anyio.net.http import HttpPool
from odyssey_anyio.net.transports import ExchangeError
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.seam.inputs import TransportErrorKind

pytestmark = pytest.mark.anyio


def moved(location: str, status: int = 307) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_the_same_host_keeps_the_token(status: int) -> None:
    pool, heads = HttpPool(), []

    async def redirecting(stream: ByteStream, number: int) -> None:
        heads.append(await head(stream))
        await stream.send(moved("../there?x=1", status))
        heads.append(await head(stream))
        await stream.send(OK)

    async with scripted(redirecting) as port:
        reply = await get(pool, port, "/a/b", headers=TOKEN, query=(("secret", Secret("s")),))
        await pool.aclose()
    assert reply.body == b"ok"
    assert heads[0].startswith(b"GET /a/b?secret=s ")
    assert heads[1].startswith(b"GET /there?x=1 ")
    assert all(b"authorization: Bearer token" in each for each in heads)


async def test_a_redirect_to_another_host_goes_without_the_token() -> None:
    pool, heads = HttpPool(), []

    async def target(stream: ByteStream, number: int) -> None:
        heads.append(await head(stream))
        await stream.send(OK)

    async with scripted(target) as other:

        async def redirecting(stream: ByteStream, number: int) -> None:
            await head(stream)
            await stream.send(moved(f"http://127.0.0.1:{other}/x"))

        async with scripted(redirecting) as port:
            reply = await get(pool, port, headers=TOKEN, query=(("secret", Secret("s")),))
            await pool.aclose()
    assert reply.body == b"ok"
    assert heads[0].startswith(b"GET /x HTTP")
    assert b"authorization" not in heads[0].lower()
    assert b"secret" not in heads[0]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "::ffff:127.0.0.1"])
async def test_no_other_machine_sends_us_to_this_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the address that is connected to, because any name may lead to it."""
    pool, heads = HttpPool(), []

    async def target(stream: ByteStream, number: int) -> None:
        heads.append(await stream.receive())

    async with scripted(target) as other:

        async def redirecting(stream: ByteStream, number: int) -> None:
            await head(stream)
            await stream.send(moved(f"http://{'[' + name + ']' if ':' in name else name}:{other}/x"))

        async with scripted(redirecting) as port:
            local = http._is_local
            first = str(port)
            monkeypatch.setattr(
                http,
                "_is_local",
                lambda stream: local(stream) and str(stream.extra(SocketAttribute.remote_port)) != first,
            )
            with pytest.raises(ExchangeError) as caught:
                await get(pool, port)
            await pool.aclose()
    error = caught.value.error
    assert (error.kind, error.detail) == (
        TransportErrorKind.MALFORMED,
        "a redirect to this machine or its own link",
    )
    assert heads == []


@pytest.mark.parametrize(
    ("location", "how"),
    [
        ("/round", TransportErrorKind.MALFORMED),
        ("file:///etc/passwd", TransportErrorKind.MALFORMED),
        ("http://a@b/", TransportErrorKind.MALFORMED),
    ],
)
async def test_a_redirect_to_nowhere_is_an_error(location: str, how: TransportErrorKind) -> None:
    pool = HttpPool()

    async def redirecting(stream: ByteStream, number: int) -> None:
        while True:
            await head(stream)
            await stream.send(moved(location))

    async with scripted(redirecting) as port:
        assert await broke(pool, f"http://127.0.0.1:{port}/") is how
        await pool.aclose()


async def test_a_redirect_of_an_unsafe_request_is_a_reply() -> None:
    pool = HttpPool()

    async def redirecting(stream: ByteStream, number: int) -> None:
        await head(stream)
        await stream.send(moved("/elsewhere"))

    async with scripted(redirecting) as port:
        assert (await get(pool, port, method="POST")).status == 307
        await pool.aclose()
