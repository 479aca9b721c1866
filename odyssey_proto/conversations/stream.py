"""The conversation about streams (docs/protocol.md#stream-messages): one stream after another."""

from enum import Enum, unique
from itertools import product

from odyssey_proto.conversations.conversation import Conversation, Side, Table
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
    UNCERTAIN = "uncertain"
    """The streamer reported an error while the stream was live; whether it goes on is not known."""
    ENDING = "ending"


def _table() -> Table[StreamState]:
    state, client, server = StreamState, Side.CLIENT, Side.SERVER
    exchange = {
        (state.IDLE, client, InteractiveStreamStart): state.STARTING,
        (state.STARTING, server, StreamStarted): state.LIVE,
        (state.LIVE, client, Update): state.LIVE,
        (state.LIVE, server, UpdateAcknowledged): state.LIVE,
        (state.LIVE, client, InteractiveStreamEnd): state.ENDING,
        (state.ENDING, server, StreamEnded): state.IDLE,
        # A stream may be taken back before it started, and an end may be asked for again.
        (state.STARTING, client, InteractiveStreamEnd): state.ENDING,
        (state.ENDING, client, InteractiveStreamEnd): state.ENDING,
        # After an error in a live stream every request is worth sending; its reply shows whether it goes on.
        (state.UNCERTAIN, client, InteractiveStreamStart): state.STARTING,
        (state.UNCERTAIN, client, Update): state.UNCERTAIN,
        (state.UNCERTAIN, client, InteractiveStreamEnd): state.ENDING,
        (state.UNCERTAIN, server, UpdateAcknowledged): state.LIVE,
        # A reply may come late, when no command waits for it any more.
        (state.IDLE, server, StreamStarted): state.LIVE,
        (state.UNCERTAIN, server, StreamStarted): state.LIVE,
        (state.ENDING, server, StreamStarted): state.ENDING,
        (state.IDLE, server, UpdateAcknowledged): state.IDLE,
        (state.STARTING, server, UpdateAcknowledged): state.STARTING,
        (state.ENDING, server, UpdateAcknowledged): state.ENDING,
        # An error ends a stream that was starting or ending; a live one may go on after it.
        (state.IDLE, server, InteractiveStreamError): state.IDLE,
        (state.STARTING, server, InteractiveStreamError): state.IDLE,
        (state.LIVE, server, InteractiveStreamError): state.UNCERTAIN,
        (state.UNCERTAIN, server, InteractiveStreamError): state.UNCERTAIN,
        (state.ENDING, server, InteractiveStreamError): state.IDLE,
    }
    ends = {(each, server, StreamEnded): state.IDLE for each in state}
    unbound = product(state, Side, (BroadcastReady, Unknown))
    anytime = {(each, side, kind): each for each, side, kind in unbound if side is server or kind is Unknown}
    return exchange | ends | anytime


STREAM_TABLE: Table[StreamState] = _table()


def stream_conversation(me: Side) -> Conversation[StreamState]:
    """Returns a fresh conversation about streams."""
    return Conversation(STREAM_TABLE, StreamState.IDLE, me)
