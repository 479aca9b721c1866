"""What a client is made with."""

from typing import ClassVar

from attrs import field, frozen, validators

from odyssey_proto.kernel.machine import Instant, Span, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.access import ServiceAccess
from odyssey_proto.model.config import AdvancedConfig, IcePolicy, Limits, ReconnectPolicy, Timeouts
from odyssey_proto.model.ice import IceConfig, IceServer
from odyssey_proto.model.validators import flag, of_type


@frozen(kw_only=True)
class Settings:
    """
    Everything that a client's behaviour depends on besides its inputs.

    The same settings and the same inputs give the same outputs.
    """

    machine: ClassVar[str] = "client"
    """What they make, in a word."""
    api_url: str
    api_key: Secret
    timeouts: Timeouts = field(default=Timeouts(), validator=of_type(Timeouts))
    advanced: AdvancedConfig = field(default=AdvancedConfig(), validator=of_type(AdvancedConfig))
    ice: IcePolicy = field(default=IcePolicy(), validator=of_type(IcePolicy))
    limits: Limits = field(default=Limits(), validator=of_type(Limits))
    reconnect: ReconnectPolicy | None = field(
        default=None, validator=validators.optional(of_type(ReconnectPolicy))
    )
    """What becomes of a lost session; `None`: it is the end of its connection."""
    audio: bool = field(default=False, validator=flag)
    """Whether the streamer's audio is received, if it offers any."""
    known: ServiceAccess | None = field(
        default=None, repr=False, validator=validators.optional(of_type(ServiceAccess))
    )
    """What another client has learned already."""
    seed: bytes = field(default=b"", repr=False)
    """Where jitter is drawn from."""
    wall: int = 0
    """The wall-clock time at instant zero, in microseconds since 1970 (UTC)."""

    def __attrs_post_init__(self) -> None:
        renew_before = None if self.reconnect is None else self.reconnect.renew_before
        if renew_before is not None:
            for name, limit in (("stream", self.limits.stream), ("connection", self.limits.connection)):
                if limit is not None and limit <= renew_before:
                    text = f"{renew_before:g} s must be less than Limits.{name}, which is {limit:g} s"
                    raise ValueError(f"ReconnectPolicy.renew_before of {text}")

    @property
    def queue(self) -> Span:
        """How long to wait for a free streamer."""
        given = self.timeouts.queue
        return seconds(self.advanced.queue_timeout_s if given is None else given)

    def wall_at(self, now: Instant) -> int:
        """Returns the wall-clock time at `now`, in microseconds since 1970 (UTC)."""
        return self.wall + now

    def ice_config(self, servers: tuple[IceServer, ...]) -> IceConfig:
        """Returns what a peer is made with."""
        return ice_config(self.ice, servers)


@frozen(kw_only=True)
class SpectatorSettings:
    """Everything that a spectator's behaviour depends on besides its inputs."""

    machine: ClassVar[str] = "spectator"
    """What they make, in a word."""
    webrtc_url: str = field(repr=False, validator=of_type(str))
    token: Secret = field(validator=of_type(Secret))
    timeouts: Timeouts = field(default=Timeouts(), validator=of_type(Timeouts))
    ice: IcePolicy = field(default=IcePolicy(), validator=of_type(IcePolicy))
    audio: bool = field(default=False, validator=flag)
    """Whether the broadcast's audio is received, if there is any."""
    wall: int = 0
    """The wall-clock time at instant zero, in microseconds since 1970 (UTC)."""


def ice_config(policy: IcePolicy, servers: tuple[IceServer, ...]) -> IceConfig:
    """Returns what a peer is made with: the service's servers, then our own."""
    extra = (IceServer((url,)) for url in policy.extra_servers)
    gather = seconds(policy.gather_timeout)
    return IceConfig((*servers, *extra), relay_only=policy.relay_only, gather=gather)
