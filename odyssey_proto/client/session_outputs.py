"""What a session reports to the connection that owns it, and what it has the driver do."""

from attrs import frozen

from odyssey_proto.client.connecting.reservation import RegionsMeasured
from odyssey_proto.client.live.peer_outputs import FramesCounted
from odyssey_proto.client.rest.call_requests import CallOrder
from odyssey_proto.kernel.failures import Failure
from odyssey_proto.seam.outputs import ClientOutput


@frozen
class SessionReady:
    """Video and both data channels are up, for the first time or again."""


@frozen
class SessionLost:
    """The session is over and says goodbye; what comes after this in the same step comes of it."""

    failure: Failure
    intended: bool
    """Whether we left it, for whatever reason, or it was closed normally once it had been established."""


type SessionOutput = ClientOutput | CallOrder | RegionsMeasured | SessionReady | SessionLost | FramesCounted
