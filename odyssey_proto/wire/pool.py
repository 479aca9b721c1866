"""
Which connection serves which request: a pool of HTTP connections without the connections.

A request asks for a connection to its origin.
It gets one that is kept from an earlier request, or opens one, or waits in line.

- Of the kept ones it gets the newest, which is the least likely to have been closed by the server.
  Those beyond what the present load needs grow old, and are closed when their idle time is over.
- An origin has at most so many connections.
  More requests than that wait, first come first served, and get the connections of those before them:
  to open more and throw them away costs a handshake each, and the server more than that.
  How long a request may wait is the caller's to say: it releases the request when it has waited enough.
- A connection may be opened ahead, for requests to come: those that come before it is open wait for it.
- A server may close a kept connection at any moment, also while a request is on its way.
  Then nobody knows whether the request was carried out, unless some of it had not been sent yet.
  So it is repeated only if it is safe or was not sent as a whole, if nothing of a reply had arrived, and if
  the connection was a kept one; and only on a fresh connection, so that it is repeated once (RFC 9110
  section 9.2.2, RFC 9112 section 9.3.1).
  Anything else that is lost in this way, such as a small POST, fails.
- So that this hardly happens, a request that may not be repeated never goes out on a connection that was
  unused for long: servers end those that were unused for some seconds, not those that just served.

A request is over when it is released, or when it fails and gets no other connection.
"""

from collections import Counter
from enum import Enum, unique
from typing import NewType, assert_never

from attrs import define, field, frozen
from attrs.validators import ge

from odyssey_proto.kernel.machine import Deadline, Instant, RootMachine, Span, after, seconds
from odyssey_proto.seam.inputs import Wake

RequestId = NewType("RequestId", int)
"""Names one request from its `Ask` to its end; never used twice in one pool."""

ConnectionId = NewType("ConnectionId", int)
"""Names one connection; never used twice in one pool."""

type Origin = tuple[bool, str, int]
"""Whether TLS is used, the host and the port: what one connection can serve."""


IDLE_TIME = seconds(15)
"""Less than servers usually keep an unused connection."""

UNSAFE_IDLE_TIME = seconds(1)
"""Less than any server keeps an unused connection."""


@frozen
class PoolLimits:
    """How much a pool keeps and opens."""

    idle_time: Span = IDLE_TIME
    """How long an unused connection is kept."""
    unsafe_idle_time: Span = UNSAFE_IDLE_TIME
    """How long a connection may have been unused that is given to a request that may not be repeated."""
    max_idle: int = 100
    """The most unused connections, over all origins; beyond it the oldest are closed."""
    max_per_origin: int = field(default=100, validator=ge(1))
    """The most connections to one origin; more requests than that wait in line."""


# --- what goes in -------------------------------------------------------------------------------


@frozen
class Ask:
    """A request needs a connection."""

    request: RequestId
    origin: Origin
    safe: bool
    """Whether it may be repeated."""


@frozen
class OpenAhead:
    """A connection is to be opened for requests to come, unless there are so many that are not in use."""

    request: RequestId
    """Its name in the place of a request; released as reusable when it is open."""
    origin: Origin
    connections: int


@frozen
class Stale:
    """The kept connection of a request ended before it was used again, or something arrived unasked."""

    request: RequestId


@frozen
class Fail:
    """The connection of a request broke: the request gets a fresh one if it may be repeated, or is over."""

    request: RequestId
    sent: bool
    """Whether the whole request had been given to the connection."""
    replied: bool
    """Whether anything of a reply had arrived."""


@frozen
class Release:
    """A request is over: carried out, or given up in line, while its connection opened, or half-way."""

    request: RequestId
    reusable: bool
    """Whether its connection can serve another."""


@frozen
class CloseIdle:
    """
    What is kept is closed, for instance because it may lead nowhere any more.

    For good: nothing is kept from now on either, and connections in use are closed when they are released.
    """

    for_good: bool


type PoolInput = Ask | OpenAhead | Stale | Fail | Release | CloseIdle | Wake


# --- what comes out -----------------------------------------------------------------------------


@frozen
class UseConnection:
    """A request is to use this kept connection; first it must be looked at whether it is `Stale`."""

    request: RequestId
    connection: ConnectionId


@frozen
class OpenConnection:
    """A request is to open this connection and use it."""

    request: RequestId
    connection: ConnectionId


@frozen
class CloseConnection:
    """A connection is of no more use, if it was ever open."""

    connection: ConnectionId


type Grant = UseConnection | OpenConnection
type PoolOutput = Grant | CloseConnection


@unique
class PoolTimer(Enum):
    """Why a pool wants to be woken."""

    IDLE = "idle"


@frozen
class _Idle:
    origin: Origin
    since: Instant
    until: Instant


@define
class _Busy:
    ask: Ask
    connection: ConnectionId
    kept: bool
    ahead: bool = False


class ConnectionPool(RootMachine[PoolInput, PoolOutput]):
    """
    The pool as a machine; see the head of this file.

    The driver holds the sockets and gives the machine the time.
    """

    def __init__(self, limits: PoolLimits) -> None:
        super().__init__()
        self._limits = limits
        self._last = 0
        self._closed = False
        # Both dicts are in order of time: the first is the oldest.
        self._idle: dict[ConnectionId, _Idle] = {}
        self._waiting: dict[RequestId, Ask] = {}
        self._busy: dict[RequestId, _Busy] = {}
        self._used: Counter[Origin] = Counter()

    def __repr__(self) -> str:
        busy, idle, waiting = len(self._busy), len(self._idle), len(self._waiting)
        return f"<ConnectionPool {busy} busy, {idle} idle, {waiting} waiting>"

    @property
    def idle(self) -> int:
        """How many connections are kept."""
        return len(self._idle)

    def _next_deadline(self) -> Deadline | None:
        for idle in self._idle.values():
            return Deadline(idle.until, PoolTimer.IDLE)
        return None

    def _take(self, now: Instant, inp: PoolInput) -> list[PoolOutput]:
        match inp:
            case Ask():
                return self._serve(now, inp)
            case OpenAhead():
                return self._open_ahead(inp)
            case Stale(request) if request in self._busy:
                busy = self._end(request)
                return [CloseConnection(busy.connection), *self._serve(now, busy.ask)]
            case Fail(request) if request in self._busy:
                return self._fail(now, inp)
            case Release(request, reusable):
                return self._release(now, request, reusable)
            case CloseIdle(for_good):
                self._closed = self._closed or for_good
                return [self._close_oldest() for _ in range(len(self._idle))]
            case Wake() | Stale() | Fail():
                return []
            case _:
                assert_never(inp)

    def _wake(self, now: Instant) -> list[PoolOutput]:
        return [self._close_oldest()]

    def _serve(self, now: Instant, ask: Ask) -> list[PoolOutput]:
        """Gives a request a connection, or a place in line."""
        kept = self._newest(now, ask.origin)
        if kept is not None:
            unused = now - self._idle.pop(kept).since
            if not ask.safe and unused >= self._limits.unsafe_idle_time:
                return [CloseConnection(kept), self._grant(ask, None)]
        elif self._full(ask.origin) or self._opening(ask.origin) > self._in_line(ask.origin):
            self._waiting[ask.request] = ask
            return []
        return [self._grant(ask, kept)]

    def _open_ahead(self, asked: OpenAhead) -> list[PoolOutput]:
        idle = sum(each.origin == asked.origin for each in self._idle.values())
        there = idle + self._opening(asked.origin) - self._in_line(asked.origin)
        # Here those that are kept count too: a request would take one of them, this opens another.
        full = self._used[asked.origin] + idle >= self._limits.max_per_origin
        if self._closed or full or there >= asked.connections:
            return []
        granted = self._grant(Ask(asked.request, asked.origin, safe=True), None)
        self._busy[asked.request].ahead = True
        return [granted]

    def _full(self, origin: Origin) -> bool:
        return self._used[origin] >= self._limits.max_per_origin

    def _opening(self, origin: Origin) -> int:
        """Returns how many connections to an origin are opened ahead and are not open yet."""
        return sum(busy.ahead and busy.ask.origin == origin for busy in self._busy.values())

    def _in_line(self, origin: Origin) -> int:
        return sum(ask.origin == origin for ask in self._waiting.values())

    def _newest(self, now: Instant, origin: Origin) -> ConnectionId | None:
        """Returns the kept connection to an origin that was used last, if its time is not over."""
        for connection, idle in reversed(self._idle.items()):
            if idle.origin == origin and idle.until > now:
                return connection
        return None

    def _grant(self, ask: Ask, kept: ConnectionId | None) -> Grant:
        """Gives a request a kept connection, or a fresh one."""
        self._used[ask.origin] += 1
        if kept is not None:
            self._busy[ask.request] = _Busy(ask, kept, kept=True)
            return UseConnection(ask.request, kept)
        self._last += 1
        fresh = ConnectionId(self._last)
        self._busy[ask.request] = _Busy(ask, fresh, kept=False)
        return OpenConnection(ask.request, fresh)

    def _end(self, request: RequestId) -> _Busy:
        """Takes the connection from a request."""
        busy = self._busy.pop(request)
        self._used[busy.ask.origin] -= 1
        if not self._used[busy.ask.origin]:
            del self._used[busy.ask.origin]
        return busy

    def _fail(self, now: Instant, failed: Fail) -> list[PoolOutput]:
        busy = self._busy[failed.request]
        untouched = not failed.replied and (busy.ask.safe or not failed.sent)
        if not (busy.kept and untouched):
            return self._release(now, failed.request, reusable=False)
        self._end(failed.request)
        return [CloseConnection(busy.connection), self._grant(busy.ask, None)]

    def _release(self, now: Instant, request: RequestId, reusable: bool) -> list[PoolOutput]:
        if request not in self._busy:
            self._waiting.pop(request, None)
            return []
        busy = self._end(request)
        origin = busy.ask.origin
        ask = next((ask for ask in self._waiting.values() if ask.origin == origin), None)
        if ask is not None:
            del self._waiting[ask.request]
        if not reusable or self._closed:
            closed = CloseConnection(busy.connection)
            return [closed] if ask is None else [closed, self._grant(ask, None)]
        if ask is not None:
            return [self._grant(ask, busy.connection)]
        self._idle[busy.connection] = _Idle(origin, now, after(now, self._limits.idle_time))
        return [self._close_oldest()] if len(self._idle) > self._limits.max_idle else []

    def _close_oldest(self) -> CloseConnection:
        oldest = next(iter(self._idle))
        del self._idle[oldest]
        return CloseConnection(oldest)
