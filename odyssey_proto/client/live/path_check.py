"""
Whether the connections of a session still carry anything, asked while its peer is silent.

A NAT or a firewall that forgets a client takes its media and its WebSocket alike and says nothing, and TCP
finds that out after minutes.
So two questions are asked: a ping on the WebSocket, and a request on a connection of its own.

| the WebSocket | the new connection | then |
|---|---|---|
| answers | | the way is there, and only media do not come: nothing more is asked |
| silent | does not answer | the link is away, and all may come back: the request is repeated |
| silent | answered `GRACE_TIME` ago | what was there before leads nowhere |

Whatever comes from the peer or on the WebSocket ends it.
A host that was restarted with all that was connected to it looks the same as a NAT that has forgotten.
There is one request at a time, and no more of them than the time allows for which a peer may be silent.
"""

from enum import Enum, unique
from typing import Literal

from attrs import frozen

from odyssey_proto.client.rest.call_requests import CallOrder, CallRequest, CancelCall, StartCall
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.kernel.machine import Deadline, Instant, Timers, after, millis, seconds
from odyssey_proto.messages.ice import ICE_CONFIG

REQUEST_TIMEOUT = seconds(3)
"""How long the request may take: more than five round trips of a slow link."""

REQUEST_PAUSE = seconds(1)
"""The pause before it is repeated."""

GRACE_TIME = millis(750)
"""
How long after the answer something may still come by the connections from before.

A driver asks a silent peer four times a second, so that a packet may be lost.
"""


PATH_LOST = "network.path_lost"
"""The code of a session whose connections carry nothing any more, while a new one works."""

NO_ROUTE = "network.unreachable"
"""The code of a connection whose packets this machine can send nowhere."""

_CALL = "path_check"


@frozen
class PathCheckResult:
    """The answer of the host of the session on a new connection, or a `Failure`."""

    result: object


@unique
class PathCheckState(Enum):
    """Where a check stands."""

    IDLE = "idle"
    ASKING = "asking"
    """A request is on its way, or the pause before the next."""
    REACHED = "reached"
    """The new connection has answered."""


@frozen
class PathLost:
    """New connections work, and those from before carry nothing."""

    failure: Failure


class PathCheck:
    """Asks whether a way still leads to the service, and whether the connections from before still use it."""

    def __init__(self) -> None:
        self.state: PathCheckState = PathCheckState.IDLE
        self._base = ""
        self._timers: Timers[Literal[ClientTimer.PATH_REQUEST, ClientTimer.PATH_GRACE]] = Timers()

    def begin(self, base: str) -> list[CallOrder]:
        """Asks the host of a session, given by its URL; what was asked before is forgotten."""
        self._base = base
        return [*self.end(), *self._ask()]

    def end(self) -> list[CallOrder]:
        """Something came by the connections from before, or they are given up."""
        asked, self.state = self.state is PathCheckState.ASKING, PathCheckState.IDLE
        self._timers.clear()
        return [CancelCall(_CALL)] if asked else []

    def on_result(self, now: Instant, result: PathCheckResult) -> None:
        """Takes what came of the request."""
        if isinstance(result.result, Failure):
            self._timers.set(ClientTimer.PATH_REQUEST, after(now, REQUEST_PAUSE))
            return
        self.state = PathCheckState.REACHED
        self._timers.set(ClientTimer.PATH_GRACE, after(now, GRACE_TIME))

    def wake(self, now: Instant) -> list[CallOrder | PathLost]:
        """Asks again, or says that the connections from before are lost."""
        match self._timers.due(now):
            case ClientTimer.PATH_REQUEST:
                return [*self._ask()]
            case ClientTimer.PATH_GRACE:
                self.state = PathCheckState.IDLE
                text = "nothing comes by the connections of this session any more, and a new one works"
                return [PathLost(Failure(FailureKind.UNREACHABLE, text, code=PATH_LOST))]
            case _:
                return []

    @property
    def deadline(self) -> Deadline | None:
        """The next request, or the end of the grace."""
        return self._timers.deadline

    def _ask(self) -> list[CallOrder]:
        self.state = PathCheckState.ASKING
        request = CallRequest(ICE_CONFIG, None, self._base, REQUEST_TIMEOUT, Phase.READY)
        return [StartCall(_CALL, request, PathCheckResult)]
