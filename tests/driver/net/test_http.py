"""HTTP over real sockets: kept connections, redirects, TLS, limits, and servers that misbehave."""

import datetime
import ssl
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import trustme
from anyio.abc import ByteStream, SocketAttribute
from house.leaks import tasks
from house.tcp_server import scripted

from odyssey_anyio.net import http, streams
from odyssey_anyio.net.http import HttpPool
from odyssey_anyio.net.transports import ExchangeError
from odyssey_proto.kernel.machine import millis
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.seam.http import HttpReply, HttpRequest
from odyssey_proto.seam.inputs import TransportErrorKind
from odyssey_proto.wire.pool import PoolLimits

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TOKEN = (("authorization", Secret("Bearer token")),)


async def head(stream: ByteStream) -> bytes:
    """Reads one request without a body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive()
    return data


async def polite(stream: ByteStream, number: int) -> None:
    """Answers everything, for ever, with the number of the connection."""
    while True:
        await head(stream)
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)


async def get(pool: HttpPool, port: int, path: str = "/", **options: Any) -> HttpReply:
    options = {"method": "GET", **options}
    return await pool.exchange(HttpRequest(url=f"http://127.0.0.1:{port}{path}", **options))


async def broke(pool: HttpPool, url: str, **options: Any) -> TransportErrorKind:
    """Returns how an exchange breaks."""
    with pytest.raises(ExchangeError) as caught:
        await pool.exchange(HttpRequest(**{"method": "GET", "url": url, **options}))
    return caught.value.error.kind


# --- long requests ------------------------------------------------------------------------------

LONG = b"x" * 20_000_000
"""More than the buffers of both ends hold."""


async def test_a_server_that_never_reads_a_request_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SEND_SECONDS", 0.2)

    async def deaf(stream: ByteStream, number: int) -> None:
        await head(stream)
        await anyio.sleep_forever()

    async with scripted(deaf) as port:
        how = await broke(HttpPool(), f"http://127.0.0.1:{port}/", method="POST", body=LONG)
    assert how is TransportErrorKind.SILENT


@pytest.mark.parametrize("closes", [True, False])
async def test_a_reply_to_a_request_that_was_not_read_counts(closes: bool) -> None:
    async def refusing(stream: ByteStream, number: int) -> None:
        await stream.receive()
        await stream.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 1\r\n\r\n%d" % number)
        if not closes:
            await anyio.sleep_forever()

    pool = HttpPool()
    async with scripted(refusing) as port:
        replies = [await get(pool, port, method="POST", body=LONG) for _ in range(2)]
        await pool.aclose()
    # What was not sent to its end leaves no connection for another request.
    assert [(reply.status, reply.body) for reply in replies] == [(413, b"0"), (413, b"1")]


# --- kept connections ---------------------------------------------------------------------------


async def test_a_connection_is_used_again() -> None:
    pool = HttpPool()
    async with scripted(polite) as port:
        assert [(await get(pool, port)).body for _ in range(3)] == [b"0"] * 3
        await pool.aclose()


async def test_exchanges_at_once_have_a_connection_each_and_few_are_kept() -> None:
    limits = PoolLimits(max_idle=8)
    pool = HttpPool(limits=limits)
    count = limits.max_idle + 3
    arrived = 0
    all_there = anyio.Event()

    async def together(stream: ByteStream, number: int) -> None:
        nonlocal arrived
        await head(stream)
        arrived += 1
        if arrived == count:
            all_there.set()
        await all_there.wait()
        await stream.send(OK)
        await polite(stream, number)

    async with scripted(together) as port:
        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(get, pool, port)
        assert repr(pool) == f"<HttpPool {limits.max_idle} idle>"
        await pool.aclose()
        assert repr(pool) == "<HttpPool 0 idle>"


async def test_exchanges_at_once_do_not_fight_for_connections_that_were_kept_for_too_long() -> None:
    pool = HttpPool(limits=PoolLimits(idle_time=millis(100)))
    seen: list[bytes] = []

    async def ask(port: int) -> None:
        seen.append((await get(pool, port)).body)

    async with scripted(polite) as port:
        for _ in range(2):
            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(ask, port)
            await anyio.sleep(0.11)
        await pool.aclose()
    assert sorted(seen) == [b"%d" % number for number in range(8)]


@pytest.mark.parametrize("noise", [b"", b"HTTP/1.1 408 Timeout\r\n\r\n"])
async def test_a_kept_connection_that_ended_is_not_used(noise: bytes) -> None:
    pool = HttpPool()
    done = anyio.Event()

    async def once(stream: ByteStream, number: int) -> None:
        await head(stream)
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)
        if number == 0:
            await anyio.sleep(0.02)
            if noise:
                await stream.send(noise)
            await stream.aclose()
            done.set()

    async with scripted(once) as port:
        assert (await get(pool, port)).body == b"0"
        await done.wait()
        assert (await get(pool, port, method="POST", body=b"x")).body == b"1"
        await pool.aclose()


async def closes_at_the_second(stream: ByteStream, number: int) -> None:
    """Answers one request on each connection; at the next it closes without a word."""
    await head(stream)
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)
    await head(stream)


async def test_a_safe_request_is_repeated_when_a_kept_connection_ends_under_it() -> None:
    pool = HttpPool()
    async with scripted(closes_at_the_second) as port:
        assert (await get(pool, port)).body == b"0"
        assert (await get(pool, port)).body == b"1"
        await pool.aclose()


async def test_an_unsafe_request_that_was_not_sent_as_a_whole_goes_out_again() -> None:
    pool = HttpPool()

    async def cuts_the_second(stream: ByteStream, number: int) -> None:
        data = await head(stream)
        if b"POST" not in data:
            await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)
            await stream.receive(10)
            return
        left = 16 * 2**20 - len(data.partition(b"\r\n\r\n")[2])
        while left > 0:
            left -= len(await stream.receive())
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)

    async with scripted(cuts_the_second) as port:
        assert (await get(pool, port)).body == b"0"
        assert (await get(pool, port, method="POST", body=b"x" * 16 * 2**20)).body == b"1"
        await pool.aclose()


async def test_an_unsafe_request_that_was_sent_is_never_repeated() -> None:
    pool = HttpPool()
    async with scripted(closes_at_the_second) as port:
        assert (await get(pool, port)).body == b"0"
        assert await broke(pool, f"http://127.0.0.1:{port}/", method="POST") is TransportErrorKind.CLOSED
        await pool.aclose()


async def test_a_safe_request_is_not_repeated_when_its_reply_had_begun() -> None:
    pool = HttpPool()

    async def half(stream: ByteStream, number: int) -> None:
        await head(stream)
        await stream.send(OK)
        await head(stream)
        await stream.send(OK[:-1])

    async with scripted(half) as port:
        await get(pool, port)
        assert await broke(pool, f"http://127.0.0.1:{port}/") is TransportErrorKind.CLOSED


async def test_a_connection_that_was_kept_too_long_is_not_used() -> None:
    pool = HttpPool(limits=PoolLimits(idle_time=millis(10)))
    async with scripted(polite) as port:
        assert (await get(pool, port)).body == b"0"
        await anyio.sleep(0.02)
        assert (await get(pool, port)).body == b"1"
        await pool.aclose()


async def test_what_is_given_back_after_the_close_is_closed() -> None:
    pool = HttpPool()
    asked, closed = anyio.Event(), anyio.Event()

    async def late(stream: ByteStream, number: int) -> None:
        await head(stream)
        asked.set()
        await closed.wait()
        await stream.send(OK)

    async with scripted(late) as port, anyio.create_task_group() as group:
        group.start_soon(get, pool, port)
        await asked.wait()
        await pool.aclose()
        closed.set()
    assert repr(pool) == "<HttpPool 0 idle>"


async def test_what_is_kept_too_long_is_closed_though_nobody_calls() -> None:
    pool = HttpPool(limits=PoolLimits(idle_time=millis(20)))
    ended = anyio.Event()

    async def until_the_end(stream: ByteStream, number: int) -> None:
        await head(stream)
        await stream.send(OK)
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await stream.receive()
        ended.set()

    async with scripted(until_the_end) as port:
        for _ in range(2):
            await get(pool, port)
            with anyio.fail_after(5):
                await ended.wait()
            ended = anyio.Event()
        assert repr(pool) == "<HttpPool 0 idle>"
        await get(pool, port)
        before = tasks()
        await pool.aclose()
    assert len(tasks()) < len(before), "whoever watched what is kept has ended"


async def test_more_requests_than_connections_wait_for_those_before_them() -> None:
    pool = HttpPool(limits=PoolLimits(max_per_origin=2))
    seen: list[bytes] = []

    async def ask(port: int) -> None:
        seen.append((await get(pool, port)).body)

    async with scripted(polite) as port:
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(ask, port)
        await pool.aclose()
    assert (len(seen), set(seen)) == (20, {b"0", b"1"})


@pytest.mark.parametrize("moment", ["in line", "as its turn comes"])
async def test_who_waits_in_line_can_be_cancelled(moment: str) -> None:
    pool = HttpPool(limits=PoolLimits(max_per_origin=1))
    answered = anyio.Event()
    seen: list[str] = []

    async def patient(stream: ByteStream, number: int) -> None:
        while True:
            await head(stream)
            await answered.wait()
            await stream.send(OK)

    async def ask(name: str, port: int) -> None:
        await get(pool, port)
        seen.append(name)
        if moment == "as its turn comes":
            scope.cancel()

    async def cancelled(port: int) -> None:
        with scope:
            await ask("second", port)

    async with scripted(patient) as port:
        scope = anyio.CancelScope()
        async with anyio.create_task_group() as group:
            group.start_soon(ask, "first", port)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(cancelled, port)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(ask, "third", port)
            await anyio.wait_all_tasks_blocked()
            if moment == "in line":
                scope.cancel()
                await anyio.wait_all_tasks_blocked()
            answered.set()
        assert seen == ["first", "third"]
        await pool.aclose()


# --- redirects ----------------------------------------------------------------------------------


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
            assert await broke(pool, f"http://127.0.0.1:{port}/") is TransportErrorKind.MALFORMED
            await pool.aclose()
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


# --- servers that misbehave ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "how"),
    [
        (b"", TransportErrorKind.CLOSED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", TransportErrorKind.CLOSED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + b"x" * 99, TransportErrorKind.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 99, TransportErrorKind.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000, TransportErrorKind.MALFORMED),
        (b"220 mail.example ESMTP\r\n\r\n", TransportErrorKind.MALFORMED),
    ],
)
async def test_what_is_no_reply_is_an_error(said: bytes, how: TransportErrorKind) -> None:
    pool = HttpPool()

    async def saying(stream: ByteStream, number: int) -> None:
        await head(stream)
        await stream.send(said) if said else None

    async with scripted(saying) as port:
        assert await broke(pool, f"http://127.0.0.1:{port}/", accepts=50) is how
    assert repr(pool) == "<HttpPool 0 idle>"


async def test_a_body_may_end_with_the_connection() -> None:
    pool = HttpPool()

    async def saying(stream: ByteStream, number: int) -> None:
        await head(stream)
        await stream.send(b"HTTP/1.0 200 OK\r\n\r\nhello")

    async with scripted(saying) as port:
        assert (await get(pool, port)).body == b"hello"
    assert repr(pool) == "<HttpPool 0 idle>"


@pytest.mark.parametrize("moment", ["connecting", "asking", "reading"])
async def test_a_cancelled_exchange_leaves_nothing(moment: str) -> None:
    pool = HttpPool()
    reached = anyio.Event()

    async def silent(stream: ByteStream, number: int) -> None:
        reached.set()
        await head(stream)
        if moment == "reading":
            await stream.send(OK[:-1])
        await anyio.sleep_forever()

    async with scripted(silent) as port, anyio.create_task_group() as group:
        # More than the buffers of a loopback socket take.
        body = b"x" * 30_000_000 if moment == "asking" else b""
        group.start_soon(lambda: get(pool, port, method="POST", body=body))
        if moment != "connecting":
            await reached.wait()
        group.cancel_scope.cancel()
    assert repr(pool) == "<HttpPool 0 idle>"


async def test_nobody_listens() -> None:
    async with scripted(polite) as port:
        pass
    assert await broke(HttpPool(), f"http://127.0.0.1:{port}/") is TransportErrorKind.REFUSED


async def test_a_name_that_nobody_has() -> None:
    assert await broke(HttpPool(), "http://nobody.invalid/") is TransportErrorKind.UNRESOLVED


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://a b/", "http://"])
async def test_an_address_that_is_none(url: str) -> None:
    assert await broke(HttpPool(), url) is TransportErrorKind.INVALID


async def test_a_field_that_cannot_be_sent_is_refused_at_once() -> None:
    pool = HttpPool()
    async with scripted(polite) as port:
        url = f"http://127.0.0.1:{port}/"
        assert await broke(pool, url, headers=(("x", "a\r\nb: c"),)) is TransportErrorKind.INVALID


# --- TLS ----------------------------------------------------------------------------------------

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
