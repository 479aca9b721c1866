"""One peer connection to a client, as its streamer sees it (docs/protocol.md#webrtc)."""

from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.model.ice import IceCandidate, IceConfig
from odyssey_proto.seam.inputs import PeerId, SdpKind
from odyssey_proto.seam.outputs import AddCandidate, DropPeer, MakeOffer, MakePeer, SetRemote
from odyssey_proto.service.io.seam import ServiceOutput
from odyssey_proto.service.live.streamer import Streamer

CHANNELS = (TO_STREAMER, FROM_STREAMER)

MAX_EARLY_CANDIDATES = 64
"""The most candidates that are kept until the answer comes."""


class StreamerPeer:
    """A peer connection, and the streamer on it, from the offer until it is dropped."""

    def __init__(self, streamer: Streamer) -> None:
        self.streamer = streamer
        self._answered = False
        self._early: list[ServiceOutput] = []
        self._up: set[str] = set()

    def __repr__(self) -> str:
        return f"<StreamerPeer on peer {self.peer} with {len(self._up)} channels>"

    @property
    def peer(self) -> PeerId:
        """Whom the media engine speaks of."""
        return self.streamer.peer

    @property
    def ready(self) -> bool:
        """Whether both channels are open."""
        return len(self._up) == len(CHANNELS)

    @property
    def audible(self) -> bool:
        """Whether the client can be spoken to."""
        return FROM_STREAMER in self._up

    def offer(
        self, ice: IceConfig, channels: tuple[str, ...], *, sends: bool, audio: bool
    ) -> list[ServiceOutput]:
        """Makes the peer and its offer."""
        made = MakePeer(self.peer, ice, sends=sends, channels=channels, audio=audio)
        return [made, MakeOffer(self.peer)]

    def answer(self, sdp: str) -> list[ServiceOutput]:
        """Takes the client's answer, and the candidates that came before it."""
        self._answered = True
        early, self._early = self._early, []
        return [SetRemote(self.peer, SdpKind.ANSWER, sdp), *early]

    def candidate(self, candidate: IceCandidate | None) -> list[ServiceOutput]:
        """Takes one of the client's candidates, or `None` for their end."""
        order = AddCandidate(self.peer, candidate)
        if self._answered:
            return [order]
        if len(self._early) < MAX_EARLY_CANDIDATES:
            self._early.append(order)
        return []

    def opened(self, label: str) -> list[ServiceOutput]:
        """A channel is open."""
        self._up.add(label)
        return self.streamer.opened() if label == FROM_STREAMER else []

    def shut(self, label: str) -> None:
        """A channel is closed."""
        self._up.discard(label)
        if label == FROM_STREAMER:
            self.streamer.shut()

    def drop(self) -> list[ServiceOutput]:
        """Ends it."""
        return [DropPeer(self.peer)]
