"""The frames of whatever peer is in use, for any number of readers."""

from collections.abc import Callable
from types import TracebackType
from typing import Self
from weakref import WeakSet

import anyio.lowlevel

from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_anyio.errors.classes import OdysseyError
from odyssey_anyio.errors.mapping import Calling, error_of
from odyssey_anyio.errors.trace import ErrorTrace
from odyssey_anyio.media.delivery import FrameAccount, FrameStream, Newest, Policy, depth_of
from odyssey_anyio.media.encoded_sinks import EncodedReader, EncodedSource
from odyssey_proto.kernel.failures import Failure, FailureKind

type Source[F] = Callable[[Policy], FrameStream[F]]
"""Opens the frames of one peer: its video or its audio."""

NOTHING = FrameAccount(0, 0, 0, {})


class Frames[F]:
    """
    Knows the peer in use, and hands its frames to readers that go on without it.

    `trace` returns the trace that errors of readers carry; `check` raises where readers cannot be used.
    """

    def __init__(
        self,
        trace: Callable[[], ErrorTrace | None] = lambda: None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._trace = trace
        self._check = check
        self._source: Source[F] | None = None
        self._encoded: EncodedSource | None = None
        self._readers: WeakSet[FrameReader[F]] = WeakSet()
        self._recorders: WeakSet[EncodedReader] = WeakSet()
        self._past = NOTHING
        self._unread: FrameStream[F] | None = None
        """Keeps the newest frame of the present peer for whoever looks at it; nobody reads it."""
        self._latest: F | None = None
        """The newest frame of the peers before."""

    @property
    def latest(self) -> F | None:
        """The newest frame since the last stream began, if there is one; any thread may ask."""
        unread = self._unread
        return (unread.newest if unread is not None else None) or self._latest

    @property
    def account(self) -> FrameAccount:
        """What became of all frames, counted for each reader anew."""
        total = self._past
        for reader in list(self._readers):
            total = plus(total, reader.unsettled)
        return total

    def attach(self, source: Source[F], encoded: EncodedSource | None = None) -> None:
        """Lets readers read from a new peer; `encoded` are its frames before they are decoded."""
        self._source, self._encoded = source, encoded
        self._keep_latest(source, self.latest)
        for reader in list(self._readers):
            reader.attach(source)
        if encoded is not None:
            for recorder in list(self._recorders):
                recorder.attach(encoded)

    def begin_stream(self) -> None:
        """A stream begins: who reads only the newest frame gets none from before it any more."""
        if self._source is not None:
            self._keep_latest(self._source, None)
        for reader in list(self._readers):
            if self._source is not None and depth_of(reader.policy) == 1:
                reader.attach(self._source)

    def detach(self) -> None:
        """The peer is gone; readers wait for the next."""
        self._source = self._encoded = None

    def read(self, policy: Policy, finish: Callable[[], None] = lambda: None) -> "FrameReader[F]":
        """Returns a new reader; `finish` is called at its end, and may raise."""
        reader = FrameReader[F](policy, finish, self._settle, self._trace, self._check)
        self._readers.add(reader)
        if self._source is not None:
            reader.attach(self._source)
        return reader

    def record(self, recorder: EncodedReader) -> None:
        """Lets a recorder have the encoded frames of the peer in use, until it is closed."""
        self._recorders.add(recorder)
        if self._encoded is not None:
            recorder.attach(self._encoded)

    def close(self) -> None:
        """Ends every reader until now; readers that come later wait for the next peer."""
        self._source = self._encoded = None
        for recorder in list(self._recorders):
            recorder.close()
        self._recorders.clear()
        for reader in list(self._readers):
            if not reader.ending:
                reader.close()
                self._readers.discard(reader)

    def _settle(self, account: FrameAccount) -> None:
        self._past = plus(self._past, account)

    def _keep_latest(self, source: Source[F], before: F | None) -> None:
        unread, self._latest, self._unread = self._unread, before, source(Newest())
        if unread is not None:
            unread.close()


class FrameReader[F]:
    """
    The frames of a client from now on, as an async iterator; tasks that share it share the frames.

    It goes on beyond a session, and ends when the application leaves, or when it is closed.
    """

    def __init__(
        self,
        policy: Policy,
        finish: Callable[[], None],
        settle: Callable[[FrameAccount], None],
        trace: Callable[[], ErrorTrace | None],
        check: Callable[[], None],
    ) -> None:
        self.policy = policy
        """Which frames it is given."""
        self._check = check
        self._finish = finish
        self._settle = settle
        self._trace = trace
        self._past = NOTHING
        self._stream: FrameStream[F] | None = None
        self._source: Source[F] | None = None
        self._changed = Wakeup()
        self._ending = False
        self._closed = False

    def __repr__(self) -> str:
        return f"<FrameReader {self.policy}{', closed' if self._closed else ''}>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> F:
        self._check()
        while not self._closed:
            stream = self._stream
            if stream is None:
                await self._changed.wait()
                continue
            try:
                return await anext(stream)
            except OdysseyError as error:
                error.trace = self._trace()
                raise
            except StopAsyncIteration:
                # Its peer is gone; another may have come meanwhile.
                if self._stream is stream:
                    self._release_stream()
                self._closed = self._closed or self._ending
        await anyio.lowlevel.checkpoint()
        self._finish()
        raise StopAsyncIteration

    async def fresh(self) -> F:
        """
        Returns the first frame that begins to arrive after this call.

        What waits is dropped, whatever the policy, and counted as `closed`.
        Raises `OdysseyStreamError` (code `frames.ended`) if no more frames come.

        Example:
            ```python
            async with client.stream("A cat") as stream:
                frames = stream.frames()
                await stream.interact("Pet the cat")
                (await frames.fresh()).save("petted.png")
            ```
        """
        if self._source is not None and self._stream is not None and not self._stream.ended:
            self.attach(self._source)
        try:
            return await anext(self)
        except StopAsyncIteration:
            ended = Failure(FailureKind.STREAM_ENDED, "no more frames come", code="frames.ended")
            raise error_of(ended, Calling.STREAM) from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # A loop that was left by `break` holds nothing but this object.
        self._release_stream()

    @property
    def account(self) -> FrameAccount:
        """What became of the frames of this reader; it always adds up."""
        return plus(self._past, self.unsettled)

    @property
    def unsettled(self) -> FrameAccount:
        """The part of the account that may still change."""
        return NOTHING if self._stream is None else self._stream.account

    def attach(self, source: Source[F]) -> None:
        """Reads from a new peer, and no more from the one before."""
        self._release_stream()
        if not self._closed and not self._ending:
            self._source, self._stream = source, source(self.policy)
            self._changed.set()

    @property
    def ending(self) -> bool:
        """Whether it reads what waits, and nothing more."""
        return self._ending and not self._closed

    def end(self) -> None:
        """Takes no more frames; those that wait are still read."""
        self._ending = True
        if self._stream is None:
            self.close()
        else:
            self._stream.end()

    def close(self) -> None:
        """Ends the iteration."""
        self._closed = True
        self._release_stream()
        self._changed.set()

    def _release_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
            self._past = plus(self._past, stream.account)
            self._settle(stream.account)


def plus(one: FrameAccount, other: FrameAccount) -> FrameAccount:
    """Returns two accounts as one."""
    reasons = {**one.dropped, **other.dropped}
    dropped = {why: one.dropped.get(why, 0) + other.dropped.get(why, 0) for why in reasons}
    return FrameAccount(
        one.received + other.received,
        one.delivered + other.delivered,
        one.pending + other.pending,
        dropped,
    )
