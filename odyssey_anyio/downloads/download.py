"""One file of a recording on its way to a path, or into memory."""

import math
import os
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Protocol, assert_never

import anyio
import anyio.to_thread
from attrs import frozen

from odyssey_anyio.aio.machine_loop import Clock, patience, reached
from odyssey_anyio.aio.tasks import call_back
from odyssey_anyio.downloads.partial_file import PartialFile
from odyssey_anyio.errors.classes import OdysseyError
from odyssey_anyio.errors.mapping import Calling, error_of
from odyssey_anyio.net.transports import ExchangeError, Exchanges, Fetched
from odyssey_proto.client.jobs.transfer import (
    Begin,
    BrokeOff,
    Came,
    Fetch,
    Finished,
    Headed,
    Locate,
    Located,
    Mark,
    Over,
    Take,
    Transfer,
    TransferInput,
    TransferOutput,
)
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Span
from odyssey_proto.seam.inputs import Wake

FLUSH_SIZE = 1024 * 1024
"""How many bytes are written at once, and kept in memory until then."""


_NO_FETCH = Failure(
    FailureKind.STATE,
    "this client's HTTP transport cannot download files: it has no `fetch`",
    code="unsupported",
)


@frozen
class DownloadProgress:
    """How much of a file is there."""

    received: int
    """In bytes, those of earlier tries included."""
    total: int | None
    """How many there will be, if the server has said it."""

    @property
    def fraction(self) -> float | None:
        """From 0 to 1, if the total is known."""
        if self.total is None:
            return None
        return self.received / self.total if self.total else 1.0


class Sink(Protocol):
    """Where the bytes go; the methods block."""

    def open(self) -> Begin:
        """Opens it; returns what is there already."""
        ...

    def begin(self, mark: Mark) -> None:
        """Begins anew."""
        ...

    def append(self, data: bytes) -> None:
        """Adds bytes."""
        ...

    def finish(self) -> None:
        """The bytes are all there."""
        ...

    def close(self) -> None:
        """Lets go."""
        ...


class Memory:
    """Bytes that are kept in memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def open(self) -> Begin:
        """Nothing is there yet."""
        return Begin()

    def begin(self, mark: Mark) -> None:
        """Begins anew."""
        self.data.clear()

    def append(self, data: bytes) -> None:
        """Adds bytes."""
        self.data += data

    def finish(self) -> None:
        """There is nothing to do."""

    def close(self) -> None:
        """There is nothing to do."""


class Download:
    """
    Loads one file into a sink.

    `locate` gives its address, `lend` the transport.
    """

    def __init__(
        self,
        what: str,
        most: int,
        within: Span,
        locate: Callable[[], Awaitable[str | None]],
        lend: Callable[[], AbstractAsyncContextManager[Exchanges]],
        on_progress: Callable[[DownloadProgress], object] | None,
    ) -> None:
        self._transfer = Transfer(what, most, within, Entropy(os.urandom(16)))
        self._locate = locate
        self._lend = lend
        self._on_progress = on_progress
        self._clock = Clock()
        self._scope = anyio.CancelScope()
        self._todo: deque[TransferOutput] = deque()
        self._buffer = bytearray()

    def __repr__(self) -> str:
        return f"<Download {self._transfer!r}>"

    async def run(self, sink: Sink) -> None:
        """Loads it; raises what stopped it."""
        try:
            begin = await anyio.to_thread.run_sync(sink.open)
            async with self._lend() as exchanges:
                failure = await self._converse(begin, sink, exchanges)
            if failure is not None:
                raise error_of(failure, Calling.REST)
            await self._tell()
            await anyio.to_thread.run_sync(sink.finish)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(sink.close)

    async def _converse(self, begin: Begin, sink: Sink, exchanges: Exchanges) -> Failure | None:
        self._step(begin)
        while True:
            match self._todo.popleft() if self._todo else None:
                case Over(failure):
                    return failure
                case Locate():
                    await self._bounded(self._located)
                case Fetch() as fetch:
                    await self._bounded(partial(self._fetch, fetch, sink, exchanges))
                case Take():
                    raise AssertionError("a body is taken where its head is")
                case None:
                    await self._bounded(anyio.sleep_forever)
                case other:
                    assert_never(other)

    async def _bounded(self, work: Callable[[], Awaitable[None]]) -> None:
        """Works until it is done or the deadline of the transfer has passed, which may move meanwhile."""
        with anyio.CancelScope() as self._scope:
            self._hurry()
            await work()
        if self._scope.cancelled_caught:
            self._step(Wake())

    async def _located(self) -> None:
        try:
            self._step(Located(await self._locate()))
        except OdysseyError as error:
            self._step(Located(error.failure))

    async def _fetch(self, fetch: Fetch, sink: Sink, exchanges: Exchanges) -> None:
        if not hasattr(exchanges, "fetch"):
            self._todo.append(Over(_NO_FETCH))
            return
        try:
            async with exchanges.fetch(fetch.url, fetch.headers, fetch.accepts) as reply:
                self._step(Headed(reply.head))
                match self._todo[0] if self._todo else None:
                    case Take(mark):
                        self._todo.popleft()
                        await self._take(mark, reply, sink)
                    case _:
                        return
        except ExchangeError as broke:
            self._step(BrokeOff(broke.error))
        else:
            self._step(Finished())

    async def _take(self, mark: Mark | None, reply: Fetched, sink: Sink) -> None:
        if mark is not None:
            await anyio.to_thread.run_sync(sink.begin, mark)
        try:
            while data := await reply.receive():
                self._buffer += data
                self._step(Came(len(data)))
                if len(self._buffer) >= FLUSH_SIZE:
                    # The server is not silent while we write and tell.
                    self._scope.deadline = math.inf
                    await self._flush(sink)
                    await self._tell()
                    self._step(Came(0))
        finally:
            # What has come is kept, whatever ended it.
            with anyio.CancelScope(shield=True):
                await self._flush(sink)

    async def _flush(self, sink: Sink) -> None:
        data, self._buffer = bytes(self._buffer), bytearray()
        if data:
            await anyio.to_thread.run_sync(sink.append, data)

    async def _tell(self) -> None:
        if self._on_progress is not None:
            await call_back(self._on_progress, DownloadProgress(self._transfer.have, self._transfer.total))

    def _step(self, inp: TransferInput) -> None:
        now = self._clock()
        deadline = self._transfer.deadline
        if isinstance(inp, Wake) and deadline is not None:
            now = reached(deadline, now)
        self._todo.extend(self._transfer.step(now, inp))
        self._hurry()

    def _hurry(self) -> None:
        left = patience(self._transfer.deadline, self._clock())
        if left is not None:
            self._scope.deadline = anyio.current_time() + left


async def to_path(download: Download, path: Path, what: str) -> Path:
    """Loads to a path, where the whole file appears at once."""
    await download.run(PartialFile(path, what))
    return path
