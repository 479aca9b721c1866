"""A client that hears anything at all, well formed or not, from whoever it knows and whoever it does not."""

import json
from typing import Any

from core.gauntlet import begun
from core.material import COMMANDS, READY, REPLIES, SDP, SIGNALS, STREAM_TEXTS
from house.fuzz import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.machine import Span, after, seconds
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.model.events import StatusChanged
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Abandon, Command, CommandId, Disconnect
from odyssey_proto.seam.http import ExchangeId, HttpReply
from odyssey_proto.seam.inputs import (
    PeerId,
    PeerState,
    SdpKind,
    SocketId,
    TransportError,
    TransportErrorKind,
    Wake,
)

NAMES = "type sdp candidate sdpMid sdpMLineIndex reason message stream_id applied_prompt prompt access_token"
NAMES += (
    " expires_in session_id signalling_url capabilities session_token iceServers urls username credential"
)
NAMES += " regions id ping_url detail error code action details webrtc_url spectator_token image_to_video"
TYPES = ["offer", "ice_candidate", "error", "stream_started", "update_acknowledged", "stream_ended"]
TYPES += ["interactive_stream_error", "broadcast_ready", "news"]

words = st.one_of(
    st.text(max_size=9),
    st.sampled_from([*TYPES, SDP, "wss://sig.example", "ws://[::1", "a\nb", "0" * 300, "\ud800"]),
)
plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words)
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=8,
)
messages = st.tuples(st.sampled_from(TYPES), st.dictionaries(st.sampled_from(NAMES), values, max_size=4))
texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from([*SIGNALS, *STREAM_TEXTS]),
    values.map(json.dumps),
    messages.map(lambda both: json.dumps({**both[1], "type": both[0]})),
)
headers = st.tuples(
    st.sampled_from(["retry-after", "date", "location", "content-encoding"]),
    st.sampled_from(["", "-1", "0", "2", "1e9", "9" * 30, "soon", "Sun, 06 Nov 1994 08:49:45 GMT", "::::"]),
)
replies = st.one_of(
    st.sampled_from(REPLIES),
    st.builds(
        HttpReply,
        st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 408, 422, 429, 500, 503, 599, 999, 0, 100]),
        st.lists(headers, max_size=2).map(tuple),
        st.one_of(st.binary(max_size=9), texts.map(lambda text: text.encode(errors="surrogatepass"))),
    ),
)
exchanges, sockets, peers = (st.integers(1, 12).map(name) for name in (ExchangeId, SocketId, PeerId))
breakages = st.builds(TransportError, st.sampled_from(TransportErrorKind), words)
labels = st.sampled_from([FROM_STREAMER, TO_STREAMER, ""])
anything = st.one_of(
    st.just(Wake()),
    st.builds(i.Replied, exchanges, replies),
    st.builds(i.ExchangeFailed, exchanges, breakages),
    st.builds(i.SocketOpened, sockets),
    st.builds(i.SocketRefused, sockets, replies),
    st.builds(i.SocketText, sockets, texts),
    st.builds(i.SocketClosed, sockets, st.integers(-1, 99999), words, st.none() | breakages),
    st.builds(i.LocalDescription, peers, st.sampled_from(SdpKind), words),
    st.builds(i.PeerStateChanged, peers, st.sampled_from(PeerState)),
    st.builds(i.TrackUp, peers, st.sampled_from(i.MediaKind)),
    st.builds(i.TrackDown, peers, st.sampled_from(i.MediaKind)),
    st.builds(i.ChannelUp, peers, labels, st.integers(-1, 10**9)),
    st.builds(i.ChannelText, peers, labels, texts),
    st.builds(i.ChannelDown, peers, labels),
    st.builds(i.MediaSeen, peers, st.integers(-1, 99)),
    st.builds(i.PeerFailed, peers, breakages),
)
wishes = st.one_of(st.sampled_from(COMMANDS), st.builds(Abandon, st.integers(1, 9).map(CommandId)))
steps = st.one_of(anything, anything, anything, st.builds(Command, st.just(CommandId(0)), wishes))


spans = st.sampled_from([0, 1, 500_000, 11_000_000])


@settings(max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, READY + 1),
    st.lists(st.tuples(st.sampled_from([0, 1, 500_000, 11_000_000]), steps), max_size=25),
)
def test_random_inputs_never_raise(depth: int, script: list[tuple[int, Any]]) -> None:
    world = begun(depth)
    client, now, waiting = world.client, world.now, set(world.open)
    leave = [(0, Command(CommandId(0), Disconnect())), *[(seconds(60), Wake())] * 3]
    for number, (span, inp) in enumerate([*script, *leave], 100):
        now = after(now, Span(span))
        if isinstance(inp, Command):
            inp = Command(CommandId(number), inp.what)
            waiting.add(inp.command)
        try:
            outputs = client.step(now, inp)
        except LocalProtocolError:
            assert isinstance(inp, Command), "only a command can be refused"
            waiting.remove(inp.command)
            continue
        assert client.deadline is None or client.deadline.at > now
        for output in outputs:
            match output:
                case o.Completed(command) | o.Failed(command):
                    waiting.remove(command)
                case o.Happened(StatusChanged(_, str(message))):
                    assert message.isprintable(), "what others say is one line"
    assert (waiting, client.deadline, client.states) == (set(), None, ())
