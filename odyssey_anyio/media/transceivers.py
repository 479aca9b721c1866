"""Which media a connection sends and receives: the first video and, where it is wanted, the first audio."""

from typing import Any, Protocol

from odyssey_proto.seam.inputs import MediaKind, PeerId


class MediaSource(Protocol):
    """What peers send; called in the media loop."""

    def track(self, peer: PeerId, kind: MediaKind) -> Any:
        """Returns an aiortc track of this kind for a new peer."""
        ...

    def sends(self, sender: Any) -> None:
        """An aiortc sender of a video is about to send."""
        ...

    def drop(self, peer: PeerId) -> None:
        """A peer was dropped."""
        ...


def first(pc: Any, kind: MediaKind) -> Any:
    """Returns the first transceiver of a kind; nothing if there is none."""
    return next((each for each in pc.getTransceivers() if each.kind == kind.value), None)


def receive_only(pc: Any, kinds: tuple[MediaKind, ...]) -> None:
    """Lets only the first of each of these kinds be received: what nobody reads would pile up."""
    wanted = [first(pc, kind) for kind in kinds]
    for transceiver in pc.getTransceivers():
        if not any(transceiver is each for each in wanted):
            transceiver.direction = "inactive"


def receiving_transport(pc: Any) -> Any:
    """Has a connection receive a video, and returns the transport of ICE that it will use."""
    return pc.addTransceiver(MediaKind.VIDEO.value, direction="recvonly").receiver.transport.transport
