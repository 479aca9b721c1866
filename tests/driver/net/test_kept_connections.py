"""Which connection serves which request: kept ones, those that ended, and the line for the next one."""

import ssl
from collections.abc import Callable

import anyio
import pytest
from anyio.abc import ByteStream
from house.exchanges import OK, broke, get, head, polite
from house.leaks import tasks
from house.tcp_server import scripted

from odyssey_anyio.net.http import HttpPool
from odyssey_anyio.net.streams import abort
from odyssey_proto.kernel.machine import millis
from odyssey_proto.kernel.url import parse
from odyssey_proto.seam.http import HttpRequest
from odyssey_proto.seam.inputs import TransportErrorKind
from odyssey_proto.wire.pool import PoolLimits

pytestmark = pytest.mark.anyio

type Certified = Callable[..., ssl.SSLContext]


async def test_a_connection_is_used_again() -> None:
    pool = HttpPool()
    async with scripted(polite) as port:
        assert [(await get(pool, port)).body for _ in range(3)] == [b"0"] * 3
        await pool.aclose()


async def test_what_was_kept_before_a_loss_is_not_used_after_it() -> None:
    pool = HttpPool()
    async with scripted(polite) as port:
        assert (await get(pool, port)).body == b"0"
        pool.close_idle()
        assert [(await get(pool, port)).body for _ in range(2)] == [b"1"] * 2
        pool.close_idle()
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


# --- connections that are opened ahead ------------------------------------------------------------


@pytest.mark.parametrize("over", ["tcp", "tls"])
async def test_connections_are_opened_ahead_and_serve_what_comes(
    over: str, trusting: ssl.SSLContext, certified: Certified
) -> None:
    # On a busy machine a second goes by between two lines.
    pool = HttpPool(trusting, PoolLimits(unsafe_idle_time=millis(60_000)))
    async with scripted(polite, certified("localhost") if over == "tls" else None) as port:
        url = f"{'https' if over == 'tls' else 'http'}://localhost:{port}/"
        for _ in range(2):
            await pool.preconnect(url, 2)
            assert repr(pool) == "<HttpPool 2 idle>"
        # Time for what TLS sends behind its handshake.
        await anyio.sleep(0.05)
        assert (await pool.exchange(HttpRequest("POST", url))).body in (b"0", b"1")
        stream = await pool.take(parse(url))
        assert repr(pool) == "<HttpPool 1 idle>"
        await abort(stream)
        await pool.aclose()


async def test_who_asks_while_a_connection_is_opened_ahead_waits_for_it() -> None:
    pool = HttpPool()
    async with scripted(polite) as port:
        async with anyio.create_task_group() as group:
            group.start_soon(pool.preconnect, f"http://127.0.0.1:{port}/", 1)
            await anyio.wait_all_tasks_blocked()
            assert (await get(pool, port)).body == b"0"
        assert repr(pool) == "<HttpPool 1 idle>"
        await pool.aclose()


@pytest.mark.parametrize("over", ["tcp", "tls"])
async def test_a_connection_that_was_opened_ahead_and_ended_is_not_used(
    over: str, trusting: ssl.SSLContext, certified: Certified
) -> None:
    ended = anyio.Event()

    async def first_ends(stream: ByteStream, number: int) -> None:
        if number:
            await polite(stream, number)
        else:
            await stream.aclose()
            ended.set()

    pool = HttpPool(trusting)
    async with scripted(first_ends, certified("localhost") if over == "tls" else None) as port:
        url = f"{'https' if over == 'tls' else 'http'}://localhost:{port}/"
        await pool.preconnect(url, 1)
        await ended.wait()
        await anyio.sleep(0.05)
        assert (await pool.exchange(HttpRequest("GET", url))).body == b"1"
        await pool.aclose()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "nowhere", "http://nobody.invalid/"])
async def test_where_nothing_can_be_opened_ahead_nothing_is(url: str) -> None:
    pool = HttpPool()
    await pool.preconnect(url, 2)
    assert repr(pool) == "<HttpPool 0 idle>"
    await pool.aclose()
