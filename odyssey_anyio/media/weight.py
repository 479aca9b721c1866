"""How much memory orders and notices hold while they wait, roughly."""

from odyssey_proto.model.ice import IceCandidate
from odyssey_proto.seam.inputs import ChannelText, LocalDescription
from odyssey_proto.seam.outputs import AddCandidate, ChannelSend, SetRemote

ITEM = 1024
"""What any of them counts for, in bytes, whatever it says."""

CHARACTER = 4
"""The most that a character takes, in bytes."""


def weigh(item: object) -> int:
    """Returns what an order or a notice weighs, in bytes."""
    match item:
        case (
            ChannelSend(text=text) | ChannelText(text=text) | SetRemote(sdp=text) | LocalDescription(sdp=text)
        ):
            return ITEM + CHARACTER * len(text)
        case AddCandidate(candidate=IceCandidate(candidate=text)):
            return ITEM + CHARACTER * len(text)
        case _:
            return ITEM
