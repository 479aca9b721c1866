"""The media engine of a client: started ahead of its first order, closed in bounded time."""

from collections.abc import Callable
from functools import partial
from typing import Any

from anyio.abc import TaskGroup

from odyssey_anyio.aio.tasks import calling, start
from odyssey_anyio.media.audio_frame import AudioFrame
from odyssey_anyio.media.encoded_sinks import PictureSink
from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.media.frame_reader import Frames
from odyssey_anyio.media.link_figures import LinkFigures
from odyssey_anyio.net.transports import MediaEngine
from odyssey_anyio.runtime.network import internal
from odyssey_proto.seam.inputs import MediaInput, PeerFailed, PeerId, TransportError
from odyssey_proto.seam.outputs import DropPeer, MakePeer, MediaOutput


class LazyEngine:
    """
    Starts a media engine when it is first needed, and keeps its orders until it is up.

    If it cannot start, the next peer breaks; the one after that gets a new try.
    If it died, the next peer gets a new engine.
    Readers get the frames of the peer that was made last, but those of a spare one only when it is shown.
    """

    def __init__(
        self,
        group: TaskGroup,
        make: Callable[[], MediaEngine],
        frames: Frames[VideoFrame],
        audio: Frames[AudioFrame],
        deliver: Callable[[MediaInput], None],
    ) -> None:
        self._group = group
        self._make = make
        self._frames = frames
        self._audio = audio
        self._deliver = deliver
        self._engine: MediaEngine | None = None
        self._up = False
        self._broken: TransportError | None = None
        self._orders: list[MediaOutput] = []
        self._peer: PeerId | None = None

    @property
    def uses_only_anyio(self) -> bool:
        """Whether the engine does (aio/tasks.py)."""
        return getattr(self._engine, "uses_only_anyio", False)

    def warm(self) -> None:
        """Starts an engine unless there is one that lives."""
        self._broken = None
        engine = self._engine
        # An engine of somebody else need not know whether it lives.
        if engine is not None and self._up and not getattr(engine, "alive", True):
            self._up = False
            start(self._group, self._discard, engine, name="odyssey dead media")
            engine = None
        if engine is None:
            engine = self._engine = self._make()
            start(self._group, self._start, engine, name="odyssey media")

    def prepare(self) -> None:
        """The same ahead of a session, unless the last try failed: a connect has a new one."""
        if self._broken is None:
            self.warm()

    def order(self, order: MediaOutput) -> None:
        """Has something done as soon as the engine is up."""
        if isinstance(order, MakePeer) and self._broken is None:
            self.warm()
        if self._broken is not None:
            if isinstance(order, MakePeer):
                self._deliver(PeerFailed(order.peer, self._broken))
        elif self._engine is not None and self._up:
            self._give(self._engine, order)
        else:
            self._orders.append(order)

    @property
    def link(self) -> LinkFigures | None:
        """How the video of the peer in use has come lately; an engine of somebody else need not know."""
        link: Callable[[PeerId], LinkFigures | None] | None = getattr(self._engine, "link", None)
        return None if link is None or self._peer is None else link(self._peer)

    def show(self, peer: PeerId) -> None:
        """Lets readers get the frames of a peer from now on."""
        engine, self._peer = self._engine, peer
        if engine is not None:
            # An engine of somebody else need not show what it decodes, nor receive sound.
            encoded = partial(_feed, engine, peer) if hasattr(engine, "feed") else None
            self._frames.attach(lambda policy: engine.frames(peer, policy), encoded)
            if (audio := getattr(engine, "audio", None)) is not None:
                self._audio.attach(partial(audio, peer))

    def _detach(self) -> None:
        self._frames.detach()
        self._audio.detach()

    async def aclose(self) -> None:
        """Closes the engine if there is one."""
        self._detach()
        if self._engine is not None:
            async with calling(self._engine):
                await self._engine.aclose()

    async def _start(self, engine: MediaEngine) -> None:
        try:
            async with calling(engine):
                await engine.start(self._deliver)
                self._up = True
            if not self._up:
                raise RuntimeError("starting it was cancelled")
        except Exception as error:  # noqa: BLE001  an engine may be anybody's
            self._broken = internal(error, "the media engine")
            self._engine = None
        orders, self._orders = self._orders, []
        for order in orders:
            self.order(order)
        if self._broken is not None:
            await self._discard(engine)

    async def _discard(self, engine: MediaEngine) -> None:
        """Closes an engine that is of no more use; the next one does not wait for it."""
        try:
            async with calling(engine):
                await engine.aclose()
        except Exception as error:  # noqa: BLE001  an engine may be anybody's
            internal(error, "closing the media engine")

    def _give(self, engine: MediaEngine, order: MediaOutput) -> None:
        engine.order(order)
        match order:
            case MakePeer(peer, spare=False):
                self.show(peer)
            case DropPeer(peer) if peer == self._peer:
                self._detach()
            case _:
                pass


def _feed(engine: Any, peer: PeerId, sink: PictureSink) -> Callable[[], None]:
    """Gives a sink the encoded pictures of a peer, and that of its sound the sound; returns what ends it."""
    end: Callable[[], None] = engine.feed(peer, sink)
    if sink.sound is None or not hasattr(engine, "feed_audio"):
        return end
    end_sound = engine.feed_audio(peer, sink.sound)

    def end_both() -> None:
        end()
        end_sound()

    return end_both
