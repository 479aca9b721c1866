"""What a record says to a reader: from whom to whom, what, and how it matters."""

from typing import Any

from odyssey.inspect.line import Actor, Line, Tone, counted, failed, message_words, path_of, short
from odyssey_proto.kernel.machine import Deadline
from odyssey_proto.model import events
from odyssey_proto.model.recordings import DownloadProgress, Recording
from odyssey_proto.model.simulations import SimulationJobDetail
from odyssey_proto.seam.commands import (
    Call,
    Command,
    Download,
    Interact,
    StartStream,
    WaitForJob,
    WaitForRecording,
)
from odyssey_proto.seam.inputs import (
    ChannelDown,
    ChannelText,
    ChannelUnreadable,
    ChannelUp,
    ExchangeFailed,
    FetchedBytes,
    FetchEnded,
    FetchFailed,
    FetchOpened,
    LocalDescription,
    MediaSeen,
    PeerFailed,
    PeerState,
    PeerStateChanged,
    Replied,
    SocketAnswered,
    SocketClosed,
    SocketOpened,
    SocketRefused,
    SocketText,
    TrackDown,
    TrackUp,
    Wake,
)
from odyssey_proto.seam.outputs import (
    AddCandidate,
    AskKeyframe,
    CancelFetch,
    CancelRequest,
    ChannelSend,
    CloseSocket,
    Completed,
    DropPeer,
    DropSocket,
    Failed,
    Fetch,
    Happened,
    MakeAnswer,
    MakeOffer,
    MakePeer,
    OpenSocket,
    PingSocket,
    Preconnect,
    Progressed,
    Request,
    SendText,
    SetRemote,
    ShowPeer,
    StoreBody,
)
from odyssey_proto.service.io import seam
from odyssey_proto.service.io.film import Scene
from odyssey_proto.trace.values import Record, name_of

_APP, _ME, _API, _WS, _PEER = Actor
_PLAIN, _GOOD, _BAD, _QUIET = Tone


def in_words(record: Record, asked: str = "") -> Line:
    """
    Returns a record in words, in which nothing secret stands.

    `asked` is the title of what the record answers, for those that do not say it themselves; for a
    wake that of the deadline.
    """
    match record.kind:
        case "refused":
            return Line(_ME, _APP, f"{record.name} refused", failed(record.value), _BAD)
        case "deadline":
            return _deadline(record)
        case _:
            return _spoken(record.value, asked)


def _deadline(record: Record) -> Line:
    match record.value:
        case Deadline(at, reason):
            return Line(_ME, _ME, f"waits: {reason.name}", f"for {(at - record.at) / 1e6:.3f} s", _QUIET)
        case _:
            return Line(_ME, _ME, "waits for nothing", "", _QUIET)


def _spoken(value: Any, asked: str) -> Line:
    match value:
        case Wake():
            return Line(_ME, _ME, asked.replace("waits", "wakes", 1) or "wakes", "", _QUIET)
        case Command(_, what):
            return Line(_APP, _ME, name_of(value), _wished(what))
        case Progressed(_, progress):
            return Line(_ME, _APP, f"{asked or 'command'} goes on", _progress(progress), _QUIET)
        case Completed(_, result):
            return Line(_ME, _APP, f"{asked or 'command'} done", _result(result), _GOOD)
        case Failed(_, failure):
            return Line(_ME, _APP, f"{asked or 'command'} failed", failed(failure), _BAD)
        case Happened(event):
            return _event(event)
        case Request() | CancelRequest() | Preconnect() | Replied() | ExchangeFailed():
            return _http(value, asked)
        case Fetch() | StoreBody() | CancelFetch() | FetchOpened() | FetchedBytes() | FetchEnded():
            return _file(value)
        case FetchFailed(_, error):
            return Line(_API, _ME, "file broken off", error.kind.value, _BAD)
        case OpenSocket() | SendText() | PingSocket() | CloseSocket() | DropSocket():
            return _to_socket(value)
        case SocketOpened() | SocketRefused() | SocketText() | SocketAnswered() | SocketClosed():
            return _from_socket(value)
        case _:
            return _media(value)


def _http(value: Any, asked: str) -> Line:
    match value:
        case Request(_, request):
            return Line(_ME, _API, short(f"{request.method} {path_of(request.url)}"), _host_of(request.url))
        case Preconnect(url):
            return Line(_ME, _API, "connects ahead", short(_host_of(url)), _QUIET)
        case CancelRequest():
            return Line(_ME, _API, f"gives up {asked}".rstrip(), "", _BAD)
        case Replied(_, reply):
            size = counted(len(reply.body), "byte")
            return Line(_API, _ME, f"{reply.status} {asked}".rstrip(), size, _PLAIN if reply.ok else _BAD)
        case _:
            return Line(_API, _ME, f"no reply {asked}".rstrip(), value.error.kind.value, _BAD)


def _file(value: Any) -> Line:
    match value:
        case Fetch(_, _, _, headers):
            wanted = next((str(text) for name, text in headers if name == "range"), "")
            return Line(_ME, _API, "GET a file", wanted)
        case StoreBody(_, restart):
            return Line(_ME, _ME, "stores the file", "the rest of it" if restart is None else "all of it")
        case CancelFetch():
            return Line(_ME, _API, "gives up the file", "", _BAD)
        case FetchOpened(_, head):
            return Line(_API, _ME, f"{head.status} a file", "", _PLAIN if head.ok else _BAD)
        case FetchedBytes(_, count):
            return Line(_API, _ME, "a part of the file", counted(count, "byte"), _QUIET)
        case _:
            return Line(_API, _ME, "file whole", "", _GOOD)


def _to_socket(value: Any) -> Line:
    match value:
        case OpenSocket(_, url):
            return Line(_ME, _WS, "opens the WebSocket", short(url.partition("?")[0]))
        case SendText(_, text):
            kind, rest = message_words(text)
            return Line(_ME, _WS, kind, rest, _QUIET if kind == "keepalive" else _PLAIN)
        case PingSocket():
            return Line(_ME, _WS, "ping", "", _QUIET)
        case CloseSocket(_, code, reason):
            return Line(_ME, _WS, "closes the WebSocket", short(f"{code} {reason}"))
        case _:
            return Line(_ME, _WS, "drops the WebSocket")


def _from_socket(value: Any) -> Line:
    match value:
        case SocketOpened():
            return Line(_WS, _ME, "WebSocket open", "", _GOOD)
        case SocketRefused(_, reply):
            return Line(_WS, _ME, "WebSocket refused", str(reply.status), _BAD)
        case SocketText(_, text):
            kind, rest = message_words(text)
            return Line(_WS, _ME, kind, rest, _BAD if kind == "error" else _PLAIN)
        case SocketAnswered():
            return Line(_WS, _ME, "pong", "", _QUIET)
        case _:
            words = f"{value.code} {value.reason}"
            return Line(_WS, _ME, "WebSocket closed", short(words), _PLAIN if value.code == 1000 else _BAD)


def _media(value: Any) -> Line:
    match value:
        case ChannelSend(_, _, text):
            return Line(_ME, _PEER, *message_words(text))
        case ChannelText(_, _, text):
            kind, rest = message_words(text)
            return Line(_PEER, _ME, kind, rest, _BAD if kind == "interactive_stream_error" else _PLAIN)
        case PeerStateChanged(_, state):
            return Line(_PEER, _ME, f"peer {state.value}", "", _PEER_TONES.get(state, _PLAIN))
        case PeerFailed(_, error):
            return Line(_PEER, _ME, "peer broke", error.kind.value, _BAD)
        case TrackUp(_, kind):
            return Line(_PEER, _ME, f"{kind.value} track up", "", _GOOD)
        case TrackDown(_, kind):
            return Line(_PEER, _ME, f"{kind.value} track down")
        case ChannelUp(_, label, most):
            return Line(_PEER, _ME, "channel open", short(f"{label}, {most} bytes a message"), _GOOD)
        case ChannelDown(_, label):
            return Line(_PEER, _ME, "channel closed", short(label))
        case ChannelUnreadable(_, label, size):
            return Line(_PEER, _ME, "what is no text", short(f"{label}, {size} bytes"), _BAD)
        case MediaSeen(_, received):
            return Line(_PEER, _ME, "frames", f"{received} so far", _QUIET)
        case AskKeyframe():
            return Line(_ME, _PEER, "asks for a keyframe")
        case DropPeer():
            return Line(_ME, _PEER, "drops the peer")
        case ShowPeer():
            return Line(_ME, _APP, "shows another peer")
        case LocalDescription() | MakePeer() | SetRemote() | MakeAnswer() | MakeOffer() | AddCandidate():
            return _engine(value)
        case _:
            return _served(value)


def _engine(value: Any) -> Line:
    """What passes between the machine and its own media engine."""
    match value:
        case LocalDescription(_, kind, sdp):
            return Line(_ME, _ME, f"{kind.value} described", counted(len(sdp), "character"))
        case MakePeer(_, ice):
            return Line(_ME, _ME, "makes a peer", counted(len(ice.servers), "ICE server"))
        case SetRemote(_, kind, sdp):
            return Line(_ME, _ME, f"takes the {kind.value}", counted(len(sdp), "character"))
        case AddCandidate(_, candidate):
            words = "no more candidates" if candidate is None else short(candidate.candidate)
            return Line(_ME, _ME, "takes a candidate", words)
        case _:
            return Line(_ME, _ME, f"makes an {'answer' if isinstance(value, MakeAnswer) else 'offer'}")


_PEER_TONES = {
    PeerState.CONNECTED: _GOOD,
    PeerState.DISCONNECTED: _BAD,
    PeerState.FAILED: _BAD,
    PeerState.NEW: _QUIET,
    PeerState.CONNECTING: _QUIET,
}


def _served(value: Any) -> Line:
    """What only a service receives and sends, and every order that stays inside."""
    match value:
        case seam.Asked(_, request) | seam.SocketAsked(_, request):
            lane = _API if isinstance(value, seam.Asked) else _WS
            return Line(lane, _ME, short(f"{request.method} {path_of(request.url)}"))
        case seam.Answer(_, reply) | seam.SendFile(_, reply) | seam.RefuseSocket(_, reply):
            lane = _WS if isinstance(value, seam.RefuseSocket) else _API
            tone = _PLAIN if reply.ok else _BAD
            return Line(_ME, lane, f"{reply.status}", counted(len(reply.body), "byte"), tone)
        case seam.AcceptSocket():
            return Line(_ME, _WS, "accepts the WebSocket", "", _GOOD)
        case seam.AskerGone():
            return Line(_API, _ME, "asker gone")
        case seam.Show(_, scene):
            return Line(_ME, _PEER, "shows", _scene(scene))
        case seam.Noted(what):
            return Line(_ME, _ME, short(what), "", _QUIET)
        case _:
            return Line(_ME, _ME, _worded(type(value).__name__))


def _scene(scene: Scene | None) -> str:
    return "the idle picture" if scene is None else short(scene.prompts[-1] if scene.prompts else "a picture")


def _event(event: Any) -> Line:
    match event:
        case events.StatusChanged(status, message):
            tone = _BAD if status.value == "failed" else _PLAIN
            return Line(_ME, _APP, f"status: {status.value}", short(message or ""), tone)
        case events.Connected(session):
            return Line(_ME, _APP, "connected", short(f"session {session}") if session else "", _GOOD)
        case events.Disconnected(failure):
            bad = failure is not None
            return Line(
                _ME, _APP, "disconnected", failed(failure) if failure else "", _BAD if bad else _PLAIN
            )
        case events.StreamStarted(stream, prompt):
            return Line(_ME, _APP, "stream started", short(prompt or stream), _GOOD)
        case events.InteractAcknowledged(prompt):
            return Line(_ME, _APP, "prompt applied", short(prompt), _GOOD)
        case events.StreamFailed(reason, message):
            return Line(_ME, _APP, "stream failed", short(f"{reason}: {message}"), _BAD)
        case events.FramesStalled(received, reason):
            why = "" if reason is events.StallReason.NO_FRAMES else ", those that come are not decoded"
            return Line(_ME, _APP, "frames stalled", f"after {received}{why}", _BAD)
        case events.FramesResumed(received):
            return Line(_ME, _APP, "frames again", f"after {received}", _GOOD)
        case events.QualityChanged(factor):
            limit = "nothing limits it" if factor is None else f"limited by {factor.value}"
            return Line(_ME, _APP, "video quality", limit, _GOOD if factor is None else _BAD)
        case events.ErrorHappened(failure):
            return Line(_ME, _APP, "error", failed(failure), _BAD)
        case events.LimitApproaching(limit, remaining):
            return Line(_ME, _APP, f"{limit.value} ends soon", f"in {remaining:.0f} s")
        case events.Reconnecting(cause, attempt, delay):
            return Line(_ME, _APP, f"attempt {attempt} in {delay:.1f} s", failed(cause), _BAD)
        case events.Restored(session, seconds=seconds):
            return Line(_ME, _APP, f"restored after {seconds:.1f} s", short(f"session {session}"), _GOOD)
        case events.Renewed(session):
            return Line(_ME, _APP, "renewed ahead of a limit", short(f"session {session}"), _GOOD)
        case _:
            return Line(_ME, _APP, _worded(type(event).__name__))


def _wished(what: Any) -> str:
    match what:
        case StartStream(prompt, portrait, image):
            shape = "portrait" if portrait else "landscape"
            return short(", ".join(filter(None, (shape, image and "with an image", prompt))))
        case Interact(prompt):
            return short(prompt)
        case Call(endpoint):
            return short(endpoint)
        case WaitForJob(name) | WaitForRecording(name):
            return short(name)
        case Download(stream_id, file):
            return short(f"{file} of {stream_id}")
        case _:
            return ""


def _progress(progress: Any) -> str:
    match progress:
        case DownloadProgress(received, total):
            return f"{received} of {'unknown' if total is None else counted(total, 'byte')}"
        case SimulationJobDetail(status=status):
            return status.value
        case Recording():
            return "ready" if progress.ready else "not ready"
        case _:
            return ""


def _result(result: Any) -> str:
    # Whatever else a result is, it is too long for a line, and some hold what is secret.
    return short(result) if isinstance(result, str) else ""


def _worded(name: str) -> str:
    """Returns the name of a class as words: `StreamEnded` is `stream ended`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


def _host_of(url: str) -> str:
    return url.split("://", 1)[-1].partition("/")[0]
