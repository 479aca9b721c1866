"""The conversation on the signaling WebSocket (docs/protocol.md#signaling)."""

from enum import Enum, unique

from odyssey_proto.conversations.conversation import Conversation, Side, Table
from odyssey_proto.messages.signaling import (
    Answer,
    ClientDisconnecting,
    KeepAlive,
    Offer,
    SignalingError,
    Unknown,
)
from odyssey_proto.messages.stream import InteractiveStreamStart
from odyssey_proto.model.ice import IceCandidate


@unique
class SignalingState(Enum):
    """Where the conversation on the signaling WebSocket stands."""

    OPEN = "open"
    OFFERED = "offered"
    ANSWERED = "answered"
    LEFT = "left"


def _table() -> Table[SignalingState]:
    state, client, server = SignalingState, Side.CLIENT, Side.SERVER
    connected = (state.OPEN, state.OFFERED, state.ANSWERED)
    exchange = {
        (state.OPEN, server, Offer): state.OFFERED,
        (state.OFFERED, client, Answer): state.ANSWERED,
        (state.ANSWERED, client, InteractiveStreamStart): state.ANSWERED,
        # A further offer makes a new peer connection (docs/protocol.md#messages-of-the-server).
        (state.OFFERED, server, Offer): state.OFFERED,
        (state.ANSWERED, server, Offer): state.OFFERED,
        (state.OFFERED, client, InteractiveStreamStart): state.OFFERED,
    }
    anytime = {
        (each, side, kind): each
        for each in connected
        for side, kind in (
            (client, KeepAlive),
            (client, IceCandidate),
            (client, Unknown),
            (server, IceCandidate),
            (server, SignalingError),
            (server, Unknown),
        )
    }
    leaving = {(each, client, ClientDisconnecting): state.LEFT for each in connected}
    # What the server sent before our ClientDisconnecting reached it.
    late = {(state.LEFT, server, kind): state.LEFT for kind in (Offer, IceCandidate, SignalingError, Unknown)}
    return exchange | anytime | leaving | late


SIGNALING_TABLE: Table[SignalingState] = _table()


def signaling_conversation(me: Side) -> Conversation[SignalingState]:
    """Returns a fresh conversation on signaling."""
    return Conversation(SIGNALING_TABLE, SignalingState.OPEN, me)
