"""The media engine: the orders of a core on one side, aiortc on the other."""

import asyncio
import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from odyssey_anyio.media.delivery import FrameFanout, FrameStream, Policy
from odyssey_anyio.media.host import Host, ThreadHost
from odyssey_proto.inputs import Breakage, Broke, MediaInput, PeerBroke, PeerId
from odyssey_proto.outputs import DropPeer, MakePeer, MediaOutput
from odyssey_proto.service.seam import Mirror, Pace, PictureOutput, Show
from odyssey_trio_compat import Mailbox

MAX_NOTICES = 20_000
"""So many notices may wait for the application's loop; a peer that floods it is broken."""

MAX_ORDERS = 20_000


class VideoSource(Protocol):
    """What a peer that sends shows; called in the media loop."""

    def track(self, peer: PeerId) -> Any:
        """Gives an aiortc track for a new peer."""
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
    """

    def __init__(
        self,
        source: VideoSource | None = None,
        host: Callable[[Callable[[BaseException], None]], Host] = ThreadHost,
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
        self._closed = False

    def __repr__(self) -> str:
        return f"<Engine {len(self._fanouts)} peers>"

    async def start(self, deliver: Callable[[MediaInput], None]) -> None:
        """Starts; `deliver` is called in the loop that calls this."""
        self._deliver = deliver
        host = self._host = self._make_host(self._died)
        self._orders = Mailbox(host.inward, self._carry_out, MAX_ORDERS)
        self._notices = Mailbox(host.outward, self._hand_over, MAX_NOTICES)
        host.inward(_load)

    def order(self, order: MediaOutput | PictureOutput) -> None:
        """Has something done."""
        if isinstance(order, MakePeer):
            self._fanouts[order.peer] = FrameFanout()
        if isinstance(order, DropPeer):
            self._fanouts.pop(order.peer, None)
        if not self._orders.put(order):
            self._deliver(PeerBroke(order.peer, Breakage(Broke.TOO_LARGE)))

    def frames(self, peer: PeerId, policy: Policy) -> FrameStream:
        """Gives the frames of a peer from now on; none for a peer that is gone."""
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
        await self._host.aclose(self._end)

    # --- in the media loop ----------------------------------------------------------------------

    def _carry_out(self, order: MediaOutput | PictureOutput) -> None:
        match order:
            case Show() | Mirror() | Pace():
                if self._source is not None:
                    self._source.show(order)
            case MakePeer(name):
                self._make(order)
            case DropPeer(name):
                self._drop(name)
            case _ if order.peer in self._peers:
                self._peers[order.peer].take(order)

    def _make(self, order: MakePeer) -> None:
        from odyssey_anyio.media.peer import Peer

        source = self._source
        video = None if source is None else lambda: source.track(order.peer)
        fanout = self._fanouts.get(order.peer) or FrameFanout()
        self._peers[order.peer] = Peer(order, self._notices_put, fanout, video)

    def _notices_put(self, notice: MediaInput) -> None:
        if not self._notices.put(notice):
            self._drop(notice.peer)

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
        for name in list(self._peers):
            self._drop(name)
        if self._closing:
            await asyncio.wait(self._closing)

    # --- in the application's loop --------------------------------------------------------------

    def _hand_over(self, notice: MediaInput) -> None:
        if not self._closed and notice.peer in self._fanouts:
            self._deliver(notice)

    def _died(self, error: BaseException) -> None:
        for peer in list(self._fanouts):
            self._deliver(PeerBroke(peer, Breakage(Broke.INTERNAL, type(error).__name__)))


def _load() -> None:
    """Imports what takes long ahead of the first peer, and keeps it from telling secrets."""
    import_module("aiortc")
    for name in ("aioice", "aiortc"):
        logger = logging.getLogger(name)
        # Their DEBUG lines spell out ICE passwords and TURN users; who wants them sets the level there.
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
