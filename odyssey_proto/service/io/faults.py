"""Faults on demand: a plan that says which fault happens where, and how many times."""

from enum import Enum, unique

from attrs import field, frozen

from odyssey_proto.kernel.secret import sized
from odyssey_proto.model.validators import positive
from odyssey_proto.seam.http import HttpReply

ALWAYS = 1_000_000_000
"""A number of times that is never reached."""


@unique
class Moment(Enum):
    """When in a session a fault strikes."""

    OPEN = "open"
    """The WebSocket is open, nothing was offered yet."""
    ANSWER = "answer"
    """The client's answer arrived."""
    READY = "ready"
    """Both data channels are open."""
    START = "start"
    """A stream was asked for."""
    UPDATE = "update"
    """A change was asked for."""
    END = "end"
    """The end was asked for."""


@frozen
class Refuse:
    """Requests to a path get this reply."""

    path: str
    reply: HttpReply
    times: int = 1


@frozen
class Silent:
    """Requests to a path get no reply."""

    path: str
    times: int = ALWAYS


@frozen
class Slow:
    """Requests to a path get their reply so many seconds late."""

    path: str
    seconds: float = field(validator=positive)
    times: int = 1


@frozen
class RefuseSocket:
    """The WebSocket handshake is refused."""

    status: int
    times: int = 1


@frozen
class Close:
    """The WebSocket is closed."""

    at: Moment
    code: int
    reason: str = ""
    times: int = 1


@frozen
class Cut:
    """The WebSocket's connection breaks without a close."""

    at: Moment
    times: int = 1


@frozen
class SignalError:
    """An error is reported on the WebSocket; nothing else happens."""

    at: Moment
    reason: str
    times: int = 1


@frozen
class Garble:
    """This text is sent unasked: on the data channel if it is open, otherwise on the WebSocket."""

    at: Moment
    text: str = field(repr=sized)
    times: int = 1


@frozen
class Swallow:
    """A request about the stream is carried out, but its reply is not said."""

    at: Moment
    times: int = ALWAYS


@frozen
class Late:
    """The reply to a request about the stream, and what is said after it, comes so many seconds late."""

    at: Moment
    seconds: float = field(validator=positive)
    times: int = 1


@frozen
class FailStream:
    """A request about the stream is answered with an error."""

    at: Moment
    reason: str
    message: str = "a fault of the plan"
    times: int = 1


@frozen
class DropMedia:
    """The peer connection is dropped without a goodbye."""

    at: Moment
    times: int = 1


@frozen
class NoOffer:
    """Nothing is ever offered."""

    times: int = ALWAYS


@frozen
class OfferAgain:
    """An answer is ignored: a second offer follows, for another peer connection."""

    times: int = 1


@frozen
class WithoutChannel:
    """The streamer never opens this data channel."""

    label: str
    times: int = ALWAYS


@frozen
class WithoutVideo:
    """The streamer sends no video."""

    times: int = ALWAYS


@frozen
class FailJob:
    """A simulation fails when it begins."""

    message: str = "a fault of the plan"
    times: int = 1


@frozen
class UnknownState:
    """A simulation that is not over is reported to be in a state that no client knows."""

    times: int = 1


type Fault = (
    Refuse
    | Silent
    | Slow
    | RefuseSocket
    | Close
    | Cut
    | SignalError
    | Garble
    | Swallow
    | Late
    | FailStream
    | DropMedia
    | NoOffer
    | OfferAgain
    | WithoutChannel
    | WithoutVideo
    | FailJob
    | UnknownState
)


class Faults:
    """What is left of a plan."""

    def __init__(self, plan: tuple[Fault, ...]) -> None:
        self._plan = plan
        self._left = [fault.times for fault in plan]

    def __repr__(self) -> str:
        return f"<Faults {sum(left > 0 for left in self._left)} of {len(self._plan)} left>"

    def strike[F](self, kind: type[F], **fits: object) -> F | None:
        """Returns the first fault of a kind whose fields are as in `fits`, and counts it as done once."""
        for number, fault in enumerate(self._plan):
            if not isinstance(fault, kind) or self._left[number] <= 0:
                continue
            if all(getattr(fault, name) == value for name, value in fits.items()):
                self._left[number] -= 1
                return fault
        return None
