"""Paths that lose datagrams, between real ends of DTLS and SCTP in virtual time."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

from aiortc.rtcsctptransport import RTCSctpTransport

type Loses = Callable[[int], bool]
"""Tells of a datagram, by its number in the order of sending, whether it is lost."""


class SkippingSelector(selectors.DefaultSelector):
    """Waits for nothing but the next timer, and skips the time to it."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "nothing is left to wait for"
        self.now += timeout
        return super().select(0)


def in_virtual_time[T](main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs to the end without waiting."""

    def make() -> asyncio.AbstractEventLoop:
        selector = SkippingSelector()
        loop = asyncio.SelectorEventLoop(selector)
        loop.time = lambda: selector.now  # type: ignore[method-assign]  # a clock cannot be given otherwise
        return loop

    with asyncio.Runner(loop_factory=make) as runner:
        return runner.run(main())


def now() -> float:
    return asyncio.get_running_loop().time()


class Wire:
    """A path between two ends that loses some datagrams; it has what DTLS uses of ICE."""

    def __init__(self, role: str, loses: Loses, sent: list[bytes]) -> None:
        self.role = role
        self.state = "completed"
        self.other: Wire
        self.loses = loses
        self._sent = sent
        self._arrived: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def _send(self, data: bytes) -> None:
        self._sent.append(data)
        if not self.loses(len(self._sent) - 1):
            self.other._arrived.put_nowait(data)

    async def _recv(self) -> bytes:
        data = await self._arrived.get()
        if data is None:
            raise ConnectionError
        return data

    def close(self) -> None:
        self.state = "closed"
        self._arrived.put_nowait(None)


class Messages(Wire):
    """A path of an association: what SCTP uses of DTLS."""

    def __init__(self, role: str, loses: Loses, sent: list[bytes]) -> None:
        super().__init__(role, loses, sent)
        self.transport = self
        self.state = "connected"
        self._role = "client" if role == "controlled" else "server"
        self.receiver: Any = None

    def _register_data_receiver(self, receiver: Any) -> None:
        self.receiver = receiver

    def _unregister_data_receiver(self, receiver: Any) -> None:
        self.receiver = None

    async def _send_data(self, data: bytes) -> None:
        await self._send(data)

    async def run(self) -> None:
        while True:
            data = await self._recv()
            if self.receiver is not None:
                await self.receiver._handle_data(data)


def association(path: Messages) -> Any:
    return RTCSctpTransport(path, 5000)  # type: ignore[arg-type]  # see Messages
