"""What the application asks of a client."""

from typing import Any, NewType

from attrs import field, frozen

from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.secret import sized

CommandId = NewType("CommandId", int)
"""Names one command; the caller chooses it and never uses it twice."""


@frozen
class Connect:
    """Open a session with the API key; completes with `None` when it is ready."""


@frozen
class ConnectWith:
    """Open a session with credentials that a trusted host minted; completes with `None`."""

    credentials: ClientCredentials


@frozen
class MintCredentials:
    """Reserve a session for another client; completes with `ClientCredentials`."""


@frozen
class StartStream:
    """Start a stream; completes with its id."""

    prompt: str = field(default="", repr=sized)
    portrait: bool = True
    image: str | None = field(default=None, repr=sized)
    """A data URL."""
    broadcast: bool = False
    bypass_prompt_expansion: bool | None = None


@frozen
class Interact:
    """Steer the stream; completes with the prompt that was applied."""

    prompt: str = field(repr=sized)


@frozen
class EndStream:
    """End the stream; completes with `None`."""


@frozen
class Call:
    """Call a REST endpoint, named as in `odyssey_proto.messages.ENDPOINTS`; completes with its result."""

    endpoint: str
    params: Any = None


@frozen
class Disconnect:
    """Leave, from any state; completes with `None` when nothing is left."""


@frozen
class Abandon:
    """The caller of `command` is gone: end it with `ABANDONED`, and undo it if it was a connect."""

    command: CommandId


@frozen
class Command:
    """A command and the name under which it will be completed or failed."""

    command: CommandId
    what: (
        Connect
        | ConnectWith
        | MintCredentials
        | StartStream
        | Interact
        | EndStream
        | Call
        | Disconnect
        | Abandon
    )
