"""A peer connection to whoever plays a recorded client."""

from attrs import define, field

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.messages import signaling
from odyssey_proto.messages.sdp import check_candidate, check_sdp
from odyssey_proto.playback.scene_tracker import SceneTracker
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import PeerId, SdpKind
from odyssey_proto.seam.outputs import AddCandidate, SetRemote
from odyssey_proto.service.io.seam import Asked, Noted, ServiceOutput


@define
class PlayedPeer:
    """A peer connection of this time, in the place of a recorded one."""

    name: PeerId
    socket: int | None
    """The WebSocket over which it was offered, by its recorded name; `None`: it came by a request."""
    picture: SceneTracker = field(factory=SceneTracker)
    up: set[str] = field(factory=set)
    reply: tuple[Asked, HttpReply] | None = None
    """What waits for its description."""
    described: bool = False

    def negotiated(self, text: str) -> list[ServiceOutput]:
        """Returns what a message of the client on its WebSocket means for the connection."""
        try:
            match signaling.decode(text):
                case signaling.Answer(sdp):
                    check_sdp(sdp)
                    return [SetRemote(self.name, SdpKind.ANSWER, sdp)]
                case signaling.IceCandidate() as candidate:
                    return [AddCandidate(self.name, check_candidate(candidate))]
                case _:
                    self.picture.on_message(text)
                    return []
        except RemoteProtocolError as error:
            return [Noted(f"ignored a signaling message: {error}")]
