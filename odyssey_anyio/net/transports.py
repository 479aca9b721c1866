"""The three transports beneath a client; a program may bring its own."""

from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.seam.http import Headers, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import MediaInput, PeerId, SocketInput, TransportError
from odyssey_proto.seam.outputs import CloseSocket, MediaOutput, OpenSocket, SendText


class ExchangeError(Exception):
    """No reply will come; `error` says how it broke."""

    def __init__(self, error: TransportError) -> None:
        super().__init__(error)
        self.error = error

    def __str__(self) -> str:
        return self.error.kind.value


class Fetched(Protocol):
    """A reply whose body is taken piece by piece."""

    head: HttpReply
    """Status and header fields."""

    async def receive(self) -> bytes:
        """Returns the next bytes, none at the end; raises `ExchangeError`."""
        ...


class Exchanges(Protocol):
    """
    HTTP.

    One that can open connections ahead has a method besides, `async preconnect(url, connections)`, which has
    so many to the host of an address ready; without it each is opened when it is needed.
    One that keeps connections may have `close_idle()`, which never blocks: a session was lost, or its
    streamer has fallen silent, perhaps with the network, so a connection that was kept until then is not to
    be used again.
    """

    async def exchange(self, request: HttpRequest) -> HttpReply:
        """Sends a request and returns its reply, whatever the status; raises `ExchangeError`."""
        ...

    def fetch(self, url: Secret, headers: Headers, accepts: int) -> AbstractAsyncContextManager[Fetched]:
        """
        Asks for a file at an address that is a secret, with these header fields and no others of ours.

        At most `accepts` bytes of its body are taken; raises `ExchangeError`.
        """
        ...

    async def aclose(self) -> None:
        """Closes every connection."""
        ...


MAX_UNSENT_BYTES = 128 * 1024 * 1024
"""How much may wait to be sent on one socket."""


class Outbox:
    """What waits to be sent on one socket, bounded in bytes."""

    def __init__(self, max_bytes: int = MAX_UNSENT_BYTES) -> None:
        self._items: deque[SendText | CloseSocket] = deque()
        self._room = max_bytes
        self.changed: Wakeup = Wakeup()
        """Set whenever there is something to do for who sends."""
        self.overflowed: bool = False
        """Whether more was to be sent than fits; the socket must then end as `TOO_LARGE`."""

    def put(self, item: SendText | CloseSocket) -> None:
        """Adds something to send; never blocks."""
        size = _max_bytes(item)
        if size > self._room:
            self.overflowed = True
        else:
            self._room -= size
            self._items.append(item)
        self.changed.set()

    @property
    def ready(self) -> bool:
        """Whether `take` would return at once."""
        return bool(self._items) or self.overflowed

    async def take(self) -> SendText | CloseSocket | None:
        """Waits for the next thing to send; `None` if it overflowed."""
        await self.changed.until(lambda: self.ready)
        if self.overflowed:
            return None
        item = self._items.popleft()
        self._room += _max_bytes(item)
        return item


def _max_bytes(item: SendText | CloseSocket) -> int:
    """Returns how many bytes of UTF-8 something to send is at most; to count them would cost more."""
    return len(item.text) * 4 if isinstance(item, SendText) else 0


class Sockets(Protocol):
    """
    WebSockets.

    Whoever can tell whether the other side is there has a method besides, `ping(socket)`, which never blocks:
    it asks on one that runs (RFC 6455 section 5.5.2), and the answer is delivered as `SocketAnswered`; so is
    that it cannot be asked now, because a message is being sent.
    """

    async def run(self, order: OpenSocket, outbox: Outbox, deliver: Callable[[SocketInput], None]) -> None:
        """
        Opens a socket and runs it to its end, sending what `outbox` holds.

        Returns when it is gone; the last thing delivered is `SocketRefused` or `SocketClosed`.
        """
        ...


class MediaEngine(Protocol):
    """WebRTC peers, and the frames they receive; an `AudioEngine` for a client that receives audio."""

    async def start(self, deliver: Callable[[MediaInput], None]) -> None:
        """Starts; `deliver` is called in the loop and thread of the caller."""
        ...

    def order(self, order: MediaOutput) -> None:
        """Has something done; never blocks."""
        ...

    def frames(self, peer: PeerId, policy: Any) -> Any:
        """Returns the frames of a peer from now on, as an async iterator with `close()`."""
        ...

    async def aclose(self) -> None:
        """Closes every peer and ends."""
        ...


class AudioEngine(MediaEngine, Protocol):
    """A media engine for clients that receive audio."""

    def audio(self, peer: PeerId, policy: Any) -> Any:
        """Returns the sound of a peer from now on, as an async iterator with `close()`."""
        ...
