"""
What the two kinds of peer connection do not have in common.

In a session the streamer offers and we answer, and besides its video we need two data channels
(docs/protocol.md#webrtc).
A spectator offers, the media server answers, and there are no channels (docs/protocol.md#whep).
"""

from attrs import evolve, frozen

from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.seam.inputs import SdpKind


@frozen
class PeerRole:
    """Who the other side is, and what is needed of it."""

    remote: str
    """The other side, in the words of an error."""
    describes: SdpKind
    """Which of the two descriptions is ours."""
    begins_with: str
    """What has to come before there is a peer, in the words of an error."""
    channels: tuple[str, ...] = ()
    """The data channels without which it is of no use."""
    audio: bool = False
    """Whether its audio is received, if it has any."""


SESSION = PeerRole("streamer", SdpKind.ANSWER, "offer", (TO_STREAMER, FROM_STREAMER))
"""Answers a streamer and steers it."""

SESSION_WITH_AUDIO = evolve(SESSION, audio=True)
"""Receives its audio besides."""

SPECTATOR = PeerRole("media server", SdpKind.OFFER, "ICE servers")
"""Offers to a media server and watches."""
