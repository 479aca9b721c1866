"""What happens in a simulated run, as values: nothing is left to chance once a plan is drawn."""

from enum import Enum, unique
from typing import Any

from attrs import field, frozen

from odyssey_proto.conversations import Side
from odyssey_proto.kernel.machine import Instant, Span, millis
from odyssey_proto.model.config import Limits, ReconnectPolicy
from odyssey_proto.seam.inputs import ABNORMAL_CLOSURE
from odyssey_proto.service.io.config import ServiceConfig


@frozen
class Give:
    """An application gives a command; nothing happens if it is refused."""

    at: Instant
    client: int
    what: Any


@frozen
class GiveUp:
    """An application gives up on its last command, as if its caller was cancelled."""

    at: Instant
    client: int


@frozen
class ConnectMinted:
    """A client connects with the credentials that were minted last by any, if there are some."""

    at: Instant
    client: int


@frozen
class DownloadLast:
    """An application downloads the video of the stream that it started last, if it started one."""

    at: Instant
    client: int


@frozen
class Frames:
    """So many frames arrive at everybody who receives video."""

    at: Instant
    count: int


@frozen
class BreakSockets:
    """The WebSockets of a client end with this code, or with their connection."""

    at: Instant
    client: int
    code: int = ABNORMAL_CLOSURE


@frozen
class BreakMedia:
    """The peer connections of a client break."""

    at: Instant
    client: int


@frozen
class ForgetFlows:
    """A NAT forgets the connections of a client: nothing comes by them any more, and nobody says so."""

    at: Instant
    client: int


@frozen
class Say:
    """One side of a session says this unasked, on its WebSocket or on its data channel."""

    at: Instant
    client: int
    by: Side
    text: str
    on_channel: bool = False


@frozen
class Jump:
    """The clock jumps: nobody is woken meanwhile, and whatever was to arrive arrives after it."""

    at: Instant
    span: Span


@frozen
class Restart:
    """The service is started again and knows nothing of what was before."""

    at: Instant


type Deed = Give | GiveUp | ConnectMinted | DownloadLast
"""What an application does."""

type Happening = Deed | Frames | BreakSockets | BreakMedia | ForgetFlows | Say | Jump | Restart

NO_TIME = Span(0)


@unique
class Disturbance(Enum):
    """What may become of one thing on its way."""

    LOSS = "loss"
    DUPLICATE = "duplicate"
    TRUNCATION = "truncation"
    DELAY = "delay"
    """It comes later, and so does what follows on the same connection; others overtake it."""


@frozen
class Disturbed:
    """Something on its way is disturbed: the `number`-th that is sent in the run, from 0."""

    number: int
    how: Disturbance
    span: Span = NO_TIME
    """How much later it comes, if it is delayed."""


@frozen(kw_only=True)
class Plan:
    """
    One run: how many clients, what the service is, and what happens when.

    The same plan gives the same run, on any computer.
    """

    seed: bytes
    """Where the machines draw from."""
    clients: int = 1
    delay: Span = field(default=millis(10))
    """How long anything takes from one side to the other."""
    service: ServiceConfig = field(factory=ServiceConfig)
    reconnect: ReconnectPolicy | None = None
    """What becomes of lost sessions."""
    limits: Limits = field(factory=Limits)
    """What the clients know of the limits of the service."""
    happenings: tuple[Happening, ...] = ()
    """In the order of their times."""
    disturbed: tuple[Disturbed, ...] = ()
