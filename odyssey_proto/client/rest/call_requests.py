"""How a part asks its owner to make REST calls for it."""

from enum import Enum, unique

from attrs import frozen

from odyssey_proto.client.rest.calls import Ask
from odyssey_proto.seam.commands import CommandId


@unique
class Tag(Enum):
    """The calls of a session."""

    ACCESS = "access"
    ALLOCATION = "allocation"
    TOKEN = "token"
    ICE = "ice"


type CallKey = CommandId | tuple[int, Tag]
"""Who asks: a command, or the session or minting of that number."""


@frozen
class CallFor:
    """Make this call and hand its result back under this tag."""

    tag: Tag
    ask: Ask


@frozen
class CallOff:
    """Forget the call with this tag."""

    tag: Tag
