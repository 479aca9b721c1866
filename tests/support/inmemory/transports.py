"""The three transports of a driver, in memory: requests, sockets and media of a `World`."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
from attrs import evolve

from inmemory.world import World
from odyssey_anyio.media.delivery import FrameFanout, FrameStream, Policy
from odyssey_anyio.net.transports import Outbox
from odyssey_proto.conversations import Side
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import stream
from odyssey_proto.messages.stream import FROM_STREAMER
from odyssey_proto.seam.http import Headers, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import (
    ABNORMAL_CLOSURE,
    ChannelText,
    MediaInput,
    PeerId,
    PeerState,
    PeerStateChanged,
    SocketClosed,
    SocketId,
    SocketInput,
    SocketOpened,
    SocketRefused,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import ChannelSend, DropPeer, MakePeer, MediaOutput, OpenSocket, SendText
from odyssey_proto.service.io.seam import AcceptSocket, RefuseSocket
from odyssey_trio_compat import call_soon


class Fetched:
    """A file in memory, on its way in pieces."""

    def __init__(self, data: bytes | None) -> None:
        headers = () if data is None else (("content-length", str(len(data))),)
        self.head = HttpReply(404 if data is None else 200, headers)
        self._left = data or b""

    async def receive(self) -> bytes:
        await anyio.lowlevel.checkpoint()
        piece, self._left = self._left[:10], self._left[10:]
        return piece


class Exchanges:
    """HTTP in memory."""

    uses_only_anyio = True

    def __init__(self, world: World) -> None:
        self._world = world

    async def exchange(self, request: HttpRequest) -> HttpReply:
        path = "/" + request.url.split("/", 3)[3]
        self._world.asked[path] += 1
        self._world.bodies.append(request.content())
        await anyio.lowlevel.checkpoint()
        await self._world.stall(path)
        return self._world.ask(request)

    @asynccontextmanager
    async def fetch(self, url: Secret, headers: Headers, accepts: int) -> AsyncIterator[Fetched]:
        self._world.fetching += 1
        try:
            await anyio.lowlevel.checkpoint()
            yield Fetched(self._world.files.get(url.reveal()))
        finally:
            self._world.fetching -= 1

    async def aclose(self) -> None:
        self._world.closed["exchanges"] += 1


class Socket:
    """One WebSocket: the client knows it by one name, the service by another."""

    def __init__(self, name: SocketId, deliver: Callable[[SocketInput], None]) -> None:
        self.name = name
        self.outer = name
        self.deliver = deliver
        self.scope = anyio.CancelScope()
        self.over = False

    def shaken(self, output: AcceptSocket | RefuseSocket) -> None:
        """The service has answered the handshake."""
        if isinstance(output, AcceptSocket):
            self.deliver(SocketOpened(self.name))
        else:
            self.over = True
            self.deliver(SocketRefused(self.name, output.reply))

    def end(self, code: int, reason: str = "") -> None:
        """The other side is gone."""
        if not self.over:
            self.over = True
            error = TransportError(TransportErrorKind.CLOSED) if code == ABNORMAL_CLOSURE else None
            self.deliver(SocketClosed(self.name, code, reason, error))
            self.scope.cancel()


class Sockets:
    """WebSockets in memory."""

    uses_only_anyio = True

    def __init__(self, world: World) -> None:
        self._world = world

    async def run(self, order: OpenSocket, outbox: Outbox, deliver: Callable[[SocketInput], None]) -> None:
        world = self._world
        socket = Socket(order.socket, deliver)
        world.open += 1
        try:
            await anyio.lowlevel.checkpoint()
            await world.stall("socket")
            world.shake_hands(socket, order.url, order.query)
            with socket.scope:
                await self._carry(socket, outbox)
        finally:
            world.open -= 1
            world.socket_gone(socket, ABNORMAL_CLOSURE)

    async def _carry(self, socket: Socket, outbox: Outbox) -> None:
        """Takes to the service what the client says, and wakes the service when it wants to be."""
        while not socket.over:
            item = None
            with anyio.move_on_after(self._world.due_in):
                item = await outbox.take()
            if item is None:
                self._world.wake()
            elif isinstance(item, SendText):
                self._world.take_text(socket, item.text)
            else:
                await self._world.stall("close")
                self._world.socket_gone(socket, item.code, item.reason)
                socket.over = True
                socket.deliver(SocketClosed(socket.name, item.code, item.reason))


class Engine:
    """Media in memory; a client's peers have other names outside, where other clients have theirs."""

    uses_only_anyio = True

    def __init__(self, world: World) -> None:
        self._world = world
        self._fanouts: dict[PeerId, FrameFanout] = {}
        self._outer: dict[PeerId, PeerId] = {}
        self.fanout = FrameFanout()
        self.peer: PeerId | None = None
        self.muted = False

    @property
    def present_peer(self) -> PeerId:
        assert self.peer is not None
        return self.peer

    async def start(self, deliver: Callable[[MediaInput], None]) -> None:
        await anyio.lowlevel.checkpoint()
        if "media" in self._world.silent:
            raise RuntimeError("no media here")
        self._deliver = deliver
        self._ring = call_soon()

    def order(self, order: MediaOutput) -> None:
        match order:
            case MakePeer(peer):
                self.peer = peer
                self.fanout = self._fanouts[peer] = FrameFanout()
                self._outer[peer] = self._world.peer(self)
            case ChannelSend(peer, label, text) if not self._world.take_channel_text(peer, label, text):
                return
            case DropPeer(peer):
                self._world.received.append("DropPeer")
                self._fanouts.pop(peer).end()
        outer = evolve(order, peer=self._outer[order.peer])
        self._world.deliver(self._world.media.order(Side.CLIENT, outer))

    def sent(self, inp: ChannelText) -> list[tuple[Side, Any]]:
        """Returns what arrives at the service if the client sends this."""
        order = ChannelSend(self._outer[inp.peer], inp.label, inp.text)
        return self._world.media.order(Side.CLIENT, order)

    def hand(self, notice: Any) -> None:
        """Reports something of a peer, by the name that its client knows."""
        inner = next((peer for peer, outer in self._outer.items() if outer == notice.peer), None)
        if inner is not None and not self.muted:
            self._deliver(evolve(notice, peer=inner))

    def say(self, message: stream.StreamMessage) -> None:
        self._deliver(ChannelText(self.present_peer, FROM_STREAMER, stream.encode(message)))

    def move(self, state: PeerState) -> None:
        self._deliver(PeerStateChanged(self.present_peer, state))

    def frames(self, peer: PeerId, policy: Policy) -> FrameStream:
        return self._fanouts[peer].open(policy, self._ring)

    async def aclose(self) -> None:
        self._world.closed["media"] += 1
        for fanout in self._fanouts.values():
            fanout.end()
