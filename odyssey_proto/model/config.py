"""What a user can set: deadlines, retries, how peers find each other."""

import dataclasses
from dataclasses import dataclass

from attrs import field, frozen

from odyssey_proto.kernel.introspection import Value
from odyssey_proto.model.validators import (
    MAX_WAIT,
    check_fields,
    flag,
    positive,
    ruled,
    unless_none,
    whole,
    within,
)

_not_negative = within(0, MAX_WAIT)


@frozen(kw_only=True)
class Timeouts(Value):
    """
    How long each wait may take, in seconds.

    Each but `silence` and `leave` expires as an error that names the phase and what was missing.
    """

    authenticate: float = field(default=15.0, validator=positive)
    """From `connect()` to the access token."""
    queue: float | None = field(default=None, validator=unless_none(_not_negative))
    """From the first session request to a free streamer; `None`: `AdvancedConfig.queue_timeout_s`."""
    prepare: float = field(default=15.0, validator=positive)
    """For the session token and the ICE servers."""
    signal: float = field(default=10.0, validator=positive)
    """For each attempt to open the signaling WebSocket."""
    negotiate: float = field(default=30.0, validator=positive)
    """From the open WebSocket until video track and data channels are up."""
    start: float = field(default=60.0, validator=positive)
    """From a start to `stream_started`; broad, because a model may have to be loaded."""
    interact: float = field(default=30.0, validator=positive)
    """From an update to its acknowledgement."""
    end: float = field(default=15.0, validator=positive)
    """From an end to `stream_ended`."""
    call: float = field(default=30.0, validator=positive)
    """For each REST call as a whole, retries included."""
    silence: float = field(default=15.0, validator=positive)
    """For how long nothing may come from the streamer, from the report of that to the end of the session."""
    leave: float = field(default=3.0, validator=positive)
    """For the goodbye: after it everything is cut."""


@frozen(kw_only=True)
class Limits(Value):
    """
    How long the service lets streams and connections last, in seconds, and how early to announce their end.

    The defaults are the documented ones (docs/protocol.md#limits); no message says what holds for an
    account.
    """

    stream: float | None = field(default=150.0, validator=unless_none(positive))
    """The longest stream; `None`: there is no limit to tell of, as with `connection`."""
    connection: float | None = field(default=3600.0, validator=unless_none(positive))
    """The longest connection."""
    ahead: float = field(default=15.0, validator=_not_negative)
    """`LimitApproaching` happens so long before; at once where a limit is shorter than that."""


@frozen(kw_only=True)
class ReconnectPolicy(Value):
    """
    What becomes of a connection whose session is lost: a new session takes its place.

    What no further attempt can change ends the connection at once: a key that is refused, an account that
    is suspended, a quota that is used up.
    So does a loss under credentials, which are for one session only (docs/protocol.md#client-credentials).
    Lengths of time are in seconds.
    """

    per_loss: int = field(default=15, validator=whole(0))
    """The most attempts after each loss."""
    per_session: int | None = field(default=100, validator=unless_none(whole(0)))
    """The most attempts from `connect()` to the end of the connection; `None`: no bound."""
    first_delay: float = field(default=1.0, validator=_not_negative)
    """
    The longest pause before the first attempt; each further one may be twice as long (full jitter).

    There is none before the first where the address or route of this machine is gone, and at most half a
    second where its connections lead nowhere.
    """
    longest_delay: float = field(default=30.0, validator=_not_negative)
    """The longest pause at all, unless the service asks for more."""
    restart_stream: bool = field(default=True, validator=flag)
    """Whether a stream that ran is started again: its last prompt, orientation, image and broadcast."""
    carry_over: bool = field(default=True, validator=flag)
    """
    What becomes of calls that wait for the stream, and of those that come before there is one again.

    `True`: they wait for the new session and are sent there, so that a prompt may be applied twice.
    `False`: they fail at once, with an error that is retryable.
    """
    renew_before: float | None = field(default=None, validator=unless_none(positive))
    """
    So long before a limit of `Limits` a session is replaced while it still runs.

    The picture changes over when the new stream shows; a second session is held until then.
    `None`: a limit ends a session, and what follows is a loss.
    """


@dataclass(frozen=True, slots=True)
class AdvancedConfig(Value):
    """
    Retries and the queue, as in the official client (docs/protocol.md#configuration-surface).

    Raises `ValueError` that names the field if a number makes no sense.
    """

    max_retries: int = dataclasses.field(default=5, metadata=ruled(whole(0)))
    """How many more times the signaling WebSocket is tried after the first."""
    initial_retry_delay_ms: int = dataclasses.field(default=1000, metadata=ruled(whole(0)))
    """The pause before the first of them, in milliseconds."""
    max_retry_delay_ms: int = dataclasses.field(default=2000, metadata=ruled(whole(0)))
    """The longest pause, in milliseconds."""
    retry_backoff_multiplier: float = dataclasses.field(default=2.0, metadata=ruled(within(1, 1000)))
    """How much longer each pause is than the one before."""
    queue_timeout_s: float = dataclasses.field(default=30, metadata=ruled(_not_negative))
    """How long to wait for a streamer, in seconds, unless `Timeouts.queue` says otherwise."""

    def __post_init__(self) -> None:
        check_fields(self)


@frozen(kw_only=True)
class IcePolicy(Value):
    """
    How the media connection may be made.

    No server is contacted but those that the service names or that stand here.
    """

    relay_only: bool = False
    """Send media through TURN only, never directly."""
    gather_timeout: float = field(default=2.0, validator=positive)
    """How long a STUN or TURN server may take, in seconds; without an answer, host candidates serve."""
    extra_servers: tuple[str, ...] = ()
    """Addresses of further STUN servers, such as `stun:stun.example.org:3478`."""
