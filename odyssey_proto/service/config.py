"""What a local service is made with."""

from attrs import field, frozen, validators

from odyssey_proto.messages.ice import IceServer
from odyssey_proto.messages.regions import Region
from odyssey_proto.outputs import IceConfig
from odyssey_proto.service.faults import Fault

_positive = validators.gt(0)


@frozen(kw_only=True)
class ServiceConfig:
    """
    Keys, limits and misfortunes of a local service.

    Lengths of time are in seconds; the defaults are the documented ones (protocol.md section 8).
    """

    keys: tuple[str, ...] | None = field(default=None, repr=False)
    """The good API keys; `None`: any that begins with `ody_`."""
    suspended_keys: tuple[str, ...] = field(default=(), repr=False)
    capacity: int = field(default=8, validator=validators.ge(0))
    """So many sessions at once; whoever comes later waits in the queue."""
    concurrent: int | None = field(default=None, validator=validators.optional(_positive))
    """So many sessions at once for one key; `None`: no limit."""
    access_seconds: float = field(default=3600, validator=_positive)
    token_seconds: float = field(default=600, validator=_positive)
    unclaimed_seconds: float = field(default=600, validator=_positive)
    """How long a granted session waits for its WebSocket."""
    idle_seconds: float = field(default=40, validator=_positive)
    """How long a client may be silent on its WebSocket."""
    stream_seconds: float = field(default=150, validator=_positive)
    connection_seconds: float = field(default=3600, validator=_positive)
    image_to_video: bool = True
    moderated: tuple[str, ...] = ("forbidden",)
    """Words for which a prompt is refused."""
    regions: tuple[Region, ...] = ()
    ice_servers: tuple[IceServer, ...] = ()
    """What `/config` names."""
    ice: IceConfig = field(factory=IceConfig)
    """How the streamer itself can be found."""
    signaling_url: str | None = None
    """What sessions name; `None`: the host that the request was sent to."""
    faults: tuple[Fault, ...] = ()
