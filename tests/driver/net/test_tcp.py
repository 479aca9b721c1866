"""TCP connections: to the address that answers first, without a task that the end of a loop could strike."""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
import pytest

from odyssey_anyio.net import tcp

pytestmark = pytest.mark.anyio

SILENT = (socket.AF_INET, ("127.0.0.1", 1))
"""An address that the tests let wait for ever."""


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets a name have these addresses."""

    def resolve(*addresses: tcp.Address) -> None:
        def found(*_: object, **__: object) -> list[Any]:
            return [(family, socket.SOCK_STREAM, 6, "", address) for family, address in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", found)

    return resolve


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lets one address never answer; returns what happened to the tries."""
    connect, seen = tcp._connect, []

    async def patched(address: tcp.Address) -> socket.socket:
        if address != SILENT:
            return await connect(address)
        seen.append("tried")
        try:
            await anyio.sleep_forever()
        finally:
            seen.append("given up")
        raise AssertionError("unreachable")

    monkeypatch.setattr(tcp, "_connect", patched)
    return seen


PIECE = bytes(1024 * 1024)
MORE_THAN_SYSTEMS_KEEP = 128 * len(PIECE)


async def _listening() -> tuple[Any, tcp.Address]:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    return listener, (socket.AF_INET, ("127.0.0.1", listener.extra(anyio.abc.SocketAttribute.local_port)))


def _closed() -> tcp.Address:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return socket.AF_INET, unused.getsockname()


async def test_an_address_is_connected_to_without_a_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("an address needs no look-up")

    listener, (_, (host, port)) = await _listening()
    async with listener:
        monkeypatch.setattr(socket, "getaddrinfo", never)
        async with await tcp.connect_tcp(str(host), int(port)) as stream:
            assert stream.extra(anyio.abc.SocketAttribute.remote_port) == port


async def test_what_nobody_reads_stays_in_the_network() -> None:
    sent = 0

    async def flood(stream: anyio.abc.ByteStream) -> None:
        nonlocal sent
        with suppress(anyio.BrokenResourceError):
            async with stream:
                while True:
                    await stream.send(PIECE)
                    sent += len(PIECE)

    listener, (_, (host, port)) = await _listening()
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, flood)
        async with await tcp.connect_tcp(str(host), int(port)) as stream:
            before = -1
            # More than the systems of both ends keep is taken by nobody.
            while before < sent < MORE_THAN_SYSTEMS_KEEP:
                before = sent
                await anyio.sleep(0.1)
            assert sent < MORE_THAN_SYSTEMS_KEEP
            assert await stream.receive()
        group.cancel_scope.cancel()


async def test_nobody_listens(resolved: Callable[..., None]) -> None:
    _, (host, port) = _closed()
    with pytest.raises(ConnectionRefusedError):
        await tcp.connect_tcp(str(host), int(port))
    resolved(_closed(), _closed())
    with pytest.raises(ConnectionRefusedError):
        await tcp.connect_tcp("two.test", 1)


async def test_an_address_that_fails_is_followed_by_the_next_at_once(
    resolved: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "CONNECTION_ATTEMPT_DELAY", 100)
    listener, address = await _listening()
    async with listener:
        resolved(_closed(), address)
        with anyio.fail_after(10):
            async with await tcp.connect_tcp("two.test", 1) as stream:
                assert stream.extra(anyio.abc.SocketAttribute.remote_address) == address[1]


async def test_an_address_that_does_not_answer_is_given_up_when_another_does(
    resolved: Callable[..., None], silent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "CONNECTION_ATTEMPT_DELAY", 0.01)
    listener, address = await _listening()
    async with listener:
        resolved(SILENT, address)
        with anyio.fail_after(10):
            async with await tcp.connect_tcp("two.test", 1) as stream:
                assert stream.extra(anyio.abc.SocketAttribute.remote_address) == address[1]
    # The other one may take longer than the pause between tries.
    assert silent.count("tried") == silent.count("given up") >= 1


@pytest.mark.parametrize("lost", [1, 2])
async def test_a_lost_beginning_is_repeated_beside_the_first_try(
    lost: int, resolved: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, seen = tcp._connect, []

    async def patched(address: tcp.Address) -> socket.socket:
        seen.append("tried")
        if len(seen) > lost:
            return await connect(address)
        try:
            await anyio.sleep_forever()
        finally:
            seen.append("given up")
        raise AssertionError("unreachable")

    monkeypatch.setattr(tcp, "_connect", patched)
    monkeypatch.setattr(tcp, "CONNECTION_ATTEMPT_DELAY", 0.01)
    listener, address = await _listening()
    async with listener:
        resolved(address)
        with anyio.fail_after(10):
            async with await tcp.connect_tcp("one.test", 1) as stream:
                assert stream.extra(anyio.abc.SocketAttribute.remote_address) == address[1]
    # An answer may take longer than the pause between tries, which are few.
    assert lost < seen.count("tried") <= tcp.MAX_ATTEMPTS
    assert seen.count("given up") == lost


async def test_a_far_or_silent_server_sees_few_tries(
    resolved: Callable[..., None], silent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "CONNECTION_ATTEMPT_DELAY", 0.01)
    resolved(SILENT)
    async with anyio.create_task_group() as group:
        group.start_soon(tcp.connect_tcp, "one.test", 1)
        with anyio.fail_after(10):
            while len(silent) < 3:
                await anyio.sleep(0.01)
        # Several times as long as another try would take.
        await anyio.sleep(0.2)
        assert silent == ["tried"] * 3
        group.cancel_scope.cancel()


async def test_an_address_that_has_answered_with_an_error_is_not_tried_again(
    resolved: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, seen = tcp._connect, []

    async def counted(address: tcp.Address) -> socket.socket:
        seen.append(address)
        return await connect(address)

    monkeypatch.setattr(tcp, "_connect", counted)
    address = _closed()
    resolved(address)
    with pytest.raises(ConnectionRefusedError):
        await tcp.connect_tcp("one.test", 1)
    assert seen == [address]


async def test_a_connection_that_is_cancelled_leaves_nothing(
    resolved: Callable[..., None], silent: list[str]
) -> None:
    resolved(SILENT, SILENT)
    async with anyio.create_task_group() as group:
        group.start_soon(tcp.connect_tcp, "two.test", 1)
        with anyio.fail_after(10):
            while not silent:
                await anyio.sleep(0.01)
        group.cancel_scope.cancel()
    assert silent.count("tried") == silent.count("given up") > 0


async def test_the_pauses_between_tries_grow_once_each_address_was_tried(
    resolved: Callable[..., None], silent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses, move_on_after = list[float](), anyio.move_on_after

    def at_once(seconds: float) -> anyio.CancelScope:
        pauses.append(seconds)
        return move_on_after(0)

    monkeypatch.setattr("anyio.move_on_after", at_once)
    resolved(SILENT, SILENT)
    async with anyio.create_task_group() as group:
        group.start_soon(tcp.connect_tcp, "two.test", 1)
        with anyio.fail_after(10):
            while len(pauses) < tcp.MAX_ATTEMPTS:
                await anyio.sleep(0.01)
        group.cancel_scope.cancel()
    assert pauses == [0.25, 0.25, 0.5]


@pytest.mark.skipif(not hasattr(socket, "TCP_THIN_LINEAR_TIMEOUTS"), reason="an option of Linux")
async def test_what_a_connection_loses_is_repeated_steadily() -> None:
    listener, address = await _listening()
    async with listener, await tcp.connect_tcp(*address[1]) as stream:
        raw = stream.extra(anyio.abc.SocketAttribute.raw_socket)
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_THIN_LINEAR_TIMEOUTS) == 1


async def test_the_families_take_turns(resolved: Callable[..., None]) -> None:
    four, six = socket.AF_INET, socket.AF_INET6
    resolved((four, ("a", 1)), (four, ("b", 1)), (six, ("c", 1)), (four, ("d", 1)), (six, ("e", 1)))
    assert [address[0] for _, address in await tcp.look_up("name.test", 1)] == ["c", "a", "e", "b", "d"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_look_up_holds_up_neither_a_deadline_nor_the_end_of_a_loop(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer = threading.Event(), threading.Event()

    def resolve(*_: object, **__: object) -> list[Any]:
        asked.set()
        answer.wait()
        return []

    async def main() -> None:
        with anyio.fail_after(0.05):
            await tcp.look_up("slow.test", 1)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    # Whoever waits for the resolver waits for this.
    late = threading.Timer(10, answer.set)
    late.start()
    try:
        with pytest.raises(TimeoutError):
            anyio.run(main, backend=backend)
        assert asked.is_set()
        assert not answer.is_set()
    finally:
        late.cancel()
        answer.set()
        late.join()


@pytest.mark.parametrize("addresses", [1, 2])
def test_the_end_of_a_loop_strikes_no_attempt(addresses: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is connected at the end of a loop, by a task that survives it, arrives."""
    from odyssey_anyio.aio.tasks import spawn

    peers: list[Any] = []

    async def main() -> object:
        listener, address = await _listening()

        async def found(*_: object, **__: object) -> list[tcp.Address]:
            return [address] * addresses

        monkeypatch.setattr(tcp, "look_up", found)
        begun = asyncio.Event()

        async def goodbye() -> None:
            begun.set()
            async with listener, await tcp.connect_tcp("name.test", 1) as stream:
                peers.append(stream.extra(anyio.abc.SocketAttribute.remote_address))

        task = spawn(goodbye, "goodbye", lambda: None)
        await begun.wait()
        return task

    asyncio.run(main())
    assert len(peers) == 1
