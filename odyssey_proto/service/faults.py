"""Bad days on demand: an explicit plan of misfortunes, each a number of times."""

from enum import Enum, unique

from attrs import define, field, frozen

from odyssey_proto.exchange import HttpReply
from odyssey_proto.secret import sized

ALWAYS = 1_000_000


@unique
class Moment(Enum):
    """Where in a session a misfortune strikes."""

    OPEN = "open"
    """The WebSocket is open, nothing was offered yet."""
    ANSWER = "answer"
    """The client's answer has arrived."""
    READY = "ready"
    """Both data channels are open."""
    START = "start"
    """A start was asked for."""
    UPDATE = "update"
    END = "end"


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
class SignalError:
    """A signaling error is sent."""

    at: Moment
    reason: str
    times: int = 1


@frozen
class Garble:
    """This text is sent on signaling, or once the channels are open on the data channel."""

    at: Moment
    text: str = field(repr=sized)
    times: int = 1


@frozen
class Swallow:
    """A request of the stream conversation gets no reply."""

    at: Moment
    times: int = ALWAYS


@frozen
class NoOffer:
    """Nothing is ever offered."""

    times: int = ALWAYS


@frozen
class OfferAgain:
    """A second offer follows when everything is up."""

    times: int = 1


@frozen
class WithoutChannel:
    """The streamer never opens this data channel."""

    label: str
    times: int = ALWAYS


@frozen
class DropMedia:
    """The streamer's media goes away without a word."""

    at: Moment
    times: int = 1


type Fault = (
    Refuse
    | Silent
    | RefuseSocket
    | Close
    | SignalError
    | Garble
    | Swallow
    | NoOffer
    | OfferAgain
    | WithoutChannel
    | DropMedia
)


@define
class _Left:
    fault: Fault
    times: int


class Faults:
    """The misfortunes that are still to come."""

    def __init__(self, plan: tuple[Fault, ...]) -> None:
        self._left = [_Left(fault, fault.times) for fault in plan]

    def strike[F](self, kind: type[F], at: Moment | None = None, path: str | None = None) -> F | None:
        """Gives the next misfortune of a kind that fits, and counts it."""
        for left in self._left:
            fault = left.fault
            fits = isinstance(fault, kind) and getattr(fault, "at", at) is at
            if fits and getattr(fault, "path", path) == path and left.times > 0:
                left.times -= 1
                assert isinstance(fault, kind), "said above; isinstance cannot be remembered in a variable"
                return fault
        return None
