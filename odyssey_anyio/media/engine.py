"""
The media engine: the orders of a core on one side, aiortc on the other.

It stands in two loops.
Orders come from the application's loop and are carried out in the media loop, what they lead to goes
back, and a mailbox each way keeps the order and the bound.
Nothing else is shared but the frames, which have a lock (media/delivery.py).
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any

import anyio
from attrs import frozen

from odyssey_anyio.aio.collector import collector_at_rest
from odyssey_anyio.errors.safe_text import class_and_line
from odyssey_anyio.media.audio_frame import AudioFrame
from odyssey_anyio.media.delivery import FrameFanout, FrameStream, PeerFrames, Policy
from odyssey_anyio.media.encoded_queue import MAX_PICTURE_PIXELS
from odyssey_anyio.media.encoded_sinks import EncodedSink
from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.media.host import Close, Died, Host, Importing, ThreadHost
from odyssey_anyio.media.link_figures import LinkFigures
from odyssey_anyio.media.measuring import MediaReport
from odyssey_anyio.media.transceivers import MediaSource
from odyssey_anyio.media.weight import weigh
from odyssey_proto.seam.inputs import MediaInput, PeerFailed, PeerId, TransportError, TransportErrorKind
from odyssey_proto.seam.outputs import DropPeer, MakePeer, MediaOutput
from odyssey_trio_compat import Mailbox

logger: logging.Logger = logging.getLogger("odyssey.media")

MAX_MAILBOX_BYTES = 64 * 1024 * 1024
"""How much may wait to cross from one loop to the other; a peer that needs more fails."""


@frozen
class _PeerCall:
    """Something else to do for a peer, in turn with its orders."""

    peer: PeerId
    call: Callable[[], None]


class Engine:
    """
    Makes peer connections and carries out their orders.

    It lives in the thread that all clients of a process share, unless `host` makes another place.
    Everything public is for the application's loop; `order` never blocks.
    When its place is gone, its peers fail, and so does every peer that is still asked for.
    Pictures of more than `max_pixels` are not decoded; a bound on memory against a mad or hostile sender.
    """

    uses_only_anyio = True

    def __init__(
        self,
        source: MediaSource | None = None,
        host: Callable[[Close, Died], Host] = ThreadHost,
        *,
        max_pixels: int = MAX_PICTURE_PIXELS,
    ) -> None:
        if max_pixels < 1:
            raise ValueError(f"max_pixels must be at least 1, not {max_pixels}")
        self._source = source
        self._make_host = host
        self._max_pixels = max_pixels
        self._host: Host | None = None
        self._deliver: Callable[[MediaInput], None] = lambda inp: None
        self._orders: Mailbox[MediaOutput | _PeerCall]
        self._inputs: Mailbox[MediaInput]
        self._peers: dict[PeerId, Any] = {}
        self._frames: dict[PeerId, PeerFrames] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._ending = False
        self._closed = False
        self._dead: TransportError | None = None

    def __repr__(self) -> str:
        return f"<Engine {len(self._frames)} peers{'' if self.alive else ', dead'}>"

    @property
    def alive(self) -> bool:
        """Whether it can still make peers: its loop did not die."""
        return self._dead is None

    async def start(self, deliver: Callable[[MediaInput], None]) -> None:
        """Starts; `deliver` is called in the loop that calls this."""
        self._deliver = deliver
        host = self._host = self._make_host(self._end, self._died)
        self._orders = Mailbox(host.inward, self._carry_out, MAX_MAILBOX_BYTES, weigh)
        self._inputs = Mailbox(host.outward, self._hand_over, MAX_MAILBOX_BYTES, weigh)
        host.inward(_warm)

    def order(self, order: MediaOutput) -> None:
        """Has something done."""
        if isinstance(order, DropPeer):
            self._frames.pop(order.peer, None)
            # At any price: what is not dropped lives on.
            self._orders.put(order, force=True)
            return
        if isinstance(order, MakePeer) and self.alive:
            self._frames[order.peer] = PeerFrames()
        self._put(order)

    def call(self, peer: PeerId, call: Callable[[], None]) -> None:
        """Calls something in the media loop, in turn with the orders of a peer, which fails if it raises."""
        self._put(_PeerCall(peer, call))

    def _put(self, order: MediaOutput | _PeerCall) -> None:
        if self._dead is not None:
            self._deliver(PeerFailed(order.peer, self._dead))
        elif not self._orders.put(order):
            self._deliver(PeerFailed(order.peer, TransportError(TransportErrorKind.TOO_LARGE)))

    def frames(self, peer: PeerId, policy: Policy) -> FrameStream[VideoFrame]:
        """Returns the pictures of a peer from now on; none for a peer that is gone."""
        return self._open(self._frames_of(peer).video, policy)

    def audio(self, peer: PeerId, policy: Policy) -> FrameStream[AudioFrame]:
        """Returns the sound of a peer from now on; none for one that is gone, or was made without."""
        return self._open(self._frames_of(peer).audio, policy)

    def _frames_of(self, peer: PeerId) -> PeerFrames:
        frames = self._frames.get(peer)
        if frames is None:
            frames = PeerFrames()
            frames.end()
        return frames

    def _open[F](self, fanout: FrameFanout[F], policy: Policy) -> FrameStream[F]:
        assert self._host is not None, "an engine is started before it has peers"
        return fanout.open(policy, self._host.outward)

    def feed(self, peer: PeerId, sink: EncodedSink) -> Callable[[], None]:
        """Gives a sink the frames of a peer before they are decoded, from now on; returns what ends that."""
        return self._frames_of(peer).video.feed(sink)

    def feed_audio(self, peer: PeerId, sink: EncodedSink) -> Callable[[], None]:
        """
        The same for the sound of a peer; each frame stands for itself, like a keyframe.

        Its timestamps begin where those of the pictures do, as soon as there is a picture.
        """
        return self._frames_of(peer).audio.feed(sink)

    def link(self, peer: PeerId) -> LinkFigures | None:
        """Returns how the video of a peer has come lately; `None` for one that is gone."""
        frames = self._frames.get(peer)
        return None if frames is None else frames.link.figures()

    async def measure(self, peer: PeerId, within: float) -> MediaReport | None:
        """Returns how the media of a peer come; `None` if that is not known `within` so many seconds."""
        reports: list[MediaReport] = []
        answered = anyio.Event()
        host = self._host
        assert host is not None, "an engine is started before it has peers"

        def take(report: MediaReport) -> None:
            reports.append(report)
            answered.set()

        def ask() -> None:
            if peer in self._peers:
                self._peers[peer].measure(lambda report: host.outward(partial(take, report)))

        self.call(peer, ask)
        with anyio.move_on_after(within):
            await answered.wait()
        return reports[0] if reports else None

    async def aclose(self) -> None:
        """Closes every peer and ends."""
        if self._host is None or self._closed:
            return
        self._closed = True
        self._frames.clear()
        await self._host.aclose()

    # --- in the media loop ----------------------------------------------------------------------

    def _carry_out(self, order: MediaOutput | _PeerCall) -> None:
        if self._ending:
            return
        try:
            self._do(order)
        except Exception as error:  # noqa: BLE001  # whatever it is, no more than this peer fails
            cause = class_and_line(error)
            logger.error("a media peer broke: %s", cause)
            self._fail(order.peer, TransportError(TransportErrorKind.INTERNAL, cause))

    def _do(self, order: MediaOutput | _PeerCall) -> None:
        match order:
            case _PeerCall(_, call):
                call()
            case MakePeer():
                self._make(order)
            case DropPeer(name):
                self._drop(name)
            case _ if order.peer in self._peers:
                self._peers[order.peer].take(order)

    def _make(self, order: MakePeer) -> None:
        from odyssey_anyio.media.peer import Peer

        _load()
        frames = self._frames.get(order.peer) or PeerFrames()
        self._peers[order.peer] = Peer(order, self._report, frames, self._source, self._max_pixels)

    def _report(self, inp: MediaInput) -> None:
        if inp.peer not in self._peers:
            return
        if not self._inputs.put(inp, force=isinstance(inp, PeerFailed)):
            self._fail(inp.peer, TransportError(TransportErrorKind.TOO_LARGE))

    def _fail(self, name: PeerId, error: TransportError) -> None:
        self._drop(name)
        self._inputs.put(PeerFailed(name, error), force=True)

    def _drop(self, name: PeerId) -> None:
        peer = self._peers.pop(name, None)
        if peer is None:
            return
        if self._source is not None:
            self._source.drop(name)
        task = asyncio.get_running_loop().create_task(peer.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _end(self) -> None:
        self._ending = True
        for name in list(self._peers):
            self._drop(name)
        # Cancelling this cancels them.
        await asyncio.gather(*self._closing, return_exceptions=True)

    # --- in the application's loop --------------------------------------------------------------

    def _hand_over(self, inp: MediaInput) -> None:
        if not self._closed and inp.peer in self._frames:
            self._deliver(inp)

    def _died(self, error: BaseException) -> None:
        self._dead = TransportError(
            TransportErrorKind.INTERNAL, f"the media thread died of {type(error).__name__}"
        )
        for peer, frames in list(self._frames.items()):
            frames.end()
            self._deliver(PeerFailed(peer, self._dead))


def _load() -> None:
    """Imports what takes long, and keeps secrets out of its log; `ImportError` if it cannot be had."""
    try:
        with Importing(), collector_at_rest():
            import_module("aiortc")
    except ImportError as error:
        raise ImportError(f"aiortc cannot be imported: {error}", name=error.name) from error
    for name in ("aioice", "aiortc"):
        theirs = logging.getLogger(name)
        # Their INFO lines name addresses, those of DEBUG spell out ICE passwords and TURN users; who wants
        # them sets the level there.
        if theirs.level == logging.NOTSET:
            theirs.setLevel(logging.WARNING)


def _warm() -> None:
    """Loads ahead of the first peer, which fails itself if this does."""
    with suppress(Exception):
        _load()
