"""The conversation about streams (docs/protocol.md#stream-messages): one stream after another."""

from enum import Enum, unique
from itertools import product

from odyssey_proto.conversations.talk import Conversation, Side, Table
from odyssey_proto.messages.stream import (
    BroadcastReady,
    InteractiveStreamEnd,
    InteractiveStreamError,
    InteractiveStreamStart,
    StreamEnded,
    StreamStarted,
    Unknown,
    Update,
    UpdateAcknowledged,
)


@unique
class StreamState(Enum):
    """Where the conversation about streams stands."""

    IDLE = "idle"
    STARTING = "starting"
    LIVE = "live"
    SHAKEN = "shaken"
    """The streamer reported an error while the stream was live; whether it goes on is not known."""
    ENDING = "ending"


def _table() -> Table[StreamState]:
    state, client, server = StreamState, Side.CLIENT, Side.SERVER
    road = {
        (state.IDLE, client, InteractiveStreamStart): state.STARTING,
        (state.STARTING, server, StreamStarted): state.LIVE,
        (state.LIVE, client, Update): state.LIVE,
        (state.LIVE, server, UpdateAcknowledged): state.LIVE,
        (state.LIVE, client, InteractiveStreamEnd): state.ENDING,
        (state.ENDING, server, StreamEnded): state.IDLE,
        # A stream may be taken back before it started, and an end may be asked for again.
        (state.STARTING, client, InteractiveStreamEnd): state.ENDING,
        (state.ENDING, client, InteractiveStreamEnd): state.ENDING,
        # After an error in a live stream everything is worth a try; the answer tells.
        (state.SHAKEN, client, InteractiveStreamStart): state.STARTING,
        (state.SHAKEN, client, Update): state.SHAKEN,
        (state.SHAKEN, client, InteractiveStreamEnd): state.ENDING,
        (state.SHAKEN, server, UpdateAcknowledged): state.LIVE,
        # Replies may come late, when nobody waits for them any more.
        (state.IDLE, server, StreamStarted): state.LIVE,
        (state.SHAKEN, server, StreamStarted): state.LIVE,
        (state.ENDING, server, StreamStarted): state.ENDING,
        (state.IDLE, server, UpdateAcknowledged): state.IDLE,
        (state.STARTING, server, UpdateAcknowledged): state.STARTING,
        (state.ENDING, server, UpdateAcknowledged): state.ENDING,
        # An error ends what was beginning or ending; a live stream it only shakes.
        (state.IDLE, server, InteractiveStreamError): state.IDLE,
        (state.STARTING, server, InteractiveStreamError): state.IDLE,
        (state.LIVE, server, InteractiveStreamError): state.SHAKEN,
        (state.SHAKEN, server, InteractiveStreamError): state.SHAKEN,
        (state.ENDING, server, InteractiveStreamError): state.IDLE,
    }
    ends = {(each, server, StreamEnded): state.IDLE for each in state}
    idle_talk = product(state, Side, (BroadcastReady, Unknown))
    asides = {(each, side, kind): each for each, side, kind in idle_talk if side is server or kind is Unknown}
    return road | ends | asides


STREAM_TABLE: Table[StreamState] = _table()


def stream_conversation(me: Side) -> Conversation[StreamState]:
    """Returns a fresh conversation about streams."""
    return Conversation(STREAM_TABLE, StreamState.IDLE, me)
