"""What the application asks of a client."""

from typing import Any, NewType

from attrs import field, frozen, validators

from odyssey_proto.kernel.secret import sized
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.model.prompt import check_nonempty_prompt, check_prompt
from odyssey_proto.model.validators import flag, of_type

CommandId = NewType("CommandId", int)
"""Names one command; the caller chooses it and never uses it twice."""


@frozen
class Connect:
    """Open a session with the API key; completes with `None` when it is ready."""


@frozen
class ConnectWith:
    """Open a session with credentials that a trusted host minted; completes with `None`."""

    credentials: ClientCredentials = field(validator=of_type(ClientCredentials))


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
class Disconnect:
    """Leave, from any state; completes with `None` when nothing is left."""


@frozen
class Abandon:
    """The caller of `command` is gone: end it with `ABANDONED`, and undo it if it was a connect."""

    command: CommandId


type What = (
    Connect | ConnectWith | MintCredentials | StartStream | Interact | EndStream | Call | Disconnect | Abandon
)
"""Everything that can be asked."""


@frozen
class Command:
    """A command and the name under which it will be completed or failed."""

    command: CommandId
    what: What
