"""What a local service is made with."""

from collections.abc import Iterable
from typing import ClassVar

from attrs import field, frozen

from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.address import Region
from odyssey_proto.model.ice import IceConfig, IceServer
from odyssey_proto.model.validators import positive, unless_none, whole
from odyssey_proto.service.io.access import AccessPolicy, origins_of
from odyssey_proto.service.io.faults import Fault

MAX_STREAMERS = 10_000

TYPICAL_REPLY_SECONDS = 0.4
"""How long a start or a change takes where people watch: about as long as a near streamer needs."""


def _secrets(keys: Iterable[str | Secret]) -> tuple[Secret, ...]:
    return tuple(key if isinstance(key, Secret) else Secret(key) for key in keys)


def _secrets_or_any(keys: Iterable[str | Secret] | None) -> tuple[Secret, ...] | None:
    return None if keys is None else _secrets(keys)


def _words(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(words)


def _plan(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(faults)


@frozen(kw_only=True)
class ServiceConfig:
    """
    Keys, limits and faults of a local service.

    Lengths of time are in seconds; the defaults are the documented ones (docs/protocol.md#limits).
    """

    keys: tuple[Secret, ...] | None = field(default=None, converter=_secrets_or_any)
    """The good API keys; `None`: any that begins with `ody_`."""
    suspended_keys: tuple[Secret, ...] = field(default=(), converter=_secrets)
    """API keys that are known and denied."""
    capacity: int = field(default=8, validator=whole(0, MAX_STREAMERS))
    """The most sessions at once; whoever comes later waits in the queue."""
    concurrent: int | None = field(default=None, validator=unless_none(whole(0)))
    """The most sessions at once for one key; `None`: no limit."""
    access_seconds: float = field(default=3600, validator=positive)
    """How long an access token lasts."""
    token_seconds: float = field(default=600, validator=positive)
    """How long a session token opens its session."""
    unclaimed_seconds: float = field(default=600, validator=positive)
    """How long a granted session waits for its WebSocket."""
    negotiation_seconds: float = field(default=60, validator=positive)
    """How long a client may take from the open WebSocket to both data channels."""
    idle_seconds: float = field(default=40, validator=positive)
    """How long a client may be silent on its WebSocket."""
    stream_seconds: float = field(default=150, validator=positive)
    """How long one stream may last."""
    connection_seconds: float = field(default=3600, validator=positive)
    """How long one connection may last."""
    reply_seconds: float | None = field(default=None, validator=unless_none(positive))
    """How long a streamer takes to answer a start or a change; `None`: no time."""
    job_slots: int = field(default=1, validator=whole(1, MAX_STREAMERS))
    """The most simulations that are drawn at a time."""
    job_queue: int = field(default=10, validator=whole(0, MAX_STREAMERS))
    """The most simulations of one key that may be under way (docs/protocol.md#limits)."""
    job_pause: float = field(default=0.2, validator=positive)
    """How long a simulation stays pending, and then dispatched, at least."""
    film_seconds: float = field(default=600, validator=positive)
    """How long the video of a simulation may be."""
    url_seconds: float = field(default=3600, validator=positive)
    """How long the address of a file is good."""
    broadcast_seconds: float = field(default=0.2, validator=positive)
    """How long after the start of a broadcast spectators can come."""
    viewers: int = field(default=32, validator=whole(0, MAX_STREAMERS))
    """The most spectators of one stream."""
    audio: bool = False
    """Whether sessions are offered audio besides the video, and broadcasts have it."""
    image_to_video: bool = True
    """Whether a stream may begin with an image."""
    bypass_allowed: bool = True
    """Whether clients may have their prompts taken as they are."""
    moderated: tuple[str, ...] = field(default=(), converter=_words)
    """Words for which a prompt is refused, in any case."""
    regions: tuple[Region, ...] = field(default=(), converter=tuple)
    """What `/regions` names; none unless given."""
    signaling_url: str | None = None
    """What sessions name; `None`: the host that the request was sent to."""
    ice_servers: tuple[IceServer, ...] = field(default=(), converter=tuple)
    """What `/config` names."""
    stun_port: int | None = field(default=None, validator=unless_none(whole(1, 65535)))
    """Where STUN is answered at the host that is asked; `/config` names it if it names nothing else."""
    access: AccessPolicy = field(factory=AccessPolicy)
    """By which hosts it may be called, and which pages may use it."""
    script_origins: tuple[str, ...] = field(default=(), converter=origins_of)
    """Where a `script_url` may lead, such as `https://example.com`; `*`: anywhere; nowhere unless named."""
    old_status_words: bool = False
    """Whether a simulation that is `dispatched` or `processing` is called `running`, as it once was."""
    ice: IceConfig = field(factory=IceConfig)
    """How the service's own peers are found."""
    faults: tuple[Fault, ...] = field(default=(), converter=_plan)
    """What goes wrong."""


@frozen
class ServiceSettings:
    """Everything that a service's behaviour depends on besides its inputs."""

    machine: ClassVar[str] = "service"
    """What they make, in a word."""
    config: ServiceConfig = field(factory=ServiceConfig)
    seed: bytes = field(default=b"", repr=False)
    wall: int = 0
    """The wall-clock time at instant zero, in microseconds since 1970 (UTC)."""
