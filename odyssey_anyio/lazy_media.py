"""The media engine of a client: started ahead of its first order, closed in bounded time."""

from collections.abc import Callable

from anyio.abc import TaskGroup

from odyssey_anyio.background import outlasting, start
from odyssey_anyio.frame_readers import Frames
from odyssey_anyio.net.transports import MediaEngine
from odyssey_anyio.network import internal
from odyssey_proto.inputs import Breakage, MediaInput, PeerBroke, PeerId
from odyssey_proto.outputs import DropPeer, MakePeer, MediaOutput


class LazyEngine:
    """
    Starts a media engine when it is first needed, and keeps its orders until it is up.

    If it cannot start, every peer breaks.
    The frames of the peer that was made last are those that readers get.
    """

    def __init__(
        self,
        group: TaskGroup,
        make: Callable[[], MediaEngine],
        frames: Frames,
        deliver: Callable[[MediaInput], None],
    ) -> None:
        self._group = group
        self._make = make
        self._frames = frames
        self._deliver = deliver
        self._engine: MediaEngine | None = None
        self._up = False
        self._broken: Breakage | None = None
        self._orders: list[MediaOutput] = []
        self._peer: PeerId | None = None

    def warm(self) -> None:
        """Starts the engine unless it was started before."""
        if self._engine is None:
            self._engine = self._make()
            start(self._group, self._start, self._engine, name="odyssey media")

    def order(self, order: MediaOutput) -> None:
        """Has something done as soon as the engine is up."""
        self.warm()
        if self._engine is not None and self._up:
            self._give(self._engine, order)
        elif self._broken is None:
            self._orders.append(order)
        elif isinstance(order, MakePeer):
            self._deliver(PeerBroke(order.peer, self._broken))

    async def aclose(self) -> None:
        """Closes the engine if there is one."""
        self._frames.detach()
        if self._engine is not None:
            await self._engine.aclose()

    async def _start(self, engine: MediaEngine) -> None:
        try:
            with outlasting():
                await engine.start(self._deliver)
                self._up = True
        except Exception as error:  # noqa: BLE001  an engine may be anybody's
            self._broken = internal(error, "the media engine")
        orders, self._orders = self._orders, []
        for order in orders:
            self.order(order)

    def _give(self, engine: MediaEngine, order: MediaOutput) -> None:
        engine.order(order)
        match order:
            case MakePeer(peer):
                self._peer = peer
                self._frames.attach(lambda policy: engine.frames(peer, policy))
            case DropPeer(peer) if peer == self._peer:
                self._frames.detach()
            case _:
                pass
