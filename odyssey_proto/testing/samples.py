"""What to choose from when anything may happen to a client: commands, replies, texts, and actions by kind."""

from typing import Any

from odyssey_proto.kernel.machine import seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.model.recordings import FileVersion, RecordingFile
from odyssey_proto.seam.commands import (
    Abandon,
    Call,
    CommandId,
    Connect,
    ConnectWith,
    Disconnect,
    Download,
    EndStream,
    Interact,
    MintCredentials,
    Prepare,
    StartStream,
    WaitForJob,
    WaitForRecording,
)
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.inputs import (
    ABNORMAL_CLOSURE,
    ChannelDown,
    ChannelText,
    MediaInput,
    MediaKind,
    MediaSeen,
    PeerFailed,
    PeerState,
    PeerStateChanged,
    TrackDown,
    TrackUp,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.testing.actions import (
    Action,
    ClockBack,
    CloseSocket,
    EndFetch,
    ExtraWake,
    FailFetch,
    FailRequest,
    FetchBytes,
    Give,
    GoesWell,
    Media,
    OpenFetch,
    RefuseSocket,
    Reply,
    ServerText,
)
from odyssey_proto.testing.by_hand import GOOD_REPLIES, OFFER, PEER, SESSION_TOKEN, connecting

STREAM_COMMANDS: tuple[Any, ...] = (
    StartStream("A cat"),
    StartStream("A cat", image="data:image/png;base64,AAAA"),
    Interact("Pet the cat"),
    Interact("Feed it"),
    EndStream(),
)

COMMANDS: tuple[Any, ...] = (
    Connect(),
    Connect(),
    ConnectWith(ClientCredentials("wss://sig.example", SESSION_TOKEN)),
    MintCredentials(),
    Prepare(seconds(5)),
    *STREAM_COMMANDS,
    Call("recordings.get", "stream-1"),
    WaitForJob("job-1", seconds(5), seconds(60)),
    WaitForRecording("stream-1", seconds(5), seconds(60)),
    Download("stream-1", RecordingFile.VIDEO, seconds(60)),
    Download("stream-1", RecordingFile.EVENTS, seconds(60), 7, FileVersion('"v1"', 10)),
    Disconnect(),
)

REPLIES = (
    *GOOD_REPLIES.values(),
    json_reply({"detail": "no"}, 401),
    json_reply({"detail": "busy"}, 503),
    HttpReply(429, (("retry-after", "2"),), b"slow down"),
    HttpReply(200, (), b"not json"),
    HttpReply(500),
    json_reply({"job_id": "job-1", "status": "completed", "priority": "normal", "created_at": "now"}),
)

FILE_HEADS = (
    HttpReply(200, (("content-length", "10"), ("etag", '"v1"'))),
    HttpReply(206, (("content-range", "bytes 7-9/10"),)),
    HttpReply(200),
    HttpReply(403),
    HttpReply(416, (("content-range", "bytes */7"),)),
    HttpReply(503, (("retry-after", "1"),)),
    HttpReply(302),
)

BYTE_COUNTS = (0, 1, 3, 7, 10, 300, 2**16, 2**20, 2**20 + 1, 2**21)

SERVER_TEXTS = (
    signaling.encode(OFFER),
    signaling.encode(signaling.SignalingError("streamer_disconnected")),
    signaling.encode(signaling.IceCandidate("candidate:1 1 udp 1 127.0.0.1 9 typ host", "0", 0)),
    '{"type": "news"}',
    "[]",
    "{",
)

STREAMER_TEXTS = (
    stream.encode(stream.StreamStarted("stream-1", "A fine cat")),
    stream.encode(stream.UpdateAcknowledged("A petted cat")),
    stream.encode(stream.StreamEnded()),
    stream.encode(stream.InteractiveStreamError("session_timeout", "over")),
    stream.encode(stream.BroadcastReady("https://w.example/live/1", Secret("spec"), None)),
    stream.encode(stream.BroadcastReady(None, None, None)),
    '{"type": "news"}',
    "{",
)

CLOSE_CODES = (1000, 1001, ABNORMAL_CLOSURE, 4000)

CONNECTING: tuple[MediaInput, ...] = (*connecting(PEER), TrackUp(PEER, MediaKind.AUDIO))
TEXTS_ON_CHANNEL = tuple(ChannelText(PEER, FROM_STREAMER, text) for text in STREAMER_TEXTS)
STATES = tuple(PeerStateChanged(PEER, state) for state in PeerState)
FAILURES = tuple(PeerFailed(PEER, TransportError(kind)) for kind in TransportErrorKind)
COUNTS = tuple(MediaSeen(PEER, count) for count in range(10))
LOSSES: tuple[MediaInput, ...] = (
    ChannelDown(PEER, TO_STREAMER),
    ChannelDown(PEER, "other"),
    TrackDown(PEER, MediaKind.VIDEO),
    TrackDown(PEER, MediaKind.AUDIO),
)


def _replies() -> tuple[Action, ...]:
    return tuple(Reply(choice, reply) for reply in REPLIES for choice in range(4))


def _failures() -> tuple[Action, ...]:
    return tuple(FailRequest(choice, kind) for kind in TransportErrorKind for choice in range(4))


def _fetches() -> tuple[Action, ...]:
    opened = tuple(OpenFetch(choice, head) for head in FILE_HEADS for choice in range(2))
    counted = tuple(FetchBytes(choice, count) for count in BYTE_COUNTS for choice in range(2))
    broken = tuple(FailFetch(choice, kind) for kind in TransportErrorKind for choice in range(2))
    return (*opened, *counted, EndFetch(0), EndFetch(1), *broken)


def _media(*notices: MediaInput) -> tuple[Action, ...]:
    return tuple(map(Media, notices))


GOOD_NEWS: tuple[Action, ...] = tuple(map(GoesWell, range(4)))

NEWS: tuple[tuple[Action, ...], ...] = (
    GOOD_NEWS,
    _replies(),
    _failures(),
    _fetches(),
    tuple(map(RefuseSocket, REPLIES)),
    tuple(map(ServerText, SERVER_TEXTS)),
    tuple(map(CloseSocket, CLOSE_CODES)),
    (*_media(*CONNECTING), *_media(*STATES), *_media(*COUNTS), *_media(*LOSSES)),
    (*_media(*TEXTS_ON_CHANNEL), *_media(*FAILURES)),
)
"""What may come from outside, by kind."""

COMMAND_ACTIONS: tuple[Action, ...] = tuple(map(Give, COMMANDS))
STREAM_ACTIONS: tuple[Action, ...] = tuple(map(Give, STREAM_COMMANDS))
ABANDONS: tuple[Action, ...] = tuple(Give(Abandon(CommandId(number))) for number in range(1, 10))
CLOCK_ACTIONS: tuple[Action, ...] = (ExtraWake(), ClockBack())

ANYTHING: tuple[tuple[Action, ...], ...] = (
    *NEWS,
    GOOD_NEWS,
    GOOD_NEWS,
    COMMAND_ACTIONS,
    STREAM_ACTIONS,
    STREAM_ACTIONS,
    ABANDONS,
    CLOCK_ACTIONS,
)
"""What may happen at all, by kind; a kind that is named more often is drawn more often."""

STREAM_NEWS: tuple[tuple[Action, ...], ...] = (
    STREAM_ACTIONS,
    _media(*TEXTS_ON_CHANNEL),
    _media(*COUNTS),
    ABANDONS,
    tuple(map(ServerText, SERVER_TEXTS)),
)
"""What may happen to a client whose stream runs, by kind."""

STREAM_STARTS: tuple[Action, ...] = _media(TEXTS_ON_CHANNEL[0])

ENDS_OF_SIGNALING: tuple[Action, ...] = (*map(CloseSocket, CLOSE_CODES), *map(ServerText, SERVER_TEXTS))

LOSSES_AND_RECOVERIES: tuple[tuple[Action, ...], ...] = (
    *(GOOD_NEWS,) * 6,
    *(STREAM_STARTS,) * 2,
    *(_media(*COUNTS),) * 2,
    STREAM_ACTIONS,
    _media(*TEXTS_ON_CHANNEL),
    (*_media(*STATES), *_media(*LOSSES), *_media(*FAILURES)),
    ENDS_OF_SIGNALING,
    (*_replies(), *map(RefuseSocket, REPLIES), *_failures()),
    (*COMMAND_ACTIONS, *ABANDONS, *CLOCK_ACTIONS),
)
"""What may happen to a client whose stream runs, whose session is lost, and that gets another."""
