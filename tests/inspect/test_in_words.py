"""What a record says to a reader, kind by kind."""

from typing import Any

import pytest
from core.traced_sessions import SETTINGS, good_session

from odyssey.inspect.in_words import in_words
from odyssey.inspect.line import MAX_LINE_CHARS, Actor, Line, Tone, message_words, path_of, short
from odyssey.inspect.story import story
from odyssey_proto.client.client import Client
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Deadline, Instant, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model import events as e
from odyssey_proto.model.events import ConnectionStatus
from odyssey_proto.model.ice import IceCandidate, IceConfig
from odyssey_proto.model.quality import LimitingFactor
from odyssey_proto.model.recordings import DownloadProgress, FileVersion, RecordingFile
from odyssey_proto.model.simulations import SimulationJobDetail, SimulationJobStatus
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import (
    Abandon,
    Call,
    Command,
    CommandId,
    Connect,
    Download,
    StartStream,
    WaitForJob,
    WaitForRecording,
)
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import (
    FetchId,
    MediaKind,
    PeerId,
    PeerState,
    SdpKind,
    SocketId,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.service.io import seam
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.film import Scene
from odyssey_proto.service.service import Service
from odyssey_proto.testing.world import World
from odyssey_proto.trace import Header, Recorder, ServiceSettings, Step, Trace, TraceBuffer
from odyssey_proto.trace.values import Record, name_of

APP, ME, API, WS, PEER = Actor
PLAIN, GOOD, BAD, QUIET = Tone

X, S, P, C, F = ExchangeId(1), SocketId(1), PeerId(1), CommandId(1), FetchId(1)
RANGE = (("range", "bytes=5-"),)
JOB = SimulationJobDetail("job-1", SimulationJobStatus.PENDING, "normal", "now")
REQUEST = HttpRequest("GET", "https://api.example/regions?x=1")
LOST = Failure(FailureKind.MEDIA_FAILED, "it broke")
DEADLINE = Deadline(Instant(1_500_000), ClientTimer.KEEPALIVE)

CASES: list[tuple[Any, Line]] = [
    (Command(C, Connect()), Line(APP, ME, "Connect")),
    (
        Command(C, StartStream("A cat", image="data:")),
        Line(APP, ME, "StartStream", "portrait, with an image, A cat"),
    ),
    (Command(C, StartStream("", portrait=False)), Line(APP, ME, "StartStream", "landscape")),
    (Command(C, Call("recordings.get", "id")), Line(APP, ME, "Call", "recordings.get")),
    (Command(C, WaitForJob("job-1", seconds(5))), Line(APP, ME, "WaitForJob", "job-1")),
    (Command(C, WaitForRecording("s-1", seconds(5))), Line(APP, ME, "WaitForRecording", "s-1")),
    (
        Command(C, Download("stream-1", RecordingFile.EVENTS, seconds(5))),
        Line(APP, ME, "Download", "events of stream-1"),
    ),
    (o.Completed(C, "stream-1"), Line(ME, APP, "command done", "stream-1", GOOD)),
    (o.Completed(C, {"token": "x"}), Line(ME, APP, "command done", "", GOOD)),
    (o.Failed(C, LOST), Line(ME, APP, "command failed", f"{LOST.name}: it broke", BAD)),
    (o.Request(X, REQUEST), Line(ME, API, "GET /regions", "api.example")),
    (o.Preconnect("https://r.example/ping", 2), Line(ME, API, "connects ahead", "r.example", QUIET)),
    (o.CancelRequest(X), Line(ME, API, "gives up", "", BAD)),
    (i.Replied(X, HttpReply(200, (), b"{}")), Line(API, ME, "200", "2 bytes")),
    (i.Replied(X, HttpReply(503)), Line(API, ME, "503", "0 bytes", BAD)),
    (
        i.ExchangeFailed(X, TransportError(TransportErrorKind.REFUSED)),
        Line(API, ME, "no reply", TransportErrorKind.REFUSED.value, BAD),
    ),
    (o.Progressed(C, DownloadProgress(5, None)), Line(ME, APP, "command goes on", "5 of unknown", QUIET)),
    (o.Progressed(C, DownloadProgress(5, 9)), Line(ME, APP, "command goes on", "5 of 9 bytes", QUIET)),
    (o.Progressed(C, JOB), Line(ME, APP, "command goes on", "pending", QUIET)),
    (o.Progressed(C, {"token": "x"}), Line(ME, APP, "command goes on", "", QUIET)),
    (o.Fetch(F, C, Secret("https://a.example/x?signed"), (), 9), Line(ME, API, "GET a file")),
    (o.Fetch(F, C, Secret("https://a.example/x"), RANGE, 9), Line(ME, API, "GET a file", "bytes=5-")),
    (o.StoreBody(F, FileVersion(None, None)), Line(ME, ME, "stores the file", "all of it")),
    (o.StoreBody(F, None), Line(ME, ME, "stores the file", "the rest of it")),
    (o.CancelFetch(F), Line(ME, API, "gives up the file", "", BAD)),
    (i.FetchOpened(F, HttpReply(200)), Line(API, ME, "200 a file")),
    (i.FetchOpened(F, HttpReply(403)), Line(API, ME, "403 a file", "", BAD)),
    (i.FetchedBytes(F, 7), Line(API, ME, "a part of the file", "7 bytes", QUIET)),
    (i.FetchEnded(F), Line(API, ME, "file whole", "", GOOD)),
    (
        i.FetchFailed(F, TransportError(TransportErrorKind.CLOSED)),
        Line(API, ME, "file broken off", TransportErrorKind.CLOSED.value, BAD),
    ),
    (o.OpenSocket(S, "wss://a.example/x?y"), Line(ME, WS, "opens the WebSocket", "wss://a.example/x")),
    (o.SendText(S, '{"type": "keepalive"}'), Line(ME, WS, "keepalive", "", QUIET)),
    (o.SendText(S, '{"type": "answer", "sdp": "v=0"}'), Line(ME, WS, "answer", "sdp (3 characters)")),
    (o.CloseSocket(S, 1000, "bye"), Line(ME, WS, "closes the WebSocket", "1000 bye")),
    (o.PingSocket(S), Line(ME, WS, "ping", "", QUIET)),
    (i.SocketAnswered(S), Line(WS, ME, "pong", "", QUIET)),
    (o.DropSocket(S), Line(ME, WS, "drops the WebSocket")),
    (i.SocketOpened(S), Line(WS, ME, "WebSocket open", "", GOOD)),
    (i.SocketRefused(S, HttpReply(403)), Line(WS, ME, "WebSocket refused", "403", BAD)),
    (i.SocketText(S, '{"type": "error", "reason": "x"}'), Line(WS, ME, "error", "reason x", BAD)),
    (i.SocketText(S, "not JSON"), Line(WS, ME, "text", "not JSON")),
    (i.SocketText(S, "[1]"), Line(WS, ME, "text", "[1]")),
    (i.SocketText(S, '{"a": [1], "b": true}'), Line(WS, ME, "message", "a …, b True")),
    (i.SocketClosed(S, 1000), Line(WS, ME, "WebSocket closed", "1000")),
    (i.SocketClosed(S, 1006), Line(WS, ME, "WebSocket closed", "1006", BAD)),
    (o.ChannelSend(P, "clientToStreamer", '{"type": "update"}'), Line(ME, PEER, "update")),
    (
        i.ChannelText(P, "streamerToClient", '{"type": "interactive_stream_error"}'),
        Line(PEER, ME, "interactive_stream_error", "", BAD),
    ),
    (i.PeerStateChanged(P, PeerState.CONNECTED), Line(PEER, ME, "peer connected", "", GOOD)),
    (i.PeerStateChanged(P, PeerState.CLOSED), Line(PEER, ME, "peer closed")),
    (
        i.PeerFailed(P, TransportError(TransportErrorKind.SILENT)),
        Line(PEER, ME, "peer broke", TransportErrorKind.SILENT.value, BAD),
    ),
    (i.TrackUp(P, MediaKind.VIDEO), Line(PEER, ME, "video track up", "", GOOD)),
    (i.TrackDown(P, MediaKind.AUDIO), Line(PEER, ME, "audio track down")),
    (i.ChannelUp(P, "label", 9), Line(PEER, ME, "channel open", "label, 9 bytes a message", GOOD)),
    (i.ChannelUnreadable(P, "label", 3), Line(PEER, ME, "what is no text", "label, 3 bytes", BAD)),
    (i.ChannelDown(P, "label"), Line(PEER, ME, "channel closed", "label")),
    (i.MediaSeen(P, 7), Line(PEER, ME, "frames", "7 so far", QUIET)),
    (o.AskKeyframe(P), Line(ME, PEER, "asks for a keyframe")),
    (o.DropPeer(P), Line(ME, PEER, "drops the peer")),
    (i.LocalDescription(P, SdpKind.ANSWER, "v=0"), Line(ME, ME, "answer described", "3 characters")),
    (o.MakePeer(P, IceConfig()), Line(ME, ME, "makes a peer", "0 ICE servers")),
    (o.SetRemote(P, SdpKind.OFFER, "v=0"), Line(ME, ME, "takes the offer", "3 characters")),
    (o.MakeAnswer(P), Line(ME, ME, "makes an answer")),
    (o.MakeOffer(P), Line(ME, ME, "makes an offer")),
    (
        o.AddCandidate(P, IceCandidate("candidate:1")),
        Line(ME, ME, "takes a candidate", "candidate:1"),
    ),
    (o.AddCandidate(P, None), Line(ME, ME, "takes a candidate", "no more candidates")),
    (seam.Asked(X, REQUEST), Line(API, ME, "GET /regions")),
    (seam.SocketAsked(S, REQUEST), Line(WS, ME, "GET /regions")),
    (seam.Answer(X, HttpReply(404)), Line(ME, API, "404", "0 bytes", BAD)),
    (seam.RefuseSocket(S, HttpReply(403)), Line(ME, WS, "403", "0 bytes", BAD)),
    (seam.AcceptSocket(S), Line(ME, WS, "accepts the WebSocket", "", GOOD)),
    (seam.AskerGone(X), Line(API, ME, "asker gone")),
    (seam.Show(P, None), Line(ME, PEER, "shows", "the idle picture")),
    (seam.Show(P, Scene("s", ("A cat", "Pet it"), True)), Line(ME, PEER, "shows", "Pet it")),
    (seam.Show(P, Scene("s", (), True)), Line(ME, PEER, "shows", "a picture")),
    (seam.Noted("a note"), Line(ME, ME, "a note", "", QUIET)),
    (seam.Discard("s"), Line(ME, ME, "discard")),
    (o.Happened(e.StatusChanged(ConnectionStatus.FAILED, "x")), Line(ME, APP, "status: failed", "x", BAD)),
    (o.Happened(e.Connected("s-1")), Line(ME, APP, "connected", "session s-1", GOOD)),
    (o.Happened(e.Disconnected()), Line(ME, APP, "disconnected")),
    (o.Happened(e.Disconnected(LOST)), Line(ME, APP, "disconnected", f"{LOST.name}: it broke", BAD)),
    (o.Happened(e.StreamStarted("s", "")), Line(ME, APP, "stream started", "s", GOOD)),
    (o.Happened(e.StreamEnded()), Line(ME, APP, "stream ended")),
    (o.Happened(e.InteractAcknowledged("p")), Line(ME, APP, "prompt applied", "p", GOOD)),
    (o.Happened(e.StreamFailed("r", "m", LOST)), Line(ME, APP, "stream failed", "r: m", BAD)),
    (o.Happened(e.FramesStalled(3)), Line(ME, APP, "frames stalled", "after 3", BAD)),
    (
        o.Happened(e.FramesStalled(3, e.StallReason.NOT_DECODED)),
        Line(ME, APP, "frames stalled", "after 3, those that come are not decoded", BAD),
    ),
    (o.Happened(e.FramesResumed(3)), Line(ME, APP, "frames again", "after 3", GOOD)),
    (
        o.Happened(e.QualityChanged(LimitingFactor.LOSS)),
        Line(ME, APP, "video quality", "limited by loss", BAD),
    ),
    (o.Happened(e.QualityChanged(None)), Line(ME, APP, "video quality", "nothing limits it", GOOD)),
    (o.Happened(e.ErrorHappened(LOST, fatal=True)), Line(ME, APP, "error", f"{LOST.name}: it broke", BAD)),
    (
        o.Happened(e.LimitApproaching(e.DurationLimit.STREAM, 14.6)),
        Line(ME, APP, "stream ends soon", "in 15 s"),
    ),
    (
        o.Happened(e.Reconnecting(LOST, 2, 1.46)),
        Line(ME, APP, "attempt 2 in 1.5 s", f"{LOST.name}: it broke", BAD),
    ),
    (
        o.Happened(e.Restored("s-2", "st-2", 2, 3.2)),
        Line(ME, APP, "restored after 3.2 s", "session s-2", GOOD),
    ),
    (o.Happened(e.Renewed("s-2", None)), Line(ME, APP, "renewed ahead of a limit", "session s-2", GOOD)),
    (o.ShowPeer(PeerId(2)), Line(ME, APP, "shows another peer")),
]


@pytest.mark.parametrize(("value", "line"), CASES, ids=lambda part: type(part).__name__)
def test_a_record_in_words(value: Any, line: Line) -> None:
    assert in_words(Record(0, Instant(0), "input", name_of(value), value)) == line


def test_an_answer_names_what_was_asked() -> None:
    def answer(value: Any) -> str:
        return in_words(Record(0, Instant(0), "input", name_of(value), value), "GET /regions").title

    assert answer(i.Replied(X, HttpReply(200))) == "200 GET /regions"
    assert answer(i.ExchangeFailed(X, TransportError(TransportErrorKind.CLOSED))) == "no reply GET /regions"
    assert answer(o.Completed(C)) == "GET /regions done"


def test_waits_and_wakes() -> None:
    def line(kind: str, value: Any, asked: str = "") -> Line:
        return in_words(Record(0, Instant(500_000), kind, "name", value), asked)

    assert line("deadline", DEADLINE) == Line(ME, ME, "waits: KEEPALIVE", "for 1.000 s", QUIET)
    assert line("deadline", None) == Line(ME, ME, "waits for nothing", "", QUIET)
    assert line("input", i.Wake(), "waits: KEEPALIVE").title == "wakes: KEEPALIVE"
    assert line("input", i.Wake()).title == "wakes"
    refused = Failure(FailureKind.STATE, "not connected", code="state.not_connected")
    expected = Line(ME, APP, "name refused", "state.not_connected: not connected", BAD)
    assert line("refused", refused) == expected


def test_words_fit_in_a_line() -> None:
    assert short("a\nb") == "a b"
    assert len(short("a" * 1000)) == MAX_LINE_CHARS
    assert message_words('{"type": "' + "x" * 1000 + '"}')[0].endswith("…")


def test_what_is_secret_in_a_message_is_only_counted() -> None:
    assert (
        message_words('{"type": "broadcast_ready", "spectator_token": "hush"}')[1]
        == "spectator_token (4 characters)"
    )


@pytest.mark.parametrize(("url", "path"), [("https://a/b?c", "/b"), ("https://a", "/"), ("http://[", "/")])
def test_the_path_of_an_address(url: str, path: str) -> None:
    assert path_of(url) == path


# --- a service's side -----------------------------------------------------------------------------


def served() -> Trace:
    """Returns the trace of a service during a whole session."""
    settings = ServiceSettings(ServiceConfig(), b"service", SETTINGS.wall)
    buffer = TraceBuffer(Header(settings))
    service = Recorder(Service(settings.config, settings.seed, settings.wall), buffer.after, buffer.before)
    good_session(World(Client(SETTINGS), service))
    return buffer.trace()


def test_a_service_has_its_story_too() -> None:
    entries = story(served()).entries
    answers = [entry for entry in entries if entry.record.name == "Answer"]
    assert answers
    for entry in answers:
        assert entry.tie.answers is not None
        assert entries[entry.tie.answers].record.name == "Asked"
    (accepted,) = [entry for entry in entries if entry.record.name == "AcceptSocket"]
    assert accepted.tie.answers is not None
    assert entries[accepted.tie.answers].record.name == "SocketAsked"
    (described,) = [entry for entry in entries if entry.record.name == "LocalDescription"]
    assert described.tie.answers is not None
    assert entries[described.tie.answers].line.title == "makes an offer"
    assert story(served()).connect_paths == ()


def test_an_abandoned_call_follows_from_the_call() -> None:
    steps = (
        Step(Instant(0), Command(CommandId(1), Connect())),
        Step(Instant(5), Command(CommandId(2), Abandon(CommandId(1)))),
        Step(Instant(6), i.MediaSeen(PeerId(9), 1)),
    )
    shown = story(Trace(Header(SETTINGS), steps))
    assert [entry.tie.cause for entry in shown.entries] == [None, 0, None]
    assert [wait.span.name for wait in shown.waits] == ["Connect"]
