"""One WebRTC peer connection on aiortc: orders in, notices out, in the media loop."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, assert_never

from odyssey_anyio.media.delivery import FrameFanout
from odyssey_anyio.media.descriptions import candidate, description, max_message
from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.media.gathering import Gathering
from odyssey_anyio.media.servers import choices, configuration
from odyssey_anyio.media.weight import weigh
from odyssey_proto.seam.inputs import (
    ChannelDown,
    ChannelText,
    ChannelUp,
    LocalDescription,
    MediaInput,
    MediaKind,
    MediaSeen,
    PeerFailed,
    PeerState,
    PeerStateChanged,
    SdpKind,
    TrackDown,
    TrackUp,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import (
    AddCandidate,
    AskKeyframe,
    ChannelSend,
    DropPeer,
    MakeAnswer,
    MakeOffer,
    MakePeer,
    MediaOutput,
    SetRemote,
)

logger = logging.getLogger("odyssey.media")

MAX_BUFFERED = 16 * 1024 * 1024
"""The most bytes that may wait on a data channel before the peer counts as gone."""

MAX_WAITING = 64 * 1024 * 1024
"""The most bytes of orders that may wait while one is carried out before the peer counts as broken."""

MAX_EARLY = 256
"""The most candidates that may come before the description that they belong to."""

REPORT = 1.0
"""Frames are reported at most so often, in seconds."""

PAUSE = 0.2
"""The first frame after such a pause is reported at once, in seconds."""

_STATES = {state.value: state for state in PeerState}


class Peer:
    """
    Carries out the orders of one peer, one after another.

    Whatever aiortc raises becomes `PeerFailed`.
    """

    def __init__(
        self,
        order: MakePeer,
        deliver: Callable[[MediaInput], None],
        fanout: FrameFanout,
        video: Callable[[], Any] | None = None,
    ) -> None:
        self._name = order.peer
        self._order = order
        self._deliver = deliver
        self._fanout = fanout
        self._video = video
        self._orders: asyncio.Queue[MediaOutput] = asyncio.Queue()
        self._pc: Any = None
        self._channels: dict[str, Any] = {}
        self._remote: SetRemote | None = None
        self._waiting = 0
        self._early: list[AddCandidate] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._tries: list[Gathering] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._calls: set[asyncio.Task[Any]] = set()
        self._broken = False
        self._closed = False
        self._worker = asyncio.get_running_loop().create_task(self._work())

    def take(self, order: MediaOutput) -> None:
        """Has an order carried out after those before it; too many at once break the peer."""
        if self._broken:
            return
        self._waiting += weigh(order)
        if self._waiting > MAX_WAITING:
            self._break(TransportError(TransportErrorKind.TOO_LARGE))
        else:
            self._orders.put_nowait(order)

    async def aclose(self) -> None:
        """Closes the connection; nothing more is delivered."""
        self._closed = True
        self._worker.cancel()
        await asyncio.wait([self._worker, *self._calls])
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._fanout.end()
        while self._tries:
            self._retire(self._tries[0])
        # Cancelling this cancels them.
        await asyncio.gather(*self._closing, return_exceptions=True)

    # --- orders ---------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            order = await self._orders.get()
            self._waiting -= weigh(order)
            if self._broken:
                continue
            try:
                await self._carry_out(order)
            except Exception as error:
                logger.debug("peer %s broke", self._name, exc_info=error)
                self._break(
                    TransportError(_HOW.get(type(error), TransportErrorKind.INTERNAL), type(error).__name__)
                )

    async def _carry_out(self, order: MediaOutput) -> None:
        match order:
            case SetRemote():
                await self._set_remote(order)
            case MakeAnswer():
                await self._answer()
            case MakeOffer():
                await self._offer()
            case AddCandidate():
                await self._add(order)
            case ChannelSend(_, label, text):
                self._send(label, text)
            case AskKeyframe():
                await self._ask_keyframe()
            case MakePeer() | DropPeer():
                pass
            case _:
                assert_never(order)

    async def _set_remote(self, order: SetRemote) -> None:
        self._remote = order
        if order.kind is SdpKind.ANSWER:
            await self._whole(self._pc.setRemoteDescription(description(order)))
            await self._add_early(self._pc)

    async def _answer(self) -> None:
        remote = self._remote
        if remote is None:
            raise ValueError("no offer to answer")

        async def describe(pc: Any) -> Any:
            await pc.setRemoteDescription(description(remote))
            # Before the checks begin, and before it is said that there are no more.
            await self._add_early(pc)
            if self._order.sends and self._video is not None:
                pc.addTrack(self._video())
            for transceiver in pc.getTransceivers():
                if transceiver.kind == MediaKind.AUDIO.value:
                    # Nobody reads audio, and what nobody reads would pile up (media.md section 4).
                    transceiver.direction = "inactive"
            return await pc.createAnswer()

        await self._describe(describe, SdpKind.ANSWER)

    async def _offer(self) -> None:
        async def describe(pc: Any) -> Any:
            # The transceiver first: the other way round the two never connect.
            if self._order.sends and self._video is not None:
                pc.addTransceiver(self._video(), direction="sendonly")
            else:
                pc.addTransceiver(MediaKind.VIDEO.value, direction="recvonly")
            for label in self._order.channels:
                self._channel(pc.createDataChannel(label), pc)
            return await pc.createOffer()

        await self._describe(describe, SdpKind.OFFER)

    async def _describe(self, describe: Callable[[Any], Coroutine[Any, Any, Any]], kind: SdpKind) -> None:
        """Gathers within its time; a connection that gathers for too long is given up for a new one."""
        if self._order.ice.relay_only and not list(choices(self._order.ice)):
            raise _NoRelayError
        for servers in choices(self._order.ice):
            attempt = Gathering(self._make(configuration(servers, self._order.ice)))
            self._tries.append(attempt)
            described = await self._whole(describe(attempt.pc))
            # Without servers nobody is waited for, and a busy machine only needs its time.
            within = self._order.ice.gather / 1_000_000 if servers else None
            sdp = await attempt.gather(described, within)
            if sdp is not None:
                self._pc = attempt.pc
                self._tell(LocalDescription(self._name, kind, sdp))
                return
            self._retire(attempt)
        raise _NoRelayError if self._order.ice.relay_only else _NoCandidatesError

    async def _whole[T](self, call: Coroutine[Any, Any, T]) -> T:
        """
        Lets a call run to its end even if the peer is closed meanwhile.

        Applying a description closes the transports that it makes needless; cut short, that leaves sockets.
        """
        task = asyncio.get_running_loop().create_task(call)
        self._calls.add(task)
        task.add_done_callback(self._called)
        return await asyncio.shield(task)

    def _called(self, task: asyncio.Task[Any]) -> None:
        self._calls.discard(task)
        if not task.cancelled():
            # Raised where it was waited for, unless nobody waits any more.
            task.exception()

    def _retire(self, attempt: Gathering) -> None:
        """Closes a connection in a task of its own: a close that is cancelled half way never ends."""
        self._tries.remove(attempt)
        task = asyncio.get_running_loop().create_task(attempt.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _add(self, order: AddCandidate) -> None:
        if self._pc is None or self._pc.remoteDescription is None:
            if len(self._early) == MAX_EARLY:
                raise _OverflowError
            self._early.append(order)
        else:
            await self._pc.addIceCandidate(candidate(order))

    async def _add_early(self, pc: Any) -> None:
        for order in self._early:
            await pc.addIceCandidate(candidate(order))

    def _send(self, label: str, text: str) -> None:
        channel = self._channels.get(label)
        if channel is None:
            raise _ChannelError
        if channel.readyState != "open":
            # It closed meanwhile, which is told by itself.
            return
        if channel.bufferedAmount > MAX_BUFFERED:
            raise _OverflowError
        channel.send(text)

    async def _ask_keyframe(self) -> None:
        for transceiver in self._pc.getTransceivers() if self._pc is not None else ():
            for source in transceiver.receiver.getSynchronizationSources():
                # aiortc has no public way; without this method the picture heals with the next keyframe.
                ask = getattr(transceiver.receiver, "_send_rtcp_pli", None)
                if ask is not None:
                    await ask(source.source)

    # --- notices --------------------------------------------------------------------------------

    def _make(self, config: Any) -> Any:
        from aiortc import RTCPeerConnection

        pc = RTCPeerConnection(config)
        pc.on("connectionstatechange", lambda: self._moved(pc))
        pc.on("datachannel", lambda channel: self._channel(channel, pc))
        pc.on("track", lambda track: self._track(track, pc))
        return pc

    def _moved(self, pc: Any) -> None:
        if pc is self._pc:
            self._tell(PeerStateChanged(self._name, _STATES[pc.connectionState]))

    def _channel(self, channel: Any, pc: Any) -> None:
        def up() -> None:
            self._channels[channel.label] = channel
            self._tell(ChannelUp(self._name, channel.label, max_message(pc.remoteDescription.sdp)))

        channel.on("open", up)
        channel.on("close", lambda: self._tell(ChannelDown(self._name, channel.label)))
        channel.on("message", lambda data: self._message(channel.label, data))
        if channel.readyState == "open":
            up()

    def _message(self, label: str, data: str | bytes) -> None:
        try:
            text = data if isinstance(data, str) else data.decode()
        except UnicodeDecodeError:
            self._break(TransportError(TransportErrorKind.MALFORMED, "a binary message that is not UTF-8"))
            return
        self._tell(ChannelText(self._name, label, text))

    def _track(self, track: Any, pc: Any) -> None:
        kind = MediaKind(track.kind)
        if kind is MediaKind.VIDEO:
            self._start(self._pump(track, pc))
            self._tell(TrackUp(self._name, kind))

    async def _pump(self, track: Any, pc: Any) -> None:
        """Takes every frame as it comes, because aiortc's own queue has no bound."""
        from aiortc.mediastreams import MediaStreamError

        clock = asyncio.get_running_loop().time
        reported = seen = -REPORT
        try:
            while True:
                frame = await track.recv()
                self._fanout.offer(VideoFrame.decoded(frame))
                before, seen = seen, clock()
                if seen - reported >= REPORT or seen - before >= PAUSE:
                    reported = seen
                    self._tell(MediaSeen(self._name, self._fanout.received))
        except MediaStreamError:
            if pc is self._pc:
                self._tell(TrackDown(self._name, MediaKind.VIDEO))

    def _tell(self, notice: MediaInput) -> None:
        if not self._closed and not self._broken:
            self._deliver(notice)

    def _break(self, why: TransportError) -> None:
        self._tell(PeerFailed(self._name, why))
        self._broken = True

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.debug("peer %s broke", self._name, exc_info=error)
            self._break(TransportError(TransportErrorKind.INTERNAL, type(error).__name__))


class _NoRelayError(Exception):
    """Relays only, and none can be had."""


class _NoCandidatesError(Exception):
    """No way to be reached."""


class _ChannelError(Exception):
    """The data channel is not open."""


class _OverflowError(Exception):
    """Too much waits."""


_HOW: dict[type[Exception], TransportErrorKind] = {
    _NoRelayError: TransportErrorKind.NO_RELAY,
    _NoCandidatesError: TransportErrorKind.UNREACHABLE,
    _ChannelError: TransportErrorKind.CLOSED,
    _OverflowError: TransportErrorKind.TOO_LARGE,
    ValueError: TransportErrorKind.INVALID,
}
