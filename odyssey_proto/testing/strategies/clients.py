"""Scripts of what may happen to a client, and inputs that nobody sensible would give it."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from odyssey_proto.kernel.machine import Span
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.model.config import ReconnectPolicy
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam.commands import Abandon, Command, CommandId
from odyssey_proto.seam.http import ExchangeId, HttpReply
from odyssey_proto.testing.actions import Action, Jump, Wait
from odyssey_proto.testing.by_hand import SDP
from odyssey_proto.testing.samples import (
    ANYTHING,
    COMMANDS,
    LOSSES_AND_RECOVERIES,
    NEWS,
    REPLIES,
    SERVER_TEXTS,
    STREAM_NEWS,
    STREAMER_TEXTS,
)
from odyssey_proto.testing.situations import Situation

MAX_SPAN = 40_000_000
"""The longest time that passes between two actions, in microseconds."""

situations: st.SearchStrategy[Any] = st.sampled_from(Situation)
spans: st.SearchStrategy[Any] = st.integers(0, MAX_SPAN).map(Span)


def one_of_kinds(kinds: Sequence[Sequence[Action]]) -> st.SearchStrategy[Action]:
    """
    Draws a kind of action, each as likely as the next, and one of that kind.

    This is one draw and not several, one within the other: drawing is what takes time in property tests.
    """
    most = max(map(len, kinds))
    return st.sampled_from([kind[number % len(kind)] for number in range(most) for kind in kinds])


def often(times: int, kinds: Sequence[Sequence[Action]]) -> list[st.SearchStrategy[Action]]:
    """Returns the strategy of these kinds so often: each is one to hypothesis, which drops repetitions."""
    return [one_of_kinds(kinds) for _ in range(times)]


news: st.SearchStrategy[Action] = one_of_kinds(NEWS)
"""What may come from outside."""

actions: st.SearchStrategy[Any] = st.one_of(
    *often(16, ANYTHING), st.builds(Wait, spans), st.builds(Jump, spans)
)
"""What may happen to a client."""

stream_actions: st.SearchStrategy[Any] = st.one_of(*often(6, STREAM_NEWS), st.builds(Wait, spans))
"""What may happen to a client whose stream runs."""


recovery_actions: st.SearchStrategy[Any] = st.one_of(
    *often(12, LOSSES_AND_RECOVERIES), st.builds(Wait, spans), st.builds(Jump, spans)
)
"""What may happen to a client that loses sessions and gets others."""

policies: st.SearchStrategy[ReconnectPolicy] = st.builds(
    ReconnectPolicy,
    per_loss=st.integers(0, 4),
    per_session=st.none() | st.integers(0, 9),
    first_delay=st.sampled_from([0, 1]),
    longest_delay=st.sampled_from([0, 30]),
    restart_stream=st.booleans(),
    carry_over=st.booleans(),
    renew_before=st.sampled_from([None, 15]),
)
"""How lost sessions may be replaced."""


def scripts(actions: st.SearchStrategy[Action], max_size: int) -> st.SearchStrategy[list[Action]]:
    """Returns lists of actions, one after another."""
    return st.lists(actions, max_size=max_size)


# --- nonsense -------------------------------------------------------------------------------------

FIELD_NAMES = (
    *("type", "sdp", "candidate", "sdpMid", "sdpMLineIndex", "reason", "message", "stream_id"),
    *("applied_prompt", "prompt", "access_token", "expires_in", "session_id", "signalling_url"),
    *("capabilities", "session_token", "iceServers", "urls", "username", "credential", "regions", "id"),
    *("ping_url", "detail", "error", "code", "action", "details", "webrtc_url", "spectator_token"),
    "image_to_video",
)
MESSAGE_TYPES = (
    *("offer", "ice_candidate", "error", "stream_started", "update_acknowledged", "stream_ended"),
    *("interactive_stream_error", "broadcast_ready", "news"),
)

words: st.SearchStrategy[str] = st.one_of(
    st.text(max_size=9),
    st.sampled_from([*MESSAGE_TYPES, SDP, "wss://sig.example", "ws://[::1", "a\nb", "0" * 300, "\ud800"]),
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELD_NAMES), inner, max_size=5)
    ),
    max_leaves=8,
)
message_texts: st.SearchStrategy[str] = st.builds(
    lambda kind, fields: json.dumps({**fields, "type": kind}),
    st.sampled_from(MESSAGE_TYPES),
    st.dictionaries(st.sampled_from(FIELD_NAMES), json_values, max_size=4),
)
texts: st.SearchStrategy[str] = st.one_of(
    st.text(max_size=20),
    st.sampled_from([*SERVER_TEXTS, *STREAMER_TEXTS]),
    json_values.map(json.dumps),
    message_texts,
)
headers: st.SearchStrategy[tuple[str, str]] = st.tuples(
    st.sampled_from(["retry-after", "date", "location", "content-encoding"]),
    st.sampled_from(["", "-1", "0", "2", "1e9", "9" * 30, "soon", "Sun, 06 Nov 1994 08:49:45 GMT", "::::"]),
)
replies: st.SearchStrategy[HttpReply] = st.one_of(
    st.sampled_from(REPLIES),
    st.builds(
        HttpReply,
        st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 408, 422, 429, 500, 503, 599, 999, 0, 100]),
        st.lists(headers, max_size=2).map(tuple),
        st.one_of(st.binary(max_size=9), texts.map(lambda text: text.encode(errors="surrogatepass"))),
    ),
)
exchange_ids: st.SearchStrategy[Any] = st.integers(1, 12).map(ExchangeId)
socket_ids: st.SearchStrategy[Any] = st.integers(1, 12).map(i.SocketId)
peer_ids: st.SearchStrategy[Any] = st.integers(1, 12).map(i.PeerId)
transport_errors: st.SearchStrategy[i.TransportError] = st.builds(
    i.TransportError, st.sampled_from(i.TransportErrorKind), words
)
labels: st.SearchStrategy[str] = st.sampled_from([FROM_STREAMER, TO_STREAMER, ""])

network_inputs: st.SearchStrategy[Any] = st.one_of(
    st.just(i.Wake()),
    st.builds(i.Replied, exchange_ids, replies),
    st.builds(i.ExchangeFailed, exchange_ids, transport_errors),
    st.builds(i.SocketOpened, socket_ids),
    st.builds(i.SocketRefused, socket_ids, replies),
    st.builds(i.SocketText, socket_ids, texts),
    st.builds(i.SocketAnswered, socket_ids),
    st.builds(i.SocketClosed, socket_ids, st.integers(-1, 99999), words, st.none() | transport_errors),
    st.builds(i.LocalDescription, peer_ids, st.sampled_from(i.SdpKind), words),
    st.builds(i.PeerStateChanged, peer_ids, st.sampled_from(i.PeerState)),
    st.builds(i.TrackUp, peer_ids, st.sampled_from(i.MediaKind)),
    st.builds(i.TrackDown, peer_ids, st.sampled_from(i.MediaKind)),
    st.builds(i.ChannelUp, peer_ids, labels, st.integers(-1, 10**9)),
    st.builds(i.ChannelText, peer_ids, labels, texts),
    st.builds(i.ChannelDown, peer_ids, labels),
    st.builds(i.MediaSeen, peer_ids, st.integers(-1, 99)),
    st.builds(i.PeerFailed, peer_ids, transport_errors),
)
"""Anything that may come from outside, well formed or not, also of what the client does not know."""

wishes: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(COMMANDS), st.builds(Abandon, st.integers(1, 9).map(CommandId))
)
inputs: st.SearchStrategy[Any | Command] = st.one_of(
    network_inputs, network_inputs, network_inputs, st.builds(Command, st.just(CommandId(0)), wishes)
)
"""The same, and commands, which still have to be named."""
