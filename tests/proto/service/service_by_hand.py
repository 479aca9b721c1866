"""A service whose whole outside is the test, held to what it owes at every step."""

import json
from collections import Counter
from itertools import count
from typing import Any

from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import (
    ChannelText,
    ChannelUp,
    LocalDescription,
    MediaInput,
    PeerId,
    SdpKind,
    SocketClosed,
    SocketId,
    SocketText,
    Wake,
)
from odyssey_proto.seam.outputs import (
    AddCandidate,
    ChannelSend,
    CloseSocket,
    DropPeer,
    DropSocket,
    MakeOffer,
    MakePeer,
    SendText,
    SetRemote,
)
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.seam import (
    AcceptSocket,
    Answer,
    Asked,
    Mirror,
    Noted,
    RefuseSocket,
    SendFile,
    Show,
    SocketAsked,
)
from odyssey_proto.service.service import Service
from odyssey_proto.testing.fake_media import describe

KEY = "ody_secret_key"
SDP = describe("test")


class ServiceByHand:
    """A service, and a world that holds it to its laws at every step."""

    def __init__(self, seed: bytes = b"guest", wall: int = 0, /, **config: Any) -> None:
        self.service = Service(ServiceConfig(**config), seed=seed, wall=wall)
        self.now = Instant(0)
        self.answered: Counter[ExchangeId] = Counter()
        self.asked: Counter[ExchangeId] = Counter()
        self.sockets: set[SocketId] = set()
        self.peers: set[PeerId] = set()
        self.notes: list[str] = []
        self.secrets: set[str] = {KEY}
        self.access = ""
        self._names = count(1)

    # --- what it says ---------------------------------------------------------------------------

    def step(self, inp: Any) -> list[Any]:
        if isinstance(inp, SocketClosed):
            self.sockets.discard(inp.socket)
        if isinstance(inp, Asked):
            self.asked[inp.exchange] += 1
        outputs = self.service.step(self.now, inp)
        deadline = self.service.deadline
        assert deadline is None or deadline.at > self.now, "no busy loop"
        for output in outputs:
            self._note(output)
        return outputs

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> HttpReply | None:
        """Asks, with the access token if there is one, and returns the reply if there is one."""
        authorization = {"authorization": f"Bearer {self.access}"} if self.access else {}
        said = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        request = HttpRequest(
            method,
            path,
            tuple((query or {}).items()),
            tuple((authorization | (headers or {})).items()),
            said,
        )
        outputs = self.step(Asked(ExchangeId(next(self._names)), request))
        return next((output.reply for output in outputs if isinstance(output, Answer)), None)

    def reply(self, method: str, path: str, body: Any = None, **more: Any) -> HttpReply:
        found = self.ask(method, path, body, **more)
        assert found is not None
        return found

    def enter(self, key: str = KEY) -> HttpReply:
        """Exchanges a key for an access token, and keeps it."""
        reply = self.reply("POST", "/auth/token", {"api_key": key})
        if reply.status == 200:
            self.access = json.loads(reply.body)["access_token"]
            self.secrets.add(self.access)
        return reply

    def grant(self) -> dict[str, Any]:
        """Returns the body of a granted session."""
        reply = self.reply("POST", "/sessions/request", {})
        assert reply.status == 200
        return dict(json.loads(reply.body))

    def token(self, session_id: str) -> str:
        reply = self.reply("POST", "/sessions/token", {"session_id": session_id})
        assert reply.status == 200
        token = str(json.loads(reply.body)["session_token"])
        self.secrets.add(token)
        return token

    def knock(self, session_id: str, token: str | None) -> tuple[SocketId, list[Any]]:
        """Opens a WebSocket, as far as the service lets it."""
        name = SocketId(next(self._names))
        query = () if token is None else (("token", token),)
        return name, self.step(SocketAsked(name, HttpRequest("GET", f"/client/{session_id}", query)))

    def joined(self) -> "Host":
        """Goes from nothing to an open WebSocket on which everything is still to be said."""
        if not self.access:
            self.enter()
        session_id = self.grant()["session_id"]
        socket, outputs = self.knock(session_id, self.token(session_id))
        return Host(self, session_id, socket, outputs)

    def ready(self) -> "Host":
        """Goes on until both data channels are open."""
        host = self.joined()
        host.negotiate()
        return host

    def wait(self, span: float) -> list[Any]:
        """Lets time pass, in seconds, and wakes the service when it wants to be."""
        ends = Instant(self.now + seconds(span))
        outputs: list[Any] = []
        while (deadline := self.service.deadline) is not None and deadline.at <= ends:
            self.now = deadline.at
            outputs += self.step(Wake())
        self.now = ends
        return outputs

    def finish(self) -> None:
        """Lets time pass until nothing waits: nothing may be left then."""
        for _ in range(500):
            deadline = self.service.deadline
            if deadline is None:
                break
            self.now = deadline.at
            self.step(Wake())
        assert self.service.deadline is None
        assert not self.sockets, "every socket is closed in the end"
        assert not self.peers, "every peer is dropped in the end"
        assert self.service.step(self.now, Wake()) == []

    # --- what it remembers ----------------------------------------------------------------------

    def _note(self, output: Any) -> None:
        match output:
            case Answer(exchange) | SendFile(exchange):
                self.answered[exchange] += 1
                assert self.answered[exchange] <= self.asked[exchange], "one answer each"
            case AcceptSocket(socket):
                self.sockets.add(socket)
            case SendText(socket):
                assert socket in self.sockets, "says something on a socket that is not open"
            case CloseSocket(socket) | DropSocket(socket):
                assert socket in self.sockets or socket not in self.service._clients
                self.sockets.discard(socket)
            case MakePeer(peer):
                assert peer not in self.peers
                self.peers.add(peer)
            case DropPeer(peer):
                self.peers.remove(peer)
            case MakeOffer(peer) | SetRemote(peer) | AddCandidate(peer) | ChannelSend(peer) | Show(peer):
                assert peer in self.peers, "an order for a peer that is not there"
            case Noted(what):
                self.notes.append(what)
                assert what.isprintable()
                assert not any(secret in what for secret in self.secrets)
            case Mirror(_, of):
                assert of in self.peers
            case RefuseSocket():
                pass


class Host:
    """One client's end of a session that the service let in."""

    def __init__(self, guest: ServiceByHand, session_id: str, socket: SocketId, began: list[Any]) -> None:
        self.guest = guest
        self.session_id = session_id
        self.socket = socket
        self.began = began

    @property
    def peer(self) -> PeerId:
        return max(self.guest.peers)

    def negotiate(self) -> list[Any]:
        outputs = self.notices(LocalDescription(self.peer, SdpKind.OFFER, SDP))
        outputs += self.signals(signaling.Answer(SDP))
        for label in (TO_STREAMER, FROM_STREAMER):
            outputs += self.notices(ChannelUp(self.peer, label, 65536))
        return outputs

    def notices(self, notice: MediaInput) -> list[Any]:
        return self.guest.step(notice)

    def signals(self, message: signaling.SignalingMessage | str) -> list[Any]:
        text = message if isinstance(message, str) else signaling.encode(message)
        return self.guest.step(SocketText(self.socket, text))

    def streams(self, message: stream.StreamMessage | str) -> list[Any]:
        text = message if isinstance(message, str) else stream.encode(message)
        return self.guest.step(ChannelText(self.peer, TO_STREAMER, text))


def signaled(outputs: list[Any]) -> list[signaling.SignalingMessage]:
    """Returns what was said on the WebSocket."""
    return [signaling.decode(output.text) for output in outputs if isinstance(output, SendText)]


def streamed(outputs: list[Any]) -> list[stream.StreamMessage]:
    """Returns what was said on the data channel, which must be the right one."""
    sends = [output for output in outputs if isinstance(output, ChannelSend)]
    assert all(send.label == FROM_STREAMER for send in sends)
    return [stream.decode(send.text) for send in sends]


def closes(outputs: list[Any]) -> list[tuple[int, str]]:
    """Returns the codes and reasons of the closes."""
    return [(output.code, output.reason) for output in outputs if isinstance(output, CloseSocket)]


def detail(reply: HttpReply) -> Any:
    return json.loads(reply.body)["detail"]
