"""The calls that lead to a session, and what comes of each."""

from enum import Enum, unique

from attrs import frozen

from odyssey_proto.kernel.failures import Failure
from odyssey_proto.messages.sessions import Grant, SessionToken
from odyssey_proto.model.address import Region
from odyssey_proto.model.ice import IceServer


@unique
class SessionCall(Enum):
    """The names of the calls; each runs once at a time."""

    ACCESS_TOKEN = "access_token"
    REGIONS = "regions"
    SESSION_REQUEST = "session_request"
    SESSION_TOKEN = "session_token"
    ICE_CONFIG = "ice_config"


@frozen
class PingCall:
    """The name of the ping of one region."""

    number: int


@frozen
class AccessTokenResult:
    """There is an access token now, or there is a failure."""

    failure: Failure | None


@frozen
class RegionsResult:
    """The regions, in the server's order."""

    result: tuple[Region, ...] | Failure


@frozen
class PingResult:
    """A region has answered, or will not."""

    number: int
    failure: Failure | None


@frozen
class SessionRequestResult:
    """A streamer is reserved, or not."""

    result: Grant | Failure


@frozen
class SessionTokenResult:
    """What opens the session, or why it cannot be had."""

    result: SessionToken | Failure


@frozen
class IceConfigResult:
    """The ICE servers of the session."""

    result: tuple[IceServer, ...] | Failure


type ReservationResult = (
    AccessTokenResult | RegionsResult | PingResult | SessionRequestResult | SessionTokenResult
)
type SessionCallResult = ReservationResult | IceConfigResult
