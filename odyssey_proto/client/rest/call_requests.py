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


@unique
class JobTag(Enum):
    """The calls of a wait for a job and of a download, which have one at a time."""

    JOB = "job"
    RECORDING = "recording"


type CallKey = CommandId | tuple[int, Tag | JobTag]
"""Who asks: a command, or the session, minting, job wait or download of that number."""


@frozen
class CallFor:
    """Make this call and hand its result back under this tag."""

    tag: Tag | JobTag
    ask: Ask


@frozen
class CallOff:
    """Forget the call with this tag."""

    tag: Tag | JobTag
