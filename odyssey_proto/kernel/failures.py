"""
The closed list of what can go wrong: who did it, what it was, whether trying again may help.

Between machines it travels as a value, a `Failure`; the core raises only two errors, ours and theirs.
"""

from collections.abc import Mapping
from enum import Enum, StrEnum, unique
from types import MappingProxyType
from typing import Any, Self

from attrs import evolve, field, frozen

from odyssey_proto.kernel.introspection import SPAN, Value
from odyssey_proto.kernel.machine import Span
from odyssey_proto.kernel.text import whole_words

MAX_DETAIL_CHARS = 500
"""How much of what the outside said stands in `Failure.message`, in characters."""

WORDING = {"wording": True}
"""
Marks a field with a sentence for people, which a later version may word better.

It is equal only to itself, as any text, but a replay of a trace does not compare it.
"""


@unique
class Fault(Enum):
    """Whose doing a failure is."""

    CLIENT = "client"
    """Ours, or the application's: the call has to change."""
    SERVICE = "service"
    """The service's."""
    NETWORK = "network"
    """That of whatever lies between."""


@unique
class FailureKind(Enum):
    """What went wrong, in one word; the error classes of the public API are chosen by it."""

    AUTH_REFUSED = "auth_refused"
    """The key or token was refused (401, 403, 422 on the key; 401, 403 elsewhere)."""
    USAGE_LIMIT = "usage_limit"
    """An account limit: `Failure.usage` has its code, action and details."""
    NO_CAPACITY = "no_capacity"
    """No streamer became free in time."""
    NOT_FOUND = "not_found"
    """The service does not know what was asked for (404)."""
    BAD_REQUEST = "bad_request"
    """The server refused what we asked (400, 409, 422)."""
    INVALID = "invalid"
    """Refused by ourselves before anything was sent: a value breaks a documented rule."""
    STATE = "state"
    """The call is not possible in the present state."""
    SERVER_BROKE = "server_broke"
    """The server answered that it failed (5xx)."""
    MALFORMED = "malformed"
    """The server answered something that breaks the protocol."""
    UNREACHABLE = "unreachable"
    """Nobody answered, or the connection broke."""
    NETWORK_SETUP = "network_setup"
    """Nobody is reached until something is set up: a certificate is not trusted, or a proxy refuses."""
    TIMED_OUT = "timed_out"
    """A deadline passed: `Failure.phase` says in which phase, `missing` what did not come."""
    CLOSED_BY_PEER = "closed_by_peer"
    """The server ended the conversation."""
    MEDIA_FAILED = "media_failed"
    """The WebRTC peer connection broke or never came up."""
    STREAM_REFUSED = "stream_refused"
    """The streamer answered with a stream error: `code` is its reason."""
    STREAM_ENDED = "stream_ended"
    """The stream ended while the call was waiting."""
    JOB_FAILED = "job_failed"
    """The simulation that was waited for failed."""
    JOB_CANCELLED = "job_cancelled"
    """The simulation that was waited for was cancelled."""
    CLOSED_LOCALLY = "closed_locally"
    """We disconnected while the call was waiting."""
    ABANDONED = "abandoned"
    """The caller was cancelled."""


_FAULTS = {
    FailureKind.AUTH_REFUSED: Fault.CLIENT,
    FailureKind.USAGE_LIMIT: Fault.CLIENT,
    FailureKind.NO_CAPACITY: Fault.SERVICE,
    FailureKind.NOT_FOUND: Fault.CLIENT,
    FailureKind.BAD_REQUEST: Fault.CLIENT,
    FailureKind.INVALID: Fault.CLIENT,
    FailureKind.STATE: Fault.CLIENT,
    FailureKind.SERVER_BROKE: Fault.SERVICE,
    FailureKind.MALFORMED: Fault.SERVICE,
    FailureKind.UNREACHABLE: Fault.NETWORK,
    FailureKind.NETWORK_SETUP: Fault.NETWORK,
    FailureKind.TIMED_OUT: Fault.NETWORK,
    FailureKind.CLOSED_BY_PEER: Fault.SERVICE,
    FailureKind.MEDIA_FAILED: Fault.NETWORK,
    FailureKind.STREAM_REFUSED: Fault.SERVICE,
    FailureKind.STREAM_ENDED: Fault.SERVICE,
    FailureKind.JOB_FAILED: Fault.SERVICE,
    FailureKind.JOB_CANCELLED: Fault.CLIENT,
    FailureKind.CLOSED_LOCALLY: Fault.CLIENT,
    FailureKind.ABANDONED: Fault.CLIENT,
}

RETRYABLE = frozenset(
    {
        FailureKind.NO_CAPACITY,
        FailureKind.SERVER_BROKE,
        FailureKind.UNREACHABLE,
        FailureKind.TIMED_OUT,
        FailureKind.CLOSED_BY_PEER,
        FailureKind.MEDIA_FAILED,
    }
)
"""The kinds for which the same call may succeed later without anything being changed."""


@unique
class Phase(Enum):
    """What was going on; a phase that an attribute of `Timeouts` is named after has that deadline."""

    AUTHENTICATE = "authenticate"
    """Getting an access token for the API key."""
    QUEUE = "queue"
    """Waiting for a streamer."""
    PREPARE = "prepare"
    """Getting the session token and the ICE servers."""
    SIGNAL = "signal"
    """Opening the signaling WebSocket."""
    NEGOTIATE = "negotiate"
    """Bringing up the peer connection."""
    READY = "ready"
    """Waiting for video and both data channels."""
    START = "start"
    """Starting a stream."""
    INTERACT = "interact"
    """Steering a stream."""
    END = "end"
    """Ending a stream."""
    CALL = "call"
    """A REST call."""
    LEAVE = "leave"
    """Saying goodbye."""
    SPECTATE = "spectate"
    """Joining a broadcast."""
    SIMULATION = "simulation"
    """Waiting for a simulation."""
    RECORDING = "recording"
    """Waiting for a recording."""
    TRANSFER = "transfer"
    """Downloading a file."""


@unique
class UsageCode(StrEnum):
    """The documented codes of account limits (docs/protocol.md#usage-limits); a limit may carry others."""

    MONTHLY_LIMIT_REACHED = "MONTHLY_LIMIT_REACHED"
    CONCURRENT_LIMIT_REACHED = "CONCURRENT_LIMIT_REACHED"
    STREAM_DURATION_EXCEEDED = "STREAM_DURATION_EXCEEDED"
    ACCOUNT_SUSPENDED = "ACCOUNT_SUSPENDED"
    RATE_LIMITED = "RATE_LIMITED"


UNKNOWN_LIMIT = "UNKNOWN"
"""The code of a limit that does not say its own, as in the official clients."""

_PASSING = frozenset({UsageCode.CONCURRENT_LIMIT_REACHED, UsageCode.RATE_LIMITED})
"""The limits that end by waiting."""


@frozen
class UsageLimit(Value):
    """An account limit that stopped a call."""

    code: str
    """Such as `RATE_LIMITED`; `UsageCode` has those that are documented."""
    message: str
    """What the service says about it, in its own words."""
    action: str = ""
    """What it suggests to do; may be empty."""
    action_url: str | None = None
    """Where to do it, if the service says so."""
    details: tuple[tuple[str, Any], ...] = field(default=())
    """Pairs of the wire's names and JSON values, in the order of the wire."""

    @property
    def passes(self) -> bool:
        """Whether waiting ends this limit."""
        return self.code in _PASSING

    @property
    def detail(self) -> Mapping[str, Any]:
        """The details by name."""
        return MappingProxyType(dict(self.details))


@frozen
class Failure(Value):
    """
    One thing that went wrong.

    `text` is our own one line, which a replay does not compare; `detail` is what the outside said,
    which never compares, because third-party wording changes with versions.
    """

    kind: FailureKind
    """What went wrong, in one word."""
    text: str = field(metadata=WORDING)
    """What could not be done and why, in one line of ours."""
    code: str = ""
    """Stable and machine-readable; the kind itself unless something more exact is known."""
    phase: Phase | None = None
    """What was going on, if it is known."""
    status: int | None = None
    """The HTTP status or WebSocket close code that said so."""
    missing: tuple[str, ...] = ()
    """What a deadline waited for in vain, such as `video track`."""
    usage: UsageLimit | None = None
    """The limit of the account, where it was one."""
    retry_after: Span | None = field(default=None, metadata=SPAN)
    """How long the server asked us to wait before trying again."""
    detail: str = field(default="", eq=False, repr=False)
    """What the service or a library said, in its own changing words; may be empty."""
    cause: Self | None = None
    """The failure that this one began with."""

    @property
    def message(self) -> str:
        """What happened, in one line: our own words, then those of the outside if they say more."""
        if not self.detail or self.usage is not None or self.detail in self.text:
            return self.text
        return f"{self.text}: {whole_words(self.detail, MAX_DETAIL_CHARS)}"

    @property
    def name(self) -> str:
        """The stable code: `code` if one is known, otherwise the kind."""
        return self.code or self.kind.value

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later; a server that says when to come back says so."""
        limited = self.usage is not None and self.usage.passes
        return self.kind in RETRYABLE or limited or self.retry_after is not None

    @property
    def fault(self) -> Fault:
        """Whose doing it is."""
        return _FAULTS[self.kind]

    def caused_by(self, cause: Self) -> Self:
        """Returns this failure with `cause`, the one that it began with."""
        return evolve(self, cause=cause)

    def during(self, phase: Phase) -> "Failure":
        """Returns this failure with `phase`, unless it has one already."""
        return self if self.phase is not None else evolve(self, phase=phase)


ABANDONED = Failure(FailureKind.ABANDONED, "the caller was cancelled")
"""How a command ends whose caller is gone."""


_PURPOSES = {
    Phase.AUTHENTICATE: "get access with the API key",
    Phase.QUEUE: "reserve a session",
    Phase.PREPARE: "prepare the session",
    Phase.SIGNAL: "open the signaling connection",
    Phase.NEGOTIATE: "open the media connection",
    Phase.READY: "open the media connection",
    Phase.START: "start the stream",
    Phase.INTERACT: "steer the stream",
    Phase.END: "end the stream",
    Phase.CALL: "ask the service",
    Phase.LEAVE: "leave",
    Phase.SPECTATE: "watch the broadcast",
    Phase.SIMULATION: "wait longer for the simulation",
    Phase.RECORDING: "wait longer for the recording",
    Phase.TRANSFER: "load the file",
}
"""What was not reached when a phase failed, unless it is known better."""


def timed_out(
    phase: Phase, missing: tuple[str, ...], purpose: str = "", before: Failure | None = None
) -> Failure:
    """
    Returns the failure of a phase whose deadline passed, naming what did not come.

    `before` is how the try before it failed, which may be why.
    """
    waited = " and ".join(missing) if missing else "answer"
    text = f"could not {purpose or _PURPOSES[phase]}: timed out, no {waited}"
    if before is not None:
        text += f", after this: {whole_words(before.message, MAX_DETAIL_CHARS)}"
    code = f"timeout.{phase.value}"
    late = Failure(FailureKind.TIMED_OUT, text, code=code, phase=phase, missing=missing)
    return late if before is None else late.caused_by(before)


class LocalProtocolError(Exception):
    """
    We asked for something that the present state, or a documented rule, does not allow.

    It is raised at once, by the call that asked, and nothing has changed.
    `failure` says the same as a value.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure: Failure = failure

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.failure,))


class RemoteProtocolError(Exception):
    """
    The other side broke the rules.

    It is used inside the core only: `step` turns it into an output and never lets it out.
    `status` is the HTTP status that a server would answer it with.
    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        return (_remote, (type(self), str(self), self.status))


def invalid(text: str, code: str = "") -> LocalProtocolError:
    """Returns the error for a value of our own that breaks a documented rule."""
    return LocalProtocolError(Failure(FailureKind.INVALID, text, code=code))


def refused(text: str, code: str) -> LocalProtocolError:
    """Returns the error for a command or message of our own that the present state does not allow."""
    return LocalProtocolError(Failure(FailureKind.STATE, text, code=code))


def _remote(kind: type[RemoteProtocolError], message: str, status: int) -> RemoteProtocolError:
    return kind(message, status=status)
