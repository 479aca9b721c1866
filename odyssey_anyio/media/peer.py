"""One WebRTC peer on aiortc, in the media loop: carries out its orders and reports what happens to it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, assert_never

from attrs import evolve

from odyssey_anyio.media import silence
from odyssey_anyio.media.aiortc_internals import end_connect_quietly, request_keyframe
from odyssey_anyio.media.audio_receiver import AudioReceiver
from odyssey_anyio.media.connection import MediaConnection, PeerError
from odyssey_anyio.media.data_channels import DataChannels, guard
from odyssey_anyio.media.delivery import PeerFrames
from odyssey_anyio.media.descriptions import description
from odyssey_anyio.media.encoded_queue import MAX_PICTURE_PIXELS
from odyssey_anyio.media.ice_internals import restart_ice
from odyssey_anyio.media.measuring import MediaReport, measure
from odyssey_anyio.media.media_clock import MediaClock
from odyssey_anyio.media.remote_candidates import RemoteCandidates, without_candidates, without_names
from odyssey_anyio.media.transceivers import MediaSource, first, receive_only, receiving_transport
from odyssey_anyio.media.video_receiver import VideoReceiver
from odyssey_anyio.media.weight import weigh
from odyssey_proto.seam.inputs import (
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

logger: logging.Logger = logging.getLogger("odyssey.media")

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""How much of orders may wait while one is carried out; with more, the peer fails."""

_STATES = {state.value: state for state in PeerState}


class Peer:
    """
    Carries out the orders of one peer: those that negotiate one after another, all others at once.

    So candidates, messages and requests for keyframes wait neither for a negotiation nor for each other.
    Whatever aiortc raises becomes `PeerFailed`.
    Pictures of more than `max_pixels` are not decoded.
    """

    def __init__(
        self,
        order: MakePeer,
        deliver: Callable[[MediaInput], None],
        frames: PeerFrames,
        source: MediaSource | None = None,
        max_pixels: int = MAX_PICTURE_PIXELS,
    ) -> None:
        self._name = order.peer
        self._order = order
        self._deliver = deliver
        self._frames = frames
        self._source = source if order.sends else None
        self._kinds = (MediaKind.VIDEO, MediaKind.AUDIO) if order.audio else (MediaKind.VIDEO,)
        self._max_pixels = max_pixels
        self._orders: asyncio.Queue[MediaOutput] = asyncio.Queue()
        self._pc: Any = None
        self._channels = DataChannels(order.peer, order.channels, self._report)
        self._remote: SetRemote | None = None
        self._waiting_bytes = 0
        self._candidates = RemoteCandidates()
        self._connection = MediaConnection(order.ice, self._make)
        self._clock = MediaClock(asyncio.get_running_loop().time)
        self._receivers: list[VideoReceiver] = []
        self._audio_receivers: list[AudioReceiver] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._requesting = False
        self._connected = False
        self._failed = False
        self._closed = False
        self._worker = asyncio.get_running_loop().create_task(self._work())

    def take(self, order: MediaOutput) -> None:
        """Has an order carried out; the peer fails if too much waits."""
        if self._failed:
            return
        try:
            match order:
                case AddCandidate():
                    self._candidates.take(order)
                case ChannelSend(_, label, text):
                    self._channels.send(label, text)
                case AskKeyframe():
                    self._request_keyframe()
                case _:
                    self._enqueue(order)
        except Exception as error:  # noqa: BLE001  # whatever it is, the peer fails
            self._broke(error)

    def measure(self, answer: Callable[[MediaReport], None]) -> None:
        """Calls `answer` with how its media come, if there is a connection."""
        if self._pc is not None:
            self._start(measure(self._pc, answer))

    async def aclose(self) -> None:
        """Closes the connection; nothing more is delivered."""
        self._closed = True
        # First of all: closing a receiver waits for its decoder.
        for video in self._receivers:
            video.close()
        for audio in self._audio_receivers:
            audio.close()
        self._worker.cancel()
        await asyncio.wait([self._worker])
        await self._connection.finish_calls()
        await self._candidates.aclose()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._frames.end()
        await self._connection.aclose()

    # --- orders ---------------------------------------------------------------------------------

    def _enqueue(self, order: MediaOutput) -> None:
        if isinstance(order, SetRemote) and self._pc is not None:
            # What comes from now on is for this description.
            self._candidates.renew()
        self._waiting_bytes += weigh(order)
        if self._waiting_bytes > MAX_WAITING_BYTES:
            raise PeerError(TransportErrorKind.TOO_LARGE)
        self._orders.put_nowait(order)

    async def _work(self) -> None:
        if self._order.channels and not self._order.sends:
            # A session's peer is made ahead of its offer, which has a video.
            try:
                self._connection.begin(receiving_transport)
            except Exception as error:  # noqa: BLE001  # whatever it is, the peer fails
                self._broke(error)
        while True:
            order = await self._orders.get()
            self._waiting_bytes -= weigh(order)
            if self._failed:
                continue
            try:
                await self._negotiate(order)
            except Exception as error:  # noqa: BLE001  # whatever it is, the peer fails
                self._broke(error)

    async def _negotiate(self, order: MediaOutput) -> None:
        match order:
            case SetRemote():
                await self._set_remote(order)
            case MakeAnswer():
                await self._answer()
            case MakeOffer():
                await self._offer()
            case AddCandidate() | ChannelSend() | AskKeyframe() | MakePeer() | DropPeer():
                pass
            case _:
                assert_never(order)

    async def _set_remote(self, order: SetRemote) -> None:
        further = self._pc is not None and order.kind is SdpKind.OFFER
        sdp, taken_out = (without_candidates if further else without_names)(order.peer, order.sdp)
        self._remote = order = evolve(order, sdp=sdp)
        for candidate in taken_out:
            self._candidates.take(candidate)
        if order.kind is SdpKind.ANSWER:
            await self._connection.call(_take(self._pc, order))
            self._candidates.begin(self._pc)

    async def _answer(self) -> None:
        remote = self._remote
        if remote is None:
            raise ValueError("no offer to answer")
        if self._pc is not None:
            await self._connection.call(self._renegotiate(self._pc, remote))
            return

        async def describe(pc: Any) -> Any:
            await _take(pc, remote)
            self._candidates.begin(pc)
            for track in self._tracks(of=pc):
                pc.addTrack(track)
            receive_only(pc, self._kinds)
            guard(pc.sctp)
            with _others_doing():
                return await pc.createAnswer()

        await self._describe(describe, SdpKind.ANSWER)

    async def _renegotiate(self, pc: Any, remote: SetRemote) -> None:
        """Answers a further offer of the same peer."""
        restart_ice(pc, remote.sdp)
        await _take(pc, remote)
        self._candidates.begin(pc)
        receive_only(pc, self._kinds)
        with _others_doing():
            answer = await pc.createAnswer()
        await pc.setLocalDescription(answer)
        self._report(LocalDescription(self._name, SdpKind.ANSWER, pc.localDescription.sdp))

    async def _offer(self) -> None:
        async def describe(pc: Any) -> Any:
            # The transceiver first: the other way round the two never connect.
            tracks = self._tracks()
            for track in tracks:
                pc.addTransceiver(track, direction="sendonly")
            for kind in () if tracks else self._kinds:
                pc.addTransceiver(kind.value, direction="recvonly")
            for label in self._order.channels:
                self._channels.add(pc.createDataChannel(label), pc)
            guard(pc.sctp)
            return await pc.createOffer()

        await self._describe(describe, SdpKind.OFFER)

    def _tracks(self, of: Any = None) -> list[Any]:
        """Returns what is sent, the video first; to an offer only what it has a section for."""
        source = self._source
        kinds = [kind for kind in self._kinds if of is None or first(of, kind) is not None]
        return [] if source is None else [source.track(self._name, kind) for kind in kinds]

    async def _describe(self, describe: Callable[[Any], Coroutine[Any, Any, Any]], kind: SdpKind) -> None:
        self._pc, sdp, no_relay = await self._connection.describe(describe)
        self._report(LocalDescription(self._name, kind, sdp, no_relay))

    def _request_keyframe(self) -> None:
        """Asks for a keyframe, unless that is being done."""
        if not self._requesting and self._pc is not None:
            self._requesting = True
            self._start(self._send_requests(self._pc))

    async def _send_requests(self, pc: Any) -> None:
        try:
            for transceiver in pc.getTransceivers():
                await request_keyframe(transceiver.receiver)
        finally:
            self._requesting = False

    # --- reports --------------------------------------------------------------------------------

    def _make(self, config: Any) -> Any:
        from aiortc import RTCPeerConnection

        pc = RTCPeerConnection(config)
        end_connect_quietly(pc)
        pc.on("connectionstatechange", lambda: self._state_changed(pc))
        pc.on("datachannel", lambda channel: self._channels.accept(channel, pc))
        pc.on("track", lambda track: self._track(track, pc))
        return pc

    def _state_changed(self, pc: Any) -> None:
        if pc is not self._pc:
            return
        if pc.connectionState == "failed" and pc.iceConnectionState == "completed":
            # There is a path, so it was DTLS.
            self._fail(TransportError(TransportErrorKind.TLS))
        self._report(PeerStateChanged(self._name, _STATES[pc.connectionState]))
        if pc.connectionState == "connected" and not self._connected:
            self._connected = True
            self._begin(pc)

    def _begin(self, pc: Any) -> None:
        """Media are about to come and go."""
        if self._source is not None:
            if (video := first(pc, MediaKind.VIDEO)) is not None:
                self._source.sends(video.sender)
        elif not self._order.sends:
            self._start(self._watch(pc))

    def _track(self, track: Any, pc: Any) -> None:
        kind = MediaKind(track.kind)
        found = first(pc, kind).receiver
        if kind not in self._kinds or track is not found.track:
            return
        receiver: VideoReceiver | AudioReceiver
        if kind is MediaKind.VIDEO:
            receiver = VideoReceiver(
                found, self._frames, self._request_keyframe, self._seen, self._max_pixels, self._clock
            )
            self._receivers.append(receiver)
        else:
            receiver = AudioReceiver(found, self._frames.audio, self._clock)
            self._audio_receivers.append(receiver)
        self._start(self._receive(receiver, kind, pc))
        self._report(TrackUp(self._name, kind))

    async def _receive(self, receiver: VideoReceiver | AudioReceiver, kind: MediaKind, pc: Any) -> None:
        await receiver.run()
        if pc is self._pc:
            self._report(TrackDown(self._name, kind))

    def _seen(self) -> None:
        undecoded = sum(receiver.undecoded for receiver in self._receivers)
        limited_by = self._frames.link.figures().limiting_factor
        self._report(MediaSeen(self._name, self._frames.video.received, undecoded, limited_by))

    async def _watch(self, pc: Any) -> None:
        """Watches whether anything comes from the other side, to which browsers say `disconnected`."""

        def report(silent: bool) -> None:
            state = PeerState.DISCONNECTED if silent else PeerState.CONNECTED
            self._report(PeerStateChanged(self._name, state))

        try:
            await silence.watch(pc, report)
        except silence.AddressGoneError:
            self._fail(TransportError(TransportErrorKind.UNREACHABLE, "this machine's address has changed"))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.debug("peer %s broke", self._name, exc_info=error)
            self._fail(TransportError(TransportErrorKind.INTERNAL, type(error).__name__))

    def _report(self, inp: MediaInput) -> None:
        if not self._closed and not self._failed:
            self._deliver(inp)

    def _broke(self, error: Exception) -> None:
        logger.debug("peer %s broke", self._name, exc_info=error)
        detail = error.detail if isinstance(error, PeerError) else type(error).__name__
        self._fail(TransportError(_kind(error), detail))

    def _fail(self, error: TransportError) -> None:
        self._report(PeerFailed(self._name, error))
        self._failed = True


async def _take(pc: Any, order: SetRemote) -> None:
    """Applies the other side's description."""
    with _others_doing():
        await pc.setRemoteDescription(description(order))


@contextmanager
def _others_doing() -> Iterator[None]:
    """What aiortc cannot make sense of in a description is the doing of the side that wrote it."""
    try:
        yield
    except Exception as error:
        raise PeerError(TransportErrorKind.MALFORMED, "its description cannot be used") from error


def _kind(error: Exception) -> TransportErrorKind:
    """Returns what an exception means for a peer: aiortc raises `ValueError` for what it cannot use."""
    if isinstance(error, PeerError):
        return error.kind
    return TransportErrorKind.INVALID if type(error) is ValueError else TransportErrorKind.INTERNAL
