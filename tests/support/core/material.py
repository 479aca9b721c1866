"""What a client may be asked, and what may come to it, for tests that try everything."""

from typing import Any

from hypothesis import strategies as st

from odyssey_proto.kernel.machine import seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.token import sign
from odyssey_proto.model.config import Timeouts
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.model.recordings import FileVersion, RecordingFile
from odyssey_proto.seam.commands import (
    Call,
    Connect,
    ConnectWith,
    Disconnect,
    Download,
    EndStream,
    Interact,
    MintCredentials,
    StartStream,
    WaitForJob,
)
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.inputs import TransportErrorKind
from odyssey_proto.seam.settings import Settings
from odyssey_proto.testing.peers import describe

JWT = sign({"session_id": "s1"}, b"key")
SDP = describe("test")
SETTINGS = Settings(
    api_url="https://api.example", api_key=Secret("ody_laws"), timeouts=Timeouts(), seed=b"laws"
)

COMMANDS: list[Any] = [
    Connect(),
    Connect(),
    ConnectWith(ClientCredentials("wss://sig.example", JWT)),
    MintCredentials(),
    StartStream("A cat"),
    StartStream("A cat", image="data:image/png;base64,AAAA"),
    Interact("Pet the cat"),
    Interact("Feed it"),
    EndStream(),
    Call("recordings.get", "stream-1"),
    WaitForJob("job-1", seconds(5), seconds(60)),
    Download("stream-1", RecordingFile.VIDEO, seconds(60)),
    Download("stream-1", RecordingFile.EVENTS, seconds(60), 7, FileVersion('"v1"', 10)),
    Disconnect(),
]

STREAM_COMMANDS = COMMANDS[4:9]

REPLIES: list[HttpReply] = [
    json_reply({"access_token": "t1", "expires_in": 3600}),
    json_reply({"regions": [{"id": "r1", "ping_url": "https://r1.example/"}]}),
    json_reply(
        {"session_id": "s1", "signalling_url": "wss://sig.example", "capabilities": {"image_to_video": True}}
    ),
    json_reply({"session_token": JWT, "expires_in": 600}),
    json_reply({"iceServers": []}),
    json_reply({"detail": "no"}, 401),
    json_reply({"detail": "busy"}, 503),
    HttpReply(429, (("retry-after", "2"),), b"slow down"),
    HttpReply(200, (), b"not json"),
    HttpReply(500),
    json_reply({"stream_id": "stream-1", "video_url": "https://files.example/v?sig=1", "events_url": None}),
    json_reply({"job_id": "job-1", "status": "pending", "priority": "normal", "created_at": "now"}),
    json_reply({"job_id": "job-1", "status": "completed", "priority": "normal", "created_at": "now"}),
]

HEADS: list[HttpReply] = [
    HttpReply(200, (("content-length", "10"), ("etag", '"v1"'))),
    HttpReply(206, (("content-range", "bytes 7-9/10"),)),
    HttpReply(200),
    HttpReply(403),
    HttpReply(416, (("content-range", "bytes */7"),)),
    HttpReply(503, (("retry-after", "1"),)),
    HttpReply(302),
]

HAPPY = {
    "/auth/token": REPLIES[0],
    "/regions": REPLIES[1],
    "/sessions/request": REPLIES[2],
    "/sessions/token": REPLIES[3],
    "/config": REPLIES[4],
    "/recordings/stream-1": REPLIES[10],
    "/simulation-jobs/job-1": REPLIES[11],
}

SIGNALS = [
    signaling.encode(signaling.Offer(SDP)),
    signaling.encode(signaling.SignalingError("streamer_disconnected")),
    signaling.encode(signaling.IceCandidate("candidate:1 1 udp 1 127.0.0.1 9 typ host", "0", 0)),
    '{"type": "news"}',
    "[]",
    "{",
]

STREAM_TEXTS = [
    stream.encode(stream.StreamStarted("stream-1", "A fine cat")),
    stream.encode(stream.UpdateAcknowledged("A petted cat")),
    stream.encode(stream.StreamEnded()),
    stream.encode(stream.InteractiveStreamError("session_timeout", "over")),
    stream.encode(stream.BroadcastReady("https://w.example/live/1", Secret("spec"), None)),
    stream.encode(stream.BroadcastReady(None, None, None)),
    '{"type": "news"}',
    "{",
]


GOODBYE = signaling.encode(signaling.ClientDisconnecting())

READY = 9
"""So many things have to go well until a session is ready."""


actions = st.one_of(
    st.tuples(st.just("command"), st.sampled_from(COMMANDS)),
    st.tuples(st.just("command"), st.sampled_from(STREAM_COMMANDS)),
    st.tuples(st.just("happy"), st.integers(0, 3)),
    st.tuples(st.just("happy"), st.integers(0, 3)),
    st.tuples(st.just("happy"), st.integers(0, 3)),
    st.tuples(st.just("reply"), st.integers(0, 3), st.sampled_from(REPLIES)),
    st.tuples(st.just("break"), st.integers(0, 3), st.sampled_from(TransportErrorKind)),
    st.tuples(st.just("opened"), st.integers(0, 3), st.sampled_from(HEADS)),
    st.tuples(st.just("bytes"), st.integers(0, 3), st.integers(0, 2**21)),
    st.tuples(st.just("whole"), st.integers(0, 3)),
    st.tuples(st.just("torn"), st.integers(0, 3), st.sampled_from(TransportErrorKind)),
    st.tuples(st.just("signal"), st.sampled_from(SIGNALS)),
    st.tuples(st.just("close"), st.sampled_from([1000, 1001, 1006, 4000])),
    st.tuples(
        st.just("media"),
        st.sampled_from(["up", "up", "text", "moved", "broke", "seen", "down"]),
        st.integers(0, 9),
    ),
    st.tuples(st.just("abandon"), st.integers(1, 6)),
    st.tuples(st.just("refuse"), st.sampled_from(REPLIES)),
    st.tuples(st.just("wait"), st.integers(0, 40_000_000)),
    st.tuples(st.just("jump"), st.integers(0, 40_000_000)),
    st.tuples(st.just("wake")),
    st.tuples(st.just("past")),
)
"""What may happen, as `perform` takes it."""
