"""Frames, events and pages of lists; docs/mirror.py generates it from the async API."""

from types import TracebackType
from typing import Self

from odyssey.sync.mirror import Reader
from odyssey_anyio.api.pages import Pages as AsyncPages
from odyssey_anyio.events.event_stream import EventStream as AsyncEventStream
from odyssey_anyio.media.delivery import FrameAccount, Policy
from odyssey_anyio.media.frame_reader import FrameReader as AsyncFrameReader
from odyssey_proto.model.events import Event


class FrameReader[F](Reader[AsyncFrameReader[F], F]):
    """
    The frames of a client from now on, as an iterator; threads that share it share the frames.

    It goes on beyond a session, and ends when the application leaves, or when it is closed.
    """

    @property
    def policy(self) -> Policy:
        """Which frames it is given."""
        return self._original.policy

    def fresh(self) -> F:
        """
        Returns the first frame that begins to arrive after this call.

        What waits is dropped, whatever the policy, and counted as `closed`.
        Raises `OdysseyStreamError` (code `frames.ended`) if no more frames come.

        Example:
            ```python
            with client.stream("A cat") as stream:
                frames = stream.frames()
                stream.interact("Pet the cat")
                frames.fresh().save("petted.png")
            ```
        """
        return self._portal.call(self._original.fresh)

    def __enter__(self) -> Self:
        self._portal.call(self._original.__aenter__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal.finish(self._original.__aexit__, kind, error, trace)

    @property
    def account(self) -> FrameAccount:
        """What became of the frames of this reader; it always adds up."""
        return self._portal.do(lambda: self._original.account)

    def close(self) -> None:
        """Ends the iteration."""
        return self._portal.do(self._original.close)


class EventStream(Reader[AsyncEventStream, Event]):
    """
    The events of a client from now on, as an iterator.

    It ends when the application leaves, after the events of that.
    A reader that falls behind by more than `size` events loses the oldest; `dropped` counts them.
    A `size` below 1 raises `OdysseyValueError`.
    """

    @property
    def dropped(self) -> int:
        """How many events were lost because the reader fell behind."""
        return self._original.dropped

    def __enter__(self) -> Self:
        self._portal.call(self._original.__aenter__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal.finish(self._original.__aexit__, kind, error, trace)

    def close(self) -> None:
        """Takes no more events; what is unread can still be read."""
        return self._portal.do(self._original.close)


class Pages[T](Reader[AsyncPages[T], T]):
    """
    Goes through all pages of a list, as an iterator; each page is asked for when it is needed.

    `load` gives the page at an offset, `name` the id of a line.
    A line that moved to the next page meanwhile, because others came before it, is given once.
    Raises `OdysseyConnectionError` (code `paging.loop`) if a page brings nothing new although the list
    has not grown by as much.
    """
