"""How much memory orders and inputs hold while they wait, roughly."""

from odyssey_proto.model.ice import IceCandidate
from odyssey_proto.seam.inputs import ChannelText, LocalDescription
from odyssey_proto.seam.outputs import AddCandidate, ChannelSend, SetRemote

ITEM_BYTES = 1024
"""What any of them counts for, whatever it says."""

MAX_CHARACTER_BYTES = 4
"""The most that a character takes."""


def weigh(item: object) -> int:
    """Returns what an order or an input weighs, in bytes."""
    match item:
        case (
            ChannelSend(text=text) | ChannelText(text=text) | SetRemote(sdp=text) | LocalDescription(sdp=text)
        ):
            return ITEM_BYTES + MAX_CHARACTER_BYTES * len(text)
        case AddCandidate(candidate=IceCandidate(candidate=text)):
            return ITEM_BYTES + MAX_CHARACTER_BYTES * len(text)
        case _:
            return ITEM_BYTES
