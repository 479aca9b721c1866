"""A conversation follows its table, and a step that is not in it changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.conversations import Conversation, Side
from odyssey_proto.conversations.signaling import SIGNALING_TABLE, SignalingState, signaling_conversation
from odyssey_proto.conversations.stream import STREAM_TABLE, StreamState, stream_conversation
from odyssey_proto.kernel.failures import FailureKind, LocalProtocolError, RemoteProtocolError
from odyssey_proto.messages import signaling, stream
from odyssey_proto.model.ice import IceCandidate

STREAM_MESSAGES = [
    stream.InteractiveStreamStart("A cat"),
    stream.Update("Pet it"),
    stream.InteractiveStreamEnd(),
    stream.StreamStarted("s1", "A cat"),
    stream.UpdateAcknowledged("Pet it"),
    stream.StreamEnded(),
    stream.InteractiveStreamError("lease_denied", "no"),
    stream.BroadcastReady("http://a/live/s1", None, None),
    stream.Unknown("news"),
]
SIGNALING_MESSAGES = [
    signaling.KeepAlive(),
    signaling.Offer("v=0"),
    signaling.Answer("v=0"),
    IceCandidate(""),
    signaling.SignalingError("unknown"),
    signaling.ClientDisconnecting(),
    stream.InteractiveStreamStart("A cat"),
    signaling.Unknown("news"),
]


def test_a_step_moves_on() -> None:
    conversation = stream_conversation(Side.CLIENT)
    assert repr(conversation) == "<Conversation IDLE as client>"
    conversation.advance(Side.CLIENT, STREAM_MESSAGES[0])
    assert conversation.state is StreamState.STARTING


def test_our_own_mistake_is_distinct_from_theirs() -> None:
    update = stream.Update("Pet it")
    for me in Side:
        conversation = stream_conversation(me)
        ours = me is Side.CLIENT
        with pytest.raises(
            LocalProtocolError if ours else RemoteProtocolError, match="Update may not be sent"
        ):
            conversation.advance(Side.CLIENT, update)
        assert conversation.state is StreamState.IDLE


def test_our_own_mistake_is_one_of_state() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        signaling_conversation(Side.CLIENT).advance(Side.CLIENT, signaling.Answer("v=0"))
    assert caught.value.failure.kind is FailureKind.STATE
    assert caught.value.failure.code == "state.conversation"


def test_we_are_meant_unless_somebody_is_named() -> None:
    offer = signaling.Offer("v=0")
    assert signaling_conversation(Side.SERVER).allows(offer)
    assert not signaling_conversation(Side.CLIENT).allows(offer)
    assert signaling_conversation(Side.CLIENT).allows(offer, Side.SERVER)


says = st.tuples(st.sampled_from(Side), st.sampled_from(STREAM_MESSAGES + SIGNALING_MESSAGES))


@given(st.sampled_from(Side), st.booleans(), st.lists(says, max_size=30))
def test_what_may_be_sent_advances_it_and_the_rest_changes_nothing(
    me: Side, streams: bool, script: list[tuple[Side, object]]
) -> None:
    conversation: Conversation[StreamState] | Conversation[SignalingState] = (
        stream_conversation(me) if streams else signaling_conversation(me)
    )
    table = STREAM_TABLE if streams else SIGNALING_TABLE
    for sender, message in script:
        before = conversation.state
        if conversation.allows(message, sender):
            conversation.advance(sender, message)
            assert conversation.state is table[before, sender, type(message)]  # type: ignore[index]  # one of the two
        else:
            with pytest.raises(LocalProtocolError if sender is me else RemoteProtocolError):
                conversation.advance(sender, message)
            assert conversation.state is before


@given(st.booleans(), st.lists(says, max_size=30))
def test_both_ends_of_a_reliable_line_agree(streams: bool, script: list[tuple[Side, object]]) -> None:
    make = stream_conversation if streams else signaling_conversation
    client, server = make(Side.CLIENT), make(Side.SERVER)
    for sender, message in script:
        assert client.allows(message, sender) == server.allows(message, sender)
        if client.allows(message, sender):
            client.advance(sender, message)
            server.advance(sender, message)
        assert client.state is server.state
