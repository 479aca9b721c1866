"""What the application asks of a client."""

from typing import Any, NewType

from attrs import Attribute, field, frozen, validators

from odyssey_proto.kernel.machine import Span
from odyssey_proto.kernel.secret import sized
from odyssey_proto.model.address import segment
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.model.recordings import FileVersion, RecordingFile
from odyssey_proto.model.validators import check_nonempty_prompt, check_prompt, flag, of_type, whole

CommandId = NewType("CommandId", int)
"""Names one command; the caller chooses it, zero or more, and never uses it twice."""

RESTART = CommandId(-1)
"""What a client itself asks of a stream, when it starts one again in a new session."""


def _identifier(_: Any, attribute: "Attribute[Any]", value: Any) -> None:
    of_type(str)(_, attribute, value)
    segment(value)


@frozen
class Connect:
    """Open a session with the API key; completes with `None` when it is ready."""


@frozen
class ConnectWith:
    """Open a session with credentials that a trusted host minted; completes with `None`."""

    credentials: ClientCredentials = field(validator=of_type(ClientCredentials))


@frozen
class Prepare:
    """
    Get whatever a later `Connect` can be spared: access token, region map, open connections.

    Completes with `None`; nothing is reserved.
    """

    within: Span = field(validator=whole(1))
    """How long it may take."""
    keep: Span = field(default=Span(0), validator=whole(0))
    """For how long it is kept fresh after that, unless a session begins or the client leaves before."""


@frozen
class MintCredentials:
    """Reserve a session for another client; completes with `ClientCredentials`."""


@frozen
class StartStream:
    """Start a stream; completes with its id; `ValueError` or `TypeError` for what cannot be sent."""

    prompt: str = field(default="", repr=sized, validator=check_prompt)
    portrait: bool = field(default=True, validator=flag)
    image: str | None = field(default=None, repr=sized)
    """A data URL."""
    broadcast: bool = field(default=False, validator=flag)
    bypass_prompt_expansion: bool | None = field(default=None, validator=validators.optional(flag))


@frozen
class Interact:
    """Steer the stream; completes with the prompt that was applied; `ValueError` if it says nothing."""

    prompt: str = field(repr=sized, validator=check_nonempty_prompt)


@frozen
class EndStream:
    """End the stream; completes with `None`."""


@frozen
class Call:
    """Call a REST endpoint, named as in `odyssey_proto.messages.ENDPOINTS`; completes with its result."""

    endpoint: str
    params: Any = None


@frozen
class WaitForJob:
    """
    Look at a simulation until it is over; completes with it as it is then, or fails as it did.

    `Progressed` brings a `SimulationJobDetail` when it is first seen and each time that it has changed.
    """

    job_id: str = field(validator=_identifier)
    every: Span = field(validator=whole(1))
    """How far looks are apart, unless the service asks for another pace."""
    timeout: Span | None = field(default=None, validator=validators.optional(whole(0)))
    """How long to wait; `None`: as long as the job takes."""


@frozen
class WaitForRecording:
    """
    Look at the recording of a stream until its video is there; completes with the `Recording`.

    It may be unknown to the service for a while, since it is made when the stream has ended.
    `Progressed` brings a `Recording` when it is first seen and each time that it has changed.
    """

    stream_id: str = field(validator=_identifier)
    every: Span = field(validator=whole(1))
    """How far looks are apart."""
    timeout: Span | None = field(default=None, validator=validators.optional(whole(0)))
    """How long to wait; `None`: as long as it takes."""


@frozen
class Download:
    """
    Load one file of a recording; completes with `None` when all of it has been stored.

    The bytes go from the transport to where the caller wants them; here only their number is known.
    `Progressed` brings a `DownloadProgress` now and then, and at the end.
    """

    stream_id: str = field(validator=_identifier)
    file: RecordingFile = field(validator=of_type(RecordingFile))
    timeout: Span = field(validator=whole(0))
    stored: int = field(default=0, validator=whole(0))
    """How many bytes an earlier download has left."""
    version: FileVersion | None = None
    """What those are the beginning of; without it, or without its ETag, they cannot be used."""


@frozen
class Disconnect:
    """Leave, from any state; completes with `None` when nothing is left."""


@frozen
class Abandon:
    """
    The caller of `command` is gone: end it with `ABANDONED`, and give back what it has reserved.

    A session is given back also if the command has ended just now: that of a connect, and that of
    credentials.
    Completes with `None` when no session is being given back any more.
    """

    command: CommandId


type What = (
    Connect
    | ConnectWith
    | Prepare
    | MintCredentials
    | StartStream
    | Interact
    | EndStream
    | Call
    | WaitForJob
    | WaitForRecording
    | Download
    | Disconnect
    | Abandon
)
"""Everything that can be asked."""


@frozen
class Command:
    """A command and the name under which it will be completed or failed."""

    command: CommandId
    what: What
