"""A server that behaves until it is to speak up, and then repeats every secret that the client has used."""

import base64
import json
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from attrs import frozen

from odyssey_proto.client.client import Client
from odyssey_proto.client.spectator import Spectator
from odyssey_proto.kernel.failures import Failure, LocalProtocolError
from odyssey_proto.kernel.introspection import fields_of
from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.messages.token import sign
from odyssey_proto.messages.whep import WHEP_OFFER, WhepAnswer
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Command, CommandId
from odyssey_proto.seam.http import HttpReply, HttpRequest, json_reply
from odyssey_proto.seam.settings import Settings, SpectatorSettings
from odyssey_proto.testing.fake_media import describe

SDP = describe("hostile")
API_KEY = "ody_live-4c1e9a7b"
ACCESS = "access-token/9f8e+7d=="
SESSION = sign({"session_id": "s1", "canary": "session-canary"}, b"key")
TURN = ("1767225600:turn-user", "turn-credential-5f1d")
SPECTATOR = "spectator-token-77aa"
SIGNATURE = "c2lnbmF0dXJl-presigned-0123"
PRESIGNED = f"https://files.example/v.mp4?X-Amz-Expires=3600&X-Amz-Signature={SIGNATURE}"
SECRETS = (API_KEY, ACCESS, SESSION, TURN[1], SPECTATOR, SIGNATURE)
"""Everything that must never be repeated."""

FORMS = (
    str,
    lambda text: quote(text, safe=""),
    lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    lambda text: base64.b64encode(f"user:{text}".encode()).decode(),
)

_GOOD = {
    "/auth/token": json_reply({"access_token": ACCESS, "expires_in": 3600}),
    "/regions": json_reply({"regions": []}),
    "/sessions/request": json_reply(
        {"session_id": "s1", "signalling_url": "wss://sig.example", "capabilities": {}}
    ),
    "/sessions/token": json_reply({"session_token": SESSION, "expires_in": 600}),
    "/config": json_reply(
        {"iceServers": [{"urls": "turn:turn.example", "username": TURN[0], "credential": TURN[1]}]}
    ),
    "/recordings/stream-1": json_reply({"stream_id": "stream-1", "video_url": PRESIGNED}),
    "/live/s/whep": WHEP_OFFER.encode_reply(WhepAnswer(SDP, "/live/s/whep/r1")),
}

SETTINGS = Settings(api_url="https://api.example", api_key=Secret(API_KEY), seed=b"hostile")
WATCHING = SpectatorSettings(webrtc_url="https://media.example/live/s", token=Secret(SPECTATOR))


@frozen
class Speech:
    """Where the server speaks up, and in which form it repeats what it knows."""

    after: int
    """How many of its answers are good before that."""
    status: int
    shape: str
    form: int
    close: int


def _body(speech: Speech, words: str, one: str) -> bytes:
    """Returns what refuses a request, in one of the documented shapes or in none."""
    limit = {"error": one, "message": words, "action": words, "action_url": words, "details": {one: words}}
    bodies: dict[str, Any] = {
        "detail": {"detail": words},
        "schema": {"detail": [{"loc": ["body", one], "msg": words, "input": words}]},
        "object": {"detail": {one: words}},
        "limit": {"detail": limit},
        "bare limit": {**limit, "error": "ACCOUNT_SUSPENDED"},
        "job": {"job_id": "job-1", "status": "failed", "created_at": "now", "error_message": words},
    }
    return words.encode() if speech.shape == "text" else json.dumps(bodies[speech.shape]).encode()


SHAPES = ("text", "detail", "schema", "object", "limit", "bare limit", "job")


class HostileServer:
    """Runs one machine against the server; `given` is everything that the application is given."""

    def __init__(self, machine: Client | Spectator, speech: Speech) -> None:
        self.machine = machine
        self.given: list[Any] = []
        self.good = dict(_GOOD)
        """What it answers before it speaks up, by path."""
        self._speech = speech
        self._left = speech.after
        self.used: list[str] = []
        """The secrets that the client has used, and so must know."""
        self._names = iter(range(1, 1000))
        self._waiting: list[Any] = []
        self.now = Instant(0)

    def does(self, *commands: Any) -> None:
        """Gives commands one after the other, and lets time pass until nothing waits after each."""
        for what in commands:
            with suppress(LocalProtocolError):  # what is over takes no more commands
                self._step(Command(CommandId(next(self._names)), what))
            for _ in range(60):
                while self._waiting:
                    self._step(self._waiting.pop(0))
                if self.machine.deadline is None or self.now > seconds(300):
                    break
                self.now = self.machine.deadline.at
                self._step(i.Wake())

    def _step(self, inp: Any) -> None:
        outputs = self.machine.step(self.now, inp)
        opened = _opened(outputs)
        self.used += [secret for secret in SECRETS if secret in opened and secret not in self.used]
        for output in outputs:
            if isinstance(output, o.Happened | o.Failed | o.Completed):
                self.given.append(output)
            else:
                self._waiting += self._answers(output)

    def _speaks(self) -> bool:
        self._left -= 1
        return self._left < 0

    def _said(self, at: int) -> str:
        return FORMS[self._speech.form](self.used[at % len(self.used)]) if self.used else ""

    def _words(self) -> str:
        return " ".join(["no", *(FORMS[self._speech.form](secret) for secret in self.used), "thanks"])

    def _refusal(self) -> bytes:
        return _body(self._speech, self._words(), self._said(self._speech.status))

    def _reply(self, request: HttpRequest) -> HttpReply:
        if self._speaks():
            return HttpReply(self._speech.status, (), self._refusal())
        path = "/" + request.url.split("://", 1)[1].partition("/")[2]
        return self.good.get(path, HttpReply(200, (), b"{}"))

    def _answers(self, output: Any) -> list[Any]:
        words = self._words()
        match output:
            case o.Request(exchange, request):
                return [i.Replied(exchange, self._reply(request))]
            case o.Fetch(fetch):
                return [i.FetchOpened(fetch, self._reply(HttpRequest("GET", "https://files.example/")))]
            case o.OpenSocket(socket) if self._speaks():
                return [i.SocketRefused(socket, HttpReply(403, (), self._refusal()))]
            case o.OpenSocket(socket):
                return [i.SocketOpened(socket), *self._offers(socket)]
            case o.MakePeer(peer):
                return [i.LocalDescription(peer, i.SdpKind.ANSWER, SDP), *self._up(peer)]
            case o.MakeOffer(peer):
                return [i.LocalDescription(peer, i.SdpKind.OFFER, SDP)]
            case o.SetRemote(peer, i.SdpKind.ANSWER):
                return self._up(peer)
            case o.ChannelSend(peer) if self._speaks():
                error = stream.InteractiveStreamError(words[: self._speech.status], words)
                return [i.ChannelText(peer, FROM_STREAMER, stream.encode(error))]
            case o.ChannelSend(peer):
                ready = stream.BroadcastReady("https://w.example/live/1", Secret(SPECTATOR), None)
                started = stream.StreamStarted("stream-1")
                return [i.ChannelText(peer, FROM_STREAMER, stream.encode(each)) for each in (started, ready)]
            case _:
                return []

    def _offers(self, socket: i.SocketId) -> list[Any]:
        if not self._speaks():
            return [i.SocketText(socket, signaling.encode(signaling.Offer(SDP)))]
        error, one = signaling.SignalingError(self._words()), self._said(self._speech.close)
        return [
            i.SocketText(socket, signaling.encode(error)),
            i.SocketClosed(socket, self._speech.close, f"bad token {one}"[:123]),
        ]

    def _up(self, peer: i.PeerId) -> list[Any]:
        return [
            i.PeerStateChanged(peer, i.PeerState.CONNECTED),
            i.TrackUp(peer, i.MediaKind.VIDEO),
            i.ChannelUp(peer, TO_STREAMER, 65536),
            i.ChannelUp(peer, FROM_STREAMER, 65536),
        ]


def _opened(value: Any) -> str:
    """Returns everything that is in a value, its secrets opened."""
    match value:
        case Secret():
            return value.reveal()
        case HttpRequest():
            return _opened((value.query, value.headers, value.content().decode()))
        case list() | tuple():
            return " ".join(map(_opened, value))
        case _ if fields := fields_of(type(value)):
            return _opened([getattr(value, field.name) for field in fields])
        case _:
            return str(value)


def failures_in(given: list[Any]) -> list[Failure]:
    """Returns each failure that the application is given of."""
    found: list[Failure] = []
    for output in given:
        inner = output.failure if isinstance(output, o.Failed) else getattr(output, "event", None)
        failure = inner if isinstance(inner, Failure) else getattr(inner, "failure", None)
        found += [failure] if isinstance(failure, Failure) else []
    return found
