"""A pool of connections in virtual time, held to its laws at every step."""

from collections import Counter

from attrs import define

from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.wire.pool import (
    Ask,
    CloseConnection,
    CloseIdle,
    ConnectionId,
    ConnectionPool,
    Fail,
    OpenAhead,
    OpenConnection,
    Origin,
    PoolInput,
    PoolLimits,
    PoolOutput,
    PoolTimer,
    Release,
    RequestId,
    Stale,
    UseConnection,
)

HERE: Origin = (True, "here.example", 443)
THERE: Origin = (True, "there.example", 443)


@define
class Placed:
    """A request that has a connection."""

    connection: ConnectionId
    kept: bool
    """Whether the connection had served another request before."""


class World:
    """A pool, what a driver would hold for it, and the laws, looked at after each step."""

    def __init__(self, limits: PoolLimits | None = None) -> None:
        self.limits = limits or PoolLimits()
        self.pool = ConnectionPool(self.limits)
        self.now = Instant(1_000_000)
        self.last = 0
        self.asked: dict[RequestId, Ask] = {}
        self.held: dict[RequestId, Placed] = {}
        self.waiting: list[RequestId] = []
        self.opened: dict[ConnectionId, Origin] = {}
        self.idle: dict[ConnectionId, Instant] = {}
        self.ahead: list[RequestId] = []
        self.closed = False

    # --- what a driver does -----------------------------------------------------------------------

    def ask(self, origin: Origin = HERE, safe: bool = True) -> RequestId:
        self.last += 1
        request = RequestId(self.last)
        self.asked[request] = ask = Ask(request, origin, safe)
        self.waiting.append(request)
        self.step(ask)
        return request

    def open_ahead(self, connections: int = 1, origin: Origin = HERE) -> RequestId:
        """Asks for connections to be opened ahead; what is opened is held until it is released."""
        self.last += 1
        request = RequestId(self.last)
        self.asked[request] = Ask(request, origin, safe=True)
        self.ahead.append(request)
        self.step(OpenAhead(request, origin, connections))
        return request

    def stale(self, request: RequestId) -> None:
        self.held.pop(request)
        self.waiting.insert(0, request)
        self.step(Stale(request))
        assert request in self.held, "it keeps its turn"

    def fail(self, request: RequestId, replied: bool = False, sent: bool = True) -> bool:
        """Returns whether the request is repeated."""
        held = self.held.pop(request)
        repeated = held.kept and (self.asked[request].safe or not sent) and not replied
        if repeated:
            self.waiting.insert(0, request)
        self.step(Fail(request, sent, replied))
        assert (request in self.held) == repeated
        assert not repeated or not self.held[request].kept
        return repeated

    def release(self, request: RequestId, reusable: bool = True) -> None:
        if request in self.held:
            held = self.held.pop(request)
            if reusable and not self.closed:
                self.idle[held.connection] = self.now
        elif request in self.waiting:
            self.waiting.remove(request)
        self.step(Release(request, reusable))

    def close(self, *, for_good: bool = True) -> None:
        self.closed = self.closed or for_good
        self.step(CloseIdle(for_good=for_good))
        assert not self.idle

    def wait(self, amount: float) -> None:
        """Lets time pass and wakes the pool whenever it wants to be."""
        end = self.now + seconds(amount)
        while (deadline := self.pool.deadline) is not None and deadline.at <= end:
            assert deadline.reason is PoolTimer.IDLE
            self.now = deadline.at
            self.step(Wake())
        self.now = Instant(end)

    def connection(self, request: RequestId) -> int:
        return self.held[request].connection

    # --- what the pool wants, and the laws --------------------------------------------------------

    def step(self, inp: PoolInput) -> None:
        for output in self.pool.step(self.now, inp):
            self.carry_out(output)
        self.check()

    def carry_out(self, output: PoolOutput) -> None:
        match output:
            case OpenConnection(request, connection):
                origin = self.asked[request].origin
                assert connection not in self.opened
                self.opened[connection] = origin
                self.take_turn(request)
                self.held[request] = Placed(connection, kept=False)
            case UseConnection(request, connection):
                origin = self.asked[request].origin
                assert self.opened[connection] == origin
                mine = [each for each in self.idle if self.opened[each] == origin]
                assert connection == mine[-1], "the newest"
                unused = self.now - self.idle.pop(connection)
                assert unused < self.limits.idle_time
                assert self.asked[request].safe or unused < self.limits.unsafe_idle_time
                self.take_turn(request)
                self.held[request] = Placed(connection, kept=True)
            case CloseConnection(connection):
                assert connection not in {held.connection for held in self.held.values()}
                del self.opened[connection]
                self.idle.pop(connection, None)

    def take_turn(self, request: RequestId) -> None:
        if request in self.ahead:
            return
        origin = self.asked[request].origin
        line = [each for each in self.waiting if self.asked[each].origin == origin]
        opening = sum(each in self.ahead and self.asked[each].origin == origin for each in self.held)
        assert request in line[: opening + 1], "first come, first served, but by what is opened ahead"
        self.waiting.remove(request)

    def check(self) -> None:
        serving = Counter(held.connection for held in self.held.values())
        assert not serving or max(serving.values()) == 1, "one request at a time"
        assert set(self.opened) == set(serving) | set(self.idle), "nothing is open for nobody"
        at = Counter(self.opened.values())
        assert not at or max(at.values()) <= self.limits.max_per_origin
        assert len(self.idle) == self.pool.idle <= self.limits.max_idle
        for origin, waiting in Counter(self.asked[each].origin for each in self.waiting).items():
            here = [each for each in self.held if self.asked[each].origin == origin]
            opening = sum(each in self.ahead for each in here)
            assert len(here) == self.limits.max_per_origin or waiting <= opening, "nobody waits in vain"
        assert all(self.now - since < self.limits.idle_time for since in self.idle.values())
        assert not (self.closed and self.idle)
        deadline = self.pool.deadline
        assert (deadline is None) == (not self.idle)
        assert deadline is None or deadline.at > self.now
        busy, idle, waiting = len(self.held), len(self.idle), len(self.waiting)
        assert repr(self.pool) == f"<ConnectionPool {busy} busy, {idle} idle, {waiting} waiting>"

    def finish(self) -> None:
        """Every request ends, and then every connection."""
        while self.held or self.waiting:
            request = next(iter(self.held))
            self.release(request)
        self.wait(16)
        assert not self.opened
