"""Scripts of what may happen to a spectator."""

from hypothesis import strategies as st

from odyssey_proto.kernel.machine import seconds
from odyssey_proto.seam.commands import Connect, Disconnect
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import (
    MediaKind,
    MediaSeen,
    PeerFailed,
    PeerId,
    PeerState,
    PeerStateChanged,
    TrackDown,
    TrackUp,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.testing.actions import Action, Bring, FailRequest, Give, Jump, Media, Reply, Wait
from odyssey_proto.testing.spectator_by_hand import (
    ANSWER_REPLY,
    CONFIG_REPLY,
    OFFERED,
    PEER,
    SpectatorSituation,
)

STRANGER = PeerId(9)

NEWS: tuple[Action, ...] = (
    *(Media(PeerStateChanged(PEER, state)) for state in PeerState),
    Media(TrackUp(PEER, MediaKind.VIDEO)),
    Media(TrackDown(PEER, MediaKind.VIDEO)),
    Media(OFFERED),
    Media(PeerFailed(PEER, TransportError(TransportErrorKind.SILENT))),
    Reply(0, CONFIG_REPLY),
    Reply(0, ANSWER_REPLY),
    Reply(0, HttpReply(401)),
    FailRequest(0, TransportErrorKind.REFUSED),
)

situations: st.SearchStrategy[SpectatorSituation] = st.sampled_from(SpectatorSituation)

news: st.SearchStrategy[Media | Reply | FailRequest] = st.sampled_from(NEWS)
"""What may come from outside."""

actions: st.SearchStrategy[Media | Reply | FailRequest | Bring | Give | Wait | Jump] = st.sampled_from(
    (
        *NEWS,
        Media(TrackUp(PEER, MediaKind.AUDIO)),
        Media(MediaSeen(PEER, 3)),
        Bring(PeerStateChanged(STRANGER, PeerState.FAILED)),
        Give(Connect()),
        Give(Disconnect()),
        Wait(seconds(1)),
        Wait(seconds(10)),
        Jump(seconds(1)),
        Jump(seconds(10)),
    )
)
"""What may happen to a spectator."""
