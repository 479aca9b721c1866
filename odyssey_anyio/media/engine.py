"""The media engine: the orders of a core on one side, aiortc on the other."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, Protocol

from odyssey_anyio.errors.safe_text import class_and_line
from odyssey_anyio.media.delivery import FrameFanout, FrameStream, Policy
from odyssey_anyio.media.host import Died, Host, Last, ThreadHost
from odyssey_anyio.media.weight import weigh
from odyssey_proto.seam.inputs import MediaInput, PeerFailed, PeerId, TransportError, TransportErrorKind
from odyssey_proto.seam.outputs import DropPeer, MakePeer, MediaOutput
from odyssey_proto.service.io.seam import Mirror, Pace, PictureOutput, Show
from odyssey_trio_compat import Mailbox

logger = logging.getLogger("odyssey.media")

MAX_NOTICES = MAX_ORDERS = 64 * 1024 * 1024
"""The most bytes that may wait to cross from one loop to the other; a peer that needs more is broken."""


class VideoSource(Protocol):
    """What a peer that sends shows; called in the media loop."""

    def track(self, peer: PeerId) -> Any:
        """Returns an aiortc track for a new peer."""
        ...

    def show(self, order: PictureOutput) -> None:
        """Changes what a peer shows."""
        ...

    def gone(self, peer: PeerId) -> None:
        """A peer was dropped."""
        ...


class Engine:
    """
    Makes peer connections and carries out their orders.

    It lives in a thread of its own unless `host` makes another place.
    Everything public is for the application's loop; `order` never blocks.
    An engine whose place is gone breaks its peers, and every peer that is still asked for.
    """

    uses_only_anyio = True

    def __init__(
        self, source: VideoSource | None = None, host: Callable[[Last, Died], Host] = ThreadHost
    ) -> None:
        self._source = source
        self._make_host = host
        self._host: Host | None = None
        self._deliver: Callable[[MediaInput], None] = lambda notice: None
        self._orders: Mailbox[MediaOutput | PictureOutput]
        self._notices: Mailbox[MediaInput]
        self._peers: dict[PeerId, Any] = {}
        self._fanouts: dict[PeerId, FrameFanout] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._ending = False
        self._closed = False
        self._dead: TransportError | None = None

    def __repr__(self) -> str:
        return f"<Engine {len(self._fanouts)} peers{'' if self.alive else ', dead'}>"

    @property
    def alive(self) -> bool:
        """Whether it can still make peers: its loop did not die."""
        return self._dead is None

    async def start(self, deliver: Callable[[MediaInput], None]) -> None:
        """Starts; `deliver` is called in the loop that calls this."""
        self._deliver = deliver
        host = self._host = self._make_host(self._end, self._died)
        self._orders = Mailbox(host.inward, self._carry_out, MAX_ORDERS, weigh)
        self._notices = Mailbox(host.outward, self._hand_over, MAX_NOTICES, weigh)
        host.inward(_warm)

    def order(self, order: MediaOutput | PictureOutput) -> None:
        """Has something done."""
        if isinstance(order, DropPeer):
            self._fanouts.pop(order.peer, None)
            # At any price: what is not dropped lives on.
            self._orders.put(order, anyway=True)
        elif self._dead is not None:
            self._deliver(PeerFailed(order.peer, self._dead))
        else:
            if isinstance(order, MakePeer):
                self._fanouts[order.peer] = FrameFanout()
            if not self._orders.put(order):
                self._deliver(PeerFailed(order.peer, TransportError(TransportErrorKind.TOO_LARGE)))

    def frames(self, peer: PeerId, policy: Policy) -> FrameStream:
        """Returns the frames of a peer from now on; none for a peer that is gone."""
        fanout = self._fanouts.get(peer)
        assert self._host is not None, "an engine is started before it has peers"
        if fanout is None:
            fanout = FrameFanout()
            fanout.end()
        return fanout.open(policy, self._host.outward)

    async def aclose(self) -> None:
        """Closes every peer and ends."""
        if self._host is None or self._closed:
            return
        self._closed = True
        self._fanouts.clear()
        await self._host.aclose()

    # --- in the media loop ----------------------------------------------------------------------

    def _carry_out(self, order: MediaOutput | PictureOutput) -> None:
        if self._ending:
            return
        try:
            self._do(order)
        except Exception as error:  # noqa: BLE001  # whatever it is, no more than this peer breaks
            trouble = class_and_line(error)
            logger.error("a media peer broke: %s", trouble)
            self._break(order.peer, TransportError(TransportErrorKind.INTERNAL, trouble))

    def _do(self, order: MediaOutput | PictureOutput) -> None:
        match order:
            case Show() | Mirror() | Pace():
                if self._source is not None:
                    self._source.show(order)
            case MakePeer():
                self._make(order)
            case DropPeer(name):
                self._drop(name)
            case _ if order.peer in self._peers:
                self._peers[order.peer].take(order)

    def _make(self, order: MakePeer) -> None:
        from odyssey_anyio.media.peer import Peer

        _load()
        source = self._source
        video = None if source is None else lambda: source.track(order.peer)
        fanout = self._fanouts.get(order.peer) or FrameFanout()
        self._peers[order.peer] = Peer(order, self._tell, fanout, video)

    def _tell(self, notice: MediaInput) -> None:
        if notice.peer not in self._peers:
            return
        if not self._notices.put(notice, anyway=isinstance(notice, PeerFailed)):
            self._break(notice.peer, TransportError(TransportErrorKind.TOO_LARGE))

    def _break(self, name: PeerId, why: TransportError) -> None:
        self._drop(name)
        self._notices.put(PeerFailed(name, why), anyway=True)

    def _drop(self, name: PeerId) -> None:
        peer = self._peers.pop(name, None)
        if peer is None:
            return
        if self._source is not None:
            self._source.gone(name)
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

    def _hand_over(self, notice: MediaInput) -> None:
        if not self._closed and notice.peer in self._fanouts:
            self._deliver(notice)

    def _died(self, error: BaseException) -> None:
        why = self._dead = TransportError(
            TransportErrorKind.INTERNAL, f"the media thread died of {type(error).__name__}"
        )
        for peer, fanout in list(self._fanouts.items()):
            fanout.end()
            self._deliver(PeerFailed(peer, why))


def _load() -> None:
    """Imports what takes long, and keeps it from telling secrets; `ImportError` if it cannot be had."""
    try:
        import_module("aiortc")
    except ImportError as error:
        raise ImportError(f"aiortc cannot be imported: {error}", name=error.name) from error
    for name in ("aioice", "aiortc"):
        theirs = logging.getLogger(name)
        # Their DEBUG lines spell out ICE passwords and TURN users; who wants them sets the level there.
        if theirs.level == logging.NOTSET:
            theirs.setLevel(logging.INFO)


def _warm() -> None:
    """Loads ahead of the first peer, which is told if it fails."""
    with suppress(Exception):
        _load()
