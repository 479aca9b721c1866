"""What a user can set: deadlines, retries, how peers find each other."""

import dataclasses
from dataclasses import dataclass

from attrs import field, frozen

from odyssey_proto.model.validators import above, check_fields, ruled, unless_none, whole, within

MAX_WAIT = 10**9
"""The longest wait that can be set, in seconds: about thirty years."""

_positive = above(0, MAX_WAIT)
_not_negative = within(0, MAX_WAIT)


@frozen(kw_only=True)
class Timeouts:
    """
    How long each wait may take, in seconds.

    Each expires as an error that names the phase and what was missing.
    """

    authenticate: float = field(default=15.0, validator=_positive)
    """From `connect()` to the access token."""
    queue: float | None = field(default=None, validator=unless_none(_not_negative))
    """From the first session request to a free streamer; `None`: `AdvancedConfig.queue_timeout_s`."""
    prepare: float = field(default=15.0, validator=_positive)
    """For the session token and the ICE servers."""
    signal: float = field(default=10.0, validator=_positive)
    """For each attempt to open the signaling WebSocket."""
    negotiate: float = field(default=30.0, validator=_positive)
    """From the open WebSocket until video track and data channels are up."""
    start: float = field(default=60.0, validator=_positive)
    """From a start to `stream_started`; broad, because a model may have to be loaded."""
    interact: float = field(default=30.0, validator=_positive)
    """From an update to its acknowledgement."""
    end: float = field(default=15.0, validator=_positive)
    """From an end to `stream_ended`."""
    call: float = field(default=30.0, validator=_positive)
    """For each REST call as a whole, retries included."""
    silence: float = field(default=15.0, validator=_positive)
    """For how long nothing may come from the streamer, from the report of that to the end of the session."""
    leave: float = field(default=3.0, validator=_positive)
    """For the goodbye: after it everything is cut."""


@frozen(kw_only=True)
class Limits:
    """
    How long the service lets streams and connections last, in seconds, and how early to announce their end.

    The defaults are the documented ones (docs/protocol.md#limits); no message says what holds for an
    account.
    """

    stream: float | None = field(default=150.0, validator=unless_none(_positive))
    """The longest stream; `None`: there is no limit to tell of, as with `connection`."""
    connection: float | None = field(default=3600.0, validator=unless_none(_positive))
    """The longest connection."""
    ahead: float = field(default=15.0, validator=_not_negative)
    """`LimitApproaching` happens so long before; at once where a limit is shorter than that."""


@dataclass(frozen=True, slots=True)
class AdvancedConfig:
    """
    Retries and the queue, as in the official client (docs/protocol.md#configuration-surface).

    Raises `ValueError` that names the field if a number makes no sense.
    """

    max_retries: int = dataclasses.field(default=5, metadata=ruled(whole(0)))
    initial_retry_delay_ms: int = dataclasses.field(default=1000, metadata=ruled(whole(0)))
    max_retry_delay_ms: int = dataclasses.field(default=2000, metadata=ruled(whole(0)))
    retry_backoff_multiplier: float = dataclasses.field(default=2.0, metadata=ruled(within(1, 1000)))
    queue_timeout_s: float = dataclasses.field(default=30, metadata=ruled(_not_negative))

    def __post_init__(self) -> None:
        check_fields(self)


@frozen(kw_only=True)
class IcePolicy:
    """
    How the media connection may be made.

    No server is contacted but those that the service names or that stand here.
    """

    relay_only: bool = False
    """Send media through TURN only, never directly."""
    gather_timeout: float = field(default=2.0, validator=_positive)
    """How long a STUN or TURN server may take, in seconds; without an answer, host candidates serve."""
    extra_servers: tuple[str, ...] = ()
    """Addresses of further STUN servers, such as `stun:stun.example.org:3478`."""
